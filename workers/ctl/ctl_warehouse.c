/* millracectl warehouse set-position: as lanes set-position, for a lane of the loader's ledger. The
 * ledger lies in the warehouse, the audit table in Postgres: the audit is written first, as an
 * intention, so that nothing moves that is not noted. */
#include "ctl_lock.h"
#include "ctl_look.h"
#include "ctl_verbs.h"
#include "mr_random.h"

#include <inttypes.h>
#include <stdio.h>

#define TRIES_MAX 5

static const struct mr_setting own[] = {
    {"OFFSET", NULL, "the next offset of the topic that is to be read", .kind = MR_CONFIG_INTEGER,
     .max = INT64_MAX - 1},
    {"LAST_SEQUENCE", NULL, "the last event that the warehouse is to hold; -1: none",
     .kind = MR_CONFIG_INTEGER, .min = -1, .max = INT64_MAX - 1},
    {"REASON", NULL, "why; kept in millrace.audit", .kind = MR_CONFIG_TEXT, .max = 500},
};

static enum mr_status read_place(struct ctl *ctl, struct ctl_look *place, struct mr_error *why)
{
    static const char suffix[] = ".events";
    int32_t lanes;
    place->topic = ctl_arg(ctl, 0);
    size_t len = strlen(place->topic), cut = sizeof suffix - 1;
    if (len <= cut || strcmp(place->topic + len - cut, suffix) != 0)
        return mr_fail(why, MR_INVALID,
                       "\"%s\" is not a topic that is loaded: they are called "
                       "<domain>.events",
                       place->topic);
    place->domain = mr_slice(place->topic, len - cut);
    enum mr_status s = mr_kafka_reader_lanes(ctl->reader, place->topic, &lanes, CTL_KAFKA_MS, why);
    if (s != MR_OK)
        return s == MR_LOST ? MR_INVALID : s;
    return ctl_look_lane(ctl_arg(ctl, 1), place->topic, lanes, &place->lane, why);
}

/* ---- writing ---- */

static const char write_ledger[] =
    "UPDATE public.load_ledger SET fence = $4::int8, next_offset = $5::int8, "
    "last_sequence = $6::int8, last_offset = $7::int8 "
    "WHERE topic = $1::text AND lane = $2::int4 AND fence = $3::int8";

/* MR_BUSY: the lane moved since it was looked at, or its row is locked for long. */
static enum mr_status write(struct ctl *ctl, const struct ctl_look *place,
                            const struct engine_ledger *was, const struct engine_ledger *now,
                            struct mr_error *why)
{
    struct ctl_lock lock = {.session = ctl->warehouse,
                            .sql = write_ledger,
                            .connect = ctl_connect_warehouse,
                            .watch = ctl_lock_watch_ledger,
                            .scope = place->topic,
                            .lane = place->lane};
    struct mr_pg_result *r;
    struct mr_pg_params p = ctl_params(ctl);
    mr_pg_param_text(&p, mr_slice_text(place->topic));
    mr_pg_param_int4(&p, place->lane);
    mr_pg_param_int8(&p, (int64_t)was->fence);
    mr_pg_param_int8(&p, (int64_t)mr_random_u64());
    mr_pg_param_int8(&p, now->next_offset);
    mr_pg_param_int8(&p, now->last_sequence);
    mr_pg_param_int8(&p, now->last_offset);
    enum mr_status s = ctl_lock_exec(ctl, &lock, &p, &r, why);
    if (s != MR_OK)
        return s;
    bool moved = mr_pg_result_affected(r) == 1;
    mr_pg_result_free(r);
    if (!moved)
        return mr_fail(why, MR_BUSY, "%s lane %" PRId32 " moves under its loader: stop it first",
                       place->topic, place->lane);
    printf("%s lane %" PRId32 ": offset %" PRId64 " -> %" PRId64 ", last sequence %" PRId64
           " -> %" PRId64 "\n",
           place->topic, place->lane, was->next_offset, now->next_offset, was->last_sequence,
           now->last_sequence);
    return MR_OK;
}

static enum mr_status audit(struct ctl *ctl, const struct ctl_look *place,
                            const struct engine_ledger *was, const struct engine_admin_load *ask,
                            struct mr_error *why)
{
    static const char sql[] =
        "INSERT INTO millrace.audit (actor, action, target, reason, detail) VALUES ($1::text, "
        "'warehouse set-position', $2::text, $3::text, $4::text::jsonb)";
    struct mr_pg_params p = ctl_params(ctl);
    char *detail = mr_arena_printf(
        &ctl->arena,
        "{\"next_offset\":[%" PRId64 ",%" PRId64 "],\"last_sequence\":[%" PRId64 ",%" PRId64 "]}",
        was->next_offset, ask->next_offset, was->last_sequence, ask->last_sequence);
    char *target = mr_arena_printf(&ctl->arena, "%s %" PRId32, place->topic, place->lane);
    mr_pg_param_text(&p, mr_slice_text(ctl_actor(ctl)));
    mr_pg_param_text(&p, mr_slice_text(target));
    mr_pg_param_text(&p, mr_slice_text(ctl_text(ctl, "REASON")));
    mr_pg_param_text(&p, mr_slice_text(detail));
    return mr_pg_session_exec(ctl->pg, sql, &p, NULL, why);
}

static enum mr_status set(struct ctl *ctl, const struct ctl_look *place, struct mr_error *why)
{
    const struct engine_admin_load ask = {
        .next_offset = mr_config_int(ctl->config, "OFFSET"),
        .last_sequence = mr_config_int(ctl->config, "LAST_SEQUENCE"),
    };
    enum mr_status s = MR_BUSY;
    for (int tries = 0; s == MR_BUSY && tries < TRIES_MAX; tries++) {
        struct engine_admin_load_found found = {
            .loaded_highest = -1, .last_offset = -1, .next_sequence = -1};
        struct engine_ledger was;
        s = ctl_look_ledger(ctl, place, &was, why); /* first: its fence guards the rest */
        if (s == MR_OK)
            s = ctl_look_loads(ctl, place, &ask, &found, why);
        if (s == MR_OK)
            s = ctl_look_tables(ctl, place, &found.loaded_highest, why);
        if (s == MR_OK)
            s = engine_admin_set_load(&ask, &found, why);
        if (s == MR_OK && tries == 0)
            s = audit(ctl, place, &was, &ask, why);
        const struct engine_ledger now = {.next_offset = ask.next_offset,
                                          .last_sequence = ask.last_sequence,
                                          .last_offset = found.last_offset};
        if (s == MR_OK)
            s = write(ctl, place, &was, &now, why);
    }
    return s;
}

static enum ctl_exit run(struct ctl *ctl)
{
    struct mr_error why;
    struct ctl_look place;
    const char *reason = ctl_text(ctl, "REASON");
    if (!mr_config_is_given(ctl->config, "OFFSET") ||
        !mr_config_is_given(ctl->config, "LAST_SEQUENCE") || !reason || !*reason)
        return ctl_end(ctl, CTL_USAGE,
                       "--offset=N, --last-sequence=M and --reason=TEXT are needed");
    enum mr_status s = ctl_open_catalog(ctl, &why);
    if (s == MR_OK)
        s = ctl_open_pg(ctl, &why);
    if (s == MR_OK)
        s = ctl_open_warehouse(ctl, &why);
    if (s == MR_OK)
        s = ctl_open_reader(ctl, &why);
    if (s == MR_OK)
        s = read_place(ctl, &place, &why);
    if (s == MR_OK)
        s = set(ctl, &place, &why);
    return s == MR_OK ? CTL_DONE : ctl_fail(ctl, s, &why);
}

const struct ctl_verb ctl_warehouse_set_position = {
    .name = "warehouse set-position",
    .usage = "TOPIC LANE --offset=N --last-sequence=M --reason=TEXT",
    .summary = "Tells the loader where to go on in a lane of a topic",
    .details = "The loader stops a lane when its ledger and the topic contradict each other. Rows "
               "that the\nwarehouse holds are never loaded twice, so M may not be below them. Read "
               "\"When the world goes\nback in time\" in docs/operators.md first.",
    .args_min = 2,
    .args_max = 2,
    .own = own,
    .own_count = sizeof own / sizeof *own,
    .run = run,
};
