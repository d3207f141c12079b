/* The receipt as clients read it, and the URLs in it. Pure. */
#ifndef EDGE_RECEIPT_JSON_H
#define EDGE_RECEIPT_JSON_H

#include "edge_outcome.h"
#include "mr_arena.h"
#include "mr_buf.h"
#include "mr_catalog.h"
#include "mr_problem.h"
#include "mr_receipt.h"

/* "/v1/accounts/{account}/commands/{id}?at={at}"; without "?at=" where at is NULL. */
void edge_receipt_url(const struct mr_uuid *account, const struct mr_uuid *id,
                      const struct mr_receipt *at, struct mr_buf *out);

/* What a receipt says; absent members are left out. Borrowed. */
struct edge_receipt {
    const struct mr_uuid *account, *id;
    const struct mr_receipt *at; /* NULL: not known */
    const char *status;          /* "accepted" */
    struct mr_slice type;
    const struct mr_uuid *subject;
    const struct mr_catalog_resource *resource; /* with its id: links.resource */
    const struct mr_uuid *resource_id;
    int64_t commands_ahead;           /* -1: left out */
    int64_t applied_ms;               /* -1: left out */
    const struct mr_problem *problem; /* NULL: none */
};
void edge_receipt_write(const struct edge_receipt *receipt, struct mr_buf *out);

/* Why a command was rejected, from its row: status and title as the schemas declare them. The
 * problem borrows outcome and arena. */
void edge_rejection(const struct mr_catalog *catalog, const struct edge_outcome *outcome,
                    struct mr_arena *arena, struct mr_problem *out);

#endif
