/* Histograms: merged, bounded, encoded. */
#include "reporting_histogram.h"

#include "mr_histogram.h"
#include "mr_prng.h"
#include <criterion/criterion.h>
#include <math.h>

#define ROOM (3 * REPORTING_BUCKETS_MAX)

static int32_t add(uint64_t *buckets, int32_t count, double value)
{
    uint64_t one = reporting_bucket_pack(mr_histogram_bucket(value), 1);
    return reporting_histogram_merge(buckets, count, &one, 1);
}

/* A value of either sign over many magnitudes. */
static double draw(struct mr_prng *prng)
{
    double v = ldexp(1 + mr_prng_below(prng, 1000) / 1000.0, (int)mr_prng_below(prng, 14) - 7);
    return mr_prng_chance(prng, 300) ? -v : v;
}

Test(histogram_pack, given_two_then_their_merge_is_that_of_all_values)
{
    for (uint64_t seed = 1; seed <= 50; seed++) {
        uint64_t a[ROOM], b[ROOM], all[ROOM];
        int32_t a_count = 0, b_count = 0, all_count = 0;
        struct mr_prng prng;
        mr_prng_seed(&prng, seed);
        for (uint32_t i = 0; i < 3000; i++) {
            double v = draw(&prng);
            all_count = add(all, all_count, v);
            if (mr_prng_chance(&prng, 400))
                a_count = add(a, a_count, v);
            else
                b_count = add(b, b_count, v);
        }
        a_count = reporting_histogram_merge(a, a_count, b, b_count);
        cr_assert_eq(a_count, all_count, "seed %llu", (unsigned long long)seed);
        cr_assert_eq(memcmp(a, all, (size_t)a_count * sizeof *a), 0, "seed %llu",
                     (unsigned long long)seed);
    }
}

Test(histogram_pack, given_nothing_to_merge_then_nothing_changes)
{
    uint64_t a[4] = {0}, nothing[1] = {0};
    cr_expect_eq(reporting_histogram_merge(a, 0, nothing, 0), 0);
    cr_expect_eq(reporting_histogram_quantile(a, 0, 0.5), 0);
    int32_t count = add(a, 0, 5);
    cr_expect_eq(reporting_histogram_merge(a, count, nothing, 0), 1);
}

Test(histogram_pack, given_more_buckets_than_are_kept_then_the_lowest_are_one_and_none_is_lost)
{
    uint64_t a[ROOM];
    int32_t count = 0;
    for (int b = 0; b < REPORTING_BUCKETS_MAX + 500; b++)
        count = add(a, count, mr_histogram_value(64 * 1000 + b));
    cr_assert_eq(count, REPORTING_BUCKETS_MAX);
    cr_expect_eq(reporting_bucket_count(a[0]), 501);
    cr_expect_eq(reporting_bucket_of(a[0]), 64 * 1000 + 500);
    cr_expect_eq(reporting_histogram_quantile(a, count, 1),
                 mr_histogram_value(64 * 1000 + REPORTING_BUCKETS_MAX + 499));
}

Test(histogram_pack, given_ranks_then_the_value_at_each)
{
    uint64_t a[ROOM];
    int32_t count = 0;
    for (int i = 1; i <= 100; i++)
        count = add(a, count, i);
    static const struct {
        double q, value;
    } wanted[] = {{0, 1}, {0.01, 1}, {0.5, 50}, {0.501, 51}, {0.95, 95}, {0.99, 99}, {1, 100}};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        cr_expect_float_eq(reporting_histogram_quantile(a, count, wanted[i].q), wanted[i].value,
                           wanted[i].value / 100, "q %g", wanted[i].q);
}

Test(histogram_pack, given_any_then_its_bytes_give_it_back)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        uint64_t a[ROOM], back[ROOM];
        uint8_t bytes[ROOM * REPORTING_BUCKET_BYTES_MAX];
        int32_t count = 0, back_count;
        struct mr_prng prng;
        mr_prng_seed(&prng, seed);
        for (uint32_t i = mr_prng_below(&prng, 200); i > 0; i--) {
            int64_t counted = 1 + (int64_t)(mr_prng_next(&prng) >> mr_prng_below(&prng, 64) >> 18);
            uint64_t one = reporting_bucket_pack(mr_histogram_bucket(draw(&prng)), counted);
            count = reporting_histogram_merge(a, count, &one, 1);
        }
        size_t len = reporting_histogram_encode(a, count, bytes);
        cr_assert_eq(reporting_histogram_decode(mr_slice(bytes, len), back, &back_count), MR_OK);
        cr_assert_eq(back_count, count, "seed %llu", (unsigned long long)seed);
        cr_assert_eq(memcmp(a, back, (size_t)count * sizeof *a), 0, "seed %llu",
                     (unsigned long long)seed);
    }
}

Test(histogram_pack, given_bytes_that_are_none_then_they_are_refused)
{
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {
        {"\x02", 1},             /* a bucket without a count */
        {"\x82", 1},             /* a number that does not end */
        {"\x02\x00", 2},         /* counted nothing */
        {"\x02\x01\x00\x01", 4}, /* the same bucket again */
        {"\xff\xff\xff\x7f\x01", 5},
        {"\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},
    };
    uint64_t out[16];
    int32_t count;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_expect_eq(reporting_histogram_decode(mr_slice(rows[i].bytes, rows[i].len), out, &count),
                     MR_INVALID, "row %zu", i);
}
