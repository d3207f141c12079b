/* What a complete head means: target, host, framing, connection. A part of mr_http_parse. */
#ifndef MR_HTTP_HEAD_H
#define MR_HTTP_HEAD_H

#include "mr_http_parse.h"

/* Fills what follows from method, target, minor_version and the fields, which are set already.
 * MR_INVALID: error says why. */
MR_MUST_CHECK enum mr_status mr_http_head_read(struct mr_http_request *req,
                                               struct mr_http_error *error);

#endif
