#include "mr_schema_text.h"

#include "mr_schema_node.h"
#include "mr_time.h"
#include "mr_uuid.h"
#include <stdlib.h>

#define DEPTH_MAX   16
#define MEMBERS_MAX 32
#define CHAIN_MAX   8  /* schemas that a value is checked against: $ref after $ref */
#define DIGITS_MAX  18 /* of an integer: it fits int64_t */
#define REAL_MAX    40 /* characters of a number with a fraction: it fits a double */

struct mr_schema_glance {
    struct mr_buf unescaped;
    pcre2_match_data *match;
};

struct walk {
    struct mr_schema_glance *glance;
    const char *at, *end;
    bool (*see)(void *data, const struct mr_schema_seen *seen);
    void *data;
};

struct mr_schema_glance *mr_schema_glance_new(void)
{
    struct mr_schema_glance *glance = calloc(1, sizeof *glance);
    if (!glance || !(glance->match = pcre2_match_data_create(1, NULL)))
        abort();
    mr_buf_init(&glance->unescaped, 0);
    return glance;
}

void mr_schema_glance_free(struct mr_schema_glance *glance)
{
    if (!glance)
        return;
    mr_buf_free(&glance->unescaped);
    pcre2_match_data_free(glance->match);
    free(glance);
}

/* ---- JSON's own forms ---- */

static void skip_space(struct walk *w)
{
    while (w->at < w->end && (*w->at == ' ' || *w->at == '\n' || *w->at == '\t' || *w->at == '\r'))
        w->at++;
}

static bool take(struct walk *w, char c)
{
    skip_space(w);
    if (w->at == w->end || *w->at != c)
        return false;
    w->at++;
    return true;
}

static bool take_word(struct walk *w, const char *word, size_t len)
{
    if ((size_t)(w->end - w->at) < len || memcmp(w->at, word, len) != 0)
        return false;
    w->at += len;
    return true;
}

/* '"' and '\\' end a run of characters that stand for themselves, and so does what may not be. */
static const char *run_end(const char *at, const char *end)
{
    while (at < end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20)
        at++;
    return at;
}

static bool unescape(struct walk *w, const char *begin, struct mr_slice *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    struct mr_buf *buf = &w->glance->unescaped;
    mr_buf_reset(buf);
    for (;;) {
        mr_buf_add(buf, begin, (size_t)(w->at - begin));
        if (w->at == w->end || (unsigned char)*w->at < 0x20)
            return false;
        if (*w->at++ == '"')
            break;
        const char *escape = w->at < w->end && *w->at ? strchr(from, *w->at) : NULL;
        if (!escape)
            return false;
        mr_buf_char(buf, to[escape - from]);
        begin = ++w->at;
        w->at = run_end(w->at, w->end);
    }
    *out = mr_buf_all(buf);
    return true;
}

/* The text behind its opening quote, up to and with the closing one. */
static bool take_text(struct walk *w, struct mr_slice *out)
{
    const char *begin = w->at;
    w->at = run_end(w->at, w->end);
    if (w->at == w->end || *w->at != '"')
        return unescape(w, begin, out);
    *out = mr_slice(begin, (size_t)(w->at++ - begin));
    return true;
}

static bool take_name(struct walk *w, struct mr_slice *out)
{
    if (!take(w, '"'))
        return false;
    const char *begin = w->at;
    w->at = run_end(w->at, w->end);
    if (w->at == w->end || *w->at != '"')
        return false;
    *out = mr_slice(begin, (size_t)(w->at++ - begin));
    return take(w, ':');
}

static size_t take_digits(struct walk *w)
{
    const char *begin = w->at;
    while (w->at < w->end && *w->at >= '0' && *w->at <= '9')
        w->at++;
    return (size_t)(w->at - begin);
}

static bool take_number(struct walk *w, struct mr_schema_seen *seen)
{
    const char *begin = w->at;
    bool is_negative = take_word(w, "-", 1);
    const char *first = w->at;
    size_t digits = take_digits(w);
    if (digits == 0 || digits > DIGITS_MAX || (digits > 1 && *first == '0'))
        return false;
    seen->type = JSON_INTEGER;
    for (const char *p = first; p < w->at; p++)
        seen->integer = seen->integer * 10 + (*p - '0');
    if (is_negative)
        seen->integer = -seen->integer;
    if (take_word(w, ".", 1)) {
        seen->type = JSON_REAL;
        if (take_digits(w) == 0 || w->at - begin > REAL_MAX)
            return false;
    }
    return w->at == w->end || (*w->at | 0x20) != 'e';
}

/* ---- schemas ---- */

/* A value's schema and those that it refers to. */
struct chain {
    const struct mr_schema *items[CHAIN_MAX];
    size_t count;
    const struct mr_schema *inner; /* the one that speaks of members or elements; NULL: none */
};

static bool speaks_of_inner(const struct mr_schema *s)
{
    return s->properties.count > 0 || s->additional || s->items;
}

static bool chain_of(const struct mr_schema *s, struct chain *out)
{
    *out = (struct chain){.count = 0};
    for (; s; s = s->ref) {
        if (out->count == CHAIN_MAX || s->never || s->constant)
            return false;
        if (speaks_of_inner(s)) {
            if (out->inner)
                return false;
            out->inner = s;
        }
        out->items[out->count++] = s;
    }
    return true;
}

static unsigned types_of(json_type type)
{
    switch (type) {
    case JSON_OBJECT:
        return MR_TYPE_OBJECT;
    case JSON_ARRAY:
        return MR_TYPE_ARRAY;
    case JSON_STRING:
        return MR_TYPE_STRING;
    case JSON_INTEGER:
        return MR_TYPE_INTEGER | MR_TYPE_NUMBER;
    case JSON_REAL:
        return MR_TYPE_NUMBER;
    case JSON_TRUE:
    case JSON_FALSE:
        return MR_TYPE_BOOLEAN;
    case JSON_NULL:
        return MR_TYPE_NULL;
    }
    return 0;
}

static bool is_chosen(const json_t *choices, const struct mr_schema_seen *seen)
{
    if (!choices)
        return true;
    for (size_t i = 0; seen->type == JSON_STRING && i < json_array_size(choices); i++) {
        const json_t *choice = json_array_get(choices, i);
        if (json_is_string(choice) &&
            mr_slice_equal(seen->text,
                           mr_slice(json_string_value(choice), json_string_length(choice))))
            return true;
    }
    return false;
}

static bool fits_number(const struct mr_schema *s, const struct mr_schema_seen *seen)
{
    if (!s->minimum && !s->maximum && !s->exclusive_minimum && !s->exclusive_maximum)
        return true;
    if (seen->type != JSON_INTEGER || s->exclusive_minimum || s->exclusive_maximum)
        return false;
    return (!s->minimum ||
            (json_is_integer(s->minimum) && seen->integer >= json_integer_value(s->minimum))) &&
           (!s->maximum ||
            (json_is_integer(s->maximum) && seen->integer <= json_integer_value(s->maximum)));
}

static bool fits_length(const struct mr_schema *s, struct mr_slice text)
{
    int64_t n = 0;
    if (s->length.min <= 0 && (int64_t)text.len <= s->length.max)
        return true; /* no more characters than bytes */
    for (size_t i = 0; i < text.len; i++)
        n += ((unsigned char)text.data[i] & 0xc0) != 0x80;
    return n >= s->length.min && n <= s->length.max;
}

static bool fits_format(enum mr_schema_format format, struct mr_slice text)
{
    int64_t ms;
    int32_t day;
    struct mr_uuid id;
    switch (format) {
    case MR_FORMAT_NONE:
        return true;
    case MR_FORMAT_DATE_TIME:
        return mr_time_parse(text, &ms) == MR_OK;
    case MR_FORMAT_DATE:
        return mr_day_parse(text, &day) == MR_OK;
    case MR_FORMAT_UUID:
        return mr_uuid_parse(text, &id) == MR_OK;
    }
    return false;
}

static bool fits_text(struct walk *w, const struct mr_schema *s, struct mr_slice text)
{
    return fits_length(s, text) &&
           (!s->pattern ||
            pcre2_match(s->pattern, (PCRE2_SPTR)text.data, text.len, 0, PCRE2_NO_UTF_CHECK,
                        w->glance->match, s->set->match_context) >= 0) &&
           fits_format(s->format, text);
}

static bool fits(struct walk *w, const struct mr_schema *s, const struct mr_schema_seen *seen)
{
    if ((s->types && !(s->types & types_of(seen->type))) || !is_chosen(s->choices, seen))
        return false;
    if (seen->type == JSON_STRING)
        return fits_text(w, s, seen->text);
    if (seen->type == JSON_INTEGER || seen->type == JSON_REAL)
        return fits_number(s, seen);
    return true;
}

static bool fits_count(const struct chain *chain, int64_t count, bool is_object)
{
    for (size_t i = 0; i < chain->count; i++) {
        const struct mr_schema *s = chain->items[i];
        const struct mr_schema_sizes *sizes = is_object ? &s->properties_size : &s->items_size;
        if (count < sizes->min || count > sizes->max)
            return false;
    }
    return true;
}

/* ---- the walk ---- */

static bool take_value(struct walk *w, const struct mr_schema *schema, struct mr_slice name,
                       int depth);

/* The schema of a member; false: it may not be there. */
static bool member_of(const struct mr_schema *s, struct mr_slice name, size_t *required,
                      const struct mr_schema **out)
{
    *out = NULL;
    if (!s)
        return true;
    const struct mr_schema_property *p =
        mr_schema_properties_find(&s->properties, name.data, name.len);
    *required += p && p->required;
    *out = p && p->schema ? p->schema : s->additional;
    return !*out || !(*out)->never;
}

static bool is_new(const struct mr_slice *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (mr_slice_equal(names[i], names[count]))
            return false;
    return true;
}

static bool take_object(struct walk *w, const struct chain *chain, int depth)
{
    struct mr_slice names[MEMBERS_MAX];
    const struct mr_schema *inner = chain->inner, *schema;
    size_t count = 0, required = 0;
    if (!take(w, '}')) {
        do {
            if (count == MEMBERS_MAX || !take_name(w, &names[count]) || !is_new(names, count) ||
                !member_of(inner, names[count], &required, &schema) ||
                !take_value(w, schema, names[count], depth + 1))
                return false;
            count++;
        } while (take(w, ','));
        if (!take(w, '}'))
            return false;
    }
    return (!inner || required == inner->properties.required_count) &&
           fits_count(chain, (int64_t)count, true);
}

static bool take_array(struct walk *w, const struct chain *chain, int depth)
{
    const struct mr_schema *items = chain->inner ? chain->inner->items : NULL;
    int64_t count = 0;
    if (!take(w, ']')) {
        do {
            if (!take_value(w, items, (struct mr_slice){0}, depth + 1))
                return false;
            count++;
        } while (take(w, ','));
        if (!take(w, ']'))
            return false;
    }
    return fits_count(chain, count, false);
}

static bool take_scalar(struct walk *w, char first, struct mr_schema_seen *seen)
{
    switch (first) {
    case '"':
        seen->type = JSON_STRING;
        w->at++;
        return take_text(w, &seen->text);
    case 't':
        seen->type = JSON_TRUE;
        return take_word(w, "true", 4);
    case 'f':
        seen->type = JSON_FALSE;
        return take_word(w, "false", 5);
    case 'n':
        seen->type = JSON_NULL;
        return take_word(w, "null", 4);
    default:
        return take_number(w, seen);
    }
}

static bool take_value(struct walk *w, const struct mr_schema *schema, struct mr_slice name,
                       int depth)
{
    struct mr_schema_seen seen = {.depth = depth, .name = name};
    struct chain chain;
    skip_space(w);
    if (w->at == w->end || depth > DEPTH_MAX || !chain_of(schema, &chain))
        return false;
    char first = *w->at;
    bool is_object = first == '{', is_nest = is_object || first == '[';
    if (is_nest) {
        w->at++;
        seen.type = is_object ? JSON_OBJECT : JSON_ARRAY;
    } else if (!take_scalar(w, first, &seen)) {
        return false;
    }
    for (size_t i = 0; i < chain.count; i++)
        if (!fits(w, chain.items[i], &seen))
            return false;
    if (w->see && !w->see(w->data, &seen))
        return false;
    if (!is_nest)
        return true;
    return is_object ? take_object(w, &chain, depth) : take_array(w, &chain, depth);
}

bool mr_schema_glance_at(struct mr_schema_glance *glance, const struct mr_schema *schema,
                         struct mr_slice text,
                         bool (*see)(void *data, const struct mr_schema_seen *seen), void *data)
{
    struct walk w = {
        .glance = glance, .at = text.data, .end = text.data + text.len, .see = see, .data = data};
    if (text.len == 0 || !take_value(&w, schema, (struct mr_slice){0}, 0))
        return false;
    skip_space(&w);
    return w.at == w.end;
}
