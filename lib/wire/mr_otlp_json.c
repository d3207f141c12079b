/* OTLP's JSON: protobuf's, but ids are hex and enums are numbers. It is walked in place. Members
 * that are not known are passed over, null is what is not there. */
#include "mr_json_scan.h"
#include "mr_otlp_own.h"

static bool name_is(struct mr_slice name, const char *text)
{
    return name.len >= 2 && mr_slice_is(mr_slice(name.data + 1, name.len - 2), text);
}

static bool is_null(struct mr_slice value)
{
    return mr_json_scan_kind(value) == MR_JSON_NULL;
}

/* A member that is looked for, and its value: absent where there is none. */
struct wanted {
    const char *name;
    enum mr_json_kind kind;
    struct mr_slice value;
};

static enum mr_status wrong_kind(const struct wanted *w, struct mr_error *why)
{
    const char *kind = w->kind == MR_JSON_ARRAY    ? "an array"
                       : w->kind == MR_JSON_OBJECT ? "an object"
                                                   : "a text";
    return mr_fail(why, MR_INVALID, "%s is not %s.", w->name, kind);
}

/* All in one pass, since what is passed over may be megabytes. */
static enum mr_status find(struct mr_slice object, struct wanted *all, size_t count,
                           struct mr_error *why)
{
    struct mr_slice rest = object, name, v;
    while (mr_json_scan_member(&rest, &name, &v)) {
        for (size_t i = 0; i < count; i++) {
            if (!name_is(name, all[i].name) || is_null(v))
                continue;
            if (mr_json_scan_kind(v) != all[i].kind)
                return wrong_kind(&all[i], why);
            all[i].value = v;
        }
    }
    return MR_OK;
}

static enum mr_status member(struct mr_slice object, const char *name, enum mr_json_kind kind,
                             struct mr_slice *value, struct mr_error *why)
{
    struct wanted w = {.name = name, .kind = kind};
    enum mr_status s = find(object, &w, 1, why);
    *value = w.value;
    return s;
}

static enum mr_status want_object(struct mr_slice value, const char *name, struct mr_error *why)
{
    return mr_json_scan_kind(value) == MR_JSON_OBJECT
               ? MR_OK
               : mr_fail(why, MR_INVALID, "%s is not an object.", name);
}

/* -- the frame -- */

static enum mr_status check(struct mr_slice body, struct mr_slice *request, struct mr_error *why)
{
    enum mr_status s = mr_json_scan_check(body, request, why);
    return s == MR_OK ? want_object(*request, "The body", why) : s;
}

static enum mr_status enter(struct mr_slice message, enum mr_otlp_level level,
                            struct mr_otlp_frame *frame, struct mr_error *why)
{
    static const char *const children[] = {"resourceLogs", "scopeLogs", "logRecords"};
    static const char *const heads[] = {"", "resource", "scope"};
    static const char *const names[] = {"The body", "An element of resourceLogs",
                                        "An element of scopeLogs"};
    struct wanted wanted[] = {{children[level], MR_JSON_ARRAY, {0}},
                              {heads[level], MR_JSON_OBJECT, {0}}};
    enum mr_status s = want_object(message, names[level], why);
    if (s == MR_OK)
        s = find(message, wanted, level == MR_OTLP_REQUEST ? 1 : 2, why);
    *frame = (struct mr_otlp_frame){.children = wanted[0].value, .head = wanted[1].value};
    return s;
}

static bool child(struct mr_slice *children, enum mr_otlp_level level, struct mr_slice *child)
{
    (void)level;
    return children->data && mr_json_scan_element(children, child);
}

/* -- scalars -- */

/* 64-bit integers are texts or numbers. */
static bool integer_of(struct mr_slice value, bool *is_negative, uint64_t *out)
{
    enum mr_json_kind kind = mr_json_scan_kind(value);
    uint64_t v = 0;
    if (kind == MR_JSON_STRING)
        value = mr_slice(value.data + 1, value.len - 2);
    else if (kind != MR_JSON_NUMBER)
        return false;
    size_t i = value.len > 0 && value.data[0] == '-';
    *is_negative = i > 0;
    if (i == value.len)
        return false;
    for (; i < value.len; i++) {
        char c = value.data[i];
        if (c < '0' || c > '9' || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(c - '0'), &v))
            return false;
    }
    *out = v;
    return true;
}

static bool unsigned_of(struct mr_slice value, uint64_t *out)
{
    bool is_negative;
    return integer_of(value, &is_negative, out) && (!is_negative || *out == 0);
}

static enum mr_status read_integer(struct mr_otlp_output *out, struct mr_slice value,
                                   struct mr_logline_value *to)
{
    bool is_negative;
    uint64_t v;
    uint64_t most = INT64_MAX;
    if (!integer_of(value, &is_negative, &v) || v > most + is_negative)
        return mr_fail(out->why, MR_INVALID, "An intValue of the record is no 64-bit integer.");
    return mr_otlp_integer(out, is_negative ? (int64_t)(0 - v) : (int64_t)v, to);
}

/* A number, or a text: "NaN", "Infinity", or a number again. */
static enum mr_status read_double(struct mr_otlp_output *out, struct mr_slice value,
                                  struct mr_logline_value *to)
{
    struct mr_slice text, number;
    if (mr_json_scan_kind(value) == MR_JSON_NUMBER)
        return mr_logline_json(value, out->arena, to);
    if (mr_json_scan_kind(value) == MR_JSON_STRING) {
        text = mr_slice(value.data + 1, value.len - 2);
        if (mr_slice_is(text, "NaN") || mr_slice_is(text, "Infinity") ||
            mr_slice_is(text, "-Infinity"))
            return mr_otlp_text(out, text, to);
        if (mr_json_scan_check(text, &number, NULL) == MR_OK &&
            mr_json_scan_kind(number) == MR_JSON_NUMBER)
            return mr_logline_json(number, out->arena, to);
    }
    return mr_fail(out->why, MR_INVALID, "A doubleValue of the record is no number.");
}

static enum mr_status text_of(struct mr_otlp_output *out, struct mr_slice value, const char *name,
                              struct mr_slice *text)
{
    if (mr_json_scan_kind(value) != MR_JSON_STRING)
        return mr_fail(out->why, MR_INVALID, "%s of the record is not a text.", name);
    return mr_json_scan_string(value, out->arena, text);
}

/* -- values -- */

static enum mr_status read_any(struct mr_otlp_output *out, struct mr_slice any, int depth,
                               struct mr_logline_value *value);

/* {"key": ..., "value": ...} */
static enum mr_status read_pair(struct mr_otlp_output *out, struct mr_slice pair, int depth,
                                struct mr_logline_attribute *item)
{
    struct wanted wanted[] = {{"key", MR_JSON_STRING, {0}}, {"value", MR_JSON_OBJECT, {0}}};
    item->name = mr_slice("", 0);
    enum mr_status s = want_object(pair, "An attribute", out->why);
    if (s == MR_OK)
        s = find(pair, wanted, 2, out->why);
    if (s == MR_OK && wanted[0].value.data)
        s = mr_json_scan_string(wanted[0].value, out->arena, &item->name);
    return s == MR_OK ? read_any(out, wanted[1].value, depth, &item->value) : s;
}

static enum mr_status read_nested(struct mr_otlp_output *out, struct mr_slice holder, int depth,
                                  bool is_object, struct mr_logline_value *value)
{
    struct mr_slice values, rest, element;
    size_t count = 0, i = 0;
    enum mr_status s = want_object(holder, is_object ? "kvlistValue" : "arrayValue", out->why);
    if (s == MR_OK)
        s = member(holder, "values", MR_JSON_ARRAY, &values, out->why);
    if (s != MR_OK)
        return s;
    for (rest = values; rest.data && mr_json_scan_element(&rest, &element);)
        count++;
    struct mr_logline_attribute *items = mr_arena_array(out->arena, count, sizeof *items);
    if (!items)
        return MR_LIMIT;
    for (rest = values; s == MR_OK && i < count && mr_json_scan_element(&rest, &element); i++)
        s = is_object ? read_pair(out, element, depth + 1, &items[i])
                      : read_any(out, element, depth + 1, &items[i].value);
    return s == MR_OK ? mr_otlp_nested(out, items, count, is_object, value) : s;
}

static enum mr_status read_variant(struct mr_otlp_output *out, struct mr_slice name,
                                   struct mr_slice v, int depth, struct mr_logline_value *value)
{
    enum mr_json_kind kind = mr_json_scan_kind(v);
    if (name_is(name, "stringValue") || name_is(name, "bytesValue")) {
        *value = (struct mr_logline_value){0};
        return text_of(out, v, "A stringValue or bytesValue", &value->text);
    }
    if (name_is(name, "boolValue")) {
        if (kind != MR_JSON_TRUE && kind != MR_JSON_FALSE)
            return mr_fail(out->why, MR_INVALID, "A boolValue of the record is no boolean.");
        *value = mr_otlp_bool(kind == MR_JSON_TRUE);
        return MR_OK;
    }
    if (name_is(name, "intValue"))
        return read_integer(out, v, value);
    if (name_is(name, "doubleValue"))
        return read_double(out, v, value);
    if (name_is(name, "arrayValue"))
        return read_nested(out, v, depth, false, value);
    if (name_is(name, "kvlistValue"))
        return read_nested(out, v, depth, true, value);
    return MR_OK;
}

/* any may be absent: a value that is not there is JSON's null. */
static enum mr_status read_any(struct mr_otlp_output *out, struct mr_slice any, int depth,
                               struct mr_logline_value *value)
{
    struct mr_slice name, v;
    *value = (struct mr_logline_value){.text = mr_slice_text("null"), .is_json = true};
    if (depth > MR_OTLP_DEPTH_MAX)
        return mr_otlp_too_deep(out);
    if (!any.data)
        return MR_OK;
    enum mr_status s = want_object(any, "A value of the record", out->why);
    while (s == MR_OK && mr_json_scan_member(&any, &name, &v))
        if (!is_null(v))
            s = read_variant(out, name, v, depth, value);
    return s;
}

/* -- what has attributes -- */

static enum mr_status add_all(struct mr_otlp_output *out, const char *prefix, struct mr_slice all)
{
    struct mr_slice pair;
    enum mr_status s = MR_OK;
    while (s == MR_OK && all.data && mr_json_scan_element(&all, &pair)) {
        struct mr_logline_attribute item;
        s = read_pair(out, pair, 1, &item);
        if (s == MR_OK && !prefix)
            s = mr_otlp_add_resource(out, item.name, item.value);
        else if (s == MR_OK)
            s = mr_otlp_add(out, prefix, item.name, item.value);
    }
    return s;
}

static enum mr_status attributes(struct mr_slice object, const char *prefix,
                                 struct mr_otlp_output *out)
{
    struct mr_slice all;
    enum mr_status s = member(object, "attributes", MR_JSON_ARRAY, &all, out->why);
    return s == MR_OK ? add_all(out, prefix, all) : s;
}

static enum mr_status add_text(struct mr_otlp_output *out, const char *name, struct mr_slice value)
{
    struct mr_logline_value text = {0};
    enum mr_status s = text_of(out, value, name, &text.text);
    return s == MR_OK && text.text.len > 0 ? mr_otlp_add(out, "", mr_slice_text(name), text) : s;
}

static enum mr_status resource(struct mr_slice head, struct mr_otlp_output *out)
{
    return attributes(head, NULL, out);
}

static enum mr_status scope(struct mr_slice head, struct mr_otlp_output *out)
{
    struct wanted wanted[] = {{"name", MR_JSON_STRING, {0}}, {"version", MR_JSON_STRING, {0}}};
    enum mr_status s = find(head, wanted, 2, out->why);
    if (s == MR_OK && wanted[0].value.data)
        s = add_text(out, "otel.scope.name", wanted[0].value);
    if (s == MR_OK && wanted[1].value.data)
        s = add_text(out, "otel.scope.version", wanted[1].value);
    return s == MR_OK ? attributes(head, "otel.scope.", out) : s;
}

/* -- a record -- */

struct times {
    uint64_t time_ns, observed_ns;
};

static enum mr_status read_number(struct mr_otlp_output *out, struct mr_slice name,
                                  struct mr_slice v, struct times *times)
{
    uint64_t number;
    struct mr_logline_value value;
    if (!unsigned_of(v, &number))
        return mr_fail(out->why, MR_INVALID, "%.*s of the record is no unsigned integer.",
                       (int)(name.len - 2), name.data + 1);
    if (name_is(name, "timeUnixNano"))
        times->time_ns = number;
    else if (name_is(name, "observedTimeUnixNano"))
        times->observed_ns = number;
    else if (name_is(name, "severityNumber"))
        mr_otlp_severity(out->line, number <= 24 ? (int64_t)number : 0);
    else {
        bool is_flags = name_is(name, "flags");
        number = is_flags ? number & 0xFF : number & UINT32_MAX;
        if (number == 0)
            return MR_OK;
        enum mr_status s = mr_otlp_integer(out, (int64_t)number, &value);
        return s != MR_OK ? s
                          : mr_otlp_add(out, "otel.",
                                        mr_slice_text(is_flags ? "trace_flags"
                                                               : "dropped_attributes_count"),
                                        value);
    }
    return MR_OK;
}

static enum mr_status read_text(struct mr_otlp_output *out, struct mr_slice name, struct mr_slice v)
{
    struct mr_slice text;
    struct mr_logline *line = out->line;
    if (name_is(name, "eventName"))
        return add_text(out, "event.name", v);
    enum mr_status s = text_of(out, v, "A member", &text);
    if (s != MR_OK)
        return s;
    if (name_is(name, "traceId"))
        return mr_logline_id(text, 32, out->arena, &line->trace_id);
    if (name_is(name, "spanId"))
        return mr_logline_id(text, 16, out->arena, &line->span_id);
    if (text.len > 0)
        line->severity_text = text;
    return MR_OK;
}

static enum mr_status read_body(struct mr_otlp_output *out, struct mr_slice v)
{
    struct mr_logline_value body;
    enum mr_status s = read_any(out, v, 1, &body);
    if (s == MR_OK && !(body.is_json && mr_slice_is(body.text, "null")))
        out->line->body = body;
    return s;
}

static enum mr_status record(struct mr_slice object, struct mr_otlp_output *out)
{
    static const char *const numbers[] = {"timeUnixNano", "observedTimeUnixNano", "severityNumber",
                                          "flags", "droppedAttributesCount"};
    static const char *const texts[] = {"severityText", "traceId", "spanId", "eventName"};
    struct mr_slice rest = object, name, v;
    struct times times = {0};
    enum mr_status s = want_object(object, "A record", out->why);
    while (s == MR_OK && mr_json_scan_member(&rest, &name, &v)) {
        if (is_null(v))
            continue;
        for (size_t i = 0; s == MR_OK && i < sizeof numbers / sizeof *numbers; i++)
            if (name_is(name, numbers[i]))
                s = read_number(out, name, v, &times);
        for (size_t i = 0; s == MR_OK && i < sizeof texts / sizeof *texts; i++)
            if (name_is(name, texts[i]))
                s = read_text(out, name, v);
        if (s == MR_OK && name_is(name, "body"))
            s = read_body(out, v);
    }
    mr_otlp_times(out->line, times.time_ns, times.observed_ns);
    return s == MR_OK ? attributes(object, "", out) : s;
}

const struct mr_otlp_format mr_otlp_json = {
    .check = check,
    .enter = enter,
    .child = child,
    .resource = resource,
    .scope = scope,
    .record = record,
};
