#include "ctl_key.h"

#include <sodium.h>
#include <stdio.h>

#define HEX_LEN     32
#define SCOPE_BYTES 96 /* as the edge's cache has room for */

void ctl_key_text(const struct mr_uuid *id, const uint8_t secret[CTL_KEY_SECRET],
                  char out[CTL_KEY_TEXT + 1])
{
    char hex[HEX_LEN + 1],
        base64[sodium_base64_ENCODED_LEN(CTL_KEY_SECRET, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
    sodium_bin2hex(hex, sizeof hex, id->bytes, sizeof id->bytes);
    sodium_bin2base64(base64, sizeof base64, secret, CTL_KEY_SECRET,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    snprintf(out, CTL_KEY_TEXT + 1, "mr_%s_%s", hex, base64);
    sodium_memzero(base64, sizeof base64);
}

struct mr_digest ctl_key_hash(const uint8_t secret[CTL_KEY_SECRET])
{
    struct mr_digest hash;
    crypto_generichash(hash.bytes, sizeof hash.bytes, secret, CTL_KEY_SECRET, NULL, 0);
    return hash;
}

enum mr_status ctl_key_id(struct mr_slice text, struct mr_uuid *out)
{
    size_t got;
    struct mr_uuid id;
    if (mr_uuid_parse(text, out) == MR_OK)
        return MR_OK;
    if (text.len > 3 && memcmp(text.data, "mr_", 3) == 0) {
        if (text.len > 3 + HEX_LEN && text.data[3 + HEX_LEN] != '_')
            return MR_INVALID;
        text.data += 3;
        text.len = text.len - 3 > HEX_LEN ? HEX_LEN : text.len - 3;
    }
    if (text.len != HEX_LEN ||
        sodium_hex2bin(id.bytes, sizeof id.bytes, text.data, text.len, NULL, &got, NULL) != 0 ||
        got != sizeof id.bytes)
        return MR_INVALID;
    *out = id;
    return MR_OK;
}

static bool is_name(struct mr_slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!(s.data[i] >= 'a' && s.data[i] <= 'z') && !(s.data[i] >= '0' && s.data[i] <= '9') &&
            s.data[i] != '-' && s.data[i] != '_')
            return false;
    return s.len > 0;
}

static bool is_scope(struct mr_slice s)
{
    const char *colon = s.len ? memchr(s.data, ':', s.len) : NULL;
    if (!colon || s.len > SCOPE_BYTES)
        return false;
    size_t at = (size_t)(colon - s.data);
    return is_name(mr_slice(s.data, at)) && is_name(mr_slice(colon + 1, s.len - at - 1));
}

static bool is_among(const struct mr_slice *list, size_t count, struct mr_slice s)
{
    for (size_t i = 0; i < count; i++)
        if (mr_slice_equal(list[i], s))
            return true;
    return false;
}

enum mr_status ctl_key_scopes(struct mr_slice text, struct mr_slice out[CTL_KEY_SCOPES_MAX],
                              size_t *count, struct mr_error *why)
{
    size_t n = 0;
    for (bool more = true; more;) {
        const char *comma = text.len ? memchr(text.data, ',', text.len) : NULL;
        struct mr_slice scope = mr_slice(text.data, comma ? (size_t)(comma - text.data) : text.len);
        if (!is_scope(scope))
            return mr_fail(why, MR_INVALID,
                           "\"%.*s\" is not a scope: scopes are like billing:read,billing:write",
                           MR_SLICE_FMT(scope));
        if (is_among(out, n, scope))
            return mr_fail(why, MR_INVALID, "scope %.*s is given twice", MR_SLICE_FMT(scope));
        if (n == CTL_KEY_SCOPES_MAX)
            return mr_fail(why, MR_INVALID, "a key has at most %d scopes", CTL_KEY_SCOPES_MAX);
        out[n++] = scope;
        more = comma != NULL;
        if (more)
            text = mr_slice(comma + 1, text.len - scope.len - 1);
    }
    *count = n;
    return MR_OK;
}
