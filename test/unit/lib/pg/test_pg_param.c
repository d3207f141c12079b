/* Parameters and results, there and back through a real server. */
#include "mr_time.h"
#include "pg_fixture.h"

#define ROWS 3

static struct mr_uuid uuid_of(uint8_t n)
{
    struct mr_uuid id;
    memset(id.bytes, n, sizeof id.bytes);
    return id;
}

static void keep(struct mr_pg_result *result, void *data)
{
    struct mr_error why = {""};
    cr_assert_eq(mr_pg_result_status(result, &why), MR_OK, "%s", why.text);
    *(struct mr_pg_result **)data = mr_pg_result_take(result);
}

static struct mr_pg_result *run(struct fixture *f, const struct mr_pg_stmt *stmt,
                                struct mr_pg_params *params)
{
    struct mr_pg_result *result = NULL;
    int before = f->answer_count;
    cr_assert_eq(mr_pg_query(f->conn, stmt, params, keep, &result), MR_OK);
    must_ask(f, "SELECT 0", 0);
    mr_pg_sync(f->conn);
    wait_answers(f, before + 1);
    cr_assert(result);
    return result;
}

/* Values 0 and 2 of each column; the middle one is NULL. */
static void push_columns(struct mr_pg_params *p, struct mr_arena *arena)
{
    static const enum mr_pg_type types[] = {MR_PG_INT8,  MR_PG_INT4, MR_PG_UUID,
                                            MR_PG_BYTEA, MR_PG_TEXT, MR_PG_TIMESTAMPTZ,
                                            MR_PG_DATE,  MR_PG_BOOL, MR_PG_FLOAT8};
    struct mr_uuid a = uuid_of(1), c = uuid_of(255);
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        struct mr_pg_array col;
        mr_pg_array_init(&col, arena, types[t], 1); /* grows */
        for (int i = 0; i < ROWS; i++) {
            if (i == 1) {
                mr_pg_array_null(&col);
                continue;
            }
            switch (types[t]) {
            case MR_PG_INT8:
                mr_pg_array_int8(&col, i ? INT64_MAX : INT64_MIN);
                break;
            case MR_PG_INT4:
                mr_pg_array_int4(&col, i ? INT32_MAX : INT32_MIN);
                break;
            case MR_PG_UUID:
                mr_pg_array_uuid(&col, i ? &c : &a);
                break;
            case MR_PG_BYTEA:
                mr_pg_array_bytea(&col, i ? mr_slice("\0\xff", 2) : mr_slice("", 0));
                break;
            case MR_PG_TEXT:
                mr_pg_array_text(&col, mr_slice_text(i ? "{\"a\": \"\\u00e9 ,{}\"}" : "[]"));
                break;
            case MR_PG_TIMESTAMPTZ:
                mr_pg_array_time(&col, i ? MR_TIME_MS_MAX : -1);
                break;
            case MR_PG_DATE:
                mr_pg_array_day(&col, i ? 20000 : -1);
                break;
            case MR_PG_BOOL:
                mr_pg_array_bool(&col, i);
                break;
            case MR_PG_FLOAT8:
                mr_pg_array_float8(&col, i ? 1.5 : -0.25);
                break;
            }
        }
        mr_pg_param_array(p, &col);
    }
}

/* Columns a int8, b int4, c uuid, d bytea, e text, f timestamptz, g date, h bool, i float8. */
static void check_row(const struct mr_pg_result *r, int row, int i)
{
    struct mr_uuid id = uuid_of(i ? 255 : 1), got = mr_pg_result_uuid(r, row, 2);
    cr_assert_eq(mr_pg_result_int8(r, row, 0), i ? INT64_MAX : INT64_MIN);
    cr_assert_eq(mr_pg_result_int4(r, row, 1), i ? INT32_MAX : INT32_MIN);
    cr_assert(mr_uuid_equal(&got, &id));
    cr_assert(
        mr_slice_equal(mr_pg_result_bytea(r, row, 3), i ? mr_slice("\0\xff", 2) : mr_slice("", 0)));
    cr_assert(mr_slice_is(mr_pg_result_text(r, row, 4), i ? "{\"a\": \"\\u00e9 ,{}\"}" : "[]"));
    cr_assert_eq(mr_pg_result_time(r, row, 5), i ? MR_TIME_MS_MAX : -1);
    cr_assert_eq(mr_pg_result_day(r, row, 6), i ? 20000 : -1);
    cr_assert_eq(mr_pg_result_bool(r, row, 7), i > 0);
    cr_assert_float_eq(mr_pg_result_float8(r, row, 8), i ? 1.5 : -0.25, 0);
}

static void check_nulls(const struct mr_pg_result *r, int row)
{
    for (int c = 0; c < 9; c++)
        cr_assert(mr_pg_result_null(r, row, c), "column %d", c);
    cr_assert_null(mr_pg_result_text(r, row, 4).data);
    cr_assert_eq(mr_pg_result_time(r, row, 5), 0);
}

Test(pg_param, given_columns_of_all_types_with_nulls_then_unnest_gives_them_back)
{
    struct fixture *f = fixture_new("arrays");
    static const struct mr_pg_stmt stmt = {
        .name = "arrays",
        .sql = "SELECT * FROM unnest($1::int8[], $2::int4[], $3::uuid[], $4::bytea[], $5::text[],"
               " $6::timestamptz[], $7::date[], $8::bool[], $9::float8[])",
        .nparams = 9,
    };
    fixture_up(f, (struct mr_pg_options){0});
    struct mr_pg_params p;
    mr_pg_params_init(&p, &f->arena);
    push_columns(&p, &f->arena);
    struct mr_pg_result *r = run(f, &stmt, &p);
    cr_assert_eq(mr_pg_result_rows(r), ROWS);
    check_row(r, 0, 0);
    check_nulls(r, 1);
    check_row(r, 2, 2);
    mr_pg_result_free(r);
    fixture_free(f);
}

Test(pg_param, given_single_values_then_they_come_back_in_both_formats)
{
    struct fixture *f = fixture_new("scalars");
    struct mr_pg_stmt stmt = {
        .sql = "SELECT $1::int8, $2::int4, $3::uuid, $4::bytea, $5::text, $6::timestamptz,"
               " $7::date, $8::bool, $9::float8, $5::text::jsonb, $10::int2",
        .nparams = 10,
    };
    struct mr_uuid id = uuid_of(255);
    fixture_up(f, (struct mr_pg_options){0});
    struct mr_pg_params p;
    mr_pg_params_init(&p, &f->arena);
    mr_pg_param_int8(&p, INT64_MAX);
    mr_pg_param_int4(&p, INT32_MAX);
    mr_pg_param_uuid(&p, &id);
    mr_pg_param_bytea(&p, mr_slice("\0\xff", 2));
    mr_pg_param_text(&p, mr_slice_text("{\"a\": \"\\u00e9 ,{}\"}"));
    mr_pg_param_time(&p, MR_TIME_MS_MAX);
    mr_pg_param_day(&p, 20000);
    mr_pg_param_bool(&p, true);
    mr_pg_param_float8(&p, 1.5);
    mr_pg_param_any(&p, mr_slice_text("-7"));
    struct mr_pg_result *r = run(f, &stmt, &p);
    check_row(r, 0, 2);
    cr_assert(mr_slice_is(mr_pg_result_text(r, 0, 9), "{\"a\": \"\xC3\xA9 ,{}\"}"));
    cr_assert_eq(mr_pg_result_int8(r, 0, 10), -7);
    mr_pg_result_free(r);
    stmt.text = true;
    r = run(f, &stmt, &p);
    cr_assert_eq(mr_pg_result_int8(r, 0, 0), INT64_MAX);
    cr_assert_eq(mr_pg_result_int4(r, 0, 10), -7);
    struct mr_uuid got = mr_pg_result_uuid(r, 0, 2);
    cr_assert(mr_uuid_equal(&got, &id));
    cr_assert(mr_slice_is(mr_pg_result_text(r, 0, 6), "2024-10-04"));
    cr_assert(mr_pg_result_bool(r, 0, 7));
    cr_assert_float_eq(mr_pg_result_float8(r, 0, 8), 1.5, 0);
    mr_pg_result_free(r);
    fixture_free(f);
}

Test(pg_param, given_microseconds_then_they_come_back_to_the_microsecond)
{
    struct fixture *f = fixture_new("microseconds");
    static const struct mr_pg_stmt stmt = {
        .sql = "SELECT t, t = u FROM unnest($1::timestamptz[]) WITH ORDINALITY a(t, n), "
               "(VALUES ($2::timestamptz, $3::int8)) b(u, m) WHERE n = m",
        .nparams = 3,
    };
    static const int64_t us[] = {1790239143123456, 0, -1, -1001, MR_TIME_MS_MAX * 1000 + 999};
    fixture_up(f, (struct mr_pg_options){0});
    for (int i = 0; i < 5; i++) {
        struct mr_pg_params p;
        struct mr_pg_array a;
        mr_pg_params_init(&p, &f->arena);
        mr_pg_array_init(&a, &f->arena, MR_PG_TIMESTAMPTZ, 5);
        for (int k = 0; k < 5; k++)
            mr_pg_array_time_us(&a, us[k]);
        mr_pg_param_array(&p, &a);
        mr_pg_param_time_us(&p, us[i]);
        mr_pg_param_int8(&p, i + 1);
        struct mr_pg_result *r = run(f, &stmt, &p);
        cr_assert_eq(mr_pg_result_rows(r), 1);
        cr_expect_eq(mr_pg_result_time_us(r, 0, 0), us[i], "%d", i);
        cr_expect(mr_pg_result_bool(r, 0, 1), "%d", i);
        mr_pg_result_free(r);
    }
    fixture_free(f);
}

Test(pg_param, given_times_without_end_then_they_are_told_apart_from_times)
{
    struct fixture *f = fixture_new("infinity");
    static const struct mr_pg_stmt stmt = {
        .sql = "SELECT 'infinity'::timestamptz, '-infinity'::timestamptz, "
               "'294276-12-31 23:59:59+00'::timestamptz, '1969-12-31 23:59:59.9995Z'::timestamptz",
    };
    struct mr_pg_params p;
    fixture_up(f, (struct mr_pg_options){0});
    mr_pg_params_init(&p, &f->arena);
    struct mr_pg_result *r = run(f, &stmt, &p);
    for (int c = 0; c < 3; c++) {
        cr_expect_eq(mr_pg_result_time_us(r, 0, c), c == 1 ? INT64_MIN : INT64_MAX);
        cr_expect_eq(mr_pg_result_time(r, 0, c), c == 1 ? INT64_MIN : INT64_MAX);
    }
    cr_expect_eq(mr_pg_result_time_us(r, 0, 3), -500);
    cr_expect_eq(mr_pg_result_time(r, 0, 3), -1, "rounded down");
    mr_pg_result_free(r);
    fixture_free(f);
}

Test(pg_param, given_an_empty_and_a_full_batch_then_both_arrive)
{
    struct fixture *f = fixture_new("batches");
    static const struct mr_pg_stmt stmt = {
        .name = "batch",
        .sql = "SELECT count(*), coalesce(sum(n), 0)::int8, coalesce(sum(length(t)), 0)::int8"
               " FROM unnest($1::int8[], $2::text[]) AS x (n, t)",
        .nparams = 2,
    };
    fixture_up(f, (struct mr_pg_options){0});
    static const int sizes[] = {0, 1, 8192, 8192};
    for (int s = 0; s < 4; s++) {
        struct mr_pg_params p;
        struct mr_pg_array n, t;
        mr_pg_params_init(&p, &f->arena);
        mr_pg_array_init(&n, &f->arena, MR_PG_INT8, s == 3 ? 8192 : 0);
        mr_pg_array_init(&t, &f->arena, MR_PG_TEXT, s == 3 ? 8192 : 0);
        for (int i = 0; i < sizes[s]; i++) {
            mr_pg_array_int8(&n, i);
            mr_pg_array_text(&t, mr_slice_text("0123456789"));
        }
        mr_pg_param_array(&p, &n);
        mr_pg_param_array(&p, &t);
        struct mr_pg_result *r = run(f, &stmt, &p);
        cr_assert_eq(mr_pg_result_int8(r, 0, 0), sizes[s]);
        cr_assert_eq(mr_pg_result_int8(r, 0, 1), (int64_t)sizes[s] * (sizes[s] - 1) / 2);
        cr_assert_eq(mr_pg_result_int8(r, 0, 2), 10 * sizes[s]);
        mr_pg_result_free(r);
    }
    fixture_free(f);
}

Test(pg_param, given_too_much_then_the_first_failure_stays)
{
    struct mr_arena small;
    struct mr_pg_params p;
    struct mr_pg_array a;
    mr_arena_init(&small, 256);
    mr_pg_params_init(&p, &small);
    mr_pg_array_init(&a, &small, MR_PG_INT8, 8);
    for (int i = 0; i < 100; i++)
        mr_pg_array_int8(&a, i);
    mr_pg_param_array(&p, &a);
    mr_pg_param_int8(&p, 1);
    cr_assert_eq(p.status, MR_LIMIT, "the arena is full");
    mr_arena_reset(&small);

    mr_pg_params_init(&p, &small);
    for (int i = 0; i <= MR_PG_PARAMS_MAX; i++)
        mr_pg_param_bool(&p, true);
    cr_assert_eq(p.status, MR_INVALID, "too many");

    mr_pg_params_init(&p, &small);
    mr_pg_param_text(&p, mr_slice("", MR_PG_VALUE_BYTES_MAX + 1)); /* is not read */
    cr_assert_eq(p.status, MR_INVALID, "above 1 GB");

    mr_pg_params_init(&p, &small);
    mr_pg_param_time(&p, MR_TIME_MS_MAX + 1);
    cr_assert_eq(p.status, MR_INVALID);

    mr_pg_params_init(&p, &small);
    mr_pg_param_time_us(&p, INT64_MAX);
    cr_assert_eq(p.status, MR_INVALID);

    mr_arena_reset(&small);
    mr_pg_params_init(&p, &small);
    mr_pg_array_init(&a, &small, MR_PG_BYTEA, 4);
    for (int i = 0; i < 3; i++) /* each would do, together they do not */
        mr_pg_array_bytea(&a, mr_slice("", MR_PG_VALUE_BYTES_MAX / 2));
    mr_pg_param_array(&p, &a);
    cr_assert_eq(p.status, MR_INVALID);
    mr_arena_free(&small);
}
