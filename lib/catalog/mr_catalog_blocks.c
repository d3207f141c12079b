/* From x-command, x-event and x-resource to the lists of the catalogue. Their form was checked by
 * the schemas of schemas/meta; here is what those cannot say. */
#include "mr_catalog_own.h"

#include "mr_problem.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define LIMIT_DEFAULT 50 /* items of a page, where nothing is declared */
#define LIMIT_MAXIMUM 200

static size_t count_of(const struct mr_catalog_builder *b, enum mr_source_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < b->own->source_count; i++)
        n += b->own->sources[i].kind == kind;
    return n;
}

static struct mr_catalog_domain *domain_of(const struct mr_catalog_builder *b, const char *name)
{
    const struct mr_catalog_domain *d = mr_catalog_domain_of(b->catalog, name);
    assert(d);
    return &b->domains[d->index];
}

static const char *member_or(const json_t *object, const char *name, const char *otherwise)
{
    const char *text = mr_catalog_member(object, name);
    return text ? text : otherwise;
}

/* ---- problems ----------------------------------------------------------------------------------
 */

static bool same(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/* A name stands for one page under /problems, so all who use it must say the same. A description
 * that only one of them gives is that of all. */
static enum mr_status add_refusal(struct mr_catalog_builder *b, const struct mr_catalog_source *s,
                                  const char *at, const json_t *refusal)
{
    struct mr_catalog_problem *p = NULL;
    const char *name = mr_catalog_member(refusal, "name");
    const char *title = mr_catalog_member(refusal, "title");
    const char *description = mr_catalog_member(refusal, "description");
    int status = (int)mr_catalog_integer(refusal, "status", 0);
    for (size_t i = 0; i < b->catalog->problem_count && !p; i++)
        p = same(b->problems[i].name, name) ? &b->problems[i] : NULL;
    if (!p) {
        p = &b->problems[b->catalog->problem_count++];
        *p = (struct mr_catalog_problem){name, status, title, description, s->file};
        return MR_OK;
    }
    if (p->status != status || !same(p->title, title) ||
        (p->description && description && !same(p->description, description)))
        return mr_catalog_fail(b, s, at, "%s reads otherwise in %s: %d, %s", name,
                               p->file ? p->file : "millrace's own problems", p->status, p->title);
    if (!p->description)
        p->description = description;
    return MR_OK;
}

static int by_problem_name(const void *a, const void *b)
{
    return strcmp(((const struct mr_catalog_problem *)a)->name,
                  ((const struct mr_catalog_problem *)b)->name);
}

static const json_t *refusals_of(const struct mr_catalog_source *s)
{
    return json_object_get(json_object_get(s->json, "x-command"), "refusals");
}

enum mr_status mr_catalog_add_problems(struct mr_catalog_builder *b)
{
    size_t most = mr_problem_count();
    for (size_t i = 0; i < b->own->source_count; i++)
        most += json_array_size(refusals_of(&b->own->sources[i]));
    b->problems = mr_catalog_alloc(b, most, sizeof *b->problems);
    b->catalog->problems = b->problems;
    for (size_t i = 0; i < mr_problem_count(); i++) {
        const struct mr_problem_type *t = mr_problem_at(i);
        b->problems[b->catalog->problem_count++] =
            (struct mr_catalog_problem){t->name, t->status, t->title, t->description, NULL};
    }
    for (size_t i = 0; i < b->own->source_count; i++) {
        const struct mr_catalog_source *s = &b->own->sources[i];
        for (size_t k = 0; k < json_array_size(refusals_of(s)); k++) {
            char at[48];
            snprintf(at, sizeof at, "/x-command/refusals/%zu", k);
            enum mr_status status = add_refusal(b, s, at, json_array_get(refusals_of(s), k));
            if (status != MR_OK)
                return status;
        }
    }
    qsort(b->problems, b->catalog->problem_count, sizeof *b->problems, by_problem_name);
    for (size_t i = 0; i < b->catalog->problem_count; i++)
        mr_catalog_map_add(b->own, MR_MAP_PROBLEM, b->problems[i].name, &b->problems[i]);
    return MR_OK;
}

/* ---- resources ---------------------------------------------------------------------------------
 */

static enum mr_status read_route(struct mr_catalog_builder *b, const struct mr_catalog_source *s,
                                 const json_t *block, const char *member,
                                 struct mr_catalog_route *out)
{
    char at[48];
    const char *text = mr_catalog_member(block, member);
    snprintf(at, sizeof at, "/x-resource/%s", member);
    if (!text)
        return MR_OK;
    enum mr_status status = mr_catalog_route_parse(b, s, at, text, out);
    if (status != MR_OK)
        return status;
    bool item = same(member, "item");
    if (out->method != MR_METHOD_GET)
        return mr_catalog_fail(b, s, at, "a resource is read by GET");
    if (mr_catalog_route_has(out, MR_SEGMENT_SUBJECT) ||
        mr_catalog_route_has(out, MR_SEGMENT_ID) != item ||
        !mr_catalog_route_has(out, MR_SEGMENT_ACCOUNT))
        return mr_catalog_fail(b, s, at, "must have {account}%s",
                               item ? " and {id}, and no {subject}"
                                    : ", and neither {id} nor {subject}");
    const char *parameter = mr_catalog_route_parameter(out);
    if (parameter && (item || !mr_catalog_member(block, "function")))
        return mr_catalog_fail(b, s, at, "{%s}: only the list of a function has such a parameter",
                               parameter);
    return MR_OK;
}

static enum mr_status find_path_parameter(struct mr_catalog_builder *b,
                                          const struct mr_catalog_source *s,
                                          struct mr_catalog_resource *r)
{
    const char *at = "/x-resource/list", *name = mr_catalog_route_parameter(&r->list);
    if (!name)
        return MR_OK;
    const struct mr_catalog_parameter *p = mr_catalog_parameter_of(r, mr_slice_text(name));
    if (!p)
        return mr_catalog_fail(b, s, at, "{%s} is not one of the parameters", name);
    if (p->kind != MR_VALUE_TEXT || !p->required)
        return mr_catalog_fail(b, s, at, "{%s} must be a required parameter of type text", name);
    r->path_parameter = p;
    return MR_OK;
}

/* A function has no way to know which of several orders is meant, nor to find an item. */
static enum mr_status read_paged(struct mr_catalog_builder *b, const struct mr_catalog_source *s,
                                 const json_t *block, struct mr_catalog_resource *r)
{
    const char *at = "/x-resource/paged";
    r->paged = json_is_true(json_object_get(block, "paged"));
    if (r->paged && !r->function)
        return mr_catalog_fail(b, s, at, "is for functions");
    if (r->paged && r->order_count > 1)
        return mr_catalog_fail(b, s, at, "a function that cuts its pages has one order");
    if (r->paged && r->item.path)
        return mr_catalog_fail(b, s, at, "a function that cuts its pages has no item");
    return MR_OK;
}

static enum mr_status read_limit(struct mr_catalog_builder *b, const struct mr_catalog_source *s,
                                 const json_t *block, struct mr_catalog_resource *r)
{
    const json_t *limit = json_object_get(block, "limit");
    r->limit_maximum = mr_catalog_integer(limit, "maximum", LIMIT_MAXIMUM);
    int64_t usual = r->limit_maximum < LIMIT_DEFAULT ? r->limit_maximum : LIMIT_DEFAULT;
    r->limit_default = mr_catalog_integer(limit, "default", usual);
    if (limit && !r->list.path)
        return mr_catalog_fail(b, s, "/x-resource/limit", "is for lists");
    if (r->limit_default > r->limit_maximum)
        return mr_catalog_fail(b, s, "/x-resource/limit",
                               "the default is above the maximum, which is %" PRId64,
                               r->limit_maximum);
    return MR_OK;
}

/* An item is asked for by its id alone. */
static enum mr_status check_item(struct mr_catalog_builder *b, const struct mr_catalog_source *s,
                                 const struct mr_catalog_resource *r)
{
    for (size_t i = 0; r->function && r->item.path && i < r->parameter_count; i++) {
        if (r->parameters[i].required)
            return mr_catalog_fail(b, s, "/x-resource/item",
                                   "an item has no place for %s, which is required",
                                   r->parameters[i].name);
    }
    return MR_OK;
}

static void read_orders(struct mr_catalog_builder *b, const json_t *list,
                        struct mr_catalog_resource *r)
{
    size_t count = json_array_size(list);
    struct mr_catalog_order *orders = mr_catalog_alloc(b, count ? count : 1, sizeof *orders);
    orders[0] = (struct mr_catalog_order){"created_at", MR_VALUE_TIME, "timestamptz", true};
    for (size_t i = 0; i < count; i++) {
        const json_t *o = json_array_get(list, i);
        orders[i].column = mr_catalog_member(o, "column");
        orders[i].kind = mr_catalog_value_kind(mr_catalog_member(o, "type"), &orders[i].sql_type);
        orders[i].descending = json_is_true(json_object_get(o, "descending"));
    }
    r->orders = orders;
    r->order_count = count ? count : 1;
}

static enum mr_status read_resource(struct mr_catalog_builder *b, const struct mr_catalog_source *s,
                                    struct mr_catalog_resource *r)
{
    const json_t *block = json_object_get(s->json, "x-resource");
    r->type = s->uri;
    r->name = s->name;
    r->file = s->file;
    r->title = mr_catalog_member(s->json, "title");
    r->description = mr_catalog_member(s->json, "description");
    r->domain = domain_of(b, s->domain);
    r->scope = mr_catalog_member(block, "scope");
    r->view = mr_catalog_member(block, "view");
    r->function = mr_catalog_member(block, "function");
    r->cache_control = member_or(block, "cache_control", "private, no-cache");
    r->document = s->json;
    r->schema = mr_schema_set_find(b->own->set, s->uri);
    read_orders(b, json_object_get(block, "orders"), r);
    if (!r->view == !r->function)
        return mr_catalog_fail(b, s, "/x-resource", "must have either view or function");
    enum mr_status status = read_route(b, s, block, "item", &r->item);
    if (status == MR_OK)
        status = read_route(b, s, block, "list", &r->list);
    if (status == MR_OK && !r->item.path && !r->list.path)
        status = mr_catalog_fail(b, s, "/x-resource", "must have item or list");
    if (status == MR_OK)
        status = mr_catalog_add_parameters(b, s, block, r);
    if (status == MR_OK)
        status = find_path_parameter(b, s, r);
    if (status == MR_OK)
        status = read_paged(b, s, block, r);
    if (status == MR_OK)
        status = check_item(b, s, r);
    return status == MR_OK ? read_limit(b, s, block, r) : status;
}

enum mr_status mr_catalog_add_resources(struct mr_catalog_builder *b)
{
    struct mr_catalog *c = b->catalog;
    b->resources = mr_catalog_alloc(b, count_of(b, MR_SOURCE_RESOURCE), sizeof *b->resources);
    c->resources = b->resources;
    for (size_t i = 0; i < b->own->source_count; i++) {
        const struct mr_catalog_source *s = &b->own->sources[i];
        if (s->kind != MR_SOURCE_RESOURCE)
            continue;
        struct mr_catalog_resource *r = &b->resources[c->resource_count];
        enum mr_status status = read_resource(b, s, r);
        if (status != MR_OK)
            return status;
        struct mr_catalog_domain *d = domain_of(b, s->domain);
        r->index = c->resource_count++;
        d->resources = d->resource_count++ ? d->resources : r;
        mr_catalog_map_add(b->own, MR_MAP_RESOURCE, r->type, r);
    }
    return MR_OK;
}

/* ---- commands ----------------------------------------------------------------------------------
 */

static enum mr_status read_key(struct mr_catalog_builder *b, const struct mr_catalog_source *s,
                               const json_t *block, struct mr_catalog_command *c)
{
    const char *key = member_or(block, "key", "account");
    if (same(key, "account"))
        c->key = MR_KEY_ACCOUNT;
    else if (same(key, "id"))
        c->key = MR_KEY_ID;
    else {
        c->key = MR_KEY_ACCOUNT_AND;
        c->key_pointer = mr_catalog_pointer(b, key);
        if (!mr_schema_at(c->schema, mr_slice_text(key)))
            return mr_catalog_fail(b, s, "/x-command/key", "the schema has nothing at %s", key);
    }
    return MR_OK;
}

static void read_refusals(struct mr_catalog_builder *b, const json_t *list,
                          struct mr_catalog_command *c)
{
    const struct mr_catalog_problem **refusals =
        mr_catalog_alloc(b, json_array_size(list), sizeof *refusals);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = mr_catalog_member(json_array_get(list, i), "name");
        refusals[i] = mr_catalog_problem_of(b->catalog, mr_slice_text(name));
    }
    c->refusals = refusals;
    c->refusal_count = json_array_size(list);
}

static enum mr_status read_command_route(struct mr_catalog_builder *b,
                                         const struct mr_catalog_source *s, const json_t *block,
                                         struct mr_catalog_command *c)
{
    const char *at = "/x-command/route";
    enum mr_status status =
        mr_catalog_route_parse(b, s, at, mr_catalog_member(block, "route"), &c->route);
    if (status != MR_OK)
        return status;
    if (c->route.method == MR_METHOD_GET)
        return mr_catalog_fail(b, s, at, "a command is not sent by GET");
    if (mr_catalog_route_has(&c->route, MR_SEGMENT_ID))
        return mr_catalog_fail(b, s, at, "what a command is about is {subject}, not {id}");
    if (mr_catalog_route_has(&c->route, MR_SEGMENT_PARAMETER))
        return mr_catalog_fail(b, s, at, "a command's route has {account} and {subject}, not {%s}",
                               mr_catalog_route_parameter(&c->route));
    c->has_subject = mr_catalog_route_has(&c->route, MR_SEGMENT_SUBJECT);
    c->has_account = mr_catalog_route_has(&c->route, MR_SEGMENT_ACCOUNT);
    c->success = (int)mr_catalog_integer(block, "success", c->has_subject ? 200 : 201);
    return MR_OK;
}

/* What contradicts itself. A fact is stored as it comes, for the warehouse; a batch has many items.
 */
static enum mr_status check_command(struct mr_catalog_builder *b, const struct mr_catalog_source *s,
                                    const struct mr_catalog_command *c)
{
    bool fact = c->record == MR_RECORD_NONE;
    if (fact && !json_object_get(s->json, "x-warehouse"))
        return mr_catalog_fail(b, s, "/x-command/record",
                               "what is not kept (none) is a fact, and needs an x-warehouse");
    if (fact && c->refusal_count)
        return mr_catalog_fail(b, s, "/x-command/refusals",
                               "a fact (record none) is not decided, so nothing refuses it");
    if (c->batch && c->has_subject)
        return mr_catalog_fail(b, s, "/x-command/body", "the items of a batch have no {subject}");
    return MR_OK;
}

static enum mr_status add_formats(struct mr_catalog_builder *b, const struct mr_catalog_source *s,
                                  const struct mr_catalog_command *c)
{
    const json_t *formats = json_object_get(c->ingest, "formats");
    for (size_t i = 0; i < json_array_size(formats); i++) {
        const char *format = json_string_value(json_array_get(formats, i));
        const struct mr_catalog_command *other = mr_catalog_format_of(b->catalog, format);
        char at[48];
        snprintf(at, sizeof at, "/x-ingest/formats/%zu", i);
        if (other)
            return mr_catalog_fail(b, s, at, "%s is a format of %s already", format, other->file);
        mr_catalog_map_add(b->own, MR_MAP_FORMAT, format, c);
    }
    return MR_OK;
}

static enum mr_status read_command(struct mr_catalog_builder *b, const struct mr_catalog_source *s,
                                   struct mr_catalog_command *c)
{
    const json_t *block = json_object_get(s->json, "x-command");
    const char *resource = mr_catalog_member(block, "resource");
    const char *record = member_or(block, "record", "full");
    c->type = s->uri;
    c->name = s->name;
    c->file = s->file;
    c->title = mr_catalog_member(s->json, "title");
    c->description = mr_catalog_member(s->json, "description");
    c->domain = domain_of(b, s->domain);
    c->scope = mr_catalog_member(block, "scope");
    c->record = same(record, "none") ? MR_RECORD_NONE
                : same(record, "id") ? MR_RECORD_ID
                                     : MR_RECORD_FULL;
    c->topic = member_or(block, "topic", c->domain->commands_topic);
    c->batch = same(member_or(block, "body", "one"), "batch");
    c->schema = mr_schema_set_find(b->own->set, s->uri);
    c->document = s->json;
    c->ingest = json_object_get(s->json, "x-ingest");
    read_refusals(b, json_object_get(block, "refusals"), c);
    if (resource) {
        c->resource = mr_catalog_resource_of(b->catalog, mr_slice_text(resource));
        if (!c->resource)
            return mr_catalog_fail(b, s, "/x-command/resource", "there is no resource %s",
                                   resource);
    }
    enum mr_status status = read_command_route(b, s, block, c);
    if (status == MR_OK)
        status = read_key(b, s, block, c);
    if (status == MR_OK)
        status = check_command(b, s, c);
    return status == MR_OK ? add_formats(b, s, c) : status;
}

enum mr_status mr_catalog_add_commands(struct mr_catalog_builder *b)
{
    struct mr_catalog *c = b->catalog;
    b->commands = mr_catalog_alloc(b, count_of(b, MR_SOURCE_COMMAND), sizeof *b->commands);
    c->commands = b->commands;
    for (size_t i = 0; i < b->own->source_count; i++) {
        const struct mr_catalog_source *s = &b->own->sources[i];
        if (s->kind != MR_SOURCE_COMMAND)
            continue;
        struct mr_catalog_command *command = &b->commands[c->command_count];
        enum mr_status status = read_command(b, s, command);
        if (status != MR_OK)
            return status;
        struct mr_catalog_domain *d = domain_of(b, s->domain);
        command->index = c->command_count++;
        d->commands = d->command_count++ ? d->commands : command;
        mr_catalog_map_add(b->own, MR_MAP_COMMAND, command->type, command);
    }
    return MR_OK;
}

/* ---- events ------------------------------------------------------------------------------------
 */

enum mr_status mr_catalog_add_events(struct mr_catalog_builder *b)
{
    struct mr_catalog *c = b->catalog;
    b->events = mr_catalog_alloc(b, count_of(b, MR_SOURCE_EVENT), sizeof *b->events);
    c->events = b->events;
    for (size_t i = 0; i < b->own->source_count; i++) {
        const struct mr_catalog_source *s = &b->own->sources[i];
        if (s->kind != MR_SOURCE_EVENT)
            continue;
        struct mr_catalog_domain *d = domain_of(b, s->domain);
        struct mr_catalog_event *e = &b->events[c->event_count];
        *e = (struct mr_catalog_event){
            .type = s->uri,
            .name = s->name,
            .file = s->file,
            .title = mr_catalog_member(s->json, "title"),
            .description = mr_catalog_member(s->json, "description"),
            .domain = d,
            .index = c->event_count++,
            .topic = member_or(json_object_get(s->json, "x-event"), "topic", d->events_topic),
            .schema = mr_schema_set_find(b->own->set, s->uri),
            .document = s->json,
        };
        d->events = d->event_count++ ? d->events : e;
        mr_catalog_map_add(b->own, MR_MAP_EVENT, e->type, e);
    }
    return MR_OK;
}
