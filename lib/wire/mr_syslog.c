#include "mr_syslog_own.h"

#define FACILITIES 24
#define PRI_MAX    191

struct mr_slice mr_syslog_datagram(struct mr_slice datagram)
{
    while (datagram.len > 0 && strchr("\r\n", datagram.data[datagram.len - 1])) /* and NUL */
        datagram.len--;
    return datagram;
}

int32_t mr_syslog_severity(int64_t severity)
{
    static const int32_t numbers[] = {21, 19, 18, 17, 13, 10, 9, 5};
    return severity >= 0 && severity < 8 ? numbers[severity] : 0;
}

const char *mr_syslog_severity_text(int64_t severity)
{
    static const char *const texts[] = {"emerg",   "alert",  "crit", "err",
                                        "warning", "notice", "info", "debug"};
    return severity >= 0 && severity < 8 ? texts[severity] : NULL;
}

struct mr_slice mr_syslog_token(struct mr_slice *rest)
{
    const char *space = rest->len ? memchr(rest->data, ' ', rest->len) : NULL;
    size_t len = space ? (size_t)(space - rest->data) : rest->len;
    size_t past = space ? len + 1 : len;
    struct mr_slice token = mr_slice(rest->data, len);
    if (past > 0)
        *rest = mr_slice(rest->data + past, rest->len - past);
    return token;
}

enum mr_status mr_syslog_add(struct mr_syslog_input *in, struct mr_slice name, struct mr_slice text)
{
    struct mr_logline_value value = {0};
    enum mr_status s = mr_logline_text(text, in->arena, &value.text);
    return s == MR_OK ? mr_logline_add(in->line, in->arena, name, value) : s;
}

/* "<34>": true, and rest is behind it. */
static bool take_priority(struct mr_slice *rest, int *priority)
{
    size_t i = 1;
    int v = 0;
    if (rest->len < 3 || rest->data[0] != '<')
        return false;
    for (; i < rest->len && i < 4 && rest->data[i] >= '0' && rest->data[i] <= '9'; i++)
        v = v * 10 + (rest->data[i] - '0');
    if (i == 1 || i == rest->len || rest->data[i] != '>' || v > PRI_MAX)
        return false;
    *priority = v;
    *rest = mr_slice(rest->data + i + 1, rest->len - i - 1);
    return true;
}

static enum mr_status add_priority(struct mr_syslog_input *in, int priority)
{
    static const char numbers[] = "01234567891011121314151617181920212223";
    int facility = priority / 8;
    const char *text = facility < 10 ? numbers + facility : numbers + 10 + (facility - 10) * 2;
    struct mr_logline_value value = {.text = mr_slice(text, facility < 10 ? 1 : 2),
                                     .is_json = true};
    in->line->severity = mr_syslog_severity(priority % 8);
    in->line->severity_text = mr_slice_text(mr_syslog_severity_text(priority % 8));
    return mr_logline_add(in->line, in->arena, mr_slice_text("syslog.facility"), value);
}

/* Without the part of a character that a cut may leave at the end. */
static struct mr_slice whole_characters(struct mr_slice text)
{
    for (size_t n = 1; n <= 3 && n <= text.len; n++) {
        unsigned char c = (unsigned char)text.data[text.len - n];
        size_t bytes = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : c >= 0x80 ? 0 : 1;
        if (bytes > n)
            text.len -= n;
        if (bytes > 0)
            break;
    }
    return text;
}

static enum mr_status read_forms(struct mr_syslog_input *in)
{
    int priority;
    if (take_priority(&in->rest, &priority)) {
        enum mr_status s = add_priority(in, priority);
        if (s != MR_OK)
            return s;
        s = mr_syslog_read_5424(in);
        if (s != MR_INVALID)
            return s;
    }
    enum mr_status s = mr_syslog_read_3164(in);
    return s == MR_INVALID ? MR_OK : s; /* in no form: all of it is the body */
}

enum mr_status mr_syslog_read(struct mr_slice message, const struct mr_syslog_context *context,
                              struct mr_arena *arena, struct mr_logline *out)
{
    struct mr_slice whole = context->is_cut ? whole_characters(message) : message;
    struct mr_syslog_input in = {whole, context, arena, out};
    *out = (struct mr_logline){0};
    enum mr_status s = read_forms(&in);
    if (s == MR_OK && in.rest.len > 0)
        s = mr_logline_text(in.rest, arena, &out->body.text);
    if (s == MR_OK && context->is_cut) {
        struct mr_logline_value yes = {.text = mr_slice_text("true"), .is_json = true};
        s = mr_logline_add(out, arena, mr_slice_text("syslog.cut"), yes);
    }
    return s;
}
