/* The text of an API key and the reading of scopes; pure. */
#ifndef CTL_KEY_H
#define CTL_KEY_H

#include "mr_arena.h"
#include "mr_digest.h"
#include "mr_error.h"
#include "mr_uuid.h"

#define CTL_KEY_SECRET     32 /* bytes */
#define CTL_KEY_TEXT       79 /* "mr_" + 32 hex + "_" + 43 characters of base64url */
#define CTL_KEY_SCOPES_MAX 64 /* the edge looks at no more */

/* Writes the whole key with a NUL; as the edge reads it back. */
void ctl_key_text(const struct mr_uuid *id, const uint8_t secret[CTL_KEY_SECRET],
                  char out[CTL_KEY_TEXT + 1]);
/* What is stored of it: BLAKE2b-256 of the secret's bytes. */
struct mr_digest ctl_key_hash(const uint8_t secret[CTL_KEY_SECRET]);

/* The id of a key from its UUID, from 32 hex digits, or from "mr_" and anything behind them, so
 * that a key found in the wild can be revoked by pasting what is known of it. */
MR_MUST_CHECK enum mr_status ctl_key_id(struct mr_slice text, struct mr_uuid *out);

/* "billing:read,billing:write" into slices of text. MR_INVALID: one is not <name>:<name>, is given
 * twice, or there is none or are more than CTL_KEY_SCOPES_MAX. */
MR_MUST_CHECK enum mr_status ctl_key_scopes(struct mr_slice text,
                                            struct mr_slice out[CTL_KEY_SCOPES_MAX], size_t *count,
                                            struct mr_error *why);

#endif
