/* What has become of the command at a receipt, after waiting for it where the client prefers to. */
#ifndef EDGE_SETTLE_H
#define EDGE_SETTLE_H

#include "edge_wait.h"

/* outcome is EDGE_AHEAD where the lane has not come there (in time); valid during the call, which
 * ends the request or goes on with it. Not called when Postgres is away: the request is then
 * refused, as where memory is short. */
typedef void edge_settled(struct edge_request *r, const struct edge_outcome *outcome);
void edge_settle(struct edge_request *r, const struct edge_outcome_key *key, edge_settled *settled);

/* The receipt in a query parameter `at`. False when the request was refused: it is no receipt, or
 * of a domain that is not known here. */
bool edge_settle_at(struct edge_request *r, struct mr_slice text, struct mr_receipt *at);

#endif
