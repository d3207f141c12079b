/* Real files; what a source gives, when, and from where. */
#include "produce_source.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MAX 65536

static struct mr_loop loop;
static struct mr_log log_sink;
static struct produce_state *state;
static struct produce_source *source;
static char folder[] = "/tmp/test-source-XXXXXX";
static char path[128];
static struct {
    char text[TEXT_MAX]; /* every item and a line end */
    size_t len, items, skipped, opened, room;
    char key[300];
    uint64_t last_end;
    bool ended, closed;
    char why[512];
} seen = {.room = SIZE_MAX};

static void on_opened(void *owner, struct produce_source *s, const struct produce_mark *mark)
{
    (void)owner;
    (void)s;
    seen.opened++;
    snprintf(seen.key, sizeof seen.key, "%s", mark->key ? mark->key : "");
}

static bool has_room(void *owner)
{
    (void)owner;
    return seen.room > 0;
}

static void on_item(void *owner, struct produce_source *s, const struct produce_piece *piece)
{
    (void)owner;
    (void)s;
    cr_assert_not_null(piece->text.data, "%s", piece->why);
    cr_assert_lt(seen.len + piece->text.len + 1, TEXT_MAX);
    memcpy(seen.text + seen.len, piece->text.data, piece->text.len);
    seen.len += piece->text.len;
    seen.text[seen.len++] = '\n';
    seen.text[seen.len] = '\0';
    seen.items++;
    seen.room--;
    seen.last_end = piece->end;
}

static void on_skipped(void *owner, struct produce_source *s)
{
    (void)owner;
    (void)s;
    seen.skipped++;
}

static void on_end(void *owner, struct produce_source *s)
{
    (void)owner;
    (void)s;
    seen.ended = true;
}

static void on_failed(void *owner, struct produce_source *s, const char *why)
{
    (void)owner;
    (void)s;
    seen.ended = true;
    snprintf(seen.why, sizeof seen.why, "%s", why);
}

static void on_closed(void *owner)
{
    (void)owner;
    seen.closed = true;
}

static const struct produce_source_events events = {.on_opened = on_opened,
                                                    .has_room = has_room,
                                                    .on_item = on_item,
                                                    .on_skipped = on_skipped,
                                                    .on_end = on_end,
                                                    .on_failed = on_failed};

static void begin_world(void)
{
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/log", folder);
    mr_loop_init(&loop, NULL);
    mr_log_open(&log_sink, "test", open("/dev/null", O_WRONLY | O_CLOEXEC), MR_LOG_JSON,
                MR_LOG_DEBUG);
    cr_assert_eq(produce_state_open(NULL, &state, NULL), MR_OK);
}

static void begin(enum produce_format format, bool follow, const char *key)
{
    struct produce_source_settings settings = {.loop = &loop,
                                               .log = &log_sink,
                                               .events = &events,
                                               .state = state,
                                               .path = path,
                                               .idempotency_key = key,
                                               .format = format,
                                               .follow = follow,
                                               .item_bytes_max = 10000};
    source = produce_source_new(&settings);
}

static void end(void)
{
    char command[160];
    produce_source_close(source, on_closed, NULL);
    while (!seen.closed)
        uv_run(&loop.uv, UV_RUN_ONCE);
    produce_state_free(state);
    mr_loop_close(&loop);
    close(log_sink.fd);
    snprintf(command, sizeof command, "rm -r %s", folder);
    cr_assert_eq(system(command), 0);
}

static void until_items(size_t count)
{
    for (unsigned turns = 0; seen.items < count; turns++) {
        cr_assert(turns < 100000 && !seen.why[0], "only %zu items: %s", seen.items, seen.why);
        uv_run(&loop.uv, UV_RUN_ONCE);
    }
    cr_assert_eq(seen.items, count);
}

static void until_end(void)
{
    while (!seen.ended)
        uv_run(&loop.uv, UV_RUN_ONCE);
}

/* Appends lines first..first + count - 1 of 100 bytes each. */
static void append(unsigned first, unsigned count)
{
    FILE *f = fopen(path, "a");
    for (unsigned n = first; n < first + count; n++)
        fprintf(f, "%06u %092d\n", n, 0);
    fclose(f);
}

static void check_lines(unsigned count)
{
    for (unsigned n = 0; n < count; n++)
        cr_assert_eq((unsigned)strtoul(seen.text + (size_t)n * 100, NULL, 10), n);
}

Test(produce_source, given_a_file_then_all_of_it_under_the_digest_of_its_first_4096_bytes)
{
    begin_world();
    append(0, 50);
    begin(PRODUCE_COMBINED, false, NULL);
    until_end();
    cr_assert_str_eq(seen.why, "");
    cr_assert_eq(seen.items, 50);
    check_lines(50);
    cr_assert_eq(strlen(seen.key), 64);
    cr_assert_eq(seen.last_end, 5000);
    cr_assert_eq(produce_source_taken(source), 5000);
    end();
}

Test(produce_source, given_a_short_file_then_refused_without_a_key)
{
    begin_world();
    append(0, 2);
    begin(PRODUCE_COMBINED, false, NULL);
    until_end();
    cr_assert_not_null(strstr(seen.why, "--idempotency-key"));
    cr_assert_eq(seen.items, 0);
    end();
}

Test(produce_source, given_no_room_then_it_waits_and_goes_on)
{
    begin_world();
    append(0, 30);
    seen.room = 10;
    begin(PRODUCE_COMBINED, false, "k");
    until_items(10);
    uv_run(&loop.uv, UV_RUN_NOWAIT);
    cr_assert_eq(seen.items, 10);
    cr_assert_str_eq(seen.key, "k");
    seen.room = SIZE_MAX;
    produce_source_resume(source);
    until_end();
    check_lines(30);
    cr_assert_eq(seen.items, 30);
    end();
}

Test(produce_source, given_a_mark_then_it_begins_there)
{
    begin_world();
    append(0, 30);
    struct produce_mark mark = {.key = "k", .path = path, .offset = 2900, .line = 30};
    produce_state_note(state, &mark);
    begin(PRODUCE_COMBINED, false, "k");
    until_end();
    cr_assert_eq(seen.items, 1);
    cr_assert_eq(strtoul(seen.text, NULL, 10), 29);
    end();
}

Test(produce_source, given_a_mark_in_an_array_then_its_settled_items_are_passed_over)
{
    begin_world();
    FILE *f = fopen(path, "w");
    fputs("[{\"a\":1}, {\"a\":2}, {\"a\":3}]", f);
    fclose(f);
    struct produce_mark mark = {.key = "k", .path = path, .offset = 17, .line = 1};
    produce_state_note(state, &mark);
    begin(PRODUCE_NDJSON, false, "k");
    until_end();
    cr_assert_eq(seen.skipped, 2);
    cr_assert_str_eq(seen.text, "{\"a\":3}\n");
    end();
}

Test(produce_source, given_a_followed_file_then_growth_rotation_and_truncation_lose_nothing)
{
    char old[160];
    begin_world();
    append(0, 20);
    begin(PRODUCE_COMBINED, true, NULL);
    for (unsigned i = 0; i < 20; i++)
        uv_run(&loop.uv, UV_RUN_NOWAIT);
    cr_assert_eq(seen.items, 0, "too short to be told from others");
    append(20, 30);
    until_items(50);
    snprintf(old, sizeof old, "%s.1", path);
    FILE *writer = fopen(path, "a");
    cr_assert_eq(rename(path, old), 0);
    append(51, 60); /* the one that takes its place, while the old one is written to still */
    fprintf(writer, "%06u %092d\n", 50u, 0);
    fclose(writer);
    until_items(111);
    check_lines(111);
    cr_assert_eq(seen.opened, 2);

    cr_assert_eq(truncate(path, 0), 0);
    for (unsigned turns = 0; seen.opened == 2 && turns < 400; turns++) {
        uv_run(&loop.uv, UV_RUN_ONCE);
        if (turns == 3)
            append(111, 50);
    }
    until_items(161);
    check_lines(161);
    end();
}

Test(produce_source, given_a_followed_file_with_a_key_then_the_first_line_tells_files_apart)
{
    char first[300];
    begin_world();
    append(0, 1);
    begin(PRODUCE_COMBINED, true, "k");
    until_items(1);
    snprintf(first, sizeof first, "%s", seen.key);
    cr_assert_eq(strncmp(first, "k:", 2), 0);
    cr_assert_eq(unlink(path), 0);
    append(1, 1);
    until_items(2);
    cr_assert_neq(strcmp(first, seen.key), 0);
    end();
}

Test(produce_source, given_a_file_renamed_while_nobody_followed_it_then_its_rest_comes_first)
{
    char old[160];
    begin_world();
    append(0, 60);
    begin(PRODUCE_COMBINED, true, NULL);
    until_items(60);
    char key[300];
    snprintf(key, sizeof key, "%s", seen.key);
    produce_source_close(source, on_closed, NULL);
    while (!seen.closed)
        uv_run(&loop.uv, UV_RUN_ONCE);
    seen.closed = false;

    FILE *f = fopen(path, "r");
    cr_assert_not_null(f);
    struct stat st;
    cr_assert_eq(fstat(fileno(f), &st), 0);
    fclose(f);
    struct produce_mark mark = {.key = key,
                                .path = path,
                                .device = st.st_dev,
                                .inode = st.st_ino,
                                .offset = 6000,
                                .line = 61};
    produce_state_note(state, &mark);
    append(60, 5);
    snprintf(old, sizeof old, "%s.1", path);
    cr_assert_eq(rename(path, old), 0);
    append(65, 50);
    begin(PRODUCE_COMBINED, true, NULL);
    until_items(115);
    check_lines(115);
    end();
}
