/* A repeating timer wakes the loop, so that the deadline is seen when nothing else happens. */
#include "kafka_until.h"

#define LOOK_MS 20

static void on_look(uv_timer_t *timer)
{
    (void)timer;
}

bool kafka_until(uv_loop_t *loop, bool (*is)(void *data), void *data, uint64_t ms)
{
    uv_timer_t look;
    uv_timer_init(loop, &look);
    uv_timer_start(&look, on_look, LOOK_MS, LOOK_MS);
    uv_update_time(loop);
    uint64_t until_ms = uv_now(loop) + ms;
    bool happened;
    while (!(happened = is(data)) && uv_now(loop) < until_ms)
        uv_run(loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&look, NULL);
    while (uv_is_active((uv_handle_t *)&look))
        uv_run(loop, UV_RUN_NOWAIT);
    uv_run(loop, UV_RUN_NOWAIT); /* its close is done before look goes out of scope */
    return happened;
}

struct counted {
    const uint64_t *count;
    uint64_t want;
};

static bool is_counted(void *data)
{
    const struct counted *counted = data;
    return *counted->count >= counted->want;
}

bool kafka_until_count(uv_loop_t *loop, const uint64_t *count, uint64_t want, uint64_t ms)
{
    struct counted counted = {.count = count, .want = want};
    return kafka_until(loop, is_counted, &counted, ms);
}

void kafka_count_one(void *count)
{
    ++*(uint64_t *)count;
}
