/* What a worker shows: the engine's own counts, copied into metrics once a second. */
#ifndef RUNTIME_METRICS_H
#define RUNTIME_METRICS_H

#include "engine.h"
#include "mr_metrics.h"
#include "runtime_log.h"
#include "runtime_store.h"

struct runtime_metrics;

/* lanes: of the domain. */
struct runtime_metrics *runtime_metrics_new(struct mr_metrics *metrics, const char *domain,
                                            int32_t lanes);
void runtime_metrics_free(struct runtime_metrics *m);
/* wall_ms: now, by the clock that the log's append times come from. */
void runtime_metrics_copy(struct runtime_metrics *m, const struct engine *engine,
                          const struct runtime_log *log, const struct runtime_store *store,
                          int64_t wall_ms);

#endif
