/* What is done to a fact before it enters the log: secrets are replaced, and of some only a share
 * is kept. The rules are a command's x-ingest (schemas/meta/x-ingest.json) and the operator's own
 * file (MILLRACE_INGEST_RULES); they are compiled once and serve edge, collect and produce alike.
 *
 * The operator's file is one JSON object, {"redact": {"names": [...], "patterns": [...], "except":
 * [...]}, "sample": [...]}, every member optional, with the meaning that x-ingest gives them. Its
 * names and patterns are added to the command's; its sample rules are asked first.
 *
 * redact.names: properties whose value, text or anything else but null, true and false, becomes
 * "[redacted]", at any depth. Case does not count, nor what of '-', '_', '.' and ' ' stands
 * between the words: "Api-Key" is api_key. A name is meant by its last words, too, up to three,
 * which a capital may begin, and without a number at its end: http.request.header.authorization,
 * DB_PASSWORD, userPassword, sd.auth.password.2.
 *
 * redact.patterns: PCRE2 expressions; what they match in any text, service and host too, becomes
 * "[redacted]", with a group named `secret` that group alone. And built-in classes by name:
 *   builtin:card          card numbers: 13 to 19 digits that pass Luhn, in one run that begins like
 *                         a card's (3 to 6, 2221 to 2720) or in groups of digits with spaces or
 *                         dashes; a JSON number without a fraction as well
 *   builtin:token         "Bearer ..." and "Basic ...", `name=value` and `"name": "value"` of names
 *                         such as api_key, access_token, token, secret, password, JSON web tokens,
 *                         and what begins as GitHub's, GitLab's, Slack's, Stripe's, AWS', Google's,
 *                         npm's, PyPI's, SendGrid's, Vault's and millrace's own keys do
 *   builtin:url-password  scheme://user:PASSWORD@host
 * A text that an expression does not get through in its bounds is redacted whole.
 *
 * redact.except: pointers to top-level members, such as "/trace_id", whose form the schema fixes
 * and which are left alone. The times, ids and severity number of a struct mr_logline always are.
 *
 * sample: {pointer, value, share}: of what has this value there (a number may be given as minimum
 * and maximum instead) the share, 0 to 1, is kept; the first rule that fits decides, what fits none
 * is kept. It goes by the line's id, so that a repeat is decided as before.
 *
 * What is redacted and sampled out is counted by rule. Property names are never altered. */
#ifndef MR_INGEST_H
#define MR_INGEST_H

#include "mr_arena.h"
#include "mr_buf.h"
#include "mr_error.h"
#include "mr_logline.h"
#include "mr_schema_text.h"
#include "mr_slice.h"
#include "mr_status.h"
#include "mr_uuid.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MR_INGEST_REDACTED        "[redacted]"
#define MR_INGEST_RULES_BYTES_MAX 1048576 /* of the operator's file */

/* Compiled rules, their counters, and memory for matching: for one thread. */
struct mr_ingest;

struct mr_ingest_settings {
    const json_t *ingest;    /* the command's x-ingest; NULL: none */
    const char *ingest_name; /* where it stands, for errors: "logging/line.json#/x-ingest" */
    struct mr_slice rules;   /* text of the operator's file; absent: none */
    const char *rules_name;  /* its path, for errors */
};
/* Nothing of settings is kept. MR_INVALID with one sentence in why that names file, pointer and
 * cause. *out is written on MR_OK only. */
MR_MUST_CHECK enum mr_status mr_ingest_new(const struct mr_ingest_settings *settings,
                                           struct mr_ingest **out, struct mr_error *why);
void mr_ingest_free(struct mr_ingest *ingest); /* takes NULL */

/* Everywhere below ingest may be NULL: nothing is redacted and all is kept. */

/* Wire formats: samples, redacts and writes a line. MR_OK: *kept says whether it is to be sent, and
 * only then the JSON text (a body of logging.line) was appended to out. What is replaced in line is
 * in arena, or static. MR_LIMIT: arena or out is full. */
MR_MUST_CHECK enum mr_status mr_ingest_line(struct mr_ingest *ingest, struct mr_logline *line,
                                            const struct mr_uuid *id, struct mr_arena *arena,
                                            struct mr_buf *out, bool *kept);

/* JSON bodies: samples, and redacts body in place. MR_OK: *kept says whether it is to be sent, and
 * *text, at first the text that body was parsed from, is then the text to send: the same bytes
 * where nothing was redacted, else body written anew in arena. MR_LIMIT: the arena is full. */
MR_MUST_CHECK enum mr_status mr_ingest_body(struct mr_ingest *ingest, json_t *body,
                                            const struct mr_uuid *id, struct mr_arena *arena,
                                            struct mr_slice *text, bool *kept);

/* ---- the parts of these, for those who need them apart ---- */

/* Whether a line or body with this id is kept; counts it when it is not. */
bool mr_ingest_keeps_line(struct mr_ingest *ingest, const struct mr_logline *line,
                          const struct mr_uuid *id);
bool mr_ingest_keeps_body(struct mr_ingest *ingest, const json_t *body, const struct mr_uuid *id);
/* Redacts in place; *changed says whether anything was replaced. */
MR_MUST_CHECK enum mr_status mr_ingest_redact_line(struct mr_ingest *ingest,
                                                   struct mr_logline *line, struct mr_arena *arena,
                                                   bool *changed);
MR_MUST_CHECK enum mr_status mr_ingest_redact_body(struct mr_ingest *ingest, json_t *body,
                                                   bool *changed);
/* One text: *text is then the redacted one in arena, or is left as it is. MR_LIMIT as above. */
MR_MUST_CHECK enum mr_status mr_ingest_redact_text(struct mr_ingest *ingest, struct mr_arena *arena,
                                                   struct mr_slice *text);

/* For who glances at a text before it is parsed, as the `see` of mr_schema_glance_at with the rules
 * as its data: that nothing is to be redacted in this value, nor sampled by any. False where that
 * is not known for sure; nothing is counted. */
bool mr_ingest_sees_clean(void *ingest, const struct mr_schema_seen *seen);

/* ---- counters, for metrics: labels are bounded by the rules ---- */

struct mr_ingest_counter {
    const char *rule; /* "names", "builtin:card", "pattern 2" (of x-ingest, from 0), "own pattern 0"
                         (of the operator's file), "unreadable" (redacted whole), "sample 0", "own
                         sample 1"; lives as long as the rules */
    bool is_sample;   /* counts lines that were not kept; else texts in which something was replaced
                       */
    uint64_t count;
};
/* The counter by index, from 0; false past the last. NULL has none. */
bool mr_ingest_counter(const struct mr_ingest *ingest, size_t index, struct mr_ingest_counter *out);

#endif
