/* Facts: taken from a topic of commands, by the worker's checks, each id once. */
#include "loader_bed.h"

#include <criterion/criterion.h>

static const char line[] = "{'body': 'it burns', 'severity_number': 17, 'service': 'oven'}";
static const char counts[] = "SELECT concat_ws('|', sum(consumed), sum(loaded), sum(repeated), "
                             "sum(ahead), sum(skipped), sum(bad)) FROM load_count";

static void put(struct bed_owner *o, int64_t offset, int n, int32_t days_later)
{
    bed_put_fact(o, &(struct loader_fact_record){.id = loader_fact_id(1, n),
                                                 .json = line,
                                                 .lane = 1,
                                                 .offset = offset,
                                                 .days_later = days_later});
}

Test(loader_facts, given_facts_then_their_rows_have_the_offset_as_sequence)
{
    struct bed *b = bed_new("facts");
    struct bed_owner *o = bed_fact_owner(b);
    bed_give(o, 1);
    put(o, 4, 0, 0); /* the topic begins later than at 0: no sequence is missing */
    put(o, 9, 1, 0);
    bed_until_loaded(o, 1, 10);
    bed_expect(b,
               "SELECT string_agg(concat_ws('|', sequence, \"row\", event_type, body, service, "
               "severity_number), ' ' ORDER BY sequence) FROM logs",
               "4|0|logging.line|it burns|oven|17 9|0|logging.line|it burns|oven|17");
    bed_expect(b, counts, "2|2|0|0|0|0");
    bed_free(b);
}

Test(loader_facts, given_the_same_id_in_one_flush_and_in_later_ones_then_it_is_loaded_once)
{
    struct bed *b = bed_new("facts_again");
    struct bed_owner *o = bed_fact_owner(b);
    bed_give(o, 1);
    put(o, 0, 0, 0);
    put(o, 1, 0, 0);
    put(o, 2, 1, 0);
    bed_until_loaded(o, 1, 3);
    bed_expect(b, counts, "3|2|1|0|0|0");
    put(o, 3, 0, 1);
    put(o, 4, 1, 2);
    bed_until_loaded(o, 1, 5);
    bed_expect(b, counts, "5|2|3|0|0|0");
    bed_expect(b, "SELECT string_agg(sequence::text, ',' ORDER BY sequence) FROM logs", "0,2");
    bed_free(b);
}

Test(loader_facts, given_an_id_of_three_days_ago_then_it_is_a_fact_of_its_own)
{
    struct bed *b = bed_new("facts_old");
    struct bed_owner *o = bed_fact_owner(b);
    bed_give(o, 1);
    put(o, 0, 0, 0);
    bed_until_loaded(o, 1, 1);
    put(o, 1, 0, 3);
    bed_until_loaded(o, 1, 2);
    bed_expect(b, counts, "2|2|0|0|0|0");
    bed_free(b);
}

Test(loader_facts, given_a_backlog_of_days_in_one_flush_then_what_the_worker_stored_twice_is_too)
{
    struct bed *b = bed_new("facts_backlog");
    struct bed_owner *o = bed_fact_owner(b);
    bed_give(o, 1);
    put(o, 0, 0, 0);
    put(o, 1, 0, 2);
    put(o, 2, 0, 3);
    put(o, 3, 0, 5);
    bed_until_loaded(o, 1, 4);
    bed_expect(b, counts, "4|2|2|0|0|0");
    bed_expect(b, "SELECT string_agg(sequence::text, ',' ORDER BY sequence) FROM logs", "0,2");
    bed_free(b);
}

Test(loader_facts, given_what_the_worker_quarantines_then_it_is_skipped)
{
    struct bed *b = bed_new("facts_skipped");
    struct bed_owner *o = bed_fact_owner(b);
    bed_give(o, 1);
    struct loader_fact_record fact = {.id = loader_fact_id(1, 0), .lane = 1};
    bed_put_fact(o, &fact); /* no value */
    fact.offset++;
    fact.json = "{'severity_number': 'loud'}";
    bed_put_fact(o, &fact);
    fact.offset++;
    fact.json = "{'body': ";
    bed_put_fact(o, &fact);
    fact.offset++;
    fact.json = line;
    fact.key = loader_fact_id(1, 1);
    bed_put_fact(o, &fact); /* not its key */
    fact.offset++;
    fact.key = NULL;
    fact.id = loader_fact_id(2, 0); /* another lane's */
    bed_put_fact(o, &fact);
    bed_until_loaded(o, 1, 5);
    bed_expect(b, counts, "5|0|0|0|5|0");
    bed_free(b);
}

Test(loader_facts, given_a_type_that_is_not_known_then_it_waits_in_bad_rows)
{
    struct bed *b = bed_new("facts_unknown");
    struct bed_owner *o = bed_fact_owner(b);
    bed_give(o, 1);
    bed_put_fact(o,
                 &(struct loader_fact_record){
                     .id = loader_fact_id(1, 0), .json = line, .lane = 1, .type = "logging.smell"});
    put(o, 1, 1, 0);
    bed_until_loaded(o, 1, 2);
    bed_expect(b, "SELECT concat_ws('|', topic, lane, position, cause) FROM bad_rows",
               "logging.commands|1|0|the type logging.smell is not known");
    bed_expect(b, "SELECT count(*) FROM logs", "1");
    bed_free(b);
}

Test(loader_facts, given_a_body_beyond_its_column_then_it_is_cut_and_says_its_length)
{
    struct bed *b = bed_new("facts_cut");
    struct bed_owner *o = bed_fact_owner(b);
    struct mr_buf json;
    mr_buf_init(&json, 0);
    mr_buf_text(&json, "{'body': '");
    for (int i = 0; i < 20000; i++)
        mr_buf_text(&json, "\xf0\x9f\x9a\x80");
    mr_buf_text(&json, "'}");
    mr_buf_char(&json, 0);
    bed_give(o, 1);
    bed_put_fact(
        o, &(struct loader_fact_record){.id = loader_fact_id(1, 0), .json = json.data, .lane = 1});
    bed_until_loaded(o, 1, 1);
    bed_expect(b, "SELECT concat_ws('|', octet_length(body), length(body), body_bytes) FROM logs",
               "65532|16383|80000");
    mr_buf_free(&json);
    bed_free(b);
}
