#include "mr_metrics.h"

#include <criterion/criterion.h>
#include <string.h>

static struct mr_buf out;

static const char *render(struct mr_metrics *m)
{
    mr_buf_init(&out, 0);
    mr_metrics_render(m, &out);
    mr_buf_char(&out, '\0');
    return out.data;
}

Test(metrics, given_metrics_of_each_kind_then_the_text_is_prometheus)
{
    struct mr_metrics *m = mr_metrics_new();
    static const struct mr_bounds bounds = {.count = 2, .upper = {0.1, 1}};
    mr_counter_add(
        mr_metrics_counter(m, "a_total", "How many\nthere \\ were", MR_LABELS({"s", "ok"})), 3);
    mr_counter_add(mr_metrics_counter(m, "a_total", "How many\nthere \\ were",
                                      MR_LABELS({"s", "q\"u\\o\nte"}, {"t", "2"})),
                   9007199254740991.0);
    mr_gauge_set(mr_metrics_gauge(m, "g_bytes", "Size", NULL), -1.5);
    struct mr_histogram *h =
        mr_metrics_histogram_of(m, "h_seconds", "Time", MR_LABELS({"s", "x"}), &bounds);
    mr_histogram_observe(h, 0.1);
    mr_histogram_observe(h, 0.5);
    mr_histogram_observe(h, 7);
    cr_assert_str_eq(render(m), "# HELP a_total How many\\nthere \\\\ were\n"
                                "# TYPE a_total counter\n"
                                "a_total{s=\"ok\"} 3\n"
                                "a_total{s=\"q\\\"u\\\\o\\nte\",t=\"2\"} 9007199254740991\n"
                                "# HELP g_bytes Size\n"
                                "# TYPE g_bytes gauge\n"
                                "g_bytes -1.5\n"
                                "# HELP h_seconds Time\n"
                                "# TYPE h_seconds histogram\n"
                                "h_seconds_bucket{s=\"x\",le=\"0.1\"} 1\n"
                                "h_seconds_bucket{s=\"x\",le=\"1\"} 2\n"
                                "h_seconds_bucket{s=\"x\",le=\"+Inf\"} 3\n"
                                "h_seconds_sum{s=\"x\"} 7.6\n"
                                "h_seconds_count{s=\"x\"} 3\n");
    mr_buf_free(&out);
    mr_metrics_free(m);
}

Test(metrics, given_the_same_name_and_labels_then_the_same_metric)
{
    struct mr_metrics *m = mr_metrics_new();
    struct mr_counter *a = mr_metrics_counter(m, "a_total", "A", MR_LABELS({"x", "1"}));
    cr_assert_eq(mr_metrics_counter(m, "a_total", "A", MR_LABELS({"x", "1"})), a);
    cr_assert_neq(mr_metrics_counter(m, "a_total", "A", MR_LABELS({"x", "2"})), a);
    mr_metrics_free(m);
}

static void refresh(void *data)
{
    mr_gauge_add(data, 1);
}

Test(metrics, given_a_call_before_rendering_then_gauges_are_read_when_asked)
{
    struct mr_metrics *m = mr_metrics_new();
    mr_metrics_on_render(m, refresh, mr_metrics_gauge(m, "g", "G", NULL));
    cr_assert(strstr(render(m), "\ng 1\n"));
    mr_buf_free(&out);
    cr_assert(strstr(render(m), "\ng 2\n"));
    mr_buf_free(&out);
    mr_metrics_free(m);
}

static double value_of(const char *text, const char *line)
{
    const char *p = strstr(text, line);
    cr_assert(p, "%s is missing", line);
    return strtod(p + strlen(line), NULL);
}

Test(metrics, given_a_process_then_its_own_figures_are_told)
{
    struct mr_metrics *m = mr_metrics_new();
    mr_metrics_process(m, "millrace-test");
    const char *text = render(m);
    cr_assert_gt(value_of(text, "\nprocess_cpu_seconds_total "), 0);
    cr_assert_gt(value_of(text, "\nprocess_resident_memory_bytes "), 1e6);
    cr_assert_geq(value_of(text, "\nprocess_open_fds "), 3);
    cr_assert_gt(value_of(text, "\nprocess_max_fds "), 3);
    cr_assert_gt(value_of(text, "\nprocess_start_time_seconds "), 1.7e9);
    cr_assert(strstr(text, "\nmillrace_build_info{program=\"millrace-test\",version=\""));
    mr_buf_free(&out);
    mr_metrics_free(m);
}

static void append(void *data, struct mr_buf *text)
{
    mr_buf_printf(text, "# TYPE busiest_total counter\nbusiest_total{source=\"%s\"} 1\n",
                  (const char *)data);
}

Test(metrics, given_text_of_somebody_else_then_it_follows_the_families)
{
    struct mr_metrics *m = mr_metrics_new();
    mr_metrics_gauge(m, "g", "G", NULL);
    mr_metrics_on_text(m, append, "10.0.0.1");
    const char *text = render(m);
    const char *g = strstr(text, "\ng 0\n");
    cr_assert(g);
    cr_assert(strstr(g, "\nbusiest_total{source=\"10.0.0.1\"} 1\n"));
    mr_buf_free(&out);
    mr_metrics_free(m);
}
