/* Builds parameters in binary format: plain values, and arrays of one dimension:
 *     ndim flags(has NULL) type | count lower-bound | (length bytes)... ; length -1 = NULL */
#include "mr_pg_param.h"
#include "mr_pg_binary.h"

#include <assert.h>

#define ARRAY_HEADER_BYTES 20

void mr_pg_params_init(struct mr_pg_params *p, struct mr_arena *arena)
{
    p->arena = arena; /* the tables are read up to count only */
    p->count = 0;
    p->status = MR_OK;
}

static void fail(enum mr_status *status, enum mr_status why)
{
    if (*status == MR_OK)
        *status = why;
}

/* value lives in the arena or is static; NULL is SQL's NULL. */
static void push(struct mr_pg_params *p, const char *value, size_t len, int format)
{
    if (p->status != MR_OK)
        return;
    if (p->count == MR_PG_PARAMS_MAX || len > MR_PG_VALUE_BYTES_MAX) {
        p->status = MR_INVALID;
        return;
    }
    p->values[p->count] = value;
    p->lengths[p->count] = (int)len;
    p->formats[p->count] = format;
    p->count++;
}

/* Room for a value that is pushed now; NULL when none is to be written. */
static char *push_room(struct mr_pg_params *p, size_t len)
{
    char *at = mr_arena_alloc(p->arena, len);
    if (!at)
        fail(&p->status, MR_LIMIT);
    push(p, at, len, 1);
    return p->status == MR_OK ? at : NULL;
}

void mr_pg_param_null(struct mr_pg_params *p)
{
    push(p, NULL, 0, 1);
}

void mr_pg_param_int8(struct mr_pg_params *p, int64_t value)
{
    char *at = push_room(p, 8);
    if (at)
        mr_pg_put64(at, (uint64_t)value);
}

void mr_pg_param_int4(struct mr_pg_params *p, int32_t value)
{
    char *at = push_room(p, 4);
    if (at)
        mr_pg_put32(at, (uint32_t)value);
}

void mr_pg_param_bool(struct mr_pg_params *p, bool value)
{
    push(p, value ? "\1" : "\0", 1, 1);
}

void mr_pg_param_float8(struct mr_pg_params *p, double value)
{
    char *at = push_room(p, 8);
    if (at)
        mr_pg_put64(at, mr_pg_float_bits(value));
}

void mr_pg_param_uuid(struct mr_pg_params *p, const struct mr_uuid *value)
{
    if (!value) {
        mr_pg_param_null(p);
        return;
    }
    char *at = push_room(p, sizeof value->bytes);
    if (at)
        memcpy(at, value->bytes, sizeof value->bytes);
}

static void push_bytes(struct mr_pg_params *p, struct mr_slice value, int format)
{
    if (!value.data) {
        mr_pg_param_null(p);
        return;
    }
    if (value.len > MR_PG_VALUE_BYTES_MAX) {
        fail(&p->status, MR_INVALID);
        return;
    }
    char *at = mr_arena_dup(p->arena, value.data, value.len);
    if (!at)
        fail(&p->status, MR_LIMIT);
    push(p, at, value.len, format);
}

void mr_pg_param_text(struct mr_pg_params *p, struct mr_slice value)
{
    push_bytes(p, value, 1);
}

void mr_pg_param_bytea(struct mr_pg_params *p, struct mr_slice value)
{
    push_bytes(p, value, 1);
}

void mr_pg_param_any(struct mr_pg_params *p, struct mr_slice value)
{
    if (value.len > 0 && memchr(value.data, 0, value.len)) /* would end the text early */
        fail(&p->status, MR_INVALID);
    else
        push_bytes(p, value, 0);
}

void mr_pg_param_time(struct mr_pg_params *p, int64_t unix_ms)
{
    int64_t us;
    if (mr_pg_from_unix_ms(unix_ms, &us))
        mr_pg_param_int8(p, us);
    else
        fail(&p->status, MR_INVALID);
}

void mr_pg_param_time_us(struct mr_pg_params *p, int64_t unix_us)
{
    int64_t us;
    if (mr_pg_from_unix_us(unix_us, &us))
        mr_pg_param_int8(p, us);
    else
        fail(&p->status, MR_INVALID);
}

void mr_pg_param_day(struct mr_pg_params *p, int32_t day)
{
    int32_t days;
    if (mr_pg_date_days(day, &days))
        mr_pg_param_int4(p, days);
    else
        fail(&p->status, MR_INVALID);
}

/* Bytes of a value on the wire; 0: it varies. */
static size_t type_bytes(enum mr_pg_type type)
{
    switch (type) {
    case MR_PG_BOOL:
        return 1;
    case MR_PG_INT4:
    case MR_PG_DATE:
        return 4;
    case MR_PG_INT8:
    case MR_PG_FLOAT8:
    case MR_PG_TIMESTAMPTZ:
        return 8;
    case MR_PG_UUID:
        return 16;
    case MR_PG_TEXT:
    case MR_PG_BYTEA:
        break;
    }
    return 0;
}

void mr_pg_array_init(struct mr_pg_array *a, struct mr_arena *arena, enum mr_pg_type type,
                      uint32_t count_hint)
{
    *a = (struct mr_pg_array){.arena = arena, .type = type};
    if (count_hint == 0)
        count_hint = 16;
    size_t bytes = type_bytes(type);
    if (bytes == 0) {
        a->slices_size = count_hint;
        a->slices = mr_arena_array(arena, count_hint, sizeof *a->slices);
    } else {
        a->wire_len = ARRAY_HEADER_BYTES; /* written at the end */
        a->wire_size = ARRAY_HEADER_BYTES + count_hint * (4 + bytes);
        a->wire = mr_arena_alloc(arena, a->wire_size);
    }
    if (!a->slices && !a->wire)
        a->status = MR_LIMIT;
}

/* Twice the room; the old copy stays in the arena until that is reset. */
static bool array_grow(struct mr_pg_array *a)
{
    if (a->wire) {
        char *more = mr_arena_alloc(a->arena, a->wire_size * 2);
        if (!more)
            return false;
        memcpy(more, a->wire, a->wire_len);
        a->wire = more;
        a->wire_size *= 2;
        return true;
    }
    struct mr_slice *more = mr_arena_array(a->arena, (size_t)a->slices_size * 2, sizeof *more);
    if (!more)
        return false;
    memcpy(more, a->slices, a->count * sizeof *more);
    a->slices = more;
    a->slices_size *= 2;
    return true;
}

/* Counts one more value of len bytes in; false when there is no room for it. */
static bool array_room(struct mr_pg_array *a, size_t len)
{
    if (a->status != MR_OK)
        return false;
    if (len > MR_PG_VALUE_BYTES_MAX ||
        a->wire_len + a->slices_bytes + 4 * (size_t)a->count + len > MR_PG_VALUE_BYTES_MAX - 64) {
        a->status = MR_INVALID;
        return false;
    }
    bool full = a->wire ? a->wire_len + 4 + len > a->wire_size : a->count == a->slices_size;
    if (full && !array_grow(a)) {
        a->status = MR_LIMIT;
        return false;
    }
    a->count++;
    return true;
}

/* Room for a value of fixed size, its length already written. */
static char *array_cell(struct mr_pg_array *a, enum mr_pg_type type)
{
    size_t len = type_bytes(type);
    assert(a->type == type);
    if (!array_room(a, len))
        return NULL;
    char *at = a->wire + a->wire_len;
    mr_pg_put32(at, (uint32_t)len);
    a->wire_len += 4 + len;
    return at + 4;
}

void mr_pg_array_null(struct mr_pg_array *a)
{
    if (!array_room(a, 0))
        return;
    a->has_null = true;
    if (!a->wire) {
        a->slices[a->count - 1] = (struct mr_slice){0};
        return;
    }
    mr_pg_put32(a->wire + a->wire_len, UINT32_MAX);
    a->wire_len += 4;
}

void mr_pg_array_int8(struct mr_pg_array *a, int64_t value)
{
    char *at = array_cell(a, MR_PG_INT8);
    if (at)
        mr_pg_put64(at, (uint64_t)value);
}

void mr_pg_array_int4(struct mr_pg_array *a, int32_t value)
{
    char *at = array_cell(a, MR_PG_INT4);
    if (at)
        mr_pg_put32(at, (uint32_t)value);
}

void mr_pg_array_bool(struct mr_pg_array *a, bool value)
{
    char *at = array_cell(a, MR_PG_BOOL);
    if (at)
        *at = value;
}

void mr_pg_array_float8(struct mr_pg_array *a, double value)
{
    char *at = array_cell(a, MR_PG_FLOAT8);
    if (at)
        mr_pg_put64(at, mr_pg_float_bits(value));
}

void mr_pg_array_uuid(struct mr_pg_array *a, const struct mr_uuid *value)
{
    assert(a->type == MR_PG_UUID);
    if (!value) {
        mr_pg_array_null(a);
        return;
    }
    char *at = array_cell(a, MR_PG_UUID);
    if (at)
        memcpy(at, value->bytes, sizeof value->bytes);
}

static void array_pg_us(struct mr_pg_array *a, bool fits, int64_t us)
{
    if (!fits)
        fail(&a->status, MR_INVALID);
    char *at = array_cell(a, MR_PG_TIMESTAMPTZ);
    if (at)
        mr_pg_put64(at, (uint64_t)us);
}

void mr_pg_array_time(struct mr_pg_array *a, int64_t unix_ms)
{
    int64_t us = 0;
    bool fits = mr_pg_from_unix_ms(unix_ms, &us);
    array_pg_us(a, fits, us);
}

void mr_pg_array_time_us(struct mr_pg_array *a, int64_t unix_us)
{
    int64_t us = 0;
    bool fits = mr_pg_from_unix_us(unix_us, &us);
    array_pg_us(a, fits, us);
}

void mr_pg_array_day(struct mr_pg_array *a, int32_t day)
{
    int32_t days = 0;
    if (!mr_pg_date_days(day, &days))
        fail(&a->status, MR_INVALID);
    char *at = array_cell(a, MR_PG_DATE);
    if (at)
        mr_pg_put32(at, (uint32_t)days);
}

static void array_slice(struct mr_pg_array *a, struct mr_slice value)
{
    if (!value.data) {
        mr_pg_array_null(a);
        return;
    }
    if (!array_room(a, value.len))
        return;
    a->slices[a->count - 1] = value;
    a->slices_bytes += value.len;
}

void mr_pg_array_text(struct mr_pg_array *a, struct mr_slice value)
{
    assert(a->type == MR_PG_TEXT);
    array_slice(a, value);
}

void mr_pg_array_bytea(struct mr_pg_array *a, struct mr_slice value)
{
    assert(a->type == MR_PG_BYTEA);
    array_slice(a, value);
}

/* Lays the slices out as on the wire, behind room for the header. */
static void array_lay_out(struct mr_pg_array *a)
{
    a->wire_size = ARRAY_HEADER_BYTES + a->slices_bytes + 4 * (size_t)a->count;
    a->wire = mr_arena_alloc(a->arena, a->wire_size);
    if (!a->wire) {
        a->status = MR_LIMIT;
        return;
    }
    char *at = a->wire + ARRAY_HEADER_BYTES;
    for (uint32_t i = 0; i < a->count; i++) {
        struct mr_slice s = a->slices[i];
        mr_pg_put32(at, s.data ? (uint32_t)s.len : UINT32_MAX);
        at += 4;
        if (s.len > 0)
            memcpy(at, s.data, s.len);
        at += s.len;
    }
    a->wire_len = (size_t)(at - a->wire);
    assert(a->wire_len == a->wire_size);
}

void mr_pg_param_array(struct mr_pg_params *p, struct mr_pg_array *a)
{
    if (a->status == MR_OK && a->slices)
        array_lay_out(a);
    if (a->status != MR_OK) {
        fail(&p->status, a->status);
        return;
    }
    mr_pg_put32(a->wire, a->count > 0); /* an empty array has no dimension */
    mr_pg_put32(a->wire + 4, a->has_null);
    mr_pg_put32(a->wire + 8, (uint32_t)a->type);
    mr_pg_put32(a->wire + 12, a->count);
    mr_pg_put32(a->wire + 16, 1);
    push(p, a->wire, a->count > 0 ? a->wire_len : 12, 1);
}
