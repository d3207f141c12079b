#include "self_report_series.h"

#include "mr_histogram.h"
#include "mr_time.h"
#include "self_report.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#define KEY_BYTES_MAX 1024

static char *dup_slice(struct mr_slice s)
{
    char *copy = malloc(s.len + 1);
    if (!copy)
        abort();
    memcpy(copy, s.data, s.len);
    copy[s.len] = '\0';
    return copy;
}

/* The key in place; its length, or 0 where it does not fit. Names and values are set apart by bytes
 * that none of them has. */
static size_t key_write(char key[KEY_BYTES_MAX], const char *metric, const struct mr_label *labels)
{
    size_t len = strlen(metric);
    if (len >= KEY_BYTES_MAX)
        return 0;
    memcpy(key, metric, len);
    for (; labels && labels->name; labels++) {
        const char *parts[] = {"\x1e", labels->name, "\x1f", labels->value};
        for (size_t i = 0; i < 4; i++) {
            size_t part = strlen(parts[i]);
            if (len + part >= KEY_BYTES_MAX)
                return 0;
            memcpy(key + len, parts[i], part);
            len += part;
        }
    }
    return len;
}

static char *labels_write(const struct mr_label *labels)
{
    struct mr_buf buf;
    mr_buf_init(&buf, 0);
    mr_buf_char(&buf, '{');
    for (const struct mr_label *l = labels; l && l->name; l++) {
        if (l != labels)
            mr_buf_char(&buf, ',');
        mr_buf_json_string(&buf, mr_slice_text(l->name));
        mr_buf_char(&buf, ':');
        mr_buf_json_string(&buf, mr_slice_text(l->value));
    }
    mr_buf_char(&buf, '}');
    char *text = dup_slice(mr_buf_all(&buf));
    mr_buf_free(&buf);
    return text;
}

void self_report_series_init(struct self_report_series *series, const char *metric,
                             enum self_report_kind kind, const struct mr_label *labels)
{
    *series =
        (struct self_report_series){.metric = metric, .kind = kind, .labels = labels_write(labels)};
}

void self_report_series_clear(struct self_report_series *series)
{
    free(series->key);
    free(series->labels);
    free(series->buckets);
    *series = (struct self_report_series){.metric = NULL};
}

struct self_report_series *self_report_series_of(struct self_report_series **all,
                                                 const char *metric, enum self_report_kind kind,
                                                 const struct mr_label *labels, size_t series_max)
{
    char key[KEY_BYTES_MAX];
    struct self_report_series *series = NULL;
    size_t len = key_write(key, metric, labels);
    if (len == 0)
        return NULL;
    HASH_FIND(hh, *all, key, len, series);
    if (series) {
        assert(series->kind == kind);
        return series;
    }
    if (HASH_COUNT(*all) >= series_max)
        return NULL;
    series = malloc(sizeof *series);
    if (!series)
        abort();
    self_report_series_init(series, metric, kind, labels);
    series->key = dup_slice(mr_slice(key, len));
    HASH_ADD_KEYPTR(hh, *all, series->key, len, series);
    return series;
}

void self_report_series_free(struct self_report_series **all)
{
    struct self_report_series *series, *next;
    HASH_ITER (hh, *all, series, next) {
        HASH_DEL(*all, series);
        self_report_series_clear(series);
        free(series);
    }
}

/* ---- merging ---- */

void self_report_series_add(struct self_report_series *series, double n)
{
    series->sum += n;
    series->count++;
}

/* Where index stands, or would stand. */
static size_t place_of(const struct self_report_series *series, int32_t index)
{
    size_t low = 0, high = series->bucket_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (series->buckets[middle].index < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void insert(struct self_report_series *series, size_t place, int32_t index)
{
    if (series->bucket_count == series->bucket_size) {
        series->bucket_size = series->bucket_size ? 2 * series->bucket_size : 16;
        series->buckets = realloc(series->buckets, series->bucket_size * sizeof *series->buckets);
        if (!series->buckets)
            abort();
    }
    struct self_report_bucket *at = series->buckets + place;
    memmove(at + 1, at, (series->bucket_count - place) * sizeof *at);
    *at = (struct self_report_bucket){.index = index};
    series->bucket_count++;
}

void self_report_series_observe(struct self_report_series *series, double value)
{
    int32_t index = mr_histogram_bucket(value);
    size_t place = place_of(series, index);
    bool is_there = place < series->bucket_count && series->buckets[place].index == index;
    if (!is_there && series->bucket_count < SELF_REPORT_BUCKETS_MAX)
        insert(series, place, index);
    else if (place == series->bucket_count)
        place--; /* the nearest, as there is no room for its own */
    series->buckets[place].count++;
    series->min = series->count == 0 ? value : fmin(series->min, value);
    series->max = series->count == 0 ? value : fmax(series->max, value);
    series->sum += value;
    series->count++;
}

void self_report_series_reset(struct self_report_series *series)
{
    series->sum = 0;
    series->count = 0;
    series->bucket_count = 0;
}

/* ---- the sample ---- */

static void write_histogram(const struct self_report_series *series, struct mr_buf *out)
{
    mr_buf_text(out, "\"histogram\",\"buckets\":[");
    for (size_t i = 0; i < series->bucket_count; i++)
        mr_buf_printf(out, "%s[%" PRId32 ",%" PRIu64 "]", i > 0 ? "," : "",
                      series->buckets[i].index, series->buckets[i].count);
    mr_buf_printf(out, "],\"count\":%" PRIu64 ",\"sum\":%.17g,\"min\":%.17g,\"max\":%.17g",
                  series->count, series->sum, series->min, series->max);
}

void self_report_series_write(const struct self_report_series *series, int64_t time_ms,
                              struct mr_buf *out)
{
    char time[MR_TIME_TEXT + 1];
    mr_buf_text(out, "{\"metric\":");
    mr_buf_json_string(out, mr_slice_text(series->metric));
    mr_buf_printf(out, ",\"time\":\"%s\",\"kind\":", mr_time_text(time_ms, time));
    if (series->kind == SELF_REPORT_HISTOGRAM)
        write_histogram(series, out);
    else
        mr_buf_printf(out, "\"%s\",\"value\":%.17g",
                      series->kind == SELF_REPORT_GAUGE ? "gauge" : "counter", series->sum);
    mr_buf_printf(out, ",\"labels\":%s}", series->labels);
}
