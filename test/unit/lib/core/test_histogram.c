#include "mr_histogram.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>

Test(histogram, given_values_over_all_magnitudes_then_each_is_within_1_percent_of_its_bucket)
{
    for (double v = DBL_MIN; v < DBL_MAX / 1.01; v *= 1.0037) {
        double middle = mr_histogram_value(mr_histogram_bucket(v));
        cr_assert_leq(fabs(middle - v) / v, 1.0 / 128, "%g became %g", v, middle);
        cr_assert_eq(mr_histogram_value(mr_histogram_bucket(-v)), -middle);
    }
}

Test(histogram, given_any_bucket_then_its_value_lies_in_it_and_order_is_kept)
{
    double last = -INFINITY;
    for (int32_t b = -MR_HISTOGRAM_BUCKET_MAX; b <= MR_HISTOGRAM_BUCKET_MAX; b++) {
        if (b != 0 && b > -64 && b < 64)
            continue; /* subnormal: they are bucket 0 */
        double value = mr_histogram_value(b);
        cr_assert_eq(mr_histogram_bucket(value), b);
        cr_assert_gt(value, last);
        last = value;
    }
}

Test(histogram, given_the_ends_and_known_values_then_the_agreed_buckets)
{
    cr_assert_eq(mr_histogram_bucket(0.0), 0);
    cr_assert_eq(mr_histogram_bucket(-0.0), 0);
    cr_assert_eq(mr_histogram_bucket(DBL_MIN / 2), 0);
    cr_assert_eq(mr_histogram_bucket(1.0), 1023 * 64);
    cr_assert_eq(mr_histogram_bucket(1.0 + 1.0 / 64), 1023 * 64 + 1);
    cr_assert_eq(mr_histogram_bucket(nextafter(2.0, 0.0)), 1023 * 64 + 63);
    cr_assert_eq(mr_histogram_bucket(-2.0), -1024 * 64);
    cr_assert_eq(mr_histogram_bucket(DBL_MAX), MR_HISTOGRAM_BUCKET_MAX);
    cr_assert_eq(mr_histogram_value(1023 * 64), 1.0 + 1.0 / 128);
}
