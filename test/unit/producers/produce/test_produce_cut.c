#include "produce_cut.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* All pieces, given `step` bytes at a time, as "text@offset-end:line/end_line;". */
static const char *cut_all(enum produce_format format, const char *text, size_t step,
                           uint64_t offset, uint64_t line)
{
    static char out[1024];
    struct produce_cut *cut = produce_cut_new(format, 40);
    struct produce_piece p;
    size_t len = 0;
    out[0] = '\0';
    produce_cut_begin(cut, offset, line);
    for (size_t at = 0; at < strlen(text) || at == 0; at += step) {
        size_t n = strlen(text) - at < step ? strlen(text) - at : step;
        struct mr_slice in = mr_slice(text + at, n);
        while (produce_cut_next(cut, &in, &p))
            len += (size_t)snprintf(out + len, sizeof out - len, "%.*s@%d-%d:%d/%d;",
                                    MR_SLICE_FMT(p.text), (int)p.offset, (int)p.end, (int)p.line,
                                    (int)p.end_line);
    }
    while (produce_cut_end(cut, &p))
        len +=
            (size_t)snprintf(out + len, sizeof out - len, "%.*s@%d-%d:%d/%d;", MR_SLICE_FMT(p.text),
                             (int)p.offset, (int)p.end, (int)p.line, (int)p.end_line);
    produce_cut_free(cut);
    return out;
}

Test(produce_cut, given_lines_cut_anywhere_then_the_same_places)
{
    for (size_t step = 1; step < 12; step++)
        cr_assert_str_eq(cut_all(PRODUCE_COMBINED, "one\n\ntwo\r\nlast", step, 0, 1),
                         "one@0-4:1/2;two@5-10:3/4;last@10-14:4/5;");
}

Test(produce_cut, given_a_beginning_in_the_middle_then_places_go_on)
{
    cr_assert_str_eq(cut_all(PRODUCE_COMBINED, "a\nb\n", 4, 100, 7),
                     "a@100-102:7/8;b@102-104:8/9;");
    cr_assert_str_eq(cut_all(PRODUCE_NDJSON, "\n{\"a\":1}\n{\"b\":\n 2}\n", 3, 50, 3),
                     "{\"a\":1}@51-58:4/4;{\"b\":\n 2}@59-68:5/6;");
}

Test(produce_cut, given_an_item_that_is_none_then_why_and_where_it_begins)
{
    struct produce_cut *cut = produce_cut_new(PRODUCE_NDJSON, 40);
    struct produce_piece p;
    struct mr_slice in = mr_slice_text("{} {}\n{}\n");
    produce_cut_begin(cut, 10, 1);
    cr_assert(produce_cut_next(cut, &in, &p));
    cr_assert_null(p.text.data);
    cr_assert_not_null(p.why);
    cr_assert_eq(p.offset, 10);
    cr_assert(produce_cut_next(cut, &in, &p));
    cr_assert_eq(p.offset, 16);
    produce_cut_free(cut);
}

Test(produce_cut, given_a_line_longer_than_the_bound_then_refused_and_the_next_is_read)
{
    struct produce_cut *cut = produce_cut_new(PRODUCE_COMBINED, 40);
    struct produce_piece p;
    struct mr_slice in = mr_slice_text("0123456789012345678901234567890123456789012345\nnext\n");
    cr_assert(produce_cut_next(cut, &in, &p));
    cr_assert_null(p.text.data);
    cr_assert_not_null(strstr(p.why, "40 bytes"));
    cr_assert(produce_cut_next(cut, &in, &p));
    cr_assert(mr_slice_is(p.text, "next"));
    produce_cut_free(cut);
}
