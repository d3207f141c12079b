/* A list as NDJSON: all of it, in order, in memory that does not grow with it. */
#include "reads_bed.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <stdio.h>

#define LINES        10000
#define FILLER_BYTES 2000
#define BYTES_MAX    (6 * 1024 * 1024) /* pages are 1 MiB, and a client has buffers of its own */

size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t allocated_bytes(void)
{
    return __sanitizer_get_current_allocated_bytes ? __sanitizer_get_current_allocated_bytes()
                                                   : mallinfo2().uordblks;
}

/* A client that reads a little at each turn of the loop. */
struct export
{
    uv_tcp_t tcp;
    uv_connect_t connect;
    char request[1024], buffer[4096];
    bool in_body, closed;
    size_t line_len, bytes;
    char line[FILLER_BYTES + 200], head[1024];
    int lines, next, step; /* the next n, counting up or down */
    size_t peak, base;
};

static struct reads reads;

static void teardown(void)
{
    reads_close(&reads);
}
TestSuite(edge_export, .fini = teardown);

static void take_line(struct export *e)
{
    int n = -1;
    size_t now = allocated_bytes();
    e->line[e->line_len] = '\0';
    cr_assert_eq(sscanf(e->line, "{\"n\" : %d", &n), 1, "%s", e->line);
    cr_assert_eq(n, e->next, "line %d is %d", e->next, n);
    cr_assert_eq(e->line[e->line_len - 1], '}');
    e->next += e->step;
    e->lines++;
    e->line_len = 0;
    e->peak = now > e->peak ? now : e->peak;
}

static void take(struct export *e, char c)
{
    if (!e->in_body) {
        cr_assert_lt(e->line_len, sizeof e->head - 1);
        e->head[e->line_len++] = c;
        e->in_body = e->line_len > 4 && memcmp(e->head + e->line_len - 4, "\r\n\r\n", 4) == 0;
        if (e->in_body)
            e->line_len = 0;
        return;
    }
    if (c == '\n') {
        take_line(e);
        return;
    }
    cr_assert_lt(e->line_len, sizeof e->line - 1);
    e->line[e->line_len++] = c;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct export *e = handle->data;
    (void)suggested;
    *buf = uv_buf_init(e->buffer, sizeof e->buffer);
}

static void on_closed(uv_handle_t *handle)
{
    ((struct export *)handle->data)->closed = true;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct export *e = stream->data;
    if (n < 0) {
        uv_close((uv_handle_t *)stream, on_closed);
        return;
    }
    e->bytes += (size_t)n;
    for (ssize_t i = 0; i < n; i++)
        take(e, buf->base[i]);
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct export *e = connect->handle->data;
    uv_buf_t buf = uv_buf_init(e->request, (unsigned)strlen(e->request));
    cr_assert_eq(status, 0);
    cr_assert_eq(uv_try_write(connect->handle, &buf, 1), (int)buf.len);
    uv_read_start(connect->handle, on_alloc, on_read);
}

/* HTTP/1.0, so that the body is what was written. */
static void export_all(struct export *e, const char *path, int first, int step)
{
    struct sockaddr_in at;
    *e = (struct export){.next = first, .step = step, .base = allocated_bytes()};
    snprintf(e->request, sizeof e->request,
             "GET " READS_ROOT "%s HTTP/1.0\r\nHost: edge\r\nAccept: application/x-ndjson\r\n"
             "Authorization: Bearer " BED_KEY "\r\n\r\n",
             path);
    uv_ip4_addr("127.0.0.1", reads.bed.port, &at);
    uv_tcp_init(&reads.bed.loop.uv, &e->tcp);
    e->tcp.data = e;
    uv_tcp_connect(&e->connect, &e->tcp, (struct sockaddr *)&at, on_connected);
    while (!e->closed)
        uv_run(&reads.bed.loop.uv, UV_RUN_ONCE);
}

static void add_lines(int count)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "INSERT INTO lines.line (account_id, id, at, word, n, filler)"
             " SELECT '" BED_ACCOUNT "', gen_random_uuid(),"
             " timestamptz '2026-11-25T08:00:00Z' + i * interval '1 s', 'disk', i,"
             " repeat('x', %d) FROM generate_series(0, %d) i",
             FILLER_BYTES, count - 1);
    reads_run(&reads, sql);
}

Test(edge_export, given_ten_thousand_lines_then_each_comes_once_in_flat_memory)
{
    static struct export e;
    reads_open(&reads, "export");
    add_lines(LINES);
    export_all(&e, "/words/disk", LINES - 1, -1);
    cr_expect_eq(e.lines, LINES);
    cr_expect(strstr(e.head, "Content-Type: application/x-ndjson\r\n"), "%s", e.head);
    cr_expect_gt(e.bytes, (size_t)LINES * FILLER_BYTES);
    cr_expect_lt(e.peak - e.base, BYTES_MAX, "%zu bytes", e.peak - e.base);
}

Test(edge_export, given_a_limit_then_the_export_ends_with_it)
{
    static struct export e;
    reads_open(&reads, "export_limit");
    add_lines(500);
    export_all(&e, "/words/disk?limit=499", 499, -1);
    cr_expect_eq(e.lines, 499);
}

Test(edge_export, given_nothing_then_the_export_is_empty)
{
    static struct export e;
    reads_open(&reads, "export_none");
    export_all(&e, "/words/none", 0, 0);
    cr_expect(strstr(e.head, "HTTP/1.1 200 OK\r\n") || strstr(e.head, "HTTP/1.0 200 OK\r\n"), "%s",
              e.head);
    cr_expect_eq(e.lines, 0);
}

Test(edge_export, given_a_function_that_gives_all_rows_at_once_then_each_comes_once)
{
    static struct export e;
    reads_open(&reads, "export_steps");
    export_all(&e, "/steps?count=1000", 1, 1); /* five pages of the export's own */
    cr_expect_eq(e.lines, 1000);
}
