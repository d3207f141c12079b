/* The text of an API key: "mr_" + 32 hex digits of the key's id + "_" + 43 characters of base64url
 * (no padding) of its secret's 32 bytes. Pure. */
#ifndef EDGE_TOKEN_H
#define EDGE_TOKEN_H

#include "mr_digest.h"
#include "mr_slice.h"
#include "mr_status.h"
#include "mr_uuid.h"
#include <stdbool.h>

#define EDGE_TOKEN_TEXT 79

/* What is kept of a token that was read; the secret itself is wiped. */
struct edge_token {
    struct mr_uuid key_id;
    struct mr_digest hash; /* BLAKE2b-256 of the secret, as millrace.api_secret.hash */
};

/* Reads the value of Authorization, "Bearer mr_..." (the scheme in either case). MR_INVALID when it
 * is anything else; out is written on MR_OK only. */
MR_MUST_CHECK enum mr_status edge_token_parse(struct mr_slice authorization,
                                              struct edge_token *out);

/* Compares in constant time. */
bool edge_token_is(const struct edge_token *token, const struct mr_digest *hash);

#endif
