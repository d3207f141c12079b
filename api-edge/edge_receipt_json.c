#include "edge_receipt_json.h"

#include "mr_json.h"
#include "mr_time.h"

#define REJECTED_STATUS 409 /* of a problem that no schema here declares: the worker is newer */

/* Every accepted command gets a receipt: texts are added as they are, nothing is formatted. */
static void add_uuid(struct mr_buf *out, const struct mr_uuid *id)
{
    char text[MR_UUID_TEXT + 1];
    mr_buf_add(out, mr_uuid_text(id, text), MR_UUID_TEXT);
}

static void add_url(struct mr_buf *out, const struct mr_uuid *account, const struct mr_uuid *id,
                    const char *at)
{
    mr_buf_text(out, "/v1/accounts/");
    add_uuid(out, account);
    mr_buf_text(out, "/commands/");
    add_uuid(out, id);
    if (at) {
        mr_buf_text(out, "?at=");
        mr_buf_text(out, at);
    }
}

void edge_receipt_url(const struct mr_uuid *account, const struct mr_uuid *id,
                      const struct mr_receipt *at, struct mr_buf *out)
{
    char text[MR_RECEIPT_TEXT + 1];
    add_url(out, account, id, at ? mr_receipt_text(at, text) : NULL);
}

/* A member that is not the first, with a text that needs no escapes. */
static void add_member(struct mr_buf *out, const char *name_and_quotes, const char *text)
{
    mr_buf_text(out, name_and_quotes);
    mr_buf_text(out, text);
    mr_buf_char(out, '"');
}

static void add_links(struct mr_buf *out, const struct edge_receipt *receipt, const char *at)
{
    mr_buf_text(out, ",\"links\":{\"self\":\"");
    add_url(out, receipt->account, receipt->id, at);
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
    char at_text[MR_RECEIPT_TEXT + 1], time[MR_TIME_TEXT + 1], subject[MR_UUID_TEXT + 1];
    const char *at = receipt->at ? mr_receipt_text(receipt->at, at_text) : NULL;
    mr_buf_text(out, "{\"id\":\"");
    add_uuid(out, receipt->id);
    mr_buf_char(out, '"');
    if (receipt->type.data) {
        mr_buf_text(out, ",\"type\":");
        mr_buf_json_string(out, receipt->type);
    }
    add_member(out, ",\"status\":\"", receipt->status);
    if (at)
        add_member(out, ",\"at\":\"", at);
    if (receipt->subject)
        add_member(out, ",\"subject\":\"", mr_uuid_text(receipt->subject, subject));
    add_links(out, receipt, at);
    if (receipt->commands_ahead >= 0)
        mr_buf_printf(out, ",\"commands_ahead\":%lld", (long long)receipt->commands_ahead);
    if (receipt->applied_ms >= 0)
        add_member(out, ",\"applied_at\":\"", mr_time_text(receipt->applied_ms, time));
    if (receipt->problem) {
        mr_buf_text(out, ",\"problem\":");
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
