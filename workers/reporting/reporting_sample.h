/* A sample as decide sees it: read from its JSON once, with what is wrong with it. Private to
 * reporting. */
#ifndef REPORTING_SAMPLE_H
#define REPORTING_SAMPLE_H

#include "reporting_domain.h"

enum sample_kind {
    SAMPLE_COUNTER,
    SAMPLE_GAUGE,
    SAMPLE_TIMING,
    SAMPLE_HISTOGRAM,
    SAMPLE_SESSION_IN,
    SAMPLE_SESSION_OUT
};

struct reporting_sample {
    enum sample_kind kind;
    enum metric_kind metric_kind; /* that the metric must be */
    struct mr_uuid account;
    struct mr_slice metric, labels; /* NUL-terminated */
    struct mr_uuid metric_id, series_id, session_id;
    bool has_time;
    int64_t time_ms;  /* where has_time; else the log's time stands for it */
    int64_t limit_ms; /* of a sign-in: how long it is open unheard */
    /* What is merged; sum.last_ms is the decision's to set. None of sessions. */
    struct reporting_part part;
    /* What the body itself is refused for: a problem's name, or NULL. */
    const char *problem;
    const char *detail;
};

/* json fulfils the schema of reporting.sample. MR_LIMIT: the arena is full. */
MR_MUST_CHECK enum mr_status reporting_sample_read(const struct mr_uuid *account,
                                                   const json_t *json, struct mr_arena *arena,
                                                   const struct reporting_sample **out);
/* Its own time, or the log's. */
int64_t reporting_sample_time(const struct reporting_sample *sample, int64_t log_ms);

#endif
