/* Which method for which past, and how far it was off at each distance. */
#include "reporting_forecast.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

#define INTERVAL 1.96 /* standard deviations to each side: 95 of 100 of a normal distribution */

const char *forecast_method_name(enum forecast_method method)
{
    static const char *const names[] = {
        [FORECAST_NAIVE] = "naive",
        [FORECAST_HOLT_WINTERS_DAY] = "holt-winters-24",
        [FORECAST_HOLT_WINTERS_WEEK] = "holt-winters-168",
    };
    assert((size_t)method < sizeof names / sizeof *names);
    return names[method];
}

double forecast_naive(const double *y, int32_t count, int32_t horizon)
{
    assert(count >= 1 && horizon >= 1);
    if (count >= FORECAST_DAY) {
        int32_t back = (horizon + FORECAST_DAY - 1) / FORECAST_DAY * FORECAST_DAY - horizon;
        return y[count - 1 - back];
    }
    double sum = 0;
    for (int32_t i = 0; i < count; i++)
        sum += y[i];
    return sum / count;
}

/* Squared errors by distance, of forecasts that were made at each past hour. */
struct errors {
    double squared[FORECAST_HORIZON_MAX];
    int32_t count[FORECAST_HORIZON_MAX];
};

static void errors_add(struct errors *errors, int32_t ahead, double error)
{
    errors->squared[ahead - 1] += error * error;
    errors->count[ahead - 1]++;
}

static void naive_errors(const double *y, int32_t count, int32_t horizon, struct errors *errors)
{
    int32_t from = count > FORECAST_DAY ? FORECAST_DAY : 1;
    for (int32_t made = from; made < count; made++)
        for (int32_t ahead = 1; ahead <= horizon && made + ahead <= count; ahead++)
            errors_add(errors, ahead, y[made + ahead - 1] - forecast_naive(y, made, ahead));
}

static void smoothing_errors(const double *y, int32_t count, const struct forecast *f,
                             struct errors *errors)
{
    const struct forecast_parameters *p = &f->parameters;
    struct forecast_state state;
    forecast_begin(y, count, p->period, &state);
    forecast_smooth(y, p->period, p, &state, NULL);
    for (int32_t made = p->period; made < count; made++) {
        for (int32_t ahead = 1; ahead <= f->horizon && made + ahead <= count; ahead++)
            errors_add(errors, ahead, y[made + ahead - 1] - forecast_ahead(&state, p, ahead));
        forecast_smooth(y + made, 1, p, &state, NULL);
    }
}

/* A distance that the past knows little of has at least the error of a shorter one. */
static void set_intervals(struct forecast *f, const struct errors *errors)
{
    double deviation = 0;
    for (int32_t h = 0; h < f->horizon; h++) {
        double here = errors->count[h] ? sqrt(errors->squared[h] / errors->count[h]) : 0;
        if (here > deviation)
            deviation = here;
        f->low[h] = fmax(0, f->predicted[h] - INTERVAL * deviation);
        f->high[h] = f->predicted[h] + INTERVAL * deviation;
    }
}

static void make_naive(const double *y, int32_t count, struct forecast *f)
{
    struct errors errors = {0};
    f->method = FORECAST_NAIVE;
    for (int32_t h = 1; h <= f->horizon; h++)
        f->predicted[h - 1] = fmax(0, forecast_naive(y, count, h));
    naive_errors(y, count, f->horizon, &errors);
    set_intervals(f, &errors);
}

static void make_holt_winters(const double *y, int32_t count, int32_t period, struct forecast *f)
{
    struct errors errors = {0};
    struct forecast_state state;
    f->method = period == FORECAST_WEEK ? FORECAST_HOLT_WINTERS_WEEK : FORECAST_HOLT_WINTERS_DAY;
    f->parameters = forecast_fit(y, count, period);
    forecast_begin(y, count, period, &state);
    forecast_smooth(y, count, &f->parameters, &state, NULL);
    for (int32_t h = 1; h <= f->horizon; h++)
        f->predicted[h - 1] = fmax(0, forecast_ahead(&state, &f->parameters, h));
    smoothing_errors(y, count, f, &errors);
    set_intervals(f, &errors);
}

void forecast_make(const double *y, int32_t count, int32_t horizon, struct forecast *out)
{
    assert(count >= 1 && horizon >= 1 && horizon <= FORECAST_HORIZON_MAX);
    *out = (struct forecast){.horizon = horizon};
    if (count < 2 * FORECAST_DAY)
        make_naive(y, count, out);
    else if (count < 2 * FORECAST_WEEK)
        make_holt_winters(y, count, FORECAST_DAY, out);
    else
        make_holt_winters(y, count, FORECAST_WEEK, out);
}

/* ---- how good it was ---- */

double forecast_mae(const double *actual, const double *predicted, int32_t count)
{
    assert(count >= 1);
    double sum = 0;
    for (int32_t i = 0; i < count; i++)
        sum += fabs(actual[i] - predicted[i]);
    return sum / count;
}

double forecast_mase(const double *actual, const double *predicted, const double *naive,
                     int32_t count)
{
    double mae = forecast_mae(actual, predicted, count);
    double naive_mae = forecast_mae(actual, naive, count);
    if (naive_mae > 0)
        return mae / naive_mae;
    return mae > 0 ? (double)INFINITY : 0;
}
