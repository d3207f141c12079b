#include "edge_request.h"

#include "mr_clock.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

void edge_request_gone(struct mr_http_exchange *x)
{
    struct edge_request *r = x->data;
    if (r->cancel)
        r->cancel(r);
    edge_route_count(r->route, EDGE_GONE, (double)(mr_clock_mono_ns() - r->begun_ns) / 1e9);
}

static void on_input_end(struct mr_http_exchange *x)
{
    struct edge_request *r = x->data;
    if (r->hasten)
        r->hasten(r);
}

static const struct mr_http_exchange_events events = {.gone = edge_request_gone,
                                                      .input_end = on_input_end};

/* The client's trace goes on with a span of ours; without a valid one a trace begins. */
static void begin_trace(struct edge_request *r)
{
    struct mr_slice text;
    struct mr_trace parent, trace;
    uint8_t random[24];
    for (size_t i = 0; i < sizeof random; i += sizeof(uint64_t)) {
        uint64_t bits = mr_prng_next(&r->edge->prng);
        memcpy(random + i, &bits, sizeof bits);
    }
    if (mr_http_request_field(r->x->request, "traceparent", &text) == 1 &&
        mr_trace_parse(text, &parent) == MR_OK) {
        trace = mr_trace_child(&parent, random);
        if (mr_http_request_field(r->x->request, "tracestate", &text) == 1 &&
            mr_trace_state_is_valid(text))
            r->tracestate = text;
    } else {
        trace = mr_trace_begin(random);
    }
    mr_trace_text(&trace, r->traceparent);
}

struct edge_request *edge_request_new(struct edge *edge, struct mr_http_exchange *x,
                                      struct edge_route *route)
{
    struct edge_request *r = mr_arena_alloc(x->arena, sizeof *r);
    if (!r)
        return NULL;
    r->edge = edge;
    r->x = x;
    r->route = route;
    r->begun_ns = mr_clock_mono_ns();
    r->prefer = edge_prefer_of(x->request);
    begin_trace(r);
    mr_http_exchange_on(x, &events, r);
    return r;
}

void edge_field(struct edge_fields *fields, const char *name, const char *value)
{
    assert(fields->count < EDGE_FIELDS_MAX);
    fields->items[fields->count++] =
        (struct mr_http_field){.name = mr_slice_text(name), .value = mr_slice_text(value)};
}

void edge_field_waited(struct edge_request *r, struct edge_fields *fields)
{
    char *applied = r->prefer.wait_s > 0
                        ? mr_arena_printf(edge_arena(r), "wait=%d", (int)r->prefer.wait_s)
                        : NULL;
    if (applied)
        edge_field(fields, "Preference-Applied", applied);
}

/* Counted and logged before the answer is given, since the request ends with it. A line for each
 * request only at level debug: at full load lines would cost more than the work. */
static void account_for(struct edge_request *r, int32_t status, const char *problem)
{
    struct edge *edge = r->edge;
    double seconds = (double)(mr_clock_mono_ns() - r->begun_ns) / 1e9;
    edge_route_count(r->route, status, seconds);
    if (edge->log->level_min <= MR_LOG_DEBUG)
        MR_LOG(edge->log, DEBUG, "answered", mr_f_text("route", edge_route_name(r->route)),
               mr_f_int("status", status), mr_f_text("problem", problem),
               mr_f_real("seconds", seconds), mr_f_text("traceparent", r->traceparent),
               mr_f_text("peer", mr_http_exchange_peer(r->x)));
    else if (status >= 500)
        MR_LOG_LIMITED(edge->log, &edge->failed, WARN, "a request failed",
                       mr_f_text("route", edge_route_name(r->route)), mr_f_int("status", status),
                       mr_f_text("problem", problem), mr_f_text("traceparent", r->traceparent));
}

void edge_answer(struct edge_request *r, int32_t status, const struct edge_fields *fields,
                 struct mr_slice body)
{
    account_for(r, status, NULL);
    mr_http_exchange_answer(r->x, status, fields ? fields->items : NULL, fields ? fields->count : 0,
                            body);
}

void edge_answer_json(struct edge_request *r, int32_t status, struct edge_fields *fields,
                      const struct mr_buf *body)
{
    struct edge_fields own = {0};
    if (!mr_buf_ok(body)) {
        edge_refuse(r, "internal", "The answer does not fit its bound.");
        return;
    }
    if (!fields)
        fields = &own;
    edge_field(fields, "Content-Type", "application/json");
    edge_answer(r, status, fields, mr_buf_all(body));
}

void edge_answer_problem(struct edge_request *r, const struct mr_problem *problem,
                         const struct edge_fields *fields)
{
    char name[64];
    snprintf(name, sizeof name, "%.*s", MR_SLICE_FMT(problem->name));
    account_for(r, problem->status, name);
    if (r->write_problem) {
        r->write_problem(r, problem, fields);
        return;
    }
    mr_http_exchange_problem(r->x, problem, fields ? fields->items : NULL,
                             fields ? fields->count : 0);
}

void edge_refuse(struct edge_request *r, const char *name, const char *detail, ...)
{
    const struct mr_problem_type *type = mr_problem_find(mr_slice_text(name));
    assert(type);
    char text[sizeof(struct mr_error)] = "";
    if (detail) {
        va_list ap;
        va_start(ap, detail);
        vsnprintf(text, sizeof text, detail, ap);
        va_end(ap);
    }
    struct edge_fields fields = {0};
    if (type->status == 503)
        edge_field(&fields, "Retry-After", EDGE_RETRY_AFTER);
    struct mr_problem problem = mr_problem_of(type, mr_slice_text(detail ? text : NULL));
    edge_answer_problem(r, &problem, &fields);
}
