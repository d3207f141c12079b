#include "reporting_sample.h"

#include "mr_histogram.h"
#include "mr_time.h"
#include <assert.h>

static const struct {
    const char *name;
    enum metric_kind metric;
} kinds[] = {
    [SAMPLE_COUNTER] = {"counter", METRIC_COUNTER},
    [SAMPLE_GAUGE] = {"gauge", METRIC_GAUGE},
    [SAMPLE_TIMING] = {"timing", METRIC_TIMING},
    [SAMPLE_HISTOGRAM] = {"histogram", METRIC_TIMING},
    [SAMPLE_SESSION_IN] = {"session_in", METRIC_SESSION},
    [SAMPLE_SESSION_OUT] = {"session_out", METRIC_SESSION},
};

struct reading {
    const json_t *json;
    struct mr_arena *arena;
    struct reporting_sample *sample;
};

static enum mr_status refuse(const struct reading *r, const char *problem, const char *detail)
{
    r->sample->problem = problem;
    r->sample->detail = detail;
    return MR_OK;
}

static enum sample_kind kind_of(const char *name)
{
    size_t i = 0;
    while (strcmp(kinds[i].name, name) != 0) {
        i++;
        assert(i < sizeof kinds / sizeof *kinds); /* the schema's enum */
    }
    return (enum sample_kind)i;
}

/* A JSON integer with a zero fraction is an integer too; the schema bounds it. */
static int64_t integer_of(const json_t *value)
{
    return json_is_integer(value) ? json_integer_value(value) : (int64_t)json_real_value(value);
}

static struct reporting_sum sum_of(int64_t count, double sum, double min, double max, double last)
{
    return (struct reporting_sum){
        .count = count, .sum = sum, .min = min, .max = max, .last = last, .has_value = true};
}

static enum mr_status read_number(const struct reading *r)
{
    struct reporting_sample *s = r->sample;
    const json_t *value = json_object_get(r->json, "value");
    if (!value)
        return refuse(r, "sample-value-missing", "It has no value: a number is wanted.");
    if (!json_is_number(value))
        return refuse(r, "sample-value-invalid", "Its value is a text: a number is wanted.");
    double v = json_number_value(value);
    if (v < 0 && s->kind != SAMPLE_GAUGE)
        return refuse(r, "sample-value-invalid", "Its value is below 0.");
    s->part.sum = sum_of(1, v, v, v, v);
    if (!metric_kind_has_buckets(s->metric_kind))
        return MR_OK;
    uint64_t *bucket = mr_arena_alloc(r->arena, sizeof *bucket);
    if (!bucket)
        return MR_LIMIT;
    *bucket = reporting_bucket_pack(mr_histogram_bucket(v), 1);
    s->part.buckets = bucket;
    s->part.bucket_count = 1;
    return MR_OK;
}

/* Packs the buckets and counts what they hold; false: they are none. */
static bool pack_buckets(const json_t *pairs, uint64_t *buckets, int64_t *count)
{
    size_t i;
    json_t *pair;
    int64_t before = INT64_MIN;
    *count = 0;
    json_array_foreach (pairs, i, pair) {
        int64_t bucket = integer_of(json_array_get(pair, 0));
        int64_t counted = integer_of(json_array_get(pair, 1));
        if (bucket <= before || bucket < -MR_HISTOGRAM_BUCKET_MAX ||
            bucket > MR_HISTOGRAM_BUCKET_MAX || counted < 1)
            return false;
        buckets[i] = reporting_bucket_pack((int32_t)bucket, counted);
        before = bucket;
        *count += counted; /* 2,048 times 10^12 at most */
    }
    return true;
}

static enum mr_status read_histogram(const struct reading *r)
{
    struct reporting_sample *s = r->sample;
    const json_t *pairs = json_object_get(r->json, "buckets");
    const json_t *sum = json_object_get(r->json, "sum"), *min = json_object_get(r->json, "min");
    const json_t *max = json_object_get(r->json, "max"), *n = json_object_get(r->json, "count");
    int64_t count;
    if (!pairs || !sum || !min || !max)
        return refuse(r, "sample-value-missing",
                      "A histogram has buckets, sum, min and max; one of them is missing.");
    uint64_t *buckets = mr_arena_array(r->arena, json_array_size(pairs), sizeof *buckets);
    if (!buckets)
        return MR_LIMIT;
    if (!pack_buckets(pairs, buckets, &count))
        return refuse(r, "sample-histogram-invalid",
                      "Its buckets are not pairs of index and count, ascending by index.");
    if (n && integer_of(n) != count)
        return refuse(r, "sample-histogram-invalid",
                      "Its count is not the sum of its buckets' counts.");
    if (json_number_value(min) > json_number_value(max))
        return refuse(r, "sample-histogram-invalid", "Its min is above its max.");
    double total = json_number_value(sum);
    s->part.sum =
        sum_of(count, total, json_number_value(min), json_number_value(max), total / (double)count);
    s->part.buckets = buckets;
    s->part.bucket_count = (int32_t)json_array_size(pairs);
    return MR_OK;
}

static enum mr_status read_session(const struct reading *r)
{
    const json_t *value = json_object_get(r->json, "value");
    const json_t *limit = json_object_get(r->json, "limit_seconds");
    if (!value)
        return refuse(r, "sample-value-missing", "It has no value: the session's id is wanted.");
    if (!json_is_string(value))
        return refuse(r, "sample-value-invalid",
                      "Its value is a number: the session's id, a text, is wanted.");
    r->sample->limit_ms = limit ? integer_of(limit) * 1000 : REPORTING_SESSION_LIMIT_MS;
    r->sample->session_id = reporting_session_id(
        &r->sample->series_id, mr_slice(json_string_value(value), json_string_length(value)));
    return MR_OK;
}

static bool labels_good(const json_t *labels)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)labels, name, value)
        if (!reporting_label_name_good(name))
            return false;
    return true;
}

static enum mr_status read_series(const struct reading *r)
{
    struct reporting_sample *s = r->sample;
    const json_t *labels = json_object_get(r->json, "labels");
    s->metric = mr_arena_slice(
        r->arena, mr_slice_text(json_string_value(json_object_get(r->json, "metric"))));
    s->labels = reporting_labels_text(labels, r->arena);
    if (!s->metric.data || !s->labels.data)
        return MR_LIMIT;
    s->metric_id = reporting_metric_id(&s->account, s->metric);
    s->series_id = reporting_series_id(&s->account, s->metric, s->labels);
    if (!labels_good(labels))
        return refuse(r, "sample-label-invalid",
                      "The name of a label is a letter or underscore, then letters, digits, "
                      "underscores, points and hyphens: 64 characters at most.");
    return MR_OK;
}

enum mr_status reporting_sample_read(const struct mr_uuid *account, const json_t *json,
                                     struct mr_arena *arena, const struct reporting_sample **out)
{
    struct reporting_sample *s = mr_arena_alloc(arena, sizeof *s);
    if (!s)
        return MR_LIMIT;
    const struct reading r = {.json = json, .arena = arena, .sample = s};
    const char *time = json_string_value(json_object_get(json, "time"));
    s->account = *account;
    s->kind = kind_of(json_string_value(json_object_get(json, "kind")));
    s->metric_kind = kinds[s->kind].metric;
    s->has_time = time && mr_time_parse(mr_slice_text(time), &s->time_ms) == MR_OK;
    *out = s;
    enum mr_status status = read_series(&r);
    if (status != MR_OK || s->problem)
        return status;
    if (s->metric_kind == METRIC_SESSION)
        return read_session(&r);
    return s->kind == SAMPLE_HISTOGRAM ? read_histogram(&r) : read_number(&r);
}

int64_t reporting_sample_time(const struct reporting_sample *sample, int64_t log_ms)
{
    return sample->has_time ? sample->time_ms : log_ms;
}
