#include "mr_pg_watch.h"

#include <stdlib.h>
#include <string.h>

struct mr_pg_watch {
    struct mr_pg_watch_settings settings;
    char *scope;
    struct mr_pg_conn *conn;
    struct mr_timer timer;
    struct mr_arena arena;
    int32_t pid; /* 0: not armed */
    int32_t *lanes;
    size_t lane_count, lane_size;
    bool closing;
    void (*on_closed)(void *owner);
    void *closed_owner;
};

static void on_looked(struct mr_pg_result *result, void *data)
{
    struct mr_pg_watch *w = data;
    struct mr_error why;
    if (w->closing)
        return;
    if (mr_pg_result_status(result, &why) != MR_OK) {
        if (w->settings.on_failed)
            w->settings.on_failed(w->settings.owner, &why);
        return;
    }
    for (int i = 0; w->settings.on_ended && i < mr_pg_result_rows(result); i++)
        w->settings.on_ended(w->settings.owner, mr_pg_result_int4(result, i, 0));
}

static void on_timer(void *data)
{
    struct mr_pg_watch *w = data;
    struct mr_pg_params p;
    struct mr_pg_array lanes;
    mr_arena_reset(&w->arena);
    mr_pg_params_init(&p, &w->arena);
    mr_pg_param_int4(&p, w->pid);
    mr_pg_param_text(&p, mr_slice_text(w->scope));
    mr_pg_array_init(&lanes, &w->arena, MR_PG_INT4, (uint32_t)w->lane_count);
    for (size_t i = 0; i < w->lane_count; i++)
        mr_pg_array_int4(&lanes, w->lanes[i]);
    mr_pg_param_array(&p, &lanes);
    if (mr_pg_query(w->conn, w->settings.stmt, &p, on_looked, w) == MR_OK)
        mr_pg_sync(w->conn); /* otherwise it is asked again after wait_ms */
    mr_timer_start(&w->timer, w->settings.wait_ms);
}

enum mr_status mr_pg_watch_open(const struct mr_pg_watch_settings *settings,
                                struct mr_pg_watch **out, struct mr_error *why)
{
    struct mr_pg_watch *w = calloc(1, sizeof *w);
    if (!w)
        abort();
    w->settings = *settings;
    struct mr_pg_options options = {.conninfo = settings->conninfo,
                                    .application_name = "millrace lock watch"};
    enum mr_status status =
        mr_pg_open(&settings->loop->uv, &options, &(struct mr_pg_events){0}, &w->conn, why);
    if (status != MR_OK) {
        free(w);
        return status;
    }
    w->scope = strdup(settings->scope);
    if (!w->scope)
        abort();
    mr_arena_init(&w->arena, 1 << 20);
    mr_timer_init(&w->timer, settings->loop, on_timer, w);
    *out = w;
    return MR_OK;
}

void mr_pg_watch_arm(struct mr_pg_watch *w, int32_t pid, const int32_t *lanes, size_t count)
{
    if (count > w->lane_size) {
        w->lanes = realloc(w->lanes, count * sizeof *lanes);
        if (!w->lanes)
            abort();
        w->lane_size = count;
    }
    memcpy(w->lanes, lanes, count * sizeof *lanes);
    w->lane_count = count;
    w->pid = pid;
    mr_timer_start(&w->timer, w->settings.wait_ms);
}

void mr_pg_watch_disarm(struct mr_pg_watch *w)
{
    w->pid = 0;
    mr_timer_stop(&w->timer);
}

static void on_conn_closed(void *data)
{
    struct mr_pg_watch *w = data;
    void (*on_closed)(void *) = w->on_closed;
    void *owner = w->closed_owner;
    mr_arena_free(&w->arena);
    free(w->lanes);
    free(w->scope);
    free(w);
    if (on_closed)
        on_closed(owner);
}

void mr_pg_watch_close(struct mr_pg_watch *w, void (*on_closed)(void *owner), void *owner)
{
    mr_pg_watch_disarm(w);
    w->closing = true;
    w->on_closed = on_closed;
    w->closed_owner = owner;
    mr_pg_close(w->conn, on_conn_closed, w);
}
