/* Tells millrace's own Postgres how far the warehouse has come (millrace.lane_loaded), over a
 * connection of its own, so that days which are loaded may be dropped there. Best effort: at most
 * once a second, the newest of each lane, again until it was taken. */
#ifndef LOADER_REPORT_H
#define LOADER_REPORT_H

#include "mr_log.h"
#include "mr_loop.h"
#include "mr_pg_conn.h"

struct loader_report;

struct loader_report_settings {
    struct mr_loop *loop;
    struct mr_log *log;
    const char *conninfo;
    void (*on_connection)(void *owner, bool up); /* of its connection */
    void *owner;
};

MR_MUST_CHECK enum mr_status loader_report_new(const struct loader_report_settings *settings,
                                               struct loader_report **out, struct mr_error *why);
/* topic is borrowed until closed: the same pointer for the same topic. */
void loader_report_lane(struct loader_report *report, const char *topic, int32_t lane,
                        int64_t next_offset, int64_t last_sequence);
/* For what the loader asks that database at its start. */
struct mr_pg_conn *loader_report_conn(struct loader_report *report);
/* Sends what waits where it can at once, then on_closed. */
void loader_report_close(struct loader_report *report, void (*on_closed)(void *owner), void *owner);

#endif
