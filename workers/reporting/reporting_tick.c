/* What the clock brings about: minutes that are over are told and merged onwards. */
#include "reporting_tick.h"

#include "mr_time.h"
#include "reporting_effects.h"
#include <assert.h>

/* ---- which entities ----------------------------------------------------------------------------
 */

void reporting_tick_keys(struct engine_keys *keys)
{
    engine_keys_add_due(keys, REPORTING_SERIES);
    engine_keys_add_due(keys, REPORTING_SESSION);
    engine_keys_add_due(keys, REPORTING_MINUTE);
    engine_keys_add_due(keys, REPORTING_HISTORY);
}

static void row_key(const struct mr_uuid *account, enum reporting_kind kind,
                    const struct mr_uuid *series, int64_t start_ms, struct engine_keys *keys)
{
    struct mr_uuid id = reporting_row_id(series, start_ms);
    engine_keys_add(keys, (int32_t)kind, account, &id);
}

static void keys_of_minute(const struct engine_entity *entity, struct engine_keys *keys)
{
    const struct reporting_row *row = entity->bytes;
    const struct mr_uuid *account = &entity->key.account;
    const struct mr_slice metric = mr_slice(reporting_row_metric(row), row->metric_bytes);
    row_key(account, REPORTING_HOUR, &row->series,
            reporting_floor(row->start_ms, REPORTING_HOUR_MS), keys);
    row_key(account, REPORTING_DAY, &row->series, reporting_floor(row->start_ms, REPORTING_DAY_MS),
            keys);
    const char *measure;
    for (int i = 0; (measure = reporting_measure(row->kind, i)); i++) {
        struct mr_uuid id = reporting_history_id(account, metric, measure);
        engine_keys_add(keys, REPORTING_HISTORY, account, &id);
    }
}

void reporting_tick_keys_after(const struct engine_state *state, const struct engine_input *input,
                               struct engine_keys *keys)
{
    const struct engine_entity *e = NULL;
    while ((e = engine_state_due(state, REPORTING_SERIES, e))) {
        const struct reporting_series *series = e->bytes;
        for (int i = 0; i < REPORTING_FILL_MINUTES; i++)
            row_key(&e->key.account, REPORTING_MINUTE, &e->key.id,
                    series->due_ms + (i - 1) * REPORTING_MINUTE_MS, keys);
    }
    while ((e = engine_state_due(state, REPORTING_SESSION, e))) {
        const struct reporting_session *session = e->bytes;
        engine_keys_add(keys, REPORTING_SERIES, &e->key.account, &session->series);
        row_key(&e->key.account, REPORTING_MINUTE, &session->series,
                reporting_floor(input->time_ms, REPORTING_MINUTE_MS), keys);
    }
    while ((e = engine_state_due(state, REPORTING_MINUTE, e)))
        keys_of_minute(e, keys);
}

/* ---- closing -----------------------------------------------------------------------------------
 */

static json_t *number_or_null(bool is, double number)
{
    return is ? json_real(number) : json_null();
}

static void set_quantiles(json_t *data, const struct reporting_row *row)
{
    static const struct {
        const char *name;
        double q;
    } quantiles[] = {{"p50", 0.50}, {"p95", 0.95}, {"p99", 0.99}};
    for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++)
        json_object_set_new(data, quantiles[i].name,
                            row->bucket_count > 0
                                ? json_real(reporting_row_quantile(row, quantiles[i].q))
                                : json_null());
}

static void tell(struct reporting_effects *out, const struct engine_entity *minute)
{
    const struct reporting_row *row = minute->bytes;
    const struct reporting_sum *total = &row->total;
    char id[MR_UUID_TEXT + 1], series[MR_UUID_TEXT + 1], start[MR_TIME_TEXT + 1];
    json_t *data = json_pack(
        "{s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:I, s:f, s:o, s:o, s:o, s:I, s:I, s:I}", "minute_id",
        mr_uuid_text(&minute->key.id, id), "version", (json_int_t)minute->version, "minute",
        mr_time_text(row->start_ms, start), "series_id", mr_uuid_text(&row->series, series),
        "metric", reporting_row_metric(row), "kind", metric_kind_name(row->kind), "labels",
        reporting_row_labels(row), "count", (json_int_t)total->count, "sum", total->sum, "min",
        number_or_null(total->has_value, total->min), "max",
        number_or_null(total->has_value, total->max), "last",
        number_or_null(total->has_value, total->last), "sign_ins", (json_int_t)total->sign_ins,
        "sign_outs", (json_int_t)total->sign_outs, "expired", (json_int_t)total->expired);
    assert(data);
    set_quantiles(data, row);
    engine_effects_event_of(out->engine, "reporting.minute.closed", &minute->key, minute->version,
                            data);
}

/* What the minute's hour, day and history do not have yet goes there, and the minute is told as it
 * is now: a correction where it was told before. */
void reporting_minute_close(struct reporting_effects *out, const struct engine_entity *due)
{
    const struct reporting_row *row = due->bytes;
    const struct reporting_part part = reporting_row_unmerged(row);
    const struct reporting_whose whose = reporting_whose_row(due);
    reporting_merge(out, REPORTING_HOUR, &whose, reporting_floor(row->start_ms, REPORTING_HOUR_MS),
                    &part);
    reporting_merge(out, REPORTING_DAY, &whose, reporting_floor(row->start_ms, REPORTING_DAY_MS),
                    &part);
    const char *measure;
    for (int i = 0; (measure = reporting_measure(row->kind, i)); i++)
        reporting_history_add(out, &whose, measure, row->start_ms,
                              reporting_measured(&part.sum, measure));
    reporting_row_merged(reporting_change_row(out, due));
    tell(out, reporting_get(out, REPORTING_MINUTE, &due->key.account, &due->key.id));
}

/* In this order: open sessions are written into their minutes before some expire, and forecasts are
 * made of what the minutes brought. */
enum engine_verdict reporting_tick_decide(const struct engine_state *state,
                                          struct reporting_effects *out)
{
    static const struct {
        enum reporting_kind kind;
        void (*work)(struct reporting_effects *out, const struct engine_entity *due);
    } steps[] = {
        {REPORTING_SERIES, reporting_series_fill},
        {REPORTING_SESSION, reporting_session_expire},
        {REPORTING_MINUTE, reporting_minute_close},
        {REPORTING_HISTORY, reporting_history_forecast},
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        for (const struct engine_entity *e = NULL;
             (e = engine_state_due(state, (int32_t)steps[i].kind, e));)
            steps[i].work(out, e);
    return ENGINE_APPLIED;
}
