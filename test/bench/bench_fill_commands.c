#include "bench_fill.h"

#include "mr_clock.h"
#include "mr_random.h"
#include <stdio.h>
#include <stdlib.h>

#define ARENA_MAX  65536
#define UNIT_MINOR 1250
#define QUANTITY   3
#define LINES      3
#define TOTAL      (LINES * QUANTITY * UNIT_MINOR)

enum { CREATE, FINALIZE, PAY, STEPS };

static enum mr_status command_of(const struct mr_catalog *c, const char *type,
                                 const struct mr_catalog_command **out, struct mr_error *why)
{
    *out = mr_catalog_command_of(c, mr_slice_text(type));
    return *out ? MR_OK : mr_fail(why, MR_INVALID, "the schemas have no %s", type);
}

static struct mr_uuid random_uuid(struct mr_prng *prng)
{
    struct mr_uuid id;
    for (size_t i = 0; i < sizeof id.bytes; i++)
        id.bytes[i] = (uint8_t)mr_prng_next(prng);
    id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | 0x40); /* version 4 */
    id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
    return id;
}

enum mr_status fill_commands_init(struct fill_commands *f, const struct mr_catalog *c,
                                  uint64_t seed, struct mr_error *why)
{
    enum mr_status s;
    if ((s = command_of(c, "billing.invoice.create", &f->create, why)) != MR_OK ||
        (s = command_of(c, "billing.invoice.finalize", &f->finalize, why)) != MR_OK ||
        (s = command_of(c, "billing.payment.record", &f->pay, why)) != MR_OK)
        return s;
    struct mr_prng prng;
    mr_prng_seed(&prng, seed);
    f->accounts = calloc(f->account_count, sizeof *f->accounts);
    if (!f->accounts)
        abort();
    for (uint32_t i = 0; i < f->account_count; i++)
        f->accounts[i].id = random_uuid(&prng);
    struct mr_uuid principal = random_uuid(&prng);
    mr_uuid_text(&principal, f->principal);
    mr_arena_init(&f->arena, ARENA_MAX);
    return MR_OK;
}

void fill_commands_free(struct fill_commands *f)
{
    mr_arena_free(&f->arena);
    free(f->accounts);
}

uint64_t fill_commands_count(const struct fill_commands *f)
{
    return (uint64_t)f->account_count * f->waves * STEPS;
}

static int create_body(struct fill_commands *f)
{
    return snprintf(
        f->body, sizeof f->body,
        "{\"customer\":\"Customer %u of the benchmark\",\"currency\":\"EUR\",\"lines\":["
        "{\"description\":\"Milling, hour\",\"quantity\":%d,\"unit_amount_minor\":%d},"
        "{\"description\":\"Flour, sack\",\"quantity\":%d,\"unit_amount_minor\":%d},"
        "{\"description\":\"Delivery\",\"quantity\":%d,\"unit_amount_minor\":%d}]}",
        f->wave, QUANTITY, UNIT_MINOR, QUANTITY, UNIT_MINOR, QUANTITY, UNIT_MINOR);
}

static int pay_body(struct fill_commands *f, const struct mr_uuid *invoice)
{
    char text[MR_UUID_TEXT + 1];
    return snprintf(f->body, sizeof f->body,
                    "{\"invoice\":\"%s\",\"amount_minor\":%d,\"reference\":\"Transfer %u\"}",
                    mr_uuid_text(invoice, text), TOTAL, f->wave);
}

enum mr_status fill_commands_build(struct fill_commands *f, struct mr_kafka_message *out,
                                   struct mr_error *why)
{
    struct fill_account *account = &f->accounts[f->account];
    struct mr_uuid *invoice = &account->invoices[(f->wave + 3 - f->step) % 3];
    struct command_input input = {
        .account = account->id,
        .id = mr_random_uuid_v7(),
        .principal = mr_slice_text(f->principal),
        .time_ms = mr_clock_wall_ms(),
    };
    int len;
    if (f->step == CREATE) {
        *invoice = input.id;
        input.command = f->create;
        len = create_body(f);
    } else if (f->step == FINALIZE) {
        input.command = f->finalize;
        input.subject = invoice;
        len = snprintf(f->body, sizeof f->body, "{}");
    } else {
        input.command = f->pay;
        len = pay_body(f, invoice);
    }
    input.body = mr_slice(f->body, (size_t)len);
    mr_arena_reset(&f->arena);
    return command_build(&input, &f->arena, out, why);
}

/* A step belongs to the invoice of the wave that lies `step` before the present one. */
static bool has_invoice(const struct fill_commands *f)
{
    return f->wave >= f->step && f->wave - f->step < f->waves;
}

bool fill_commands_next(struct fill_commands *f)
{
    do {
        if (++f->account == f->account_count) {
            f->account = 0;
            f->step++;
        }
        if (f->step == STEPS) {
            f->step = 0;
            f->wave++;
        }
        if (f->wave == f->waves + STEPS - 1)
            return false;
    } while (!has_invoice(f));
    return true;
}
