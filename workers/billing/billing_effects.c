/* The verbs of billing's rules: each collects its effect for the engine, so that entities, journal
 * and events cannot say different things. */
#include "billing_effects.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

const char *billing_text(const struct billing_command *cmd, const char *name)
{
    return json_string_value(json_object_get(cmd->json, name));
}

int64_t billing_integer_of(const json_t *value)
{
    if (json_is_integer(value))
        return json_integer_value(value);
    double real = json_real_value(value); /* 0 where it is no number */
    if (real >= 0x1p63)
        return INT64_MAX;
    return real < -0x1p63 ? INT64_MIN : (int64_t)real;
}

int64_t billing_integer(const struct billing_command *cmd, const char *name, int64_t otherwise)
{
    const json_t *value = json_object_get(cmd->json, name);
    return value ? billing_integer_of(value) : otherwise;
}

/* ---- entities ----------------------------------------------------------------------------------
 */

static const struct engine_entity *entity_of(const struct billing_state *state,
                                             enum billing_kind kind, const struct mr_uuid *id)
{
    return engine_state_get(state->engine, (int32_t)kind, &state->cmd->account, id);
}

static const void *bytes_of(const struct billing_state *state, enum billing_kind kind,
                            const struct mr_uuid *id)
{
    return id ? entity_of(state, kind, id)->bytes : NULL;
}

const struct billing_invoice *billing_invoice_of(const struct billing_state *state,
                                                 const struct mr_uuid *id)
{
    return bytes_of(state, BILLING_INVOICE, id);
}

const struct billing_payment *billing_payment_of(const struct billing_state *state,
                                                 const struct mr_uuid *id)
{
    return bytes_of(state, BILLING_PAYMENT, id);
}

struct billing_invoice *billing_change_invoice(struct billing_effects *out,
                                               const struct billing_invoice *was)
{
    const struct engine_entity *entity = entity_of(out->state, BILLING_INVOICE, &was->id);
    assert(entity->bytes == was);
    int64_t version;
    struct billing_invoice *now =
        engine_effects_change(out->engine, entity, was, entity->bytes_len, &version);
    now->version = version;
    memcpy(out->currency, was->currency, sizeof out->currency);
    const struct billing_command *cmd = out->state->cmd;
    if (cmd->rule->creates == CREATES_NOTHING && mr_uuid_equal(&was->id, cmd->subject))
        out->subject_version = version;
    return now;
}

static void *create(struct billing_effects *out, enum billing_kind kind, size_t image_bytes)
{
    const struct billing_command *cmd = out->state->cmd;
    const struct engine_entity *none = entity_of(out->state, kind, &cmd->id);
    assert(!none->bytes);
    int64_t version;
    void *now = engine_effects_change(out->engine, none, NULL, image_bytes, &version);
    out->subject_version = version;
    return now;
}

/* to has BILLING_CURRENCY_TEXT + 1 bytes; the schema gives currency that length. */
static void copy_currency(char *to, const char *currency)
{
    assert(strlen(currency) == BILLING_CURRENCY_TEXT);
    memcpy(to, currency, BILLING_CURRENCY_TEXT + 1);
}

struct billing_invoice *billing_new_invoice(struct billing_effects *out, const char *customer,
                                            const char *currency, const json_t *lines)
{
    const struct billing_command *cmd = out->state->cmd;
    assert(cmd->rule->creates == CREATES_INVOICE);
    size_t customer_bytes = strlen(customer);
    size_t lines_bytes = json_dumpb(lines, NULL, 0, JSON_COMPACT);
    struct billing_invoice *now =
        create(out, BILLING_INVOICE, billing_invoice_image_bytes(customer_bytes, lines_bytes));
    now->id = cmd->id;
    now->version = out->subject_version;
    now->created_ms = cmd->time_ms;
    copy_currency(now->currency, currency);
    copy_currency(out->currency, currency);
    now->customer_bytes = (uint32_t)customer_bytes;
    now->lines_bytes = (uint32_t)lines_bytes;
    memcpy(now->texts, customer, customer_bytes);
    json_dumpb(lines, now->texts + customer_bytes + 1, lines_bytes, JSON_COMPACT);
    return now;
}

struct billing_payment *billing_new_payment(struct billing_effects *out, const char *currency,
                                            const char *reference)
{
    const struct billing_command *cmd = out->state->cmd;
    assert(cmd->rule->creates == CREATES_PAYMENT);
    size_t reference_bytes = reference ? strlen(reference) : 0;
    struct billing_payment *now =
        create(out, BILLING_PAYMENT, billing_payment_image_bytes(reference_bytes));
    now->id = cmd->id;
    now->created_ms = cmd->time_ms;
    copy_currency(now->currency, currency);
    now->has_reference = reference != NULL;
    now->reference_bytes = (uint32_t)reference_bytes;
    memcpy(now->reference, reference ? reference : "", reference_bytes);
    return now;
}

int64_t billing_take_number(struct billing_effects *out)
{
    const struct engine_entity *was =
        entity_of(out->state, BILLING_SERIES, &out->state->cmd->account);
    const struct billing_series *series = was->bytes;
    int64_t number = series ? series->next_number : 1;
    int64_t version; /* the series is nobody's subject */
    struct billing_series *now =
        engine_effects_change(out->engine, was, NULL, sizeof *now, &version);
    now->next_number = number + 1;
    return number;
}

/* ---- money and what is told --------------------------------------------------------------------
 */

static void post(struct billing_effects *out, enum billing_ledger ledger, int64_t amount_minor)
{
    struct billing_posting row = {.amount_minor = amount_minor, .ledger_account = ledger};
    memcpy(row.currency, out->currency, sizeof row.currency);
    engine_effects_row(out->engine, BILLING_POSTING, &row, sizeof row);
    json_t *told = json_pack("{s:s, s:I}", "ledger_account", billing_ledger_name(ledger),
                             "amount_minor", (json_int_t)amount_minor);
    assert(told);
    json_array_append_new(out->postings, told);
}

void billing_post(struct billing_effects *out, enum billing_ledger debit,
                  enum billing_ledger credit, int64_t amount_minor)
{
    assert(out->currency[0]); /* an invoice was made or changed: it says in which currency */
    assert(amount_minor > 0);
    assert(debit != credit);
    if (!out->postings)
        out->postings = json_array();
    post(out, debit, amount_minor);
    post(out, credit, -amount_minor);
}

/* What the command's events are about. */
static const struct mr_uuid *subject_of(const struct billing_command *cmd)
{
    return cmd->rule->creates == CREATES_NOTHING ? cmd->subject : &cmd->id;
}

void billing_event(struct billing_effects *out, const char *type, const char *format, ...)
{
    json_error_t error;
    va_list ap;
    va_start(ap, format);
    json_t *data = json_vpack_ex(&error, 0, format, ap);
    va_end(ap);
    assert(data);
    assert(out->subject_version > 0); /* an event tells of a change */
    if (out->postings) {
        json_object_set_new(data, "currency", json_string(out->currency));
        json_object_set_new(data, "postings", out->postings);
        out->postings = NULL;
    }
    engine_effects_event(out->engine, type, subject_of(out->state->cmd), out->subject_version,
                         data);
    out->event_count++;
}

enum engine_verdict billing_refuse(struct billing_effects *out, const char *problem,
                                   const char *format, ...)
{
    char detail[256];
    va_list ap;
    va_start(ap, format);
    vsnprintf(detail, sizeof detail, format, ap);
    va_end(ap);
    return engine_effects_refuse(out->engine, problem, "%s", detail);
}
