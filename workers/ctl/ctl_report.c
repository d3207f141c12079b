#include "ctl_report.h"

#include "mr_map.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES 400

struct count {
    char scope[40], what[80];
    int64_t n;
    struct count *prev, *next;
};

struct kind {
    const char *name;
    bool is_note;
    int64_t n;
    size_t told;
    char *first[CTL_REPORT_FIRST]; /* owned */
    struct kind *prev, *next;
};

struct ctl_report {
    struct count *counts;
    struct kind *kinds;
};

static void *zeroed(size_t bytes)
{
    void *p = calloc(1, bytes);
    if (!p)
        abort();
    return p;
}

struct ctl_report *ctl_report_new(void)
{
    return zeroed(sizeof(struct ctl_report));
}

void ctl_report_free(struct ctl_report *r)
{
    struct count *c, *c_next;
    struct kind *k, *k_next;
    if (!r)
        return;
    DL_FOREACH_SAFE (r->counts, c, c_next)
        free(c);
    DL_FOREACH_SAFE (r->kinds, k, k_next) {
        for (size_t i = 0; i < k->told; i++)
            free(k->first[i]);
        free(k);
    }
    free(r);
}

void ctl_report_count(struct ctl_report *r, const char *scope, const char *what, int64_t add)
{
    struct count *c;
    DL_FOREACH (r->counts, c)
        if (strcmp(c->scope, scope) == 0 && strcmp(c->what, what) == 0)
            break;
    if (!c) {
        c = zeroed(sizeof *c);
        snprintf(c->scope, sizeof c->scope, "%s", scope);
        snprintf(c->what, sizeof c->what, "%s", what);
        DL_APPEND(r->counts, c);
    }
    c->n += add;
}

static void add(struct ctl_report *r, const struct kind *is, const char *fmt, va_list ap)
{
    struct kind *k;
    DL_FOREACH (r->kinds, k)
        if (strcmp(k->name, is->name) == 0)
            break;
    if (!k) {
        k = zeroed(sizeof *k);
        k->name = is->name;
        k->is_note = is->is_note;
        DL_APPEND(r->kinds, k);
    }
    k->n += is->n;
    if (k->told == CTL_REPORT_FIRST)
        return;
    char *text = zeroed(TEXT_BYTES);
    vsnprintf(text, TEXT_BYTES, fmt, ap);
    k->first[k->told++] = text;
}

void ctl_report_differs(struct ctl_report *r, const char *kind, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add(r, &(struct kind){.name = kind, .n = 1}, fmt, ap);
    va_end(ap);
}

void ctl_report_differ(struct ctl_report *r, const char *kind, int64_t n, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add(r, &(struct kind){.name = kind, .n = n}, fmt, ap);
    va_end(ap);
}

void ctl_report_note(struct ctl_report *r, const char *kind, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add(r, &(struct kind){.name = kind, .n = 1, .is_note = true}, fmt, ap);
    va_end(ap);
}

int64_t ctl_report_differences(const struct ctl_report *r)
{
    int64_t n = 0;
    struct kind *k;
    DL_FOREACH (r->kinds, k)
        n += k->is_note ? 0 : k->n;
    return n;
}

/* A scope's counts together, wherever they came in. */
static void print_scope(const struct ctl_report *r, const struct count *of)
{
    struct count *c;
    DL_FOREACH (r->counts, c) {
        if (c == of)
            break;
        if (strcmp(c->scope, of->scope) == 0)
            return; /* was printed with the first of it */
    }
    printf("%s\n", of->scope);
    DL_FOREACH (r->counts, c)
        if (strcmp(c->scope, of->scope) == 0)
            printf("  %12" PRId64 "  %s\n", c->n, c->what);
}

void ctl_report_text(const struct ctl_report *r)
{
    struct count *c;
    struct kind *k;
    DL_FOREACH (r->counts, c)
        print_scope(r, c);
    DL_FOREACH (r->kinds, k) {
        printf("%s: %s (%" PRId64 ")\n", k->is_note ? "note" : "DIFFERS", k->name, k->n);
        for (size_t i = 0; i < k->told; i++)
            printf("  %s\n", k->first[i]);
        if (k->told == CTL_REPORT_FIRST && k->n > CTL_REPORT_FIRST)
            printf("  ... and more of them\n");
    }
    int64_t n = ctl_report_differences(r);
    if (n == 0)
        printf("verified: nothing differs\n");
    else
        printf("not so: %" PRId64 " difference%s\n", n, n == 1 ? "" : "s");
}

void ctl_report_json(const struct ctl_report *r)
{
    json_t *counts = json_object(), *kinds = json_array(), *notes = json_array();
    struct count *c;
    struct kind *k;
    DL_FOREACH (r->counts, c) {
        json_t *scope = json_object_get(counts, c->scope);
        if (!scope) {
            scope = json_object();
            json_object_set_new(counts, c->scope, scope);
        }
        json_object_set_new(scope, c->what, json_integer(c->n));
    }
    DL_FOREACH (r->kinds, k) {
        json_t *first = json_array();
        for (size_t i = 0; i < k->told; i++)
            json_array_append_new(first, json_string(k->first[i]));
        json_array_append_new(k->is_note ? notes : kinds,
                              json_pack("{s:s, s:I, s:o}", "kind", k->name, "count",
                                        (json_int_t)k->n, "first", first));
    }
    json_t *all = json_pack("{s:b, s:o, s:o, s:o}", "ok", ctl_report_differences(r) == 0, "counts",
                            counts, "differences", kinds, "notes", notes);
    json_dumpf(all, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(all);
}
