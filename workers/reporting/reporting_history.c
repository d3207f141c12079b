/* The hourly totals of a metric, and the forecasts made of them. */
#include "reporting_effects.h"

#include "mr_time.h"
#include <assert.h>

const char *reporting_measure(enum metric_kind kind, int which)
{
    static const char *const counter[] = {"sum", NULL}, *const session[] = {"in", "out", NULL};
    static const char *const none[] = {NULL};
    switch (kind) {
    case METRIC_COUNTER:
        return counter[which];
    case METRIC_SESSION:
        return session[which];
    default:
        return none[which];
    }
}

double reporting_measured(const struct reporting_sum *sum, const char *measure)
{
    if (strcmp(measure, "in") == 0)
        return (double)sum->sign_ins;
    return strcmp(measure, "out") == 0 ? (double)sum->sign_outs : sum->sum;
}

/* Makes room for the hour and returns its place; -1: it is older than what is kept. */
static int64_t place_of(struct reporting_history *h, int64_t hour)
{
    if (h->hour_count == 0 || hour - h->first_hour >= 2 * REPORTING_HISTORY_HOURS) {
        h->first_hour = hour;
        h->hour_count = 0;
    }
    int64_t place = hour - h->first_hour;
    if (place < 0 && h->hour_count - place > REPORTING_HISTORY_HOURS)
        return -1;
    if (place < 0) {
        memmove(h->totals - place, h->totals, (size_t)h->hour_count * sizeof *h->totals);
        memset(h->totals, 0, (size_t)-place * sizeof *h->totals);
        h->first_hour = hour;
        h->hour_count -= (int32_t)place;
        return 0;
    }
    int64_t over = place - REPORTING_HISTORY_HOURS + 1;
    if (over > 0) { /* the oldest go */
        int64_t kept = h->hour_count > over ? h->hour_count - over : 0;
        memmove(h->totals, h->totals + h->hour_count - kept, (size_t)kept * sizeof *h->totals);
        h->first_hour += over;
        h->hour_count = (int32_t)kept;
        place -= over;
    }
    while (h->hour_count <= place) /* hours without a word */
        h->totals[h->hour_count++] = 0;
    return place;
}

static struct reporting_history *create(struct reporting_effects *out,
                                        const struct engine_entity *none,
                                        const struct reporting_whose *whose, const char *measure)
{
    struct reporting_history *history =
        reporting_create(out, none, reporting_history_bytes(whose->metric.len));
    history->lane = out->lane;
    history->metric_bytes = (uint32_t)whose->metric.len;
    memcpy(history->metric, whose->metric.data, whose->metric.len);
    memcpy(history->measure, measure, strlen(measure));
    return history;
}

static int64_t next_due(const struct reporting_effects *out)
{
    return reporting_floor(out->time_ms, REPORTING_HOUR_MS) + REPORTING_HOUR_MS +
           REPORTING_FORECAST_WAIT_MS;
}

static int64_t hour_of(int64_t time_ms)
{
    return reporting_floor(time_ms, REPORTING_HOUR_MS) / REPORTING_HOUR_MS;
}

void reporting_history_add(struct reporting_effects *out, const struct reporting_whose *whose,
                           const char *measure, int64_t start_ms, double amount)
{
    struct mr_uuid id = reporting_history_id(&whose->account, whose->metric, measure);
    const struct engine_entity *was = reporting_get(out, REPORTING_HISTORY, &whose->account, &id);
    struct reporting_history *history =
        was->bytes ? reporting_change(out, was) : create(out, was, whose, measure);
    int64_t hour = hour_of(start_ms), place = place_of(history, hour);
    if (place >= 0)
        history->totals[place] += amount;
    if (history->due_ms == 0 && hour_of(out->time_ms) - hour <= REPORTING_SILENT_HOURS)
        history->due_ms = next_due(out);
}

/* ---- forecasts ---------------------------------------------------------------------------------
 */

/* What a forecast is made of: the hours before `hour`, the newest last. Returns how many. */
static int32_t past_of(const struct reporting_history *h, int64_t hour, double *past)
{
    int64_t from = h->first_hour;
    if (from < hour - REPORTING_HISTORY_HOURS)
        from = hour - REPORTING_HISTORY_HOURS;
    int32_t count = 0;
    for (int64_t at = from; at < hour; at++) {
        int64_t place = at - h->first_hour;
        past[count++] = place < h->hour_count ? h->totals[place] : 0;
    }
    return count;
}

struct made {
    const struct engine_entity *history;
    struct forecast forecast;
    int32_t past_hours;
    int64_t whole_hour; /* the last one of the past */
};

static struct reporting_forecast hour_of_forecast(const struct reporting_effects *out,
                                                  const struct made *made, int32_t ahead)
{
    const struct reporting_history *history = made->history->bytes;
    struct reporting_forecast row = {
        .account = made->history->key.account,
        .method = made->forecast.method,
        .horizon = ahead,
        .hour_ms = (made->whole_hour + ahead) * REPORTING_HOUR_MS,
        .made_ms = out->time_ms,
        .predicted = made->forecast.predicted[ahead - 1],
        .low = made->forecast.low[ahead - 1],
        .high = made->forecast.high[ahead - 1],
    };
    assert(history->metric_bytes < sizeof row.metric);
    assert(row.hour_ms > row.made_ms); /* what is predicted has not begun */
    memcpy(row.metric, history->metric, history->metric_bytes);
    memcpy(row.measure, history->measure, sizeof row.measure);
    return row;
}

/* The hour that runs is half known: the first predicted one is that behind it. */
static void tell(struct reporting_effects *out, const struct made *made)
{
    const struct reporting_history *history = made->history->bytes;
    char text[MR_TIME_TEXT + 1];
    json_t *hours = json_array();
    for (int32_t ahead = 2; ahead <= made->forecast.horizon; ahead++) {
        const struct reporting_forecast row = hour_of_forecast(out, made, ahead);
        engine_effects_row(out->engine, REPORTING_FORECAST, &row, sizeof row);
        json_array_append_new(hours, json_pack("{s:s, s:i, s:f, s:f, s:f}", "hour",
                                               mr_time_text(row.hour_ms, text), "horizon",
                                               (int)ahead, "predicted", row.predicted, "low",
                                               row.low, "high", row.high));
    }
    json_t *data = json_pack("{s:s, s:s, s:s, s:s, s:i, s:o}", "metric", history->metric, "measure",
                             history->measure, "made_at", mr_time_text(out->time_ms, text),
                             "method", forecast_method_name(made->forecast.method), "past_hours",
                             (int)made->past_hours, "hours", hours);
    assert(data);
    engine_effects_event_of(out->engine, "reporting.forecast.made", &made->history->key,
                            made->history->version, data);
}

void reporting_history_forecast(struct reporting_effects *out, const struct engine_entity *due)
{
    double past[REPORTING_HISTORY_HOURS];
    int64_t hour = hour_of(out->time_ms);
    struct reporting_history *history = reporting_change(out, due);
    bool silent = hour - (history->first_hour + history->hour_count) > REPORTING_SILENT_HOURS;
    history->due_ms = silent ? 0 : next_due(out);
    struct made made = {
        .history = reporting_get(out, REPORTING_HISTORY, &due->key.account, &due->key.id),
        .past_hours = past_of(history, hour, past),
        .whole_hour = hour - 1,
    };
    if (silent || made.past_hours == 0)
        return;
    forecast_make(past, made.past_hours, REPORTING_FORECAST_HOURS + 1, &made.forecast);
    tell(out, &made);
}
