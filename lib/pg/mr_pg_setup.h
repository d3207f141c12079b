/* Private to lib/pg: what a connection is set up with: its options with their defaults, and the
 * first statement of each session, which sets the time-outs and asks who the server is. */
#ifndef MR_PG_SETUP_H
#define MR_PG_SETUP_H

#include "mr_pg_pipeline.h"

/* A copy that owns its strings and has no defaults left. */
struct mr_pg_options mr_pg_setup_options(const struct mr_pg_options *given);
void mr_pg_setup_free(struct mr_pg_options *options);

/* Queues the greeting, without a sync. False: libpq failed. */
bool mr_pg_setup_greet(const struct mr_pg_options *options, struct mr_pg_pipeline *pipe,
                       mr_pg_on_result on_result, void *data);
/* Reads its answer; backend->server_version is left alone. */
MR_MUST_CHECK enum mr_status mr_pg_setup_heard(const struct mr_pg_result *result,
                                               struct mr_pg_backend *backend, struct mr_error *why);

#endif
