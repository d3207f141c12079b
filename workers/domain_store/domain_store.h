/* How a domain's entities and append-only rows lie in Postgres: plain tables of statements, column
 * types and pure functions that map between an image (the bytes that the engine knows) and one
 * value a column. A domain's store supplies one struct domain_store; the runtime runs them all
 * alike, set-wise, and knows no table. A store does no I/O.
 *
 * Every parameter of every statement is an array, one element a key or row; the statements unnest
 * them together. Entities are keyed by (account_id, id):
 *
 *   load    $1 uuid[] account_id, $2 uuid[] id
 *           returns account_id, id, version, then kind.columns in order; a row for each that exists
 *   insert  $1 uuid[] account_id, $2 uuid[] id, $3 int8[] version, then kind.columns in order
 *           must affect exactly as many rows as were given; a unique violation is the database's no
 *   update  the same, without the columns that are `fixed`; version is the new one, and a row is
 *           changed only where the stored version is below it (a batch may change an entity more
 *           than once). Fewer rows than given: another writer was here, or we have a bug, and the
 *           transaction must not be committed
 *   due     $1 int4[] lane, $2 timestamptz[] time; returns lane and then what load returns: the
 *           entities of each lane that are due at its time, in the order they are to be worked in,
 *           and no more of a lane than a batch can hold (a LIMIT in the statement)
 *   rows    $1 uuid[] account_id, $2 uuid[] command_id, $3 int4[] index, $4 timestamptz[] at
 *           (append time of the command's record), then rows.columns in order
 *   copy    in place of an insert: what stands between COPY and FROM STDIN, a table with the names
 *           of its columns: account_id uuid, id uuid (the command's), day date and received_at
 *           timestamptz (both of the append time), lane int4, position int8, then rows.columns. The
 *           table is partitioned by day and registered in millrace.day_table
 *   known   of facts (x-command.record: none): $1 uuid[] account_id, $2 uuid[] id, $3 date[] first,
 *           $4 date[] last; returns account_id, id, day of those that are stored already. If its
 *           text names them, also $5 date, $6 date: the first and last day of all, which leave out
 *           the other partitions once and not for each id (3.7 us in place of 4.9 an id, among 38)
 *
 * The plan of `known` is made while the day's partition is empty, and kept. Where a second index
 * begins with account_id, the planner may take that one and read all of an account's rows for each
 * id. So look up by id and day alone, and compare the account behind an OFFSET 0:
 *
 *   FROM unnest(...) k(account_id, id, first, last)
 *   CROSS JOIN LATERAL (SELECT ... FROM facts WHERE id = k.id AND day BETWEEN k.first AND k.last
 *                       AND day BETWEEN $5 AND $6 OFFSET 0) f WHERE f.account_id = k.account_id
 */
#ifndef DOMAIN_STORE_H
#define DOMAIN_STORE_H

#include "engine_ports.h"

enum domain_store_type {
    DOMAIN_STORE_UUID,    /* uuid: bytes, 16 of them */
    DOMAIN_STORE_TEXT,    /* text: bytes, UTF-8 without NUL */
    DOMAIN_STORE_INT4,    /* integer: number */
    DOMAIN_STORE_INT8,    /* bigint: number */
    DOMAIN_STORE_DATE,    /* date: number, days since 1970-01-01 */
    DOMAIN_STORE_TIME,    /* timestamptz: number, Unix ms */
    DOMAIN_STORE_TIME_US, /* timestamptz: number, Unix microseconds */
    DOMAIN_STORE_BOOL,    /* boolean: number, 0 or 1 */
    DOMAIN_STORE_FLOAT8,  /* double precision: real */
    DOMAIN_STORE_JSONB,   /* jsonb: bytes, its text; \u0000 cannot be stored */
    DOMAIN_STORE_BYTEA    /* bytea: bytes */
};

struct domain_store_column {
    const char *name;
    enum domain_store_type type;
    bool fixed; /* never changes once the entity is there: not part of update */
};

/* One column of one row. Which member counts follows from the column's type. */
struct domain_store_value {
    bool is_null;
    int64_t number;
    double real;
    struct mr_slice bytes; /* borrowed: from the image, from a constant, or from the result's row */
};

#define DOMAIN_STORE_COLUMNS_MAX 24

struct domain_store_kind {
    const char *load, *insert;
    const char *update; /* NULL: an entity of this kind never changes once it is there */
    const char *due;    /* NULL: nothing of this kind is ever due */
    const struct domain_store_column *columns;
    int32_t column_count;
    /* Image to values; values is zeroed, one element a column. Slices borrow the image. */
    void (*write)(const struct engine_entity *entity, struct domain_store_value *values);
    /* In place of write, where a column holds what the image does not: slices may lie in arena,
     * which lives until the statement is made. Where it is full, the value is null. */
    void (*write_in)(const struct engine_entity *entity, struct mr_arena *arena,
                     struct domain_store_value *values);
    /* Values to image: key and version of *entity are set, bytes and bytes_len are to be, with
     * memory of arena. MR_LIMIT: the arena is full. MR_INVALID with why: the row says what this
     * program cannot know, such as a status of a later release. */
    enum mr_status (*read)(const struct domain_store_value *values, struct mr_arena *arena,
                           struct engine_entity *entity, struct mr_error *why);
};

struct domain_store_rows {
    const char *insert; /* or NULL and */
    const char *copy;
    const struct domain_store_column *columns;
    int32_t column_count;
    void (*write)(const struct engine_row_write *row, struct domain_store_value *values);
};

/* A table whose day partitions are dropped, hourly, once they are older than a setting's days. */
struct domain_store_pruned {
    const char *schema, *table; /* registered in millrace.day_table */
    const char *setting;        /* "LOG_RETENTION_DAYS" */
};

struct domain_store {
    const struct engine_domain *domain;
    const struct domain_store_kind *const *kinds; /* domain->kind_count, in the domain's order */
    const struct domain_store_rows *const *rows;  /* domain->row_kind_count, likewise */
    const char *known_facts;                      /* `known`; NULL: the domain has no facts */
    const struct domain_store_pruned *pruned;     /* NULL: nothing is pruned */
};

#endif
