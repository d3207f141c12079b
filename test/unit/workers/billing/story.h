/* Stories of billing: what was done with the invoices of an account, and what came of it. A story
 * decides its commands as a worker does, on the engine's own sheet.
 *
 *     struct story s = story_of(invoice_created("EUR", 1250), invoice_finalized());
 *     story_do(&s, payment_recorded(1250));
 *     story_expect_event(&s, "billing.payment.recorded");
 *     story_expect_balance(&s, LEDGER_CASH, 1250);
 *     story_end(&s);
 *
 * A step is about the story's current invoice: the one that was created last. A failed expectation
 * ends the test. */
#ifndef STORY_H
#define STORY_H

#include "billing_domain.h"
#include "engine_sheet.h"
#include "mr_time.h"

struct story_kept;

struct story_step {
    const char *type;
    json_t *body;                       /* taken over */
    bool about_invoice;                 /* its subject is the current invoice */
    bool names_invoice;                 /* its body's `invoice` is the current invoice */
    const struct mr_uuid *account, *id; /* NULL: the story's, a fresh one */
    int64_t time_ms;                    /* 0: a second after the step before */
};

struct story {
    struct mr_uuid account;
    struct mr_uuid invoice; /* the current one */
    struct mr_uuid id;      /* of the last step's command */
    int64_t time_ms;
    uint8_t commands; /* so far; ids are made of it */
    int64_t balance_minor[LEDGER_CASH + 1];

    /* Of the last step. */
    enum engine_decided verdict;
    struct engine_refusal refusal;
    size_t events_before, rows_before;

    struct engine_sheet *sheet; /* the open batch */
    struct story_kept *kept;    /* what earlier batches saved, by key */
    struct mr_arena arena;      /* of commands and kept images: lives as long as the story */
    json_t *borrowed;           /* an array that keeps bodies and events alive */
};

/* What can be done. */
struct story_step invoice_created(const char *currency, int64_t total_minor);
/* lines is taken over. due_days < 0: the body has none. */
struct story_step invoice_created_of(const char *currency, json_t *lines, int due_days);
struct story_step invoice_finalized(void);
struct story_step payment_recorded(int64_t amount_minor);
struct story_step story_at(struct story_step step, const char *time);
struct story_step story_for(struct story_step step, const struct mr_uuid *account);
struct story_step story_with_id(struct story_step step, const struct mr_uuid *id);
struct story_step story_with_text(struct story_step step, const char *name, const char *text);
/* Lines for a body: count times quantity of something for unit_amount_minor. */
json_t *story_lines(int count, int64_t quantity, int64_t unit_amount_minor);
struct mr_uuid story_uuid(uint8_t group, uint8_t number);

/* A story in which these steps were applied. */
#define story_of(...)                                                                              \
    story_begin((struct story_step[]){__VA_ARGS__},                                                \
                sizeof((struct story_step[]){__VA_ARGS__}) / sizeof(struct story_step))
struct story story_begin(const struct story_step *steps, size_t count);
void story_end(struct story *s);

/* Decides one more command, whatever comes of it. */
void story_do(struct story *s, struct story_step step);
/* The batch is saved; what follows is decided on what was loaded again. */
void story_save(struct story *s);

/* The last step was applied and told exactly this; returns the event's data (the story's). */
json_t *story_expect_event(struct story *s, const char *type);
/* The last step was refused so, told so, and changed nothing. */
void story_expect_refused(struct story *s, const char *problem);
/* Over the whole story. */
void story_expect_balance(struct story *s, enum billing_ledger ledger, int64_t amount_minor);
void story_expect_journal_sum(struct story *s, int64_t amount_minor);
/* As they are now; NULL: there is none. */
const struct billing_invoice *story_invoice(struct story *s);
const struct engine_entity *story_entity(struct story *s, enum billing_kind kind,
                                         const struct mr_uuid *id);

#endif
