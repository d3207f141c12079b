/* What the parts of ingest share; for mr_ingest*.c alone. */
#ifndef MR_INGEST_OWN_H
#define MR_INGEST_OWN_H

#define PCRE2_CODE_UNIT_WIDTH 8

#include "mr_ingest.h"
#include "mr_pointer.h"
#include "mr_scan.h"
#include <pcre2.h>

#define MR_INGEST_NAME_MAX 120 /* bytes of a property name in the rules */

/* ---- property names, as they are compared: in lower case and without what joins words ---- */

struct mr_ingest_name {
    uint32_t hash;
    uint32_t len;
    char text[MR_INGEST_NAME_MAX];
};
struct mr_ingest_names {
    struct mr_ingest_name *items;
    uint32_t *slots;      /* 1 + index in items, open addressing; 0: free */
    uint32_t count, mask; /* slots are mask + 1, at least twice as many as names */
};

/* ---- rules ---- */

struct mr_ingest_pattern {
    pcre2_code *code;
    uint32_t group;   /* whose match is replaced; 0: the whole */
    uint32_t counter; /* index */
};

enum mr_ingest_want { MR_INGEST_TEXT, MR_INGEST_NUMBER, MR_INGEST_BOOLEAN };
struct mr_ingest_sample {
    struct mr_pointer pointer;
    enum mr_ingest_want want;
    char *text;              /* TEXT */
    double minimum, maximum; /* NUMBER; BOOLEAN as 0 or 1 */
    uint64_t share;          /* of 2^32 */
    uint32_t counter;
};

enum { /* counters that are always there */
       MR_INGEST_COUNT_NAMES,
       MR_INGEST_COUNT_CARD,
       MR_INGEST_COUNT_TOKEN,
       MR_INGEST_COUNT_URL,
       MR_INGEST_COUNT_UNREADABLE,
       MR_INGEST_COUNT_FIXED
};

struct mr_ingest_count {
    char rule[32];
    bool is_sample;
    uint64_t count;
};

struct mr_ingest {
    struct mr_ingest_names names;
    unsigned classes; /* enum mr_scan_class */
    struct mr_ingest_pattern *patterns;
    size_t pattern_count;
    char **excepts; /* top-level members */
    size_t except_count;
    struct mr_ingest_sample *samples;
    size_t sample_count;
    struct mr_ingest_count *counts;
    size_t count_count;

    pcre2_compile_context *compile;
    pcre2_match_context *match;
    pcre2_jit_stack *stack;
    pcre2_match_data *found;
    struct mr_buf scratch[2]; /* a redacted text, and the one that it is made from */
};

/* ---- mr_ingest_names.c ---- */
void mr_ingest_names_add(struct mr_ingest_names *names, struct mr_slice name);
bool mr_ingest_names_has(const struct mr_ingest_names *names, struct mr_slice name);

/* ---- mr_ingest_text.c ----
 * True when something in text was replaced: *out is then the redacted text, which lives until the
 * next call. */
bool mr_ingest_replace(struct mr_ingest *ingest, struct mr_slice text, struct mr_slice *out);
/* The same without doing it or counting; true also where it is not sure. */
bool mr_ingest_would_replace(struct mr_ingest *ingest, struct mr_slice text);

/* ---- mr_ingest_body.c ---- */
/* Whether a JSON integer, or a real without a fraction, is a card's number that is looked for. */
bool mr_ingest_is_card(const struct mr_ingest *ingest, const json_t *number);
/* Redacts value and what is in it; is_top: its members are the body's own. */
bool mr_ingest_walk(struct mr_ingest *ingest, json_t *value, bool is_top);
/* The text of value in arena; MR_LIMIT: the arena is full. */
MR_MUST_CHECK enum mr_status mr_ingest_dump(const json_t *value, struct mr_arena *arena,
                                            struct mr_slice *out);

#endif
