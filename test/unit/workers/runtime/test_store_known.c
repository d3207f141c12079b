/* Which commands the store knows already, by what is kept of them. */
#include "store_bed.h"
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>

#define LOAD(...)                                                                                  \
    &(struct engine_load)                                                                          \
    {                                                                                              \
        .lookups = (struct engine_lookup[]){__VA_ARGS__},                                          \
        .lookup_count =                                                                            \
            sizeof((struct engine_lookup[]){__VA_ARGS__}) / sizeof(struct engine_lookup)           \
    }

static const struct engine_known *known_of(struct store_bed *b, int id)
{
    struct mr_uuid uuid = store_bed_uuid(id);
    for (size_t i = 0; i < b->engine.loaded.known_count; i++)
        if (mr_uuid_equal(&b->engine.loaded.known[i].id, &uuid))
            return &b->engine.loaded.known[i];
    return NULL;
}

/* Writes an outcome of an id as a batch of its own. */
static void decide(struct store_bed *b, enum engine_keep keep, int id,
                   enum engine_outcome_status status)
{
    struct engine_outcome o = {.command = store_bed_command(b, keep, id, id), .status = status};
    if (status == ENGINE_OUTCOME_REJECTED)
        o.refusal.problem = "sold-out";
    cr_assert_eq(store_bed_write(b, &(struct engine_save){.outcomes = &o, .outcome_count = 1}),
                 ENGINE_DONE, "%s", b->engine.detail);
}

static void park(struct store_bed *b, enum engine_keep keep, int id)
{
    struct engine_park p = {.command = store_bed_command(b, keep, id, id), .cause = "unlucky"};
    cr_assert_eq(store_bed_write(b, &(struct engine_save){.parks = &p, .park_count = 1}),
                 ENGINE_DONE, "%s", b->engine.detail);
}

static void store_fact(struct store_bed *b, int id)
{
    static const struct shop_row row = {.amount = 1};
    struct engine_row_write w = {.row_kind = SHOP_LINE,
                                 .command = store_bed_command(b, ENGINE_KEEP_FACT, id, id),
                                 .bytes = &row,
                                 .bytes_len = sizeof row};
    cr_assert_eq(store_bed_write(b, &(struct engine_save){.rows = &w, .row_count = 1}), ENGINE_DONE,
                 "%s", b->engine.detail);
}

Test(store_known, given_ids_of_each_kind_then_each_is_found_where_its_kind_is_kept)
{
    struct store_bed *b = store_bed_new("known_kinds");
    decide(b, ENGINE_KEEP_FULL, 1, ENGINE_OUTCOME_APPLIED);
    decide(b, ENGINE_KEEP_ID, 2, ENGINE_OUTCOME_APPLIED);
    decide(b, ENGINE_KEEP_ID, 3, ENGINE_OUTCOME_REJECTED);
    store_fact(b, 4);
    store_bed_begin(b, LOAD(store_bed_lookup(ENGINE_KEEP_FULL, 1, BED_DAY),
                            store_bed_lookup(ENGINE_KEEP_ID, 2, BED_DAY),
                            store_bed_lookup(ENGINE_KEEP_ID, 3, BED_DAY),
                            store_bed_lookup(ENGINE_KEEP_FACT, 4, BED_DAY),
                            store_bed_lookup(ENGINE_KEEP_FULL, 5, BED_DAY),
                            store_bed_lookup(ENGINE_KEEP_ID, 6, BED_DAY),
                            store_bed_lookup(ENGINE_KEEP_FACT, 7, BED_DAY)));
    cr_assert_eq(b->engine.loaded.known_count, 4);
    for (int id = 1; id <= 4; id++) {
        const struct engine_known *k = known_of(b, id);
        cr_assert(k, "%d", id);
        cr_expect_eq(k->day, BED_DAY);
        cr_expect_eq(k->has_hash, id != 4, "%d", id);
        if (k->has_hash)
            cr_expect_eq(k->hash.bytes[31], id);
    }
    store_bed_free(b);
}

Test(store_known, given_another_kind_or_account_or_domain_then_an_id_is_not_known)
{
    struct store_bed *b = store_bed_new("known_others");
    decide(b, ENGINE_KEEP_ID, 2, ENGINE_OUTCOME_APPLIED);
    store_bed_sql(b, "INSERT INTO millrace.seen SELECT day, 'other', account_id, "
                     "'00000000-0000-0000-0000-000000000003', lane, position, hash "
                     "FROM millrace.seen");
    struct engine_lookup other = store_bed_lookup(ENGINE_KEEP_ID, 2, BED_DAY);
    other.account = store_bed_uuid(99);
    store_bed_begin(b, LOAD(store_bed_lookup(ENGINE_KEEP_FULL, 2, BED_DAY),
                            store_bed_lookup(ENGINE_KEEP_ID, 3, BED_DAY), other));
    cr_expect_eq(b->engine.loaded.known_count, 0);
    store_bed_free(b);
}

static const struct {
    int after; /* days after the stored one */
    bool only_its_day, want;
} rows[] = {
    {-2, false, false}, {-1, false, true}, {0, false, true}, {1, false, true},  {2, false, true},
    {3, false, false},  {0, true, true},   {1, true, false}, {-1, true, false},
};
static size_t row_index[sizeof rows / sizeof *rows];

ParameterizedTestParameters(store_known, given_a_day_then_only_its_window_is_looked_at)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        row_index[i] = i;
    return cr_make_param_array(size_t, row_index, sizeof rows / sizeof *rows);
}

ParameterizedTest(size_t *i, store_known, given_a_day_then_only_its_window_is_looked_at)
{
    char name[32];
    snprintf(name, sizeof name, "known_day_%zu", *i);
    struct store_bed *b = store_bed_new(name);
    decide(b, ENGINE_KEEP_FULL, 1, ENGINE_OUTCOME_APPLIED);
    decide(b, ENGINE_KEEP_ID, 2, ENGINE_OUTCOME_APPLIED);
    store_fact(b, 3);
    struct engine_lookup l[] = {
        store_bed_lookup(ENGINE_KEEP_FULL, 1, BED_DAY + rows[*i].after),
        store_bed_lookup(ENGINE_KEEP_ID, 2, BED_DAY + rows[*i].after),
        store_bed_lookup(ENGINE_KEEP_FACT, 3, BED_DAY + rows[*i].after),
    };
    for (int k = 0; k < 3; k++)
        l[k].only_its_day = rows[*i].only_its_day;
    store_bed_begin(b, LOAD(l[0], l[1], l[2]));
    cr_expect_eq(b->engine.loaded.known_count, rows[*i].want ? 3 : 0);
    store_bed_free(b);
}

Test(store_known, given_parked_ids_then_they_are_known_without_a_hash)
{
    struct store_bed *b = store_bed_new("known_parked");
    park(b, ENGINE_KEEP_ID, 2);
    park(b, ENGINE_KEEP_FACT, 3);
    store_bed_begin(b, LOAD(store_bed_lookup(ENGINE_KEEP_ID, 2, BED_DAY + 1),
                            store_bed_lookup(ENGINE_KEEP_FACT, 3, BED_DAY),
                            store_bed_lookup(ENGINE_KEEP_FACT, 5, BED_DAY)));
    cr_assert_eq(b->engine.loaded.known_count, 2);
    for (int id = 2; id <= 3; id++) {
        cr_assert(known_of(b, id));
        cr_expect_not(known_of(b, id)->has_hash);
    }
    cr_expect_eq(known_of(b, 2)->day, BED_DAY + 1, "the look-up's, so that it is in its window");
    store_bed_free(b);
}

Test(store_known, given_a_parked_fact_that_is_to_be_stored_then_it_does_not_find_itself)
{
    struct store_bed *b = store_bed_new("known_itself");
    park(b, ENGINE_KEEP_FACT, 3);
    struct engine_lookup l = store_bed_lookup(ENGINE_KEEP_FACT, 3, BED_DAY);
    l.is_parked = true;
    store_bed_begin(b, LOAD(l));
    cr_expect_eq(b->engine.loaded.known_count, 0);
    store_bed_free(b);
}

Test(store_known, given_a_command_parked_in_another_lane_then_it_is_not_known)
{
    struct store_bed *b = store_bed_new("known_lane");
    park(b, ENGINE_KEEP_ID, 2); /* of lane 0 */
    park(b, ENGINE_KEEP_ID, 3);
    struct engine_lookup l = store_bed_lookup(ENGINE_KEEP_ID, 2, BED_DAY);
    l.lane = 1;
    store_bed_begin(b, LOAD(l, store_bed_lookup(ENGINE_KEEP_ID, 3, BED_DAY)));
    cr_assert_eq(b->engine.loaded.known_count, 1);
    cr_expect(known_of(b, 3));
    store_bed_free(b);
}
