/* A list as NDJSON, whole: page after page is read and handed on in pieces, no faster than the
 * client takes them. */
#include "edge_list.h"
#include "mr_clock.h"

/*   READING --rows--> WRITING --socket full--> HELD --drained--> WRITING
 *      ^                 |  page written, more to come
 *      +-----------------+  last page written: end
 *   A failure after the first piece breaks the connection off, so that nobody takes a part for all.
 */
struct stream {
    struct edge_list *list;
    struct mr_pg_result *page; /* being written; NULL while reading */
    int row, bodies;           /* the next to be written; how many are there */
    int64_t left;              /* rows that the client still wants */
};

#define PAGE_ROWS 200 /* or as many as a page may have: the function is called less often */

static int64_t page_rows(const struct stream *s)
{
    int64_t most = s->list->resource->limit_maximum;
    return most > PAGE_ROWS ? most : PAGE_ROWS;
}

static void ask(struct stream *s);

static void let_go(struct stream *s)
{
    mr_pg_result_free(s->page);
    s->page = NULL;
}

/* The client left while a page was being written. */
static void cancel(struct edge_request *r)
{
    let_go(r->under_way);
}

static void finish(struct stream *s, bool is_whole)
{
    struct edge_request *r = s->list->r;
    r->cancel = NULL;
    let_go(s);
    edge_route_count(r->route, is_whole ? 200 : EDGE_GONE,
                     (double)(mr_clock_mono_ns() - r->begun_ns) / 1e9);
    if (is_whole)
        mr_http_exchange_end(r->x);
    else
        mr_http_exchange_abort(r->x);
}

/* The page is written: the next one, or the end. */
static void go_on(struct stream *s)
{
    int rows = mr_pg_result_rows(s->page);
    if ((s->bodies == rows && rows < page_rows(s)) || s->left == 0) {
        finish(s, true);
        return;
    }
    if (!edge_list_move(s->list, s->page, s->bodies - 1)) {
        finish(s, false);
        return;
    }
    let_go(s);
    s->list->r->cancel = NULL;
    ask(s);
}

/* One line: a line break in JSON is white space, between tokens alone. */
static enum mr_status write_line(struct mr_http_exchange *x, struct mr_slice body)
{
    struct mr_buf line;
    mr_buf_init(&line, 0); /* bounded by the row */
    mr_buf_slice(&line, body);
    mr_buf_char(&line, '\n');
    for (size_t i = 0; i < body.len; i++)
        if (line.data[i] == '\n' || line.data[i] == '\r')
            line.data[i] = ' ';
    enum mr_status s = mr_http_exchange_write(x, mr_buf_all(&line));
    mr_buf_free(&line);
    return s;
}

static void write_rows(struct stream *s)
{
    struct mr_http_exchange *x = s->list->r->x;
    while (s->row < s->bodies && s->left > 0) {
        struct mr_slice body = mr_pg_result_text(s->page, s->row, EDGE_LIST_BODY);
        enum mr_status status = write_line(x, body);
        s->row++;
        s->left--;
        if (status != MR_OK)
            return; /* drained() or gone() follows */
    }
    go_on(s);
}

static void on_drained(struct mr_http_exchange *x)
{
    struct edge_request *r = x->data;
    struct stream *s = r->work;
    if (s->page)
        write_rows(s);
}

static void begin(struct edge_request *r)
{
    struct edge_fields fields = {0};
    edge_field(&fields, "Content-Type", "application/x-ndjson");
    edge_field(&fields, "Cache-Control", "no-store");
    edge_field(&fields, "Vary", "Accept");
    mr_http_exchange_begin(r->x, 200, fields.items, fields.count, MR_HTTP_LENGTH_UNKNOWN);
}

static void on_rows(struct mr_pg_result *result, void *data)
{
    struct stream *s = data;
    struct edge_request *r = s->list->r;
    if (!mr_http_exchange_has_begun(r->x)) {
        if (!edge_list_is_good(s->list, result))
            return;
        begin(r);
        if (mr_slice_is(r->x->request->method, "HEAD")) {
            finish(s, true);
            return;
        }
    } else if (mr_pg_result_outcome(result) != MR_PG_OK) {
        finish(s, false);
        return;
    }
    s->bodies = edge_list_bodies(s->list, result);
    if (s->bodies < 0) {
        finish(s, false);
        return;
    }
    s->page = mr_pg_result_take(result);
    s->row = 0;
    r->cancel = cancel;
    r->under_way = s;
    write_rows(s);
}

static void ask(struct stream *s)
{
    struct edge_request *r = s->list->r;
    enum mr_status status = edge_list_ask(s->list, page_rows(s), on_rows, s);
    if (status == MR_OK)
        return;
    if (mr_http_exchange_has_begun(r->x))
        finish(s, false);
    else
        edge_query_refuse(r, status);
}

static const struct mr_http_exchange_events events = {.gone = edge_request_gone,
                                                      .drained = on_drained};

void edge_list_stream(struct edge_list *list)
{
    struct edge_request *r = list->r;
    struct stream *s = mr_arena_alloc(edge_arena(r), sizeof *s);
    if (!s) {
        edge_query_refuse(r, MR_LIMIT);
        return;
    }
    s->list = list;
    s->left = list->limit_given ? list->limit : INT64_MAX;
    r->work = s;
    mr_http_exchange_on(r->x, &events, r);
    ask(s);
}
