#include "http_dump.h"

#include <assert.h>
#include <stdlib.h>

/* Small, so that every limit is reached by a short file. */
static const struct mr_http_limits suite_limits = {.line_bytes_max = 256,
                                                   .fields_max = 8,
                                                   .fields_bytes_max = 512,
                                                   .body_bytes_max = 64,
                                                   .chunk_line_bytes_max = 32,
                                                   .extensions_bytes_max = 48,
                                                   .trailers_bytes_max = 64};

struct dump {
    struct mr_http_parse *parser;
    struct mr_buf *out;
    struct mr_buf body; /* of the current message, its pieces joined */
};

static void add_bytes(struct mr_buf *out, const char *name, struct mr_slice s)
{
    mr_buf_text(out, name);
    if (!s.data) {
        mr_buf_text(out, " -\n");
        return;
    }
    mr_buf_text(out, " \"");
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        if (c >= 0x20 && c < 0x7f && c != '\\')
            mr_buf_char(out, (char)c);
        else
            mr_buf_printf(out, "\\x%02x", c);
    }
    mr_buf_text(out, "\"\n");
}

static void dump_head(struct mr_buf *out, const struct mr_http_request *req)
{
    static const char *const framing[] = {"none", "length", "chunked"};
    mr_buf_printf(out, "request %.*s HTTP/1.%d\n", MR_SLICE_FMT(req->method), req->minor_version);
    add_bytes(out, "target", req->target);
    add_bytes(out, "path", req->path);
    add_bytes(out, "query", req->query);
    add_bytes(out, "host", req->host);
    for (uint32_t i = 0; i < req->field_count; i++) {
        mr_buf_printf(out, "field %.*s", MR_SLICE_FMT(req->fields[i].name));
        add_bytes(out, "", req->fields[i].value);
    }
    mr_buf_printf(out, "body %s", framing[req->framing]);
    if (req->content_length_given)
        mr_buf_printf(out, " %llu", (unsigned long long)req->content_length);
    mr_buf_printf(out, "%s\n%s\n", req->expect_continue ? ", awaits 100" : "",
                  req->keep_alive ? "keep-alive" : "close");
}

/* Takes one piece whole, or up to the error. */
static bool feed(struct dump *d, struct mr_slice in)
{
    struct mr_slice piece;
    for (;;)
        switch (mr_http_parse_next(d->parser, &in, &piece)) {
        case MR_HTTP_MORE:
            assert(in.len == 0);
            return true;
        case MR_HTTP_HEAD:
            dump_head(d->out, mr_http_parse_request(d->parser));
            break;
        case MR_HTTP_BODY:
            assert(piece.len > 0);
            mr_buf_slice(&d->body, piece);
            break;
        case MR_HTTP_DONE:
            add_bytes(d->out, "content", mr_buf_all(&d->body));
            mr_buf_text(d->out, "done\n");
            mr_buf_reset(&d->body);
            break;
        case MR_HTTP_ERROR:
            mr_buf_printf(d->out, "error %d %s\n", mr_http_parse_error(d->parser)->status,
                          mr_http_parse_error(d->parser)->text.text);
            return false;
        }
}

void http_dump(struct mr_slice bytes, size_t first, size_t step, struct mr_buf *out)
{
    struct dump d = {.parser = mr_http_parse_new(&suite_limits), .out = out};
    bool good = true;
    mr_buf_init(&d.body, 0);
    for (size_t at = 0, len = first; good && at < bytes.len; at += len, len = step) {
        if (len > bytes.len - at)
            len = bytes.len - at;
        char *alone = malloc(len ? len : 1);
        assert(alone);
        memcpy(alone, bytes.data + at, len);
        good = feed(&d, mr_slice(alone, len));
        free(alone);
    }
    if (good)
        mr_buf_printf(out, "awaits %s\n", mr_http_parse_in_head(d.parser) ? "a head" : "more");
    mr_buf_free(&d.body);
    mr_http_parse_free(d.parser);
}
