/* One text: the built-in classes in one pass, then each expression over what is left. A text in
 * which nothing is found is not copied. */
#include "mr_ingest_own.h"

#define MATCHES_MAX 1000 /* of one expression in a text; more are redacted whole */

static void count(struct mr_ingest *ingest, size_t counter)
{
    ingest->counts[counter].count++;
}

/* The text up to begin, and the replacement in place of what follows up to end. */
static void replace(struct mr_buf *out, struct mr_slice text, size_t copied, size_t begin)
{
    mr_buf_add(out, text.data + copied, begin - copied);
    mr_buf_text(out, MR_INGEST_REDACTED);
}

static bool scan(struct mr_ingest *ingest, struct mr_slice text, struct mr_buf *out)
{
    struct mr_scan_span span;
    size_t copied = 0;
    unsigned seen = 0;
    if (ingest->classes == 0 || !mr_scan_next(text, 0, ingest->classes, &span))
        return false;
    mr_buf_reset(out);
    do {
        replace(out, text, copied, span.begin);
        copied = span.end;
        seen |= span.found;
    } while (mr_scan_next(text, copied, ingest->classes, &span));
    mr_buf_add(out, text.data + copied, text.len - copied);
    for (size_t i = 0; i < MR_SCAN_CLASSES; i++)
        if (seen & 1u << i)
            count(ingest, MR_INGEST_COUNT_CARD + i);
    return true;
}

static size_t next_character(struct mr_slice text, size_t at)
{
    do
        at++;
    while (at < text.len && ((unsigned char)text.data[at] & 0xC0) == 0x80);
    return at;
}

enum sought { NOT_FOUND, FOUND, UNREADABLE };

static enum sought seek(struct mr_ingest *ingest, const struct mr_ingest_pattern *pattern,
                        struct mr_slice text, size_t *from, size_t *begin)
{
    int n = pcre2_match(pattern->code, (PCRE2_SPTR)text.data, text.len, *from, 0, ingest->found,
                        ingest->match);
    if (n == PCRE2_ERROR_NOMATCH)
        return NOT_FOUND;
    if (n < 0)
        return UNREADABLE;
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(ingest->found);
    PCRE2_SIZE whole_end = ends[1];
    uint32_t group = pattern->group < (uint32_t)n ? pattern->group : 0;
    if (ends[2 * group] == PCRE2_UNSET)
        group = 0;
    *begin = ends[2 * group];
    *from = ends[2 * group + 1];
    if (*from <= *begin) { /* an empty match, or \K behind its end: nothing to replace */
        *from = *begin = next_character(text, whole_end);
    }
    return FOUND;
}

/* An expression over text into out; false: nothing was replaced. */
static bool match(struct mr_ingest *ingest, const struct mr_ingest_pattern *pattern,
                  struct mr_slice text, struct mr_buf *out)
{
    size_t from = 0, begin = 0, copied = 0;
    bool found = false;
    for (int i = 0; from <= text.len; i++) {
        enum sought sought =
            i == MATCHES_MAX ? UNREADABLE : seek(ingest, pattern, text, &from, &begin);
        if (sought == UNREADABLE) {
            mr_buf_reset(out);
            mr_buf_text(out, MR_INGEST_REDACTED);
            count(ingest, MR_INGEST_COUNT_UNREADABLE);
            return true;
        }
        if (sought == NOT_FOUND)
            break;
        if (begin == from || begin < copied)
            continue;
        if (!found)
            mr_buf_reset(out);
        found = true;
        replace(out, text, copied, begin);
        copied = from;
    }
    if (!found)
        return false;
    mr_buf_add(out, text.data + copied, text.len - copied);
    count(ingest, pattern->counter);
    return true;
}

bool mr_ingest_replace(struct mr_ingest *ingest, struct mr_slice text, struct mr_slice *out)
{
    struct mr_buf *to = &ingest->scratch[0], *other = &ingest->scratch[1];
    bool changed = false;
    if (text.len == 0)
        return false;
    if (scan(ingest, text, to)) {
        changed = true;
        text = mr_buf_all(to);
    }
    for (size_t i = 0; i < ingest->pattern_count; i++) {
        struct mr_buf *next = changed ? other : to;
        if (!match(ingest, &ingest->patterns[i], text, next))
            continue;
        if (changed) {
            other = to;
            to = next;
        }
        changed = true;
        text = mr_buf_all(to);
    }
    if (changed)
        *out = text;
    return changed;
}

enum mr_status mr_ingest_redact_text(struct mr_ingest *ingest, struct mr_arena *arena,
                                     struct mr_slice *text)
{
    struct mr_slice redacted;
    if (!ingest || !mr_ingest_replace(ingest, *text, &redacted))
        return MR_OK;
    redacted = mr_arena_slice(arena, redacted);
    if (!redacted.data)
        return MR_LIMIT;
    *text = redacted;
    return MR_OK;
}

bool mr_ingest_would_replace(struct mr_ingest *ingest, struct mr_slice text)
{
    struct mr_scan_span span;
    if (ingest->classes && mr_scan_next(text, 0, ingest->classes, &span))
        return true;
    for (size_t i = 0; i < ingest->pattern_count; i++)
        if (pcre2_match(ingest->patterns[i].code, (PCRE2_SPTR)text.data, text.len, 0, 0,
                        ingest->found, ingest->match) != PCRE2_ERROR_NOMATCH)
            return true;
    return false;
}
