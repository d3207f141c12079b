/* Holt and Winters' additive smoothing, and the search for its parameters. */
#include "reporting_forecast.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

void forecast_begin(const double *y, int32_t count, int32_t period, struct forecast_state *state)
{
    assert(period >= 1 && period <= FORECAST_WEEK && count >= 2 * period);
    double first = 0, second = 0;
    for (int32_t i = 0; i < period; i++) {
        first += y[i] / period;
        second += y[period + i] / period;
    }
    *state = (struct forecast_state){.level = first, .trend = (second - first) / period};
    for (int32_t i = 0; i < period; i++)
        state->season[i] = (y[i] - first + y[period + i] - second) / 2;
}

double forecast_smooth(const double *y, int32_t count, const struct forecast_parameters *parameters,
                       struct forecast_state *state, double *fitted)
{
    const double a = parameters->level, b = parameters->trend, g = parameters->seasonal;
    const double phi = parameters->damping;
    const int32_t period = parameters->period;
    double level = state->level, trend = state->trend, squared = 0;
    int32_t phase = 0;
    for (int32_t i = 0; i < count; i++) {
        double season = state->season[phase], carried = level + phi * trend;
        double error = y[i] - carried - season;
        squared += error * error;
        if (fitted)
            fitted[i] = carried + season;
        double risen = a * (y[i] - season) + (1 - a) * carried;
        trend = b * (risen - level) + (1 - b) * phi * trend;
        state->season[phase] = g * (y[i] - carried) + (1 - g) * season;
        level = risen;
        phase = phase + 1 == period ? 0 : phase + 1;
    }
    state->level = level;
    state->trend = trend;
    double turned[FORECAST_WEEK];
    for (int32_t i = 0; i < period; i++)
        turned[i] = state->season[(phase + i) % period];
    memcpy(state->season, turned, (size_t)period * sizeof *turned);
    return squared;
}

double forecast_ahead(const struct forecast_state *state,
                      const struct forecast_parameters *parameters, int32_t horizon)
{
    assert(horizon >= 1);
    double trend = 0, factor = 1;
    for (int32_t h = 0; h < horizon; h++) {
        factor *= parameters->damping;
        trend += factor * state->trend;
    }
    return state->level + trend + state->season[(horizon - 1) % parameters->period];
}

/* ---- the search --------------------------------------------------------------------------------
 */

struct search {
    const double *y;
    int32_t count;
    struct forecast_state begin; /* behind nothing */
};

static double cost_of(const struct search *s, const struct forecast_parameters *p)
{
    struct forecast_state state = s->begin;
    forecast_smooth(s->y, p->period, p, &state, NULL);
    return forecast_smooth(s->y + p->period, s->count - p->period, p, &state, NULL);
}

static struct forecast_parameters from_grid(const struct search *s, int32_t period, double *cost)
{
    static const double levels[] = {0.02, 0.1, 0.3, 0.7}, trends[] = {0, 0.02, 0.1};
    static const double seasonals[] = {0.02, 0.1, 0.3, 0.6}, dampings[] = {0.8, 0.98};
    struct forecast_parameters best = {0};
    *cost = INFINITY;
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        for (size_t j = 0; j < sizeof trends / sizeof *trends; j++)
            for (size_t k = 0; k < sizeof seasonals / sizeof *seasonals; k++)
                for (size_t l = 0; l < sizeof dampings / sizeof *dampings; l++) {
                    struct forecast_parameters p = {levels[i], trends[j], seasonals[k], dampings[l],
                                                    period};
                    double c = cost_of(s, &p);
                    if (c < *cost) {
                        *cost = c;
                        best = p;
                    }
                }
    return best;
}

static double within(double v, double high)
{
    return v < 0 ? 0 : v > high ? high : v;
}

/* Each parameter in turn a step down or up, then half the step. */
static void refine(const struct search *s, struct forecast_parameters *best, double *cost)
{
    for (double step = 0.1; step > 0.002; step /= 2)
        for (int which = 0; which < 4; which++)
            for (int sign = -1; sign <= 1; sign += 2) {
                struct forecast_parameters p = *best;
                double *field[] = {&p.level, &p.trend, &p.seasonal, &p.damping};
                *field[which] = within(*field[which] + sign * step, which == 3 ? 0.98 : 1);
                double c = cost_of(s, &p);
                if (c < *cost) {
                    *cost = c;
                    *best = p;
                }
            }
}

struct forecast_parameters forecast_fit(const double *y, int32_t count, int32_t period)
{
    struct search s = {.y = y, .count = count};
    double cost;
    forecast_begin(y, count, period, &s.begin);
    struct forecast_parameters best = from_grid(&s, period, &cost);
    refine(&s, &best, &cost);
    return best;
}
