/* millracectl parked list|retry|drop. Retry and drop only file a request, which the lane's owner
 * executes in a transaction of the lane. */
#include "ctl_table.h"
#include "ctl_verbs.h"
#include "engine_admin.h"

#include <stdio.h>

static const struct mr_setting own[] = {
    {"DOMAIN", NULL, "where commands of several domains have this id", .kind = MR_CONFIG_TEXT,
     .max = 15},
    {"ACCOUNT", NULL, "where commands of several accounts have this id", .kind = MR_CONFIG_UUID},
    {"REASON", NULL, "why; kept in millrace.audit", .kind = MR_CONFIG_TEXT, .max = 500},
};

/* One row a held key: its lowest command, and how many wait behind it. */
static const char list_parked[] =
    "SELECT domain, lane::text, position::text, command_id::text, account_id::text, type, "
    "attempts::text, date_trunc('second', now() - parked_at)::text, behind_count::text, "
    "coalesce((SELECT q.action FROM millrace.request q WHERE q.domain = p.domain "
    "AND q.lane = p.lane AND q.position = p.position), '-'), cause "
    "FROM (SELECT *, count(*) OVER k - 1 AS behind_count, row_number() OVER (k ORDER BY position) "
    "AS place FROM millrace.parked WHERE $1::text IS NULL OR domain = $1::text "
    "WINDOW k AS (PARTITION BY domain, lane, key)) p WHERE place = 1 "
    "ORDER BY domain, lane, position";

static enum ctl_exit run_list(struct ctl *ctl)
{
    struct mr_pg_result *r;
    struct mr_error why;
    struct mr_pg_params p = ctl_params(ctl);
    mr_pg_param_text(&p, mr_slice_text(ctl_arg(ctl, 0)));
    enum mr_status s = ctl_open_pg(ctl, &why);
    if (s == MR_OK)
        s = mr_pg_session_exec_text(ctl->pg, list_parked, &p, &r, &why);
    if (s != MR_OK)
        return ctl_fail(ctl, s, &why);
    struct ctl_table *t = ctl_table_new(
        "DOMAIN|LANE>|POSITION>|COMMAND|ACCOUNT|TYPE|ATTEMPTS>|AGE>|BEHIND>|FILED|CAUSE");
    for (int row = 0; row < mr_pg_result_rows(r); row++)
        for (int column = 0; column < mr_pg_result_columns(r); column++)
            ctl_table_slice(t, mr_pg_result_text(r, row, column));
    ctl_table_end(t, "Nothing is parked.");
    mr_pg_result_free(r);
    return CTL_DONE;
}

/* ---- filing ---- */

struct place {
    char domain[16];
    int32_t lane;
    int64_t position;
};

static const char find_parked[] =
    "SELECT p.domain, p.lane, p.position, p.behind, q.action FROM millrace.parked p "
    "LEFT JOIN millrace.request q USING (domain, lane, position) WHERE p.command_id = $1::uuid "
    "AND ($2::text IS NULL OR p.domain = $2::text) "
    "AND ($3::text IS NULL OR p.account_id = $3::text::uuid) LIMIT 2";

static enum mr_status find(struct ctl *ctl, const struct mr_uuid *id,
                           struct engine_admin_parked *found, struct place *place,
                           struct mr_error *why)
{
    struct mr_pg_result *r;
    struct mr_pg_params p = ctl_params(ctl);
    mr_pg_param_uuid(&p, id);
    mr_pg_param_text(&p, mr_slice_text(ctl_text(ctl, "DOMAIN")));
    mr_pg_param_text(&p, mr_slice_text(ctl_text(ctl, "ACCOUNT")));
    enum mr_status s = mr_pg_session_exec(ctl->pg, find_parked, &p, &r, why);
    if (s != MR_OK)
        return s;
    int rows = mr_pg_result_rows(r);
    found->is_parked = rows > 0;
    if (rows > 0) {
        struct mr_slice filed = mr_pg_result_text(r, 0, 4);
        snprintf(place->domain, sizeof place->domain, "%.*s",
                 MR_SLICE_FMT(mr_pg_result_text(r, 0, 0)));
        place->lane = mr_pg_result_int4(r, 0, 1);
        place->position = mr_pg_result_int8(r, 0, 2);
        found->behind = mr_pg_result_bool(r, 0, 3);
        found->filed = !filed.data                   ? ENGINE_NEW
                       : mr_slice_is(filed, "retry") ? ENGINE_RETRY
                                                     : ENGINE_DROP;
    }
    mr_pg_result_free(r);
    if (rows > 1)
        return mr_fail(why, MR_INVALID,
                       "several parked commands have this id: say --domain or "
                       "--account too (parked list shows them)");
    return MR_OK;
}

static const char file_request[] =
    "WITH q AS (INSERT INTO millrace.request (domain, lane, position, action, reason) "
    "VALUES ($1::text, $2::int4, $3::int8, $4::text, $5::text) ON CONFLICT DO NOTHING "
    "RETURNING domain, lane, position) "
    "INSERT INTO millrace.audit (actor, action, target, reason, detail) "
    "SELECT $6::text, 'parked ' || $4::text, $7::text, $5::text, "
    "jsonb_build_object('domain', domain, 'lane', lane, 'position', position) FROM q";

static enum mr_status file(struct ctl *ctl, const struct place *place, const char *action,
                           bool *filed, struct mr_error *why)
{
    struct mr_pg_result *r;
    struct mr_pg_params p = ctl_params(ctl);
    mr_pg_param_text(&p, mr_slice_text(place->domain));
    mr_pg_param_int4(&p, place->lane);
    mr_pg_param_int8(&p, place->position);
    mr_pg_param_text(&p, mr_slice_text(action));
    mr_pg_param_text(&p, mr_slice_text(ctl_text(ctl, "REASON")));
    mr_pg_param_text(&p, mr_slice_text(ctl_actor(ctl)));
    mr_pg_param_text(&p, mr_slice_text(ctl_arg(ctl, 0)));
    enum mr_status s = mr_pg_session_exec(ctl->pg, file_request, &p, &r, why);
    if (s != MR_OK)
        return s;
    *filed = mr_pg_result_affected(r) == 1;
    mr_pg_result_free(r);
    return MR_OK;
}

static enum ctl_exit run_file(struct ctl *ctl, enum engine_action action)
{
    struct mr_error why;
    struct mr_uuid id;
    struct engine_admin_parked found = {.action = action};
    struct place place;
    bool filed = false;
    const char *reason = ctl_text(ctl, "REASON");
    if (!reason || !*reason)
        return ctl_end(ctl, CTL_USAGE, "--reason=TEXT is needed");
    if (mr_uuid_parse(mr_slice_text(ctl_arg(ctl, 0)), &id) != MR_OK)
        return ctl_end(ctl, CTL_USAGE, "%s is not a command's id", ctl_arg(ctl, 0));
    enum mr_status s = ctl_open_pg(ctl, &why);
    if (s == MR_OK)
        s = find(ctl, &id, &found, &place, &why);
    if (s != MR_OK)
        return ctl_fail(ctl, s, &why);
    if (engine_admin_file(&found, &why) != MR_OK)
        return ctl_end(ctl, CTL_NOT_SO, "%s: %s", ctl_arg(ctl, 0), why.text);
    struct mr_error failed;
    s = file(ctl, &place, action == ENGINE_DROP ? "drop" : "retry", &filed, &failed);
    if (s != MR_OK)
        return ctl_fail(ctl, s, &failed);
    if (!filed)
        return ctl_end(ctl, CTL_NOT_SO,
                       "%s: somebody filed a request for it just now, and the "
                       "first counts",
                       ctl_arg(ctl, 0));
    printf("%s: %s\n", ctl_arg(ctl, 0), why.text);
    return CTL_DONE;
}

static enum ctl_exit run_retry(struct ctl *ctl)
{
    return run_file(ctl, ENGINE_RETRY);
}

static enum ctl_exit run_drop(struct ctl *ctl)
{
    return run_file(ctl, ENGINE_DROP);
}

const struct ctl_verb ctl_parked_list = {
    .name = "parked list",
    .usage = "[DOMAIN]",
    .summary = "Shows what is parked, a line for each key that is held",
    .args_max = 1,
    .run = run_list,
};
const struct ctl_verb ctl_parked_retry = {
    .name = "parked retry",
    .usage = "COMMAND_ID [--domain=D] [--account=UUID] --reason=TEXT",
    .summary = "Asks the lane's owner to decide a parked command again",
    .details = "Of two requests for one command the first counts.",
    .args_min = 1,
    .args_max = 1,
    .own = own,
    .own_count = sizeof own / sizeof *own,
    .run = run_retry,
};
const struct ctl_verb ctl_parked_drop = {
    .name = "parked drop",
    .usage = "COMMAND_ID [--domain=D] [--account=UUID] --reason=TEXT",
    .summary = "Asks the lane's owner to reject a parked command as dropped",
    .details = "The command gets the outcome \"rejected: dropped\", with an event. Of two requests "
               "for one\ncommand the first counts.",
    .args_min = 1,
    .args_max = 1,
    .own = own,
    .own_count = sizeof own / sizeof *own,
    .run = run_drop,
};
