#include "reporting_rollup.h"

#include <assert.h>
#include <string.h>

#define BUCKETS_STEP 16 /* room grows by half, and in steps of so many */

static const char *const kind_names[METRIC_KIND_COUNT] = {
    [METRIC_COUNTER] = "counter",
    [METRIC_GAUGE] = "gauge",
    [METRIC_TIMING] = "timing",
    [METRIC_SESSION] = "session",
};

const char *metric_kind_name(enum metric_kind kind)
{
    assert((size_t)kind < METRIC_KIND_COUNT);
    return kind_names[kind];
}

enum mr_status metric_kind_parse(struct mr_slice name, enum metric_kind *out)
{
    for (size_t i = 0; i < METRIC_KIND_COUNT; i++) {
        if (mr_slice_is(name, kind_names[i])) {
            *out = (enum metric_kind)i;
            return MR_OK;
        }
    }
    return MR_INVALID;
}

bool metric_kind_has_buckets(enum metric_kind kind)
{
    return kind == METRIC_GAUGE || kind == METRIC_TIMING;
}

static int64_t add(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

void reporting_sum_merge(struct reporting_sum *a, const struct reporting_sum *b)
{
    a->count = add(a->count, b->count);
    a->sum += b->sum;
    a->sign_ins += b->sign_ins;
    a->sign_outs += b->sign_outs;
    a->expired += b->expired;
    if (!b->has_value)
        return;
    if (!a->has_value || b->min < a->min)
        a->min = b->min;
    if (!a->has_value || b->max > a->max)
        a->max = b->max;
    if (!a->has_value || b->last_ms >= a->last_ms) {
        a->last = b->last;
        a->last_ms = b->last_ms;
    }
    a->has_value = true;
}

/* ---- the image ---------------------------------------------------------------------------------
 */

static const char *texts(const struct reporting_row *row)
{
    return (const char *)(row->tail + row->bucket_room + row->late_bucket_room);
}

size_t reporting_row_bytes(const struct reporting_row *row)
{
    return sizeof *row + (size_t)(row->bucket_room + row->late_bucket_room) * sizeof row->tail[0] +
           row->metric_bytes + 1 + row->labels_bytes + 1;
}

bool reporting_row_sane(const struct reporting_row *row, size_t bytes_len)
{
    return bytes_len >= sizeof *row && (size_t)row->kind < METRIC_KIND_COUNT &&
           row->bucket_count >= 0 && row->bucket_count <= row->bucket_room &&
           row->late_bucket_count >= 0 && row->late_bucket_count <= row->late_bucket_room &&
           bytes_len == reporting_row_bytes(row) && row->total.count >= row->late.count &&
           (row->closed || row->late.count == 0) &&
           (metric_kind_has_buckets(row->kind) || row->bucket_count == 0);
}

uint64_t *reporting_row_buckets(struct reporting_row *row)
{
    return row->tail;
}

static uint64_t *late_buckets(struct reporting_row *row)
{
    return row->tail + row->bucket_room;
}

const char *reporting_row_metric(const struct reporting_row *row)
{
    return texts(row);
}

const char *reporting_row_labels(const struct reporting_row *row)
{
    return texts(row) + row->metric_bytes + 1;
}

struct reporting_part reporting_row_unmerged(const struct reporting_row *row)
{
    if (row->closed)
        return (struct reporting_part){
            .sum = row->late,
            .buckets = row->tail + row->bucket_room,
            .bucket_count = row->late_bucket_count,
        };
    return (struct reporting_part){
        .sum = row->total,
        .buckets = row->tail,
        .bucket_count = row->bucket_count,
    };
}

double reporting_row_quantile(const struct reporting_row *row, double q)
{
    assert(row->bucket_count > 0);
    double value = reporting_histogram_quantile(row->tail, row->bucket_count, q);
    if (value < row->total.min)
        return row->total.min;
    return value > row->total.max ? row->total.max : value;
}

/* ---- merging -----------------------------------------------------------------------------------
 */

bool reporting_row_fits(const struct reporting_row *row, const struct reporting_part *part)
{
    return row->bucket_count + part->bucket_count <= row->bucket_room &&
           (!row->closed || row->late_bucket_count + part->bucket_count <= row->late_bucket_room);
}

static void make_room(int32_t *room, int32_t count, int32_t more)
{
    int32_t wanted = count + more;
    if (wanted > *room)
        *room = (wanted + wanted / 2 + BUCKETS_STEP - 1) / BUCKETS_STEP * BUCKETS_STEP;
}

void reporting_row_grow(struct reporting_row *shape, const struct reporting_part *part)
{
    make_room(&shape->bucket_room, shape->bucket_count, part->bucket_count);
    if (shape->closed)
        make_room(&shape->late_bucket_room, shape->late_bucket_count, part->bucket_count);
}

void reporting_row_move(struct reporting_row *to, const struct reporting_row *from)
{
    memcpy(to->tail, from->tail, (size_t)from->bucket_count * sizeof to->tail[0]);
    memcpy(late_buckets(to), from->tail + from->bucket_room,
           (size_t)from->late_bucket_count * sizeof to->tail[0]);
    memcpy((char *)texts(to), texts(from), from->metric_bytes + 1 + from->labels_bytes + 1);
}

void reporting_row_merge(struct reporting_row *row, const struct reporting_part *part)
{
    assert(reporting_row_fits(row, part));
    reporting_sum_merge(&row->total, &part->sum);
    row->bucket_count =
        reporting_histogram_merge(row->tail, row->bucket_count, part->buckets, part->bucket_count);
    if (!row->closed)
        return;
    reporting_sum_merge(&row->late, &part->sum);
    row->late_bucket_count = reporting_histogram_merge(late_buckets(row), row->late_bucket_count,
                                                       part->buckets, part->bucket_count);
}

void reporting_row_merged(struct reporting_row *row)
{
    row->closed = true;
    row->due_ms = 0;
    row->late = (struct reporting_sum){0};
    row->late_bucket_count = 0;
}
