/* From x-ingest and the operator's file to compiled rules: the same reader for both, which names
 * where a slip stands. */
#include "mr_ingest_own.h"

#include "mr_json.h"
#include <math.h>
#include <stdlib.h>

#define MATCH_LIMIT    100000 /* steps of an expression in one text */
#define HEAP_KIB_MAX   1024
#define JIT_STACK_MIN  32768
#define JIT_STACK_MAX  262144
#define RULES_EACH_MAX 1000 /* of a kind */

/* One of the two sources, while it is read. */
struct source {
    struct mr_ingest *ingest;
    const char *name; /* of file and place, in errors */
    const char *own;  /* "own " for the operator's counters */
    struct mr_error *why;
};

static enum mr_status slip(const struct source *s, const char *pointer, size_t index,
                           const char *what)
{
    const char *joint = strchr(s->name, '#') ? "" : "#";
    return mr_fail(s->why, MR_INVALID, "%s%s%s/%zu: %s", s->name, joint, pointer, index, what);
}

/* An array of one more element; a failing realloc aborts. */
static void *grown(void *items, size_t count, size_t item_bytes)
{
    void *more = realloc(items, (count + 1) * item_bytes);
    if (!more)
        abort();
    memset((char *)more + count * item_bytes, 0, item_bytes);
    return more;
}

static uint32_t add_counter(const struct source *s, const char *kind, size_t index, bool is_sample)
{
    struct mr_ingest *ingest = s->ingest;
    ingest->counts = grown(ingest->counts, ingest->count_count, sizeof *ingest->counts);
    struct mr_ingest_count *count = &ingest->counts[ingest->count_count];
    struct mr_buf text;
    mr_buf_init(&text, sizeof count->rule - 1);
    mr_buf_printf(&text, "%s%s %zu", s->own, kind, index);
    memcpy(count->rule, text.data, text.len);
    mr_buf_free(&text);
    count->is_sample = is_sample;
    return (uint32_t)ingest->count_count++;
}

/* ---- redact ---- */

static enum mr_status add_name(const struct source *s, size_t index, const json_t *value)
{
    struct mr_slice name = mr_slice(json_string_value(value), json_string_length(value));
    if (!json_is_string(value) || name.len == 0 || name.len > MR_INGEST_NAME_MAX)
        return slip(s, "/redact/names", index, "must be a property name of at most 120 bytes");
    size_t plain = 0;
    for (size_t i = 0; i < name.len; i++)
        plain += !memchr("-_. ", name.data[i], 4);
    if (plain == 0)
        return slip(s, "/redact/names", index, "must have a letter");
    if (!mr_ingest_names_has(&s->ingest->names, name))
        mr_ingest_names_add(&s->ingest->names, name);
    return MR_OK;
}

static bool add_class(struct mr_ingest *ingest, const char *name)
{
    static const struct {
        const char *name;
        enum mr_scan_class bit;
    } classes[] = {{"builtin:card", MR_SCAN_CARD},
                   {"builtin:token", MR_SCAN_TOKEN},
                   {"builtin:url-password", MR_SCAN_URL_PASSWORD}};
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (strcmp(name, classes[i].name) == 0) {
            ingest->classes |= classes[i].bit;
            return true;
        }
    return false;
}

static enum mr_status add_pattern(const struct source *s, size_t index, const json_t *value)
{
    struct mr_ingest *ingest = s->ingest;
    const char *text = json_string_value(value);
    char reason[160];
    int code;
    PCRE2_SIZE at;
    if (!text || !*text)
        return slip(s, "/redact/patterns", index, "must be an expression");
    if (strncmp(text, "builtin:", 8) == 0)
        return add_class(ingest, text)
                   ? MR_OK
                   : slip(s, "/redact/patterns", index,
                          "there are builtin:card, builtin:token and builtin:url-password");
    pcre2_code *compiled = pcre2_compile(
        (PCRE2_SPTR)text, json_string_length(value),
        PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C, &code, &at, ingest->compile);
    if (!compiled) {
        pcre2_get_error_message(code, (PCRE2_UCHAR *)reason, sizeof reason);
        return slip(s, "/redact/patterns", index, reason);
    }
    /* Where the machine has no JIT the expression is interpreted. */
    (void)pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE);
    int group = pcre2_substring_number_from_name(compiled, (PCRE2_SPTR) "secret");
    ingest->patterns = grown(ingest->patterns, ingest->pattern_count, sizeof *ingest->patterns);
    ingest->patterns[ingest->pattern_count++] =
        (struct mr_ingest_pattern){.code = compiled,
                                   .group = group > 0 ? (uint32_t)group : 0,
                                   .counter = add_counter(s, "pattern", index, false)};
    return MR_OK;
}

static enum mr_status add_except(const struct source *s, size_t index, const json_t *value)
{
    struct mr_ingest *ingest = s->ingest;
    struct mr_pointer pointer = {0};
    if (!json_is_string(value) ||
        mr_pointer_parse(mr_slice_text(json_string_value(value)), &pointer) != MR_OK ||
        pointer.count != 1) {
        mr_pointer_free(&pointer);
        return slip(s, "/redact/except", index,
                    "must be a pointer to a top-level member, such as /trace_id");
    }
    ingest->excepts = grown(ingest->excepts, ingest->except_count, sizeof *ingest->excepts);
    ingest->excepts[ingest->except_count] = strdup(pointer.tokens[0]);
    if (!ingest->excepts[ingest->except_count])
        abort();
    ingest->except_count++;
    mr_pointer_free(&pointer);
    return MR_OK;
}

/* ---- sample ---- */

static enum mr_status read_want(const struct source *s, size_t index, const json_t *rule,
                                struct mr_ingest_sample *out)
{
    const json_t *value = json_object_get(rule, "value");
    const json_t *minimum = json_object_get(rule, "minimum");
    const json_t *maximum = json_object_get(rule, "maximum");
    if (!value == !(minimum || maximum))
        return slip(s, "/sample", index, "must have either value or minimum and maximum");
    if ((minimum && !json_is_number(minimum)) || (maximum && !json_is_number(maximum)))
        return slip(s, "/sample", index, "minimum and maximum must be numbers");
    if (json_is_string(value)) {
        out->want = MR_INGEST_TEXT;
        if (!(out->text = strdup(json_string_value(value))))
            abort();
    } else if (json_is_boolean(value)) {
        out->want = MR_INGEST_BOOLEAN;
        out->minimum = json_is_true(value);
    } else if (!value || json_is_number(value)) {
        out->want = MR_INGEST_NUMBER;
        out->minimum = value     ? json_number_value(value)
                       : minimum ? json_number_value(minimum)
                                 : -INFINITY;
        out->maximum = value     ? json_number_value(value)
                       : maximum ? json_number_value(maximum)
                                 : INFINITY;
    } else {
        return slip(s, "/sample", index, "value must be a text, a number, true or false");
    }
    return MR_OK;
}

static enum mr_status only(const struct source *s, const json_t *object, const char *pointer,
                           const char *const *known)
{
    const char *joint = strchr(s->name, '#') ? "" : "#";
    const char *name;
    json_t *value;
    if (!json_is_object(object))
        return mr_fail(s->why, MR_INVALID, "%s%s%s: must be an object", s->name, joint, pointer);
    json_object_foreach ((json_t *)object, name, value) {
        const char *const *k = known;
        while (*k && strcmp(*k, name) != 0)
            k++;
        if (!*k)
            return mr_fail(s->why, MR_INVALID, "%s%s%s: there is no rule called %s", s->name, joint,
                           pointer, name);
    }
    return MR_OK;
}

static enum mr_status add_sample(const struct source *s, size_t index, const json_t *rule)
{
    static const char *const known[] = {"pointer", "value", "minimum", "maximum", "share", NULL};
    struct mr_ingest *ingest = s->ingest;
    struct mr_ingest_sample sample = {0};
    struct mr_error unknown;
    const struct source inner = {.name = "", .why = &unknown};
    const json_t *pointer = json_object_get(rule, "pointer");
    const json_t *share = json_object_get(rule, "share");
    if (only(&inner, rule, "", known) != MR_OK)
        return slip(s, "/sample", index,
                    "must be an object of pointer, value (or minimum and "
                    "maximum) and share alone");
    if (!json_is_number(share) || json_number_value(share) < 0 || json_number_value(share) > 1)
        return slip(s, "/sample", index, "share must be a number from 0 to 1");
    if (!json_is_string(pointer) ||
        mr_pointer_parse(mr_slice_text(json_string_value(pointer)), &sample.pointer) != MR_OK)
        return slip(s, "/sample", index, "pointer must be a JSON pointer");
    enum mr_status status = read_want(s, index, rule, &sample);
    if (status != MR_OK) {
        mr_pointer_free(&sample.pointer);
        free(sample.text);
        return status;
    }
    sample.share = (uint64_t)(json_number_value(share) * 4294967296.0);
    sample.counter = add_counter(s, "sample", index, true);
    ingest->samples = grown(ingest->samples, ingest->sample_count, sizeof *ingest->samples);
    ingest->samples[ingest->sample_count++] = sample;
    return MR_OK;
}

/* ---- a source as a whole ---- */

static enum mr_status each(const struct source *s, const json_t *list, const char *pointer,
                           enum mr_status (*add)(const struct source *s, size_t index,
                                                 const json_t *value))
{
    enum mr_status status = MR_OK;
    const char *joint = strchr(s->name, '#') ? "" : "#";
    if (list && (!json_is_array(list) || json_array_size(list) > RULES_EACH_MAX))
        return mr_fail(s->why, MR_INVALID, "%s%s%s: must be an array of at most %d", s->name, joint,
                       pointer, RULES_EACH_MAX);
    for (size_t i = 0; i < json_array_size(list) && status == MR_OK; i++)
        status = add(s, i, json_array_get(list, i));
    return status;
}

static enum mr_status read_source(const struct source *s, const json_t *rules)
{
    static const char *const known[] = {"redact", "sample", "formats", NULL};
    static const char *const in_redact[] = {"names", "patterns", "except", NULL};
    const json_t *redact = json_object_get(rules, "redact");
    enum mr_status status = only(s, rules, "", known);
    if (status == MR_OK && redact)
        status = only(s, redact, "/redact", in_redact);
    if (status == MR_OK)
        status = each(s, json_object_get(redact, "names"), "/redact/names", add_name);
    if (status == MR_OK)
        status = each(s, json_object_get(redact, "patterns"), "/redact/patterns", add_pattern);
    if (status == MR_OK)
        status = each(s, json_object_get(redact, "except"), "/redact/except", add_except);
    if (status == MR_OK)
        status = each(s, json_object_get(rules, "sample"), "/sample", add_sample);
    return status;
}

static enum mr_status read_own(struct mr_ingest *ingest, const struct mr_ingest_settings *settings,
                               struct mr_error *why)
{
    struct source own = {.ingest = ingest, .name = settings->rules_name, .own = "own ", .why = why};
    struct mr_error cause;
    json_t *rules;
    if (mr_json_parse(settings->rules, &rules, &cause) != MR_OK)
        return mr_fail(why, MR_INVALID, "%s: %s", settings->rules_name, cause.text);
    enum mr_status s = read_source(&own, rules);
    json_decref(rules);
    return s;
}

static struct mr_ingest *new_ingest(void)
{
    static const char *const rules[MR_INGEST_COUNT_FIXED] = {
        "names", "builtin:card", "builtin:token", "builtin:url-password", "unreadable"};
    struct mr_ingest *ingest = calloc(1, sizeof *ingest);
    if (!ingest || !(ingest->counts = calloc(MR_INGEST_COUNT_FIXED, sizeof *ingest->counts)) ||
        !(ingest->compile = pcre2_compile_context_create(NULL)) ||
        !(ingest->match = pcre2_match_context_create(NULL)) ||
        !(ingest->stack = pcre2_jit_stack_create(JIT_STACK_MIN, JIT_STACK_MAX, NULL)))
        abort();
    ingest->count_count = MR_INGEST_COUNT_FIXED;
    for (size_t i = 0; i < MR_INGEST_COUNT_FIXED; i++)
        memcpy(ingest->counts[i].rule, rules[i], strlen(rules[i]));
    pcre2_set_newline(ingest->compile, PCRE2_NEWLINE_ANYCRLF);
    pcre2_set_match_limit(ingest->match, MATCH_LIMIT);
    pcre2_set_heap_limit(ingest->match, HEAP_KIB_MAX);
    pcre2_jit_stack_assign(ingest->match, NULL, ingest->stack);
    mr_buf_init(&ingest->scratch[0], 0);
    mr_buf_init(&ingest->scratch[1], 0);
    return ingest;
}

/* The groups of every expression fit. */
static void make_room(struct mr_ingest *ingest)
{
    uint32_t most = 1, groups = 0;
    for (size_t i = 0; i < ingest->pattern_count; i++) {
        pcre2_pattern_info(ingest->patterns[i].code, PCRE2_INFO_CAPTURECOUNT, &groups);
        most = groups + 1 > most ? groups + 1 : most;
    }
    ingest->found = pcre2_match_data_create(most, NULL);
    if (!ingest->found)
        abort();
}

enum mr_status mr_ingest_new(const struct mr_ingest_settings *settings, struct mr_ingest **out,
                             struct mr_error *why)
{
    struct mr_ingest *ingest = new_ingest();
    struct source given = {.ingest = ingest, .name = settings->ingest_name, .own = "", .why = why};
    enum mr_status s = MR_OK;
    if (settings->rules.data)
        s = read_own(ingest, settings, why);
    if (s == MR_OK && settings->ingest)
        s = read_source(&given, settings->ingest);
    if (s != MR_OK) {
        mr_ingest_free(ingest);
        return s;
    }
    make_room(ingest);
    *out = ingest;
    return MR_OK;
}

void mr_ingest_free(struct mr_ingest *ingest)
{
    if (!ingest)
        return;
    for (size_t i = 0; i < ingest->pattern_count; i++)
        pcre2_code_free(ingest->patterns[i].code);
    for (size_t i = 0; i < ingest->except_count; i++)
        free(ingest->excepts[i]);
    for (size_t i = 0; i < ingest->sample_count; i++) {
        mr_pointer_free(&ingest->samples[i].pointer);
        free(ingest->samples[i].text);
    }
    mr_buf_free(&ingest->scratch[0]);
    mr_buf_free(&ingest->scratch[1]);
    pcre2_match_data_free(ingest->found);
    pcre2_jit_stack_free(ingest->stack);
    pcre2_match_context_free(ingest->match);
    pcre2_compile_context_free(ingest->compile);
    free(ingest->names.items);
    free(ingest->names.slots);
    free(ingest->patterns);
    free(ingest->excepts);
    free(ingest->samples);
    free(ingest->counts);
    free(ingest);
}

bool mr_ingest_counter(const struct mr_ingest *ingest, size_t index, struct mr_ingest_counter *out)
{
    if (!ingest || index >= ingest->count_count)
        return false;
    const struct mr_ingest_count *count = &ingest->counts[index];
    *out = (struct mr_ingest_counter){
        .rule = count->rule, .is_sample = count->is_sample, .count = count->count};
    return true;
}
