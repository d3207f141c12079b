/* Log lines as the wire formats' readers leave them. */
#include "mr_ingest_own.h"

#include "mr_json.h"

#define CARD_DIGITS_MIN 13

static const struct mr_slice redacted = {.data = MR_INGEST_REDACTED,
                                         .len = sizeof MR_INGEST_REDACTED - 1};

static enum mr_status redact_text(struct mr_ingest *ingest, struct mr_arena *arena,
                                  struct mr_slice *text, bool *changed)
{
    const char *was = text->data;
    enum mr_status s = mr_ingest_redact_text(ingest, arena, text);
    *changed |= text->data != was;
    return s;
}

/* true, false and null, and numbers of less digits than a card has; most values are such. */
static bool is_plain(struct mr_slice json)
{
    if (json.len == 0)
        return false;
    bool is_number = json.data[0] == '-' || (json.data[0] >= '0' && json.data[0] <= '9');
    return is_number ? json.len < CARD_DIGITS_MIN : memchr("tfn", json.data[0], 3) != NULL;
}

/* What cannot be read is not looked through, and so is not sent either. */
static enum mr_status redact_json(struct mr_ingest *ingest, struct mr_arena *arena,
                                  struct mr_logline_value *value, bool *changed)
{
    json_t *json;
    enum mr_status s = MR_OK;
    if (is_plain(value->text))
        return MR_OK;
    if (mr_json_parse(value->text, &json, NULL) != MR_OK) {
        *value = (struct mr_logline_value){.text = redacted};
        ingest->counts[MR_INGEST_COUNT_UNREADABLE].count++;
        *changed = true;
        return MR_OK;
    }
    if (json_is_number(json) && mr_ingest_is_card(ingest, json)) {
        *value = (struct mr_logline_value){.text = redacted};
        ingest->counts[MR_INGEST_COUNT_CARD].count++;
        *changed = true;
    } else if (json_is_object(json) || json_is_array(json)) {
        if (mr_ingest_walk(ingest, json, false)) {
            *changed = true;
            s = mr_ingest_dump(json, arena, &value->text);
        }
    } else if (json_is_string(json)) {
        struct mr_slice text = mr_slice(json_string_value(json), json_string_length(json));
        if (mr_ingest_replace(ingest, text, &text)) {
            *changed = true;
            text = mr_arena_slice(arena, text);
            *value = (struct mr_logline_value){.text = text};
            s = text.data ? MR_OK : MR_LIMIT;
        }
    }
    json_decref(json);
    return s;
}

static enum mr_status redact_value(struct mr_ingest *ingest, struct mr_arena *arena,
                                   struct mr_logline_value *value, bool *changed)
{
    if (!value->text.data)
        return MR_OK;
    return value->is_json ? redact_json(ingest, arena, value, changed)
                          : redact_text(ingest, arena, &value->text, changed);
}

static bool holds(const struct mr_logline_value *value)
{
    return value->text.len > 0 && !(value->is_json && memchr("tfn", value->text.data[0], 3)) &&
           !mr_slice_equal(value->text, redacted);
}

static enum mr_status redact_attributes(struct mr_ingest *ingest, struct mr_logline *line,
                                        struct mr_arena *arena, bool *changed)
{
    for (size_t i = 0; i < line->attribute_count; i++) {
        struct mr_logline_attribute *a = &line->attributes[i];
        if (mr_ingest_names_has(&ingest->names, a->name)) {
            if (!holds(&a->value))
                continue;
            a->value = (struct mr_logline_value){.text = redacted};
            ingest->counts[MR_INGEST_COUNT_NAMES].count++;
            *changed = true;
        } else {
            enum mr_status s = redact_value(ingest, arena, &a->value, changed);
            if (s != MR_OK)
                return s;
        }
    }
    return MR_OK;
}

enum mr_status mr_ingest_redact_line(struct mr_ingest *ingest, struct mr_logline *line,
                                     struct mr_arena *arena, bool *changed)
{
    enum mr_status s;
    *changed = false;
    if (!ingest)
        return MR_OK;
    if ((s = redact_value(ingest, arena, &line->body, changed)) != MR_OK ||
        (s = redact_text(ingest, arena, &line->service, changed)) != MR_OK ||
        (s = redact_text(ingest, arena, &line->host, changed)) != MR_OK ||
        (s = redact_text(ingest, arena, &line->severity_text, changed)) != MR_OK)
        return s;
    return redact_attributes(ingest, line, arena, changed);
}

enum mr_status mr_ingest_line(struct mr_ingest *ingest, struct mr_logline *line,
                              const struct mr_uuid *id, struct mr_arena *arena, struct mr_buf *out,
                              bool *kept)
{
    bool changed;
    *kept = mr_ingest_keeps_line(ingest, line, id);
    if (!*kept)
        return MR_OK;
    enum mr_status s = mr_ingest_redact_line(ingest, line, arena, &changed);
    if (s != MR_OK)
        return s;
    mr_logline_write(line, out);
    return mr_buf_ok(out) ? MR_OK : MR_LIMIT;
}
