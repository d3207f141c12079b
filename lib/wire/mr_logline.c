#include "mr_logline.h"

#include "mr_json.h"
#include "mr_json_scan.h"
#include "mr_stamp.h"
#include "mr_utf8.h"
#include <stdlib.h>

#define DEPTH_MAX (MR_JSON_DEPTH_MAX - 2) /* of a value: the line and its attributes are around */
#define FEW       24                      /* so many names are compared one with another */

/* -- reading -- */

/* As mr_utf8_is_valid, but most texts are ASCII and this looks at eight bytes at once. */
static bool is_clean(struct mr_slice text)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = UINT64_C(0x8080808080808080);
    size_t i = 0;
    uint64_t word;
    for (; i + 8 <= text.len; i += 8) {
        memcpy(&word, text.data + i, 8);
        if (((word - ones) | word) & tops)
            break;
    }
    struct mr_slice rest = mr_slice(text.data + i, text.len - i);
    return mr_utf8_is_valid(rest) && (rest.len == 0 || !memchr(rest.data, 0, rest.len));
}

/* Bytes of the character at p, which may be the whole of an invalid one. */
static size_t character(const char *p, size_t left)
{
    for (size_t n = 1; n <= 4 && n <= left; n++)
        if (mr_utf8_is_valid(mr_slice(p, n)))
            return *p ? n : 0;
    return 0;
}

enum mr_status mr_logline_text(struct mr_slice text, struct mr_arena *arena, struct mr_slice *out)
{
    if (text.len == 0 || is_clean(text)) {
        *out = text;
        return MR_OK;
    }
    size_t bad = 0, len = 0;
    for (size_t i = 0, n; i < text.len; i += n ? n : 1) {
        n = character(text.data + i, text.len - i);
        bad += n == 0;
    }
    char *copy = mr_arena_alloc(arena, text.len + 2 * bad);
    if (!copy)
        return MR_LIMIT;
    for (size_t i = 0, n; i < text.len; i += n ? n : 1) {
        n = character(text.data + i, text.len - i);
        memcpy(copy + len, n ? text.data + i : "\xEF\xBF\xBD", n ? n : 3);
        len += n ? n : 3;
    }
    *out = mr_slice(copy, len);
    return MR_OK;
}

/* Whether a strict reader takes it: jansson is asked for all but the plainest. */
static bool is_strict(struct mr_slice json, enum mr_json_kind kind)
{
    json_t *parsed;
    if (kind == MR_JSON_TRUE || kind == MR_JSON_FALSE || kind == MR_JSON_NULL)
        return true;
    if (kind == MR_JSON_NUMBER && json.len <= 18)
        return !memchr(json.data, 'e', json.len) && !memchr(json.data, 'E', json.len)
                   ? true
                   : mr_json_parse(json, &parsed, NULL) == MR_OK && (json_decref(parsed), true);
    if (mr_json_scan_depth(json) > DEPTH_MAX || mr_json_parse(json, &parsed, NULL) != MR_OK)
        return false;
    json_decref(parsed);
    return true;
}

enum mr_status mr_logline_json(struct mr_slice json, struct mr_arena *arena,
                               struct mr_logline_value *out)
{
    enum mr_json_kind kind = mr_json_scan_kind(json);
    *out = (struct mr_logline_value){0};
    if (kind == MR_JSON_STRING)
        return mr_json_scan_string(json, arena, &out->text);
    out->is_json = is_strict(json, kind);
    if (!out->is_json)
        return mr_logline_text(json, arena, &out->text);
    out->text = json;
    return MR_OK;
}

enum mr_status mr_logline_id(struct mr_slice text, size_t digits, struct mr_arena *arena,
                             struct mr_slice *out)
{
    bool zero = true;
    *out = (struct mr_slice){0};
    if (text.len != digits)
        return MR_OK;
    char *copy = mr_arena_alloc(arena, digits);
    if (!copy)
        return MR_LIMIT;
    for (size_t i = 0; i < digits; i++) {
        char c = text.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
            return MR_OK;
        copy[i] = (char)(c >= 'A' && c <= 'F' ? c | 0x20 : c);
        zero = zero && c == '0';
    }
    if (!zero)
        *out = mr_slice(copy, digits);
    return MR_OK;
}

enum mr_status mr_logline_add(struct mr_logline *line, struct mr_arena *arena, struct mr_slice name,
                              struct mr_logline_value value)
{
    size_t n = line->attribute_count;
    if ((n & (n - 1)) == 0) { /* full at each power of two */
        struct mr_logline_attribute *more = mr_arena_array(arena, n ? n * 2 : 1, sizeof *more);
        if (!more)
            return MR_LIMIT;
        if (n)
            memcpy(more, line->attributes, n * sizeof *more);
        line->attributes = more;
    }
    line->attributes[n] = (struct mr_logline_attribute){name, value};
    line->attribute_count++;
    return MR_OK;
}

/* -- writing -- */

static int compare_names(const void *a, const void *b, void *data)
{
    const struct mr_logline_attribute *all = data;
    size_t i = *(const size_t *)a, j = *(const size_t *)b;
    struct mr_slice x = all[i].name, y = all[j].name;
    int c = memcmp(x.data, y.data, x.len < y.len ? x.len : y.len);
    if (c == 0 && x.len != y.len)
        c = x.len < y.len ? -1 : 1;
    return c ? c : i < j ? -1 : 1;
}

/* Marks the attributes that a later one of the same name stands for. */
static bool *mark_hidden(const struct mr_logline_attribute *all, size_t n)
{
    size_t *order = malloc(n * sizeof *order);
    bool *hidden = calloc(n, sizeof *hidden);
    if (!order || !hidden)
        abort();
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    qsort_r(order, n, sizeof *order, compare_names, (void *)(uintptr_t)all);
    for (size_t i = 0; i + 1 < n; i++)
        hidden[order[i]] = mr_slice_equal(all[order[i]].name, all[order[i + 1]].name);
    free(order);
    return hidden;
}

static bool is_hidden(const struct mr_logline_attribute *all, size_t n, size_t i)
{
    for (size_t j = i + 1; j < n; j++)
        if (mr_slice_equal(all[i].name, all[j].name))
            return true;
    return false;
}

static void write_value(struct mr_logline_value value, struct mr_buf *out)
{
    if (value.is_json)
        mr_buf_slice(out, value.text);
    else
        mr_buf_json_string(out, value.text);
}

void mr_logline_write_object(const struct mr_logline_attribute *attributes, size_t count,
                             struct mr_buf *out)
{
    bool *hidden = count > FEW ? mark_hidden(attributes, count) : NULL, first = true;
    mr_buf_char(out, '{');
    for (size_t i = 0; i < count; i++) {
        if (hidden ? hidden[i] : is_hidden(attributes, count, i))
            continue;
        if (!first)
            mr_buf_char(out, ',');
        first = false;
        mr_buf_json_string(out, attributes[i].name);
        mr_buf_char(out, ':');
        write_value(attributes[i].value, out);
    }
    mr_buf_char(out, '}');
    free(hidden);
}

static void write_time(const char *name, int64_t ns, struct mr_buf *out)
{
    char text[MR_STAMP_TEXT + 1];
    mr_buf_text(out, name);
    mr_buf_text(out, mr_stamp_text(ns, text));
    mr_buf_text(out, "\",");
}

static void write_severity(int32_t severity, struct mr_buf *out)
{
    mr_buf_text(out, "\"severity_number\":");
    if (severity >= 10)
        mr_buf_char(out, (char)('0' + severity / 10));
    mr_buf_char(out, (char)('0' + severity % 10));
    mr_buf_char(out, ',');
}

static void write_text(const char *name, struct mr_slice text, struct mr_buf *out)
{
    if (!text.data)
        return;
    mr_buf_text(out, name);
    mr_buf_json_string(out, text);
    mr_buf_char(out, ',');
}

/* Each part ends with a comma, the last of which becomes the brace. */
void mr_logline_write(const struct mr_logline *line, struct mr_buf *out)
{
    mr_buf_char(out, '{');
    if (line->has_time)
        write_time("\"time\":\"", line->time_ns, out);
    if (line->has_observed)
        write_time("\"observed_time\":\"", line->observed_ns, out);
    if (line->severity)
        write_severity(line->severity, out);
    write_text("\"severity_text\":", line->severity_text, out);
    if (line->body.text.data) {
        mr_buf_text(out, "\"body\":");
        write_value(line->body, out);
        mr_buf_char(out, ',');
    }
    write_text("\"service\":", line->service, out);
    write_text("\"host\":", line->host, out);
    write_text("\"trace_id\":", line->trace_id, out);
    write_text("\"span_id\":", line->span_id, out);
    if (line->attribute_count > 0) {
        mr_buf_text(out, "\"attributes\":");
        mr_logline_write_object(line->attributes, line->attribute_count, out);
    }
    if (mr_buf_ok(out) && out->data[out->len - 1] == ',')
        out->len--;
    mr_buf_char(out, '}');
}
