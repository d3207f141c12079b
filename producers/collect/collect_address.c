#include "collect_address.h"

#include <arpa/inet.h>
#include <uv.h>

enum mr_status collect_address_read(const char *text, int port, struct sockaddr_storage *out,
                                    struct mr_error *why)
{
    *out = (struct sockaddr_storage){.ss_family = AF_UNSPEC};
    if (uv_ip4_addr(text, port, (struct sockaddr_in *)out) == 0 ||
        uv_ip6_addr(text, port, (struct sockaddr_in6 *)out) == 0)
        return MR_OK;
    return mr_fail(why, MR_INVALID, "COLLECT_ADDRESS: \"%s\" is not an IP address", text);
}

void collect_address_log(struct mr_log *log, const char *protocol, const char *address,
                         const struct sockaddr_storage *bound)
{
    in_port_t port = bound->ss_family == AF_INET6
                         ? ((const struct sockaddr_in6 *)(const void *)bound)->sin6_port
                         : ((const struct sockaddr_in *)(const void *)bound)->sin_port;
    MR_LOG(log, INFO, "listening", mr_f_text("protocol", protocol), mr_f_text("address", address),
           mr_f_int("port", ntohs(port)));
}
