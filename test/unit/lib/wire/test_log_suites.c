/* The suites of the log formats: each case is a folder with one file of input, whose name says what
 * reads it, and `expect`. */
#include "log_dump.h"
#include "mr_prng.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_BYTES_MAX ((size_t)1 << 20)

typedef void (*dump)(struct mr_slice bytes, struct log_cut cut, struct mr_buf *out);

static void datagram(struct mr_slice bytes, struct log_cut cut, struct mr_buf *out)
{
    (void)cut;
    log_dump_datagram(bytes, out);
}

static void message(struct mr_slice bytes, struct log_cut cut, struct mr_buf *out)
{
    (void)cut;
    log_dump_gelf(bytes, out);
}

static void chunks(struct mr_slice bytes, struct log_cut cut, struct mr_buf *out)
{
    (void)cut;
    log_dump_gelf_chunks(bytes, out);
}

static void protobuf(struct mr_slice bytes, struct log_cut cut, struct mr_buf *out)
{
    (void)cut;
    log_dump_otlp(bytes, MR_OTLP_PROTOBUF, out);
}

static void json(struct mr_slice bytes, struct log_cut cut, struct mr_buf *out)
{
    (void)cut;
    log_dump_otlp(bytes, MR_OTLP_JSON, out);
}

static const struct {
    const char *suite, *file;
    dump dump;
    bool is_incremental;
    size_t cases_min;
} kinds[] = {
    {"syslog", "datagram", datagram, false, 40}, {"syslog", "stream", log_dump_stream, true, 10},
    {"gelf", "message", message, false, 24},     {"gelf", "stream", log_dump_gelf_stream, true, 3},
    {"gelf", "chunks", chunks, false, 8},        {"otlp", "request.pb", protobuf, false, 12},
    {"otlp", "request.json", json, false, 20},   {"combined", "lines", log_dump_combined, true, 12},
};
#define KINDS (sizeof kinds / sizeof *kinds)

/* False: there is no such file. */
static bool read_file(const char *path, char **bytes, size_t *len)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return false;
    *bytes = malloc(FILE_BYTES_MAX);
    *len = fread(*bytes, 1, FILE_BYTES_MAX, f);
    fclose(f);
    return true;
}

static void expect_same(const char *name, size_t kind, struct mr_slice bytes, struct log_cut cut,
                        struct mr_slice want)
{
    struct mr_buf got;
    mr_buf_init(&got, 0);
    kinds[kind].dump(bytes, cut, &got);
    cr_assert(mr_slice_equal(mr_buf_all(&got), want), "%s/%s, first %zu, then %zu a piece:\n%.*s",
              kinds[kind].suite, name, cut.first, cut.step, MR_SLICE_FMT(mr_buf_all(&got)));
    mr_buf_free(&got);
}

static void check_cuts(const char *name, size_t kind, struct mr_slice bytes, struct mr_slice want)
{
    struct mr_prng prng;
    mr_prng_seed(&prng, 7);
    for (size_t first = 0; first <= bytes.len; first += bytes.len > 2000 ? 97 : 1)
        expect_same(name, kind, bytes, (struct log_cut){first, bytes.len + 1}, want);
    for (size_t step = 1; step < 9; step++)
        expect_same(name, kind, bytes, (struct log_cut){step, step}, want);
    for (int i = 0; i < 50 && bytes.len > 0; i++) {
        size_t first = (size_t)(mr_prng_next(&prng) % bytes.len);
        size_t step = 1 + (size_t)(mr_prng_next(&prng) % bytes.len);
        expect_same(name, kind, bytes, (struct log_cut){first, step}, want);
    }
}

static bool check_case(const char *name, size_t kind)
{
    static char path[512];
    char *input, *expect;
    size_t len, expect_len;
    snprintf(path, sizeof path, MR_SUITES "/%s/%s/%s", kinds[kind].suite, name, kinds[kind].file);
    if (!read_file(path, &input, &len))
        return false;
    snprintf(path, sizeof path, MR_SUITES "/%s/%s/expect", kinds[kind].suite, name);
    cr_assert(read_file(path, &expect, &expect_len), "%s is not there", path);
    struct mr_slice bytes = mr_slice(input, len), want = mr_slice(expect, expect_len);
    expect_same(name, kind, bytes, (struct log_cut){len, 1}, want);
    if (kinds[kind].is_incremental)
        check_cuts(name, kind, bytes, want);
    free(input);
    free(expect);
    return true;
}

static size_t check_suite(size_t kind)
{
    char path[512];
    size_t count = 0;
    snprintf(path, sizeof path, MR_SUITES "/%s", kinds[kind].suite);
    DIR *dir = opendir(path);
    cr_assert(dir, "%s is not there", path);
    for (const struct dirent *e; (e = readdir(dir));)
        if (e->d_type == DT_DIR && e->d_name[0] != '.')
            count += check_case(e->d_name, kind);
    closedir(dir);
    return count;
}

Test(log_suites, given_a_case_cut_anywhere_then_says_what_is_expected)
{
    for (size_t i = 0; i < KINDS; i++) {
        size_t count = check_suite(i);
        cr_assert_geq(count, kinds[i].cases_min, "%s: only %zu cases of %s", kinds[i].suite, count,
                      kinds[i].file);
    }
}
