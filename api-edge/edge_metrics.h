/* What the edge counts. Routes are known at start, so labels are bounded. */
#ifndef EDGE_METRICS_H
#define EDGE_METRICS_H

#include "edge.h"
#include <stdint.h>

#define EDGE_GONE 0 /* in place of a status: the client left before its answer */

struct edge_route; /* "POST /v1/accounts/{account}/invoices" */

/* millrace_edge_requests_total{route, status}, millrace_edge_request_seconds{route},
 * millrace_edge_in_flight, millrace_edge_deliveries_total{outcome}, and whatever the catalogue's
 * routes need. */
struct edge_metrics *edge_metrics_new(struct edge *edge);
void edge_metrics_free(struct edge_metrics *metrics);

/* By the catalogue's entry; each is made at start. */
struct edge_route *edge_route_of_command(const struct edge_metrics *m,
                                         const struct mr_catalog_command *command);
struct edge_route *edge_route_of_item(const struct edge_metrics *m,
                                      const struct mr_catalog_resource *resource);
struct edge_route *edge_route_of_list(const struct edge_metrics *m,
                                      const struct mr_catalog_resource *resource);
enum edge_own_route {
    EDGE_ROUTE_RECEIPT,
    EDGE_ROUTE_PROBLEM,
    EDGE_ROUTE_OTLP,
    EDGE_ROUTE_GELF,
    EDGE_ROUTE_OTHER,
    EDGE_ROUTE_OWN
};
struct edge_route *edge_route_of_own(const struct edge_metrics *m, enum edge_own_route route);

const char *edge_route_name(const struct edge_route *route);
void edge_route_count(struct edge_route *route, int32_t status, double seconds);

#endif
