/* Parameters of a statement, in binary format, built in an arena.
 *
 * One row's values are pushed in the order of $1, $2, ...; a column of values for a set-wise
 * statement (`FROM unnest($1::int8[], $2::uuid[])`) is built value by value in a struct
 * mr_pg_array, which then becomes one parameter. The server must know each type from a cast in the
 * SQL ($1::int8) or from the statement's types: binary values are not converted.
 *
 *     struct mr_pg_params p;
 *     mr_pg_params_init(&p, arena);
 *     struct mr_pg_array ids;
 *     mr_pg_array_init(&ids, arena, MR_PG_UUID, count);
 *     for (...)
 *         mr_pg_array_uuid(&ids, &row->id);
 *     mr_pg_param_array(&p, &ids);
 *     return mr_pg_query(conn, &select_invoices, &p, on_invoices, d);
 *
 * Pushing never fails by itself: the first failure stays with the parameters and mr_pg_query
 * returns it (MR_LIMIT: the arena is full; MR_INVALID: more than 32 parameters, or a value above
 * 1 GB, which PostgreSQL cannot take). */
#ifndef MR_PG_PARAM_H
#define MR_PG_PARAM_H

#include "mr_arena.h"
#include "mr_uuid.h"
#include <stdbool.h>
#include <stdint.h>

#define MR_PG_PARAMS_MAX      32
#define MR_PG_VALUE_BYTES_MAX ((size_t)0x3fffffff) /* PostgreSQL's MaxAllocSize */

/* Types by their OID in every PostgreSQL. */
enum mr_pg_type {
    MR_PG_BOOL = 16,
    MR_PG_BYTEA = 17,
    MR_PG_INT8 = 20,
    MR_PG_INT4 = 23,
    MR_PG_TEXT = 25,
    MR_PG_FLOAT8 = 701,
    MR_PG_DATE = 1082,
    MR_PG_TIMESTAMPTZ = 1184,
    MR_PG_UUID = 2950
};

struct mr_pg_params {
    struct mr_arena *arena;
    int count;
    enum mr_status status; /* MR_OK until a push failed */
    const char *values[MR_PG_PARAMS_MAX];
    int lengths[MR_PG_PARAMS_MAX]; /* bytes */
    int formats[MR_PG_PARAMS_MAX]; /* 0 text, 1 binary */
};

/* The arena must live until mr_pg_query has returned; nothing is kept after that. */
void mr_pg_params_init(struct mr_pg_params *params, struct mr_arena *arena);

void mr_pg_param_null(struct mr_pg_params *params);
void mr_pg_param_int8(struct mr_pg_params *params, int64_t value);
void mr_pg_param_int4(struct mr_pg_params *params, int32_t value);
void mr_pg_param_bool(struct mr_pg_params *params, bool value);
void mr_pg_param_float8(struct mr_pg_params *params, double value);
/* NULL is SQL's NULL. */
void mr_pg_param_uuid(struct mr_pg_params *params, const struct mr_uuid *value);
/* UTF-8 without NUL bytes (the server refuses both otherwise). An absent slice is NULL. */
void mr_pg_param_text(struct mr_pg_params *params, struct mr_slice value);
void mr_pg_param_bytea(struct mr_pg_params *params, struct mr_slice value);
/* timestamptz from 4713 BC to MR_TIME_MS_MAX; others are MR_INVALID. */
void mr_pg_param_time(struct mr_pg_params *params, int64_t unix_ms);
/* The same to the microsecond. */
void mr_pg_param_time_us(struct mr_pg_params *params, int64_t unix_us);
/* date; days since 1970-01-01, in the same range. */
void mr_pg_param_day(struct mr_pg_params *params, int32_t day);
/* In text format, for the server to read as whatever type $n has: filters of the edge whose type
 * only the SQL knows. Must not hold a NUL byte (MR_INVALID). An absent slice is NULL. */
void mr_pg_param_any(struct mr_pg_params *params, struct mr_slice value);

/* A column of values of one type: an array parameter of one dimension. */
struct mr_pg_array {
    struct mr_arena *arena;
    enum mr_pg_type type;
    enum mr_status status;
    bool has_null;
    uint32_t count;
    /* text and bytea: slices; all others: each value with its length, as on the wire */
    struct mr_slice *slices;
    uint32_t slices_size; /* allocated */
    size_t slices_bytes;  /* sum of lengths */
    char *wire;
    size_t wire_len, wire_size;
};

/* count_hint: how many values are expected; more may be pushed (it grows by doubling). */
void mr_pg_array_init(struct mr_pg_array *array, struct mr_arena *arena, enum mr_pg_type type,
                      uint32_t count_hint);
void mr_pg_array_null(struct mr_pg_array *array);
void mr_pg_array_int8(struct mr_pg_array *array, int64_t value);
void mr_pg_array_int4(struct mr_pg_array *array, int32_t value);
void mr_pg_array_bool(struct mr_pg_array *array, bool value);
void mr_pg_array_float8(struct mr_pg_array *array, double value);
void mr_pg_array_uuid(struct mr_pg_array *array, const struct mr_uuid *value); /* NULL: NULL */
void mr_pg_array_time(struct mr_pg_array *array, int64_t unix_ms);
void mr_pg_array_time_us(struct mr_pg_array *array, int64_t unix_us);
void mr_pg_array_day(struct mr_pg_array *array, int32_t day);
/* The bytes are BORROWED until mr_pg_param_array has been called: push what lives in the batch's
 * arena, not a local buffer. An absent slice is NULL. jsonb columns are pushed as text and cast:
 * `unnest($1::text[]::jsonb[])`. */
void mr_pg_array_text(struct mr_pg_array *array, struct mr_slice value);
void mr_pg_array_bytea(struct mr_pg_array *array, struct mr_slice value);

/* Pushes the whole column as the next parameter; the array is used up. */
void mr_pg_param_array(struct mr_pg_params *params, struct mr_pg_array *array);

#endif
