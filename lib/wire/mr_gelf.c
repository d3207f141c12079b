#include "mr_gelf.h"

#include "mr_json_scan.h"
#include "mr_stamp.h"
#include "mr_syslog.h"

struct reader {
    struct mr_arena *arena;
    struct mr_logline *line;
    struct mr_logline_value short_message, full_message;
};

typedef enum mr_status (*take)(struct reader *r, struct mr_logline_value value, bool *taken);

/* A number, or a text that is one: libraries send both. */
static bool small_number(struct mr_slice text, int64_t *out)
{
    if (text.len != 1 || text.data[0] < '0' || text.data[0] > '9')
        return false;
    *out = text.data[0] - '0';
    return true;
}

static enum mr_status take_host(struct reader *r, struct mr_logline_value value, bool *taken)
{
    *taken = !value.is_json;
    if (*taken)
        r->line->host = value.text;
    return MR_OK;
}

static enum mr_status take_service(struct reader *r, struct mr_logline_value value, bool *taken)
{
    *taken = !value.is_json && value.text.len > 0;
    if (*taken)
        r->line->service = value.text;
    return MR_OK;
}

static enum mr_status take_short(struct reader *r, struct mr_logline_value value, bool *taken)
{
    *taken = true;
    r->short_message = value;
    return MR_OK;
}

/* What was called so before GELF had a short_message. */
static enum mr_status take_message(struct reader *r, struct mr_logline_value value, bool *taken)
{
    *taken = !r->short_message.text.data;
    if (*taken)
        r->short_message = value;
    return MR_OK;
}

static enum mr_status take_full(struct reader *r, struct mr_logline_value value, bool *taken)
{
    *taken = true;
    r->full_message = value;
    return MR_OK;
}

static enum mr_status take_timestamp(struct reader *r, struct mr_logline_value value, bool *taken)
{
    *taken = mr_stamp_of_seconds(value.text, &r->line->time_ns) == MR_OK;
    r->line->has_time |= *taken;
    return MR_OK;
}

static enum mr_status take_level(struct reader *r, struct mr_logline_value value, bool *taken)
{
    int64_t level;
    *taken = small_number(value.text, &level) && mr_syslog_severity(level) != 0;
    if (*taken) {
        r->line->severity = mr_syslog_severity(level);
        r->line->severity_text = mr_slice_text(mr_syslog_severity_text(level));
    }
    return MR_OK;
}

static enum mr_status take_id(struct reader *r, struct mr_logline_value value, size_t digits,
                              struct mr_slice *out)
{
    struct mr_slice id = {0};
    enum mr_status s = MR_OK;
    if (!value.is_json)
        s = mr_logline_id(value.text, digits, r->arena, &id);
    if (s == MR_OK && id.data)
        *out = id;
    return s == MR_OK && !id.data ? MR_INVALID : s;
}

static enum mr_status take_trace(struct reader *r, struct mr_logline_value value, bool *taken)
{
    enum mr_status s = take_id(r, value, 32, &r->line->trace_id);
    *taken = s == MR_OK;
    return s == MR_LIMIT ? s : MR_OK;
}

static enum mr_status take_span(struct reader *r, struct mr_logline_value value, bool *taken)
{
    enum mr_status s = take_id(r, value, 16, &r->line->span_id);
    *taken = s == MR_OK;
    return s == MR_LIMIT ? s : MR_OK;
}

static enum mr_status take_version(struct reader *r, struct mr_logline_value value, bool *taken)
{
    (void)r, (void)value;
    *taken = true; /* it says how to read the message, not what happened */
    return MR_OK;
}

static const struct {
    const char *name;
    take take;
} members[] = {
    {"version", take_version},     {"host", take_host},
    {"short_message", take_short}, {"message", take_message},
    {"full_message", take_full},   {"timestamp", take_timestamp},
    {"level", take_level},         {"_service.name", take_service},
    {"_service", take_service},    {"_trace_id", take_trace},
    {"_span_id", take_span},
};

static bool is_null(struct mr_logline_value value)
{
    return value.is_json && mr_slice_is(value.text, "null");
}

static enum mr_status read_member(struct reader *r, struct mr_slice name,
                                  struct mr_logline_value value)
{
    bool taken = false;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        if (!mr_slice_is(name, members[i].name))
            continue;
        if (is_null(value))
            return MR_OK;
        enum mr_status s = members[i].take(r, value, &taken);
        if (s != MR_OK || taken)
            return s;
    }
    if (name.len == 0)
        return MR_OK; /* no attribute has no name */
    if (name.len > 1 && name.data[0] == '_')
        name = mr_slice(name.data + 1, name.len - 1);
    return mr_logline_add(r->line, r->arena, name, value);
}

static bool begins_with(struct mr_slice text, struct mr_slice begin)
{
    return text.len >= begin.len && memcmp(text.data, begin.data, begin.len) == 0;
}

/* The longer of the two where one is the other's beginning; else both are kept. */
static enum mr_status set_body(struct reader *r)
{
    const struct mr_logline_value *brief = &r->short_message, *full = &r->full_message;
    if (!full->text.data) {
        r->line->body = *brief;
        return MR_OK;
    }
    if (!brief->text.data ||
        (!brief->is_json && !full->is_json && begins_with(full->text, brief->text))) {
        r->line->body = *full;
        return MR_OK;
    }
    r->line->body = *brief;
    return mr_logline_add(r->line, r->arena, mr_slice_text("gelf.full_message"), *full);
}

static enum mr_status read_members(struct reader *r, struct mr_slice rest)
{
    struct mr_slice raw_name, raw, name;
    struct mr_logline_value value;
    while (mr_json_scan_member(&rest, &raw_name, &raw)) {
        enum mr_status s = mr_json_scan_string(raw_name, r->arena, &name);
        if (s == MR_OK)
            s = mr_logline_json(raw, r->arena, &value);
        if (s == MR_OK)
            s = read_member(r, name, value);
        if (s != MR_OK)
            return s;
    }
    return MR_OK;
}

enum mr_status mr_gelf_read(struct mr_slice message, struct mr_arena *arena, struct mr_logline *out,
                            struct mr_error *why)
{
    struct mr_logline line = {0};
    struct reader r = {.arena = arena, .line = &line};
    struct mr_slice value;
    enum mr_status s = mr_json_scan_check(message, &value, why);
    if (s != MR_OK)
        return s;
    if (mr_json_scan_kind(value) != MR_JSON_OBJECT)
        return mr_fail(why, MR_INVALID, "A GELF message is a JSON object.");
    s = read_members(&r, value);
    if (s != MR_OK)
        return mr_fail(why, s, "The GELF message needs more memory than there is.");
    if (!r.short_message.text.data && !r.full_message.text.data)
        return mr_fail(why, MR_INVALID,
                       "The GELF message has neither short_message nor full_message.");
    s = set_body(&r);
    if (s == MR_OK)
        *out = line;
    return s;
}
