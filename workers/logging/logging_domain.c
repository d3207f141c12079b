/* What logging gives the engine: how a line is read, and that it is stored as it is. */
#include "logging_domain.h"
#include "logging_json.h"
#include "mr_buf.h"
#include <assert.h>

static bool domain_knows(const char *type)
{
    return strcmp(type, "logging.line") == 0;
}

/* ---- reading -----------------------------------------------------------------------------------
 */

static const char *const text_names[LOGGING_TEXT_COUNT] = {
    [LOGGING_SEVERITY_TEXT] = "severity_text",
    [LOGGING_SERVICE] = "service",
    [LOGGING_HOST] = "host",
    [LOGGING_BODY] = "body",
    [LOGGING_ATTRIBUTES] = "attributes",
};

static struct mr_slice string_of(const json_t *json, const char *name)
{
    const json_t *value = json_object_get(json, name);
    return mr_slice(json_string_value(value), json_string_length(value));
}

static bool read_time(const json_t *json, const char *name, int64_t *unix_us)
{
    struct mr_slice text = string_of(json, name);
    return text.data && logging_time_parse(text, unix_us) == MR_OK;
}

static int hex_digit(char c)
{
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* The schema lets nothing but hex digits of the right number pass. */
static bool read_hex(const json_t *json, const char *name, uint8_t *out, size_t bytes)
{
    struct mr_slice text = string_of(json, name);
    if (text.len != 2 * bytes)
        return false;
    for (size_t i = 0; i < bytes; i++)
        out[i] = (uint8_t)(hex_digit(text.data[2 * i]) << 4 | hex_digit(text.data[2 * i + 1]));
    return true;
}

/* What the line says besides its texts. */
static struct logging_line read_head(const json_t *json)
{
    struct logging_line line = {0};
    const json_t *severity = json_object_get(json, "severity_number");
    line.has_time = read_time(json, "time", &line.time_us);
    line.has_observed = read_time(json, "observed_time", &line.observed_us);
    line.has_trace = read_hex(json, "trace_id", line.trace_id.bytes, sizeof line.trace_id.bytes);
    line.has_span = read_hex(json, "span_id", line.span_id, sizeof line.span_id);
    line.severity = json_is_real(severity) /* 9.0 is an integer to a schema */
                        ? (int32_t)json_real_value(severity)
                        : (int32_t)json_integer_value(severity);
    return line;
}

/* Texts are borrowed from json; what is no text is written to buf. */
static void read_texts(const json_t *json, struct logging_line *line,
                       struct mr_slice texts[LOGGING_TEXT_COUNT], struct mr_buf *buf)
{
    size_t at[LOGGING_TEXT_COUNT];
    for (int i = 0; i < LOGGING_TEXT_COUNT; i++) {
        const json_t *value = json_object_get(json, text_names[i]);
        at[i] = buf->len;
        texts[i] = (struct mr_slice){0};
        if (json_is_string(value)) {
            texts[i] = mr_slice(json_string_value(value), json_string_length(value));
        } else if (value && !(i == LOGGING_BODY && json_is_null(value))) {
            logging_json_write(value, buf);
            line->body_is_json |= i == LOGGING_BODY;
        }
    }
    for (int i = 0; i < LOGGING_TEXT_COUNT; i++) { /* now the buffer moves no more */
        size_t end = i + 1 < LOGGING_TEXT_COUNT ? at[i + 1] : buf->len;
        if (end > at[i])
            texts[i] = mr_slice(buf->data + at[i], end - at[i]);
        line->text_bytes[i] = texts[i].data ? (uint32_t)texts[i].len : LOGGING_ABSENT;
    }
}

static enum mr_status domain_read(const struct mr_ce_command *ce, json_t *json,
                                  struct mr_arena *arena, const void **body)
{
    struct mr_slice texts[LOGGING_TEXT_COUNT];
    struct logging_line head = read_head(json);
    struct mr_buf buf;
    (void)ce;
    mr_buf_init(&buf, 0); /* bounded by the record's size */
    read_texts(json, &head, texts, &buf);
    if (texts[LOGGING_BODY].data)
        logging_words_add(texts[LOGGING_BODY], head.words);
    struct logging_line *line = mr_arena_alloc(arena, logging_line_bytes(&head));
    if (line) {
        *line = head;
        char *to = line->texts;
        for (int i = 0; i < LOGGING_TEXT_COUNT; i++) {
            if (texts[i].len)
                memcpy(to, texts[i].data, texts[i].len);
            to += texts[i].len;
        }
        *body = line;
    }
    mr_buf_free(&buf);
    return line ? MR_OK : MR_LIMIT;
}

size_t logging_line_bytes(const struct logging_line *line)
{
    size_t bytes = sizeof *line;
    for (int i = 0; i < LOGGING_TEXT_COUNT; i++)
        bytes += line->text_bytes[i] == LOGGING_ABSENT ? 0 : line->text_bytes[i];
    return bytes;
}

struct mr_slice logging_line_text(const struct logging_line *line, enum logging_text text)
{
    const char *at = line->texts;
    if (line->text_bytes[text] == LOGGING_ABSENT)
        return (struct mr_slice){0};
    for (int i = 0; i < (int)text; i++)
        at += line->text_bytes[i] == LOGGING_ABSENT ? 0 : line->text_bytes[i];
    return mr_slice(at, line->text_bytes[text]);
}

/* ---- deciding ----------------------------------------------------------------------------------
 */

/* A line touches nothing but itself. */
static void domain_keys_of(const struct engine_input *input, struct engine_keys *keys)
{
    (void)input;
    (void)keys;
}

static enum engine_verdict domain_decide(const struct engine_state *state,
                                         const struct engine_input *input,
                                         struct engine_effects *effects)
{
    const struct logging_line *line = input->body;
    (void)state;
    engine_effects_row(effects, LOGGING_LINE, line, logging_line_bytes(line));
    return ENGINE_APPLIED;
}

static const char *const row_kinds[LOGGING_ROW_KIND_COUNT] = {[LOGGING_LINE] = "line"};

const struct engine_domain logging_domain = {
    .name = "logging",
    .row_kinds = row_kinds,
    .row_kind_count = LOGGING_ROW_KIND_COUNT,
    .reads_copies = true,
    .knows = domain_knows,
    .read = domain_read,
    .keys_of = domain_keys_of,
    .decide = domain_decide,
};
