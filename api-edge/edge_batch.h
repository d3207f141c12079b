/* A batch: the items of a body that streams through, each checked, redacted, sampled and put into
 * the log by itself; then one answer for all.
 *
 *   READING --item--> sent, sampled out, or rejected (and told)     --no room--> WAITING -->
 * READING |  --the body is whole, every report is in--> 200 |  --it cannot be read (compression, an
 * array's structure, too long)--> 400, 413 that say | what was accepted before
 *     \--the log went away--> reports are awaited --> 503 nothing was stored, 504 otherwise
 *
 * Nothing is held but the items in flight, whose number is bounded: while the log is slow the
 * client is not read from. */
#ifndef EDGE_BATCH_H
#define EDGE_BATCH_H

#include "edge_request.h"

/* The handler; r->match.command (a batch's), r->account and r->who are set. */
void edge_batch_start(struct edge_request *r);

#endif
