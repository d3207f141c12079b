/* POST /gelf: one GELF message, plain, gzip or zlib as its first bytes tell, whatever its header
 * fields say. 202 without a body once the log has it; errors are problems, as a command's are. The
 * account is the key's. */
#ifndef EDGE_GELF_H
#define EDGE_GELF_H

#include "edge_request.h"

/* The handler; r->match.command is the one that takes GELF. */
void edge_gelf_start(struct edge_request *r, struct mr_slice name);

#endif
