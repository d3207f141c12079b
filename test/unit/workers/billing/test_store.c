/* What the rules decide, in a real Postgres: saved, loaded again, and refused where it cannot be.
 */
#include "billing_db.h"
#include "billing_store.h"
#include "story.h"
#include <criterion/criterion.h>

TestSuite(store);

/* Everything that the story's open batch did, as a worker saves it. */
static void save_story(struct billing_db *db, struct story *s)
{
    struct engine_save save = {0};
    save.entities = engine_sheet_writes(s->sheet, &save.entity_count);
    save.rows = engine_sheet_rows(s->sheet, &save.row_count);
    billing_db_save(db, &save);
}

static void expect_same(struct billing_db *db, struct story *s, enum billing_kind kind,
                        const struct mr_uuid *id)
{
    const struct engine_entity *want = story_entity(s, kind, id);
    cr_assert(want);
    struct engine_entity got = billing_db_load(db, &want->key);
    cr_assert_eq(got.version, want->version);
    cr_assert_eq(got.bytes_len, want->bytes_len);
    cr_assert_eq(memcmp(got.bytes, want->bytes, want->bytes_len), 0);
}

/* The story's account is the database's own for this test. */
static struct story story_in(struct billing_db *db)
{
    billing_db_open(db);
    struct story s = story_begin(NULL, 0);
    s.account = billing_db_account();
    return s;
}

static void end(struct billing_db *db, struct story *s)
{
    billing_db_close(db);
    story_end(s);
}

static void done(struct story *s, struct story_step step)
{
    story_do(s, step);
    cr_assert_eq(s->verdict, ENGINE_DECIDED_APPLIED);
}

Test(store, given_an_invoice_at_each_stage_then_what_is_loaded_is_what_was_saved)
{
    struct billing_db db;
    struct story s = story_in(&db);
    done(&s, invoice_created("EUR", 1250));
    save_story(&db, &s);
    expect_same(&db, &s, BILLING_INVOICE, &s.invoice);
    story_save(&s);
    done(&s, invoice_finalized());
    save_story(&db, &s);
    expect_same(&db, &s, BILLING_INVOICE, &s.invoice);
    expect_same(&db, &s, BILLING_SERIES, &s.account);
    story_save(&s);
    done(&s, payment_recorded(1250));
    save_story(&db, &s);
    expect_same(&db, &s, BILLING_INVOICE, &s.invoice);
    expect_same(&db, &s, BILLING_PAYMENT, &s.id);
    cr_assert_eq(story_invoice(&s)->status, INVOICE_PAID);
    end(&db, &s);
}

Test(store, given_two_invoices_then_the_series_is_inserted_once_and_then_updated)
{
    struct billing_db db;
    struct story s = story_in(&db);
    for (int i = 0; i < 2; i++) {
        done(&s, invoice_created("EUR", 1250));
        done(&s, invoice_finalized());
        save_story(&db, &s);
        expect_same(&db, &s, BILLING_SERIES, &s.account);
        story_save(&s);
    }
    cr_assert_str_eq(billing_db_text(&db,
                                     "SELECT next_number || ' v' || version FROM billing.series"
                                     " WHERE account_id = $1",
                                     &s.account),
                     "3 v2");
    end(&db, &s);
}

Test(store, given_many_at_once_then_each_table_takes_them_in_one_statement)
{
    struct billing_db db;
    struct story s = story_in(&db);
    for (int i = 0; i < 40; i++) {
        done(&s, invoice_created_of("EUR", story_lines(3, 1, 100), i));
        done(&s, invoice_finalized());
        done(&s, payment_recorded(100));
    }
    save_story(&db, &s);
    cr_assert_str_eq(billing_db_text(&db,
                                     "SELECT count(*) || ' ' || sum(paid_minor) || ' ' ||"
                                     " max(number) FROM billing.invoice WHERE account_id = $1",
                                     &s.account),
                     "40 4000 40");
    cr_assert_str_eq(billing_db_text(&db,
                                     "SELECT string_agg(ledger_account || ' ' || sum, ', ') FROM"
                                     " (SELECT ledger_account, sum(amount_minor)"
                                     " FROM billing.journal WHERE account_id = $1"
                                     " GROUP BY 1 ORDER BY 1) AS balance",
                                     &s.account),
                     "cash 4000, receivable 8000, revenue -12000");
    end(&db, &s);
}

Test(store, given_500_lines_and_hostile_texts_then_not_a_byte_changes)
{
    static const char text[] = "{\"a\", NULL} \\ ' \" \n\t$1 \xc3\xa9 \xf0\x9f\x98\x80";
    struct billing_db db;
    struct story s = story_in(&db);
    struct story_step step = invoice_created_of("EUR", story_lines(500, 3, 333), 365);
    json_object_set_new(json_array_get(json_object_get(step.body, "lines"), 499), "description",
                        json_string(text));
    done(&s, story_with_text(step, "customer", text));
    done(&s, invoice_finalized());
    done(&s, story_with_text(payment_recorded(1), "reference", text));
    save_story(&db, &s);
    expect_same(&db, &s, BILLING_INVOICE, &s.invoice);
    expect_same(&db, &s, BILLING_PAYMENT, &s.id);
    end(&db, &s);
}

Test(store, given_no_reference_and_one_then_they_are_told_apart)
{
    struct billing_db db;
    struct story s = story_in(&db);
    done(&s, invoice_created("EUR", 1250));
    done(&s, invoice_finalized());
    done(&s, payment_recorded(1));
    const struct mr_uuid without = s.id;
    done(&s, story_with_text(payment_recorded(1), "reference", "r"));
    save_story(&db, &s);
    expect_same(&db, &s, BILLING_PAYMENT, &without);
    expect_same(&db, &s, BILLING_PAYMENT, &s.id);
    end(&db, &s);
}

Test(store, given_another_account_then_it_has_no_such_entity)
{
    struct billing_db db;
    struct story s = story_in(&db);
    done(&s, invoice_created("EUR", 1250));
    save_story(&db, &s);
    struct engine_key key = story_entity(&s, BILLING_INVOICE, &s.invoice)->key;
    key.account = billing_db_account();
    cr_assert_null(billing_db_load(&db, &key).bytes);
    end(&db, &s);
}

/* Runs the first statement of the story's open batch, which is about its invoice. */
static struct mr_pg_result *run_first(struct billing_db *db, struct story *s)
{
    struct engine_save save = {0};
    struct store_call calls[STORE_CALLS_MAX];
    save.entities = engine_sheet_writes(s->sheet, &save.entity_count);
    cr_assert_gt(store_calls_save(&billing_store, &save, &db->arena, calls), 0);
    return billing_db_run(db, &calls[0].stmt, &calls[0].params);
}

static int64_t updated(struct billing_db *db, struct story *s)
{
    struct mr_pg_result *result = run_first(db, s);
    cr_assert_str_eq(mr_pg_result_error(result).sqlstate, "");
    int64_t affected = mr_pg_result_affected(result);
    mr_pg_result_free(result);
    return affected;
}

Test(store, given_another_writer_came_first_then_the_update_affects_nothing)
{
    struct billing_db db;
    struct story s = story_in(&db);
    done(&s, invoice_created("EUR", 1250));
    save_story(&db, &s);
    story_save(&s);
    done(&s, invoice_finalized());
    cr_assert_eq(updated(&db, &s), 1);
    cr_assert_eq(updated(&db, &s), 0, "its version is the new one by now");
    end(&db, &s);
}

Test(store, given_a_batch_changes_an_entity_twice_then_one_update_takes_both)
{
    struct billing_db db;
    struct story s = story_in(&db);
    done(&s, invoice_created("EUR", 1250));
    save_story(&db, &s);
    story_save(&s);
    done(&s, invoice_finalized());
    done(&s, payment_recorded(1250));
    cr_assert_eq(updated(&db, &s), 1, "its version grew by two");
    end(&db, &s);
}

Test(store, given_an_entity_that_exists_then_its_insert_is_refused)
{
    struct billing_db db;
    struct story s = story_in(&db);
    done(&s, invoice_created("EUR", 1250));
    save_story(&db, &s);
    struct mr_pg_result *result = run_first(&db, &s);
    cr_assert_eq(mr_pg_result_error(result).class, MR_PG_ROW);
    cr_assert_str_eq(mr_pg_result_error(result).constraint, "invoice_pkey");
    mr_pg_result_free(result);
    end(&db, &s);
}

Test(store, given_no_memory_for_an_image_then_limit)
{
    struct story s = story_of(invoice_created_of("EUR", story_lines(500, 1, 1), -1));
    struct engine_entity entity = *story_entity(&s, BILLING_INVOICE, &s.invoice);
    struct domain_store_value values[DOMAIN_STORE_COLUMNS_MAX] = {0};
    struct mr_arena small;
    struct mr_error why;
    mr_arena_init(&small, 4096);
    billing_store.kinds[BILLING_INVOICE]->write(&entity, values);
    cr_assert_eq(billing_store.kinds[BILLING_INVOICE]->read(values, &small, &entity, &why),
                 MR_LIMIT);
    mr_arena_free(&small);
    story_end(&s);
}

Test(store, given_a_row_that_a_later_release_wrote_then_it_is_named_and_not_guessed)
{
    const struct domain_store_kind *kind = billing_store.kinds[BILLING_INVOICE];
    const struct billing_invoice *invoice;
    struct domain_store_value values[DOMAIN_STORE_COLUMNS_MAX] = {0};
    struct story s = story_of(invoice_created("EUR", 1250));
    struct engine_entity entity = *story_entity(&s, BILLING_INVOICE, &s.invoice);
    struct mr_error why;
    invoice = entity.bytes;
    kind->write(&entity, values);
    cr_assert_eq(kind->read(values, &s.arena, &entity, &why), MR_OK);
    cr_assert_eq(memcmp(entity.bytes, invoice, entity.bytes_len), 0);
    values[0].bytes = mr_slice_text("disputed");
    cr_assert_eq(kind->read(values, &s.arena, &entity, &why), MR_INVALID);
    cr_assert(strstr(why.text, "disputed"));
    story_end(&s);
}
