/* GET /v1/accounts/{account}/commands/{id}[?at=domain-lane-position]: what became of a command. */
#ifndef EDGE_RECEIPT_H
#define EDGE_RECEIPT_H

#include "edge_request.h"

/* The handler; r->account is set. id is the path's segment, as sent. */
void edge_receipt_start(struct edge_request *r, struct mr_slice id);

#endif
