#include "log_dump.h"

#include "mr_combined.h"
#include "mr_frames.h"
#include "mr_gelf.h"
#include "mr_gelf_chunks.h"
#include "mr_inflate.h"
#include "mr_json.h"
#include "mr_logline.h"
#include "mr_ndjson.h"
#include "mr_syslog.h"
#include "mr_time.h"
#include <stdio.h>
#include <stdlib.h>

#define ARENA_BYTES    ((size_t)1 << 20)
#define INFLATED_BYTES 4096

struct log_pieces log_pieces(struct mr_slice bytes, struct log_cut cut)
{
    return (struct log_pieces){.rest = bytes, .next = cut.first, .step = cut.step};
}

bool log_pieces_next(struct log_pieces *p, struct mr_slice *piece)
{
    free(p->copy);
    p->copy = NULL;
    if (p->rest.len == 0)
        return false;
    size_t n = p->next < p->rest.len ? p->next : p->rest.len;
    p->copy = malloc(n);
    if (n > 0)
        memcpy(p->copy, p->rest.data, n);
    *piece = mr_slice(p->copy, n);
    p->rest = mr_slice(p->rest.data + n, p->rest.len - n);
    p->next = p->step;
    return true;
}

static void put_line(const struct mr_logline *line, struct mr_buf *out)
{
    struct mr_buf text;
    json_t *json;
    mr_buf_init(&text, 0);
    mr_logline_write(line, &text);
    if (mr_json_parse(mr_buf_all(&text), &json, NULL) == MR_OK)
        json_decref(json);
    else
        mr_buf_text(out, "NOT STRICT ");
    mr_buf_slice(out, mr_buf_all(&text));
    mr_buf_char(out, '\n');
    mr_buf_free(&text);
}

static void put_result(enum mr_status s, const struct mr_logline *line, const struct mr_error *why,
                       struct mr_buf *out)
{
    if (s == MR_OK)
        put_line(line, out);
    else
        mr_buf_printf(out, "%s: %s\n", s == MR_INVALID ? "invalid" : "limit", why->text);
}

/* -- syslog -- */

static void dump_syslog(struct mr_slice message, bool is_cut, struct mr_buf *out)
{
    struct mr_syslog_context context = {.is_cut = is_cut};
    struct mr_arena arena;
    struct mr_logline line;
    struct mr_error why = {""};
    enum mr_status s = mr_time_parse(mr_slice_text("2026-11-25T12:00:00Z"), &context.now_ms);
    mr_arena_init(&arena, ARENA_BYTES);
    if (s == MR_OK)
        s = mr_syslog_read(message, &context, &arena, &line);
    put_result(s, &line, &why, out);
    mr_arena_free(&arena);
}

void log_dump_datagram(struct mr_slice bytes, struct mr_buf *out)
{
    struct log_pieces p = log_pieces(bytes, (struct log_cut){bytes.len, 1});
    struct mr_slice piece;
    while (log_pieces_next(&p, &piece))
        dump_syslog(mr_syslog_datagram(piece), false, out);
}

static void put_frame(const struct mr_frame *frame, struct mr_buf *out)
{
    mr_buf_printf(out, "%llu %llu-%llu%s%s ", (unsigned long long)frame->line,
                  (unsigned long long)frame->offset, (unsigned long long)frame->end,
                  frame->is_cut ? " cut" : "", frame->is_unended ? " unended" : "");
}

typedef void (*put)(const struct mr_frame *frame, struct mr_buf *out);

static void dump_frames(struct mr_slice bytes, struct log_cut cut, enum mr_frames_kind kind,
                        put put, struct mr_buf *out)
{
    struct mr_frames *f =
        mr_frames_new(kind, kind == MR_FRAMES_LINE ? LOG_DUMP_LINE_BYTES : LOG_DUMP_MESSAGE_BYTES);
    struct log_pieces p = log_pieces(bytes, cut);
    struct mr_slice piece;
    struct mr_frame frame;
    while (log_pieces_next(&p, &piece))
        while (mr_frames_next(f, &piece, &frame)) {
            put_frame(&frame, out);
            put(&frame, out);
        }
    if (mr_frames_end(f, &frame)) {
        put_frame(&frame, out);
        put(&frame, out);
    }
    mr_frames_free(f);
}

static void put_syslog(const struct mr_frame *frame, struct mr_buf *out)
{
    dump_syslog(frame->text, frame->is_cut, out);
}

void log_dump_stream(struct mr_slice bytes, struct log_cut cut, struct mr_buf *out)
{
    dump_frames(bytes, cut, MR_FRAMES_SYSLOG, put_syslog, out);
}

/* -- GELF -- */

static void dump_gelf(struct mr_slice bytes, struct mr_buf *out)
{
    struct mr_inflate *z = mr_inflate_new();
    struct mr_arena arena;
    struct mr_buf inflated;
    struct mr_logline line;
    struct mr_slice message;
    struct mr_error why = {""};
    mr_arena_init(&arena, ARENA_BYTES);
    mr_buf_init(&inflated, INFLATED_BYTES);
    enum mr_status s = mr_inflate_all(z, bytes, &inflated, &message, &why);
    if (s == MR_OK)
        s = mr_gelf_read(message, &arena, &line, &why);
    put_result(s, &line, &why, out);
    mr_buf_free(&inflated);
    mr_arena_free(&arena);
    mr_inflate_free(z);
}

void log_dump_gelf(struct mr_slice bytes, struct mr_buf *out)
{
    struct log_pieces p = log_pieces(bytes, (struct log_cut){bytes.len, 1});
    struct mr_slice piece;
    while (log_pieces_next(&p, &piece))
        dump_gelf(piece, out);
}

static void put_gelf(const struct mr_frame *frame, struct mr_buf *out)
{
    dump_gelf(frame->text, out);
}

void log_dump_gelf_stream(struct mr_slice bytes, struct log_cut cut, struct mr_buf *out)
{
    dump_frames(bytes, cut, MR_FRAMES_NUL, put_gelf, out);
}

static size_t unhex(const char *p, const char *end, unsigned char *to)
{
    size_t n = 0;
    unsigned byte;
    for (; end - p >= 2 && sscanf(p, "%2x", &byte) == 1; p += 2)
        to[n++] = (unsigned char)byte;
    return n;
}

static void put_lost(struct mr_gelf_chunks *c, int64_t now_ms, struct mr_buf *out)
{
    struct mr_gelf_lost lost;
    while (mr_gelf_chunks_expire(c, now_ms, &lost))
        mr_buf_printf(out, "%lld lost of %llu: %u of %u came\n", (long long)now_ms,
                      (unsigned long long)lost.source, lost.came, lost.count);
}

static void dump_chunk(struct mr_gelf_chunks *c, const char *line, const char *end,
                       struct mr_buf *out)
{
    static const char *const fates[] = {"whole", "held", "bad", "doubled", "late", "over"};
    long long now_ms;
    unsigned long long source;
    int at = 0;
    if (sscanf(line, "%lld %llu %n", &now_ms, &source, &at) != 2)
        return;
    unsigned char *data = malloc((size_t)(end - line) / 2 + 1);
    size_t len = unhex(line + at, end, data);
    struct mr_slice message = {0};
    put_lost(c, now_ms, out);
    enum mr_gelf_fate fate = mr_gelf_chunks_add(c, source, mr_slice(data, len), now_ms, &message);
    mr_buf_printf(out, "%lld %s\n", now_ms, fates[fate]);
    if (fate == MR_GELF_WHOLE)
        dump_gelf(message, out);
    free(data);
}

void log_dump_gelf_chunks(struct mr_slice bytes, struct mr_buf *out)
{
    struct mr_gelf_chunks_limits limits = {
        .messages_max = 3, .bytes_max = 200, .message_bytes_max = 140, .wait_ms = 5000};
    struct mr_gelf_chunks *c = mr_gelf_chunks_new(&limits);
    const char *p = bytes.data, *end = p + bytes.len, *eol;
    for (; p < end && (eol = memchr(p, '\n', (size_t)(end - p))); p = eol + 1)
        dump_chunk(c, p, eol, out);
    const struct mr_gelf_chunks_counts *n = mr_gelf_chunks_counts(c);
    mr_buf_printf(out, "%llu chunks, %llu messages, %llu lost by %llu chunks, ",
                  (unsigned long long)n->chunks, (unsigned long long)n->messages,
                  (unsigned long long)n->lost, (unsigned long long)n->lost_chunks);
    mr_buf_printf(out, "%llu late, %llu doubled, %llu bad, %llu over; %u waiting, %zu bytes\n",
                  (unsigned long long)n->late, (unsigned long long)n->doubled,
                  (unsigned long long)n->bad, (unsigned long long)n->over,
                  mr_gelf_chunks_waiting(c), mr_gelf_chunks_bytes(c));
    mr_gelf_chunks_free(c);
}

/* -- OTLP, access logs -- */

static void dump_records(struct mr_otlp *otlp, struct mr_buf *out)
{
    struct mr_arena arena;
    struct mr_logline line;
    struct mr_error why;
    enum mr_otlp_event e = MR_OTLP_LINE;
    mr_arena_init(&arena, ARENA_BYTES);
    while (e != MR_OTLP_DONE) {
        mr_arena_reset(&arena);
        e = mr_otlp_next(otlp, &arena, &line, &why);
        if (e == MR_OTLP_DONE)
            break;
        if (e == MR_OTLP_LIMIT)
            mr_otlp_skip(otlp);
        mr_buf_printf(out, "%llu ", (unsigned long long)mr_otlp_index(otlp));
        if (e == MR_OTLP_LINE)
            put_line(&line, out);
        else
            mr_buf_printf(out, "%s: %s\n", e == MR_OTLP_LIMIT ? "limit" : "rejected",
                          e == MR_OTLP_LIMIT ? "" : why.text);
    }
    mr_arena_free(&arena);
}

void log_dump_otlp(struct mr_slice bytes, enum mr_otlp_encoding encoding, struct mr_buf *out)
{
    struct log_pieces p = log_pieces(bytes, (struct log_cut){bytes.len, 1});
    struct mr_slice piece = mr_slice("", 0);
    struct mr_otlp *otlp;
    struct mr_error why;
    bool copied = log_pieces_next(&p, &piece);
    if (mr_otlp_open(piece, encoding, &otlp, &why) == MR_OK) {
        mr_buf_printf(out, "%llu records\n", (unsigned long long)mr_otlp_count(otlp));
        dump_records(otlp, out);
        mr_otlp_close(otlp);
    } else {
        mr_buf_printf(out, "invalid: %s\n", why.text);
    }
    if (copied)
        log_pieces_next(&p, &piece);
}

static void put_combined(const struct mr_frame *frame, struct mr_buf *out)
{
    struct mr_arena arena;
    struct mr_logline line;
    struct mr_error why = {""};
    mr_arena_init(&arena, ARENA_BYTES);
    enum mr_status s = mr_combined_read(frame->text, &arena, &line, &why);
    put_result(s, &line, &why, out);
    mr_arena_free(&arena);
}

void log_dump_combined(struct mr_slice bytes, struct log_cut cut, struct mr_buf *out)
{
    dump_frames(bytes, cut, MR_FRAMES_LINE, put_combined, out);
}

/* -- bodies -- */

static void put_item(enum mr_ndjson_event e, const struct mr_ndjson_item *item, struct mr_buf *out)
{
    mr_buf_printf(out, "%llu line %llu at %llu ", (unsigned long long)item->index,
                  (unsigned long long)item->line, (unsigned long long)item->offset);
    if (e == MR_NDJSON_ITEM)
        mr_buf_slice(out, item->text);
    else
        mr_buf_printf(out, "%s%s: %s", item->cause == MR_LIMIT ? "limit" : "invalid",
                      item->is_last ? ", last" : "", item->why.text);
    mr_buf_char(out, '\n');
}

void log_dump_ndjson(struct mr_slice bytes, struct log_cut cut, struct mr_buf *out)
{
    struct mr_ndjson *n = mr_ndjson_new(LOG_DUMP_ITEM_BYTES);
    struct log_pieces p = log_pieces(bytes, cut);
    struct mr_slice piece;
    struct mr_ndjson_item item;
    enum mr_ndjson_event e;
    while (log_pieces_next(&p, &piece))
        while ((e = mr_ndjson_next(n, &piece, &item)) != MR_NDJSON_MORE)
            put_item(e, &item, out);
    while ((e = mr_ndjson_end(n, &item)) != MR_NDJSON_MORE)
        put_item(e, &item, out);
    mr_buf_printf(out, "%llu bytes\n", (unsigned long long)mr_ndjson_offset(n));
    mr_ndjson_free(n);
}

void log_dump_inflate(struct mr_slice bytes, struct log_cut cut, struct mr_buf *out)
{
    struct mr_inflate *z = mr_inflate_new();
    struct log_pieces p = log_pieces(bytes, cut);
    struct mr_slice piece, got;
    struct mr_error why;
    enum mr_status s = MR_OK;
    mr_inflate_begin(z, MR_INFLATE_ANY, INFLATED_BYTES);
    while (log_pieces_next(&p, &piece))
        while ((s = mr_inflate_next(z, &piece, &got, &why)) == MR_OK && got.len > 0)
            mr_buf_slice(out, got);
    s = mr_inflate_end(z, &got, &why);
    if (s == MR_OK)
        mr_buf_slice(out, got);
    mr_buf_printf(out, "\n%s\n", s == MR_OK ? "end" : why.text);
    mr_inflate_free(z);
}
