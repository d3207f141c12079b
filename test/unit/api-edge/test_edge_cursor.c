#include "edge_cursor.h"

#include <criterion/criterion.h>
#include <sodium.h>

static struct mr_arena arena;

static void setup(void)
{
    mr_arena_init(&arena, 1 << 20);
}
static void teardown(void)
{
    mr_arena_free(&arena);
}
TestSuite(edge_cursor, .init = setup, .fini = teardown);

static struct edge_cursor cursor_of(const char *value)
{
    struct edge_cursor cursor = {.value = mr_slice_text(value)};
    for (size_t i = 0; i < sizeof cursor.id.bytes; i++)
        cursor.id.bytes[i] = (uint8_t)(i * 17);
    return cursor;
}

static uint32_t list_of(const char *status)
{
    struct mr_slice parts[] = {mr_slice_text("billing.invoice"), mr_slice_text(status)};
    return edge_cursor_list(parts, 2);
}

Test(edge_cursor, given_a_cursor_then_it_reads_as_it_was_written)
{
    const char *values[] = {"2026-11-25 08:39:03.123456+00", "", "Zo\xc3\xab"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct edge_cursor was = cursor_of(values[i]), got;
        const char *text = edge_cursor_write(&was, list_of("open"), &arena);
        cr_assert(text);
        cr_assert_eq(
            strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"),
            strlen(text));
        cr_assert_eq(edge_cursor_read(mr_slice_text(text), list_of("open"), &arena, &got), MR_OK);
        cr_assert(mr_uuid_equal(&got.id, &was.id));
        cr_assert(mr_slice_equal(got.value, was.value));
    }
}

Test(edge_cursor, given_the_longest_value_then_its_cursor_can_be_read_and_a_longer_is_not_written)
{
    char value[EDGE_CURSOR_VALUE_MAX + 2];
    struct edge_cursor got;
    memset(value, 'x', sizeof value);
    value[EDGE_CURSOR_VALUE_MAX] = '\0';
    struct edge_cursor longest = cursor_of(value);
    const char *text = edge_cursor_write(&longest, 1, &arena);
    cr_assert(text);
    cr_assert_eq(edge_cursor_read(mr_slice_text(text), 1, &arena, &got), MR_OK);
    cr_assert_eq(got.value.len, EDGE_CURSOR_VALUE_MAX);
    longest.value.len++;
    cr_assert_null(edge_cursor_write(&longest, 1, &arena));
}

Test(edge_cursor, given_another_list_then_its_cursor_is_refused)
{
    struct edge_cursor was = cursor_of("v"), got;
    const char *text = edge_cursor_write(&was, list_of("open"), &arena);
    cr_assert_eq(edge_cursor_read(mr_slice_text(text), list_of("paid"), &arena, &got), MR_INVALID);
    cr_assert_neq(list_of("open"), list_of(NULL));
}

Test(edge_cursor, given_forged_texts_then_each_is_refused)
{
    struct edge_cursor was = cursor_of("v"), got;
    char *text = (char *)(uintptr_t)edge_cursor_write(&was, 7, &arena);
    size_t len = strlen(text);
    char long_text[EDGE_CURSOR_TEXT_MAX + 1];
    memset(long_text, 'A', sizeof long_text);
    cr_assert_eq(edge_cursor_read(mr_slice_text(""), 7, &arena, &got), MR_INVALID);
    cr_assert_eq(edge_cursor_read(mr_slice_text("?"), 7, &arena, &got), MR_INVALID);
    cr_assert_eq(edge_cursor_read(mr_slice_text("AAAA"), 7, &arena, &got), MR_INVALID);
    cr_assert_eq(edge_cursor_read(mr_slice(long_text, sizeof long_text), 7, &arena, &got),
                 MR_INVALID);
    cr_assert_eq(edge_cursor_read(mr_slice(text, 20), 7, &arena, &got), MR_INVALID);
    cr_assert_eq(edge_cursor_read(mr_slice_text("AQAAAAB="), 7, &arena, &got), MR_INVALID);
    for (size_t i = 0; i < 6; i++) { /* version and list */
        char forged[64];
        memcpy(forged, text, len);
        forged[i] = forged[i] == 'B' ? 'C' : 'B';
        cr_expect_eq(edge_cursor_read(mr_slice(forged, len), 7, &arena, &got), MR_INVALID,
                     "character %zu", i);
    }
}
