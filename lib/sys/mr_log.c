#include "mr_log.h"

#include "mr_buf.h"
#include "mr_clock.h"
#include "mr_time.h"
#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const level_names[] = {"debug", "info", "warn", "error"};
#define TAIL_BYTES 16 /* kept free for ,"cut":true} and the newline */

void mr_log_open(struct mr_log *log, const char *program, int fd, enum mr_log_format format,
                 enum mr_log_level level_min)
{
    *log = (struct mr_log){.program = program, .fd = fd, .format = format, .level_min = level_min};
}

void mr_log_open_config(struct mr_log *log, const char *program, const struct mr_config *config)
{
    const char *level = mr_config_text(config, "LOG_LEVEL");
    bool text = strcmp(mr_config_text(config, "LOG_FORMAT"), "text") == 0;
    size_t i = 0;
    while (strcmp(level_names[i], level) != 0)
        i++; /* ends: the table's choices are these names */
    mr_log_open(log, program, STDERR_FILENO, text ? MR_LOG_TEXT : MR_LOG_JSON,
                (enum mr_log_level)i);
}

/* At most max bytes, not ending inside a UTF-8 character. */
static struct mr_slice cut_text(struct mr_slice text, size_t max)
{
    if (text.len <= max)
        return text;
    while (max > 0 && ((unsigned char)text.data[max] & 0xC0) == 0x80)
        max--;
    return mr_slice(text.data, max);
}

/* For people: control characters are escaped as in JSON; quotes only where they are needed. */
static void text_value(struct mr_buf *line, struct mr_slice text)
{
    bool plain = text.len > 0;
    for (size_t i = 0; i < text.len && plain; i++) {
        unsigned char c = (unsigned char)text.data[i];
        plain = c > ' ' && c < 0x7f && c != '"' && c != '=' && c != '\\';
    }
    if (plain)
        mr_buf_slice(line, text);
    else
        mr_buf_json_string(line, text);
}

static void add_text(struct mr_buf *line, enum mr_log_format format, struct mr_slice text)
{
    bool longer = text.len > MR_LOG_TEXT_MAX;
    text = cut_text(text, MR_LOG_TEXT_MAX);
    if (!text.data)
        mr_buf_text(line, "null");
    else if (format == MR_LOG_JSON)
        mr_buf_json_string(line, text);
    else
        text_value(line, text);
    if (longer && line->len > 0 && line->data[line->len - 1] == '"') {
        line->len--; /* the mark goes inside the quotes */
        mr_buf_text(line, "...\"");
    }
}

static void add_value(struct mr_buf *line, enum mr_log_format format, const struct mr_log_field *f)
{
    char id[MR_UUID_TEXT + 1];
    switch (f->kind) {
    case MR_LOG_F_TEXT:
        add_text(line, format, f->text);
        return;
    case MR_LOG_F_INT:
        mr_buf_printf(line, "%lld", (long long)f->integer);
        return;
    case MR_LOG_F_REAL:
        if (isfinite(f->real))
            mr_buf_printf(line, "%.9g", f->real);
        else
            mr_buf_text(line, "null"); /* JSON knows no infinity */
        return;
    case MR_LOG_F_BOOL:
        mr_buf_text(line, f->integer ? "true" : "false");
        return;
    case MR_LOG_F_UUID:
        add_text(line, format, mr_slice(mr_uuid_text(&f->uuid, id), MR_UUID_TEXT));
        return;
    }
}

static void add_field(struct mr_buf *line, enum mr_log_format format, const struct mr_log_field *f)
{
    mr_buf_char(line, format == MR_LOG_JSON ? ',' : ' ');
    if (format == MR_LOG_JSON)
        mr_buf_json_string(line, mr_slice_text(f->name));
    else
        mr_buf_text(line, f->name);
    mr_buf_char(line, format == MR_LOG_JSON ? ':' : '=');
    add_value(line, format, f);
}

static void add_head(struct mr_buf *line, const struct mr_log *log, enum mr_log_level level,
                     const char *msg)
{
    char ts[MR_TIME_TEXT + 1];
    mr_time_text(mr_clock_wall_ms(), ts);
    if (log->format == MR_LOG_TEXT) {
        mr_buf_printf(line, "%s %-5s %s: %s", ts, level_names[level], log->program, msg);
        return;
    }
    mr_buf_printf(line, "{\"ts\":\"%s\",\"level\":\"%s\",\"program\":", ts, level_names[level]);
    mr_buf_json_string(line, mr_slice_text(log->program));
    mr_buf_text(line, ",\"msg\":");
    mr_buf_json_string(line, mr_slice_text(msg));
}

static void send_line(struct mr_log *log, struct mr_slice line)
{
    ssize_t n;
    do
        n = write(log->fd, line.data, line.len);
    while (n < 0 && errno == EINTR);
    /* Nobody is left to be told that the log is gone; half a line is lost with the rest of it. */
    if (n < (ssize_t)line.len)
        atomic_fetch_add_explicit(&log->dropped, 1, memory_order_relaxed);
}

void mr_log_write(struct mr_log *log, enum mr_log_level level, const char *msg,
                  const struct mr_log_field *fields, size_t count)
{
    if (level < log->level_min)
        return;
    struct mr_buf line;
    mr_buf_init(&line, MR_LOG_LINE_MAX - TAIL_BYTES);
    add_head(&line, log, level, msg);
    bool cut = false;
    for (size_t i = 0; i < count; i++) {
        size_t before = line.len;
        add_field(&line, log->format, &fields[i]);
        if (mr_buf_ok(&line))
            continue;
        line.len = before; /* the field goes as a whole, or the line would be no JSON */
        line.over = false;
        cut = true;
    }
    line.bytes_max = 0;
    if (cut)
        mr_buf_text(&line, log->format == MR_LOG_JSON ? ",\"cut\":true" : " cut=true");
    mr_buf_text(&line, log->format == MR_LOG_JSON ? "}\n" : "\n");
    send_line(log, mr_buf_all(&line));
    mr_buf_free(&line);
}

bool mr_log_limit_allows(struct mr_log_limit *limit, int64_t now_ms, uint64_t *held_back)
{
    if (limit->next_ms != 0 && now_ms < limit->next_ms) {
        limit->held_back++;
        return false;
    }
    *held_back = limit->held_back;
    *limit = (struct mr_log_limit){.next_ms = now_ms + MR_LOG_LIMIT_MS};
    return true;
}

#define LIMITED_FIELDS_MAX 31

void mr_log_write_limited(struct mr_log *log, struct mr_log_limit *limit, enum mr_log_level level,
                          const char *msg, const struct mr_log_field *fields, size_t count)
{
    uint64_t held_back = 0;
    if (level < log->level_min || !mr_log_limit_allows(limit, mr_clock_mono_ms(), &held_back))
        return;
    assert(count <= LIMITED_FIELDS_MAX);
    struct mr_log_field all[LIMITED_FIELDS_MAX + 1];
    if (count > 0)
        memcpy(all, fields, count * sizeof *all);
    if (held_back > 0)
        all[count++] = mr_f_int("held_back", (int64_t)held_back);
    mr_log_write(log, level, msg, all, count);
}
