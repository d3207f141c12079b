#include "edge_list.h"

#include "mr_http_text.h"
#include <stdio.h>

#define DATA_EXCEPTION "22"    /* the class: a value that SQL cannot take */
#define ASK_BYTES_MAX  65536   /* of the parameters: the request line is at most 8 KiB */
#define FOR_CLIENTS    "22023" /* a function raises it with a sentence for them */

/* ---- its rows ---- */

/* Parameters lie in memory of their own: a stream asks more often than an arena has room. */
enum mr_status edge_list_ask(struct edge_list *list, int64_t rows, mr_pg_on_result answered,
                             void *asker)
{
    const struct edge_sql *sql = edge_reads_sql(list->r->edge->reads, list->resource);
    struct mr_arena arena;
    struct mr_pg_params params;
    mr_arena_init(&arena, ASK_BYTES_MAX);
    mr_pg_params_init(&params, &arena);
    mr_pg_param_uuid(&params, &list->r->account);
    for (size_t i = 0; i < list->resource->parameter_count; i++)
        mr_pg_param_any(&params, list->parameters[i]);
    mr_pg_param_uuid(&params, list->has_cursor ? &list->cursor.id : NULL);
    mr_pg_param_any(&params, list->has_cursor ? list->cursor.value : (struct mr_slice){0});
    mr_pg_param_int8(&params, rows);
    enum mr_status s =
        edge_query_of(list->r, &(struct edge_query_ask){.stmt = &sql->lists[list->order],
                                                        .params = &params,
                                                        .deadline_ms = EDGE_READ_DEADLINE_MS,
                                                        .is_search = list->resource->function,
                                                        .answered = answered,
                                                        .asker = asker});
    mr_arena_free(&arena);
    return s;
}

bool edge_list_is_good(struct edge_list *list, const struct mr_pg_result *result)
{
    struct mr_pg_error error = mr_pg_result_error(result);
    bool is_of_data = strncmp(error.sqlstate, DATA_EXCEPTION, 2) == 0;
    if (list->resource->function && strcmp(error.sqlstate, FOR_CLIENTS) == 0) {
        edge_refuse(list->r, "malformed", "%s", error.message);
        return false;
    }
    /* Parameters were checked; what the database still cannot read as a value is the cursor's. */
    if (list->has_cursor && is_of_data)
        return edge_list_refuse(list, "cursor", "is not one that this list has given");
    if (list->resource->function && is_of_data) {
        MR_LOG_LIMITED(list->r->edge->log, &list->r->edge->refused, WARN,
                       "a function cannot take its arguments",
                       mr_f_text("function", list->resource->function),
                       mr_f_text("sqlstate", error.sqlstate));
        edge_refuse(list->r, "malformed", "The list cannot be read with these parameters.");
        return false;
    }
    return edge_query_is_good(list->r, result);
}

int edge_list_bodies(struct edge_list *list, const struct mr_pg_result *result)
{
    int rows = mr_pg_result_rows(result), row = 0;
    while (row < rows && !mr_pg_result_null(result, row, EDGE_LIST_BODY))
        row++;
    if (row > 0 || rows == 0)
        return row;
    MR_LOG_LIMITED(list->r->edge->log, &list->r->edge->refused, ERROR,
                   "a list has a row without a body", mr_f_text("resource", list->resource->type));
    return -1;
}

bool edge_list_move(struct edge_list *list, const struct mr_pg_result *result, int row)
{
    struct mr_slice value = mr_pg_result_text(result, row, EDGE_LIST_VALUE);
    if (value.data && value.len <= sizeof list->value) {
        list->cursor.id = mr_pg_result_uuid(result, row, EDGE_LIST_ID);
        memcpy(list->value, value.data, value.len);
        list->cursor.value = mr_slice(list->value, value.len);
        list->has_cursor = true;
        return true;
    }
    MR_LOG_LIMITED(list->r->edge->log, &list->r->edge->refused, ERROR,
                   "a list cannot go on after a row without its order's value",
                   mr_f_text("resource", list->resource->type),
                   mr_f_text("column", list->resource->orders[list->order].column));
    return false;
}

/* ---- a page ---- */

/* The list's own URL with the cursor in place of the one that was given. A request's target has no
 * character that would end the link early: the parser lets none pass. */
static void write_next(const struct edge_list *list, const char *cursor, struct mr_buf *out)
{
    const struct mr_http_request *request = list->r->x->request;
    struct mr_slice rest = request->query, name, value;
    mr_buf_char(out, '<');
    mr_buf_slice(out, request->path);
    mr_buf_char(out, '?');
    while (mr_http_query_next(&rest, &name, &value)) {
        struct mr_slice pair =
            mr_slice(name.data, value.data ? name.len + 1 + value.len : name.len);
        if (mr_slice_is(name, "cursor"))
            continue;
        mr_buf_slice(out, pair);
        mr_buf_char(out, '&');
    }
    mr_buf_printf(out, "cursor=%s>; rel=\"next\"", cursor);
    mr_buf_char(out, '\0');
}

static void answer_page(struct edge_list *list, struct mr_buf *body, const char *cursor)
{
    struct edge_request *r = list->r;
    struct edge_fields fields = {0};
    struct mr_buf link;
    char etag[EDGE_ETAG_TEXT + 1];
    mr_buf_init(&link, 16384); /* the request line is at most 8 KiB */
    if (cursor) {
        write_next(list, cursor, &link);
        if (mr_buf_ok(&link))
            edge_field(&fields, "Link", link.data);
    }
    edge_field(&fields, "ETag", edge_etag_of(mr_buf_all(body), etag));
    edge_field(&fields, "Cache-Control", list->resource->cache_control);
    edge_field(&fields, "Vary", "Accept");
    if (edge_etag_is_known(r->x->request, etag))
        edge_answer(r, 304, &fields, mr_slice_text(""));
    else
        edge_answer_json(r, 200, &fields, body);
    mr_buf_free(&link);
}

static void on_page(struct mr_pg_result *result, void *data)
{
    struct edge_list *list = data;
    const char *cursor = NULL;
    struct mr_buf body;
    if (!edge_list_is_good(list, result))
        return;
    int rows = mr_pg_result_rows(result), bodies = edge_list_bodies(list, result), row = 0;
    if (bodies < 0) {
        edge_refuse(list->r, "internal", "The list cannot be read.");
        return;
    }
    mr_buf_init(&body, 0); /* bounded by the rows that came */
    mr_buf_text(&body, "{\"items\":[");
    for (; row < bodies && row < list->limit; row++) {
        if (row > 0)
            mr_buf_char(&body, ',');
        mr_buf_slice(&body, mr_pg_result_text(result, row, EDGE_LIST_BODY));
    }
    if (row < rows) { /* there are more */
        cursor = edge_list_move(list, result, row - 1)
                     ? edge_cursor_write(&list->cursor, list->list, edge_arena(list->r))
                     : NULL;
        if (!cursor) {
            mr_buf_free(&body);
            edge_refuse(list->r, "internal", "The list cannot be continued.");
            return;
        }
    }
    mr_buf_printf(&body, "],\"next_cursor\":%s%s%s}", cursor ? "\"" : "", cursor ? cursor : "null",
                  cursor ? "\"" : "");
    answer_page(list, &body, cursor);
    mr_buf_free(&body);
}

void edge_list_page(struct edge_list *list)
{
    enum mr_status s = edge_list_ask(list, list->limit + 1, on_page, list);
    if (s != MR_OK)
        edge_query_refuse(list->r, s);
}
