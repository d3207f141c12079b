/* Billing's commands as a steady business would send them: in each wave every account creates an
 * invoice, finalizes the one of the wave before, and is paid the one before that. */
#ifndef BENCH_FILL_H
#define BENCH_FILL_H

#include "command_build.h"
#include "mr_prng.h"

#define FILL_BODY_MAX 512

struct fill_account {
    struct mr_uuid id;
    struct mr_uuid invoices[3]; /* of the last three waves, by wave % 3 */
};

struct fill_commands {
    const struct mr_catalog_command *create, *finalize, *pay;
    struct fill_account *accounts;
    uint32_t account_count;
    uint32_t waves; /* invoices of an account */
    uint32_t wave, account, step;
    struct mr_arena arena; /* of the present command */
    char body[FILL_BODY_MAX];
    char principal[MR_UUID_TEXT + 1];
};

/* The accounts depend on seed alone. MR_INVALID: the catalogue lacks one of the commands. */
MR_MUST_CHECK enum mr_status fill_commands_init(struct fill_commands *f, const struct mr_catalog *c,
                                                uint64_t seed, struct mr_error *why);
void fill_commands_free(struct fill_commands *f);
uint64_t fill_commands_count(const struct fill_commands *f);
/* Builds the present command; out lives until the next call. */
MR_MUST_CHECK enum mr_status
fill_commands_build(struct fill_commands *f, struct mr_kafka_message *out, struct mr_error *why);
/* Goes on to the next one; false when there is none. */
bool fill_commands_next(struct fill_commands *f);

#endif
