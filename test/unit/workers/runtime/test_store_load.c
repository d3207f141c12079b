/* Entities by key and by what is due, of every type of column. */
#include "store_bed.h"
#include <criterion/criterion.h>
#include <stdio.h>

static struct engine_key key_of(int id)
{
    return (struct engine_key){SHOP_COUNTER, store_bed_uuid(1), store_bed_uuid(id)};
}

static struct shop_counter counter(int32_t lane, int64_t due_ms, int64_t total)
{
    struct shop_counter c = {
        .lane = lane,
        .due_ms = due_ms,
        .total = total,
        .exact_us = 1790239143123456,
        .ratio = 0.1,
        .flag = true,
        .day = BED_DAY,
        .ref = store_bed_uuid(77),
        .note = "h\xC3\xA9llo",
        .doc = "{\"a\": [1, null]}",
        .raw = {0, 1, 0, (char)255},
        .raw_len = 4,
    };
    return c;
}

static enum engine_answer put(struct store_bed *b, int id, int64_t version,
                              const struct shop_counter *c)
{
    struct engine_entity_write w = {
        .entity = {key_of(id), version, c, sizeof *c},
        .is_new = version == 1,
    };
    return store_bed_write(b, &(struct engine_save){.entities = &w, .entity_count = 1});
}

static void expect_counter(const struct engine_entity *e, const struct shop_counter *want)
{
    const struct shop_counter *c = e->bytes;
    cr_expect_eq(c->lane, want->lane);
    cr_expect_eq(c->due_ms, want->due_ms);
    cr_expect_eq(c->total, want->total);
    cr_expect_eq(c->exact_us, want->exact_us);
    cr_expect_float_eq(c->ratio, want->ratio, 0);
    cr_expect_eq(c->flag, want->flag);
    cr_expect_eq(c->day, want->day);
    cr_expect(mr_uuid_equal(&c->ref, &want->ref));
    cr_expect_str_eq(c->note, want->note);
    cr_expect_str_eq(c->doc, want->doc);
    cr_assert_eq(c->raw_len, want->raw_len);
    cr_expect_arr_eq(c->raw, want->raw, want->raw_len);
}

Test(store_load, given_a_column_of_each_type_then_an_entity_comes_back_as_it_was_saved)
{
    struct store_bed *b = store_bed_new("load_types");
    struct engine_key keys[] = {key_of(2), key_of(3), {SHOP_SHELF, keys[0].account, keys[0].id}};
    struct shop_counter c = counter(0, 1000, 7), other = counter(1, 0, 8);
    struct engine_load load = {.keys = keys, .key_count = 3};
    other.note[0] = other.doc[0] = 0; /* null */
    other.raw_len = 0;
    other.ratio = -1e300;
    other.flag = false;
    cr_assert_eq(put(b, 2, 1, &c), ENGINE_DONE, "%s", b->engine.detail);
    cr_assert_eq(put(b, 3, 1, &c), ENGINE_DONE);
    other.lane = 0; /* fixed: update leaves it */
    cr_assert_eq(put(b, 3, 2, &other), ENGINE_DONE, "%s", b->engine.detail);
    cr_assert_eq(store_bed_begin(b, &load), ENGINE_DONE);
    cr_assert_eq(b->engine.loaded.entity_count, 2);
    const struct engine_entity *e = b->engine.loaded.entities;
    bool first_is_2 = e[0].version == 1;
    cr_expect_eq(e[first_is_2].version, 2);
    expect_counter(&e[!first_is_2], &c);
    expect_counter(&e[first_is_2], &other);
    store_bed_free(b);
}

Test(store_load, given_a_column_that_the_image_lacks_then_the_store_makes_it)
{
    struct store_bed *b = store_bed_new("load_made");
    struct engine_entity_write w[300];
    for (int i = 0; i < 300; i++)
        w[i] = (struct engine_entity_write){
            .entity = {{SHOP_SHELF, store_bed_uuid(1), store_bed_uuid(i)}, 1, "", 0},
            .is_new = true};
    cr_assert_eq(store_bed_write(b, &(struct engine_save){.entities = w, .entity_count = 300}),
                 ENGINE_DONE, "%s", b->engine.detail);
    store_bed_expect(b, "SELECT count(DISTINCT label) FROM shop.shelf", "256");
    store_bed_free(b);
}

/* Entities 1.. of lane id % 2, due at id ms; those of 1 to 6. */
static void stock(struct store_bed *b)
{
    for (int id = 1; id <= 6; id++) {
        struct shop_counter c = counter(id % BED_LANES, id, 0);
        cr_assert_eq(put(b, id, 1, &c), ENGINE_DONE);
    }
}

Test(store_load, given_due_entities_then_each_lane_has_them_in_the_statements_order)
{
    struct store_bed *b = store_bed_new("load_due");
    struct engine_due due[] = {{1, SHOP_COUNTER, 3}, {0, SHOP_COUNTER, 6}};
    static const int want[] = {1, 3, 2, 4, 6};
    stock(b);
    cr_assert_eq(store_bed_begin(b, &(struct engine_load){.due = due, .due_count = 2}),
                 ENGINE_DONE);
    const struct engine_loaded *l = &b->engine.loaded;
    cr_assert_eq(l->due_count, 5);
    cr_assert_eq(l->entity_count, 5);
    for (int i = 0; i < 5; i++) {
        struct engine_key key = key_of(want[i]);
        cr_expect_eq(l->due[i].lane, want[i] % BED_LANES);
        cr_expect_eq(memcmp(&l->due[i].key, &key, sizeof key), 0, "%d", i);
        cr_expect_eq(((const struct shop_counter *)l->entities[i].bytes)->due_ms, want[i]);
    }
    store_bed_free(b);
}

Test(store_load, given_an_entity_that_is_named_and_due_then_it_is_there_once)
{
    struct store_bed *b = store_bed_new("load_named_due");
    struct engine_due due[] = {{0, SHOP_COUNTER, 4}};
    struct engine_key keys[] = {key_of(5), key_of(4)};
    stock(b);
    struct engine_load load = {.keys = keys, .key_count = 2, .due = due, .due_count = 1};
    cr_assert_eq(store_bed_begin(b, &load), ENGINE_DONE);
    cr_expect_eq(b->engine.loaded.due_count, 2);
    cr_assert_eq(b->engine.loaded.entity_count, 3, "2, 4 and 5");
    store_bed_free(b);
}

Test(store_load, given_nothing_due_then_the_load_is_answered_all_the_same)
{
    struct store_bed *b = store_bed_new("load_not_due");
    struct engine_due due[] = {{0, SHOP_COUNTER, 1}};
    cr_assert_eq(store_bed_begin(b, NULL), ENGINE_DONE);
    cr_assert_eq(store_bed_load(b, &(struct engine_load){.due = due, .due_count = 1}), ENGINE_DONE);
    cr_expect_eq(b->engine.loaded.due_count, 0);
    cr_assert_eq(store_bed_load(b, &(struct engine_load){0}), ENGINE_DONE);
    store_bed_free(b);
}

Test(store_load, given_a_row_that_this_program_cannot_know_then_the_batch_is_tried_again)
{
    struct store_bed *b = store_bed_new("load_unknown");
    struct shop_counter c = counter(0, 2, 666);
    struct engine_due due[] = {{0, SHOP_COUNTER, 9}};
    struct engine_key key = key_of(2);
    cr_assert_eq(put(b, 2, 1, &c), ENGINE_DONE);
    cr_expect_eq(store_bed_begin(b, &(struct engine_load){.keys = &key, .key_count = 1}),
                 ENGINE_TRANSIENT);
    b->port.roll_back(b->port.ctx);
    cr_expect_eq(store_bed_begin(b, &(struct engine_load){.due = due, .due_count = 1}),
                 ENGINE_TRANSIENT);
    b->port.roll_back(b->port.ctx);
    cr_expect_eq(store_bed_write(b, &(struct engine_save){0}), ENGINE_DONE);
    store_bed_free(b);
}
