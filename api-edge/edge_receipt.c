#include "edge_receipt.h"

#include "edge_query.h"
#include "edge_receipt_json.h"
#include "edge_settle.h"
#include "mr_clock.h"
#include "mr_http_text.h"
#include <stdio.h>

#define RECEIPT_BYTES_MAX (64 * 1024) /* a rejection's errors among it */
#define POLL_MS           100         /* while a client waits for an id without its position */
#define POLLING_MAX       256         /* beyond, clients are answered at once */

struct look {
    struct edge_request *r;
    struct mr_uuid id;
    struct mr_receipt at;
    bool has_at;
    int64_t until_ms; /* of a wait without a position */
    struct mr_timer poll;
};

/* ---- answers ---- */

static void answer(struct look *l, const struct edge_receipt *receipt, bool again)
{
    struct edge_fields fields = {0};
    struct mr_buf body;
    mr_buf_init(&body, RECEIPT_BYTES_MAX);
    edge_receipt_write(receipt, &body);
    edge_field(&fields, "Cache-Control", "no-store");
    if (again)
        edge_field(&fields, "Retry-After", EDGE_RETRY_AFTER);
    edge_field_waited(l->r, &fields);
    edge_answer_json(l->r, 200, &fields, &body);
    mr_buf_free(&body);
}

static struct edge_receipt receipt_of(const struct look *l, const char *status)
{
    return (struct edge_receipt){.account = &l->r->account,
                                 .id = &l->id,
                                 .at = l->has_at ? &l->at : NULL,
                                 .status = status,
                                 .commands_ahead = -1,
                                 .applied_ms = -1};
}

/* What the command was about and made. Nothing of both is kept where there is no time of decision:
 * of a record: id command, and of one that is parked and not kept otherwise. */
static void add_subject(struct look *l, const struct edge_outcome *outcome,
                        struct edge_receipt *receipt)
{
    const struct mr_catalog_command *command =
        outcome->type.data ? mr_catalog_command_of(l->r->edge->catalog, outcome->type) : NULL;
    receipt->type = outcome->type;
    if (outcome->decided_ms == 0)
        return;
    receipt->subject = outcome->has_subject ? &outcome->subject : &l->id;
    receipt->resource = command ? command->resource : NULL;
    receipt->resource_id = command && command->success == 201 ? &l->id : receipt->subject;
}

/* Of a command that is found where its kind is kept. */
static void answer_row(struct look *l, const struct edge_outcome *outcome)
{
    static const char *const names[] = {
        [EDGE_APPLIED] = "applied", [EDGE_REJECTED] = "rejected", [EDGE_PARKED] = "parked"};
    const struct mr_catalog *catalog = l->r->edge->catalog;
    struct mr_problem problem;
    struct edge_receipt receipt = receipt_of(l, names[outcome->kind]);
    receipt.at = &outcome->receipt;
    add_subject(l, outcome, &receipt);
    if (outcome->kind == EDGE_APPLIED && outcome->decided_ms > 0)
        receipt.applied_ms = outcome->decided_ms;
    if (outcome->kind == EDGE_REJECTED) {
        if (receipt.resource_id == &l->id)
            receipt.resource = NULL; /* it was not made */
        edge_rejection(catalog, outcome, edge_arena(l->r), &problem);
        receipt.problem = &problem;
    }
    answer(l, &receipt, false);
}

static void refuse_no_store(struct edge_request *r, const char *name, const char *detail)
{
    struct mr_problem problem =
        mr_problem_of(mr_problem_find(mr_slice_text(name)), mr_slice_text(detail));
    struct edge_fields fields = {0};
    edge_field(&fields, "Cache-Control", "no-store");
    edge_answer_problem(r, &problem, &fields);
}

/* ---- with its position ---- */

/* Whether a command of this domain that was passed has left a row. */
static bool domain_keeps_rows(const struct mr_catalog *catalog, const char *name)
{
    const struct mr_catalog_domain *domain = mr_catalog_domain_of(catalog, name);
    for (size_t i = 0; domain && i < domain->command_count; i++)
        if (domain->commands[i].record == MR_RECORD_FULL)
            return true;
    return false;
}

static void on_settled(struct edge_request *r, const struct edge_outcome *outcome)
{
    struct look *l = r->work;
    struct edge_receipt receipt;
    switch (outcome->kind) {
    case EDGE_AHEAD:
        receipt = receipt_of(l, "accepted");
        receipt.commands_ahead = l->at.position - outcome->lane_applied;
        answer(l, &receipt, true);
        break;
    case EDGE_APPLIED:
    case EDGE_REJECTED:
    case EDGE_PARKED:
        answer_row(l, outcome);
        break;
    case EDGE_CONFLICT:
        refuse_no_store(r, "key-reused", "This id belongs to a command with another content.");
        break;
    case EDGE_QUARANTINED:
        receipt = receipt_of(l, "quarantined");
        answer(l, &receipt, false);
        break;
    case EDGE_NO_ROW:
        if (domain_keeps_rows(r->edge->catalog, l->at.domain)) {
            refuse_no_store(r, "gone",
                            "Its lane has passed this position, and nothing is kept of a command "
                            "with this id: it is too old, or never was.");
        } else {
            receipt = receipt_of(l, "applied");
            answer(l, &receipt, false);
        }
        break;
    }
}

/* ---- without it ---- */

static void ask_by_id(struct look *l);

static void answer_unknown(struct look *l);

static void stop_polling(struct edge_request *r)
{
    struct look *l = r->under_way;
    mr_timer_stop(&l->poll);
    r->cancel = r->hasten = NULL;
    r->edge->polling--;
}

static void on_poll(void *data)
{
    struct look *l = data;
    stop_polling(l->r);
    ask_by_id(l);
}

static void hasten(struct edge_request *r)
{
    struct look *l = r->under_way;
    stop_polling(r);
    answer_unknown(l);
}

static void answer_unknown(struct look *l)
{
    struct edge *edge = l->r->edge;
    int64_t until_ms = l->until_ms < edge->waits_end_ms ? l->until_ms : edge->waits_end_ms;
    int64_t left_ms = until_ms - mr_loop_now_ms(edge->loop);
    if (left_ms <= 0 || edge->polling == POLLING_MAX || mr_http_exchange_has_input_ended(l->r->x)) {
        refuse_no_store(l->r, "not-found",
                        "No command with this id is known (yet). Its receipt's at tells more.");
        return;
    }
    mr_timer_start(&l->poll, left_ms < POLL_MS ? left_ms : POLL_MS);
    edge->polling++;
    l->r->cancel = stop_polling;
    l->r->hasten = hasten;
    l->r->under_way = l;
}

/* The same id in several domains: the client says which it means by following a link. */
static void answer_several(struct look *l, const struct mr_pg_result *result)
{
    struct edge_fields fields = {0};
    struct mr_buf body;
    struct edge_outcome outcome;
    char last[sizeof outcome.receipt.domain] = "";
    struct mr_problem problem = mr_problem_of(mr_problem_find(mr_slice_text("ambiguous")),
                                              mr_slice_text("Follow one of the links."));
    mr_buf_init(&body, RECEIPT_BYTES_MAX);
    mr_problem_write(&problem, &body);
    body.len--; /* a member of its own follows */
    mr_buf_text(&body, ",\"links\":[");
    for (int row = 0; row < mr_pg_result_rows(result); row++) {
        edge_outcome_id_read(result, row, &outcome);
        if (strcmp(outcome.receipt.domain, last) == 0)
            continue;
        mr_buf_printf(&body, "%s{\"domain\":\"%s\",\"href\":\"", *last ? "," : "",
                      outcome.receipt.domain);
        edge_receipt_url(&l->r->account, &l->id, &outcome.receipt, &body);
        mr_buf_text(&body, "\"}");
        snprintf(last, sizeof last, "%s", outcome.receipt.domain);
    }
    mr_buf_text(&body, "]}");
    edge_field(&fields, "Content-Type", MR_PROBLEM_CONTENT_TYPE);
    edge_field(&fields, "Cache-Control", "no-store");
    edge_answer(l->r, problem.status, &fields, mr_buf_all(&body));
    mr_buf_free(&body);
}

static void on_rows(struct mr_pg_result *result, void *data)
{
    struct look *l = data;
    struct edge_outcome first, last;
    if (!edge_query_is_good(l->r, result))
        return;
    int rows = mr_pg_result_rows(result);
    if (rows == 0) {
        answer_unknown(l);
        return;
    }
    edge_outcome_id_read(result, 0, &first); /* by domain, the newest of each first */
    edge_outcome_id_read(result, rows - 1, &last);
    if (strcmp(first.receipt.domain, last.receipt.domain) == 0)
        answer_row(l, &first);
    else
        answer_several(l, result);
}

static void ask_by_id(struct look *l)
{
    struct edge_request *r = l->r;
    const struct mr_catalog *catalog = r->edge->catalog;
    struct mr_pg_params params;
    struct mr_pg_array domains;
    mr_pg_params_init(&params, edge_arena(r));
    mr_pg_array_init(&domains, edge_arena(r), MR_PG_TEXT, (uint32_t)catalog->domain_count);
    for (size_t i = 0; i < catalog->domain_count; i++)
        mr_pg_array_text(&domains, mr_slice_text(catalog->domains[i].name));
    edge_outcome_id_params(&r->account, &l->id, &domains, EDGE_FIRST_DAY, &params);
    enum mr_status s =
        edge_query_of(r, &(struct edge_query_ask){.stmt = &edge_outcome_by_id,
                                                  .params = &params,
                                                  .deadline_ms = EDGE_READ_DEADLINE_MS,
                                                  .answered = on_rows,
                                                  .asker = l});
    if (s != MR_OK)
        edge_query_refuse(r, s);
}

/* ---- the request ---- */

static bool read_query(struct look *l)
{
    struct mr_slice rest = l->r->x->request->query, name, value;
    while (mr_http_query_next(&rest, &name, &value)) {
        if (!mr_slice_is(name, "at") || l->has_at) {
            edge_refuse(l->r, "malformed", "A receipt has one query parameter, at.");
            return false;
        }
        if (!edge_settle_at(l->r, value, &l->at))
            return false;
        l->has_at = true;
    }
    return true;
}

void edge_receipt_start(struct edge_request *r, struct mr_slice id)
{
    struct look *l = mr_arena_alloc(edge_arena(r), sizeof *l);
    if (!l) {
        edge_query_refuse(r, MR_LIMIT);
        return;
    }
    l->r = r;
    r->work = l;
    if (mr_uuid_parse(id, &l->id) != MR_OK) {
        edge_refuse(r, "malformed", "The command's id in the path is not a UUID.");
        return;
    }
    if (!read_query(l))
        return;
    if (l->has_at) {
        edge_settle(
            r, &(struct edge_outcome_key){.receipt = l->at, .account = r->account, .id = l->id},
            on_settled);
        return;
    }
    l->until_ms = mr_loop_now_ms(r->edge->loop) + r->prefer.wait_s * INT64_C(1000);
    mr_timer_init(&l->poll, r->edge->loop, on_poll, l);
    ask_by_id(l);
}
