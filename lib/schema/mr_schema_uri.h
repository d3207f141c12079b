/* URIs as the registry of schemas needs them: absolute ones, and plain names ("billing.defs"),
 * which are relative references that nothing above resolves further. */
#ifndef MR_SCHEMA_URI_H
#define MR_SCHEMA_URI_H

#include "mr_arena.h"
#include "mr_slice.h"

/* Everything before the first "#"; fragment is what follows it, absent where there is none. */
struct mr_slice mr_schema_uri_split(const char *uri, struct mr_slice *fragment);
/* RFC 3986, section 5.2, for references without fragment. NULL: the arena is full. */
char *mr_schema_uri_resolve(struct mr_arena *arena, struct mr_slice base, struct mr_slice ref);
/* Percent-decodes a fragment; NULL when it is malformed or decodes to a NUL. */
char *mr_schema_uri_decode(struct mr_arena *arena, struct mr_slice fragment);

#endif
