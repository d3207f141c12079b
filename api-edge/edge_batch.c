#include "edge_batch.h"

#include "command_id.h"
#include "edge_batch_errors.h"
#include "edge_ingest.h"
#include "edge_query.h"
#include "edge_source.h"
#include "edge_volley.h"
#include "mr_json.h"
#include "mr_utf8.h"
#include <assert.h>
#include <inttypes.h>

/* How the body ended. */
enum ended { BATCH_READING, BATCH_WHOLE, BATCH_UNREADABLE, BATCH_TOO_LARGE };

struct batch {
    struct edge_request *r;
    const struct mr_catalog_command *command;
    struct mr_ingest *rules; /* NULL: none */
    struct mr_slice key;     /* Idempotency-Key; absent: none */
    struct edge_source source;
    struct edge_reader *reader;
    struct edge_volley *volley;
    enum ended ended;
    struct mr_error why; /* of UNREADABLE */
    bool has_bytes;      /* the body is not empty, nor white space alone */
    uint64_t rejected, sampled;
    struct edge_batch_errors errors;
};

/* ---- the end ---- */

/* Nothing is held any more but what is in flight, which goes by itself. */
static void let_go(struct batch *b)
{
    struct edge *edge = b->r->edge;
    struct edge_item_counts counts = {.accepted = edge_volley_counts(b->volley).stored,
                                      .rejected = b->rejected,
                                      .sampled = b->sampled};
    edge_ingest_count(edge->ingest, b->command, &counts);
    edge_source_stop(&b->source);
    edge_reader_give(edge->ingest, b->reader);
    edge_volley_leave(b->volley);
    edge_batch_errors_free(&b->errors);
}

static void leave(struct edge_request *r)
{
    let_go(r->under_way);
}

static void add_place(struct mr_buf *out, const char *name, const struct mr_receipt *receipt,
                      bool is_there)
{
    char text[MR_RECEIPT_TEXT + 1];
    if (is_there)
        mr_buf_printf(out, ",\"%s\":\"%s\"", name, mr_receipt_text(receipt, text));
    else
        mr_buf_printf(out, ",\"%s\":null", name);
}

static void answer(struct batch *b)
{
    struct edge_request *r = b->r;
    struct edge_volley_counts counts = edge_volley_counts(b->volley);
    struct mr_buf out;
    mr_buf_init(&out, 0);
    mr_buf_printf(&out,
                  "{\"accepted\":%" PRIu64 ",\"rejected\":%" PRIu64 ",\"sampled\":%" PRIu64 ",",
                  counts.stored, b->rejected, b->sampled);
    edge_batch_errors_write(&b->errors, &out);
    add_place(&out, "first_at", &counts.first, counts.stored > 0);
    add_place(&out, "last_at", &counts.last, counts.stored > 0);
    mr_buf_char(&out, '}');
    let_go(b);
    edge_answer_json(r, 200, NULL, &out);
    mr_buf_free(&out);
}

static void refuse_empty(struct edge_request *r)
{
    edge_refuse(r, "malformed",
                "The body is empty; a batch has lines of JSON, a JSON array or one JSON object. (A "
                "proxy that repeats a POST may have lost it.)");
}

static void refuse_body(struct batch *b)
{
    struct edge_request *r = b->r;
    struct mr_error why = b->why;
    uint64_t stored = edge_volley_counts(b->volley).stored;
    bool is_large = b->ended == BATCH_TOO_LARGE;
    let_go(b);
    size_t len = strlen(why.text);
    len -= len > 0 && why.text[len - 1] == '.'; /* the sentence goes on */
    edge_refuse(r, is_large ? "too-large" : "malformed",
                "%.*s; %" PRIu64 " of its items before that were accepted.",
                (int)(len < 300 ? len : 300), why.text, stored);
}

static void refuse_away(struct batch *b)
{
    struct edge_request *r = b->r;
    struct edge_volley_failure failure;
    edge_volley_failure(b->volley, b->key.data != NULL, &failure);
    let_go(b);
    edge_refuse(r, failure.problem, "%s", failure.detail);
}

/* Nothing is read any more, and every report is in. */
static void finish(struct batch *b)
{
    struct edge_request *r = b->r;
    uint64_t invalid = edge_volley_counts(b->volley).invalid;
    b->rejected += invalid;
    for (uint64_t i = 0; i < invalid; i++)
        b->errors.count++;
    if (edge_volley_has_failed(b->volley)) {
        refuse_away(b);
    } else if (b->ended != BATCH_WHOLE) {
        refuse_body(b);
    } else if (!b->has_bytes) {
        let_go(b);
        refuse_empty(r);
    } else {
        answer(b);
    }
}

/* ---- items ---- */

static void reject(struct batch *b, uint64_t line, const char *detail)
{
    b->rejected++;
    edge_batch_error(&b->errors, line, mr_slice_text(""), mr_slice_text(detail));
}

static struct mr_uuid id_of(const struct batch *b, uint64_t line)
{
    return b->key.data ? command_id_of_item(&b->r->account, b->command->domain->name, b->key, line)
                       : edge_reader_id(b->reader);
}

static void send_item(struct batch *b, const struct edge_volley_item *item)
{
    struct mr_error why;
    enum mr_status s = edge_volley_send(b->volley, item, &why);
    if (s != MR_OK)
        reject(b, item->number, s == MR_LIMIT ? "is too large" : why.text);
}

/* Sampled, redacted and sent. */
static void ingest_item(struct batch *b, struct mr_slice text, json_t *json, uint64_t line)
{
    struct edge_volley_item item = {
        .id = id_of(b, line), .number = line, .body = text, .json = json};
    bool is_kept;
    if (mr_ingest_body(b->rules, json, &item.id, edge_volley_arena(b->volley), &item.body,
                       &is_kept) != MR_OK)
        reject(b, line, "is too large");
    else if (is_kept)
        send_item(b, &item);
    else
        b->sampled++;
}

static void parse_item(struct batch *b, struct mr_slice text, uint64_t line)
{
    struct mr_schema_errors errors;
    struct mr_error why;
    json_t *json;
    if (mr_json_parse(text, &json, &why) != MR_OK) {
        reject(b, line, why.text);
        return;
    }
    mr_schema_errors_init(&errors, edge_volley_arena(b->volley));
    if (mr_schema_check(b->command->schema, json, &errors) == MR_OK) {
        ingest_item(b, text, json, line);
    } else {
        b->rejected++;
        edge_batch_error_schema(&b->errors, line, &errors);
    }
    json_decref(json);
}

/* Ordinary lines with nothing to redact, which are most, are sent without being parsed. */
static void take(struct batch *b, struct mr_slice text, uint64_t line)
{
    mr_arena_reset(edge_volley_arena(b->volley));
    bool is_plain = b->command->key != MR_KEY_ACCOUNT_AND && mr_utf8_is_valid(text) &&
                    mr_schema_glance_at(b->reader->glance, b->command->schema, text,
                                        mr_ingest_sees_clean, b->rules);
    if (is_plain)
        send_item(b,
                  &(struct edge_volley_item){.id = id_of(b, line), .number = line, .body = text});
    else
        parse_item(b, text, line);
}

/* False: the body ends here. */
static bool take_event(struct batch *b, enum mr_ndjson_event event,
                       const struct mr_ndjson_item *item)
{
    if (event == MR_NDJSON_ITEM) {
        take(b, item->text, item->index + 1);
        return true;
    }
    if (item->is_last) {
        b->ended = BATCH_UNREADABLE;
        b->why = item->why;
        return false;
    }
    reject(b, item->index + 1, item->why.text);
    return true;
}

/* ---- the body ---- */

static bool has_text(struct mr_slice piece)
{
    for (size_t i = 0; i < piece.len; i++)
        if (!memchr(" \t\r\n", piece.data[i], 4))
            return true;
    return false;
}

enum turn { TURN_GOES_ON, TURN_PAUSES, TURN_LATER };

static enum turn turn_of(struct batch *b, const struct mr_budget *budget)
{
    if (!edge_volley_has_room(b->volley))
        return TURN_PAUSES;
    return mr_budget_is_spent(budget) ? TURN_LATER : TURN_GOES_ON;
}

/* The items of a piece, up to its end or to where there is no going on for now. */
static enum turn take_piece(struct batch *b, struct mr_slice *piece, const struct mr_budget *budget)
{
    struct mr_ndjson_item item;
    enum mr_ndjson_event event;
    b->has_bytes = b->has_bytes || has_text(*piece);
    for (;;) {
        enum turn turn = turn_of(b, budget);
        if (turn != TURN_GOES_ON)
            return turn;
        event = mr_ndjson_next(b->reader->ndjson, piece, &item);
        if (event == MR_NDJSON_MORE || !take_event(b, event, &item))
            return TURN_GOES_ON;
    }
}

/* What the end of the body completes. */
static enum turn take_end(struct batch *b, const struct mr_budget *budget)
{
    struct mr_ndjson_item item;
    enum mr_ndjson_event event;
    for (;;) {
        enum turn turn = turn_of(b, budget);
        if (turn != TURN_GOES_ON)
            return turn;
        event = mr_ndjson_end(b->reader->ndjson, &item);
        if (event == MR_NDJSON_MORE) {
            b->ended = BATCH_WHOLE;
            return TURN_GOES_ON;
        }
        if (!take_event(b, event, &item))
            return TURN_GOES_ON;
    }
}

/* One step of the body; *waits: nothing more is there for now. */
static enum turn step(struct batch *b, const struct mr_budget *budget, bool *waits)
{
    struct mr_slice piece;
    enum turn turn = TURN_GOES_ON;
    switch (edge_source_next(&b->source, &piece, &b->why)) {
    case EDGE_SOURCE_PIECE:
        turn = take_piece(b, &piece, budget);
        edge_source_put_back(&b->source, piece);
        break;
    case EDGE_SOURCE_NONE:
        *waits = true;
        break;
    case EDGE_SOURCE_END:
        turn = take_end(b, budget);
        break;
    case EDGE_SOURCE_INVALID:
        b->ended = BATCH_UNREADABLE;
        break;
    case EDGE_SOURCE_LIMIT:
        b->ended = BATCH_TOO_LARGE;
        (void)mr_fail(&b->why, MR_LIMIT, "The batch is longer than %" PRIu64 " bytes",
                      b->r->edge->bulk_bytes_max);
        break;
    }
    return turn;
}

static void read_on(struct edge_request *r)
{
    struct batch *b = r->work;
    struct mr_budget budget;
    enum turn turn = TURN_GOES_ON;
    bool waits = false;
    mr_budget_start(&budget);
    while (b->ended == BATCH_READING && turn == TURN_GOES_ON && !waits &&
           !edge_volley_has_failed(b->volley))
        turn = step(b, &budget, &waits);
    if (waits && !edge_volley_has_failed(b->volley))
        return;
    bool is_over = b->ended != BATCH_READING || edge_volley_has_failed(b->volley);
    if (is_over && edge_volley_counts(b->volley).in_flight == 0) {
        finish(b);
        return;
    }
    edge_source_pause(&b->source);
    if (!is_over && turn == TURN_LATER)
        edge_source_resume(&b->source);
}

/* There is room again, or nothing in flight any more. */
static void on_room(void *owner)
{
    struct batch *b = owner;
    bool is_over = b->ended != BATCH_READING || edge_volley_has_failed(b->volley);
    if (!is_over)
        read_on(b->r);
    else if (edge_volley_counts(b->volley).in_flight == 0)
        finish(b);
}

/* ---- the head ---- */

static bool content_is_known(const struct mr_http_request *request)
{
    static const char *const types[] = {"application/json",        "application/x-ndjson",
                                        "application/ndjson",      "application/jsonl",
                                        "application/x-jsonlines", "application/jsonlines"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (edge_content_type_is(request, types[i]))
            return true;
    return false;
}

/* False when the request was refused. */
static bool look_at_head(struct edge_request *r, struct mr_slice *key, enum mr_inflate_kind *kind)
{
    const struct mr_http_request *request = r->x->request;
    enum edge_coding coding = edge_content_coding(request);
    struct mr_error why;
    if (request->query.len > 0) {
        edge_refuse(r, "malformed",
                    "A batch has no query parameters; Idempotency-Key is a header field.");
    } else if (request->framing == MR_HTTP_NO_BODY) {
        refuse_empty(r);
    } else if (!content_is_known(request) || coding == EDGE_CODING_OTHER) {
        edge_refuse(r, "unsupported-media-type",
                    "Send application/x-ndjson or application/json, as it is or with "
                    "Content-Encoding: gzip.");
    } else if (coding == EDGE_CODING_NONE && request->content_length > r->edge->bulk_bytes_max) {
        edge_refuse(r, "too-large", "The batch is longer than %" PRIu64 " bytes.",
                    r->edge->bulk_bytes_max);
    } else {
        enum mr_status s = edge_idempotency_key(request, edge_arena(r), key, &why);
        if (s == MR_INVALID)
            edge_refuse(r, "malformed", "%s", why.text);
        else if (s != MR_OK)
            edge_query_refuse(r, s);
        *kind = coding == EDGE_CODING_GZIP   ? MR_INFLATE_GZIP
                : coding == EDGE_CODING_ZLIB ? MR_INFLATE_ZLIB
                                             : MR_INFLATE_PLAIN;
        return s == MR_OK;
    }
    return false;
}

void edge_batch_start(struct edge_request *r)
{
    struct edge *edge = r->edge;
    struct mr_slice key;
    enum mr_inflate_kind kind;
    if (!look_at_head(r, &key, &kind))
        return;
    struct batch *b = mr_arena_alloc(edge_arena(r), sizeof *b);
    if (!b) {
        edge_query_refuse(r, MR_LIMIT);
        return;
    }
    b->r = r;
    b->key = key;
    b->command = r->match.command;
    b->rules = edge_ingest_rules(edge->ingest, b->command);
    b->reader = edge_reader_take(edge->ingest);
    b->volley = edge_volley_new(r, b->command, on_room, b);
    edge_batch_errors_init(&b->errors);
    mr_ndjson_reset(b->reader->ndjson);
    r->work = b;
    r->under_way = b;
    r->cancel = leave;
    edge_source_start(&b->source, r, b->reader->inflate, kind, edge->bulk_bytes_max, read_on);
}
