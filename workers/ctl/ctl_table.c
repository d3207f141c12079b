#include "ctl_table.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define COLUMNS_MAX 16

struct ctl_table {
    size_t columns;
    bool right[COLUMNS_MAX];
    char **cells; /* heads first; owned */
    size_t count, size;
};

static void add(struct ctl_table *t, const char *text, size_t len)
{
    if (t->count == t->size) {
        t->size = t->size ? t->size * 2 : 64;
        t->cells = realloc(t->cells, t->size * sizeof *t->cells);
        if (!t->cells)
            abort();
    }
    char *copy = strndup(text, len);
    if (!copy)
        abort();
    for (char *c = copy; *c; c++) /* what comes from outside must not move the cursor */
        if ((unsigned char)*c < ' ' || *c == 127)
            *c = '?';
    t->cells[t->count++] = copy;
}

struct ctl_table *ctl_table_new(const char *heads)
{
    struct ctl_table *t = calloc(1, sizeof *t);
    if (!t)
        abort();
    for (const char *h = heads; h; h = strchr(h, '|') ? strchr(h, '|') + 1 : NULL) {
        size_t len = strcspn(h, "|");
        assert(t->columns < COLUMNS_MAX && len > 0);
        t->right[t->columns] = h[len - 1] == '>';
        add(t, h, len - t->right[t->columns]);
        t->columns++;
    }
    return t;
}

void ctl_table_slice(struct ctl_table *t, struct mr_slice text)
{
    add(t, text.data ? text.data : "-", text.data ? text.len : 1);
}

void ctl_table_cell(struct ctl_table *t, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    add(t, text, strlen(text));
}

void ctl_table_count(struct ctl_table *t, int64_t count)
{
    if (count < 0)
        ctl_table_cell(t, "-");
    else
        ctl_table_cell(t, "%" PRId64, count);
}

/* Characters of UTF-8, as a terminal shows them one a column. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

static void print_cell(const struct ctl_table *t, size_t i, const size_t *widths)
{
    size_t column = i % t->columns, pad = widths[column] - width_of(t->cells[i]);
    bool last = column + 1 == t->columns;
    if (t->right[column])
        printf("%*s%s%s", (int)pad, "", t->cells[i], last ? "\n" : "  ");
    else if (last)
        printf("%s\n", t->cells[i]);
    else
        printf("%s%*s  ", t->cells[i], (int)pad, "");
}

void ctl_table_end(struct ctl_table *t, const char *empty)
{
    size_t widths[COLUMNS_MAX] = {0};
    assert(t->count % t->columns == 0);
    for (size_t i = 0; i < t->count; i++)
        if (width_of(t->cells[i]) > widths[i % t->columns])
            widths[i % t->columns] = width_of(t->cells[i]);
    if (t->count == t->columns)
        printf("%s\n", empty);
    for (size_t i = 0; i < t->count; i++) {
        if (t->count > t->columns)
            print_cell(t, i, widths);
        free(t->cells[i]);
    }
    free(t->cells);
    free(t);
}
