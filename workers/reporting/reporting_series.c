#include "reporting_series.h"

#include "mr_buf.h"
#include <assert.h>
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

struct label {
    const char *name;
    struct mr_slice value;
};

/* The labels in order of their names' bytes: few, so each finds its place among those before. */
static size_t sort_labels(const json_t *labels, struct label *sorted)
{
    const char *name;
    json_t *value;
    size_t count = 0;
    json_object_foreach ((json_t *)labels, name, value) {
        size_t at = count++;
        for (; at > 0 && strcmp(sorted[at - 1].name, name) > 0; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] =
            (struct label){name, mr_slice(json_string_value(value), json_string_length(value))};
    }
    return count;
}

struct mr_slice reporting_labels_text(const json_t *labels, struct mr_arena *arena)
{
    struct label sorted[REPORTING_LABELS_MAX];
    struct mr_buf text;
    if (!labels || json_object_size(labels) == 0)
        return mr_slice_text("{}");
    assert(json_object_size(labels) <= REPORTING_LABELS_MAX); /* says the schema */
    size_t count = sort_labels(labels, sorted);
    mr_buf_init(&text, 0);
    for (size_t i = 0; i < count; i++) {
        mr_buf_char(&text, i == 0 ? '{' : ',');
        mr_buf_json_string(&text, mr_slice_text(sorted[i].name));
        mr_buf_char(&text, ':');
        mr_buf_json_string(&text, sorted[i].value);
    }
    mr_buf_char(&text, '}');
    char *kept = mr_arena_dup(arena, text.data, text.len);
    struct mr_slice out = mr_slice(kept, kept ? text.len : 0);
    mr_buf_free(&text);
    return out;
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

/* Adding keeps the rows of a series beside each other in their index. */
struct mr_uuid reporting_row_id(const struct mr_uuid *series, int64_t start_ms)
{
    struct mr_uuid id = *series;
    uint8_t *low = id.bytes + 12;
    uint32_t end = (uint32_t)low[0] << 24 | (uint32_t)low[1] << 16 | (uint32_t)low[2] << 8 | low[3];
    end += (uint32_t)(start_ms / REPORTING_MINUTE_MS);
    for (int i = 0; i < 4; i++)
        low[i] = (uint8_t)(end >> (24 - 8 * i));
    id.bytes[6] = (uint8_t)(0x80 | (id.bytes[6] & 0x0f)); /* version 8: made our own way */
    return id;
}

struct mr_uuid reporting_session_id(const struct mr_uuid *series, struct mr_slice session)
{
    return id_of(series, &session, 1);
}
