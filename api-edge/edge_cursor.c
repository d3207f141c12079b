#include "edge_cursor.h"

#include "mr_digest.h"
#include <assert.h>
#include <sodium.h>

#define VERSION    1
#define HEAD_BYTES (1 + 4 + 16)
#define VARIANT    sodium_base64_VARIANT_URLSAFE_NO_PADDING

static_assert(sodium_base64_ENCODED_LEN(HEAD_BYTES + EDGE_CURSOR_VALUE_MAX, VARIANT) <=
                  EDGE_CURSOR_TEXT_MAX + 1,
              "every cursor that is written can be read");

uint32_t edge_cursor_list(const struct mr_slice *parts, size_t count)
{
    struct mr_digest128 digest = mr_digest128_of(parts, count);
    uint32_t list;
    memcpy(&list, digest.bytes, sizeof list);
    return list;
}

const char *edge_cursor_write(const struct edge_cursor *cursor, uint32_t list,
                              struct mr_arena *arena)
{
    if (cursor->value.len > EDGE_CURSOR_VALUE_MAX)
        return NULL;
    unsigned char bytes[HEAD_BYTES + EDGE_CURSOR_VALUE_MAX] = {VERSION};
    memcpy(bytes + 1, &list, sizeof list);
    memcpy(bytes + 5, cursor->id.bytes, sizeof cursor->id.bytes);
    if (cursor->value.len)
        memcpy(bytes + HEAD_BYTES, cursor->value.data, cursor->value.len);
    size_t len = HEAD_BYTES + cursor->value.len;
    size_t room = sodium_base64_encoded_len(len, VARIANT);
    char *text = mr_arena_alloc(arena, room);
    return text ? sodium_bin2base64(text, room, bytes, len, VARIANT) : NULL;
}

enum mr_status edge_cursor_read(struct mr_slice text, uint32_t list, struct mr_arena *arena,
                                struct edge_cursor *out)
{
    if (text.len == 0 || text.len > EDGE_CURSOR_TEXT_MAX)
        return MR_INVALID;
    unsigned char *bytes = mr_arena_alloc(arena, text.len);
    if (!bytes)
        return MR_LIMIT;
    size_t len;
    if (sodium_base642bin(bytes, text.len, text.data, text.len, NULL, &len, NULL, VARIANT) != 0 ||
        len < HEAD_BYTES || len > HEAD_BYTES + EDGE_CURSOR_VALUE_MAX || bytes[0] != VERSION ||
        memcmp(bytes + 1, &list, sizeof list) != 0)
        return MR_INVALID;
    memcpy(out->id.bytes, bytes + 5, sizeof out->id.bytes);
    out->value = mr_slice(bytes + HEAD_BYTES, len - HEAD_BYTES);
    return MR_OK;
}
