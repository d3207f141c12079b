#include "loader_events.h"

#include "mr_cloudevent.h"
#include <criterion/criterion.h>

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
    char *json = mr_arena_dup(arena, event->json, strlen(event->json));
    for (char *p = json; *p; p++)
        if (*p == '\'')
            *p = '"';
    r.value = mr_slice_text(json);
    return r;
}
