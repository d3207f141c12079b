#include "mr_otlp_own.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum mr_status mr_otlp_add(struct mr_otlp_output *out, const char *prefix, struct mr_slice name,
                           struct mr_logline_value value)
{
    size_t before = strlen(prefix);
    struct mr_slice full;
    if (name.len == 0)
        return MR_OK;
    enum mr_status s = mr_logline_text(name, out->arena, &full);
    if (s != MR_OK)
        return s;
    if (before > 0) {
        char *joined = mr_arena_alloc(out->arena, before + full.len);
        if (!joined)
            return MR_LIMIT;
        memcpy(mempcpy(joined, prefix, before), full.data, full.len);
        full = mr_slice(joined, before + full.len);
    }
    return mr_logline_add(out->line, out->arena, full, value);
}

enum mr_status mr_otlp_add_resource(struct mr_otlp_output *out, struct mr_slice name,
                                    struct mr_logline_value value)
{
    bool is_text = !value.is_json && value.text.len > 0;
    if (is_text && mr_slice_is(name, "service.name"))
        out->line->service = value.text;
    else if (is_text && mr_slice_is(name, "host.name"))
        out->line->host = value.text;
    else
        return mr_otlp_add(out, "resource.", name, value);
    return MR_OK;
}

enum mr_status mr_otlp_text(struct mr_otlp_output *out, struct mr_slice text,
                            struct mr_logline_value *value)
{
    *value = (struct mr_logline_value){0};
    return mr_logline_text(text.data ? text : mr_slice("", 0), out->arena, &value->text);
}

struct mr_logline_value mr_otlp_bool(bool v)
{
    return (struct mr_logline_value){.text = mr_slice_text(v ? "true" : "false"), .is_json = true};
}

static enum mr_status json_of(struct mr_otlp_output *out, const char *text,
                              struct mr_logline_value *value)
{
    value->text = mr_arena_slice(out->arena, mr_slice_text(text));
    value->is_json = true;
    return value->text.data ? MR_OK : MR_LIMIT;
}

enum mr_status mr_otlp_integer(struct mr_otlp_output *out, int64_t v,
                               struct mr_logline_value *value)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)v);
    return json_of(out, text, value);
}

/* The shortest digits that read the same again; JSON has no other numbers than finite ones. */
enum mr_status mr_otlp_double(struct mr_otlp_output *out, double v, struct mr_logline_value *value)
{
    char text[40];
    if (!isfinite(v)) {
        const char *name = isnan(v) ? "NaN" : v > 0 ? "Infinity" : "-Infinity";
        *value = (struct mr_logline_value){.text = mr_slice_text(name)};
        return MR_OK;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    if (!strpbrk(text, ".e"))
        strcat(text, ".0");
    return json_of(out, text, value);
}

enum mr_status mr_otlp_base64(struct mr_otlp_output *out, struct mr_slice bytes,
                              struct mr_logline_value *value)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = (const unsigned char *)bytes.data;
    char *text = mr_arena_array(out->arena, bytes.len / 3 + 1, 4), *to = text;
    if (!text)
        return MR_LIMIT;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t v = (uint32_t)p[i] << 16;
        v |= left > 1 ? (uint32_t)p[i + 1] << 8 : 0;
        v |= left > 2 ? (uint32_t)p[i + 2] : 0;
        *to++ = digits[v >> 18];
        *to++ = digits[v >> 12 & 63];
        *to++ = (char)(left > 1 ? digits[v >> 6 & 63] : '=');
        *to++ = (char)(left > 2 ? digits[v & 63] : '=');
    }
    *value = (struct mr_logline_value){.text = mr_slice(text, (size_t)(to - text))};
    return MR_OK;
}

static void write_list(const struct mr_logline_attribute *items, size_t count, struct mr_buf *buf)
{
    mr_buf_char(buf, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            mr_buf_char(buf, ',');
        if (items[i].value.is_json)
            mr_buf_slice(buf, items[i].value.text);
        else
            mr_buf_json_string(buf, items[i].value.text);
    }
    mr_buf_char(buf, ']');
}

enum mr_status mr_otlp_nested(struct mr_otlp_output *out, const struct mr_logline_attribute *items,
                              size_t count, bool is_object, struct mr_logline_value *value)
{
    struct mr_buf buf;
    size_t left = out->arena->bytes_max - out->arena->used_bytes;
    mr_buf_init(&buf, left > 0 ? left : 1);
    if (is_object)
        mr_logline_write_object(items, count, &buf);
    else
        write_list(items, count, &buf);
    *value = (struct mr_logline_value){.is_json = true};
    if (mr_buf_ok(&buf))
        value->text = mr_arena_slice(out->arena, mr_buf_all(&buf));
    mr_buf_free(&buf);
    return value->text.data ? MR_OK : MR_LIMIT;
}

void mr_otlp_times(struct mr_logline *line, uint64_t time_ns, uint64_t observed_ns)
{
    line->has_time = time_ns > 0 && time_ns <= INT64_MAX;
    line->time_ns = line->has_time ? (int64_t)time_ns : 0;
    line->has_observed = observed_ns > 0 && observed_ns <= INT64_MAX;
    line->observed_ns = line->has_observed ? (int64_t)observed_ns : 0;
}

void mr_otlp_severity(struct mr_logline *line, int64_t number)
{
    line->severity = number >= 1 && number <= 24 ? (int32_t)number : 0;
}

enum mr_status mr_otlp_too_deep(struct mr_otlp_output *out)
{
    return mr_fail(out->why, MR_INVALID, "The record has a value that is nested deeper than %d.",
                   MR_OTLP_DEPTH_MAX);
}
