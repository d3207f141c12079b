/* Forecasts of a series of hourly totals: pure functions of the past. The same past gives the same
 * forecast, bit for bit: nothing is drawn at random, and the search for parameters has fixed steps.
 *
 * The method is Holt and Winters' additive one (level, damped trend, season). The season is the
 * hour of the day (24), and the hour of the week (168) once there are two whole weeks. Parameters
 * are fitted on the past: those with the least squared error of one step ahead. With fewer than two
 * days of past the last season comes again (the naive forecast). Nothing below 0 is ever predicted:
 * these are counts. */
#ifndef REPORTING_FORECAST_H
#define REPORTING_FORECAST_H

#include "mr_status.h"
#include <stdbool.h>
#include <stdint.h>

#define FORECAST_DAY         24
#define FORECAST_WEEK        168
#define FORECAST_HORIZON_MAX 48

/* Names as statsmodels' ExponentialSmoothing has them: smoothing_level, smoothing_trend,
 * smoothing_seasonal, damping_trend. */
struct forecast_parameters {
    double level, trend, seasonal; /* 0 .. 1 */
    double damping;                /* 0 .. 1; 1: the trend goes on for ever */
    int32_t period;                /* 1 .. FORECAST_WEEK */
};

struct forecast_state {
    double level, trend;
    double season[FORECAST_WEEK]; /* [0] is that of the next value, up to period */
};

/* Level, trend and season to begin with, of the first two periods of y (count >= 2 * period). */
void forecast_begin(const double *y, int32_t count, int32_t period, struct forecast_state *state);
/* Goes on over y. fitted (count values, or NULL) gets each prediction one step ahead. Returns the
 * sum of the squared errors. */
double forecast_smooth(const double *y, int32_t count, const struct forecast_parameters *parameters,
                       struct forecast_state *state, double *fitted);
/* What the state predicts for `horizon` steps ahead (from 1), as it is: may be below 0. */
double forecast_ahead(const struct forecast_state *state,
                      const struct forecast_parameters *parameters, int32_t horizon);

/* The parameters with the least squared error, one step ahead, behind the first period. */
struct forecast_parameters forecast_fit(const double *y, int32_t count, int32_t period);

enum forecast_method { FORECAST_NAIVE, FORECAST_HOLT_WINTERS_DAY, FORECAST_HOLT_WINTERS_WEEK };

/* "naive", "holt-winters-24", "holt-winters-168". */
const char *forecast_method_name(enum forecast_method method);

struct forecast {
    enum forecast_method method;
    struct forecast_parameters parameters; /* of Holt and Winters */
    int32_t horizon;
    /* By hours ahead, [0] is the first: what is expected, and the interval that 95 of 100 are to
     * fall in, from the errors that the same method made at that distance in the past. */
    double predicted[FORECAST_HORIZON_MAX];
    double low[FORECAST_HORIZON_MAX], high[FORECAST_HORIZON_MAX];
};

/* y: count (>= 1) whole hours, the oldest first, all finite. horizon is 1 .. FORECAST_HORIZON_MAX.
 */
void forecast_make(const double *y, int32_t count, int32_t horizon, struct forecast *out);

/* The naive forecast: the value one season before, or two, where that is not known yet. y as above;
 * with less than a day of past, its mean. */
double forecast_naive(const double *y, int32_t count, int32_t horizon);

/* Mean absolute error of predicted against actual (count >= 1). */
double forecast_mae(const double *actual, const double *predicted, int32_t count);
/* It over that of the naive forecast of the same values; below 1 is better than naive. 0 where
 * both are 0, and INFINITY where only the naive one was right. */
double forecast_mase(const double *actual, const double *predicted, const double *naive,
                     int32_t count);

#endif
