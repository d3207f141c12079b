/* RFC 5424: VERSION SP TIMESTAMP SP HOSTNAME SP APP-NAME SP PROCID SP MSGID SP STRUCTURED-DATA
 * [SP MSG]. */
#include "mr_stamp.h"
#include "mr_syslog_own.h"

#define PREFIX "sd."

static bool is_nil(struct mr_slice token)
{
    return token.len == 0 || mr_slice_is(token, "-");
}

static enum mr_status add_token(struct mr_syslog_input *in, const char *name, struct mr_slice token)
{
    return is_nil(token) ? MR_OK : mr_syslog_add(in, mr_slice_text(name), token);
}

static enum mr_status set_text(struct mr_syslog_input *in, struct mr_slice token,
                               struct mr_slice *out)
{
    return is_nil(token) ? MR_OK : mr_logline_text(token, in->arena, out);
}

/* -- structured data: [id name="value" ...][...] -- */

struct element {
    struct mr_slice id, name; /* of the parameter before, for counting */
    unsigned count;           /* how often that one came, one after the other */
};

static bool take(struct mr_slice *rest, char wanted)
{
    if (rest->len == 0 || rest->data[0] != wanted)
        return false;
    *rest = mr_slice(rest->data + 1, rest->len - 1);
    return true;
}

/* SD-NAME: printable ASCII without '=', ']', '"' and space; any length. Empty: none. */
static struct mr_slice take_name(struct mr_slice *rest)
{
    size_t i = 0;
    for (char c; i < rest->len && (c = rest->data[i]) > ' ' && c < 0x7F; i++)
        if (c == '=' || c == ']' || c == '"')
            break;
    struct mr_slice name = mr_slice(rest->data, i);
    if (i > 0)
        *rest = mr_slice(rest->data + i, rest->len - i);
    return name;
}

static bool is_escapable(char c)
{
    return c == '"' || c == '\\' || c == ']';
}

/* From behind the opening quote to behind the closing one; \" \\ \] are escapes, another backslash
 * stands for itself (RFC 5424, 6.3.3). MR_INVALID: it does not close. */
static enum mr_status take_value(struct mr_syslog_input *in, struct mr_slice *value)
{
    const char *p = in->rest.data;
    size_t len = 0, escapes = 0;
    while (len < in->rest.len && p[len] != '"') {
        bool is_escape =
            p[len] == '\\' && len + 1 < in->rest.len && p[len + 1] && strchr("\"\\]", p[len + 1]);
        escapes += is_escape;
        len += is_escape ? 2 : 1;
    }
    if (len >= in->rest.len)
        return MR_INVALID;
    *value = mr_slice(p, len);
    in->rest = mr_slice(p + len + 1, in->rest.len - len - 1);
    if (escapes == 0)
        return MR_OK;
    char *copy = mr_arena_alloc(in->arena, len), *to = copy;
    if (!copy)
        return MR_LIMIT;
    for (size_t i = 0; i < len; i++) {
        if (p[i] == '\\' && i + 1 < len && is_escapable(p[i + 1]))
            i++;
        *to++ = p[i];
    }
    *value = mr_slice(copy, (size_t)(to - copy));
    return MR_OK;
}

/* "sd.<id>", "sd.<id>.<name>" or, for one that comes again, "sd.<id>.<name>.2". */
static enum mr_status add_parameter(struct mr_syslog_input *in, const struct element *e,
                                    struct mr_slice value)
{
    char number[16] = "";
    size_t digits = 0;
    for (unsigned v = e->count; e->count > 1 && v > 0; v /= 10)
        number[sizeof number - ++digits] = (char)('0' + v % 10);
    size_t size = strlen(PREFIX) + e->id.len + 1 + e->name.len + 1 + digits;
    char *name = mr_arena_alloc(in->arena, size), *to = name;
    if (!name)
        return MR_LIMIT;
    to = mempcpy(to, PREFIX, strlen(PREFIX));
    to = mempcpy(to, e->id.data, e->id.len);
    if (e->name.len > 0) {
        *to++ = '.';
        to = mempcpy(to, e->name.data, e->name.len);
    }
    if (digits > 0) {
        *to++ = '.';
        to = mempcpy(to, number + sizeof number - digits, digits);
    }
    return mr_syslog_add(in, mr_slice(name, (size_t)(to - name)), value);
}

static enum mr_status read_parameter(struct mr_syslog_input *in, struct element *e)
{
    struct mr_slice value, name = take_name(&in->rest);
    if (name.len == 0 || !take(&in->rest, '=') || !take(&in->rest, '"'))
        return MR_INVALID;
    e->count = mr_slice_equal(name, e->name) ? e->count + 1 : 1;
    e->name = name;
    enum mr_status s = take_value(in, &value);
    return s == MR_OK ? add_parameter(in, e, value) : s;
}

static enum mr_status read_element(struct mr_syslog_input *in)
{
    struct element e = {.id = take_name(&in->rest)};
    if (e.id.len == 0)
        return MR_INVALID;
    if (take(&in->rest, ']'))
        return add_parameter(in, &e, mr_slice("", 0));
    while (!take(&in->rest, ']')) {
        if (!take(&in->rest, ' '))
            return MR_INVALID;
        enum mr_status s = read_parameter(in, &e);
        if (s != MR_OK)
            return s;
    }
    return MR_OK;
}

/* Up to the message. */
static enum mr_status read_elements(struct mr_syslog_input *in)
{
    if (!take(&in->rest, '-')) {
        if (in->rest.len == 0 || in->rest.data[0] != '[')
            return MR_INVALID;
        while (take(&in->rest, '[')) {
            enum mr_status s = read_element(in);
            if (s != MR_OK)
                return s;
        }
    }
    return in->rest.len == 0 || take(&in->rest, ' ') ? MR_OK : MR_INVALID;
}

/* What is no structured data is the message's beginning. */
static enum mr_status read_structured(struct mr_syslog_input *in)
{
    struct mr_slice from = in->rest;
    size_t count = in->line->attribute_count;
    enum mr_status s = in->rest.len > 0 ? read_elements(in) : MR_OK;
    if (s == MR_INVALID) {
        in->rest = from;
        in->line->attribute_count = count;
        s = MR_OK;
    } else if (in->rest.len >= 3 && memcmp(in->rest.data, "\xEF\xBB\xBF", 3) == 0) {
        in->rest = mr_slice(in->rest.data + 3, in->rest.len - 3);
    }
    return s;
}

/* -- the header -- */

static bool take_begin(struct mr_syslog_input *in)
{
    struct mr_slice rest = in->rest;
    int64_t ns = 0;
    if (!mr_slice_is(mr_syslog_token(&rest), "1"))
        return false;
    struct mr_slice stamp = mr_syslog_token(&rest);
    if (!mr_slice_is(stamp, "-") && mr_stamp_parse(stamp, &ns) != MR_OK)
        return false;
    in->line->has_time = !mr_slice_is(stamp, "-");
    in->line->time_ns = ns;
    in->rest = rest;
    return true;
}

enum mr_status mr_syslog_read_5424(struct mr_syslog_input *in)
{
    struct mr_logline_value one = {.text = mr_slice_text("1"), .is_json = true};
    if (!take_begin(in))
        return MR_INVALID;
    enum mr_status s = mr_logline_add(in->line, in->arena, mr_slice_text("syslog.version"), one);
    if (s == MR_OK)
        s = set_text(in, mr_syslog_token(&in->rest), &in->line->host);
    if (s == MR_OK)
        s = set_text(in, mr_syslog_token(&in->rest), &in->line->service);
    if (s == MR_OK)
        s = add_token(in, "syslog.procid", mr_syslog_token(&in->rest));
    if (s == MR_OK)
        s = add_token(in, "syslog.msgid", mr_syslog_token(&in->rest));
    return s == MR_OK ? read_structured(in) : s;
}
