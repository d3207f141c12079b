#include "produce_state.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/test-state-XXXXXX";
static char path[64];

static void open_folder(void)
{
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/state", folder);
}

static void close_folder(void)
{
    unlink(path);
    cr_assert_eq(rmdir(folder), 0, "nothing else is left in the folder");
}

static void put_file(const char *text)
{
    FILE *f = fopen(path, "w");
    fputs(text, f);
    fclose(f);
}

static struct produce_state *open_state(void)
{
    struct produce_state *state;
    struct mr_error why;
    cr_assert_eq(produce_state_open(path, &state, &why), MR_OK, "%s", why.text);
    return state;
}

static void save(struct produce_state *state)
{
    struct mr_error why;
    char *text = produce_state_snapshot(state);
    cr_assert_eq(produce_state_write(state, text, &why), MR_OK, "%s", why.text);
    free(text);
}

static struct produce_mark mark(const char *key, uint64_t offset)
{
    return (struct produce_mark){.key = key,
                                 .path = "/var/log/\"a\".log",
                                 .device = 1,
                                 .inode = 2,
                                 .offset = offset,
                                 .line = 3};
}

Test(produce_state, given_notes_then_the_next_run_reads_them)
{
    open_folder();
    struct produce_state *state = open_state();
    cr_assert_not(produce_state_is_dirty(state));
    struct produce_mark a = mark("a", 100), b = mark("b", 7), again = mark("a", 4000000000);
    produce_state_note(state, &a);
    produce_state_note(state, &b);
    produce_state_note(state, &again);
    cr_assert(produce_state_is_dirty(state));
    save(state);
    cr_assert_not(produce_state_is_dirty(state));
    produce_state_free(state);

    state = open_state();
    const struct produce_mark *found = produce_state_find(state, "a");
    cr_assert_eq(found->offset, 4000000000);
    cr_assert_eq(found->line, 3);
    cr_assert_eq(found->inode, 2);
    cr_assert_str_eq(found->path, "/var/log/\"a\".log");
    cr_assert_null(produce_state_find(state, "c"));
    cr_assert_str_eq(produce_state_of_path(state, a.path, "x")->key, "a", "the last noted");
    cr_assert_str_eq(produce_state_of_path(state, a.path, "a")->key, "b");
    produce_state_free(state);
    close_folder();
}

Test(produce_state, given_a_file_that_is_no_state_then_refused_and_left_alone)
{
    static const char *const bad[] = {"[]", "{\"version\":2,\"sources\":[]}", "no json",
                                      "{\"version\":1,\"sources\":[{\"key\":\"a\"}]}"};
    open_folder();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct produce_state *state;
        struct mr_error why;
        put_file(bad[i]);
        cr_expect_eq(produce_state_open(path, &state, &why), MR_INVALID, "%s", bad[i]);
        cr_expect_not_null(strstr(why.text, path), "%s", why.text);
    }
    close_folder();
}

Test(produce_state, given_no_path_then_nothing_is_kept)
{
    struct produce_state *state;
    cr_assert_eq(produce_state_open(NULL, &state, NULL), MR_OK);
    struct produce_mark a = mark("a", 1);
    produce_state_note(state, &a);
    cr_assert_not(produce_state_is_dirty(state));
    produce_state_free(state);
}

Test(produce_state, given_more_sources_than_it_holds_then_the_oldest_is_forgotten)
{
    open_folder();
    struct produce_state *state = open_state();
    char key[16];
    for (unsigned i = 0; i <= PRODUCE_STATE_SOURCES_MAX; i++) {
        snprintf(key, sizeof key, "%u", i);
        struct produce_mark m = mark(key, i);
        produce_state_note(state, &m);
    }
    cr_assert_null(produce_state_find(state, "0"));
    cr_assert_not_null(produce_state_find(state, "1"));
    produce_state_free(state);
    close_folder();
}

Test(produce_state, given_a_folder_that_is_gone_then_writing_says_so)
{
    struct mr_error why;
    open_folder();
    struct produce_state *state = open_state();
    close_folder();
    char *text = produce_state_snapshot(state);
    cr_assert_eq(produce_state_write(state, text, &why), MR_FATAL);
    cr_assert_not_null(strstr(why.text, folder), "%s", why.text);
    free(text);
    produce_state_free(state);
}
