#include "mr_metrics.h"

#include "mr_arena.h"
#include "mr_map.h"
#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum kind { COUNTER, GAUGE, HISTOGRAM };

/* One metric: its labels as they are written ({a="b",c="d"} without braces) and its numbers. */
struct series {
    struct series *next;
    char *labels; /* owned; "" for none */
    union {
        struct mr_counter counter;
        struct mr_gauge gauge;
        struct mr_histogram histogram;
    };
};

/* All metrics of one name. */
struct family {
    struct family *next;
    char *name, *help; /* owned */
    enum kind kind;
    struct series *series;
};

struct refresh {
    struct refresh *next;
    void (*call)(void *data);
    void *data;
};

struct text {
    struct text *next;
    void (*append)(void *data, struct mr_buf *out);
    void *data;
};

struct mr_metrics {
    struct family *families;
    struct refresh *refreshes;
    struct text *texts;
    struct mr_arena kept;
};

const struct mr_bounds mr_bounds_seconds = {
    .count = 15,
    .upper = {0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30}};
const struct mr_bounds mr_bounds_bytes = {
    .count = 9, .upper = {256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216}};
const struct mr_bounds mr_bounds_count = {
    .count = 14, .upper = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192}};

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

struct mr_metrics *mr_metrics_new(void)
{
    struct mr_metrics *m = must(calloc(1, sizeof *m));
    mr_arena_init(&m->kept, SIZE_MAX / 2);
    return m;
}

void *mr_metrics_keep(struct mr_metrics *metrics, size_t bytes)
{
    return must(mr_arena_alloc(&metrics->kept, bytes));
}

static void family_free(struct family *f)
{
    struct series *s, *next;
    LL_FOREACH_SAFE(f->series, s, next)
    {
        free(s->labels);
        free(s);
    }
    free(f->name);
    free(f->help);
    free(f);
}

void mr_metrics_free(struct mr_metrics *metrics)
{
    if (!metrics)
        return;
    struct family *f, *next_family;
    LL_FOREACH_SAFE(metrics->families, f, next_family)
    family_free(f);
    mr_arena_free(&metrics->kept);
    free(metrics);
}

/* Names are ours: a wrong one is a slip to be found by whoever wrote it. */
static bool is_name(const char *name)
{
    if (!((*name >= 'a' && *name <= 'z') || *name == '_'))
        return false;
    for (; *name; name++)
        if (!((*name >= 'a' && *name <= 'z') || (*name >= '0' && *name <= '9') || *name == '_'))
            return false;
    return true;
}

static bool ends_with(const char *text, const char *end)
{
    size_t a = strlen(text), b = strlen(end);
    return a >= b && strcmp(text + a - b, end) == 0;
}

/* Escapes \ and line feed; the double quote inside label values alone. */
static void add_escaped(struct mr_buf *out, const char *text, bool quoted)
{
    for (; *text; text++) {
        if (*text == '\\')
            mr_buf_text(out, "\\\\");
        else if (*text == '\n')
            mr_buf_text(out, "\\n");
        else if (*text == '"' && quoted)
            mr_buf_text(out, "\\\"");
        else
            mr_buf_char(out, *text);
    }
}

/* An owned text: a="b",c="d" */
static char *labels_text(const struct mr_label *labels)
{
    struct mr_buf out;
    mr_buf_init(&out, 0);
    for (const struct mr_label *l = labels; l && l->name; l++) {
        assert(is_name(l->name));
        mr_buf_printf(&out, "%s%s=\"", l == labels ? "" : ",", l->name);
        add_escaped(&out, l->value, true);
        mr_buf_char(&out, '"');
    }
    mr_buf_char(&out, '\0');
    return out.data;
}

static struct family *family_of(struct mr_metrics *m, const char *name, const char *help,
                                enum kind kind)
{
    struct family *f;
    LL_FOREACH (m->families, f) {
        if (strcmp(f->name, name) != 0)
            continue;
        assert(f->kind == kind);
        assert(strcmp(f->help, help) == 0);
        return f;
    }
    assert(is_name(name));
    assert((kind == COUNTER) == ends_with(name, "_total"));
    f = must(calloc(1, sizeof *f));
    f->name = must(strdup(name));
    f->help = must(strdup(help));
    f->kind = kind;
    LL_APPEND(m->families, f);
    return f;
}

static struct series *series_of(struct family *f, const struct mr_label *labels)
{
    char *text = labels_text(labels);
    struct series *s;
    LL_FOREACH (f->series, s) {
        if (strcmp(s->labels, text) == 0) {
            free(text);
            return s;
        }
    }
    s = must(calloc(1, sizeof *s));
    s->labels = text;
    LL_APPEND(f->series, s);
    return s;
}

struct mr_counter *mr_metrics_counter(struct mr_metrics *metrics, const char *name,
                                      const char *help, const struct mr_label *labels)
{
    return &series_of(family_of(metrics, name, help, COUNTER), labels)->counter;
}

struct mr_gauge *mr_metrics_gauge(struct mr_metrics *metrics, const char *name, const char *help,
                                  const struct mr_label *labels)
{
    return &series_of(family_of(metrics, name, help, GAUGE), labels)->gauge;
}

struct mr_histogram *mr_metrics_histogram(struct mr_metrics *metrics, const char *name,
                                          const char *help, const struct mr_label *labels)
{
    return mr_metrics_histogram_of(metrics, name, help, labels, &mr_bounds_seconds);
}

struct mr_histogram *mr_metrics_histogram_of(struct mr_metrics *metrics, const char *name,
                                             const char *help, const struct mr_label *labels,
                                             const struct mr_bounds *bounds)
{
    assert(bounds->count >= 1);
    assert(bounds->count <= MR_HISTOGRAM_BUCKETS_MAX);
    struct series *s = series_of(family_of(metrics, name, help, HISTOGRAM), labels);
    if (!s->histogram.bounds)
        s->histogram.bounds = bounds;
    assert(s->histogram.bounds == bounds);
    return &s->histogram;
}

void mr_histogram_observe(struct mr_histogram *histogram, double value)
{
    const struct mr_bounds *bounds = histogram->bounds;
    uint32_t i = 0;
    while (i < bounds->count && value > bounds->upper[i])
        i++;
    histogram->buckets[i]++;
    histogram->sum += value;
}

void mr_metrics_on_render(struct mr_metrics *metrics, void (*refresh)(void *data), void *data)
{
    struct refresh *r = mr_metrics_keep(metrics, sizeof *r);
    *r = (struct refresh){.call = refresh, .data = data};
    LL_APPEND(metrics->refreshes, r);
}

void mr_metrics_on_text(struct mr_metrics *metrics, void (*append)(void *data, struct mr_buf *out),
                        void *data)
{
    struct text *t = mr_metrics_keep(metrics, sizeof *t);
    *t = (struct text){.append = append, .data = data};
    LL_APPEND(metrics->texts, t);
}

static void add_number(struct mr_buf *out, double v)
{
    if (isnan(v))
        mr_buf_text(out, "NaN");
    else if (isinf(v))
        mr_buf_text(out, v > 0 ? "+Inf" : "-Inf");
    else
        mr_buf_printf(out, "%.16g", v);
}

static void add_sample(struct mr_buf *out, const char *name, const char *suffix, const char *labels,
                       double value)
{
    mr_buf_printf(out, "%s%s", name, suffix);
    if (*labels)
        mr_buf_printf(out, "{%s}", labels);
    mr_buf_char(out, ' ');
    add_number(out, value);
    mr_buf_char(out, '\n');
}

static void add_histogram(struct mr_buf *out, const char *name, const struct series *s)
{
    const struct mr_histogram *h = &s->histogram;
    uint64_t count = 0;
    for (uint32_t i = 0; i <= h->bounds->count; i++) {
        count += h->buckets[i];
        mr_buf_printf(out, "%s_bucket{%s%sle=\"", name, s->labels, *s->labels ? "," : "");
        if (i < h->bounds->count)
            mr_buf_printf(out, "%g", h->bounds->upper[i]);
        else
            mr_buf_text(out, "+Inf");
        mr_buf_printf(out, "\"} %llu\n", (unsigned long long)count);
    }
    add_sample(out, name, "_sum", s->labels, h->sum);
    add_sample(out, name, "_count", s->labels, (double)count);
}

void mr_metrics_render(struct mr_metrics *metrics, struct mr_buf *out)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    const struct refresh *r;
    LL_FOREACH (metrics->refreshes, r)
        r->call(r->data);
    const struct family *f;
    LL_FOREACH (metrics->families, f) {
        mr_buf_printf(out, "# HELP %s ", f->name);
        add_escaped(out, f->help, false);
        mr_buf_printf(out, "\n# TYPE %s %s\n", f->name, kinds[f->kind]);
        const struct series *s;
        LL_FOREACH (f->series, s) {
            if (f->kind == HISTOGRAM)
                add_histogram(out, f->name, s);
            else
                add_sample(out, f->name, "", s->labels,
                           f->kind == COUNTER ? s->counter.value : s->gauge.value);
        }
    }
    const struct text *t;
    LL_FOREACH (metrics->texts, t)
        t->append(t->data, out);
}
