/* JSON bodies: what is redacted in them, in place. */
#include "mr_ingest_own.h"

#include <math.h>
#include <stdlib.h>

static bool is_redacted(const json_t *value)
{
    return json_is_string(value) &&
           mr_slice_is(mr_slice(json_string_value(value), json_string_length(value)),
                       MR_INGEST_REDACTED);
}

static json_t *redacted(void)
{
    json_t *text = json_string(MR_INGEST_REDACTED);
    if (!text)
        abort();
    return text;
}

static bool is_excepted(const struct mr_ingest *ingest, struct mr_slice name)
{
    for (size_t i = 0; i < ingest->except_count; i++)
        if (mr_slice_is(name, ingest->excepts[i]))
            return true;
    return false;
}

bool mr_ingest_is_card(const struct mr_ingest *ingest, const json_t *number)
{
    if (!(ingest->classes & MR_SCAN_CARD))
        return false;
    if (json_is_integer(number))
        return mr_scan_is_card(json_integer_value(number));
    double real = json_real_value(number); /* of a source whose numbers are all doubles */
    return real > 0 && real < 9e18 && real == floor(real) && mr_scan_is_card((int64_t)real);
}

/* What stands in place of value; NULL: it stays. Texts are replaced in place, told by *changed. */
static json_t *look_at(struct mr_ingest *ingest, json_t *value, bool *changed)
{
    struct mr_slice text;
    switch (json_typeof(value)) {
    case JSON_STRING:
        text = mr_slice(json_string_value(value), json_string_length(value));
        if (!mr_ingest_replace(ingest, text, &text))
            return NULL;
        if (json_string_setn_nocheck(value, text.data, text.len) != 0)
            abort();
        *changed = true;
        return NULL;
    case JSON_INTEGER:
    case JSON_REAL:
        if (!mr_ingest_is_card(ingest, value))
            return NULL;
        ingest->counts[MR_INGEST_COUNT_CARD].count++;
        return redacted();
    case JSON_OBJECT:
    case JSON_ARRAY:
        *changed |= mr_ingest_walk(ingest, value, false);
        return NULL;
    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_NULL:
        return NULL;
    }
    return NULL;
}

static json_t *look_at_member(struct mr_ingest *ingest, struct mr_slice name, json_t *value,
                              bool is_top, bool *changed)
{
    if (is_top && ingest->except_count > 0 && is_excepted(ingest, name))
        return NULL;
    bool holds = !json_is_null(value) && !json_is_boolean(value);
    if (!holds || !mr_ingest_names_has(&ingest->names, name))
        return look_at(ingest, value, changed);
    if (is_redacted(value))
        return NULL;
    ingest->counts[MR_INGEST_COUNT_NAMES].count++;
    return redacted();
}

static bool walk_object(struct mr_ingest *ingest, json_t *object, bool is_top)
{
    bool changed = false;
    for (void *it = json_object_iter(object); it; it = json_object_iter_next(object, it)) {
        struct mr_slice name = mr_slice_text(json_object_iter_key(it));
        json_t *now = look_at_member(ingest, name, json_object_iter_value(it), is_top, &changed);
        if (now) {
            changed = true;
            if (json_object_iter_set_new(object, it, now) != 0)
                abort();
        }
    }
    return changed;
}

/* As deep as mr_json lets values nest. */
bool mr_ingest_walk(struct mr_ingest *ingest, json_t *value, bool is_top)
{
    bool changed = false;
    if (json_is_object(value))
        return walk_object(ingest, value, is_top);
    for (size_t i = 0; i < json_array_size(value); i++) {
        json_t *now = look_at(ingest, json_array_get(value, i), &changed);
        if (now) {
            changed = true;
            if (json_array_set_new(value, i, now) != 0)
                abort();
        }
    }
    return changed;
}

enum mr_status mr_ingest_redact_body(struct mr_ingest *ingest, json_t *body, bool *changed)
{
    *changed = ingest && mr_ingest_walk(ingest, body, true);
    return MR_OK;
}

static int add(const char *data, size_t len, void *out)
{
    mr_buf_add(out, data, len);
    return 0;
}

enum mr_status mr_ingest_dump(const json_t *value, struct mr_arena *arena, struct mr_slice *out)
{
    struct mr_buf text;
    mr_buf_init(&text, 0);
    if (json_dump_callback(value, add, &text,
                           JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(17)) != 0)
        abort();
    struct mr_slice kept = mr_arena_slice(arena, mr_buf_all(&text));
    mr_buf_free(&text);
    if (!kept.data)
        return MR_LIMIT;
    *out = kept;
    return MR_OK;
}

enum mr_status mr_ingest_body(struct mr_ingest *ingest, json_t *body, const struct mr_uuid *id,
                              struct mr_arena *arena, struct mr_slice *text, bool *kept)
{
    *kept = mr_ingest_keeps_body(ingest, body, id);
    if (!ingest || !*kept || !mr_ingest_walk(ingest, body, true))
        return MR_OK;
    return mr_ingest_dump(body, arena, text);
}

bool mr_ingest_sees_clean(void *data, const struct mr_schema_seen *seen)
{
    struct mr_ingest *ingest = data;
    bool holds = seen->type != JSON_NULL && seen->type != JSON_TRUE && seen->type != JSON_FALSE;
    if (!ingest)
        return true;
    if (ingest->sample_count > 0)
        return false;
    if (seen->depth == 1 && seen->name.data && ingest->except_count > 0 &&
        is_excepted(ingest, seen->name))
        return true; /* what is in one that is not scalar is looked at all the same */
    if (holds && seen->name.data && mr_ingest_names_has(&ingest->names, seen->name))
        return seen->type == JSON_STRING && mr_slice_is(seen->text, MR_INGEST_REDACTED);
    if (seen->type == JSON_STRING)
        return !mr_ingest_would_replace(ingest, seen->text);
    bool is_number = seen->type == JSON_INTEGER || seen->type == JSON_REAL;
    return !is_number || !(ingest->classes & MR_SCAN_CARD) || !mr_scan_is_card(seen->integer);
}
