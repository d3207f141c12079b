/* Routes: from their text to segments, and all of them as a tree in which a path is looked up. */
#include "mr_catalog_own.h"

#include <assert.h>

/* One segment of one or more routes. All parameters of a place share a node: what each is called is
 * the route's own affair. */
struct mr_route_node {
    struct mr_slice literal;
    struct mr_route_node *literals, *next; /* below; beside */
    struct mr_route_node *parameter;       /* below */
    unsigned methods;                      /* bits of the targets that are set */
    struct mr_route_target targets[5];
};

static const struct {
    const char *name;
    enum mr_method method;
} method_names[] = {{"GET", MR_METHOD_GET},
                    {"POST", MR_METHOD_POST},
                    {"PUT", MR_METHOD_PUT},
                    {"PATCH", MR_METHOD_PATCH},
                    {"DELETE", MR_METHOD_DELETE}};
#define METHOD_COUNT (sizeof method_names / sizeof *method_names)

/* 0 when it is none of ours. */
static unsigned method_of(struct mr_slice name)
{
    for (size_t i = 0; i < METHOD_COUNT; i++) {
        if (mr_slice_is(name, method_names[i].name))
            return method_names[i].method;
    }
    return mr_slice_is(name, "HEAD") ? MR_METHOD_GET : 0;
}

static size_t method_index(unsigned method)
{
    size_t i = 0;
    while (method_names[i].method != method)
        i++;
    return i;
}

/* Splits a path that begins with "/"; false when it has more segments than a route may have. */
static bool split(struct mr_slice path, struct mr_slice *segments, size_t *count)
{
    size_t n = 0, start = 1;
    if (!path.len || path.data[0] != '/')
        return false;
    for (size_t i = 1; i <= path.len; i++) {
        if (i < path.len && path.data[i] != '/')
            continue;
        if (n == MR_CATALOG_SEGMENTS_MAX)
            return false;
        segments[n++] = mr_slice(path.data + start, i - start);
        start = i + 1;
    }
    *count = n;
    return true;
}

/* ---- one route ---------------------------------------------------------------------------------
 */

static enum mr_segment_kind kind_of(struct mr_slice segment)
{
    if (mr_slice_is(segment, "{account}"))
        return MR_SEGMENT_ACCOUNT;
    if (mr_slice_is(segment, "{subject}"))
        return MR_SEGMENT_SUBJECT;
    if (mr_slice_is(segment, "{id}"))
        return MR_SEGMENT_ID;
    return segment.len && segment.data[0] == '{' ? MR_SEGMENT_PARAMETER : MR_SEGMENT_LITERAL;
}

bool mr_catalog_route_has(const struct mr_catalog_route *route, enum mr_segment_kind kind)
{
    for (size_t i = 0; i < route->segment_count; i++) {
        if (route->segments[i].kind == kind)
            return true;
    }
    return false;
}

const char *mr_catalog_route_parameter(const struct mr_catalog_route *route)
{
    const char *name = NULL;
    for (size_t i = 0; i < route->segment_count && !name; i++)
        name = route->segments[i].name;
    return name;
}

enum mr_status mr_catalog_route_parse(struct mr_catalog_builder *b,
                                      const struct mr_catalog_source *source, const char *pointer,
                                      const char *text, struct mr_catalog_route *out)
{
    struct mr_slice parts[MR_CATALOG_SEGMENTS_MAX];
    const char *space = strchr(text, ' ');
    out->method = (enum mr_method)method_of(mr_slice(text, (size_t)(space - text)));
    out->path = space + 1;
    assert(out->method);
    size_t count;
    if (!split(mr_slice_text(out->path), parts, &count))
        return mr_catalog_fail(b, source, pointer, "a route has at most %d segments",
                               MR_CATALOG_SEGMENTS_MAX);
    struct mr_catalog_segment *segments = mr_catalog_alloc(b, count, sizeof *segments);
    out->segments = segments;
    for (size_t i = 0; i < count; i++) {
        enum mr_segment_kind kind = kind_of(parts[i]);
        if (kind == MR_SEGMENT_PARAMETER && mr_catalog_route_has(out, kind))
            return mr_catalog_fail(b, source, pointer, "%.*s is one parameter too many",
                                   MR_SLICE_FMT(parts[i]));
        if (kind != MR_SEGMENT_LITERAL && mr_catalog_route_has(out, kind))
            return mr_catalog_fail(b, source, pointer, "%.*s comes twice", MR_SLICE_FMT(parts[i]));
        segments[i].kind = kind;
        if (kind == MR_SEGMENT_LITERAL)
            segments[i].literal = mr_arena_dup(&b->own->arena, parts[i].data, parts[i].len);
        if (kind == MR_SEGMENT_PARAMETER)
            segments[i].name =
                mr_arena_dup(&b->own->arena, parts[i].data + 1, parts[i].len - 2); /* braces */
        out->segment_count = i + 1;
    }
    return MR_OK;
}

/* ---- the tree ----------------------------------------------------------------------------------
 */

static struct mr_route_node *literal_below(const struct mr_route_node *node, struct mr_slice text)
{
    struct mr_route_node *n = node->literals;
    while (n && !mr_slice_equal(n->literal, text))
        n = n->next;
    return n;
}

static struct mr_route_node *grow(struct mr_catalog_builder *b, struct mr_route_node *node,
                                  const struct mr_catalog_segment *segment)
{
    struct mr_slice text = mr_slice_text(segment->literal);
    struct mr_route_node *below = segment->literal ? literal_below(node, text) : node->parameter;
    if (below)
        return below;
    below = mr_catalog_alloc(b, 1, sizeof *below);
    if (segment->literal) {
        below->literal = text;
        below->next = node->literals;
        node->literals = below;
    } else {
        node->parameter = below;
    }
    return below;
}

static const char *file_of(const struct mr_route_target *t)
{
    if (t->command)
        return t->command->file;
    return t->item ? t->item->file : t->list->file;
}

static enum mr_status plant(struct mr_catalog_builder *b, const struct mr_catalog_route *route,
                            struct mr_route_target target)
{
    struct mr_route_node *node = b->own->routes;
    if (!route->path)
        return MR_OK;
    for (size_t i = 0; i < route->segment_count; i++)
        node = grow(b, node, &route->segments[i]);
    size_t index = method_index(route->method);
    if (node->methods & route->method)
        return mr_fail(b->why, MR_INVALID, "%s: the route %s %s is that of %s already",
                       file_of(&target), method_names[index].name, route->path,
                       file_of(&node->targets[index]));
    node->methods |= route->method;
    node->targets[index] = target;
    return MR_OK;
}

enum mr_status mr_catalog_add_routes(struct mr_catalog_builder *b)
{
    const struct mr_catalog *c = b->catalog;
    enum mr_status s = MR_OK;
    b->own->routes = mr_catalog_alloc(b, 1, sizeof *b->own->routes);
    for (size_t i = 0; i < c->command_count && s == MR_OK; i++)
        s = plant(b, &c->commands[i].route, (struct mr_route_target){.command = &c->commands[i]});
    for (size_t i = 0; i < c->resource_count && s == MR_OK; i++) {
        const struct mr_catalog_resource *r = &c->resources[i];
        s = plant(b, &r->item, (struct mr_route_target){.item = r});
        if (s == MR_OK)
            s = plant(b, &r->list, (struct mr_route_target){.list = r});
    }
    return s;
}

/* ---- looking up --------------------------------------------------------------------------------
 */

/* The node at the end of the segments that has a target; at most 2^16 steps, as a route has at most
 * 16 segments, and in fact a few, as hardly a place has both a literal and a parameter. */
static const struct mr_route_node *walk(const struct mr_route_node *node,
                                        const struct mr_slice *segments, size_t count)
{
    if (count == 0)
        return node->methods ? node : NULL;
    const struct mr_route_node *below = literal_below(node, segments[0]), *found = NULL;
    if (below)
        found = walk(below, segments + 1, count - 1);
    if (!found && node->parameter && segments[0].len)
        found = walk(node->parameter, segments + 1, count - 1);
    return found;
}

static const struct mr_catalog_route *route_of(const struct mr_route_target *t)
{
    if (t->command)
        return &t->command->route;
    return t->item ? &t->item->item : &t->list->list;
}

static void capture(const struct mr_catalog_route *route, const struct mr_slice *segments,
                    struct mr_catalog_match *out)
{
    for (size_t i = 0; i < route->segment_count; i++) {
        switch (route->segments[i].kind) {
        case MR_SEGMENT_LITERAL:
            break;
        case MR_SEGMENT_ACCOUNT:
            out->account = segments[i];
            break;
        case MR_SEGMENT_SUBJECT:
            out->subject = segments[i];
            break;
        case MR_SEGMENT_ID:
            out->id = segments[i];
            break;
        case MR_SEGMENT_PARAMETER:
            out->parameter = segments[i];
            break;
        }
    }
}

enum mr_catalog_found mr_catalog_match(const struct mr_catalog *c, struct mr_slice method,
                                       struct mr_slice path, struct mr_catalog_match *out)
{
    struct mr_slice segments[MR_CATALOG_SEGMENTS_MAX];
    size_t count;
    *out = (struct mr_catalog_match){0};
    if (!split(path, segments, &count))
        return MR_ROUTE_NONE;
    const struct mr_route_node *node = walk(c->own->routes, segments, count);
    if (!node)
        return MR_ROUTE_NONE;
    unsigned bit = method_of(method);
    out->methods = node->methods;
    if (!(node->methods & bit))
        return MR_ROUTE_OTHER_METHOD;
    const struct mr_route_target *t = &node->targets[method_index(bit)];
    out->command = t->command;
    out->item = t->item;
    out->list = t->list;
    capture(route_of(t), segments, out);
    return MR_ROUTE_FOUND;
}

void mr_catalog_allow(unsigned methods, struct mr_buf *out)
{
    const char *comma = "";
    for (size_t i = 0; i < METHOD_COUNT; i++) {
        if (!(methods & method_names[i].method))
            continue;
        mr_buf_printf(out, "%s%s", comma, method_names[i].name);
        comma = ", ";
        if (method_names[i].method == MR_METHOD_GET)
            mr_buf_text(out, ", HEAD");
    }
}

void mr_catalog_url(const struct mr_catalog_route *route, const struct mr_uuid *account,
                    const struct mr_uuid *id, struct mr_buf *out)
{
    char text[MR_UUID_TEXT + 1];
    if (!route->path)
        return;
    for (size_t i = 0; i < route->segment_count; i++) {
        const struct mr_catalog_segment *s = &route->segments[i];
        assert(s->kind != MR_SEGMENT_PARAMETER); /* nothing is known of its value */
        mr_buf_char(out, '/');
        mr_buf_text(out, s->literal
                             ? s->literal
                             : mr_uuid_text(s->kind == MR_SEGMENT_ACCOUNT ? account : id, text));
    }
}
