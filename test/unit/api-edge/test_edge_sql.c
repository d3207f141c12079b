#include "edge_sql.h"

#include <criterion/criterion.h>

static const struct mr_catalog_parameter parameters[] = {
    {.name = "status", .kind = MR_VALUE_TEXT, .sql_type = "text"},
    {.name = "since", .kind = MR_VALUE_TIME, .sql_type = "timestamptz", .fallback = "it's\\now"},
};
static const struct mr_catalog_order orders[] = {
    {.column = "created_at", .sql_type = "timestamptz", .descending = true},
    {.column = "number", .sql_type = "bigint"},
};
static struct mr_catalog_resource resource_of(const char *view, const char *function)
{
    return (struct mr_catalog_resource){.type = "x.thing",
                                        .file = "x/thing.json",
                                        .index = 3,
                                        .item = {.path = "/v1/accounts/{account}/things/{id}"},
                                        .list = {.path = "/v1/accounts/{account}/things"},
                                        .view = view,
                                        .function = function,
                                        .parameters = parameters,
                                        .parameter_count = 2,
                                        .orders = orders,
                                        .order_count = 2};
}

Test(edge_sql, given_a_view_then_filters_and_cursor_are_parameters)
{
    struct edge_sql sql;
    struct mr_error why;
    struct mr_catalog_resource resource = resource_of("x.thing_resource", NULL);
    cr_assert_eq(edge_sql_init(&sql, &resource, &why), MR_OK);
    cr_expect_str_eq(sql.item.sql, "SELECT r.body::text FROM \"x\".\"thing_resource\" AS r"
                                   " WHERE r.account_id = $1::uuid AND r.id = $2::uuid");
    cr_expect_str_eq(sql.item.name, "edge_item_3");
    cr_assert_eq(sql.list_count, 2);
    cr_expect_eq(sql.lists[0].nparams, 6);
    cr_expect_str_eq(
        sql.lists[0].sql,
        "SELECT CASE WHEN sum(octet_length(q.body)) OVER ( ORDER BY q.value DESC, q.id DESC"
        " ROWS UNBOUNDED PRECEDING) - octet_length(q.body) < 1048576 THEN q.body END, q.id,"
        " q.value::text FROM (SELECT r.body::text AS body, r.id::uuid AS id,"
        " r.\"created_at\" AS value FROM \"x\".\"thing_resource\" AS r"
        " WHERE r.account_id = $1::uuid AND ($2::text IS NULL OR r.\"status\" = $2::text)"
        " AND ($3::timestamptz IS NULL OR r.\"since\" = $3::timestamptz)"
        " AND ($4::uuid IS NULL OR (r.\"created_at\", r.id) < ($5::timestamptz, $4::uuid))"
        " ORDER BY r.\"created_at\" DESC, r.id DESC LIMIT $6::int8) AS q"
        " ORDER BY q.value DESC, q.id DESC");
    cr_expect(strstr(sql.lists[1].sql, "(r.\"number\", r.id) > ($5::bigint, $4::uuid)"));
    cr_expect(strstr(sql.lists[1].sql, "ORDER BY r.\"number\" ASC, r.id ASC"));
    edge_sql_free(&sql);
}

Test(edge_sql, given_a_function_then_it_is_called_with_parameters_or_their_quoted_defaults)
{
    struct edge_sql sql;
    struct mr_error why;
    struct mr_catalog_resource resource = resource_of(NULL, "x.find");
    cr_assert_eq(edge_sql_init(&sql, &resource, &why), MR_OK);
    cr_expect(strstr(sql.lists[0].sql, "FROM \"x\".\"find\"($1::uuid, $2::text, $3::timestamptz)"
                                       " AS r WHERE r.account_id = $1::uuid AND ($4::uuid"));
    cr_expect(strstr(sql.item.sql, "\"find\"($1::uuid, NULL::text, E'it''s\\\\now'::timestamptz)"));
    edge_sql_free(&sql);
}

Test(edge_sql, given_an_identifier_with_a_quote_then_it_stays_an_identifier)
{
    struct edge_sql sql;
    struct mr_error why;
    struct mr_catalog_resource resource = resource_of("x.a\"; DROP TABLE t --", NULL);
    cr_assert_eq(edge_sql_init(&sql, &resource, &why), MR_OK);
    cr_expect(strstr(sql.item.sql, "FROM \"x\".\"a\"\"; DROP TABLE t --\" AS r"));
    edge_sql_free(&sql);
}

Test(edge_sql, given_more_parameters_than_a_statement_takes_then_the_file_is_named)
{
    struct edge_sql sql;
    struct mr_error why;
    struct mr_catalog_resource resource = resource_of("x.y", NULL);
    resource.parameter_count = EDGE_SQL_PARAMETERS_MAX + 1;
    cr_assert_eq(edge_sql_init(&sql, &resource, &why), MR_INVALID);
    cr_expect(strstr(why.text, "x/thing.json"));
    edge_sql_free(&sql);
}

Test(edge_sql, given_a_function_that_cuts_its_pages_then_it_is_handed_the_place_and_the_rows)
{
    struct edge_sql sql;
    struct mr_error why;
    struct mr_catalog_resource resource = resource_of(NULL, "x.search");
    resource.paged = true;
    resource.order_count = 1;
    resource.item.path = NULL;
    cr_assert_eq(edge_sql_init(&sql, &resource, &why), MR_OK);
    cr_expect_null(sql.item.sql);
    cr_expect_eq(sql.lists[0].nparams, 6);
    cr_expect(strstr(sql.lists[0].sql, " FROM \"x\".\"search\"($1::uuid, $2::text, $3::timestamptz,"
                                       " $5::timestamptz, $4::uuid, $6::int8) AS r"
                                       " WHERE r.account_id = $1::uuid LIMIT $6::int8) AS q"
                                       " ORDER BY q.value DESC, q.id DESC"),
              "%s", sql.lists[0].sql);
    cr_expect(strstr(sql.probe.sql, "E'it''s\\\\now'::timestamptz, NULL::timestamptz, NULL::uuid,"
                                    " 1::int8) AS r"),
              "%s", sql.probe.sql);
    edge_sql_free(&sql);
}
