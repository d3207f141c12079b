/* millracectl lanes set-position: what an operator says when the world went back in time. What may
 * be written is engine_admin's to decide; here the facts are read, and the row is written by one
 * statement that replaces the fence which the plan was made from. */
#include "ctl_lock.h"
#include "ctl_look.h"
#include "ctl_verbs.h"
#include "mr_random.h"

#include <inttypes.h>
#include <stdio.h>

#define TRIES_MAX 5 /* a busy owner moves its lane some times a second */

static const struct mr_setting own[] = {
    {"APPLIED", NULL, "the next position that is to be decided", .kind = MR_CONFIG_INTEGER,
     .max = INT64_MAX - 1},
    {"NEXT_EVENT", NULL,
     "after a restore: the highest sequence in the event partition + 1; where it differs, the "
     "refusal says which",
     .kind = MR_CONFIG_INTEGER, .max = INT64_MAX - 1},
    {"REASON", NULL, "why; kept in millrace.audit", .kind = MR_CONFIG_TEXT, .max = 500},
};

struct lane {
    const char *domain;
    int32_t lane;
    char commands[32], events[32]; /* topics */
};

static enum mr_status read_lane(struct ctl *ctl, struct lane *lane, struct mr_error *why)
{
    static const char sql[] = "SELECT lanes FROM millrace.domain WHERE name = $1::text";
    struct mr_pg_result *r;
    struct mr_pg_params p = ctl_params(ctl);
    lane->domain = ctl_arg(ctl, 0);
    mr_pg_param_text(&p, mr_slice_text(lane->domain));
    enum mr_status s = mr_pg_session_exec(ctl->pg, sql, &p, &r, why);
    if (s != MR_OK)
        return s;
    int32_t lanes = mr_pg_result_rows(r) ? mr_pg_result_int4(r, 0, 0) : 0;
    mr_pg_result_free(r);
    if (lanes == 0)
        return mr_fail(why, MR_INVALID, "there is no domain \"%s\"", lane->domain);
    s = ctl_look_lane(ctl_arg(ctl, 1), lane->domain, lanes, &lane->lane, why);
    if (s != MR_OK)
        return s;
    snprintf(lane->commands, sizeof lane->commands, "%s.commands", lane->domain);
    snprintf(lane->events, sizeof lane->events, "%s.events", lane->domain);
    return MR_OK;
}

/* Row and audit in one statement: there is no moment in which this program could freeze with the
 * row locked and a name in it that is not its own. */
static const char write_row[] =
    "WITH moved AS (UPDATE millrace.lane SET fence = $4::int8, applied = $5::int8, "
    "last_record = $6::bytea, next_event = $7::int8, published = $8::int8, event_offset = $9::int8 "
    "WHERE domain = $1::text AND lane = $2::int4 AND fence = $3::int8 RETURNING domain, lane), "
    "noted AS (INSERT INTO millrace.audit (actor, action, target, reason, detail) "
    "SELECT $10::text, 'set-position', domain || ' ' || lane, $11::text, $12::text::jsonb "
    "FROM moved) SELECT count(*) FROM moved";

/* verify reads it: what was passed over is not missing. */
static const char *audit_detail(struct ctl *ctl, const struct engine_row *was,
                                const struct engine_row *row, bool of_events)
{
    struct mr_buf text;
    mr_buf_init(&text, 1024);
    mr_buf_printf(&text, "{\"applied\":[%" PRId64 ",%" PRId64 "]", was->applied, row->applied);
    if (of_events)
        mr_buf_printf(&text,
                      ",\"next_event\":[%" PRId64 ",%" PRId64 "],\"published\":[%" PRId64
                      ",%" PRId64 "]",
                      was->next_event, row->next_event, was->published, row->published);
    mr_buf_char(&text, '}');
    const char *copy = mr_arena_dup(&ctl->arena, text.data, text.len);
    mr_buf_free(&text);
    return copy;
}

/* MR_BUSY: the lane moved since it was looked at, or its row is locked for long. */
static enum mr_status write(struct ctl *ctl, const struct lane *lane, const struct engine_row *was,
                            const struct engine_row *row, struct mr_error *why)
{
    struct ctl_lock lock = {.session = ctl->pg,
                            .sql = write_row,
                            .connect = ctl_connect_pg,
                            .watch = ctl_lock_watch_lane,
                            .scope = lane->domain,
                            .lane = lane->lane};
    struct mr_pg_result *r;
    struct mr_pg_params p = ctl_params(ctl);
    const struct mr_slice record = mr_slice(row->last_record.bytes, sizeof row->last_record.bytes);
    bool of_events = mr_config_is_given(ctl->config, "NEXT_EVENT");
    mr_pg_param_text(&p, mr_slice_text(lane->domain));
    mr_pg_param_int4(&p, lane->lane);
    mr_pg_param_int8(&p, (int64_t)was->fence);
    mr_pg_param_int8(&p, (int64_t)row->fence);
    mr_pg_param_int8(&p, row->applied);
    mr_pg_param_bytea(&p, row->has_last_record ? record : (struct mr_slice){0});
    mr_pg_param_int8(&p, row->next_event);
    mr_pg_param_int8(&p, row->published);
    mr_pg_param_int8(&p, row->event_offset);
    mr_pg_param_text(&p, mr_slice_text(ctl_actor(ctl)));
    mr_pg_param_text(&p, mr_slice_text(ctl_text(ctl, "REASON")));
    mr_pg_param_text(&p, mr_slice_text(audit_detail(ctl, was, row, of_events)));
    enum mr_status s = ctl_lock_exec(ctl, &lock, &p, &r, why);
    if (s != MR_OK)
        return s;
    bool moved = mr_pg_result_int8(r, 0, 0) == 1;
    mr_pg_result_free(r);
    if (!moved)
        return mr_fail(why, MR_BUSY,
                       "%s lane %" PRId32 " moves under its owner: stop the workers of %s first",
                       lane->domain, lane->lane, lane->domain);
    printf("%s lane %" PRId32 ": applied %" PRId64 " -> %" PRId64 ", next event %" PRId64
           " -> %" PRId64 ", published %" PRId64 " -> %" PRId64 "\n",
           lane->domain, lane->lane, was->applied, row->applied, was->next_event, row->next_event,
           was->published, row->published);
    return MR_OK;
}

static enum mr_status look(struct ctl *ctl, const struct lane *lane,
                           const struct engine_admin_position *ask,
                           struct engine_admin_found *found, struct mr_error *why)
{
    struct ctl_look at = {
        .topic = lane->commands, .domain = mr_slice_text(lane->domain), .lane = lane->lane};
    enum mr_status s = ctl_look_commands(ctl, &at, ask->applied, found, why);
    at.topic = lane->events;
    if (s == MR_OK && ask->next_event != ENGINE_ADMIN_KEEP)
        s = ctl_look_events(ctl, &at, found, why);
    return s;
}

static enum mr_status set(struct ctl *ctl, const struct lane *lane, struct mr_error *why)
{
    struct engine_admin_position ask = {
        .applied = mr_config_int(ctl->config, "APPLIED"),
        .next_event = mr_config_int_or(ctl->config, "NEXT_EVENT", ENGINE_ADMIN_KEEP),
    };
    enum mr_status s = MR_BUSY;
    for (int tries = 0; s == MR_BUSY && tries < TRIES_MAX; tries++) {
        struct engine_admin_found found = {.event_highest = -1, .event_offset = -1};
        struct engine_row row;
        ask.fence_new = mr_random_u64();
        s = ctl_look_row(ctl, lane->domain, lane->lane, &found.row,
                         why); /* first: its fence guards the rest */
        if (s == MR_OK)
            s = look(ctl, lane, &ask, &found, why);
        if (s == MR_OK)
            s = engine_admin_set_position(&ask, &found, &row, why);
        if (s == MR_OK)
            s = write(ctl, lane, &found.row, &row, why);
    }
    return s;
}

static enum ctl_exit run(struct ctl *ctl)
{
    struct mr_error why;
    struct lane lane;
    const char *reason = ctl_text(ctl, "REASON");
    if (!mr_config_is_given(ctl->config, "APPLIED") || !reason || !*reason)
        return ctl_end(ctl, CTL_USAGE, "--applied=N and --reason=TEXT are needed");
    enum mr_status s = ctl_open_pg(ctl, &why);
    if (s == MR_OK)
        s = read_lane(ctl, &lane, &why);
    if (s == MR_OK)
        s = ctl_open_reader(ctl, &why);
    if (s == MR_OK)
        s = set(ctl, &lane, &why);
    return s == MR_OK ? CTL_DONE : ctl_fail(ctl, s, &why);
}

const struct ctl_verb ctl_lanes_set_position = {
    .name = "lanes set-position",
    .usage = "DOMAIN LANE --applied=N [--next-event=M] --reason=TEXT",
    .summary = "Tells a stopped lane where to go on",
    .details =
        "A lane stops when log and database contradict each other: one of them was truncated,\n"
        "recreated or restored. Nothing jumps by itself; this says where the lane goes on. The "
        "owner\nfinds its fence replaced, and takes the lane over anew from there. Read \"When the "
        "world goes\nback in time\" in docs/operators.md first.",
    .args_min = 2,
    .args_max = 2,
    .own = own,
    .own_count = sizeof own / sizeof *own,
    .run = run,
};
