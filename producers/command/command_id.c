#include "command_id.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

struct mr_uuid command_id_of_item(const struct mr_uuid *account, const char *domain,
                                  struct mr_slice key, uint64_t n)
{
    char name[MR_UUID_TEXT + COMMAND_KEY_BYTES_MAX + 64], text[MR_UUID_TEXT + 1];
    assert(key.len <= COMMAND_KEY_BYTES_MAX && strlen(domain) < 32);
    int len = snprintf(name, sizeof name, "%s\n%s\n%.*s\n%" PRIu64, mr_uuid_text(account, text),
                       domain, MR_SLICE_FMT(key), n);
    assert(len > 0 && (size_t)len < sizeof name);
    return mr_uuid_v5(mr_slice(name, (size_t)len));
}
