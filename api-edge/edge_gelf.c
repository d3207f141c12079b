#include "edge_gelf.h"

#include "edge_lines.h"
#include "edge_query.h"
#include "mr_gelf.h"
#include "mr_random.h"

struct gelf {
    struct edge_lines lines;
    struct mr_slice key; /* Idempotency-Key; absent: none */
};

static void refuse(struct edge_request *r, const char *problem, const struct mr_error *why)
{
    struct gelf *g = r->work;
    edge_lines_let_go(&g->lines);
    edge_refuse(r, problem, "%s", why->text);
}

static void finish(struct edge_request *r)
{
    struct gelf *g = r->work;
    struct edge_volley_counts counts = edge_volley_counts(g->lines.volley);
    struct mr_error why = g->lines.cause;
    if (edge_volley_has_failed(g->lines.volley)) {
        struct edge_volley_failure failure;
        edge_volley_failure(g->lines.volley, g->key.data != NULL, &failure);
        (void)mr_fail(&why, MR_BUSY, "%s", failure.detail);
        refuse(r, failure.problem, &why);
    } else if (counts.invalid > 0) {
        (void)mr_fail(&why, MR_INVALID, "The message is too large for the log.");
        refuse(r, "too-large", &why);
    } else if (g->lines.rejected > 0) {
        refuse(r, g->lines.is_too_large ? "too-large" : "invalid-body", &why);
    } else {
        edge_lines_let_go(&g->lines);
        edge_answer(r, 202, NULL, mr_slice_text(""));
    }
}

static void on_room(void *owner)
{
    struct edge_request *r = owner;
    struct gelf *g = r->work;
    if (edge_volley_counts(g->lines.volley).in_flight == 0)
        finish(r);
}

/* Senders that frame their messages end them with a line end or a NUL. */
static struct mr_slice message_of(const struct mr_buf *bytes)
{
    struct mr_slice message = mr_buf_all(bytes);
    while (message.len > 0 && memchr("\r\n", message.data[message.len - 1], 3))
        message.len--;
    return message;
}

static void on_collected(struct edge_request *r, enum edge_source_event how,
                         const struct mr_error *why)
{
    struct gelf *g = r->work;
    struct mr_slice message = message_of(&g->lines.reader->bytes);
    struct mr_logline line = {0};
    struct mr_error cause = {.text = "The body is empty; a GELF message is one JSON object."};
    if (how != EDGE_SOURCE_END) {
        refuse(r, how == EDGE_SOURCE_LIMIT ? "too-large" : "malformed", why);
        return;
    }
    enum mr_status s =
        message.len == 0 ? MR_INVALID : mr_gelf_read(message, &g->lines.arena, &line, &cause);
    if (s != MR_OK) {
        if (s == MR_LIMIT)
            (void)mr_fail(&cause, s, "The message is too large.");
        refuse(r, s == MR_LIMIT ? "too-large" : "malformed", &cause);
        return;
    }
    struct mr_uuid id = g->key.data
                            ? mr_uuid_of_key(&r->account, g->lines.command->domain->name, g->key)
                            : mr_random_uuid_v7();
    if (edge_volley_has_room(g->lines.volley))
        edge_lines_send(&g->lines, &line, &id, 1);
    if (edge_volley_counts(g->lines.volley).in_flight == 0)
        finish(r); /* rejected, sampled out, or the log is away */
}

void edge_gelf_start(struct edge_request *r, struct mr_slice name)
{
    const struct edge_lines_settings settings = {
        .kind = MR_INFLATE_ANY, .collected = on_collected, .go_on = on_room};
    struct mr_error why;
    struct gelf *g = mr_arena_alloc(edge_arena(r), sizeof *g);
    (void)name;
    if (!g) {
        edge_query_refuse(r, MR_LIMIT);
        return;
    }
    enum mr_status s = edge_idempotency_key(r->x->request, edge_arena(r), &g->key, &why);
    if (s == MR_INVALID)
        edge_refuse(r, "malformed", "%s", why.text);
    else if (s != MR_OK)
        edge_query_refuse(r, s);
    if (s != MR_OK)
        return;
    r->work = g;
    edge_lines_start(&g->lines, r, &settings);
}
