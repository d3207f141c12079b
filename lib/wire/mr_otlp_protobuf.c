/* The binary encoding: the request's frame is walked in place, its leaves are decoded by
 * protobuf-c, into the arena. */
#include "mr_otlp_own.h"
#include "otlp.pb-c.h"

/* -- the frame: fields of protobuf's wire format -- */

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

struct field {
    uint64_t number;
    enum wire wire;
    struct mr_slice bytes; /* of WIRE_BYTES */
};

static bool take_varint(struct mr_slice *rest, uint64_t *out)
{
    uint64_t v = 0;
    for (size_t i = 0; i < rest->len && i < 10; i++) {
        unsigned char c = (unsigned char)rest->data[i];
        v |= (uint64_t)(c & 0x7F) << (7 * i);
        if (!(c & 0x80)) {
            *rest = mr_slice(rest->data + i + 1, rest->len - i - 1);
            *out = v;
            return true;
        }
    }
    return false;
}

static bool take_bytes(struct mr_slice *rest, uint64_t len, struct mr_slice *out)
{
    if (len > rest->len)
        return false;
    *out = mr_slice(rest->data, (size_t)len);
    *rest = mr_slice(rest->data + len, rest->len - (size_t)len);
    return true;
}

/* False: what is left is no field. */
static bool take_field(struct mr_slice *rest, struct field *out)
{
    uint64_t key, v;
    if (!take_varint(rest, &key) || key >> 3 == 0)
        return false;
    *out = (struct field){.number = key >> 3, .wire = (enum wire)(key & 7)};
    switch (key & 7) {
    case WIRE_VARINT:
        return take_varint(rest, &v);
    case WIRE_64:
        return take_bytes(rest, 8, &out->bytes);
    case WIRE_32:
        return take_bytes(rest, 4, &out->bytes);
    case WIRE_BYTES:
        return take_varint(rest, &v) && take_bytes(rest, v, &out->bytes);
    default:
        return false; /* groups have no place in proto3 */
    }
}

static enum mr_status check(struct mr_slice body, struct mr_slice *request, struct mr_error *why)
{
    (void)why;
    *request = body.data ? body : mr_slice("", 0);
    return MR_OK;
}

static uint64_t child_number(enum mr_otlp_level level)
{
    return level == MR_OTLP_REQUEST ? 1 : 2;
}

static enum mr_status enter(struct mr_slice message, enum mr_otlp_level level,
                            struct mr_otlp_frame *frame, struct mr_error *why)
{
    static const char *const names[] = {"ExportLogsServiceRequest", "ResourceLogs", "ScopeLogs"};
    struct mr_slice rest = message;
    struct field f;
    *frame = (struct mr_otlp_frame){.children = message};
    while (rest.len > 0) {
        if (!take_field(&rest, &f))
            return mr_fail(why, MR_INVALID,
                           "The body is no ExportLogsServiceRequest in protobuf: %s is broken.",
                           names[level]);
        if (f.wire != WIRE_BYTES && (f.number == child_number(level) || f.number == 1))
            return mr_fail(why, MR_INVALID,
                           "The body is no ExportLogsServiceRequest in protobuf: field %u of %s "
                           "is not a message.",
                           (unsigned)f.number, names[level]);
        if (level != MR_OTLP_REQUEST && f.number == 1)
            frame->head = f.bytes;
    }
    return MR_OK;
}

static bool child(struct mr_slice *children, enum mr_otlp_level level, struct mr_slice *child)
{
    struct field f;
    while (children->len > 0 && take_field(children, &f))
        if (f.number == child_number(level)) {
            *child = f.bytes;
            return true;
        }
    return false;
}

/* -- the leaves -- */

struct allocator {
    ProtobufCAllocator base;
    struct mr_arena *arena;
    bool is_full;
};

static void *allocate(void *data, size_t bytes)
{
    struct allocator *a = data;
    void *p = mr_arena_alloc(a->arena, bytes);
    a->is_full |= !p;
    return p;
}

static void release(void *data, void *p)
{
    (void)data, (void)p; /* the arena's reset does it */
}

static enum mr_status unpack(struct mr_otlp_output *out, const ProtobufCMessageDescriptor *type,
                             struct mr_slice bytes, void *message)
{
    struct allocator a = {.arena = out->arena};
    a.base = (ProtobufCAllocator){allocate, release, &a};
    ProtobufCMessage *m =
        protobuf_c_message_unpack(type, &a.base, bytes.len, (const uint8_t *)bytes.data);
    if (a.is_full)
        return MR_LIMIT;
    if (!m)
        return mr_fail(out->why, MR_INVALID, "The record is broken: its %s cannot be decoded.",
                       type->short_name);
    memcpy(message, &m, sizeof m);
    return MR_OK;
}

static struct mr_slice slice_of(ProtobufCBinaryData bytes)
{
    return mr_slice(bytes.len ? (const char *)bytes.data : "", bytes.len);
}

static enum mr_status read_any(struct mr_otlp_output *out, const Otlp__AnyValue *any, int depth,
                               struct mr_logline_value *value);

static enum mr_status read_array(struct mr_otlp_output *out, struct mr_slice bytes, int depth,
                                 struct mr_logline_value *value)
{
    Otlp__ArrayValue *array;
    enum mr_status s = unpack(out, &otlp__array_value__descriptor, bytes, &array);
    if (s != MR_OK)
        return s;
    struct mr_logline_attribute *items = mr_arena_array(out->arena, array->n_values, sizeof *items);
    if (!items)
        return MR_LIMIT;
    for (size_t i = 0; s == MR_OK && i < array->n_values; i++)
        s = read_any(out, array->values[i], depth + 1, &items[i].value);
    return s == MR_OK ? mr_otlp_nested(out, items, array->n_values, false, value) : s;
}

static enum mr_status read_list(struct mr_otlp_output *out, struct mr_slice bytes, int depth,
                                struct mr_logline_value *value)
{
    Otlp__KeyValueList *list;
    enum mr_status s = unpack(out, &otlp__key_value_list__descriptor, bytes, &list);
    if (s != MR_OK)
        return s;
    struct mr_logline_attribute *items = mr_arena_array(out->arena, list->n_values, sizeof *items);
    if (!items)
        return MR_LIMIT;
    for (size_t i = 0; s == MR_OK && i < list->n_values; i++) {
        s = mr_logline_text(slice_of(list->values[i]->key), out->arena, &items[i].name);
        if (s == MR_OK)
            s = read_any(out, list->values[i]->value, depth + 1, &items[i].value);
    }
    return s == MR_OK ? mr_otlp_nested(out, items, list->n_values, true, value) : s;
}

/* any may be NULL: a value that is not there is JSON's null. */
static enum mr_status read_any(struct mr_otlp_output *out, const Otlp__AnyValue *any, int depth,
                               struct mr_logline_value *value)
{
    *value = (struct mr_logline_value){.text = mr_slice_text("null"), .is_json = true};
    if (depth > MR_OTLP_DEPTH_MAX)
        return mr_otlp_too_deep(out);
    if (!any)
        return MR_OK;
    switch (any->value_case) {
    case OTLP__ANY_VALUE__VALUE_STRING_VALUE:
        return mr_otlp_text(out, slice_of(any->string_value), value);
    case OTLP__ANY_VALUE__VALUE_BOOL_VALUE:
        *value = mr_otlp_bool(any->bool_value);
        return MR_OK;
    case OTLP__ANY_VALUE__VALUE_INT_VALUE:
        return mr_otlp_integer(out, any->int_value, value);
    case OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE:
        return mr_otlp_double(out, any->double_value, value);
    case OTLP__ANY_VALUE__VALUE_ARRAY_VALUE:
        return read_array(out, slice_of(any->array_value), depth, value);
    case OTLP__ANY_VALUE__VALUE_KVLIST_VALUE:
        return read_list(out, slice_of(any->kvlist_value), depth, value);
    case OTLP__ANY_VALUE__VALUE_BYTES_VALUE:
        return mr_otlp_base64(out, slice_of(any->bytes_value), value);
    default:
        return MR_OK;
    }
}

static enum mr_status add_all(struct mr_otlp_output *out, const char *prefix,
                              Otlp__KeyValue *const *all, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct mr_logline_value value;
        enum mr_status s = read_any(out, all[i]->value, 1, &value);
        if (s == MR_OK && !prefix)
            s = mr_otlp_add_resource(out, slice_of(all[i]->key), value);
        else if (s == MR_OK)
            s = mr_otlp_add(out, prefix, slice_of(all[i]->key), value);
        if (s != MR_OK)
            return s;
    }
    return MR_OK;
}

static enum mr_status add_text(struct mr_otlp_output *out, const char *name, struct mr_slice text)
{
    struct mr_logline_value value;
    if (text.len == 0)
        return MR_OK;
    enum mr_status s = mr_otlp_text(out, text, &value);
    return s == MR_OK ? mr_otlp_add(out, "", mr_slice_text(name), value) : s;
}

static enum mr_status resource(struct mr_slice head, struct mr_otlp_output *out)
{
    Otlp__Resource *r;
    enum mr_status s = unpack(out, &otlp__resource__descriptor, head, &r);
    return s == MR_OK ? add_all(out, NULL, r->attributes, r->n_attributes) : s;
}

static enum mr_status scope(struct mr_slice head, struct mr_otlp_output *out)
{
    Otlp__InstrumentationScope *scope;
    enum mr_status s = unpack(out, &otlp__instrumentation_scope__descriptor, head, &scope);
    if (s == MR_OK)
        s = add_text(out, "otel.scope.name", slice_of(scope->name));
    if (s == MR_OK)
        s = add_text(out, "otel.scope.version", slice_of(scope->version));
    return s == MR_OK ? add_all(out, "otel.scope.", scope->attributes, scope->n_attributes) : s;
}

static enum mr_status set_id(struct mr_otlp_output *out, struct mr_slice bytes, size_t digits,
                             struct mr_slice *id)
{
    static const char hex[] = "0123456789abcdef";
    char text[32];
    if (bytes.len * 2 != digits)
        return MR_OK;
    for (size_t i = 0; i < bytes.len; i++) {
        text[2 * i] = hex[(unsigned char)bytes.data[i] >> 4];
        text[2 * i + 1] = hex[bytes.data[i] & 15];
    }
    return mr_logline_id(mr_slice(text, digits), digits, out->arena, id);
}

static enum mr_status add_number(struct mr_otlp_output *out, const char *name, int64_t v)
{
    struct mr_logline_value value;
    if (v == 0)
        return MR_OK;
    enum mr_status s = mr_otlp_integer(out, v, &value);
    return s == MR_OK ? mr_otlp_add(out, "", mr_slice_text(name), value) : s;
}

static enum mr_status record(struct mr_slice bytes, struct mr_otlp_output *out)
{
    Otlp__LogRecord *r;
    struct mr_logline *line = out->line;
    enum mr_status s = unpack(out, &otlp__log_record__descriptor, bytes, &r);
    if (s != MR_OK)
        return s;
    mr_otlp_times(line, r->time_unix_nano, r->observed_time_unix_nano);
    mr_otlp_severity(line, r->severity_number);
    if (r->severity_text.len > 0)
        s = mr_logline_text(slice_of(r->severity_text), out->arena, &line->severity_text);
    if (s == MR_OK && r->body && r->body->value_case != OTLP__ANY_VALUE__VALUE__NOT_SET)
        s = read_any(out, r->body, 1, &line->body);
    if (s == MR_OK)
        s = set_id(out, slice_of(r->trace_id), 32, &line->trace_id);
    if (s == MR_OK)
        s = set_id(out, slice_of(r->span_id), 16, &line->span_id);
    if (s == MR_OK)
        s = add_text(out, "event.name", slice_of(r->event_name));
    if (s == MR_OK)
        s = add_number(out, "otel.trace_flags", r->flags & 0xFF);
    if (s == MR_OK)
        s = add_number(out, "otel.dropped_attributes_count", r->dropped_attributes_count);
    return s == MR_OK ? add_all(out, "", r->attributes, r->n_attributes) : s;
}

const struct mr_otlp_format mr_otlp_protobuf = {
    .check = check,
    .enter = enter,
    .child = child,
    .resource = resource,
    .scope = scope,
    .record = record,
};
