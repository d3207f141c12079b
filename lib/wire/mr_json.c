#include "mr_json.h"

#include <stdbool.h>

/* Line and column, in bytes from 1, of text[at]. */
static void place_of(struct mr_slice text, size_t at, int *line, int *column)
{
    *line = 1, *column = 1;
    for (size_t i = 0; i < at; i++) {
        ++*column;
        if (text.data[i] == '\n')
            ++*line, *column = 1;
    }
}

/* jansson's own bound is 2,048 and it recurses, so depth is counted before it begins. Only quotes
 * and brackets matter; what else is wrong is left to the parser. */
static enum mr_status check_depth(struct mr_slice text, struct mr_error *why)
{
    int depth = 0, line, column;
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '[' || c == '{') {
            if (++depth > MR_JSON_DEPTH_MAX) {
                place_of(text, i, &line, &column);
                return mr_fail(why, MR_INVALID,
                               "The JSON at line %d, column %d is nested deeper than %d.", line,
                               column, MR_JSON_DEPTH_MAX);
            }
        } else if (c == ']' || c == '}') {
            depth--;
        }
    }
    return MR_OK;
}

/* jansson says "'}' expected near 'text of the client'"; that text is left out. */
static enum mr_status fail_at(const json_error_t *error, struct mr_error *why)
{
    if (json_error_code(error) == json_error_duplicate_key)
        return mr_fail(why, MR_INVALID,
                       "The JSON has a name twice in one object, at line %d, column %d.",
                       error->line, error->column);
    const char *near = strstr(error->text, " near ");
    int len = near ? (int)(near - error->text) : (int)strlen(error->text);
    return mr_fail(why, MR_INVALID, "The JSON is not well-formed at line %d, column %d: %.*s.",
                   error->line, error->column, len, error->text);
}

enum mr_status mr_json_parse(struct mr_slice text, json_t **out, struct mr_error *why)
{
    json_error_t error;
    if (text.len == 0)
        return mr_fail(why, MR_INVALID, "There is no JSON: the text is empty.");
    const char *nul = memchr(text.data, 0, text.len); /* jansson passes some of them over */
    if (nul) {
        int line, column;
        place_of(text, (size_t)(nul - text.data), &line, &column);
        return mr_fail(why, MR_INVALID, "The JSON has a NUL at line %d, column %d.", line, column);
    }
    enum mr_status s = check_depth(text, why);
    if (s != MR_OK)
        return s;
    json_t *json =
        json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!json)
        return fail_at(&error, why);
    *out = json;
    return MR_OK;
}
