/* A command: its body checked and put into the log, and the client told what became of it.
 *
 *   COLLECTING --body--> CHECKED --key and wait: a look-up--> LOOKING --settled--> replayed
 *                          |                                     | not, or Postgres is away
 *                          +------------- sent <-----------------+
 *   SENT --not stored--> 503   --may be stored--> 504   --stored--> 202, or with wait
 *   WAITING --settled--> 201, 200 or why not   --late--> 202
 *
 * A client that leaves ends its part alone: the command goes on. Nothing here waits for Postgres
 * but a client that asked to. */
#ifndef EDGE_COMMAND_H
#define EDGE_COMMAND_H

#include "edge_request.h"

/* The handler; r->match.command, r->account and r->who are set. */
void edge_command_start(struct edge_request *r);

#endif
