/* One pass: a table tells the few characters at which a secret may show itself, and a function of
 * its own looks around each. Everything looked at lies between two such characters or has a fixed
 * bound, so that no text makes the pass more than linear. */
#include "mr_scan.h"

#include <string.h>

enum sign { SIGN_NONE, SIGN_DIGIT, SIGN_COLON, SIGN_EQUAL, SIGN_SPACE, SIGN_KEY };

/* Characters behind which, or at which, something is looked for. */
static const uint8_t signs[256] = {
    ['0'] = SIGN_DIGIT, ['1'] = SIGN_DIGIT,  ['2'] = SIGN_DIGIT, ['3'] = SIGN_DIGIT,
    ['4'] = SIGN_DIGIT, ['5'] = SIGN_DIGIT,  ['6'] = SIGN_DIGIT, ['7'] = SIGN_DIGIT,
    ['8'] = SIGN_DIGIT, ['9'] = SIGN_DIGIT,  [':'] = SIGN_COLON, ['='] = SIGN_EQUAL,
    [' '] = SIGN_SPACE, ['\t'] = SIGN_SPACE, ['_'] = SIGN_KEY,   ['-'] = SIGN_KEY,
    ['.'] = SIGN_KEY,   ['I'] = SIGN_KEY,    ['z'] = SIGN_KEY,
};

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* ---- scheme://user:PASSWORD@host ---- */

static bool ends_authority(char c)
{
    return c <= ' ' || c == '/' || c == '?' || c == '#' || c == '"' || c == '\'' || c == '<' ||
           c == '>' || c == '\\';
}

/* colon is that of "://". An "@" that stands unescaped in the password belongs to it. */
static bool url_password_at(struct mr_slice text, size_t colon, struct mr_scan_span *out)
{
    size_t begin = 0, end = 0;
    if (colon == 0 || !is_alnum(text.data[colon - 1]))
        return false;
    for (size_t i = colon + 3; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c < 0x80 && ends_authority((char)c))
            break;
        if (c == ':' && begin == 0)
            begin = i + 1;
        else if (c == '@' && begin > 0)
            end = i;
    }
    if (end <= begin || (end - begin == 10 && memcmp(text.data + begin, "[redacted]", 10) == 0))
        return false;
    *out = (struct mr_scan_span){.begin = begin, .end = end, .found = MR_SCAN_URL_PASSWORD};
    return true;
}

/* ---- "Bearer ..." ---- */

static bool word_before(struct mr_slice text, size_t at, const char *word, size_t len)
{
    if (at < len || (at > len && is_alnum(text.data[at - len - 1])))
        return false;
    for (size_t i = 0; i < len; i++)
        if ((text.data[at - len + i] | 0x20) != word[i])
            return false;
    return true;
}

/* "Bearer authentication is wanted" has no token: one has a digit, or is longer than words are. */
static bool bearer_at(struct mr_slice text, size_t space, struct mr_scan_span *out)
{
    char before = (char)(space > 0 ? text.data[space - 1] | 0x20 : 0);
    if (!(before == 'r' && word_before(text, space, "bearer", 6)) &&
        !(before == 'c' && word_before(text, space, "basic", 5)))
        return false;
    size_t begin = space + 1, end;
    bool has_digit = false;
    while (begin < text.len && begin < space + 4 && memchr(" \t", text.data[begin], 2))
        begin++;
    for (end = begin; end < text.len; end++) {
        char c = text.data[end];
        if (!is_alnum(c) && !memchr("-._~+/=", c, 7))
            break;
        has_digit |= c >= '0' && c <= '9';
    }
    if (end - begin < (has_digit ? 8 : 20))
        return false;
    *out = (struct mr_scan_span){.begin = begin, .end = end, .found = MR_SCAN_TOKEN};
    return true;
}

/* ---- the pass ---- */

/* What the colon or equals sign at `at` tells. */
static bool sign_at(struct mr_slice text, size_t at, unsigned classes, struct mr_scan_span *out)
{
    bool is_url = text.data[at] == ':' && at + 3 < text.len && text.data[at + 1] == '/' &&
                  text.data[at + 2] == '/';
    if (is_url)
        return (classes & MR_SCAN_URL_PASSWORD) && url_password_at(text, at, out);
    return (classes & MR_SCAN_TOKEN) && mr_scan_pair_at(text, at, out);
}

static bool starts_number(struct mr_slice text, size_t at, size_t from)
{
    if (at == from)
        return true;
    char before = text.data[at - 1];
    return !is_alnum(before) &&
           !(before == '.' && at > 1 && text.data[at - 2] >= '0' && text.data[at - 2] <= '9');
}

bool mr_scan_next(struct mr_slice text, size_t from, unsigned classes, struct mr_scan_span *out)
{
    for (size_t i = from, skip; i < text.len; i++) {
        switch ((enum sign)signs[(unsigned char)text.data[i]]) {
        case SIGN_NONE:
            continue;
        case SIGN_DIGIT:
            if (!(classes & MR_SCAN_CARD) || !starts_number(text, i, from))
                continue;
            *out = (struct mr_scan_span){.begin = i, .found = MR_SCAN_CARD};
            if (mr_scan_card_at(text, i, &out->end, &skip))
                return true;
            i = skip - 1;
            continue;
        case SIGN_COLON:
        case SIGN_EQUAL:
            if (sign_at(text, i, classes, out))
                return true;
            continue;
        case SIGN_SPACE:
            if ((classes & MR_SCAN_TOKEN) && bearer_at(text, i, out))
                return true;
            continue;
        case SIGN_KEY:
            if ((classes & MR_SCAN_TOKEN) && mr_scan_key_at(text, i, out) && out->begin >= from)
                return true;
            continue;
        }
    }
    return false;
}
