#include "edge_command.h"

#include "command_build.h"
#include "edge_effect.h"
#include "edge_query.h"
#include "edge_receipt_json.h"
#include "edge_wait.h"
#include "mr_clock.h"
#include "mr_json.h"
#include "mr_random.h"
#include "mr_time.h"
#include <assert.h>

#define REPEAT_DAYS 2 /* a repeat is known by a command of its append day or the two before */

struct sending {
    struct edge_request *r;
    const struct mr_catalog_command *command;
    struct mr_slice key; /* Idempotency-Key; absent: none */
    bool has_subject;    /* in the path */
    char principal[MR_UUID_TEXT + 1];
    struct mr_kafka_message message; /* in the arena, the value is the body as it came */
    command_ticket ticket;
    struct edge_waiter waiter;
    struct edge_effect effect;
};

/* ---- the end: what became of it ---- */

static void on_waited(struct edge_waiter *waiter, const struct edge_outcome *outcome)
{
    struct sending *s = waiter->owner;
    edge_effect_answer(s->r, &s->effect, outcome);
}

static void on_stored(struct sending *s)
{
    struct edge_request *r = s->r;
    s->waiter = (struct edge_waiter){.key = {.receipt = s->effect.receipt, .account = r->account},
                                     .request = r,
                                     .ended = on_waited,
                                     .owner = s};
    s->waiter.key.id = s->effect.id;
    if (!edge_wait_begin(r->edge->wait, &s->waiter))
        edge_effect_answer(r, &s->effect, NULL);
}

/* The client may send it again with its id as the key: it is then this command. */
static void refuse_unknown(struct sending *s)
{
    struct edge_fields fields = {0};
    struct mr_buf url;
    char id[MR_UUID_TEXT + 1];
    struct mr_problem problem =
        mr_problem_of(mr_problem_find(mr_slice_text("outcome-unknown")),
                      mr_slice_text("The log did not say in time whether it has the command. "
                                    "Sending it again with its id as Idempotency-Key is safe."));
    mr_buf_init(&url, 256);
    edge_receipt_url(&s->r->account, &s->effect.id, NULL, &url);
    mr_buf_char(&url, '\0');
    problem.id = mr_slice_text(mr_uuid_text(&s->effect.id, id));
    problem.location = mr_slice_text(url.data);
    edge_field(&fields, "Location", url.data);
    edge_answer_problem(s->r, &problem, &fields);
    mr_buf_free(&url);
}

static void refuse_unsent(struct edge_request *r, enum mr_status status)
{
    if (status == MR_INVALID)
        edge_refuse(r, "too-large", "The command with its headers is too large for the log.");
    else if (status == MR_LIMIT)
        edge_refuse(r, "not-accepted", "Too many commands are on their way to the log.");
    else
        edge_refuse(r, "not-accepted", "The log does not take commands just now.");
}

static void on_result(void *requester, const struct command_result *result)
{
    struct sending *s = requester;
    struct edge *edge = s->r->edge;
    s->r->cancel = NULL;
    switch (result->outcome) {
    case MR_KAFKA_STORED:
        edge->delivery = "stored";
        s->effect.receipt = result->receipt;
        s->effect.has_receipt = true;
        on_stored(s);
        break;
    case MR_KAFKA_NOT_STORED:
        edge->delivery = "not stored";
        refuse_unsent(s->r, result->status == MR_INVALID ? MR_INVALID : MR_BUSY);
        break;
    case MR_KAFKA_UNKNOWN:
        edge->delivery = "unknown";
        refuse_unknown(s);
        break;
    }
}

static void leave(struct edge_request *r)
{
    struct sending *s = r->under_way;
    if (r->edge->submit)
        command_submit_cancel(r->edge->submit, s->ticket);
}

static void submit(struct sending *s)
{
    struct edge_request *r = s->r;
    struct command_request request = {.message = &s->message,
                                      .domain = s->command->domain->name,
                                      .on_result = on_result,
                                      .requester = s};
    enum mr_status status = r->edge->submit
                                ? command_submit_send(r->edge->submit, &request, &s->ticket, NULL)
                                : MR_LOST;
    if (status != MR_OK) {
        refuse_unsent(r, status);
        return;
    }
    r->cancel = leave;
    r->under_way = s;
}

/* ---- a key that may be settled already ---- */

static struct mr_digest hash_of(const struct sending *s)
{
    return mr_digest_command(mr_slice_text(s->command->type),
                             mr_ce_header_find(&s->message.headers, "ce_subject"),
                             s->message.value);
}

static void replay(struct sending *s, struct edge_outcome *outcome)
{
    struct mr_digest hash = hash_of(s);
    if (memcmp(hash.bytes, outcome->hash.bytes, sizeof hash.bytes) != 0)
        outcome->kind = EDGE_CONFLICT;
    s->effect.receipt = outcome->receipt;
    s->effect.has_receipt = true;
    s->effect.replayed = outcome->kind == EDGE_APPLIED || outcome->kind == EDGE_REJECTED;
    edge_effect_answer(s->r, &s->effect, outcome);
}

/* Whatever is wrong with the look-up, the command is taken and the worker decides. */
static void on_looked_up(struct mr_pg_result *result, void *data)
{
    struct sending *s = data;
    struct edge_outcome outcome;
    if (mr_pg_result_outcome(result) != MR_PG_OK || mr_pg_result_rows(result) == 0) {
        submit(s);
        return;
    }
    edge_outcome_id_read(result, 0, &outcome);
    replay(s, &outcome);
}

static enum mr_status look_up(struct sending *s)
{
    struct edge_request *r = s->r;
    struct mr_pg_params params;
    struct mr_pg_array domains;
    mr_pg_params_init(&params, edge_arena(r));
    mr_pg_array_init(&domains, edge_arena(r), MR_PG_TEXT, 1);
    mr_pg_array_text(&domains, mr_slice_text(s->command->domain->name));
    edge_outcome_id_params(&r->account, &s->effect.id, &domains,
                           mr_time_day(mr_clock_wall_ms()) - REPEAT_DAYS, &params);
    return edge_query_of(r, &(struct edge_query_ask){.stmt = &edge_outcome_by_id,
                                                     .params = &params,
                                                     .deadline_ms = EDGE_KEY_DEADLINE_MS,
                                                     .answered = on_looked_up,
                                                     .asker = s});
}

/* ---- the body ---- */

static void refuse_body(struct edge_request *r, const struct mr_schema_errors *errors)
{
    struct mr_problem problem =
        mr_problem_of(mr_problem_find(mr_slice_text("invalid-body")), (struct mr_slice){0});
    struct mr_problem_error items[MR_SCHEMA_ERRORS_MAX];
    for (size_t i = 0; i < errors->count; i++)
        items[i] = (struct mr_problem_error){.pointer = mr_slice_text(errors->items[i].pointer),
                                             .detail = mr_slice_text(errors->items[i].detail)};
    problem.errors = items;
    problem.error_count = errors->count;
    if (errors->more)
        problem.detail = mr_slice_text("There are more errors than are listed.");
    edge_answer_problem(r, &problem, NULL);
}

/* False when the request was refused. */
static bool build(struct sending *s, struct mr_slice body, const json_t *json)
{
    struct edge_request *r = s->r;
    struct mr_error why;
    struct command_input input = {.command = s->command,
                                  .account = r->account,
                                  .id = s->effect.id,
                                  .subject = s->has_subject ? &s->effect.subject : NULL,
                                  .principal = mr_slice_text(s->principal),
                                  .time_ms = mr_clock_wall_ms(),
                                  .body = body,
                                  .json = json,
                                  .traceparent = mr_slice_text(r->traceparent),
                                  .tracestate = r->tracestate};
    enum mr_status status = command_build(&input, edge_arena(r), &s->message, &why);
    if (status == MR_INVALID)
        edge_refuse(r, "invalid-body", "%s", why.text);
    else if (status != MR_OK)
        edge_query_refuse(r, status);
    return status == MR_OK;
}

static void refuse_empty(struct edge_request *r)
{
    edge_refuse(r, "malformed",
                "The body is empty; a command always has one, {} at least. (A proxy that repeats a "
                "POST may have lost it.)");
}

/* The parsed form lives for the checks alone; what is sent is the body as it came. */
static bool take_body(struct sending *s, struct mr_slice body)
{
    struct edge_request *r = s->r;
    struct mr_schema_errors errors;
    struct mr_error why;
    json_t *json;
    if (body.len == 0) {
        refuse_empty(r);
        return false;
    }
    if (mr_json_parse(body, &json, &why) != MR_OK) {
        edge_refuse(r, "malformed", "The body is not JSON: %s", why.text);
        return false;
    }
    mr_schema_errors_init(&errors, edge_arena(r));
    bool is_good = mr_schema_check(s->command->schema, json, &errors) == MR_OK;
    if (!is_good)
        refuse_body(r, &errors);
    else
        is_good = build(s, body, json);
    json_decref(json);
    return is_good;
}

static void on_body(struct mr_http_exchange *x, struct mr_slice body)
{
    struct edge_request *r = x->data;
    struct sending *s = r->work;
    if (!take_body(s, body))
        return;
    if (r->prefer.wait_s == 0 || !s->key.data || look_up(s) != MR_OK)
        submit(s);
}

/* ---- the head ---- */

/* Who is meant: the id, and the subject of the path. False when the request was refused. */
static bool name(struct sending *s)
{
    struct edge_request *r = s->r;
    struct edge_effect *e = &s->effect;
    e->command = s->command;
    s->has_subject = r->match.subject.data != NULL;
    if (s->has_subject && mr_uuid_parse(r->match.subject, &e->subject) != MR_OK) {
        edge_refuse(r, "malformed", "The subject in the path is not a UUID.");
        return false;
    }
    e->id = s->key.data ? mr_uuid_of_key(&r->account, s->command->domain->name, s->key)
                        : mr_random_uuid_v7();
    if (!s->has_subject)
        e->subject = e->id;
    e->resource_id = s->command->success == 201 ? e->id : e->subject;
    return true;
}

void edge_command_start(struct edge_request *r)
{
    struct mr_error why;
    struct sending *s = mr_arena_alloc(edge_arena(r), sizeof *s);
    if (!s) {
        edge_query_refuse(r, MR_LIMIT);
        return;
    }
    r->work = s;
    s->r = r;
    s->command = r->match.command;
    if (r->x->request->query.len > 0) {
        edge_refuse(r, "malformed",
                    "A command has no query parameters; Idempotency-Key and Prefer are header "
                    "fields.");
        return;
    }
    mr_uuid_text(&r->who.key_id, s->principal);
    if (r->x->request->framing == MR_HTTP_NO_BODY) {
        refuse_empty(r);
        return;
    }
    if (!edge_content_is_json(r->x->request)) {
        edge_refuse(r, "unsupported-media-type",
                    "Send application/json without a content coding: with curl, --json '{...}'.");
        return;
    }
    enum mr_status status = edge_idempotency_key(r->x->request, edge_arena(r), &s->key, &why);
    if (status == MR_INVALID)
        edge_refuse(r, "malformed", "%s", why.text);
    else if (status != MR_OK)
        edge_query_refuse(r, status);
    else if (name(s))
        mr_http_exchange_collect(r->x, r->edge->body_bytes_max, on_body);
}
