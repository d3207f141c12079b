/* Reads results: values by type, errors by what can be done about them. */
#include "mr_pg_binary.h"
#include "mr_pg_param.h"
#include "mr_pg_result_impl.h"

#include <assert.h>
#include <stdlib.h>

enum { TYPE_CHAR = 18, TYPE_NAME = 19, TYPE_INT2 = 21, TYPE_JSON = 114, TYPE_UNKNOWN = 705 };
enum { TYPE_BPCHAR = 1042, TYPE_VARCHAR = 1043, TYPE_JSONB = 3802 };

static uint64_t big_endian(const char *p, int len)
{
    uint64_t v = 0;
    for (int i = 0; i < len; i++)
        v = v << 8 | (unsigned char)p[i];
    return v;
}

/* The column's bytes; a wrong index is our mistake. */
static const char *value(const struct mr_pg_result *r, int row, int column)
{
    assert(r->outcome == MR_PG_OK);
    assert(row >= 0 && row < PQntuples(r->pg));
    assert(column >= 0 && column < PQnfields(r->pg));
    return PQgetvalue(r->pg, row, column);
}

static bool is_text(const struct mr_pg_result *r, int column)
{
    return PQfformat(r->pg, column) == 0;
}

static void expect_type(const struct mr_pg_result *r, int column, uint32_t type)
{
    assert(PQfformat(r->pg, column) == 1);
    assert(PQftype(r->pg, column) == type);
}

int mr_pg_result_rows(const struct mr_pg_result *r)
{
    return r->outcome == MR_PG_OK ? PQntuples(r->pg) : 0;
}

int mr_pg_result_columns(const struct mr_pg_result *r)
{
    return r->outcome == MR_PG_OK ? PQnfields(r->pg) : 0;
}

const char *mr_pg_result_column_name(const struct mr_pg_result *r, int column)
{
    assert(column >= 0 && column < mr_pg_result_columns(r));
    return PQfname(r->pg, column);
}

int mr_pg_result_column(const struct mr_pg_result *r, const char *name)
{
    for (int i = 0; i < mr_pg_result_columns(r); i++)
        if (strcmp(PQfname(r->pg, i), name) == 0)
            return i;
    return -1;
}

uint32_t mr_pg_result_type(const struct mr_pg_result *r, int column)
{
    assert(column >= 0 && column < mr_pg_result_columns(r));
    return PQftype(r->pg, column);
}

int64_t mr_pg_result_affected(const struct mr_pg_result *r)
{
    return r->outcome == MR_PG_OK ? strtoll(PQcmdTuples(r->pg), NULL, 10) : 0;
}

const char *mr_pg_result_tag(const struct mr_pg_result *r)
{
    return r->outcome == MR_PG_OK ? PQcmdStatus(r->pg) : "";
}

bool mr_pg_result_is_commit(const struct mr_pg_result *r)
{
    return strcmp(mr_pg_result_tag(r), "COMMIT") == 0;
}

bool mr_pg_result_null(const struct mr_pg_result *r, int row, int column)
{
    (void)value(r, row, column);
    return PQgetisnull(r->pg, row, column);
}

int64_t mr_pg_result_int8(const struct mr_pg_result *r, int row, int column)
{
    const char *p = value(r, row, column);
    if (PQgetisnull(r->pg, row, column))
        return 0;
    if (is_text(r, column))
        return strtoll(p, NULL, 10);
    switch (PQftype(r->pg, column)) {
    case TYPE_INT2:
        return (int16_t)big_endian(p, 2);
    case MR_PG_INT4:
        return (int32_t)big_endian(p, 4);
    default:
        expect_type(r, column, MR_PG_INT8);
        return (int64_t)big_endian(p, 8);
    }
}

int32_t mr_pg_result_int4(const struct mr_pg_result *r, int row, int column)
{
    assert(is_text(r, column) || PQftype(r->pg, column) != MR_PG_INT8);
    int64_t v = mr_pg_result_int8(r, row, column);
    assert(v >= INT32_MIN && v <= INT32_MAX);
    return (int32_t)v;
}

double mr_pg_result_float8(const struct mr_pg_result *r, int row, int column)
{
    const char *p = value(r, row, column);
    if (PQgetisnull(r->pg, row, column))
        return 0;
    if (is_text(r, column))
        return strtod(p, NULL);
    expect_type(r, column, MR_PG_FLOAT8);
    uint64_t bits = big_endian(p, 8);
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

bool mr_pg_result_bool(const struct mr_pg_result *r, int row, int column)
{
    const char *p = value(r, row, column);
    if (PQgetisnull(r->pg, row, column))
        return false;
    if (is_text(r, column))
        return p[0] == 't';
    expect_type(r, column, MR_PG_BOOL);
    return p[0] != 0;
}

struct mr_uuid mr_pg_result_uuid(const struct mr_pg_result *r, int row, int column)
{
    struct mr_uuid id = {{0}};
    const char *p = value(r, row, column);
    if (PQgetisnull(r->pg, row, column))
        return id;
    if (is_text(r, column)) {
        enum mr_status s = mr_uuid_parse(mr_slice_text(p), &id);
        assert(s == MR_OK);
        return id;
    }
    expect_type(r, column, MR_PG_UUID);
    memcpy(id.bytes, p, sizeof id.bytes);
    return id;
}

int64_t mr_pg_result_time_us(const struct mr_pg_result *r, int row, int column)
{
    const char *p = value(r, row, column);
    if (PQgetisnull(r->pg, row, column))
        return 0;
    expect_type(r, column, MR_PG_TIMESTAMPTZ);
    int64_t us = (int64_t)big_endian(p, 8);
    if (us == INT64_MAX || us == INT64_MIN)
        return us;
    if (us > INT64_MAX - MR_PG_EPOCH_MS * 1000)
        return INT64_MAX; /* the last 30 years of PostgreSQL's 294,276 */
    return us + MR_PG_EPOCH_MS * 1000;
}

int64_t mr_pg_result_time(const struct mr_pg_result *r, int row, int column)
{
    int64_t us = mr_pg_result_time_us(r, row, column);
    if (us == INT64_MAX || us == INT64_MIN)
        return us;
    return us / 1000 - (us % 1000 < 0);
}

int32_t mr_pg_result_day(const struct mr_pg_result *r, int row, int column)
{
    const char *p = value(r, row, column);
    if (PQgetisnull(r->pg, row, column))
        return 0;
    expect_type(r, column, MR_PG_DATE);
    return (int32_t)big_endian(p, 4) + MR_PG_EPOCH_DAY;
}

struct mr_slice mr_pg_result_text(const struct mr_pg_result *r, int row, int column)
{
    const char *p = value(r, row, column);
    if (PQgetisnull(r->pg, row, column))
        return (struct mr_slice){0};
    struct mr_slice s = mr_slice(p, (size_t)PQgetlength(r->pg, row, column));
    if (is_text(r, column))
        return s;
    switch (PQftype(r->pg, column)) {
    case TYPE_JSONB: /* a version byte comes first */
        assert(s.len > 0 && s.data[0] == 1);
        return mr_slice(s.data + 1, s.len - 1);
    case MR_PG_TEXT:
    case TYPE_VARCHAR:
    case TYPE_BPCHAR:
    case TYPE_NAME:
    case TYPE_CHAR:
    case TYPE_JSON:
    case TYPE_UNKNOWN:
        return s;
    default:
        assert(!"a column of a text type");
        abort();
    }
}

struct mr_slice mr_pg_result_bytea(const struct mr_pg_result *r, int row, int column)
{
    const char *p = value(r, row, column);
    if (PQgetisnull(r->pg, row, column))
        return (struct mr_slice){0};
    expect_type(r, column, MR_PG_BYTEA);
    return mr_slice(p, (size_t)PQgetlength(r->pg, row, column));
}

struct mr_pg_result *mr_pg_result_take(struct mr_pg_result *r)
{
    assert(!r->taken);
    struct mr_pg_result *mine = malloc(sizeof *mine);
    if (!mine)
        abort();
    *mine = *r;
    r->taken = true;
    return mine;
}

void mr_pg_result_free(struct mr_pg_result *r)
{
    if (!r)
        return;
    PQclear(r->pg);
    free(r);
}

void mr_pg_result_deliver(struct mr_pg_result result,
                          void (*on_result)(struct mr_pg_result *result, void *data), void *data)
{
    if (on_result)
        on_result(&result, data);
    if (!result.taken)
        PQclear(result.pg);
}
