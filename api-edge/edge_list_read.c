/* What a client asks of a list, read from its path and its query. */
#include "edge_list.h"

#include "mr_http_text.h"
#include <inttypes.h>
#include <stdlib.h>

bool edge_list_refuse(struct edge_list *list, const char *name, const char *detail)
{
    edge_refuse(list->r, "malformed", "%s %s.", name, detail);
    return false;
}

static bool read_limit(struct edge_list *list, struct mr_slice value)
{
    int64_t n = 0, most = list->resource->limit_maximum;
    for (size_t i = 0; i < value.len && n <= most; i++)
        n = value.data[i] >= '0' && value.data[i] <= '9' ? n * 10 + (value.data[i] - '0')
                                                         : most + 1;
    if (n < 1 || n > most) {
        edge_refuse(list->r, "malformed", "limit must be a number from 1 to %" PRId64 ".", most);
        return false;
    }
    list->limit = n;
    list->limit_given = true;
    return true;
}

static bool read_order(struct edge_list *list, struct mr_slice value)
{
    for (size_t i = 0; i < list->resource->order_count; i++)
        if (mr_slice_is(value, list->resource->orders[i].column)) {
            list->order = i;
            list->order_given = true;
            return true;
        }
    return edge_list_refuse(list, "order",
                            "must be one of the orders that the list is declared with");
}

static bool read_declared(struct edge_list *list, const struct mr_catalog_parameter *parameter,
                          struct mr_slice value)
{
    struct mr_error why;
    struct mr_slice *slot = &list->parameters[parameter - list->resource->parameters];
    if (slot->data)
        return edge_list_refuse(list, parameter->name, "is given twice");
    if (mr_catalog_parameter_check(parameter, value, &why) != MR_OK) {
        edge_refuse(list->r, "malformed", "%s.", why.text);
        return false;
    }
    *slot = value;
    return true;
}

/* ---- maps ---- */

struct edge_list_map {
    size_t count;
    struct edge_list_member {
        struct mr_slice name, text;
    } members[MR_CATALOG_MAP_MEMBERS_MAX];
};

static bool read_member(struct edge_list *list, const struct mr_catalog_parameter *parameter,
                        struct mr_slice name, struct mr_slice value)
{
    struct mr_error why;
    struct edge_list_map **map = &list->maps[parameter - list->resource->parameters];
    if (!*map && !(*map = mr_arena_alloc(edge_arena(list->r), sizeof **map))) {
        edge_query_refuse(list->r, MR_LIMIT);
        return false;
    }
    if (mr_catalog_map_check(parameter, name, value, &why) != MR_OK) {
        edge_refuse(list->r, "malformed", "%s.", why.text);
        return false;
    }
    for (size_t i = 0; i < (*map)->count; i++)
        if (mr_slice_equal((*map)->members[i].name, name)) {
            edge_refuse(list->r, "malformed", "%s.%.*s is given twice.", parameter->name,
                        MR_SLICE_FMT(name));
            return false;
        }
    if ((*map)->count == MR_CATALOG_MAP_MEMBERS_MAX) {
        edge_refuse(list->r, "malformed", "%s can be given %d times in all.", parameter->name,
                    MR_CATALOG_MAP_MEMBERS_MAX);
        return false;
    }
    (*map)->members[(*map)->count++] = (struct edge_list_member){name, value};
    return true;
}

static int by_name(const void *a, const void *b)
{
    const struct edge_list_member *x = a, *y = b;
    size_t len = x->name.len < y->name.len ? x->name.len : y->name.len;
    int order = memcmp(x->name.data, y->name.data, len);
    return order ? order : (x->name.len > y->name.len) - (x->name.len < y->name.len);
}

/* By name, so that a cursor knows the map however its members are turned. */
static bool write_map(struct edge_list *list, struct edge_list_map *map, struct mr_slice *out)
{
    struct mr_buf json;
    mr_buf_init(&json, 0); /* bounded by the request line */
    qsort(map->members, map->count, sizeof *map->members, by_name);
    for (size_t i = 0; i < map->count; i++) {
        mr_buf_char(&json, i ? ',' : '{');
        mr_buf_json_string(&json, map->members[i].name);
        mr_buf_char(&json, ':');
        mr_buf_json_string(&json, map->members[i].text);
    }
    mr_buf_char(&json, '}');
    *out = mr_arena_slice(edge_arena(list->r), mr_buf_all(&json));
    mr_buf_free(&json);
    if (!out->data)
        edge_query_refuse(list->r, MR_LIMIT);
    return out->data != NULL;
}

static bool write_maps(struct edge_list *list)
{
    for (size_t i = 0; i < list->resource->parameter_count; i++)
        if (list->maps[i] && !write_map(list, list->maps[i], &list->parameters[i]))
            return false;
    return true;
}

/* ---- the query ---- */

/* One parameter; cursor_text is kept until the rest is known, to which it is bound. */
static bool read_parameter(struct edge_list *list, struct mr_slice name, struct mr_slice value,
                           struct mr_slice *cursor_text)
{
    struct mr_slice member;
    const struct mr_catalog_parameter *declared = mr_catalog_parameter_of(list->resource, name);
    const struct mr_catalog_parameter *map = mr_catalog_map_of(list->resource, name, &member);
    if (declared)
        return read_declared(list, declared, value);
    if (map)
        return read_member(list, map, member, value);
    if (mr_slice_is(name, "limit") && !list->limit_given)
        return read_limit(list, value);
    if (mr_slice_is(name, "order") && !list->order_given)
        return read_order(list, value);
    if (mr_slice_is(name, "cursor") && !cursor_text->data) {
        *cursor_text = value;
        return true;
    }
    edge_refuse(list->r, "malformed", "%.*s is not a query parameter of this list, or given twice.",
                name.len > 64 ? 64 : (int)name.len, name.data);
    return false;
}

/* The one in the path comes first: in the query it is then given twice. */
static bool read_path(struct edge_list *list)
{
    struct mr_slice value;
    if (!list->resource->path_parameter)
        return true;
    if (mr_http_decode(list->r->match.parameter, MR_HTTP_PATH_SEGMENT, edge_arena(list->r),
                       &value) != MR_OK) {
        edge_refuse(list->r, "malformed", "The path holds what cannot be decoded.");
        return false;
    }
    return read_declared(list, list->resource->path_parameter, value);
}

static bool read_query(struct edge_list *list, struct mr_slice *cursor_text)
{
    struct mr_slice rest = list->r->x->request->query, raw_name, raw, name, value;
    struct mr_arena *arena = edge_arena(list->r);
    while (mr_http_query_next(&rest, &raw_name, &raw)) {
        if (mr_http_decode(raw_name, MR_HTTP_QUERY_PART, arena, &name) != MR_OK ||
            mr_http_decode(raw.data ? raw : mr_slice_text(""), MR_HTTP_QUERY_PART, arena, &value) !=
                MR_OK) {
            edge_refuse(list->r, "malformed", "The query holds what cannot be decoded.");
            return false;
        }
        if (!read_parameter(list, name, value, cursor_text))
            return false;
    }
    return true;
}

/* A cursor goes on with the list that it was given for: same route, account, filters and order. */
static void bind_cursors(struct edge_list *list)
{
    struct mr_slice parts[EDGE_SQL_PARAMETERS_MAX + 3];
    size_t count = list->resource->parameter_count;
    parts[0] = mr_slice_text(list->resource->type);
    parts[1] = mr_slice(list->r->account.bytes, sizeof list->r->account.bytes);
    parts[2] = mr_slice_text(list->resource->orders[list->order].column);
    memcpy(parts + 3, list->parameters, count * sizeof *parts);
    list->list = edge_cursor_list(parts, count + 3);
}

static bool add_fallbacks(struct edge_list *list)
{
    for (size_t i = 0; i < list->resource->parameter_count; i++) {
        const struct mr_catalog_parameter *p = &list->resource->parameters[i];
        if (!list->parameters[i].data && p->required)
            return edge_list_refuse(list, p->name, "is required");
        if (!list->parameters[i].data && p->fallback)
            list->parameters[i] = mr_slice_text(p->fallback);
    }
    return true;
}

bool edge_list_read(struct edge_list *list, struct edge_request *r)
{
    struct mr_slice cursor = {0};
    struct mr_arena *arena = edge_arena(r);
    const struct mr_catalog_resource *resource = r->match.list;
    *list = (struct edge_list){.r = r, .resource = resource, .limit = resource->limit_default};
    list->parameters = mr_arena_array(arena, resource->parameter_count, sizeof *list->parameters);
    list->maps = mr_arena_array(arena, resource->parameter_count, sizeof *list->maps);
    if (!list->parameters || !list->maps) {
        edge_query_refuse(r, MR_LIMIT);
        return false;
    }
    if (!read_path(list) || !read_query(list, &cursor) || !write_maps(list) || !add_fallbacks(list))
        return false;
    bind_cursors(list);
    list->has_cursor = cursor.data != NULL;
    if (list->has_cursor && edge_cursor_read(cursor, list->list, arena, &list->cursor) != MR_OK)
        return edge_list_refuse(list, "cursor",
                                "is not one that this list has given for these parameters");
    return true;
}
