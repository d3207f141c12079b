#include "loader_report.h"

#include "mr_map.h"
#include <stdlib.h>

#define EVERY_MS 1000
#define CLOSE_MS 1000 /* how long the last report may take */

static const struct mr_pg_stmt upsert = {
    .name = "lane_loaded",
    .sql = "INSERT INTO millrace.lane_loaded AS l (topic, lane, next_offset, last_sequence) "
           "SELECT u.topic, u.lane, u.next_offset, u.last_sequence "
           "FROM unnest($1::text[], $2::int4[], $3::int8[], $4::int8[]) "
           "u(topic, lane, next_offset, last_sequence) ORDER BY u.topic, u.lane "
           "ON CONFLICT (topic, lane) DO UPDATE SET next_offset = excluded.next_offset, "
           "last_sequence = excluded.last_sequence, loaded_at = now()",
    .nparams = 4,
};

struct lane {
    struct lane *prev, *next;
    const char *topic;
    int32_t lane;
    int64_t next_offset, last_sequence;
    bool dirty; /* not taken by the database yet */
    bool sent;  /* of the statement under way */
};

struct loader_report {
    struct loader_report_settings settings;
    struct mr_pg_conn *conn;
    struct mr_timer timer;
    struct mr_arena arena;
    struct lane *lanes;
    bool up, sending, closing, conn_closing;
    void (*on_closed)(void *owner);
    void *closed_owner;
};

static void close_conn(struct loader_report *r);

static bool push_dirty(struct loader_report *r, struct mr_pg_params *p)
{
    struct mr_pg_array topics, lanes, offsets, sequences;
    struct lane *l;
    mr_pg_array_init(&topics, &r->arena, MR_PG_TEXT, 0);
    mr_pg_array_init(&lanes, &r->arena, MR_PG_INT4, 0);
    mr_pg_array_init(&offsets, &r->arena, MR_PG_INT8, 0);
    mr_pg_array_init(&sequences, &r->arena, MR_PG_INT8, 0);
    bool any = false;
    DL_FOREACH (r->lanes, l) {
        l->sent = l->dirty;
        if (!l->dirty)
            continue;
        any = true;
        l->dirty = false;
        mr_pg_array_text(&topics, mr_slice_text(l->topic));
        mr_pg_array_int4(&lanes, l->lane);
        mr_pg_array_int8(&offsets, l->next_offset);
        mr_pg_array_int8(&sequences, l->last_sequence);
    }
    mr_pg_param_array(p, &topics);
    mr_pg_param_array(p, &lanes);
    mr_pg_param_array(p, &offsets);
    mr_pg_param_array(p, &sequences);
    return any;
}

static void again(struct loader_report *r)
{
    struct lane *l;
    DL_FOREACH (r->lanes, l)
        l->dirty = l->dirty || l->sent;
    if (!r->closing)
        mr_timer_start(&r->timer, EVERY_MS);
}

static void on_result(struct mr_pg_result *result, void *data)
{
    struct loader_report *r = data;
    struct mr_error why;
    r->sending = false;
    if (mr_pg_result_status(result, &why) != MR_OK) {
        MR_LOG(r->settings.log, WARN, "how far the warehouse has come could not be noted",
               mr_f_text("error", why.text));
        again(r);
    }
    if (r->closing)
        close_conn(r);
}

static void send_dirty(struct loader_report *r)
{
    struct mr_pg_params p;
    if (r->sending)
        return;
    mr_arena_reset(&r->arena);
    mr_pg_params_init(&p, &r->arena);
    if (!push_dirty(r, &p))
        return;
    r->sending = mr_pg_query(r->conn, &upsert, &p, on_result, r) == MR_OK;
    if (r->sending)
        mr_pg_sync(r->conn);
    else
        again(r);
}

static void on_timer(void *data)
{
    struct loader_report *r = data;
    if (r->closing)
        close_conn(r);
    else if (r->sending)
        mr_timer_start(&r->timer, EVERY_MS);
    else
        send_dirty(r);
}

void loader_report_lane(struct loader_report *r, const char *topic, int32_t lane,
                        int64_t next_offset, int64_t last_sequence)
{
    struct lane *l;
    DL_FOREACH (r->lanes, l)
        if (l->topic == topic && l->lane == lane)
            break;
    if (!l) {
        l = calloc(1, sizeof *l);
        if (!l)
            abort();
        l->topic = topic;
        l->lane = lane;
        DL_APPEND(r->lanes, l);
    }
    l->next_offset = next_offset;
    l->last_sequence = last_sequence;
    l->dirty = true;
    if (!mr_timer_is_set(&r->timer))
        mr_timer_start(&r->timer, EVERY_MS);
}

struct mr_pg_conn *loader_report_conn(struct loader_report *r)
{
    return r->conn;
}

static void on_up(struct mr_pg_conn *conn, const struct mr_pg_backend *backend, void *data)
{
    struct loader_report *r = data;
    (void)conn;
    (void)backend;
    r->up = true;
    r->settings.on_connection(r->settings.owner, true);
}

static void on_down(struct mr_pg_conn *conn, const struct mr_pg_down *down, void *data)
{
    struct loader_report *r = data;
    (void)conn;
    if (down->was_up || down->attempts == 1)
        MR_LOG(r->settings.log, WARN, "Postgres is away", mr_f_text("error", down->why.text));
    if (!r->up)
        return;
    r->up = false;
    r->settings.on_connection(r->settings.owner, false);
}

enum mr_status loader_report_new(const struct loader_report_settings *settings,
                                 struct loader_report **out, struct mr_error *why)
{
    struct loader_report *r = calloc(1, sizeof *r);
    if (!r)
        abort();
    r->settings = *settings;
    mr_arena_init(&r->arena, 16 << 20);
    mr_timer_init(&r->timer, settings->loop, on_timer, r);
    struct mr_pg_options options = {.conninfo = settings->conninfo,
                                    .application_name = "millrace loader report"};
    struct mr_pg_events events = {.on_up = on_up, .on_down = on_down, .data = r};
    enum mr_status s = mr_pg_open(&settings->loop->uv, &options, &events, &r->conn, why);
    if (s == MR_OK) {
        *out = r;
        return MR_OK;
    }
    mr_arena_free(&r->arena);
    free(r);
    return s;
}

static void on_conn_closed(void *data)
{
    struct loader_report *r = data;
    struct lane *l, *next;
    void (*on_closed)(void *) = r->on_closed;
    void *owner = r->closed_owner;
    DL_FOREACH_SAFE (r->lanes, l, next)
        free(l);
    mr_timer_stop(&r->timer);
    mr_arena_free(&r->arena);
    free(r);
    if (on_closed)
        on_closed(owner);
}

static void close_conn(struct loader_report *r)
{
    if (r->conn_closing)
        return; /* the LOST answer of what was under way comes here again */
    r->conn_closing = true;
    mr_timer_stop(&r->timer);
    mr_pg_close(r->conn, on_conn_closed, r);
}

void loader_report_close(struct loader_report *r, void (*on_closed)(void *owner), void *owner)
{
    r->on_closed = on_closed;
    r->closed_owner = owner;
    send_dirty(r);
    r->closing = true;
    if (r->sending)
        mr_timer_start(&r->timer, CLOSE_MS);
    else
        close_conn(r);
}
