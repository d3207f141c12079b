#include "edge_effect.h"

#include "edge_query.h"
#include "edge_read.h"
#include "edge_receipt_json.h"
#include <stdio.h>

#define RECEIPT_BYTES_MAX 4096
#define RECEIPT_BYTES     768 /* of nearly every one */

/* What every answer to a waiting or replaying client says. */
static void add_common(struct edge_request *r, const struct edge_effect *effect,
                       struct edge_fields *fields)
{
    edge_field_waited(r, fields);
    if (effect->replayed)
        edge_field(fields, "Idempotent-Replayed", "true");
}

/* A text in the arena from a buffer that is freed here; NULL when it does not fit. */
static const char *keep(struct edge_request *r, struct mr_buf *buf)
{
    const char *text = mr_buf_ok(buf) ? mr_arena_dup(edge_arena(r), buf->data, buf->len) : NULL;
    mr_buf_free(buf);
    return text;
}

static const char *receipt_url(struct edge_request *r, const struct edge_effect *effect)
{
    struct mr_buf url;
    mr_buf_init(&url, 256);
    edge_receipt_url(&r->account, &effect->id, effect->has_receipt ? &effect->receipt : NULL, &url);
    return keep(r, &url);
}

static const char *resource_url(struct edge_request *r, const struct edge_effect *effect)
{
    struct mr_buf url;
    mr_buf_init(&url, 1024);
    mr_catalog_url(&effect->command->resource->item, &r->account, &effect->resource_id, &url);
    return keep(r, &url);
}

/* ---- a receipt ---- */

/* Location of a 202 is where to ask, and of a 201 what was made, though the body is a receipt. */
static void add_places(struct edge_request *r, const struct edge_effect *effect,
                       int32_t http_status, struct edge_fields *fields)
{
    const struct mr_catalog_resource *resource = effect->command->resource;
    const char *receipt = receipt_url(r, effect);
    const char *made =
        http_status == 201 && resource && resource->item.path ? resource_url(r, effect) : NULL;
    if (made)
        edge_field(fields, "Location", made);
    if (receipt)
        edge_field(fields, http_status == 202 ? "Location" : "Content-Location", receipt);
}

static void answer_receipt(struct edge_request *r, const struct edge_effect *effect,
                           int32_t http_status, const char *status, int64_t applied_ms)
{
    struct edge_fields fields = {0};
    struct mr_buf body;
    mr_buf_init(&body, RECEIPT_BYTES_MAX);
    (void)mr_buf_reserve(&body, RECEIPT_BYTES);
    add_common(r, effect, &fields);
    add_places(r, effect, http_status, &fields);
    edge_receipt_write(&(struct edge_receipt){.account = &r->account,
                                              .id = &effect->id,
                                              .at = effect->has_receipt ? &effect->receipt : NULL,
                                              .status = status,
                                              .type = mr_slice_text(effect->command->type),
                                              .subject = &effect->subject,
                                              .resource = effect->command->resource,
                                              .resource_id = &effect->resource_id,
                                              .commands_ahead = -1,
                                              .applied_ms = applied_ms},
                       &body);
    edge_answer_json(r, http_status, &fields, &body);
    mr_buf_free(&body);
}

/* ---- the resource ---- */

struct applied {
    const struct edge_effect *effect;
    struct edge_request *r;
    int64_t decided_ms;
};

static void answer_without_body(const struct applied *applied)
{
    const struct edge_effect *effect = applied->effect;
    answer_receipt(applied->r, effect, effect->command->success, "applied", applied->decided_ms);
}

/* The command is applied whatever becomes of this read: a failure of it must not look like one of
 * the command. */
static void on_resource(struct mr_pg_result *result, void *data)
{
    const struct applied *applied = data;
    struct edge_request *r = applied->r;
    struct edge_fields fields = {0};
    char etag[EDGE_ETAG_TEXT + 1];
    struct mr_error why;
    if (mr_pg_result_status(result, &why) != MR_OK || mr_pg_result_rows(result) == 0) {
        answer_without_body(applied);
        return;
    }
    struct mr_slice body = mr_pg_result_text(result, 0, EDGE_ITEM_BODY);
    const char *url = resource_url(r, applied->effect);
    bool is_made = applied->effect->command->success == 201;
    add_common(r, applied->effect, &fields);
    if (url)
        edge_field(&fields, is_made ? "Location" : "Content-Location", url);
    edge_field(&fields, "ETag", edge_etag_of(body, etag));
    edge_field(&fields, "Cache-Control", applied->effect->command->resource->cache_control);
    edge_field(&fields, "Content-Type", "application/json");
    edge_answer(r, applied->effect->command->success, &fields, body);
}

static void answer_applied(struct edge_request *r, const struct edge_effect *effect,
                           int64_t decided_ms)
{
    const struct mr_catalog_resource *resource = effect->command->resource;
    struct applied *applied = mr_arena_alloc(edge_arena(r), sizeof *applied);
    if (!applied) {
        edge_refuse(r, "internal", NULL);
        return;
    }
    *applied = (struct applied){.effect = effect, .r = r, .decided_ms = decided_ms};
    if (!resource || !resource->item.path ||
        edge_read_item(r, resource, &effect->resource_id, on_resource, applied) != MR_OK)
        answer_without_body(applied);
}

/* ---- the rest ---- */

static void answer_problem(struct edge_request *r, const struct edge_effect *effect,
                           const struct mr_problem *problem)
{
    struct edge_fields fields = {0};
    add_common(r, effect, &fields);
    edge_answer_problem(r, problem, &fields);
}

static void answer_rejected(struct edge_request *r, const struct edge_effect *effect,
                            const struct edge_outcome *outcome)
{
    struct mr_problem problem;
    char id[MR_UUID_TEXT + 1];
    edge_rejection(r->edge->catalog, outcome, edge_arena(r), &problem);
    problem.id = mr_slice_text(mr_uuid_text(&effect->id, id));
    answer_problem(r, effect, &problem);
}

static void answer_conflict(struct edge_request *r, const struct edge_effect *effect)
{
    struct mr_problem problem =
        mr_problem_of(mr_problem_find(mr_slice_text("key-reused")),
                      mr_slice_text("This id or Idempotency-Key was used for another command."));
    char id[MR_UUID_TEXT + 1];
    problem.id = mr_slice_text(mr_uuid_text(&effect->id, id));
    answer_problem(r, effect, &problem);
}

void edge_effect_answer(struct edge_request *r, const struct edge_effect *effect,
                        const struct edge_outcome *outcome)
{
    enum edge_outcome_kind kind = outcome ? outcome->kind : EDGE_AHEAD;
    if (kind == EDGE_NO_ROW && effect->command->record != MR_RECORD_FULL)
        kind = EDGE_APPLIED; /* its lane has passed it, and of its kind no row is kept */
    switch (kind) {
    case EDGE_APPLIED:
        answer_applied(r, effect, outcome->decided_ms > 0 ? outcome->decided_ms : -1);
        break;
    case EDGE_REJECTED:
        answer_rejected(r, effect, outcome);
        break;
    case EDGE_CONFLICT:
        answer_conflict(r, effect);
        break;
    case EDGE_PARKED:
        answer_receipt(r, effect, 202, "parked", -1);
        break;
    case EDGE_QUARANTINED:
        answer_receipt(r, effect, 202, "quarantined", -1);
        break;
    case EDGE_AHEAD:
    case EDGE_NO_ROW:
        answer_receipt(r, effect, 202, "accepted", -1);
        break;
    }
}
