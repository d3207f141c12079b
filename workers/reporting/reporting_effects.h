/* The verbs of reporting's decisions: each gets an entity as this command has it so far, and gives
 * a changed image of it. Private to reporting. */
#ifndef REPORTING_EFFECTS_H
#define REPORTING_EFFECTS_H

#include "reporting_sample.h"

/* A command's decision under way. */
struct reporting_effects {
    struct engine_effects *engine;
    int64_t time_ms; /* of the decision */
    int32_t lane;
};

/* The series that a row belongs to; texts are borrowed. */
struct reporting_whose {
    struct mr_uuid account, series;
    struct mr_slice metric, labels;
    enum metric_kind kind;
};

/* The entity with what the command changed so far; its bytes are NULL where there is none. */
const struct engine_entity *reporting_get(const struct reporting_effects *out,
                                          enum reporting_kind kind, const struct mr_uuid *account,
                                          const struct mr_uuid *id);
/* A copy of the entity's image to change in place. */
void *reporting_change(struct reporting_effects *out, const struct engine_entity *was);
/* A zeroed image of an entity that is not there yet. */
void *reporting_create(struct reporting_effects *out, const struct engine_entity *none,
                       size_t bytes_len);

/* Merges part into the series' row (kind: minute, hour or day) that begins at start_ms, which is
 * made where there is none. A minute that was closed is due again at once. */
void reporting_merge(struct reporting_effects *out, enum reporting_kind kind,
                     const struct reporting_whose *whose, int64_t start_ms,
                     const struct reporting_part *part);
/* A copy to change of an existing row that was got. */
struct reporting_row *reporting_change_row(struct reporting_effects *out,
                                           const struct engine_entity *was);
struct reporting_whose reporting_whose_row(const struct engine_entity *row);

/* Adds amount to the hour that start_ms lies in. */
void reporting_history_add(struct reporting_effects *out, const struct reporting_whose *whose,
                           const char *measure, int64_t start_ms, double amount);
/* What a minute of this kind of metric is counted as in histories, NULL behind the last: "sum" of
 * counters, "in" and "out" of sessions. */
const char *reporting_measure(enum metric_kind kind, int which);
double reporting_measured(const struct reporting_sum *sum, const char *measure);

/* The sample's session: opens, is heard of again, or ends. */
void reporting_session_sample(struct reporting_effects *out, const struct reporting_sample *sample);
/* Of a tick: the time of a due session is up. */
void reporting_session_expire(struct reporting_effects *out, const struct engine_entity *due);
/* Of a tick: writes the number of open sessions into minutes that were over without a word. */
void reporting_series_fill(struct reporting_effects *out, const struct engine_entity *due);

/* Of a tick: tells a due minute, and merges what is new of it. */
void reporting_minute_close(struct reporting_effects *out, const struct engine_entity *due);
/* Of a tick: the next forecast of a due history, unless its metric has long been silent. */
void reporting_history_forecast(struct reporting_effects *out, const struct engine_entity *due);

#endif
