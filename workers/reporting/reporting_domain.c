/* What reporting gives the engine: how a sample is read, which entities it touches, and what
 * becomes of it. */
#include "reporting_domain.h"

#include "reporting_effects.h"
#include "reporting_tick.h"
#include <assert.h>

#define SAMPLE_TYPE "reporting.sample"
#define TICK_TYPE   "reporting.tick"

static bool is_tick(const struct engine_input *input)
{
    return input->ce->tick_lane >= 0;
}

static bool domain_knows(const char *type)
{
    return strcmp(type, SAMPLE_TYPE) == 0 || strcmp(type, TICK_TYPE) == 0;
}

static enum mr_status domain_read(const struct mr_ce_command *ce, json_t *json,
                                  struct mr_arena *arena, const void **body)
{
    static const char nothing; /* a tick is its time, which the log gives */
    *body = &nothing;
    if (ce->tick_lane >= 0)
        return MR_OK;
    const struct reporting_sample *sample;
    enum mr_status s = reporting_sample_read(&ce->account, json, arena, &sample);
    if (s == MR_OK)
        *body = sample;
    return s;
}

static int64_t minute_of(const struct reporting_sample *sample, int64_t log_ms)
{
    return reporting_floor(reporting_sample_time(sample, log_ms), REPORTING_MINUTE_MS);
}

static void sample_keys(const struct engine_input *input, struct engine_keys *keys)
{
    const struct reporting_sample *sample = input->body;
    const struct mr_uuid *account = &sample->account;
    if (sample->problem)
        return;
    struct mr_uuid minute = reporting_row_id(&sample->series_id, minute_of(sample, input->time_ms));
    engine_keys_add(keys, REPORTING_METRIC, account, &sample->metric_id);
    engine_keys_add(keys, REPORTING_MINUTE, account, &minute);
    if (sample->metric_kind != METRIC_SESSION)
        return;
    engine_keys_add(keys, REPORTING_SERIES, account, &sample->series_id);
    engine_keys_add(keys, REPORTING_SESSION, account, &sample->session_id);
}

static void domain_keys_of(const struct engine_input *input, struct engine_keys *keys)
{
    if (is_tick(input))
        reporting_tick_keys(keys);
    else
        sample_keys(input, keys);
}

/* Null where the sample may go on; the first of a metric settles its kind. */
static const char *kind_differs(struct reporting_effects *out,
                                const struct reporting_sample *sample)
{
    const struct engine_entity *was =
        reporting_get(out, REPORTING_METRIC, &sample->account, &sample->metric_id);
    const struct reporting_metric *metric = was->bytes;
    if (metric)
        return metric->kind == sample->metric_kind ? NULL : metric_kind_name(metric->kind);
    struct reporting_metric *now = reporting_create(out, was, sizeof *now);
    now->kind = sample->metric_kind;
    now->lane = out->lane;
    assert(sample->metric.len <= REPORTING_METRIC_TEXT); /* says the schema */
    memcpy(now->name, sample->metric.data, sample->metric.len);
    return NULL;
}

/* Order: what is wrong with the body, sample-in-future, sample-kind-differs. */
static enum engine_verdict sample_decide(const struct reporting_sample *sample,
                                         struct reporting_effects *out)
{
    if (sample->problem)
        return engine_effects_refuse(out->engine, sample->problem, "%s", sample->detail);
    int64_t time_ms = reporting_sample_time(sample, out->time_ms);
    if (time_ms > out->time_ms + REPORTING_AHEAD_MS)
        return engine_effects_refuse(out->engine, "sample-in-future",
                                     "Its time is more than an hour ahead of the log's clock.");
    const char *other = kind_differs(out, sample);
    if (other)
        return engine_effects_refuse(out->engine, "sample-kind-differs", "The metric %.*s is a %s.",
                                     MR_SLICE_FMT(sample->metric), other);
    if (sample->metric_kind == METRIC_SESSION) {
        reporting_session_sample(out, sample);
        return ENGINE_APPLIED;
    }
    const struct reporting_whose whose = {
        .account = sample->account,
        .series = sample->series_id,
        .metric = sample->metric,
        .labels = sample->labels,
        .kind = sample->metric_kind,
    };
    struct reporting_part part = sample->part;
    part.sum.last_ms = time_ms;
    reporting_merge(out, REPORTING_MINUTE, &whose, minute_of(sample, out->time_ms), &part);
    return ENGINE_APPLIED;
}

static enum engine_verdict domain_decide(const struct engine_state *state,
                                         const struct engine_input *input,
                                         struct engine_effects *effects)
{
    struct reporting_effects out = {
        .engine = effects, .time_ms = input->time_ms, .lane = input->lane};
    if (is_tick(input))
        return reporting_tick_decide(state, &out);
    return sample_decide(input->body, &out);
}

static const struct engine_kind kinds[REPORTING_KIND_COUNT] = {
    [REPORTING_METRIC] = {.name = "metric"},   [REPORTING_MINUTE] = {.name = "minute"},
    [REPORTING_HOUR] = {.name = "hour"},       [REPORTING_DAY] = {.name = "day"},
    [REPORTING_SERIES] = {.name = "series"},   [REPORTING_SESSION] = {.name = "session"},
    [REPORTING_HISTORY] = {.name = "history"},
};
static const char *const row_kinds[REPORTING_ROW_KIND_COUNT] = {[REPORTING_FORECAST] = "forecast"};

const struct engine_domain reporting_domain = {
    .name = "reporting",
    .kinds = kinds,
    .kind_count = REPORTING_KIND_COUNT,
    .row_kinds = row_kinds,
    .row_kind_count = REPORTING_ROW_KIND_COUNT,
    .tick_interval_ms = REPORTING_TICK_MS,
    .knows = domain_knows,
    .reads_copies = true,
    .read = domain_read,
    .keys_of = domain_keys_of,
    .keys_after = reporting_tick_keys_after,
    .decide = domain_decide,
};
