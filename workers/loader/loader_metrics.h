/* What the loader shows of one topic: the engine's own counts, copied into metrics once a second.
 */
#ifndef LOADER_METRICS_H
#define LOADER_METRICS_H

#include "engine_load.h"
#include "loader_log.h"
#include "loader_pg.h"
#include "mr_metrics.h"

struct loader_metrics;

struct loader_metrics_settings {
    struct mr_metrics *metrics;
    const struct mr_catalog *catalog;
    const struct mr_catalog_domain *domain; /* whose topic it is */
    bool facts;                             /* of commands; else of events */
    const char *topic;
    int32_t lanes;
    const char *const *stopped; /* of the catalogue's tables */
};

struct loader_metrics *loader_metrics_new(const struct loader_metrics_settings *settings);
void loader_metrics_free(struct loader_metrics *m); /* takes NULL */
void loader_metrics_flushed(struct loader_metrics *m, int64_t took_ms);
/* wall_ms: now, by the clock that the events' times come from. */
void loader_metrics_copy(struct loader_metrics *m, const struct engine_loader *engine,
                         const struct loader_log *log, const struct loader_pg *pg, int64_t wall_ms);

#endif
