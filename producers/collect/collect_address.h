/* Addresses to listen on. */
#ifndef COLLECT_ADDRESS_H
#define COLLECT_ADDRESS_H

#include "mr_error.h"
#include "mr_log.h"
#include "mr_status.h"
#include <sys/socket.h>

/* MR_INVALID: neither an IPv4 nor an IPv6 address. */
MR_MUST_CHECK enum mr_status collect_address_read(const char *text, int port,
                                                  struct sockaddr_storage *out,
                                                  struct mr_error *why);
/* {"msg":"listening","protocol":...,"address":...,"port":N} with the port of a bound socket. */
void collect_address_log(struct mr_log *log, const char *protocol, const char *address,
                         const struct sockaddr_storage *bound);

#endif
