/* What a decide function of billing works with: the command, the state that it is decided on, and
 * the few verbs that make its effects. Private to billing.
 *
 * A decide function looks things up (billing_invoice_of), refuses (billing_refuse), or changes them
 * (billing_change_..., billing_new_...), posts money (billing_post) and then says what happened
 * (billing_event). Everything that is written comes from what these verbs collect: the rule says
 * nothing twice, and currency and postings reach event and journal by themselves. */
#ifndef BILLING_EFFECTS_H
#define BILLING_EFFECTS_H

#include "billing_domain.h"
#include "mr_time.h"
#include <inttypes.h>

struct billing_command;

/* What the rules look at and write to; they hand both on to the verbs below and touch no field. */
struct billing_state {
    const struct engine_state *engine;
    const struct billing_command *cmd;
};
struct billing_effects {
    struct engine_effects *engine;
    const struct billing_state *state;
    json_t *postings; /* of the next event; NULL: none since the last */
    char currency[BILLING_CURRENCY_TEXT + 1];
    int64_t subject_version; /* of what the events are about; 0: not changed so far */
    int32_t event_count;
};

typedef enum engine_verdict billing_decide(const struct billing_state *state,
                                           const struct billing_command *cmd,
                                           struct billing_effects *out);

/* What a command brings into being under its own id. */
enum billing_creates { CREATES_NOTHING, CREATES_INVOICE, CREATES_PAYMENT };

/* A line of the domain's table. A command that creates nothing is about the invoice that is its
 * subject, and may draw a number from the account's series. */
struct billing_rule {
    const char *type;
    billing_decide *decide;
    enum billing_creates creates;
};

/* A command as decide sees it: the same for every type, the rest is asked of its body. */
struct billing_command {
    const struct billing_rule *rule;
    struct mr_uuid account;
    struct mr_uuid id;             /* becomes the created thing's */
    const struct mr_uuid *subject; /* NULL where it has none */
    const struct mr_uuid *invoice; /* body's `invoice`; NULL where it has none */
    int64_t time_ms;               /* of the decision */
    json_t *json;                  /* the body; fulfils the schema of the type */
    /* For messages and events; "(none)" where there is none. */
    char id_text[MR_UUID_TEXT + 1], subject_text[MR_UUID_TEXT + 1], invoice_text[MR_UUID_TEXT + 1];
};

/* A text of the body; NULL where the body lacks it. */
const char *billing_text(const struct billing_command *cmd, const char *name);
/* An integer of the body, or `otherwise` where the body lacks it. A JSON number with a zero
 * fraction is an integer too; one beyond int64_t becomes its largest or smallest value. */
int64_t billing_integer(const struct billing_command *cmd, const char *name, int64_t otherwise);
int64_t billing_integer_of(const json_t *value);

/* The entity of the command's account, or NULL where there is none (of another account there never
 * is) or id is NULL. keys_of names what may be asked for: the command's subject, its body's
 * invoice, and what its rule creates. Valid until the command ends. */
const struct billing_invoice *billing_invoice_of(const struct billing_state *state,
                                                 const struct mr_uuid *id);
const struct billing_payment *billing_payment_of(const struct billing_state *state,
                                                 const struct mr_uuid *id);

/* A copy to change in place; its version is the new one already. */
struct billing_invoice *billing_change_invoice(struct billing_effects *out,
                                               const struct billing_invoice *was);

/* A new draft, or payment, under the command's id; zero but for id, version, created_ms and what is
 * given. The rule of the command must say that it creates one, and there must be none. */
struct billing_invoice *billing_new_invoice(struct billing_effects *out, const char *customer,
                                            const char *currency, const json_t *lines);
/* reference may be NULL. */
struct billing_payment *billing_new_payment(struct billing_effects *out, const char *currency,
                                            const char *reference);

/* The next number of the account's series, used up. Once a command. */
int64_t billing_take_number(struct billing_effects *out);

/* Moves amount_minor (> 0) in the currency of the invoice that was changed or made before. */
void billing_post(struct billing_effects *out, enum billing_ledger debit,
                  enum billing_ledger credit, int64_t amount_minor);

/* An event about what the command created, or else its subject, with data in jansson's pack format
 * (an object); texts must be UTF-8. After the changes and postings: its subject version is the one
 * after them, and it carries currency and postings where there are any. */
void billing_event(struct billing_effects *out, const char *type, const char *format, ...);

/* Refuses by the name of a problem that the command's schema lists. */
enum engine_verdict billing_refuse(struct billing_effects *out, const char *problem,
                                   const char *format, ...) MR_PRINTF(3, 4);

#endif
