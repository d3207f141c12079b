/* What requests that bring many lines share: the compiled rules of each command, readers that are
 * used again and again, and what is counted. */
#ifndef EDGE_INGEST_H
#define EDGE_INGEST_H

#include "edge.h"
#include "mr_inflate.h"
#include "mr_ingest.h"
#include "mr_ndjson.h"
#include "mr_schema_text.h"

struct edge_ingest;

struct edge_ingest_settings {
    const struct mr_catalog *catalog; /* borrowed until freed */
    struct mr_metrics *metrics;       /* likewise */
    struct mr_slice rules;            /* the operator's file; absent: none */
    const char *rules_name;
    size_t item_bytes_max;
    uint64_t held_bytes_max; /* of the bodies that are collected at a time */
};
/* MR_INVALID: a rule that cannot be, as mr_ingest_new says. */
MR_MUST_CHECK enum mr_status edge_ingest_new(const struct edge_ingest_settings *settings,
                                             struct edge_ingest **out, struct mr_error *why);
void edge_ingest_free(struct edge_ingest *ingest); /* takes NULL */

/* NULL where the command has no x-ingest. */
struct mr_ingest *edge_ingest_rules(const struct edge_ingest *ingest,
                                    const struct mr_catalog_command *command);

/* A reader for one body at a time, given back when that is over. */
struct edge_reader {
    struct mr_inflate *inflate;
    struct mr_ndjson *ndjson;
    struct mr_schema_glance *glance;
    struct mr_buf bytes;  /* a body as it is collected */
    struct mr_buf item;   /* an item as it is written, at most item_bytes_max */
    uint8_t random[1280]; /* for ids, drawn at once */
    size_t random_used;
    struct edge_reader *next;
};
struct edge_reader *edge_reader_take(struct edge_ingest *ingest);
void edge_reader_give(struct edge_ingest *ingest, struct edge_reader *reader); /* takes NULL */

/* Bodies that are collected as a whole are bounded over all requests, too. False: there is no room
 * for so many bytes more; what was true is to be let go. */
bool edge_ingest_hold(struct edge_ingest *ingest, size_t bytes);
void edge_ingest_let_go(struct edge_ingest *ingest, size_t bytes);

/* A fresh UUIDv7, without asking the system for each. */
struct mr_uuid edge_reader_id(struct edge_reader *reader);

/* Counts items by what became of them: millrace_edge_items_total{type, outcome}. */
struct edge_item_counts {
    uint64_t accepted, rejected, sampled;
};
void edge_ingest_count(struct edge_ingest *ingest, const struct mr_catalog_command *command,
                       const struct edge_item_counts *counts);

#endif
