/* From one item of an import to the command that goes into the log, by the checks that the edge
 * makes: strict JSON, the command's schema, its size, its subject, and x-ingest for what is a fact.
 *
 * NDJSON: {"type", "subject"?, "account"?, "idempotency_key"?, "data"}, or, where a type is given
 * for all, bare bodies. combined: lines of an access log, of the command whose x-ingest takes them.
 *
 * The id is that of the item's idempotency_key, as the edge makes it; else UUIDv5 of account LF
 * domain LF import key LF byte offset; else, where the source has no import key, random. */
#ifndef PRODUCE_ITEM_H
#define PRODUCE_ITEM_H

#include "mr_catalog.h"
#include "mr_error.h"
#include "mr_kafka_producer.h"
#include "mr_slice.h"
#include "mr_status.h"
#include "mr_uuid.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PRODUCE_PRINCIPAL "millrace-produce"

enum produce_format { PRODUCE_NDJSON, PRODUCE_COMBINED };

struct produce_items;

struct produce_items_settings {
    const struct mr_catalog *catalog; /* borrowed until freed */
    enum produce_format format;
    const char *type;      /* of bare bodies; NULL: each item says its own; combined: the one of the
                              catalogue that takes it */
    const char *account;   /* of items that name none; NULL: each must */
    const char *service;   /* of combined lines; NULL: none */
    struct mr_slice rules; /* text of the operator's INGEST_RULES; absent: none */
    const char *rules_name;
    size_t body_bytes_max;
};

/* MR_INVALID: no such type, no account for bodies that cannot name one, a rule that cannot be. */
MR_MUST_CHECK enum mr_status produce_items_new(const struct produce_items_settings *settings,
                                               struct produce_items **out, struct mr_error *why);
void produce_items_free(struct produce_items *items); /* takes NULL */
/* The domain that everything goes to; NULL where each item says its type. */
const struct mr_catalog_domain *produce_items_domain(const struct produce_items *items);

enum produce_verdict { PRODUCE_SEND, PRODUCE_SAMPLED, PRODUCE_REJECTED };

struct produce_place {
    struct mr_slice import_key; /* absent: the source cannot be repeated */
    uint64_t offset;            /* of the item's first byte in its source */
    int64_t time_ms;            /* now */
};

/* SEND: message is good until the next call, and text lives as long. REJECTED: why has the cause,
 * never the text. */
enum produce_verdict produce_items_read(struct produce_items *items, struct mr_slice text,
                                        const struct produce_place *place,
                                        struct mr_kafka_message *message, struct mr_error *why);

#endif
