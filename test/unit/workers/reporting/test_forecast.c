/* The pure forecast. */
#include "reporting_forecast.h"

#include "mr_prng.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define WEEK FORECAST_WEEK

/* A day's shape on a slope, with noise of so much to each side; weekends are half. */
static double shape(int hour, double slope, double noise, bool weekly, struct mr_prng *prng)
{
    double day = 100 + 60 * sin(hour % 24 * 6.283185307179586 / 24);
    if (weekly && hour % WEEK >= 120)
        day /= 2;
    return day + slope * hour + noise * (mr_prng_below(prng, 2001) / 1000.0 - 1);
}

static void fill(double *y, int count, double slope, double noise, bool weekly, uint64_t seed)
{
    struct mr_prng prng;
    mr_prng_seed(&prng, seed);
    for (int h = 0; h < count; h++)
        y[h] = shape(h, slope, noise, weekly, &prng);
}

Test(forecast, given_a_length_of_past_then_its_method)
{
    static const struct {
        int hours;
        enum forecast_method method;
    } rows[] = {{1, FORECAST_NAIVE},
                {47, FORECAST_NAIVE},
                {48, FORECAST_HOLT_WINTERS_DAY},
                {335, FORECAST_HOLT_WINTERS_DAY},
                {336, FORECAST_HOLT_WINTERS_WEEK},
                {1008, FORECAST_HOLT_WINTERS_WEEK}};
    double y[1008];
    struct forecast f;
    fill(y, 1008, 0, 3, true, 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        forecast_make(y, rows[i].hours, 25, &f);
        cr_expect_eq(f.method, rows[i].method, "%d hours", rows[i].hours);
        for (int h = 0; h < 25; h++)
            cr_expect(isfinite(f.predicted[h]) && f.low[h] >= 0 && f.low[h] <= f.predicted[h] &&
                      f.high[h] >= f.predicted[h]);
    }
}

Test(forecast, given_a_day_that_comes_again_then_it_is_predicted_hour_by_hour)
{
    double y[120 + 25];
    struct forecast f;
    fill(y, 120 + 25, 0, 0, false, 1);
    forecast_make(y, 120, 25, &f);
    for (int h = 0; h < 25; h++)
        cr_expect_float_eq(f.predicted[h], y[120 + h], 0.5, "hour %d", h);
}

Test(forecast, given_weeks_then_a_weekend_is_known_before_it_comes)
{
    double y[3 * WEEK + 24];
    struct forecast f;
    int past = 2 * WEEK + 119; /* Friday's last hour but one */
    fill(y, 3 * WEEK + 24, 0, 2, true, 2);
    forecast_make(y, past, 25, &f);
    double mae = forecast_mae(y + past, f.predicted, 25), naive[25];
    for (int h = 1; h <= 25; h++)
        naive[h - 1] = forecast_naive(y, past, h);
    cr_expect_lt(mae, 5);
    cr_expect_lt(forecast_mase(y + past, f.predicted, naive, 25), 0.2);
}

Test(forecast, given_noise_then_about_95_of_100_fall_in_the_interval)
{
    int inside = 0, all = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        double y[240 + 24];
        struct forecast f;
        fill(y, 240 + 24, 0.05, 20, false, seed);
        forecast_make(y, 240, 24, &f);
        for (int h = 0; h < 24; h++, all++)
            inside += y[240 + h] >= f.low[h] && y[240 + h] <= f.high[h];
    }
    cr_expect_geq(inside, all * 90 / 100, "%d of %d", inside, all);
    cr_expect_lt(inside, all, "no interval is so wide that it says nothing");
}

Test(forecast, given_counts_that_fall_to_nothing_then_nothing_below_0_is_predicted)
{
    double y[96];
    struct forecast f;
    for (int h = 0; h < 96; h++)
        y[h] = h < 90 ? 90 - h : 0;
    forecast_make(y, 96, 48, &f);
    for (int h = 0; h < 48; h++)
        cr_expect_geq(f.predicted[h], 0);
}

Test(forecast, given_the_same_past_then_the_same_forecast_bit_for_bit)
{
    double y[500];
    struct forecast a, b;
    fill(y, 500, 0.1, 30, true, 7);
    forecast_make(y, 500, 25, &a);
    forecast_make(y, 500, 25, &b);
    cr_expect_eq(memcmp(a.predicted, b.predicted, sizeof a.predicted), 0);
    cr_expect_eq(memcmp(a.high, b.high, sizeof a.high), 0);
}

Test(forecast, given_zeros_then_zeros)
{
    double y[400] = {0};
    struct forecast f;
    forecast_make(y, 400, 25, &f);
    for (int h = 0; h < 25; h++)
        cr_expect(f.predicted[h] == 0 && f.high[h] == 0);
}

Test(forecast, given_a_past_then_the_naive_one_is_the_season_before_that_is_known)
{
    double y[50];
    for (int h = 0; h < 50; h++)
        y[h] = h;
    cr_expect_eq(forecast_naive(y, 50, 1), 26);
    cr_expect_eq(forecast_naive(y, 50, 24), 49);
    cr_expect_eq(forecast_naive(y, 50, 25), 26);
    cr_expect_eq(forecast_naive(y, 3, 5), 1, "less than a day: the mean");
}

Test(forecast, given_errors_then_their_measures)
{
    const double actual[] = {1, 2, 3}, predicted[] = {2, 2, 1}, naive[] = {3, 2, 1};
    cr_expect_eq(forecast_mae(actual, predicted, 3), 1);
    cr_expect_eq(forecast_mase(actual, predicted, naive, 3), 0.75);
    cr_expect_eq(forecast_mase(actual, actual, actual, 3), 0);
    cr_expect(isinf(forecast_mase(actual, predicted, actual, 3)));
}

/* Smoothing goes on where it stopped. */
Test(forecast, given_a_past_in_two_parts_then_the_state_is_that_of_the_whole)
{
    const struct forecast_parameters p = {0.3, 0.1, 0.2, 0.9, 24};
    struct forecast_state whole, parts;
    double y[100];
    fill(y, 100, 0.2, 10, false, 3);
    forecast_begin(y, 100, 24, &whole);
    parts = whole;
    double all = forecast_smooth(y, 100, &p, &whole, NULL);
    double sum = forecast_smooth(y, 37, &p, &parts, NULL);
    sum += forecast_smooth(y + 37, 63, &p, &parts, NULL);
    cr_expect_float_eq(all, sum, 1e-6);
    for (int h = 1; h <= 48; h++)
        cr_expect_eq(forecast_ahead(&whole, &p, h), forecast_ahead(&parts, &p, h));
}

/* ---- a real access log: 62 hours before 20 May 2015, and that day's 22 ---- */

#define PAST 62
#define DAY  22

/* Requests by hour; false: the file is not there. */
static bool access_hours(double *hours)
{
    char path[600], line[65536];
    const char *folder = getenv("MILLRACE_TEST_DATA");
    snprintf(path, sizeof path, "%s/access-log/apache_access.log",
             folder ? folder : getenv("REPORTING_DATA"));
    FILE *file = fopen(path, "r");
    if (!file) {
        fprintf(stderr, "skipped: there is no %s (MILLRACE_TEST_DATA names another folder)\n",
                path);
        return false;
    }
    while (fgets(line, sizeof line, file)) {
        int day, hour;
        const char *stamp = strchr(line, '[');
        if (stamp && sscanf(stamp, "[%d/May/2015:%d:", &day, &hour) == 2)
            hours[(day - 17) * 24 + hour - 10]++;
    }
    fclose(file);
    return true;
}

Test(forecast, given_a_real_access_log_then_the_day_is_forecast_better_than_naively)
{
    double y[PAST + DAY] = {0}, naive[DAY];
    struct forecast f;
    if (!access_hours(y))
        return;
    forecast_make(y, PAST, DAY, &f);
    cr_expect_eq(f.method, FORECAST_HOLT_WINTERS_DAY);
    for (int h = 1; h <= DAY; h++)
        naive[h - 1] = forecast_naive(y, PAST, h);
    double mae = forecast_mae(y + PAST, f.predicted, DAY);
    double naive_mae = forecast_mae(y + PAST, naive, DAY);
    fprintf(stderr, "access log: MAE %.2f, naive %.2f, MASE %.2f\n", mae, naive_mae,
            forecast_mase(y + PAST, f.predicted, naive, DAY));
    cr_expect_lt(mae, naive_mae);
}
