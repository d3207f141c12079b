#include "log_dump.h"
#include "mr_ndjson.h"
#include "mr_prng.h"

#include <criterion/criterion.h>

/* Items are bounded by 64 bytes. want: as log_dump_ndjson says it. */
static const struct {
    const char *name, *body, *want;
} rows[] = {
    {"nothing", "", "0 bytes\n"},
    {"blanks alone", " \r\n\t\n", "5 bytes\n"},
    {"a byte order mark alone", "\xEF\xBB\xBF", "3 bytes\n"},
    {"part of a byte order mark", "\xEF\xBB", "0 line 1 at 0 \xEF\xBB\n2 bytes\n"},
    {"a broken byte order mark", "\xEF\xBB{\n", "0 line 1 at 0 \xEF\xBB{\n4 bytes\n"},
    {"one object", "{\"a\":1}", "0 line 1 at 0 {\"a\":1}\n7 bytes\n"},
    {"lines", "{\"a\":1}\n{\"b\":2}\r\n\n  {\"c\":3}\n",
     "0 line 1 at 0 {\"a\":1}\n1 line 2 at 8 {\"b\":2}\n2 line 4 at 20 {\"c\":3}\n28 bytes\n"},
    {"after a byte order mark", "\xEF\xBB\xBF{\"a\":1}\n{}\n",
     "0 line 1 at 3 {\"a\":1}\n1 line 2 at 11 {}\n14 bytes\n"},
    {"an object over lines",
     "{\n"
     "  \"a\": {\n"
     "    \"b\": [\n"
     "      1\n"
     "    ]\n"
     "  }\n"
     "}\n",
     "0 line 1 at 0 {\n"
     "  \"a\": {\n"
     "    \"b\": [\n"
     "      1\n"
     "    ]\n"
     "  }\n"
     "}\n"
     "42 bytes\n"},
    {"brackets and escapes in strings", "{\"}\":\"\\\"{[\\\\\"}\n{\"\\u007d\":1}",
     "0 line 1 at 0 {\"}\":\"\\\"{[\\\\\"}\n1 line 2 at 15 {\"\\u007d\":1}\n27 bytes\n"},
    {"two objects over lines", "{\n \"a\":1\n}\n{\n \"b\":2\n}",
     "0 line 1 at 0 {\n \"a\":1\n}\n1 line 4 at 11 {\n \"b\":2\n}\n21 bytes\n"},
    {"a line that is not closed", "{\"a\":\n{\"b\":1}\n",
     "0 line 1 at 0 invalid: The object that begins on line 1 is not closed before a line that "
     "begins another.\n1 line 2 at 6 {\"b\":1}\n14 bytes\n"},
    {"two lines that are not closed", "{\n{\n{}\n",
     "0 line 1 at 0 invalid: The object that begins on line 1 is not closed before a line that "
     "begins another.\n1 line 2 at 2 invalid: The object that begins on line 2 is not closed "
     "before a line that begins another.\n2 line 3 at 4 {}\n7 bytes\n"},
    {"a last line that is not closed",
     "{}\n{\"a\":", "0 line 1 at 0 {}\n1 line 2 at 3 {\"a\":\n8 bytes\n"},
    {"an object over lines that is not closed", "{\n\"a\":1\n",
     "0 line 1 at 0 invalid: The object that begins on line 1 is not closed at the end of the "
     "body.\n8 bytes\n"},
    {"a string that is not closed", "{\"a\":\"x\n{\"b\":1}\n",
     "0 line 1 at 0 {\"a\":\"x\n1 line 2 at 8 {\"b\":1}\n16 bytes\n"},
    {"an escaped line end in a string", "{\"a\":\"x\\\n{\"b\":1}\n",
     "0 line 1 at 0 {\"a\":\"x\\\n1 line 2 at 9 {\"b\":1}\n17 bytes\n"},
    {"a string that is not closed on a later line",
     "{\n"
     "\"a\":\"x\n"
     "\"b\":1}\n"
     "{\"c\":1}\n",
     "0 line 1 at 0 invalid: The object that begins on line 1 has a line end inside a string.\n"
     "1 line 4 at 16 {\"c\":1}\n"
     "24 bytes\n"},
    {"two objects on a line", "{\"a\":1} {\"b\":2}\n{}\n",
     "0 line 1 at 0 invalid: The object that begins on line 1 has something behind it on its last "
     "line.\n1 line 2 at 16 {}\n19 bytes\n"},
    {"a comma behind an object", "{\"a\":1},\n{}",
     "0 line 1 at 0 invalid: The object that begins on line 1 has something behind it on its last "
     "line.\n1 line 2 at 9 {}\n11 bytes\n"},
    {"lines that are no objects", "nonsense\n 5 \n\"x\"\n{}\n[1]\n}",
     "0 line 1 at 0 nonsense\n1 line 2 at 10 5\n2 line 3 at 13 \"x\"\n3 line 4 at 17 {}\n"
     "4 line 5 at 20 [1]\n5 line 6 at 24 }\n25 bytes\n"},
    {"brackets that do not match", "{\"a\":]\n{}\n",
     "0 line 1 at 0 {\"a\":]\n1 line 2 at 7 {}\n10 bytes\n"},
    {"an object at the bound and one past it",
     "{\"a\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}\n"
     "{\"a\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}\n{}\n",
     "0 line 1 at 0 {\"a\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}\n"
     "1 line 2 at 65 limit: The item that begins on line 2 is longer than 64 bytes.\n"
     "2 line 3 at 131 {}\n134 bytes\n"},
    {"an object past the bound over lines",
     "{\n"
     " \"a\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\",\n"
     " \"b\":\"}\"\n"
     "}\n"
     "{}\n",
     "0 line 1 at 0 limit: The item that begins on line 1 is longer than 64 bytes.\n"
     "1 line 5 at 74 {}\n"
     "77 bytes\n"},
    {"an object past the bound that is broken too",
     "{\"a\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n{}\n",
     "0 line 1 at 0 limit: The item that begins on line 1 is longer than 64 bytes.\n"
     "1 line 2 at 75 {}\n78 bytes\n"},
    {"a line past the bound",
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n{}\n",
     "0 line 1 at 0 limit: The item that begins on line 1 is longer than 64 bytes.\n"
     "1 line 2 at 75 {}\n78 bytes\n"},
    {"an array", " [{\"a\":1}, {\"b\":2},\n 3,\"x,]\",null,[4,[5]],true ]\n",
     "0 line 1 at 2 {\"a\":1}\n1 line 1 at 11 {\"b\":2}\n2 line 2 at 21 3\n3 line 2 at 23 \"x,]\"\n"
     "4 line 2 at 29 null\n5 line 2 at 34 [4,[5]]\n6 line 2 at 42 true\n49 bytes\n"},
    {"an empty array", "[ ]", "3 bytes\n"},
    {"an array's element over lines",
     "[\n"
     "{\n"
     "\"a\":\n"
     "{\n"
     "}\n"
     "}\n"
     "]",
     "0 line 2 at 2 {\n"
     "\"a\":\n"
     "{\n"
     "}\n"
     "}\n"
     "16 bytes\n"},
    {"an array with a line end inside a string", "[{\"a\":\"x\ny\"},{}]",
     "0 line 1 at 1 {\"a\":\"x\ny\"}\n1 line 2 at 13 {}\n16 bytes\n"},
    {"an array without a comma", "[{} {}]\n{}",
     "0 line 1 at 1 {}\n1 line 1 at 4 invalid, last: The array is broken on line 1: a comma or its "
     "end was expected.\n10 bytes\n"},
    {"an array with two commas", "[1,,2]",
     "0 line 1 at 1 1\n1 line 1 at 3 invalid, last: The array is broken on line 1: a value was "
     "expected.\n6 bytes\n"},
    {"an array with a last comma", "[1,\n]",
     "0 line 1 at 1 1\n1 line 2 at 4 invalid, last: The array is broken on line 2: a value was "
     "expected.\n5 bytes\n"},
    {"an array that does not end", "[{},",
     "0 line 1 at 1 {}\n1 line 1 at 4 invalid, last: The array is broken on line 1: it is not "
     "closed at the end of the body.\n4 bytes\n"},
    {"an array's element that does not end", "[{},\n{\"a\"",
     "0 line 1 at 1 {}\n1 line 2 at 9 invalid, last: The array is broken on line 2: it is not "
     "closed at the end of the body.\n9 bytes\n"},
    {"something behind an array", "[1]\n{}",
     "0 line 1 at 1 1\n1 line 2 at 4 invalid, last: The array is broken on line 2: something "
     "follows its end.\n6 bytes\n"},
    {"a word in an array that is none", "[nul{}]",
     "0 line 1 at 1 nul\n1 line 1 at 4 invalid, last: The array is broken on line 1: a comma or "
     "its "
     "end was expected.\n7 bytes\n"},
    {"an array's element past the bound",
     "[{\"a\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"},{}]",
     "0 line 1 at 1 limit: The item that begins on line 1 is longer than 64 bytes.\n"
     "1 line 1 at 77 {}\n80 bytes\n"},
};
#define ROWS (sizeof rows / sizeof *rows)

static void check(size_t row, struct log_cut cut)
{
    struct mr_buf got;
    mr_buf_init(&got, 0);
    log_dump_ndjson(mr_slice_text(rows[row].body), cut, &got);
    cr_assert(mr_slice_is(mr_buf_all(&got), rows[row].want),
              "%s, first %zu, then %zu a piece:\n%.*sbut wanted\n%s", rows[row].name, cut.first,
              cut.step, MR_SLICE_FMT(mr_buf_all(&got)), rows[row].want);
    mr_buf_free(&got);
}

Test(ndjson, given_a_body_whole_then_says_its_items)
{
    for (size_t i = 0; i < ROWS; i++)
        check(i, (struct log_cut){strlen(rows[i].body), 1});
}

Test(ndjson, given_a_body_cut_anywhere_then_says_the_same_items)
{
    struct mr_prng prng;
    mr_prng_seed(&prng, 11);
    for (size_t i = 0; i < ROWS; i++) {
        size_t len = strlen(rows[i].body);
        for (size_t first = 0; first <= len; first++)
            check(i, (struct log_cut){first, len + 1});
        for (size_t step = 1; step < 8; step++)
            check(i, (struct log_cut){step, step});
        for (int n = 0; n < 40; n++)
            check(i, (struct log_cut){mr_prng_below(&prng, (uint32_t)len + 1),
                                      1 + mr_prng_below(&prng, (uint32_t)len + 1)});
    }
}

Test(ndjson, given_a_reset_in_the_middle_then_a_new_body_begins)
{
    struct mr_ndjson *n = mr_ndjson_new(100);
    struct mr_ndjson_item item;
    struct mr_slice in = mr_slice_text("[1,{\"a\":\"");
    cr_assert_eq(mr_ndjson_next(n, &in, &item), MR_NDJSON_ITEM);
    cr_assert_eq(mr_ndjson_next(n, &in, &item), MR_NDJSON_MORE);
    mr_ndjson_reset(n);
    in = mr_slice_text("{\"b\":1}\n");
    cr_assert_eq(mr_ndjson_next(n, &in, &item), MR_NDJSON_ITEM);
    cr_assert(mr_slice_is(item.text, "{\"b\":1}"));
    cr_assert_eq(item.index, 0);
    cr_assert_eq(item.line, 1);
    mr_ndjson_free(n);
}

Test(ndjson, given_an_item_within_a_piece_then_it_is_not_copied)
{
    struct mr_ndjson *n = mr_ndjson_new(100);
    struct mr_ndjson_item item;
    const char body[] = "{\"a\":1}\n";
    struct mr_slice in = mr_slice_text(body);
    cr_assert_eq(mr_ndjson_next(n, &in, &item), MR_NDJSON_ITEM);
    cr_assert_eq(item.text.data, body);
    mr_ndjson_free(n);
}
