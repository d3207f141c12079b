/* Reading the texts inside a request: paths, queries, comma lists, percent-encoding. */
#ifndef MR_HTTP_TEXT_H
#define MR_HTTP_TEXT_H

#include "mr_arena.h"
#include "mr_slice.h"
#include "mr_status.h"
#include <stdbool.h>

/* ASCII letters alone are equal in either case. */
bool mr_http_equal_nocase(struct mr_slice a, const char *b);

/* The next segment of a raw path, not decoded; *rest begins as the whole path and is moved on.
 * "/a//b/" gives "a", "", "b", "". False at the end, and for a path that does not begin with '/'.
 */
bool mr_http_path_next(struct mr_slice *rest, struct mr_slice *segment);

/* The next parameter of a raw query, not decoded; empty ones ("a&&b") are passed over. value is
 * absent where there is no '='. False at the end; an absent query has none. */
bool mr_http_query_next(struct mr_slice *rest, struct mr_slice *name, struct mr_slice *value);

/* The next member of a comma list such as Prefer or Accept, white space around it removed, empty
 * ones passed over; commas inside "quoted strings" do not part. False at the end. */
bool mr_http_list_next(struct mr_slice *rest, struct mr_slice *member);

/* The next parameter of a member, parted by ';' likewise: "wait=5; x" gives ("wait", "5") and
 * ("x", absent). A quoted value is given without its quotes, its escapes left in. */
bool mr_http_parameter_next(struct mr_slice *rest, struct mr_slice *name, struct mr_slice *value);

enum mr_http_component {
    MR_HTTP_PATH_SEGMENT,
    MR_HTTP_QUERY_PART /* '+' is a space */
};

/* Decodes %XX. Where there is nothing to decode *out is raw itself, else a copy in arena.
 * MR_INVALID: a '%' without two hex digits, a NUL, or not UTF-8 afterwards. MR_LIMIT: arena full.
 */
MR_MUST_CHECK enum mr_status mr_http_decode(struct mr_slice raw, enum mr_http_component component,
                                            struct mr_arena *arena, struct mr_slice *out);

#endif
