#include "mr_otlp_own.h"

#include <assert.h>
#include <stdlib.h>

#define HEAD_BYTES_MAX ((size_t)8 << 20) /* a resource and a scope, decoded */

struct mr_otlp {
    const struct mr_otlp_format *format;
    struct mr_otlp_frame frames[3]; /* by level, of where we are */
    uint64_t count, next;           /* records, and how many were passed */
    uint64_t index;
    struct mr_slice pending; /* a record that is to be read; absent: none */
    bool has_pending;
    struct mr_arena arena;  /* the scope's */
    struct mr_logline base; /* what each record of the scope begins as */
    enum mr_status base_status;
    struct mr_error base_why;
};

/* Every frame is entered once before anything is given, so that later nothing but a record can be
 * wrong. */
static enum mr_status count_scope(struct mr_otlp *o, struct mr_slice scope, struct mr_error *why)
{
    struct mr_otlp_frame frame;
    struct mr_slice record;
    enum mr_status s = o->format->enter(scope, MR_OTLP_SCOPE_LOGS, &frame, why);
    while (s == MR_OK && o->format->child(&frame.children, MR_OTLP_SCOPE_LOGS, &record))
        o->count++;
    return s;
}

static enum mr_status count_records(struct mr_otlp *o, struct mr_slice request,
                                    struct mr_error *why)
{
    struct mr_otlp_frame all, frame;
    struct mr_slice resource, scope;
    enum mr_status s = o->format->enter(request, MR_OTLP_REQUEST, &all, why);
    o->frames[MR_OTLP_REQUEST] = all;
    while (s == MR_OK && o->format->child(&all.children, MR_OTLP_REQUEST, &resource)) {
        s = o->format->enter(resource, MR_OTLP_RESOURCE_LOGS, &frame, why);
        while (s == MR_OK && o->format->child(&frame.children, MR_OTLP_RESOURCE_LOGS, &scope))
            s = count_scope(o, scope, why);
    }
    return s;
}

enum mr_status mr_otlp_open(struct mr_slice body, enum mr_otlp_encoding encoding,
                            struct mr_otlp **otlp, struct mr_error *why)
{
    struct mr_otlp *o = calloc(1, sizeof *o);
    struct mr_slice request;
    if (!o)
        abort();
    o->format = encoding == MR_OTLP_JSON ? &mr_otlp_json : &mr_otlp_protobuf;
    mr_arena_init(&o->arena, HEAD_BYTES_MAX);
    enum mr_status s = o->format->check(body, &request, why);
    if (s == MR_OK)
        s = count_records(o, request, why);
    if (s == MR_OK)
        *otlp = o;
    else
        mr_otlp_close(o);
    return s;
}

void mr_otlp_close(struct mr_otlp *otlp)
{
    if (otlp)
        mr_arena_free(&otlp->arena);
    free(otlp);
}

/* Decodes the resource and scope that we are in; where that fails, their records are rejected. */
static void read_heads(struct mr_otlp *o)
{
    struct mr_otlp_output out = {&o->arena, &o->base, &o->base_why};
    struct mr_slice resource = o->frames[MR_OTLP_RESOURCE_LOGS].head;
    struct mr_slice scope = o->frames[MR_OTLP_SCOPE_LOGS].head;
    mr_arena_reset(&o->arena);
    o->base = (struct mr_logline){0};
    o->base_status = MR_OK;
    if (resource.data)
        o->base_status = o->format->resource(resource, &out);
    if (o->base_status == MR_OK && scope.data)
        o->base_status = o->format->scope(scope, &out);
    if (o->base_status == MR_LIMIT)
        mr_fail(&o->base_why, MR_LIMIT,
                "The record's resource and scope are longer than %zu bytes.", HEAD_BYTES_MAX);
}

/* Moves to the next record, entering what is around it. */
static bool advance(struct mr_otlp *o)
{
    struct mr_slice message;
    int level = MR_OTLP_SCOPE_LOGS;
    while (level >= 0) {
        if (!o->frames[level].children.data ||
            !o->format->child(&o->frames[level].children, (enum mr_otlp_level)level, &message)) {
            level--;
            continue;
        }
        if (level == MR_OTLP_SCOPE_LOGS) {
            o->pending = message;
            return true;
        }
        level++;
        enum mr_status s =
            o->format->enter(message, (enum mr_otlp_level)level, &o->frames[level], NULL);
        assert(s == MR_OK); /* mr_otlp_open saw to it */
        if (level == MR_OTLP_SCOPE_LOGS)
            read_heads(o);
        else
            o->frames[MR_OTLP_SCOPE_LOGS] = (struct mr_otlp_frame){0};
    }
    return false;
}

/* The line begins with a copy of the scope's attributes. */
static enum mr_status begin_line(const struct mr_otlp *o, struct mr_arena *arena,
                                 struct mr_logline *line)
{
    *line = o->base;
    line->attributes = NULL;
    line->attribute_count = 0;
    for (size_t i = 0; i < o->base.attribute_count; i++) {
        const struct mr_logline_attribute *a = &o->base.attributes[i];
        enum mr_status s = mr_logline_add(line, arena, a->name, a->value);
        if (s != MR_OK)
            return s;
    }
    return MR_OK;
}

static void settle(struct mr_otlp *o)
{
    o->index = o->next++;
    o->has_pending = false;
}

enum mr_otlp_event mr_otlp_next(struct mr_otlp *otlp, struct mr_arena *arena,
                                struct mr_logline *line, struct mr_error *why)
{
    struct mr_logline read;
    struct mr_otlp_output out = {arena, &read, why};
    if (!otlp->has_pending && !advance(otlp))
        return MR_OTLP_DONE;
    otlp->has_pending = true;
    enum mr_status s = otlp->base_status;
    if (s != MR_OK) {
        mr_fail(why, s, "%s", otlp->base_why.text);
        settle(otlp);
        return MR_OTLP_REJECTED;
    }
    s = begin_line(otlp, arena, &read);
    if (s == MR_OK)
        s = otlp->format->record(otlp->pending, &out);
    if (s == MR_LIMIT)
        return MR_OTLP_LIMIT;
    settle(otlp);
    if (s == MR_OK)
        *line = read;
    return s == MR_OK ? MR_OTLP_LINE : MR_OTLP_REJECTED;
}

void mr_otlp_skip(struct mr_otlp *otlp)
{
    if (otlp->has_pending)
        settle(otlp);
}

uint64_t mr_otlp_count(const struct mr_otlp *otlp)
{
    return otlp->count;
}

uint64_t mr_otlp_index(const struct mr_otlp *otlp)
{
    return otlp->index;
}
