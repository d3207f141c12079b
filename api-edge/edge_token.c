#include "edge_token.h"

#include <sodium.h>
#include <strings.h>

#define HEX_AT    3
#define HEX_LEN   32
#define SECRET_AT (HEX_AT + HEX_LEN + 1)

enum mr_status edge_token_parse(struct mr_slice authorization, struct edge_token *out)
{
    static const char scheme[] = "Bearer ";
    const size_t scheme_len = sizeof scheme - 1;
    if (authorization.len < scheme_len || strncasecmp(authorization.data, scheme, scheme_len) != 0)
        return MR_INVALID;
    const char *text = authorization.data + scheme_len;
    size_t len = authorization.len - scheme_len;
    for (; len > 0 && *text == ' '; len--)
        text++;
    if (len != EDGE_TOKEN_TEXT || memcmp(text, "mr_", HEX_AT) != 0 || text[SECRET_AT - 1] != '_')
        return MR_INVALID;

    struct mr_uuid id;
    size_t got;
    if (sodium_hex2bin(id.bytes, sizeof id.bytes, text + HEX_AT, HEX_LEN, NULL, &got, NULL) != 0 ||
        got != sizeof id.bytes)
        return MR_INVALID;
    unsigned char secret[32];
    struct mr_digest hash;
    int bad = sodium_base642bin(secret, sizeof secret, text + SECRET_AT, len - SECRET_AT, NULL,
                                &got, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    bad |= got != sizeof secret;
    bad |= crypto_generichash(hash.bytes, sizeof hash.bytes, secret, sizeof secret, NULL, 0);
    sodium_memzero(secret, sizeof secret);
    if (bad)
        return MR_INVALID;
    *out = (struct edge_token){.key_id = id, .hash = hash};
    return MR_OK;
}

bool edge_token_is(const struct edge_token *token, const struct mr_digest *hash)
{
    return sodium_memcmp(token->hash.bytes, hash->bytes, sizeof hash->bytes) == 0;
}
