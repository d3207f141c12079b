/* From a record of a topic (events, or commands among which are facts) to what the loader's engine
 * takes: its rows as lines of COPY's text format, made when the record arrives, so that a flush
 * only streams them. Does no I/O. */
#ifndef LOADER_ROWS_H
#define LOADER_ROWS_H

#include "engine_load.h"
#include "mr_catalog.h"
#include "mr_kafka_record.h"

/* One row, for the table's columns in their order in the catalogue, with its newline. */
struct loader_line {
    size_t table; /* in catalog->tables */
    struct mr_slice text;
};

/* A fact has no number that tells its repeat: its id does, which its first table has kept. */
struct loader_fact {
    bool is_fact; /* and gives rows */
    struct mr_uuid account, id;
};

/* One piece of memory; base.bytes says how long it is. */
struct loader_record {
    struct engine_load_record base; /* first; base.rows is the record itself */
    struct loader_fact fact;
    int64_t time_ms;        /* the event's; 0: not readable */
    struct mr_slice packed; /* the record as it was (mr_record.h); absent when SKIPPED */
    size_t line_count;
    const struct loader_line *lines;
};

struct loader_rows;

struct loader_rows_settings {
    const struct mr_catalog *catalog; /* borrowed */
    const char *domain;               /* whose topic it is; borrowed */
    bool facts;                       /* the topic holds commands; else events */
    int32_t lanes;                    /* of the domain */
    /* One for each of catalog->tables: why nothing can be loaded into it; NULL: it can. May be
     * NULL as a whole. Borrowed. */
    const char *const *stopped;
};

struct loader_rows *loader_rows_new(const struct loader_rows_settings *settings);
void loader_rows_free(struct loader_rows *rows); /* takes NULL */

/* Classes the record and makes its rows; the caller owns what it returns (loader_record_free).
 * BAD, with a cause that names what and where: unreadable headers (sequence is -1 then), a type
 * that the catalogue does not have, no value, no JSON, a value that does not fit its column, a
 * table that is stopped. SKIPPED: the type has no x-warehouse.
 *
 * Of a topic of commands only facts (x-command.record: none) give rows; a fact's sequence is its
 * offset. SKIPPED are all other commands, ticks, and what the worker quarantines by the same checks
 * (unreadable headers, another lane's key, a body that breaks its schema). */
struct engine_load_record *loader_rows_take(struct loader_rows *rows,
                                            const struct mr_kafka_record *record);
void loader_record_free(struct engine_load_record *record);

static inline const struct loader_record *loader_record_of(const struct engine_load_record *record)
{
    return (const struct loader_record *)record->rows;
}

#endif
