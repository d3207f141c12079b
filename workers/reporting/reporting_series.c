#include "reporting_series.h"

#include "mr_buf.h"
#include "mr_time.h"
#include <string.h>

int64_t reporting_floor(int64_t time_ms, int64_t span_ms)
{
    int64_t rest = time_ms % span_ms;
    return time_ms - (rest < 0 ? rest + span_ms : rest);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool reporting_label_name_good(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > REPORTING_LABEL_NAME_MAX || !is_letter(*name))
        return false;
    for (size_t i = 1; i < len; i++) {
        char c = name[i];
        if (!is_letter(c) && !(c >= '0' && c <= '9') && c != '.' && c != '-')
            return false;
    }
    return true;
}

struct mr_slice reporting_labels_text(const json_t *labels, struct mr_arena *arena)
{
    if (!labels || json_object_size(labels) == 0)
        return mr_slice_text("{}");
    size_t len = json_dumpb(labels, NULL, 0, JSON_COMPACT | JSON_SORT_KEYS);
    char *text = mr_arena_alloc(arena, len + 1);
    if (!text)
        return mr_slice(NULL, 0);
    json_dumpb(labels, text, len, JSON_COMPACT | JSON_SORT_KEYS);
    return mr_slice(text, len);
}

/* UUIDv5 of id LF part LF part ... Short names, which most are, take no
 * memory of their own. */
static struct mr_uuid id_of(const struct mr_uuid *first, const struct mr_slice *parts, size_t count)
{
    char small[512];
    struct mr_buf large;
    size_t len = MR_UUID_TEXT;
    for (size_t i = 0; i < count; i++)
        len += 1 + parts[i].len;
    mr_buf_init(&large, 0);
    char *name = len < sizeof small ? small : mr_buf_reserve(&large, len + 1);
    char *at = name + MR_UUID_TEXT;
    mr_uuid_text(first, name);
    for (size_t i = 0; i < count; i++) {
        *at++ = '\n';
        memcpy(at, parts[i].data, parts[i].len);
        at += parts[i].len;
    }
    struct mr_uuid id = mr_uuid_v5(mr_slice(name, len));
    mr_buf_free(&large);
    return id;
}

struct mr_uuid reporting_metric_id(const struct mr_uuid *account, struct mr_slice metric)
{
    return id_of(account, &metric, 1);
}

struct mr_uuid reporting_history_id(const struct mr_uuid *account, struct mr_slice metric,
                                    const char *measure)
{
    const struct mr_slice parts[] = {metric, mr_slice_text(measure)};
    return id_of(account, parts, 2);
}

struct mr_uuid reporting_series_id(const struct mr_uuid *account, struct mr_slice metric,
                                   struct mr_slice labels)
{
    const struct mr_slice parts[] = {metric, labels};
    return id_of(account, parts, 2);
}

struct mr_uuid reporting_row_id(const struct mr_uuid *series, int64_t start_ms)
{
    char text[MR_TIME_TEXT + 1];
    const struct mr_slice part = mr_slice_text(mr_time_text(start_ms, text));
    return id_of(series, &part, 1);
}

struct mr_uuid reporting_session_id(const struct mr_uuid *series, struct mr_slice session)
{
    return id_of(series, &session, 1);
}
