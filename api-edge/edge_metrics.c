#include "edge_metrics.h"

#include "mr_buf.h"
#include "self_report.h"
#include <stdio.h>
#include <stdlib.h>

#define STATUSES_MAX 32 /* different statuses of a route; what is beyond shares the last */

struct edge_route {
    struct edge *edge;
    struct mr_metrics *metrics;
    char *name;       /* "POST /v1/accounts/{account}/invoices" */
    char method[8];   /* "POST"; "any" of what is no route */
    const char *path; /* within name */
    struct mr_histogram *seconds;
    struct {
        int32_t status;
        struct mr_counter *count;
    } seen[STATUSES_MAX];
    size_t seen_count;
};

struct edge_metrics {
    struct edge *edge;
    struct edge_route *commands, *items, *lists; /* by the catalogue's index */
    struct edge_route own[EDGE_ROUTE_OWN];
    struct mr_gauge *in_flight;
    struct mr_counter *stored, *not_stored, *unknown, *late, *refused;
};

static const char *method_name(enum mr_method method)
{
    switch (method) {
    case MR_METHOD_GET:
        return "GET ";
    case MR_METHOD_POST:
        return "POST ";
    case MR_METHOD_PUT:
        return "PUT ";
    case MR_METHOD_PATCH:
        return "PATCH ";
    case MR_METHOD_DELETE:
        return "DELETE ";
    }
    return "";
}

static void route_init(struct edge_route *route, struct edge *edge, const char *method,
                       const char *path)
{
    struct mr_buf name;
    struct mr_metrics *metrics = edge->metrics;
    size_t method_bytes = strlen(method);
    mr_buf_init(&name, 0);
    mr_buf_printf(&name, "%s%s", method, path);
    mr_buf_char(&name, '\0');
    route->edge = edge;
    route->metrics = metrics;
    route->name = name.data; /* taken */
    route->path = name.data + method_bytes;
    snprintf(route->method, sizeof route->method, "%.*s", method_bytes ? (int)method_bytes - 1 : 3,
             method_bytes ? method : "any");
    route->seconds = mr_metrics_histogram(metrics, "millrace_edge_request_seconds",
                                          "From a request's head to its answer",
                                          MR_LABELS({"route", name.data}));
}

static void route_of(struct edge_route *route, struct edge *edge, const struct mr_catalog_route *of)
{
    if (of->path)
        route_init(route, edge, method_name(of->method), of->path);
}

/* The submit keeps its own counters; they are taken over when somebody looks. */
static void refresh(void *data)
{
    struct edge_metrics *m = data;
    struct edge *edge = m->edge;
    if (!edge->submit)
        return;
    struct command_submit_counters c = command_submit_counters(edge->submit);
    m->stored->value = (double)c.stored;
    m->not_stored->value = (double)c.not_stored;
    m->unknown->value = (double)c.unknown;
    m->late->value = (double)c.late;
    m->refused->value = (double)c.refused;
    mr_gauge_set(m->in_flight, (double)c.in_flight);
}

static struct mr_counter *delivery(struct mr_metrics *metrics, const char *outcome)
{
    return mr_metrics_counter(metrics, "millrace_edge_deliveries_total",
                              "Commands by what became of them at the log: late reports came after "
                              "their request was answered, refused ones were never sent",
                              MR_LABELS({"outcome", outcome}));
}

struct edge_metrics *edge_metrics_new(struct edge *edge)
{
    const struct mr_catalog *c = edge->catalog;
    struct edge_metrics *m = calloc(1, sizeof *m);
    if (!m)
        abort();
    m->edge = edge;
    m->commands = calloc(c->command_count + 1, sizeof *m->commands);
    m->items = calloc(c->resource_count + 1, sizeof *m->items);
    m->lists = calloc(c->resource_count + 1, sizeof *m->lists);
    if (!m->commands || !m->items || !m->lists)
        abort();
    for (size_t i = 0; i < c->command_count; i++)
        route_of(&m->commands[i], edge, &c->commands[i].route);
    for (size_t i = 0; i < c->resource_count; i++) {
        route_of(&m->items[i], edge, &c->resources[i].item);
        route_of(&m->lists[i], edge, &c->resources[i].list);
    }
    route_init(&m->own[EDGE_ROUTE_RECEIPT], edge, "GET ", "/v1/accounts/{account}/commands/{id}");
    route_init(&m->own[EDGE_ROUTE_PROBLEM], edge, "GET ", "/problems/{name}");
    route_init(&m->own[EDGE_ROUTE_OTLP], edge, "POST ", "/otlp/v1/logs");
    route_init(&m->own[EDGE_ROUTE_GELF], edge, "POST ", "/gelf");
    route_init(&m->own[EDGE_ROUTE_OTHER], edge, "", "other");
    m->in_flight = mr_metrics_gauge(edge->metrics, "millrace_edge_in_flight",
                                    "Commands whose delivery report is awaited", NULL);
    m->stored = delivery(edge->metrics, "stored");
    m->not_stored = delivery(edge->metrics, "not_stored");
    m->unknown = delivery(edge->metrics, "unknown");
    m->late = delivery(edge->metrics, "late");
    m->refused = delivery(edge->metrics, "refused");
    mr_metrics_on_render(edge->metrics, refresh, m);
    return m;
}

void edge_metrics_free(struct edge_metrics *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->edge->catalog->command_count; i++)
        free(m->commands[i].name);
    for (size_t i = 0; i < m->edge->catalog->resource_count; i++) {
        free(m->items[i].name);
        free(m->lists[i].name);
    }
    for (size_t i = 0; i < EDGE_ROUTE_OWN; i++)
        free(m->own[i].name);
    free(m->commands);
    free(m->items);
    free(m->lists);
    free(m);
}

struct edge_route *edge_route_of_command(const struct edge_metrics *m,
                                         const struct mr_catalog_command *command)
{
    return &m->commands[command->index];
}

struct edge_route *edge_route_of_item(const struct edge_metrics *m,
                                      const struct mr_catalog_resource *resource)
{
    return &m->items[resource->index];
}

struct edge_route *edge_route_of_list(const struct edge_metrics *m,
                                      const struct mr_catalog_resource *resource)
{
    return &m->lists[resource->index];
}

struct edge_route *edge_route_of_own(const struct edge_metrics *m, enum edge_own_route route)
{
    return (struct edge_route *)&m->own[route];
}

const char *edge_route_name(const struct edge_route *route)
{
    return route->name;
}

static const char *status_text(int32_t status, char text[16])
{
    snprintf(text, 16, "%d", (int)status);
    return status == EDGE_GONE ? "gone" : text;
}

/* The counter of a status is made when the route answers it for the first time. */
static struct mr_counter *counter_of(struct edge_route *route, int32_t status)
{
    for (size_t i = 0; i < route->seen_count; i++)
        if (route->seen[i].status == status)
            return route->seen[i].count;
    if (route->seen_count == STATUSES_MAX)
        return route->seen[STATUSES_MAX - 1].count;
    char text[16];
    struct mr_counter *count = mr_metrics_counter(
        route->metrics, "millrace_edge_requests_total",
        "Answers by route and status; gone: the client left before its answer",
        MR_LABELS({"route", route->name}, {"status", status_text(status, text)}));
    route->seen[route->seen_count].status = status;
    route->seen[route->seen_count++].count = count;
    return count;
}

static void report(const struct edge_route *route, int32_t status, double seconds)
{
    char text[16];
    self_report_count(route->edge->report, SELF_REPORT_EDGE_REQUESTS,
                      MR_LABELS({"route", route->path}, {"method", route->method},
                                {"status", status_text(status, text)}),
                      1);
    self_report_time(route->edge->report, SELF_REPORT_EDGE_SECONDS,
                     MR_LABELS({"route", route->path}), seconds);
}

void edge_route_count(struct edge_route *route, int32_t status, double seconds)
{
    if (route->edge->report)
        report(route, status, seconds);
    mr_counter_add(counter_of(route, status), 1);
    mr_histogram_observe(route->seconds, seconds);
}
