#include "test_kafka_consumer.h"

#include <criterion/criterion.h>
#include <string.h>

static void on_assigned(void *owner, const int32_t *lanes, size_t count)
{
    struct watcher *w = owner;
    w->assigned++;
    for (size_t i = 0; i < count; i++) {
        w->lanes |= UINT64_C(1) << lanes[i];
        cr_assert(mr_kafka_consumer_is_assigned(w->consumer, lanes[i]));
        if (w->start_at >= 0)
            watcher_start(w, lanes[i], w->start_at);
    }
}

static void on_revoked(void *owner, const int32_t *lanes, size_t count, bool lost)
{
    struct watcher *w = owner;
    w->revoked++;
    w->lost += lost;
    for (size_t i = 0; i < count; i++) {
        w->lanes &= ~(UINT64_C(1) << lanes[i]);
        cr_assert_not(mr_kafka_consumer_is_assigned(w->consumer, lanes[i]));
    }
}

static void on_record(void *owner, const struct mr_kafka_record *record)
{
    struct watcher *w = owner;
    int32_t lane = record->lane;
    cr_assert_lt(lane, LANES_MAX);
    if (record->position <= w->last[lane])
        w->broken++;
    if (w->lane_count[lane]++ == 0)
        w->first[lane] = record->position;
    w->last[lane] = record->position;
    w->count++;
    if (w->on_record)
        w->on_record(w, record);
}

static void on_out_of_range(void *owner, int32_t lane, int64_t position)
{
    struct watcher *w = owner;
    (void)lane;
    w->out_of_range++;
    w->refused = position;
}

static void on_end(void *owner, int32_t lane, int64_t position)
{
    struct watcher *w = owner;
    (void)lane;
    w->ends++;
    w->end = position;
}

static void on_error(void *owner, int32_t lane, enum mr_status status, const char *text)
{
    struct watcher *w = owner;
    (void)lane;
    cr_expect(text && *text);
    w->errors++;
    w->fatal += status == MR_FATAL;
}

static const struct mr_kafka_consumer_callbacks callbacks = {
    .on_assigned = on_assigned,
    .on_revoked = on_revoked,
    .on_record = on_record,
    .on_out_of_range = on_out_of_range,
    .on_end = on_end,
    .on_error = on_error,
};

void watcher_reset(struct watcher *watcher)
{
    watcher->count = 0;
    watcher->broken = 0;
    for (size_t i = 0; i < LANES_MAX; i++) {
        watcher->lane_count[i] = 0;
        watcher->first[i] = watcher->last[i] = -1;
    }
}

void watcher_open(struct watcher *watcher, uv_loop_t *loop,
                  struct mr_kafka_consumer_settings settings)
{
    struct mr_error why;
    settings.on = &callbacks;
    settings.owner = watcher;
    watcher_reset(watcher);
    cr_assert_eq(mr_kafka_consumer_new(loop, &settings, &watcher->consumer, &why), MR_OK, "%s",
                 why.text);
}

void watcher_close(struct watcher *watcher, uv_loop_t *loop)
{
    mr_kafka_consumer_close(watcher->consumer, kafka_count_one, &watcher->closed);
    cr_assert(kafka_until_count(loop, &watcher->closed, 1, 20000));
}

void watcher_start(struct watcher *watcher, int32_t lane, int64_t position)
{
    struct mr_error why;
    cr_assert_eq(mr_kafka_consumer_start(watcher->consumer, lane, position, &why), MR_OK, "%s",
                 why.text);
}
