/* Writing the row of a lane under the rule that all its writers keep: a frozen client holds its row
 * locks whatever timeouts are set, so a statement that has waited longer than LANE_LOCK_WAIT_MS is
 * looked at from a second connection while it still waits. A holder that the row names is ended;
 * any other blocker is left alone and asked about again. */
#ifndef CTL_LOCK_H
#define CTL_LOCK_H

#include "ctl.h"

struct ctl_lock {
    struct mr_pg_session *session; /* that runs the statement */
    const char *sql;
    enum mr_status (*connect)(const struct ctl *ctl, struct mr_pg_session **out,
                              struct mr_error *why);
    const char *watch; /* MR_PG_WATCH_SQL */
    const char *scope; /* domain or topic */
    int32_t lane;
};

extern const char ctl_lock_watch_lane[];   /* of millrace.lane */
extern const char ctl_lock_watch_ledger[]; /* of load_ledger, in the warehouse */

/* As mr_pg_session_exec; blocks until it is answered. Says on standard error whom it ended. */
MR_MUST_CHECK enum mr_status ctl_lock_exec(struct ctl *ctl, const struct ctl_lock *lock,
                                           const struct mr_pg_params *params,
                                           struct mr_pg_result **result, struct mr_error *why);

#endif
