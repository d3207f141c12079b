#include "edge_read.h"

#include "edge_list.h"
#include "edge_receipt_json.h"
#include "edge_settle.h"
#include "mr_http_text.h"
#include <stdlib.h>

struct edge_reads {
    struct edge_sql *resources; /* by the catalogue's index */
    size_t count;
};

enum mr_status edge_reads_new(const struct mr_catalog *catalog, struct edge_reads **out,
                              struct mr_error *why)
{
    struct edge_reads *reads = calloc(1, sizeof *reads);
    if (!reads ||
        !(reads->resources = calloc(catalog->resource_count + 1, sizeof(struct edge_sql))))
        abort();
    for (size_t i = 0; i < catalog->resource_count; i++) {
        enum mr_status s = edge_sql_init(&reads->resources[i], &catalog->resources[i], why);
        reads->count++;
        if (s != MR_OK) {
            edge_reads_free(reads);
            return s;
        }
    }
    *out = reads;
    return MR_OK;
}

void edge_reads_free(struct edge_reads *reads)
{
    if (!reads)
        return;
    for (size_t i = 0; i < reads->count; i++)
        edge_sql_free(&reads->resources[i]);
    free(reads->resources);
    free(reads);
}

const struct edge_sql *edge_reads_sql(const struct edge_reads *reads,
                                      const struct mr_catalog_resource *resource)
{
    return &reads->resources[resource->index];
}

enum mr_status edge_read_item(struct edge_request *r, const struct mr_catalog_resource *resource,
                              const struct mr_uuid *id, mr_pg_on_result answered, void *asker)
{
    struct mr_pg_params params;
    mr_pg_params_init(&params, edge_arena(r));
    mr_pg_param_uuid(&params, &r->account);
    mr_pg_param_uuid(&params, id);
    return edge_query_of(
        r, &(struct edge_query_ask){.stmt = &edge_reads_sql(r->edge->reads, resource)->item,
                                    .params = &params,
                                    .deadline_ms = EDGE_READ_DEADLINE_MS,
                                    .is_search = resource->function,
                                    .answered = answered,
                                    .asker = asker});
}

/* ---- an item ---- */

struct item {
    struct edge_request *r;
    const struct mr_catalog_resource *resource;
    struct mr_uuid id;
    struct mr_receipt at;
    bool has_at;
};

static void on_item(struct mr_pg_result *result, void *data)
{
    const struct item *item = data;
    struct edge_request *r = item->r;
    struct edge_fields fields = {0};
    char etag[EDGE_ETAG_TEXT + 1];
    if (!edge_query_is_good(r, result))
        return;
    if (mr_pg_result_rows(result) == 0) {
        edge_refuse(r, "not-found", "There is no such %s in this account.", item->resource->name);
        return;
    }
    struct mr_slice body = mr_pg_result_text(result, 0, EDGE_ITEM_BODY);
    edge_field(&fields, "ETag", edge_etag_of(body, etag));
    edge_field(&fields, "Cache-Control", item->resource->cache_control);
    if (item->has_at)
        edge_field_waited(r, &fields);
    if (edge_etag_is_known(r->x->request, etag)) {
        edge_answer(r, 304, &fields, mr_slice_text(""));
        return;
    }
    edge_field(&fields, "Content-Type", "application/json");
    edge_answer(r, 200, &fields, body);
}

static void read_now(struct item *item)
{
    enum mr_status s = edge_read_item(item->r, item->resource, &item->id, on_item, item);
    if (s != MR_OK)
        edge_query_refuse(item->r, s);
}

/* What its command will make is not there yet; the client finds the command by the link. */
static void answer_ahead(struct edge_request *r, const struct item *item)
{
    struct edge_fields fields = {0};
    struct mr_buf link;
    struct mr_problem problem = mr_problem_of(mr_problem_find(mr_slice_text("not-found")),
                                              mr_slice_text("Its command is not applied yet."));
    mr_buf_init(&link, 512);
    mr_buf_char(&link, '<');
    edge_receipt_url(&r->account, &item->id, &item->at, &link);
    mr_buf_text(&link, ">; rel=\"related\"");
    mr_buf_char(&link, '\0');
    problem.location = mr_slice(link.data + 1, strcspn(link.data, ">") - 1);
    edge_field(&fields, "Retry-After", EDGE_RETRY_AFTER);
    edge_field(&fields, "Cache-Control", "no-store");
    edge_field(&fields, "Link", link.data);
    edge_field_waited(r, &fields);
    edge_answer_problem(r, &problem, &fields);
    mr_buf_free(&link);
}

static void on_settled(struct edge_request *r, const struct edge_outcome *outcome)
{
    struct item *item = r->work;
    if (outcome->kind == EDGE_AHEAD)
        answer_ahead(r, item);
    else
        read_now(item);
}

static bool read_item_query(struct item *item)
{
    struct mr_slice rest = item->r->x->request->query, name, value;
    while (mr_http_query_next(&rest, &name, &value)) {
        if (!mr_slice_is(name, "at") || item->has_at) {
            edge_refuse(item->r, "malformed", "An item has one query parameter, at.");
            return false;
        }
        if (!edge_settle_at(item->r, value, &item->at))
            return false;
        item->has_at = true;
    }
    return true;
}

void edge_read_item_start(struct edge_request *r)
{
    struct item *item = mr_arena_alloc(edge_arena(r), sizeof *item);
    if (!item) {
        edge_query_refuse(r, MR_LIMIT);
        return;
    }
    r->work = item;
    item->r = r;
    item->resource = r->match.item;
    if (mr_uuid_parse(r->match.id, &item->id) != MR_OK) {
        edge_refuse(r, "malformed", "The %s's id in the path is not a UUID.", item->resource->name);
        return;
    }
    if (!read_item_query(item))
        return;
    if (item->has_at)
        edge_settle(
            r,
            &(struct edge_outcome_key){.receipt = item->at, .account = r->account, .id = item->id},
            on_settled);
    else
        read_now(item);
}

/* ---- a list ---- */

void edge_read_list_start(struct edge_request *r)
{
    struct edge_list *list = mr_arena_alloc(edge_arena(r), sizeof *list);
    if (!list) {
        edge_query_refuse(r, MR_LIMIT);
        return;
    }
    r->work = list;
    if (!edge_list_read(list, r))
        return;
    if (edge_accept_quality(r->x->request, "application/x-ndjson") >
        edge_accept_quality(r->x->request, "application/json"))
        edge_list_stream(list);
    else
        edge_list_page(list);
}
