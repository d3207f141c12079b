#include "edge_lines.h"

#include "mr_json.h"
#include "mr_schema.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define LINE_MEMORY 4 /* of an arena for a line, in bodies: a record may be all of a body */

static void leave(struct edge_request *r)
{
    edge_lines_let_go(r->under_way);
}

/* All the bodies that are being collected are too much. */
static void refuse_for_others(struct edge_request *r)
{
    edge_lines_let_go(r->under_way);
    edge_refuse(r, "not-accepted",
                "Too many requests with large bodies are under way; nothing was stored.");
}

static void pull(struct edge_request *r)
{
    struct edge_lines *lines = r->under_way;
    struct mr_slice piece;
    struct mr_error why = {.text = ""};
    enum edge_source_event event;
    struct mr_budget budget;
    mr_budget_start(&budget);
    while ((event = edge_source_next(&lines->source, &piece, &why)) == EDGE_SOURCE_PIECE) {
        if (!edge_ingest_hold(r->edge->ingest, piece.len)) {
            refuse_for_others(r);
            return;
        }
        mr_buf_slice(&lines->reader->bytes, piece);
        if (mr_budget_is_spent(&budget)) {
            edge_source_pause(&lines->source);
            edge_source_resume(&lines->source);
            return;
        }
    }
    if (event == EDGE_SOURCE_NONE)
        return;
    if (event == EDGE_SOURCE_LIMIT)
        (void)mr_fail(&why, MR_LIMIT, "The body is longer than %" PRIu64 " bytes.",
                      r->edge->decoded_bytes_max);
    lines->collected(r, event, &why);
}

void edge_lines_start(struct edge_lines *lines, struct edge_request *r,
                      const struct edge_lines_settings *settings)
{
    struct edge *edge = r->edge;
    *lines = (struct edge_lines){.r = r,
                                 .command = r->match.command,
                                 .rules = edge_ingest_rules(edge->ingest, r->match.command),
                                 .reader = edge_reader_take(edge->ingest),
                                 .collected = settings->collected};
    mr_arena_init(&lines->arena, LINE_MEMORY * (size_t)edge->decoded_bytes_max);
    lines->volley = edge_volley_new(r, lines->command, settings->go_on, r);
    r->under_way = lines;
    r->cancel = leave;
    edge_source_start(&lines->source, r, lines->reader->inflate, settings->kind,
                      edge->decoded_bytes_max, pull);
}

void edge_lines_let_go(struct edge_lines *lines)
{
    struct edge *edge = lines->r->edge;
    struct edge_item_counts counts = {.accepted = edge_volley_counts(lines->volley).stored,
                                      .rejected = lines->rejected,
                                      .sampled = lines->sampled};
    edge_ingest_count(edge->ingest, lines->command, &counts);
    edge_source_stop(&lines->source);
    edge_ingest_let_go(edge->ingest, lines->reader->bytes.len);
    edge_reader_give(edge->ingest, lines->reader);
    edge_volley_leave(lines->volley);
    mr_arena_free(&lines->arena);
}

void edge_lines_reject(struct edge_lines *lines, enum mr_status s, const char *why)
{
    if (lines->rejected++ > 0)
        return;
    (void)mr_fail(&lines->cause, s, "%s", why);
    lines->is_too_large = s == MR_LIMIT;
}

/* What is written fits the schema but for lengths that only it knows. */
static void check_and_send(struct edge_lines *lines, const struct mr_uuid *id, uint64_t number)
{
    struct mr_arena *arena = edge_volley_arena(lines->volley);
    struct edge_volley_item item = {
        .id = *id, .number = number, .body = mr_buf_all(&lines->reader->item)};
    struct mr_schema_errors errors;
    struct mr_error why;
    json_t *json;
    if (mr_json_parse(item.body, &json, &why) != MR_OK) {
        edge_lines_reject(lines, MR_INVALID, why.text);
        return;
    }
    mr_schema_errors_init(&errors, arena);
    if (mr_schema_check(lines->command->schema, json, &errors) != MR_OK) {
        mr_schema_errors_text(&errors, &why);
        edge_lines_reject(lines, MR_INVALID, why.text);
    } else {
        item.json = json;
        enum mr_status s = edge_volley_send(lines->volley, &item, &why);
        if (s != MR_OK)
            edge_lines_reject(lines, MR_LIMIT, s == MR_LIMIT ? "A record is too large." : why.text);
    }
    json_decref(json);
}

uint64_t edge_lines_bytes(const struct mr_logline *line)
{
    uint64_t bytes = line->body.text.len + line->service.len + line->host.len;
    for (size_t i = 0; i < line->attribute_count; i++)
        bytes += line->attributes[i].name.len + line->attributes[i].value.text.len;
    return bytes;
}

void edge_lines_send(struct edge_lines *lines, struct mr_logline *line, const struct mr_uuid *id,
                     uint64_t number)
{
    struct mr_arena *arena = edge_volley_arena(lines->volley);
    struct mr_buf *out = &lines->reader->item;
    bool is_kept;
    mr_arena_reset(arena);
    mr_buf_reset(out);
    if (mr_ingest_line(lines->rules, line, id, arena, out, &is_kept) != MR_OK) {
        char why[96];
        snprintf(why, sizeof why, "A record is longer than %" PRIu64 " bytes.",
                 lines->r->edge->body_bytes_max);
        edge_lines_reject(lines, MR_LIMIT, why);
    } else if (is_kept) {
        check_and_send(lines, id, number);
    } else {
        lines->sampled++;
    }
}

void edge_lines_later(struct edge_lines *lines)
{
    edge_source_resume(&lines->source);
}
