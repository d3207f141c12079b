/* From a request's head to its handler: which route, who asks, for which account. */
#ifndef EDGE_ROUTE_H
#define EDGE_ROUTE_H

#include "edge.h"
#include "mr_http_exchange.h"

/* The HTTP server's request(); edge is a struct edge. */
void edge_route_request(struct mr_http_exchange *x, void *edge);

#endif
