/* Sessions: who is signed in, and how many that were in each minute. */
#include "reporting_effects.h"

#include <assert.h>

/* What one sign-in or sign-out is merged as. `open` is how many there are after it; it belongs to a
 * minute only while that is not long over. */
static struct reporting_part turn_of(const struct reporting_effects *out, int64_t minute_ms,
                                     int64_t open)
{
    struct reporting_part part = {.sum = {.count = 1, .sum = 1}};
    if (minute_ms < reporting_floor(out->time_ms, REPORTING_MINUTE_MS) - REPORTING_MINUTE_MS)
        return part;
    part.sum.has_value = true;
    part.sum.min = part.sum.max = part.sum.last = (double)open;
    part.sum.last_ms = out->time_ms;
    return part;
}

static struct reporting_series *series_create(struct reporting_effects *out,
                                              const struct engine_entity *none,
                                              const struct reporting_whose *whose)
{
    size_t metric_bytes = whose->metric.len, labels_bytes = whose->labels.len;
    struct reporting_series *series =
        reporting_create(out, none, reporting_series_bytes(metric_bytes, labels_bytes));
    series->lane = out->lane;
    series->metric_bytes = (uint32_t)metric_bytes;
    series->labels_bytes = (uint32_t)labels_bytes;
    memcpy(series->texts, whose->metric.data, metric_bytes);
    memcpy(series->texts + metric_bytes + 1, whose->labels.data, labels_bytes);
    return series;
}

/* One more or one less is open; returns how many are. */
static int64_t series_turn(struct reporting_effects *out, const struct reporting_whose *whose,
                           int64_t by)
{
    const struct engine_entity *was =
        reporting_get(out, REPORTING_SERIES, &whose->account, &whose->series);
    struct reporting_series *series =
        was->bytes ? reporting_change(out, was) : series_create(out, was, whose);
    int64_t minute_ms = reporting_floor(out->time_ms, REPORTING_MINUTE_MS);
    if (series->changed_minute_ms != minute_ms) {
        series->changed_minute_ms = minute_ms;
        series->open_before = series->open;
    }
    series->open += by;
    assert(series->open >= 0); /* a session is open once */
    if (series->due_ms == 0)
        series->due_ms = minute_ms + REPORTING_MINUTE_MS;
    return series->open;
}

static void session_open(struct reporting_effects *out, const struct reporting_sample *sample,
                         const struct engine_entity *was)
{
    const struct reporting_session *before = was->bytes;
    bool is_open = before && before->due_ms > 0;
    struct reporting_session *now =
        before ? reporting_change(out, was) : reporting_create(out, was, sizeof *now);
    now->series = sample->series_id;
    now->lane = out->lane;
    if (!is_open)
        now->started_ms = out->time_ms;
    now->heard_ms = out->time_ms;
    now->due_ms = out->time_ms + sample->limit_ms;
}

void reporting_session_sample(struct reporting_effects *out, const struct reporting_sample *sample)
{
    const struct engine_entity *was =
        reporting_get(out, REPORTING_SESSION, &sample->account, &sample->session_id);
    const struct reporting_session *session = was->bytes;
    bool is_open = session && session->due_ms > 0;
    bool signs_in = sample->kind == SAMPLE_SESSION_IN;
    int64_t minute_ms =
        reporting_floor(reporting_sample_time(sample, out->time_ms), REPORTING_MINUTE_MS);
    const struct reporting_whose whose = {
        .account = sample->account,
        .series = sample->series_id,
        .metric = sample->metric,
        .labels = sample->labels,
        .kind = METRIC_SESSION,
    };
    if (!signs_in && !is_open)
        return; /* its time was up, or it never signed in: nothing ends twice */
    if (signs_in) {
        session_open(out, sample, was);
    } else {
        struct reporting_session *now = reporting_change(out, was);
        now->heard_ms = out->time_ms;
        now->due_ms = 0;
    }
    if (signs_in && is_open)
        return; /* heard of again */
    struct reporting_part part =
        turn_of(out, minute_ms, series_turn(out, &whose, signs_in ? 1 : -1));
    part.sum.sign_ins = signs_in;
    part.sum.sign_outs = !signs_in;
    reporting_merge(out, REPORTING_MINUTE, &whose, minute_ms, &part);
}

/* ---- the tick ----------------------------------------------------------------------------------
 */

static struct reporting_whose whose_series(const struct engine_entity *entity)
{
    const struct reporting_series *series = entity->bytes;
    return (struct reporting_whose){
        .account = entity->key.account,
        .series = entity->key.id,
        .metric = mr_slice(reporting_series_metric(series), series->metric_bytes),
        .labels = mr_slice(reporting_series_labels(series), series->labels_bytes),
        .kind = METRIC_SESSION,
    };
}

void reporting_session_expire(struct reporting_effects *out, const struct engine_entity *due)
{
    struct reporting_session *now = reporting_change(out, due);
    const struct engine_entity *series =
        reporting_get(out, REPORTING_SERIES, &due->key.account, &now->series);
    assert(series->bytes); /* it was made when the session was */
    const struct reporting_whose whose = whose_series(series);
    int64_t minute_ms = reporting_floor(out->time_ms, REPORTING_MINUTE_MS);
    now->due_ms = 0;
    struct reporting_part part = turn_of(out, minute_ms, series_turn(out, &whose, -1));
    part.sum.sign_outs = part.sum.expired = 1;
    reporting_merge(out, REPORTING_MINUTE, &whose, minute_ms, &part);
}

/* A minute in which something happened says itself how many were open. */
static void fill_minute(struct reporting_effects *out, const struct reporting_whose *whose,
                        int64_t start_ms, int64_t open)
{
    struct mr_uuid id = reporting_row_id(&whose->series, start_ms);
    const struct reporting_row *row =
        reporting_get(out, REPORTING_MINUTE, &whose->account, &id)->bytes;
    if (row && row->total.has_value)
        return;
    double value = (double)open;
    const struct reporting_part part = {.sum = {.has_value = true,
                                                .min = value,
                                                .max = value,
                                                .last = value,
                                                .last_ms = start_ms + REPORTING_MINUTE_MS - 1}};
    reporting_merge(out, REPORTING_MINUTE, whose, start_ms, &part);
}

void reporting_series_fill(struct reporting_effects *out, const struct engine_entity *due)
{
    struct reporting_series *series = reporting_change(out, due);
    const struct engine_entity *now =
        reporting_get(out, REPORTING_SERIES, &due->key.account, &due->key.id);
    const struct reporting_whose whose = whose_series(now);
    for (int i = 0; i < REPORTING_FILL_MINUTES && series->due_ms <= out->time_ms; i++) {
        int64_t open =
            series->changed_minute_ms >= series->due_ms ? series->open_before : series->open;
        if (open > 0)
            fill_minute(out, &whose, series->due_ms - REPORTING_MINUTE_MS, open);
        series->due_ms += REPORTING_MINUTE_MS;
    }
    if (series->open == 0)
        series->due_ms = 0;
}
