#include "loader_events.h"

#include "mr_cloudevent.h"
#include "mr_lane.h"
#include <criterion/criterion.h>
#include <stdio.h>

#define APPEND_MS INT64_C(1795593600000)

const char invoice_created[] =
    "{'invoice_id': '" INVOICE "', 'status': 'draft', 'customer': 'Ada\\tL\\\\', "
    "'currency': 'EUR', 'lines': [{'description': 'x', 'quantity': 1, 'unit_amount_minor': 1250, "
    "'amount_minor': 1250}], 'total_minor': 1250, 'due_days': 30}";
const char invoice_finalized[] =
    "{'invoice_id': '" INVOICE "', 'status': 'open', 'number': 1, 'currency': 'EUR', "
    "'total_minor': 1250, 'due_date': '2026-12-25', 'finalized_at': '2026-11-25T08:00:00.000Z', "
    "'postings': [{'ledger_account': 'receivable', 'amount_minor': 1250}, "
    "{'ledger_account': 'revenue', 'amount_minor': -1250}]}";

static struct mr_slice json_of(const char *text, struct mr_arena *arena)
{
    char *json = mr_arena_dup(arena, text, strlen(text));
    for (char *p = json; *p; p++)
        if (*p == '\'')
            *p = '"';
    return mr_slice_text(json);
}

struct mr_kafka_record loader_event_record(const struct loader_event *event, struct mr_arena *arena)
{
    struct mr_ce_event ce = {
        .has_subject = true,
        .subject_version = 1,
        .sequence = event->sequence,
        .lane = event->lane,
        .time_ms = APPEND_MS + event->offset * 1000,
        .domain = mr_slice_text("billing"),
        .type = mr_slice_text(event->type),
    };
    struct mr_kafka_record r = {
        .lane = event->lane, .position = event->offset, .append_ms = APPEND_MS};
    memset(ce.account.bytes, 0xaa, sizeof ce.account.bytes);
    memset(ce.subject.bytes, 0x11, sizeof ce.subject.bytes);
    memset(ce.causation.bytes, 0xcc, sizeof ce.causation.bytes);
    cr_assert_eq(mr_ce_event_build(&ce, arena, &r.headers), MR_OK);
    r.header_count_all = r.headers.count;
    r.key = mr_slice_text("key");
    if (!event->json)
        return r;
    r.value = json_of(event->json, arena);
    return r;
}

/* ---- facts ---- */

#define FACT_IDS 8

const char *loader_fact_id(int32_t lane, int n)
{
    static char ids[3][FACT_IDS][MR_UUID_TEXT + 1];
    for (int i = 0, found = 0; !ids[lane][n][0]; i++) {
        char text[MR_UUID_TEXT + 1];
        snprintf(text, sizeof text, "11111111-1111-5111-8111-%012x", i);
        if (mr_lane_of(mr_slice_text(text), 3) == lane)
            memcpy(ids[lane][found++], text, sizeof text);
    }
    return ids[lane][n];
}

struct mr_kafka_record loader_fact_record(const struct loader_fact_record *fact,
                                          struct mr_arena *arena)
{
    struct mr_ce_command ce = {
        .tick_lane = -1,
        .time_ms = APPEND_MS,
        .domain = mr_slice_text("logging"),
        .principal = mr_slice_text("test"),
        .type = mr_slice_text(fact->type ? fact->type : "logging.line"),
    };
    struct mr_kafka_record r = {.lane = fact->lane,
                                .position = fact->offset,
                                .append_ms = APPEND_MS + fact->days_later * INT64_C(86400000) +
                                             fact->offset};
    memset(ce.account.bytes, 0xaa, sizeof ce.account.bytes);
    cr_assert_eq(mr_uuid_parse(mr_slice_text(fact->id), &ce.id), MR_OK);
    cr_assert_eq(mr_ce_command_build(&ce, arena, &r.headers), MR_OK);
    r.header_count_all = r.headers.count;
    r.key = mr_slice_text(fact->key ? fact->key : fact->id);
    if (fact->json)
        r.value = json_of(fact->json, arena);
    return r;
}
