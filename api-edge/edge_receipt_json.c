#include "edge_receipt_json.h"

#include "mr_json.h"
#include "mr_time.h"

#define REJECTED_STATUS 409 /* of a problem that no schema here declares: the worker is newer */

void edge_receipt_url(const struct mr_uuid *account, const struct mr_uuid *id,
                      const struct mr_receipt *at, struct mr_buf *out)
{
    char account_text[MR_UUID_TEXT + 1], id_text[MR_UUID_TEXT + 1], at_text[MR_RECEIPT_TEXT + 1];
    mr_buf_printf(out, "/v1/accounts/%s/commands/%s", mr_uuid_text(account, account_text),
                  mr_uuid_text(id, id_text));
    if (at)
        mr_buf_printf(out, "?at=%s", mr_receipt_text(at, at_text));
}

/* The name of a member that is not the first. */
static void member(struct mr_buf *out, const char *name)
{
    mr_buf_printf(out, ",\"%s\":", name);
}

static void time_member(struct mr_buf *out, const char *name, int64_t unix_ms)
{
    char text[MR_TIME_TEXT + 1];
    member(out, name);
    mr_buf_printf(out, "\"%s\"", mr_time_text(unix_ms, text));
}

static void write_links(const struct edge_receipt *receipt, struct mr_buf *out)
{
    member(out, "links");
    mr_buf_text(out, "{\"self\":\"");
    edge_receipt_url(receipt->account, receipt->id, receipt->at, out);
    mr_buf_char(out, '"');
    if (receipt->resource && receipt->resource->item.path && receipt->resource_id) {
        mr_buf_text(out, ",\"resource\":\"");
        mr_catalog_url(&receipt->resource->item, receipt->account, receipt->resource_id, out);
        mr_buf_char(out, '"');
    }
    mr_buf_char(out, '}');
}

void edge_receipt_write(const struct edge_receipt *receipt, struct mr_buf *out)
{
    char text[MR_UUID_TEXT + 1], at[MR_RECEIPT_TEXT + 1];
    mr_buf_printf(out, "{\"id\":\"%s\"", mr_uuid_text(receipt->id, text));
    if (receipt->type.data) {
        member(out, "type");
        mr_buf_json_string(out, receipt->type);
    }
    mr_buf_printf(out, ",\"status\":\"%s\"", receipt->status);
    if (receipt->at)
        mr_buf_printf(out, ",\"at\":\"%s\"", mr_receipt_text(receipt->at, at));
    if (receipt->subject)
        mr_buf_printf(out, ",\"subject\":\"%s\"", mr_uuid_text(receipt->subject, text));
    write_links(receipt, out);
    if (receipt->commands_ahead >= 0)
        mr_buf_printf(out, ",\"commands_ahead\":%lld", (long long)receipt->commands_ahead);
    if (receipt->applied_ms >= 0)
        time_member(out, "applied_at", receipt->applied_ms);
    if (receipt->problem) {
        member(out, "problem");
        mr_problem_write(receipt->problem, out);
    }
    mr_buf_char(out, '}');
}

/* ---- why it was rejected ---- */

static struct mr_slice text_of(const json_t *object, const char *name, struct mr_arena *arena)
{
    const json_t *value = json_object_get(object, name);
    struct mr_slice text = mr_slice(json_string_value(value), json_string_length(value));
    return mr_arena_slice(arena, text);
}

/* The errors that the worker kept, [{"pointer": ..., "detail": ...}]. */
static void read_errors(struct mr_slice text, struct mr_arena *arena, struct mr_problem *out)
{
    json_t *list, *item;
    size_t i;
    if (text.len == 0 || mr_json_parse(text, &list, NULL) != MR_OK)
        return;
    size_t count = json_array_size(list);
    struct mr_problem_error *errors = mr_arena_array(arena, count, sizeof *errors);
    if (errors && count > 0) {
        json_array_foreach (list, i, item) {
            struct mr_slice pointer = text_of(item, "pointer", arena);
            if (pointer.len > 0 && pointer.data[0] == '#') /* kept as a URI fragment */
                pointer = mr_slice(pointer.data + 1, pointer.len - 1);
            errors[i].pointer = pointer.data ? pointer : mr_slice_text("");
            errors[i].detail = text_of(item, "detail", arena);
        }
        out->errors = errors;
        out->error_count = count;
    }
    json_decref(list);
}

void edge_rejection(const struct mr_catalog *catalog, const struct edge_outcome *outcome,
                    struct mr_arena *arena, struct mr_problem *out)
{
    const struct mr_catalog_problem *known = mr_catalog_problem_of(catalog, outcome->problem);
    *out = (struct mr_problem){
        .name = outcome->problem,
        .title = mr_slice_text(known ? known->title : NULL),
        .status = known ? known->status : REJECTED_STATUS,
        .detail = outcome->detail,
    };
    read_errors(outcome->errors, arena, out);
}
