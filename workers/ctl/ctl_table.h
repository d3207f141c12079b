/* A table for people: columns as wide as their widest cell. */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include "mr_slice.h"
#include "mr_status.h"
#include <stdint.h>

struct ctl_table;

/* heads: "DOMAIN|LANE>|...": columns by '|', one that ends in '>' is aligned to the right. */
struct ctl_table *ctl_table_new(const char *heads);
/* The next cell; rows follow from the number of columns. */
void ctl_table_cell(struct ctl_table *table, const char *fmt, ...) MR_PRINTF(2, 3);
void ctl_table_slice(struct ctl_table *table, struct mr_slice text);
/* In full digits; a negative number means "not known" and is shown as "-". */
void ctl_table_count(struct ctl_table *table, int64_t count);
/* Prints on standard output and frees. The heads alone are not printed when there is no row, and
 * `empty` is instead. */
void ctl_table_end(struct ctl_table *table, const char *empty);

#endif
