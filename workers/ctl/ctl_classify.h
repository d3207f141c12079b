/* What a position of a commands topic is, from its record and from the row that Postgres has of the
 * position. Pure. */
#ifndef CTL_CLASSIFY_H
#define CTL_CLASSIFY_H

#include "mr_digest.h"
#include "mr_kafka_record.h"
#include "mr_uuid.h"
#include <stdbool.h>
#include <stdint.h>

/* What the record says by itself. */
struct ctl_identity {
    bool readable; /* its headers are a command's; the rest is void otherwise */
    bool is_tick;
    struct mr_uuid account, id;
    struct mr_digest hash;
    int32_t day;          /* of its append time */
    struct mr_slice type; /* the record's */
};

struct ctl_identity ctl_identity_of(const struct mr_kafka_record *record, struct mr_slice domain);

enum ctl_row_kind {
    CTL_ROW_OUTCOME, /* of millrace.command, or seen */
    CTL_ROW_CONFLICT,
    CTL_ROW_QUARANTINE,
    CTL_ROW_PARKED, /* without an outcome: what has none before it is applied */
    CTL_ROW_FACT    /* the fact itself, of the domain's view `facts` */
};

/* A row that names the position. */
struct ctl_row {
    enum ctl_row_kind kind;
    struct mr_uuid account, id; /* of a quarantine: nil */
    struct mr_digest hash;      /* of an outcome or a conflict */
    int32_t day;                /* of an outcome or a fact */
};

enum ctl_class {
    CTL_COMMAND,
    CTL_TICK,
    CTL_REPEAT, /* of one that must have an outcome: to be looked up */
    CTL_CONFLICT,
    CTL_QUARANTINED,
    CTL_PARKED,
    CTL_FACT,
    CTL_UNREADABLE, /* no row, and not a command: it should be in quarantine */
    CTL_WRONG_ROW   /* the row is not of this record: *what tells */
};

/* row: NULL when no row names the position. unseen_fact: it is a fact of a domain without a view
 * `facts`, so that no row of it can be had. what: a static text, on CTL_WRONG_ROW. */
enum ctl_class ctl_classify(const struct ctl_identity *record, const struct ctl_row *row,
                            bool unseen_fact, const char **what);

#endif
