#include "mr_pointer.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

/* Writes one token unescaped over itself; false for a "~" that is followed by neither 0 nor 1. */
static bool unescape(char *token)
{
    char *to = token;
    for (const char *p = token; *p; p++) {
        if (*p == '~') {
            p++;
            if (*p != '0' && *p != '1')
                return false;
            *to++ = *p == '0' ? '~' : '/';
        } else {
            *to++ = *p;
        }
    }
    *to = 0;
    return true;
}

static size_t count_slashes(struct mr_slice text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        n += text.data[i] == '/';
    return n;
}

enum mr_status mr_pointer_parse(struct mr_slice text, struct mr_pointer *out)
{
    struct mr_pointer p = {.count = count_slashes(text)};
    if (text.len == 0) {
        *out = p;
        return MR_OK;
    }
    if (text.data[0] != '/' || p.count > MR_POINTER_DEPTH_MAX || memchr(text.data, 0, text.len))
        return MR_INVALID;
    /* One block: the list, then the tokens, each where it stood, with a NUL in place of its "/". */
    p.tokens = malloc(p.count * sizeof *p.tokens + text.len);
    if (!p.tokens)
        abort();
    char *chars = (char *)(p.tokens + p.count);
    memcpy(chars, text.data + 1, text.len - 1);
    chars[text.len - 1] = 0;
    for (size_t i = 0; i < p.count; i++) {
        p.tokens[i] = chars;
        char *end = strchr(chars, '/');
        if (end)
            *end = 0;
        size_t len = strlen(chars);
        if (!unescape(chars)) {
            free(p.tokens);
            return MR_INVALID;
        }
        chars += len + 1;
    }
    *out = p;
    return MR_OK;
}

void mr_pointer_free(struct mr_pointer *pointer)
{
    free(pointer->tokens);
    *pointer = (struct mr_pointer){0};
}

/* Digits without leading zeros; SIZE_MAX for anything else ("-" names what is not there yet). */
static size_t array_index(const char *token)
{
    size_t v = 0;
    if (!*token || (token[0] == '0' && token[1]))
        return SIZE_MAX;
    for (; *token; token++) {
        if (*token < '0' || *token > '9' || v > (SIZE_MAX - 9) / 10)
            return SIZE_MAX;
        v = v * 10 + (size_t)(*token - '0');
    }
    return v;
}

const json_t *mr_pointer_find(const struct mr_pointer *pointer, const json_t *root)
{
    const json_t *at = root;
    for (size_t i = 0; at && i < pointer->count; i++) {
        if (json_is_object(at))
            at = json_object_get(at, pointer->tokens[i]);
        else if (json_is_array(at))
            at = json_array_get(at, array_index(pointer->tokens[i]));
        else
            at = NULL;
    }
    return at;
}

const json_t *mr_pointer_get(struct mr_slice text, const json_t *root)
{
    struct mr_pointer p;
    if (mr_pointer_parse(text, &p) != MR_OK)
        return NULL;
    const json_t *found = mr_pointer_find(&p, root);
    mr_pointer_free(&p);
    return found;
}

void mr_pointer_append(struct mr_buf *buf, struct mr_slice token)
{
    mr_buf_char(buf, '/');
    for (size_t i = 0; i < token.len; i++) {
        char c = token.data[i];
        if (c == '~')
            mr_buf_text(buf, "~0");
        else if (c == '/')
            mr_buf_text(buf, "~1");
        else
            mr_buf_char(buf, c);
    }
}

void mr_pointer_append_index(struct mr_buf *buf, size_t index)
{
    mr_buf_printf(buf, "/%zu", index);
}
