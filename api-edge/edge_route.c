#include "edge_route.h"

#include "edge_batch.h"
#include "edge_command.h"
#include "edge_gelf.h"
#include "edge_otlp.h"
#include "edge_problem.h"
#include "edge_read.h"
#include "edge_receipt.h"
#include "edge_request.h"
#include "mr_http_text.h"

/* ---- routes of the edge itself; those of the schemas are in the catalogue ---- */

struct own_route {
    const char *path;
    unsigned methods; /* enum mr_method */
    enum edge_own_route stats;
    bool is_public; /* needs no key */
    void (*start)(struct edge_request *r, struct mr_slice name);
    const char *format; /* of a wire format, which the command that lists it takes; else NULL */
    void (*write_problem)(struct edge_request *r, const struct mr_problem *problem,
                          const struct edge_fields *fields); /* NULL: as ever */
};
static const struct own_route own_routes[] = {
    {"/v1/accounts/{account}/commands/{name}", MR_METHOD_GET, EDGE_ROUTE_RECEIPT, false,
     edge_receipt_start, NULL, NULL},
    {"/problems/{name}", MR_METHOD_GET, EDGE_ROUTE_PROBLEM, true, edge_problem_start, NULL, NULL},
    {"/otlp/v1/logs", MR_METHOD_POST, EDGE_ROUTE_OTLP, false, edge_otlp_start, "otlp",
     edge_otlp_write_problem},
    {"/gelf", MR_METHOD_POST, EDGE_ROUTE_GELF, false, edge_gelf_start, "gelf", NULL},
};

/* What a request is for. */
struct target {
    const struct own_route *own; /* or, NULL, match */
    struct mr_catalog_match match;
    struct mr_slice name;
    unsigned methods; /* that the path has */
    struct edge_route *stats;
};

static bool path_matches(const char *pattern, struct mr_slice path, struct target *out)
{
    struct mr_slice want = mr_slice_text(pattern), want_segment, segment;
    while (mr_http_path_next(&want, &want_segment)) {
        if (!mr_http_path_next(&path, &segment))
            return false;
        if (mr_slice_is(want_segment, "{account}"))
            out->match.account = segment;
        else if (mr_slice_is(want_segment, "{name}"))
            out->name = segment;
        else if (!mr_slice_equal(want_segment, segment))
            return false;
    }
    return !mr_http_path_next(&path, &segment);
}

/* Own routes have GET or POST. */
static bool method_is_of(unsigned methods, struct mr_slice method)
{
    if (methods & MR_METHOD_POST)
        return mr_slice_is(method, "POST");
    return mr_slice_is(method, "GET") || mr_slice_is(method, "HEAD");
}

static enum mr_catalog_found find_own(const struct edge *edge,
                                      const struct mr_http_request *request, struct target *out)
{
    for (size_t i = 0; i < sizeof own_routes / sizeof *own_routes; i++) {
        *out = (struct target){.own = &own_routes[i], .methods = own_routes[i].methods};
        if (!path_matches(own_routes[i].path, request->path, out))
            continue;
        if (own_routes[i].format) {
            out->match.command = mr_catalog_format_of(edge->catalog, own_routes[i].format);
            if (!out->match.command)
                continue;
        }
        out->stats = edge_route_of_own(edge->stats, own_routes[i].stats);
        return method_is_of(own_routes[i].methods, request->method) ? MR_ROUTE_FOUND
                                                                    : MR_ROUTE_OTHER_METHOD;
    }
    return MR_ROUTE_NONE;
}

static enum mr_catalog_found find(const struct edge *edge, const struct mr_http_request *request,
                                  struct target *out)
{
    enum mr_catalog_found found = find_own(edge, request, out);
    if (found != MR_ROUTE_NONE)
        return found;
    *out = (struct target){.stats = edge_route_of_own(edge->stats, EDGE_ROUTE_OTHER)};
    found = mr_catalog_match(edge->catalog, request->method, request->path, &out->match);
    out->methods = out->match.methods;
    if (found != MR_ROUTE_FOUND)
        return found;
    out->stats = out->match.command ? edge_route_of_command(edge->stats, out->match.command)
                 : out->match.item  ? edge_route_of_item(edge->stats, out->match.item)
                                    : edge_route_of_list(edge->stats, out->match.list);
    return found;
}

/* ---- who asks ---- */

struct asked {
    struct edge_request *r;
    const struct target *target;
    struct edge_auth_ask ask;
};

/* The account is the path's, which must be the key's unless an operator asks; else the key's. */
static bool choose_account(struct edge_request *r)
{
    struct mr_slice text = r->match.account;
    r->account = r->who.account;
    if (!text.data)
        return true;
    if (mr_uuid_parse(text, &r->account) != MR_OK) {
        edge_refuse(r, "malformed", "The account in the path is not a UUID.");
        return false;
    }
    if (r->who.operator_ || mr_uuid_equal(&r->account, &r->who.account))
        return true;
    edge_refuse(r, "forbidden", "This API key is for another account.");
    return false;
}

static void start(struct edge_request *r, const struct target *target)
{
    if (target->own)
        target->own->start(r, target->name);
    else if (target->match.command && target->match.command->batch)
        edge_batch_start(r);
    else if (target->match.command)
        edge_command_start(r);
    else if (target->match.item)
        edge_read_item_start(r);
    else
        edge_read_list_start(r);
}

static void refuse_unknown(struct edge_request *r, const char *detail, const char *challenge)
{
    struct mr_problem problem =
        mr_problem_of(mr_problem_find(mr_slice_text("unauthenticated")), mr_slice_text(detail));
    struct edge_fields fields = {0};
    edge_field(&fields, "WWW-Authenticate", challenge);
    edge_answer_problem(r, &problem, &fields);
}

static void go_on(struct asked *a, enum edge_verdict verdict, const struct edge_principal *who)
{
    struct edge_request *r = a->r;
    switch (verdict) {
    case EDGE_KEY_GOOD:
        r->who = *who;
        if (choose_account(r))
            start(r, a->target);
        break;
    case EDGE_KEY_BAD:
        refuse_unknown(r, "This API key is not known, or was revoked.",
                       "Bearer realm=\"millrace\", error=\"invalid_token\"");
        break;
    case EDGE_KEY_FORBIDDEN:
        edge_refuse(r, "forbidden", "This API key lacks the scope %s.", a->ask.scope);
        break;
    case EDGE_KEY_AWAY:
        edge_refuse(r, "unavailable", "API keys cannot be looked up just now.");
        break;
    case EDGE_KEY_PENDING:
        break;
    }
}

static void on_asked(struct edge_auth_ask *ask, enum edge_verdict verdict,
                     const struct edge_principal *who)
{
    struct asked *a = ask->asker;
    a->r->cancel = NULL;
    go_on(a, verdict, who);
}

static void drop(struct edge_request *r)
{
    struct asked *a = r->under_way;
    edge_auth_drop(r->edge->auth, &a->ask);
}

static const char *scope_of(const struct target *target)
{
    const struct mr_catalog_match *m = &target->match;
    return m->command ? m->command->scope
           : m->item  ? m->item->scope
           : m->list  ? m->list->scope
                      : NULL; /* a receipt: whoever may send may ask */
}

static void authenticate(struct edge_request *r, const struct target *target)
{
    struct asked *a = mr_arena_alloc(edge_arena(r), sizeof *a);
    struct target *kept = mr_arena_alloc(edge_arena(r), sizeof *kept);
    struct mr_slice text;
    struct edge_principal who;
    if (!a || !kept) {
        edge_refuse(r, "internal", NULL);
        return;
    }
    *kept = *target;
    a->r = r;
    a->target = kept;
    uint32_t count = mr_http_request_field(r->x->request, "authorization", &text);
    if (count == 0) {
        refuse_unknown(r, "Send an API key: Authorization: Bearer mr_...",
                       "Bearer realm=\"millrace\"");
        return;
    }
    if (count > 1 || edge_token_parse(text, &a->ask.token) != MR_OK) {
        go_on(a, EDGE_KEY_BAD, NULL);
        return;
    }
    a->ask.scope = scope_of(target);
    a->ask.answered = on_asked;
    a->ask.asker = a;
    enum edge_verdict verdict = edge_auth_ask(r->edge->auth, &a->ask, &who);
    if (verdict == EDGE_KEY_PENDING) {
        r->cancel = drop;
        r->under_way = a;
        return;
    }
    go_on(a, verdict, &who);
}

/* ---- requests ---- */

static void allow(const struct target *target, struct mr_buf *out)
{
    mr_buf_init(out, 128);
    mr_catalog_allow(target->methods, out);
    mr_buf_text(out, ", OPTIONS");
    mr_buf_char(out, '\0');
}

static void answer_options(struct edge_request *r, const struct target *target)
{
    struct edge_fields fields = {0};
    struct mr_buf text;
    allow(target, &text);
    edge_field(&fields, "Allow", text.data);
    edge_answer(r, 204, &fields, mr_slice_text(""));
    mr_buf_free(&text);
}

static void refuse_method(struct edge_request *r, const struct target *target)
{
    struct mr_problem problem =
        mr_problem_of(mr_problem_find(mr_slice_text("method-not-allowed")), (struct mr_slice){0});
    struct edge_fields fields = {0};
    struct mr_buf text;
    allow(target, &text);
    edge_field(&fields, "Allow", text.data);
    edge_answer_problem(r, &problem, &fields);
    mr_buf_free(&text);
}

void edge_route_request(struct mr_http_exchange *x, void *data)
{
    struct edge *edge = data;
    struct target target;
    enum mr_catalog_found found = find(edge, x->request, &target);
    struct edge_request *r = edge_request_new(edge, x, target.stats);
    if (!r) {
        mr_http_exchange_abort(x); /* a new arena has room: never */
        return;
    }
    r->match = target.match;
    r->write_problem = target.own ? target.own->write_problem : NULL;
    bool is_options = mr_slice_is(x->request->method, "OPTIONS");
    if (is_options && mr_slice_is(x->request->path, "*"))
        target.methods = MR_METHOD_GET | MR_METHOD_POST;
    if (is_options && target.methods)
        answer_options(r, &target);
    else if (found == MR_ROUTE_NONE)
        edge_refuse(r, "not-found", "There is no such path.");
    else if (found == MR_ROUTE_OTHER_METHOD)
        refuse_method(r, &target);
    else if (target.own && target.own->is_public)
        start(r, &target);
    else
        authenticate(r, &target);
}
