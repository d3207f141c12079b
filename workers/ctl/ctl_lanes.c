/* millracectl lanes list: where each lane stands, and whose it is. */
#include "ctl_table.h"
#include "ctl_verbs.h"

/* The owner is whom the row names, if that session still lives. */
static const char list_lanes[] =
    "SELECT d.name, n.lane::text, l.applied::text, l.next_event::text, l.published::text, "
    "CASE WHEN l.event_offset >= 0 THEN l.event_offset::text END, "
    "coalesce('pid ' || a.pid || coalesce(' at ' || host(a.client_addr), ''), 'nobody'), "
    "CASE WHEN l.lane IS NULL THEN 'never taken' WHEN s.lane IS NOT NULL THEN 'stopped since ' || "
    "to_char(s.stopped_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ': ' || s.reason "
    "ELSE 'ok' END "
    "FROM millrace.domain d CROSS JOIN LATERAL generate_series(0, d.lanes - 1) n(lane) "
    "LEFT JOIN millrace.lane l ON l.domain = d.name AND l.lane = n.lane "
    "LEFT JOIN millrace.lane_stop s ON s.domain = l.domain AND s.lane = l.lane "
    "AND s.fence = l.fence "
    "LEFT JOIN pg_stat_activity a ON a.pid = l.backend_pid AND a.backend_start = l.backend_start "
    "ORDER BY d.name, n.lane";

static enum ctl_exit run(struct ctl *ctl)
{
    struct mr_pg_result *r;
    struct mr_error why;
    enum mr_status s = ctl_open_pg(ctl, &why);
    if (s == MR_OK)
        s = mr_pg_session_exec_text(ctl->pg, list_lanes, NULL, &r, &why);
    if (s != MR_OK)
        return ctl_fail(ctl, s, &why);
    struct ctl_table *t =
        ctl_table_new("DOMAIN|LANE>|APPLIED>|NEXT EVENT>|PUBLISHED>|EVENT OFFSET>|OWNER|STATE");
    for (int row = 0; row < mr_pg_result_rows(r); row++)
        for (int column = 0; column < mr_pg_result_columns(r); column++)
            ctl_table_slice(t, mr_pg_result_text(r, row, column));
    ctl_table_end(t, "There is no domain yet: millracectl topics create makes them.");
    mr_pg_result_free(r);
    return CTL_DONE;
}

const struct ctl_verb ctl_lanes_list = {
    .name = "lanes list",
    .usage = "[flags]",
    .summary = "Shows each lane's row: positions, owner, why it is stopped",
    .run = run,
};
