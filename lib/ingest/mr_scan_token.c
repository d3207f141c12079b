/* Tokens: what stands behind a name such as api_key, and keys that are known by how they begin. */
#include "mr_scan.h"

#include "mr_ingest.h"

#define NAME_MAX_BYTES 64 /* looked back for a name */
#define ESCAPES_MAX    20 /* and for backslashes before its quote: JSON within JSON within JSON */

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The alphabet of base64url. */
static bool is_key_char(char c)
{
    return is_alnum(c) || c == '-' || c == '_';
}

static size_t key_end(struct mr_slice text, size_t at)
{
    while (at < text.len && is_key_char(text.data[at]))
        at++;
    return at;
}

/* ---- name=value, name: value ---- */

enum value_kind {
    VALUE_NONE,
    VALUE_AFTER_EQUAL, /* "token: " is found in prose, so a colon counts only behind a quoted name
                        */
    VALUE_WORD,
    VALUE_SCHEME, /* a scheme and a word */
    VALUE_LINE
};
static const struct {
    const char *name; /* in lower case without '-' and '_' */
    enum value_kind kind;
} names[] = {
    {"password", VALUE_WORD},        {"passwd", VALUE_WORD},          {"passphrase", VALUE_WORD},
    {"pwd", VALUE_AFTER_EQUAL},      {"secret", VALUE_AFTER_EQUAL},   {"clientsecret", VALUE_WORD},
    {"secretkey", VALUE_WORD},       {"secretaccesskey", VALUE_WORD}, {"token", VALUE_AFTER_EQUAL},
    {"accesstoken", VALUE_WORD},     {"refreshtoken", VALUE_WORD},    {"idtoken", VALUE_WORD},
    {"authtoken", VALUE_WORD},       {"apitoken", VALUE_WORD},        {"sessiontoken", VALUE_WORD},
    {"apikey", VALUE_WORD},          {"accesskey", VALUE_WORD},       {"privatekey", VALUE_WORD},
    {"authorization", VALUE_SCHEME}, {"cookie", VALUE_LINE},          {"setcookie", VALUE_LINE},
};

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* Where the name begins that is the end of text[begin..end); end: it is not. */
static size_t name_begin(struct mr_slice text, size_t begin, size_t end, const char *name)
{
    size_t i = end, left = strlen(name);
    while (i > begin && left > 0) {
        char c = text.data[i - 1];
        if (c != '-' && c != '_' && (c | 0x20) != name[--left])
            return end;
        i--;
    }
    bool begins_word = left == 0 && (i == begin || !is_alnum(text.data[i - 1]) ||
                                     (is_upper(text.data[i]) && !is_upper(text.data[i - 1])));
    return begins_word ? i : end;
}

/* The name is the last word, or words, of what stands there, the longest that fits: DB_PASSWORD is
 * a password. With a word before it, it is none of prose: "csrf_token: ..." is a token. */
static enum value_kind kind_of(struct mr_slice text, size_t begin, size_t end)
{
    enum value_kind kind = VALUE_NONE;
    while (end > begin && text.data[end - 1] >= '0' && text.data[end - 1] <= '9')
        end--; /* password2 */
    size_t first = end;
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        size_t i = name_begin(text, begin, end, names[n].name);
        if (i < first) {
            first = i;
            kind = names[n].kind;
        }
    }
    while (kind == VALUE_AFTER_EQUAL && first > begin)
        if (is_alnum(text.data[--first]))
            kind = VALUE_WORD;
    return kind;
}

static bool ends_value(char c)
{
    return (unsigned char)c <= ' ' || memchr(",;&\"'<>(){}[]|\\", c, 15);
}

static size_t word_end(struct mr_slice text, size_t at)
{
    while (at < text.len && !ends_value(text.data[at]))
        at++;
    return at;
}

static size_t line_end(struct mr_slice text, size_t at)
{
    while (at < text.len && !memchr("\r\n\"'", text.data[at], 4))
        at++;
    return at;
}

static size_t backslashes_end(struct mr_slice text, size_t at)
{
    while (at < text.len && text.data[at] == '\\')
        at++;
    return at;
}

/* Up to the quote that closes one with `escapes` backslashes before it: 0, or 1 in a JSON text
 * within another, 3 one deeper. A quote with less of them closes what is around. */
static size_t quoted_end(struct mr_slice text, size_t at, char quote, size_t escapes)
{
    for (size_t run = 0; at < text.len; at++) {
        if (text.data[at] == '\\') {
            run++;
            continue;
        }
        if (text.data[at] == quote && (run < escapes || run % (2 * (escapes + 1)) == escapes))
            return at - (run < escapes ? run : escapes);
        run = 0;
    }
    return text.len;
}

/* token="a", response="b": what follows a scheme. */
static size_t parameters_end(struct mr_slice text, size_t at)
{
    for (;;) {
        size_t end = word_end(text, at), quote = backslashes_end(text, end);
        if (end > at && text.data[end - 1] == '=' && quote < text.len && text.data[quote] == '"') {
            end = quoted_end(text, quote + 1, '"', quote - end) + (quote - end) + 1;
            end = end < text.len ? end : text.len;
        }
        at = end;
        while (at < text.len && at < end + 4 && memchr(", ", text.data[at], 2))
            at++;
        size_t next = word_end(text, at);
        bool goes_on = end < text.len && text.data[end] == ',' && next > at &&
                       memchr(text.data + at, '=', next - at);
        if (!goes_on)
            return end;
    }
}

/* A scheme and what belongs to it, or a word. */
static size_t scheme_end(struct mr_slice text, size_t at)
{
    size_t end = word_end(text, at);
    bool is_scheme = end > at && end + 1 < text.len && text.data[end] == ' ';
    for (size_t i = at; is_scheme && i < end; i++)
        is_scheme = is_alnum(text.data[i]) || text.data[i] == '-';
    if (!is_scheme)
        return end;
    bool has_parameters = (text.data[at] | 0x20) != 'b'; /* Basic and Bearer have but a word */
    return has_parameters ? parameters_end(text, end + 1) : word_end(text, end + 1);
}

static bool is_plain_word(struct mr_slice text, size_t begin, size_t end)
{
    struct mr_slice value = mr_slice(text.data + begin, end - begin);
    return mr_slice_is(value, "null") || mr_slice_is(value, "true") ||
           mr_slice_is(value, "false") || mr_slice_is(value, MR_INGEST_REDACTED);
}

static size_t blanks_end(struct mr_slice text, size_t at)
{
    size_t most = at + 4;
    while (at < text.len && at < most && memchr(" \t", text.data[at], 2))
        at++;
    return at;
}

static bool is_redacted_at(struct mr_slice text, size_t at)
{
    const size_t len = sizeof MR_INGEST_REDACTED - 1;
    return text.len - at >= len && memcmp(text.data + at, MR_INGEST_REDACTED, len) == 0;
}

static bool value_at(struct mr_slice text, size_t at, enum value_kind kind,
                     struct mr_scan_span *out)
{
    size_t begin = blanks_end(text, at), end;
    if (is_redacted_at(text, begin))
        return false;
    if (begin < text.len && text.data[begin] == '[') /* the first of a list */
        begin = blanks_end(text, begin + 1);
    size_t quote = backslashes_end(text, begin);
    if (quote < text.len && (text.data[quote] == '"' || text.data[quote] == '\'')) {
        size_t escapes = quote - begin;
        begin = quote + 1;
        end = quoted_end(text, begin, text.data[quote], escapes);
    } else {
        end = kind == VALUE_LINE     ? line_end(text, begin)
              : kind == VALUE_SCHEME ? scheme_end(text, begin)
                                     : word_end(text, begin);
    }
    if (end <= begin || is_plain_word(text, begin, end))
        return false;
    *out = (struct mr_scan_span){.begin = begin, .end = end, .found = MR_SCAN_TOKEN};
    return true;
}

/* Behind the sign at `at`: "=", ":", and in some languages "=>", ":=" and "==". */
static size_t sign_end(struct mr_slice text, size_t at)
{
    bool is_equal = text.data[at] == '=';
    char next = (char)(at + 1 < text.len ? text.data[at + 1] : 0);
    return next == '=' || (is_equal && next == '>') ? at + 2 : at + 1;
}

bool mr_scan_pair_at(struct mr_slice text, size_t at, struct mr_scan_span *out)
{
    size_t end = at, begin, value = sign_end(text, at);
    bool is_quoted = false, is_colon = text.data[at] == ':' && value == at + 1;
    while (end > 0 && at - end < 2 && memchr(" \t", text.data[end - 1], 2))
        end--;
    if (end > 0 && (text.data[end - 1] == '"' || text.data[end - 1] == '\'')) {
        is_quoted = true;
        end--;
        while (end > 0 && at - end < ESCAPES_MAX && text.data[end - 1] == '\\')
            end--;
    }
    for (begin = end; begin > 0 && end - begin < NAME_MAX_BYTES; begin--)
        if (!is_key_char(text.data[begin - 1]))
            break;
    if (end - begin < 3)
        return false;
    enum value_kind kind = kind_of(text, begin, end);
    if (kind == VALUE_NONE || (kind == VALUE_AFTER_EQUAL && is_colon && !is_quoted))
        return false;
    return value_at(text, value, kind, out);
}

/* ---- keys known by how they begin ---- */

static const struct {
    const char *prefix;
    uint8_t len, rest_min; /* characters of the prefix, and behind it at least */
} prefixes[] = {
    {"ghp_", 4, 20},     {"gho_", 4, 20},         {"ghu_", 4, 20},     {"ghs_", 4, 20},
    {"ghr_", 4, 20},     {"github_pat_", 11, 20}, {"sk_live_", 8, 10}, {"sk_test_", 8, 10},
    {"rk_live_", 8, 10}, {"rk_test_", 8, 10},     {"whsec_", 6, 16},   {"npm_", 4, 20},
    {"mr_", 3, 60},      {"glpat-", 6, 16},       {"xoxb-", 5, 10},    {"xoxp-", 5, 10},
    {"xoxa-", 5, 10},    {"xoxr-", 5, 10},        {"xoxs-", 5, 10},    {"xapp-", 5, 10},
    {"pypi-", 5, 20},    {"sk-", 3, 32},          {"hvs.", 4, 20},     {"hvb.", 4, 20},
    {"SG.", 3, 20},      {"ya29.", 5, 20},        {"AKI", 3, 17},      {"ASI", 3, 17},
    {"AIz", 3, 36},
};

/* header.payload.signature in base64url, each part but the last an object's: "eyJ" is {". */
static bool web_token_at(struct mr_slice text, size_t dot, struct mr_scan_span *out)
{
    size_t begin = dot;
    if (dot + 1 >= text.len || !is_key_char(text.data[dot + 1]))
        return false;
    while (begin > 0 && is_key_char(text.data[begin - 1]))
        begin--;
    if (dot - begin < 10 || memcmp(text.data + begin, "eyJ", 3) != 0)
        return false;
    size_t end = key_end(text, dot + 1);
    if (end >= text.len || text.data[end] != '.')
        return false;
    while (end < text.len && (is_key_char(text.data[end]) || text.data[end] == '.'))
        end++;
    *out = (struct mr_scan_span){.begin = begin, .end = end, .found = MR_SCAN_TOKEN};
    return true;
}

/* Whether some prefix ends in these two, so that most hyphens and dots cost nothing more. */
static bool may_end_prefix(char before, char last)
{
    switch (last) {
    case '_':
        return memchr("pousrtecm", before, 9) != NULL;
    case '-':
        return memchr("tbparsik", before, 8) != NULL;
    case '.':
        return memchr("sbG9", before, 4) != NULL;
    case 'I':
        return before == 'K' || before == 'S';
    default:
        return before == 'I';
    }
}

bool mr_scan_key_at(struct mr_slice text, size_t at, struct mr_scan_span *out)
{
    char last = text.data[at];
    if (at + 1 >= text.len || !is_key_char(text.data[at + 1]) || at < 2)
        return false;
    if (last == '.' && web_token_at(text, at, out))
        return true;
    if (!may_end_prefix(text.data[at - 1], last))
        return false;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        size_t len = prefixes[i].len;
        if (prefixes[i].prefix[len - 1] != last || prefixes[i].prefix[len - 2] != text.data[at - 1])
            continue;
        if (at + 1 < len || memcmp(text.data + at + 1 - len, prefixes[i].prefix, len) != 0 ||
            (at + 1 > len && is_alnum(text.data[at - len])))
            continue;
        size_t end = key_end(text, at + 1);
        if (end - at - 1 < prefixes[i].rest_min)
            continue;
        while (last == '.' && end < text.len &&
               (is_key_char(text.data[end]) || text.data[end] == '.'))
            end++;
        *out = (struct mr_scan_span){.begin = at + 1 - len, .end = end, .found = MR_SCAN_TOKEN};
        return true;
    }
    return false;
}
