#include "story.h"
#include "engine_command.h"
#include "story_schema.h"
#include <criterion/criterion.h>
#include <stdio.h>

#define ARENA_BYTES_MAX (64u << 20)
#define EVENT_BYTES_MAX (512u << 10)

struct story_kept {
    struct engine_entity entity;
    bool loaded; /* into the open batch */
    struct story_kept *next;
};

/* ---- steps -------------------------------------------------------------------------------------
 */

struct mr_uuid story_uuid(uint8_t group, uint8_t number)
{
    return (struct mr_uuid){
        .bytes = {[0] = 1, [6] = 0x70, [8] = 0x80, [14] = group, [15] = number}};
}

json_t *story_lines(int count, int64_t quantity, int64_t unit_amount_minor)
{
    json_t *lines = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(lines, json_pack("{s:s, s:I, s:I}", "description", "Track",
                                               "quantity", (json_int_t)quantity,
                                               "unit_amount_minor", (json_int_t)unit_amount_minor));
    return lines;
}

struct story_step invoice_created_of(const char *currency, json_t *lines, int due_days)
{
    json_t *body = json_pack("{s:s, s:s, s:o}", "customer", "Ada Lovelace", "currency", currency,
                             "lines", lines);
    if (due_days >= 0)
        json_object_set_new(body, "due_days", json_integer(due_days));
    return (struct story_step){.type = "billing.invoice.create", .body = body};
}

struct story_step invoice_created(const char *currency, int64_t total_minor)
{
    return invoice_created_of(currency, story_lines(1, 1, total_minor), -1);
}

struct story_step invoice_finalized(void)
{
    return (struct story_step){
        .type = "billing.invoice.finalize", .body = json_object(), .about_invoice = true};
}

struct story_step payment_recorded(int64_t amount_minor)
{
    return (struct story_step){
        .type = "billing.payment.record",
        .body = json_pack("{s:I}", "amount_minor", (json_int_t)amount_minor),
        .names_invoice = true,
    };
}

struct story_step story_at(struct story_step step, const char *time)
{
    cr_assert_eq(mr_time_parse(mr_slice_text(time), &step.time_ms), MR_OK);
    return step;
}

struct story_step story_for(struct story_step step, const struct mr_uuid *account)
{
    step.account = account;
    return step;
}

struct story_step story_with_id(struct story_step step, const struct mr_uuid *id)
{
    step.id = id;
    return step;
}

struct story_step story_with_text(struct story_step step, const char *name, const char *text)
{
    json_object_set_new(step.body, name, json_string(text));
    return step;
}

/* ---- telling -----------------------------------------------------------------------------------
 */

static bool keys_hold(const struct engine_sheet *sheet, const struct engine_key *key)
{
    size_t count;
    const struct engine_key *keys = engine_sheet_keys(sheet, &count);
    for (size_t i = 0; i < count; i++)
        if (memcmp(&keys[i], key, sizeof *key) == 0)
            return true;
    return false;
}

/* What a worker's store does between want and decide. */
static void load(struct story *s)
{
    for (struct story_kept *k = s->kept; k; k = k->next) {
        if (k->loaded || !keys_hold(s->sheet, &k->entity.key))
            continue;
        cr_assert_eq(engine_sheet_put(s->sheet, &k->entity), MR_OK);
        k->loaded = true;
    }
}

static struct story_kept *kept_of(struct story *s, const struct engine_key *key)
{
    struct story_kept *k = s->kept;
    while (k && memcmp(&k->entity.key, key, sizeof *key) != 0)
        k = k->next;
    return k;
}

void story_save(struct story *s)
{
    size_t count;
    const struct engine_entity_write *writes = engine_sheet_writes(s->sheet, &count);
    for (size_t i = 0; i < count; i++) {
        struct story_kept *k = kept_of(s, &writes[i].entity.key);
        cr_assert_eq(writes[i].is_new, !k, "an entity is new exactly when none was kept");
        if (!k) {
            k = mr_arena_alloc(&s->arena, sizeof *k);
            k->next = s->kept;
            s->kept = k;
        }
        k->entity = writes[i].entity;
        k->entity.bytes = mr_arena_dup(&s->arena, k->entity.bytes, k->entity.bytes_len);
    }
    for (struct story_kept *k = s->kept; k; k = k->next)
        k->loaded = false;
    engine_sheet_reset(s->sheet);
}

static void add_rows(struct story *s)
{
    size_t count;
    const struct engine_row_write *rows = engine_sheet_rows(s->sheet, &count);
    for (size_t i = s->rows_before; i < count; i++) {
        const struct billing_posting *posting = rows[i].bytes;
        cr_assert_eq(rows[i].row_kind, BILLING_POSTING);
        s->balance_minor[posting->ledger_account] += posting->amount_minor;
    }
}

static struct mr_ce_command command_of(struct story *s, const struct story_step *step)
{
    s->id = step->id ? *step->id : story_uuid(2, ++s->commands);
    s->time_ms = step->time_ms ? step->time_ms : s->time_ms + 1000;
    if (step->names_invoice && !json_object_get(step->body, "invoice")) {
        char text[MR_UUID_TEXT + 1];
        json_object_set_new(step->body, "invoice", json_string(mr_uuid_text(&s->invoice, text)));
    }
    return (struct mr_ce_command){
        .id = s->id,
        .account = step->account ? *step->account : s->account,
        .subject = s->invoice,
        .has_subject = step->about_invoice,
        .tick_lane = -1,
        .time_ms = s->time_ms,
        .domain = mr_slice_text("billing"),
        .principal = mr_slice_text("story"),
        .type = mr_slice_text(step->type),
    };
}

/* What rows refer to: a command as it came from the log, as far as a store looks at it. */
static const struct engine_command *engine_command_of(struct story *s, struct story_step *step)
{
    struct engine_command *command = mr_arena_alloc(&s->arena, sizeof *command);
    command->ce = command_of(s, step);
    command->record.in.append_time_ms = s->time_ms;
    return command;
}

void story_do(struct story *s, struct story_step step)
{
    const struct engine_command *command = engine_command_of(s, &step);
    struct engine_input input = {.ce = &command->ce, .time_ms = s->time_ms};
    json_array_append_new(s->borrowed, step.body);
    story_schema_body(step.type, step.body);
    cr_assert(billing_domain.knows(step.type));
    cr_assert_eq(billing_domain.read(&command->ce, step.body, &s->arena, &input.body), MR_OK);
    cr_assert_eq(engine_sheet_want(s->sheet, &input), MR_OK);
    load(s);
    engine_sheet_events(s->sheet, &s->events_before);
    engine_sheet_rows(s->sheet, &s->rows_before);
    s->verdict = engine_sheet_decide(s->sheet, command, &input, mr_slice_text("key"), &s->refusal);
    cr_assert_neq(s->verdict, ENGINE_DECIDED_FULL);
    if (s->verdict == ENGINE_DECIDED_REJECTED) {
        story_schema_refusal(step.type, s->refusal.problem);
        return;
    }
    add_rows(s);
    if (strcmp(step.type, "billing.invoice.create") == 0)
        s->invoice = s->id;
}

struct story story_begin(const struct story_step *steps, size_t count)
{
    struct story s = {
        .account = story_uuid(1, 1),
        .invoice = story_uuid(9, 9), /* nothing has this id */
        .sheet = engine_sheet_new(&billing_domain, ARENA_BYTES_MAX, EVENT_BYTES_MAX),
        .borrowed = json_array(),
    };
    mr_arena_init(&s.arena, ARENA_BYTES_MAX);
    cr_assert_eq(mr_time_parse(mr_slice_text("2026-03-01T10:00:00.000Z"), &s.time_ms), MR_OK);
    for (size_t i = 0; i < count; i++) {
        story_do(&s, steps[i]);
        cr_assert_eq(s.verdict, ENGINE_DECIDED_APPLIED, "step %zu (%s) was refused: %s", i,
                     steps[i].type, s.refusal.problem);
    }
    return s;
}

void story_end(struct story *s)
{
    engine_sheet_free(s->sheet);
    mr_arena_free(&s->arena);
    json_decref(s->borrowed);
}

/* ---- what came of it ---------------------------------------------------------------------------
 */

/* The one event of the last step. */
static const struct engine_event *event_of(struct story *s)
{
    size_t count;
    const struct engine_event *events = engine_sheet_events(s->sheet, &count);
    cr_assert_eq(count - s->events_before, 1, "%zu events were told", count - s->events_before);
    return &events[s->events_before];
}

static json_t *data_of(struct story *s, const struct engine_event *event)
{
    json_t *data = json_loadb(event->data.data, event->data.len, 0, NULL);
    cr_assert(data);
    json_array_append_new(s->borrowed, data);
    char type[64];
    snprintf(type, sizeof type, "%.*s", MR_SLICE_FMT(event->type));
    story_schema_event(type, data);
    return data;
}

json_t *story_expect_event(struct story *s, const char *type)
{
    cr_assert_eq(s->verdict, ENGINE_DECIDED_APPLIED, "it was refused: %s", s->refusal.problem);
    const struct engine_event *event = event_of(s);
    cr_assert(mr_slice_is(event->type, type), "it told %.*s", MR_SLICE_FMT(event->type));
    cr_assert(mr_uuid_equal(&event->causation, &s->id));
    cr_assert_eq(event->time_ms, s->time_ms);
    return data_of(s, event);
}

void story_expect_refused(struct story *s, const char *problem)
{
    size_t row_count;
    engine_sheet_rows(s->sheet, &row_count);
    cr_assert_eq(s->verdict, ENGINE_DECIDED_REJECTED, "it was not refused");
    cr_assert_str_eq(s->refusal.problem, problem);
    cr_assert_eq(row_count, s->rows_before);
    const struct engine_event *event = event_of(s);
    cr_assert(mr_slice_is(event->type, "billing.command.rejected"));
    json_t *data = data_of(s, event);
    cr_assert_str_eq(json_string_value(json_object_get(data, "problem")), problem);
}

void story_expect_balance(struct story *s, enum billing_ledger ledger, int64_t amount_minor)
{
    cr_assert_eq(s->balance_minor[ledger], amount_minor, "%s is %lld", billing_ledger_name(ledger),
                 (long long)s->balance_minor[ledger]);
}

void story_expect_journal_sum(struct story *s, int64_t amount_minor)
{
    int64_t sum_minor = 0;
    for (size_t i = 0; i < sizeof s->balance_minor / sizeof *s->balance_minor; i++)
        sum_minor += s->balance_minor[i];
    cr_assert_eq(sum_minor, amount_minor);
}

const struct engine_entity *story_entity(struct story *s, enum billing_kind kind,
                                         const struct mr_uuid *id)
{
    struct engine_key key = {.kind = (int32_t)kind, .account = s->account, .id = *id};
    size_t count;
    const struct engine_entity_write *writes = engine_sheet_writes(s->sheet, &count);
    for (size_t i = 0; i < count; i++)
        if (memcmp(&writes[i].entity.key, &key, sizeof key) == 0)
            return &writes[i].entity;
    struct story_kept *k = kept_of(s, &key);
    return k ? &k->entity : NULL;
}

const struct billing_invoice *story_invoice(struct story *s)
{
    const struct engine_entity *entity = story_entity(s, BILLING_INVOICE, &s->invoice);
    if (!entity)
        return NULL;
    const struct billing_invoice *invoice = entity->bytes;
    cr_assert(billing_invoice_sane(invoice, entity->bytes_len));
    cr_assert_eq(invoice->version, entity->version);
    return invoice;
}
