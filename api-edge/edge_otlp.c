#include "edge_otlp.h"

#include "edge_lines.h"
#include "edge_query.h"
#include "mr_otlp.h"
#include <assert.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>

/* Each record bears a copy of its resource, so a small body may stand for any amount: what is read
 * and written of one request is bounded by its own length. */
#define WORK_BYTES_MIN ((uint64_t)16 << 20)
#define WORK_PER_BYTE  64

struct otlp {
    struct edge_lines lines;
    uint64_t work_bytes, work_bytes_max;
    enum mr_otlp_encoding encoding;
    struct mr_otlp *reader; /* NULL until the body is there */
    bool is_read;           /* every record was taken */
    char digest[EDGE_OTLP_DIGEST_TEXT + 1];
};

/* ---- ids ---- */

void edge_otlp_digest(struct mr_slice body, char out[EDGE_OTLP_DIGEST_TEXT + 1])
{
    uint8_t hash[EDGE_OTLP_DIGEST_TEXT / 2];
    crypto_generichash(hash, sizeof hash, (const uint8_t *)body.data, body.len, NULL, 0);
    sodium_bin2hex(out, EDGE_OTLP_DIGEST_TEXT + 1, hash, sizeof hash);
}

struct mr_uuid edge_otlp_id(const struct mr_uuid *account,
                            const char digest[EDGE_OTLP_DIGEST_TEXT + 1], uint64_t index)
{
    char name[MR_UUID_TEXT + EDGE_OTLP_DIGEST_TEXT + 32], text[MR_UUID_TEXT + 1];
    int len =
        snprintf(name, sizeof name, "%s\n%s\n%" PRIu64, mr_uuid_text(account, text), digest, index);
    assert(len > 0 && (size_t)len < sizeof name);
    return mr_uuid_v5(mr_slice(name, (size_t)len));
}

/* ---- answers ---- */

static bool is_json(const struct edge_request *r)
{
    return edge_content_type_is(r->x->request, "application/json");
}

static const char *content_type(enum mr_otlp_encoding encoding)
{
    return encoding == MR_OTLP_JSON ? "application/json" : "application/x-protobuf";
}

static int32_t code_of(int32_t status)
{
    switch (status) {
    case 401:
        return MR_OTLP_UNAUTHENTICATED;
    case 403:
        return MR_OTLP_PERMISSION_DENIED;
    case 429:
        return MR_OTLP_RESOURCE_EXHAUSTED;
    case 503:
        return MR_OTLP_UNAVAILABLE;
    case 504:
        return MR_OTLP_DEADLINE_EXCEEDED;
    default:
        return status >= 500 ? MR_OTLP_INTERNAL : MR_OTLP_INVALID_ARGUMENT;
    }
}

void edge_otlp_write_problem(struct edge_request *r, const struct mr_problem *problem,
                             const struct edge_fields *fields)
{
    enum mr_otlp_encoding encoding = is_json(r) ? MR_OTLP_JSON : MR_OTLP_PROTOBUF;
    struct edge_fields all = {0};
    struct mr_buf body;
    if (fields)
        all = *fields;
    edge_field(&all, "Content-Type", content_type(encoding));
    mr_buf_init(&body, 0);
    mr_otlp_write_status(encoding, code_of(problem->status),
                         problem->detail.data ? problem->detail : problem->title, &body);
    mr_http_exchange_answer(r->x, problem->status, all.items, all.count, mr_buf_all(&body));
    mr_buf_free(&body);
}

static void let_go(struct otlp *o)
{
    mr_otlp_close(o->reader);
    edge_lines_let_go(&o->lines);
}

static void leave(struct edge_request *r)
{
    let_go(r->work);
}

static void refuse(struct edge_request *r, const char *problem, const char *detail)
{
    char text[sizeof(struct mr_error)];
    snprintf(text, sizeof text, "%s", detail);
    let_go(r->work);
    edge_refuse(r, problem, "%s", text);
}

static void answer(struct edge_request *r)
{
    struct otlp *o = r->work;
    enum mr_otlp_encoding encoding = o->encoding;
    struct edge_lines *lines = &o->lines;
    uint64_t invalid = edge_volley_counts(lines->volley).invalid;
    struct edge_fields fields = {0};
    struct mr_buf body;
    for (uint64_t i = 0; i < invalid; i++)
        edge_lines_reject(lines, MR_LIMIT, "A record is too large for the log.");
    mr_buf_init(&body, 0);
    mr_otlp_write_response(encoding, (int64_t)lines->rejected, mr_slice_text(lines->cause.text),
                           &body);
    let_go(o);
    edge_field(&fields, "Content-Type", content_type(encoding));
    edge_answer(r, 200, &fields, mr_buf_all(&body));
    mr_buf_free(&body);
}

static void finish(struct edge_request *r)
{
    struct otlp *o = r->work;
    if (edge_volley_has_failed(o->lines.volley))
        refuse(r, "not-accepted",
               "The log is away, and may not have all of it. Sending the same request again is "
               "safe: no record is stored twice.");
    else
        answer(r);
}

/* ---- records ---- */

/* The record at index and what is behind it are not taken. */
static void reject_rest(struct otlp *o, uint64_t index)
{
    char why[96];
    snprintf(why, sizeof why, "The records with their resources are longer than %" PRIu64 " bytes.",
             o->work_bytes_max);
    edge_lines_reject(&o->lines, MR_LIMIT, why);
    o->lines.rejected += mr_otlp_count(o->reader) - index - 1;
    o->is_read = true;
}

static void take_line(struct otlp *o, struct mr_logline *line)
{
    const uint64_t index = mr_otlp_index(o->reader);
    o->work_bytes += edge_lines_bytes(line);
    if (o->work_bytes > o->work_bytes_max) {
        reject_rest(o, index);
        return;
    }
    struct mr_uuid id = edge_otlp_id(&o->lines.r->account, o->digest, index);
    edge_lines_send(&o->lines, line, &id, index);
}

/* False when there is no going on with records. */
static bool take(struct otlp *o)
{
    struct edge_lines *lines = &o->lines;
    struct mr_logline line = {0};
    struct mr_error why;
    mr_arena_reset(&lines->arena);
    enum mr_otlp_event event = mr_otlp_next(o->reader, &lines->arena, &line, &why);
    o->work_bytes += lines->arena.used_bytes;
    switch (event) {
    case MR_OTLP_LINE:
        take_line(o, &line);
        return !o->is_read;
    case MR_OTLP_REJECTED:
        edge_lines_reject(lines, MR_INVALID, why.text);
        return true;
    case MR_OTLP_LIMIT:
        edge_lines_reject(lines, MR_LIMIT, "A record is too large.");
        mr_otlp_skip(o->reader);
        return true;
    case MR_OTLP_DONE:
        break;
    }
    o->is_read = true;
    return false;
}

static void take_records(struct edge_request *r)
{
    struct otlp *o = r->work;
    struct edge_volley *volley = o->lines.volley;
    struct mr_budget budget;
    mr_budget_start(&budget);
    while (!o->is_read && edge_volley_has_room(volley) && take(o))
        if (mr_budget_is_spent(&budget)) {
            edge_lines_later(&o->lines);
            return;
        }
    if ((o->is_read || edge_volley_has_failed(volley)) && edge_volley_counts(volley).in_flight == 0)
        finish(r);
}

static void on_room(void *owner)
{
    take_records(owner);
}

static void on_collected(struct edge_request *r, enum edge_source_event how,
                         const struct mr_error *why)
{
    struct otlp *o = r->work;
    struct mr_error cause;
    struct mr_slice body = mr_buf_all(&o->lines.reader->bytes);
    if (o->reader) {
        take_records(r);
        return;
    }
    if (how != EDGE_SOURCE_END) {
        refuse(r, how == EDGE_SOURCE_LIMIT ? "too-large" : "malformed", why->text);
        return;
    }
    if (mr_otlp_open(body, o->encoding, &o->reader, &cause) != MR_OK) {
        refuse(r, "malformed", cause.text);
        return;
    }
    edge_otlp_digest(body, o->digest);
    o->work_bytes_max = WORK_BYTES_MIN + WORK_PER_BYTE * body.len;
    take_records(r);
}

/* ---- the head ---- */

void edge_otlp_start(struct edge_request *r, struct mr_slice name)
{
    const struct mr_http_request *request = r->x->request;
    enum edge_coding coding = edge_content_coding(request);
    struct edge_lines_settings settings = {.collected = on_collected, .go_on = on_room};
    struct otlp *o = mr_arena_alloc(edge_arena(r), sizeof *o);
    (void)name;
    if (!o) {
        edge_query_refuse(r, MR_LIMIT);
        return;
    }
    if ((!is_json(r) && !edge_content_type_is(request, "application/x-protobuf")) ||
        coding == EDGE_CODING_OTHER) {
        edge_refuse(r, "unsupported-media-type",
                    "Send application/x-protobuf or application/json, as it is or with "
                    "Content-Encoding: gzip.");
        return;
    }
    if (coding == EDGE_CODING_NONE && request->content_length > r->edge->decoded_bytes_max) {
        edge_refuse(r, "too-large", "The body is longer than %" PRIu64 " bytes.",
                    r->edge->decoded_bytes_max);
        return;
    }
    o->encoding = is_json(r) ? MR_OTLP_JSON : MR_OTLP_PROTOBUF;
    settings.kind = coding == EDGE_CODING_GZIP   ? MR_INFLATE_GZIP
                    : coding == EDGE_CODING_ZLIB ? MR_INFLATE_ZLIB
                                                 : MR_INFLATE_PLAIN;
    r->work = o;
    edge_lines_start(&o->lines, r, &settings);
    r->cancel = leave;
}
