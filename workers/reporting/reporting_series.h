/* Which series a sample belongs to, and the ids of what is kept of it. A series is an account's
 * metric with one set of labels. Ids are UUIDs of version 5 of names, so that every owner of the
 * lane names a thing alike. */
#ifndef REPORTING_SERIES_H
#define REPORTING_SERIES_H

#include "mr_arena.h"
#include "mr_uuid.h"
#include <jansson.h>

#define REPORTING_MINUTE_MS INT64_C(60000)
#define REPORTING_HOUR_MS   INT64_C(3600000)
#define REPORTING_DAY_MS    INT64_C(86400000)

#define REPORTING_LABEL_NAME_MAX 64 /* characters */
#define REPORTING_LABELS_MAX     16 /* of a sample, says its schema */

/* Rounded down, before 1970 too. */
int64_t reporting_floor(int64_t time_ms, int64_t span_ms);

/* A letter or underscore, then letters, digits, underscores, points and hyphens. */
bool reporting_label_name_good(const char *name);

/* The labels (an object of texts; NULL: none) as the text that all with the same labels have: JSON
 * without spaces, names in order of their bytes. NUL-terminated; absent: the arena is full. */
struct mr_slice reporting_labels_text(const json_t *labels, struct mr_arena *arena);

/* Of account LF metric. */
struct mr_uuid reporting_metric_id(const struct mr_uuid *account, struct mr_slice metric);
/* Of account LF metric LF measure: "sum", "in" or "out". */
struct mr_uuid reporting_history_id(const struct mr_uuid *account, struct mr_slice metric,
                                    const char *measure);
/* Of account LF metric LF labels. */
struct mr_uuid reporting_series_id(const struct mr_uuid *account, struct mr_slice metric,
                                   struct mr_slice labels);
/* The series' id as one of version 8, the minutes from 1970 to the start added to its last four
 * bytes (a row's id is made for every sample, and costs no hash so). Minute, hour and day are kinds
 * of their own. */
struct mr_uuid reporting_row_id(const struct mr_uuid *series, int64_t start_ms);
/* Of series LF the session's own id. */
struct mr_uuid reporting_session_id(const struct mr_uuid *series, struct mr_slice session);

#endif
