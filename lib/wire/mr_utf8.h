/* Whether bytes are UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef MR_UTF8_H
#define MR_UTF8_H

#include "mr_slice.h"

bool mr_utf8_is_valid(struct mr_slice text);
/* Valid, and without C0 and C1 control characters and DEL: what may go into a text column, a
 * header or a log line as it is. */
bool mr_utf8_is_plain(struct mr_slice text);

#endif
