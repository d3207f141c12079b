/* reporting's arithmetic for tests in Python, which hold it against numpy and statsmodels. Doubles
 * come on standard input as they lie in memory; numbers go out in 17 digits, one a line.
 *
 *   reporting_reference quantiles Q...                       of all values, merged from many parts
 *   reporting_reference begin PERIOD                         level, trend and season to begin with
 *   reporting_reference smooth LEVEL TREND SEASONAL DAMPING PERIOD HORIZON
 *                                                            fitted values, then the forecast
 *   reporting_reference forecast HORIZON                     the method, then the forecast */
#include "reporting_forecast.h"
#include "reporting_histogram.h"

#include "mr_histogram.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTS 100

static double *values;
static size_t count;

static void read_values(void)
{
    size_t room = 1 << 20;
    values = malloc(room * sizeof *values);
    while (values && (count += fread(values + count, sizeof *values, room - count, stdin)) == room)
        values = realloc(values, (room *= 2) * sizeof *values);
    if (!values)
        abort();
}

static void quantiles(int n, char **q)
{
    static uint64_t all[2 * REPORTING_BUCKETS_MAX], part[2 * REPORTING_BUCKETS_MAX];
    int32_t all_count = 0;
    for (size_t p = 0; p < PARTS; p++) {
        int32_t part_count = 0;
        for (size_t i = p; i < count; i += PARTS) {
            uint64_t one = reporting_bucket_pack(mr_histogram_bucket(values[i]), 1);
            part_count = reporting_histogram_merge(part, part_count, &one, 1);
        }
        all_count = reporting_histogram_merge(all, all_count, part, part_count);
    }
    for (int i = 0; i < n; i++)
        printf("%.17g\n", reporting_histogram_quantile(all, all_count, strtod(q[i], NULL)));
}

static void begin(int32_t period)
{
    struct forecast_state state;
    forecast_begin(values, (int32_t)count, period, &state);
    printf("%.17g\n%.17g\n", state.level, state.trend);
    for (int32_t i = 0; i < period; i++)
        printf("%.17g\n", state.season[i]);
}

static void smooth(char **arguments)
{
    const struct forecast_parameters p = {
        .level = strtod(arguments[0], NULL),
        .trend = strtod(arguments[1], NULL),
        .seasonal = strtod(arguments[2], NULL),
        .damping = strtod(arguments[3], NULL),
        .period = atoi(arguments[4]),
    };
    double *fitted = calloc(count, sizeof *fitted);
    struct forecast_state state;
    if (!fitted)
        abort();
    forecast_begin(values, (int32_t)count, p.period, &state);
    forecast_smooth(values, (int32_t)count, &p, &state, fitted);
    for (size_t i = 0; i < count; i++)
        printf("%.17g\n", fitted[i]);
    for (int32_t h = 1; h <= atoi(arguments[5]); h++)
        printf("%.17g\n", forecast_ahead(&state, &p, h));
    free(fitted);
}

static void make(int32_t horizon)
{
    struct forecast f;
    forecast_make(values, (int32_t)count, horizon, &f);
    printf("%s\n", forecast_method_name(f.method));
    for (int32_t h = 0; h < horizon; h++)
        printf("%.17g\n", f.predicted[h]);
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[1] : "";
    read_values();
    if (strcmp(what, "quantiles") == 0)
        quantiles(argc - 2, argv + 2);
    else if (strcmp(what, "begin") == 0)
        begin(atoi(argv[2]));
    else if (strcmp(what, "smooth") == 0 && argc == 8)
        smooth(argv + 2);
    else if (strcmp(what, "forecast") == 0)
        make(atoi(argv[2]));
    else
        return 2;
    free(values);
    return 0;
}
