#include "edge_sql.h"

#include "mr_buf.h"
#include <stdio.h>
#include <stdlib.h>

/* "billing"."invoice_resource" of billing.invoice_resource. */
static void add_identifier(struct mr_buf *out, const char *path)
{
    mr_buf_char(out, '"');
    for (; *path; path++) {
        if (*path == '.')
            mr_buf_text(out, "\".\"");
        else if (*path == '"')
            mr_buf_text(out, "\"\"");
        else
            mr_buf_char(out, *path);
    }
    mr_buf_char(out, '"');
}

static void add_literal(struct mr_buf *out, const char *text)
{
    mr_buf_text(out, " E'");
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            mr_buf_char(out, *text);
        mr_buf_char(out, *text);
    }
    mr_buf_char(out, '\'');
}

/* What a function that cuts its pages takes besides: where to go on, and how many rows. */
static void add_place(struct mr_buf *out, const struct mr_catalog_resource *resource,
                      bool with_parameters)
{
    size_t next = resource->parameter_count + 2;
    const char *type = resource->orders[0].sql_type;
    if (with_parameters)
        mr_buf_printf(out, ", $%zu::%s, $%zu::uuid, $%zu::int8", next + 1, type, next, next + 2);
    else
        mr_buf_printf(out, ", NULL::%s, NULL::uuid, 1::int8", type);
}

/* The view, or the function called with parameters ($2 and on) or, for an item, its defaults. */
static void add_source(struct mr_buf *out, const struct mr_catalog_resource *resource,
                       bool with_parameters)
{
    mr_buf_text(out, " FROM ");
    add_identifier(out, resource->view ? resource->view : resource->function);
    if (!resource->view) {
        mr_buf_text(out, "($1::uuid");
        for (size_t i = 0; i < resource->parameter_count; i++) {
            const struct mr_catalog_parameter *p = &resource->parameters[i];
            mr_buf_char(out, ',');
            if (with_parameters)
                mr_buf_printf(out, " $%zu", i + 2);
            else if (p->fallback)
                add_literal(out, p->fallback);
            else
                mr_buf_text(out, " NULL");
            mr_buf_printf(out, "::%s", p->sql_type);
        }
        if (resource->paged)
            add_place(out, resource, with_parameters);
        mr_buf_char(out, ')');
    }
    mr_buf_text(out, " AS r");
}

static void add_filters(struct mr_buf *out, const struct mr_catalog_resource *resource)
{
    if (!resource->view)
        return; /* the function has them */
    for (size_t i = 0; i < resource->parameter_count; i++) {
        const struct mr_catalog_parameter *p = &resource->parameters[i];
        mr_buf_printf(out, " AND ($%zu::%s IS NULL OR r.", i + 2, p->sql_type);
        add_identifier(out, p->name);
        mr_buf_printf(out, " = $%zu::%s)", i + 2, p->sql_type);
    }
}

/* Takes the text over. */
static const char *keep(struct edge_sql *sql, struct mr_buf *text)
{
    mr_buf_char(text, '\0');
    sql->texts = realloc(sql->texts, (sql->text_count + 1) * sizeof *sql->texts);
    if (!sql->texts)
        abort();
    return sql->texts[sql->text_count++] = text->data;
}

static void make_item(struct edge_sql *sql, const struct mr_catalog_resource *resource)
{
    static const uint32_t types[] = {MR_PG_UUID, MR_PG_UUID};
    struct mr_buf text, name;
    mr_buf_init(&text, 0);
    mr_buf_text(&text, "SELECT r.body::text");
    add_source(&text, resource, false);
    mr_buf_text(&text, " WHERE r.account_id = $1::uuid AND r.id = $2::uuid");
    mr_buf_init(&name, 0);
    mr_buf_printf(&name, "edge_item_%zu", resource->index);
    sql->item = (struct mr_pg_stmt){
        .name = keep(sql, &name), .sql = keep(sql, &text), .nparams = 2, .types = types};
}

static void add_order(struct mr_buf *out, const struct mr_catalog_order *order)
{
    const char *direction = order->descending ? "DESC" : "ASC";
    mr_buf_printf(out, " ORDER BY q.value %s, q.id %s", direction, direction);
}

/* The rows' bodies are summed up in their order, and left out once they are enough. */
static void add_bound(struct mr_buf *out, const struct mr_catalog_order *order)
{
    mr_buf_text(out, "SELECT CASE WHEN sum(octet_length(q.body)) OVER (");
    add_order(out, order);
    mr_buf_printf(out,
                  " ROWS UNBOUNDED PRECEDING) - octet_length(q.body) < %d THEN q.body END,"
                  " q.id, q.value::text FROM (",
                  EDGE_LIST_BYTES);
}

/* The rows behind the cursor, in order. */
static void add_page(struct mr_buf *out, const struct mr_catalog_resource *resource,
                     const struct mr_catalog_order *order)
{
    size_t next = resource->parameter_count + 2;
    const char *direction = order->descending ? "DESC" : "ASC";
    mr_buf_printf(out, " AND ($%zu::uuid IS NULL OR (r.", next);
    add_identifier(out, order->column);
    mr_buf_printf(out, ", r.id) %c ($%zu::%s, $%zu::uuid)) ORDER BY r.",
                  order->descending ? '<' : '>', next + 1, order->sql_type, next);
    add_identifier(out, order->column);
    mr_buf_printf(out, " %s, r.id %s", direction, direction);
}

/* Without a name: it is planned for the parameters that are given, so that an index of the filter
 * is found and what is not asked for costs nothing. */
static void make_list(struct edge_sql *sql, const struct mr_catalog_resource *resource,
                      const struct mr_catalog_order *order, struct mr_pg_stmt *out)
{
    struct mr_buf text;
    mr_buf_init(&text, 0);
    add_bound(&text, order);
    mr_buf_text(&text, "SELECT r.body::text AS body, r.id::uuid AS id, r.");
    add_identifier(&text, order->column);
    mr_buf_text(&text, " AS value");
    add_source(&text, resource, true);
    mr_buf_text(&text, " WHERE r.account_id = $1::uuid");
    add_filters(&text, resource);
    if (!resource->paged)
        add_page(&text, resource, order);
    mr_buf_printf(&text, " LIMIT $%zu::int8) AS q", resource->parameter_count + 4);
    add_order(&text, order);
    *out =
        (struct mr_pg_stmt){.sql = keep(sql, &text), .nparams = (int)resource->parameter_count + 4};
}

static void make_probe(struct edge_sql *sql, const struct mr_catalog_resource *resource)
{
    static const uint32_t types[] = {MR_PG_UUID};
    struct mr_buf text;
    mr_buf_init(&text, 0);
    mr_buf_text(&text, "SELECT r.body::text, r.id::uuid, r.account_id::uuid, r.version::int8");
    for (size_t i = 0; resource->view && i < resource->parameter_count; i++) {
        mr_buf_text(&text, ", r.");
        add_identifier(&text, resource->parameters[i].name);
    }
    for (size_t i = 0; i < resource->order_count; i++) {
        mr_buf_text(&text, ", r.");
        add_identifier(&text, resource->orders[i].column);
    }
    add_source(&text, resource, false);
    mr_buf_text(&text, " WHERE r.account_id = $1::uuid AND false");
    sql->probe = (struct mr_pg_stmt){.sql = keep(sql, &text), .nparams = 1, .types = types};
}

enum mr_status edge_sql_init(struct edge_sql *sql, const struct mr_catalog_resource *resource,
                             struct mr_error *why)
{
    *sql = (struct edge_sql){0};
    if (resource->parameter_count > EDGE_SQL_PARAMETERS_MAX)
        return mr_fail(why, MR_INVALID, "%s: has %zu query parameters, at most %d are possible",
                       resource->file, resource->parameter_count, EDGE_SQL_PARAMETERS_MAX);
    make_probe(sql, resource);
    if (resource->item.path)
        make_item(sql, resource);
    if (!resource->list.path)
        return MR_OK;
    sql->lists = calloc(resource->order_count, sizeof *sql->lists);
    if (!sql->lists)
        abort();
    sql->list_count = resource->order_count;
    for (size_t i = 0; i < resource->order_count; i++)
        make_list(sql, resource, &resource->orders[i], &sql->lists[i]);
    return MR_OK;
}

void edge_sql_free(struct edge_sql *sql)
{
    for (size_t i = 0; i < sql->text_count; i++)
        free(sql->texts[i]);
    free(sql->texts);
    free(sql->lists);
    *sql = (struct edge_sql){0};
}
