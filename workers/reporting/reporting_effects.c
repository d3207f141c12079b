/* Rows are changed here: made, grown where a new bucket needs room, and merged into. */
#include "reporting_effects.h"

#include <assert.h>

const struct engine_entity *reporting_get(const struct reporting_effects *out,
                                          enum reporting_kind kind, const struct mr_uuid *account,
                                          const struct mr_uuid *id)
{
    return engine_effects_get(out->engine, (int32_t)kind, account, id);
}

void *reporting_change(struct reporting_effects *out, const struct engine_entity *was)
{
    return engine_effects_change(out->engine, was, was->bytes, was->bytes_len, NULL);
}

void *reporting_create(struct reporting_effects *out, const struct engine_entity *none,
                       size_t bytes_len)
{
    assert(!none->bytes);
    return engine_effects_change(out->engine, none, NULL, bytes_len, NULL);
}

struct reporting_row *reporting_change_row(struct reporting_effects *out,
                                           const struct engine_entity *was)
{
    assert(reporting_row_sane(was->bytes, was->bytes_len));
    return reporting_change(out, was);
}

struct reporting_whose reporting_whose_row(const struct engine_entity *entity)
{
    const struct reporting_row *row = entity->bytes;
    return (struct reporting_whose){
        .account = entity->key.account,
        .series = row->series,
        .metric = mr_slice(reporting_row_metric(row), row->metric_bytes),
        .labels = mr_slice(reporting_row_labels(row), row->labels_bytes),
        .kind = row->kind,
    };
}

static struct reporting_row *make_row(struct reporting_effects *out,
                                      const struct engine_entity *none,
                                      const struct reporting_whose *whose, int64_t start_ms,
                                      const struct reporting_part *part)
{
    struct reporting_row shape = {
        .series = whose->series,
        .start_ms = start_ms,
        .lane = out->lane,
        .kind = whose->kind,
        .metric_bytes = (uint32_t)whose->metric.len,
        .labels_bytes = (uint32_t)whose->labels.len,
    };
    if (none->key.kind == REPORTING_MINUTE)
        shape.due_ms = start_ms + REPORTING_MINUTE_MS + REPORTING_GRACE_MS;
    reporting_row_grow(&shape, part);
    struct reporting_row *row = reporting_create(out, none, reporting_row_bytes(&shape));
    *row = shape;
    memcpy((char *)reporting_row_metric(row), whose->metric.data, whose->metric.len);
    memcpy((char *)reporting_row_labels(row), whose->labels.data, whose->labels.len);
    return row;
}

/* The image that the command began may lie where the larger one will: it is put aside first. */
static struct reporting_row *grow_row(struct reporting_effects *out,
                                      const struct engine_entity *was,
                                      const struct reporting_part *part)
{
    struct reporting_row *aside = engine_effects_alloc(out->engine, was->bytes_len);
    memcpy(aside, was->bytes, was->bytes_len);
    struct reporting_row shape = *aside;
    reporting_row_grow(&shape, part);
    struct reporting_row *row =
        engine_effects_change(out->engine, was, NULL, reporting_row_bytes(&shape), NULL);
    *row = shape;
    reporting_row_move(row, aside);
    return row;
}

void reporting_merge(struct reporting_effects *out, enum reporting_kind kind,
                     const struct reporting_whose *whose, int64_t start_ms,
                     const struct reporting_part *part)
{
    struct mr_uuid id = reporting_row_id(&whose->series, start_ms);
    const struct engine_entity *was = reporting_get(out, kind, &whose->account, &id);
    struct reporting_row *row;
    if (!was->bytes)
        row = make_row(out, was, whose, start_ms, part);
    else if (reporting_row_fits(was->bytes, part))
        row = reporting_change_row(out, was);
    else
        row = grow_row(out, was, part);
    reporting_row_merge(row, part);
    if (row->closed && row->due_ms == 0)
        row->due_ms = out->time_ms;
}
