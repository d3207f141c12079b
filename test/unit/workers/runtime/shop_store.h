/* A domain for tests of the store: a kind with a column of each type, rows that are inserted, and
 * rows that are copied into a table partitioned by day. */
#ifndef SHOP_STORE_H
#define SHOP_STORE_H

#include "domain_store.h"

enum { SHOP_COUNTER, SHOP_SHELF };
enum { SHOP_ENTRY, SHOP_LINE };

/* The image of a counter; absent texts are "". */
struct shop_counter {
    int32_t lane;
    int64_t due_ms; /* 0: never */
    int64_t total;
    int64_t exact_us;
    double ratio;
    bool flag;
    int32_t day;
    struct mr_uuid ref;
    char note[32];
    char doc[64]; /* JSON */
    char raw[8];
    size_t raw_len;
};

/* The bytes of both kinds of rows. */
struct shop_row {
    int64_t amount; /* negative: the table refuses it */
    int64_t exact_us;
    const char *text; /* NULL: null */
};

extern const struct domain_store shop_store;
extern const char shop_schema[]; /* runs after millrace's migrations */

#endif
