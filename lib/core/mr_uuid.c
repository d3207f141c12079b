#include "mr_uuid.h"
#include "mr_buf.h"

#include <uuid/uuid.h>

static const uuid_t namespace = {0x1a, 0x87, 0xe1, 0x9b, 0x12, 0xb9, 0x54, 0x92,
                                 0x8c, 0xe7, 0x16, 0xa7, 0x33, 0x00, 0x31, 0xbb};

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum mr_status mr_uuid_parse(struct mr_slice text, struct mr_uuid *out)
{
    struct mr_uuid id;
    if (text.len != MR_UUID_TEXT)
        return MR_INVALID;
    for (size_t i = 0, n = 0; i < MR_UUID_TEXT; n++) {
        if (i == 8 || i == 13 || i == 18 || i == 23)
            if (text.data[i++] != '-')
                return MR_INVALID;
        int high = hex_value(text.data[i]), low = hex_value(text.data[i + 1]);
        if (high < 0 || low < 0)
            return MR_INVALID;
        id.bytes[n] = (uint8_t)(high << 4 | low);
        i += 2;
    }
    *out = id;
    return MR_OK;
}

char *mr_uuid_text(const struct mr_uuid *id, char out[MR_UUID_TEXT + 1])
{
    static const char digits[] = "0123456789abcdef";
    char *p = out;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = digits[id->bytes[i] >> 4];
        *p++ = digits[id->bytes[i] & 15];
    }
    *p = 0;
    return out;
}

int mr_uuid_compare(const struct mr_uuid *a, const struct mr_uuid *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

bool mr_uuid_equal(const struct mr_uuid *a, const struct mr_uuid *b)
{
    return mr_uuid_compare(a, b) == 0;
}

bool mr_uuid_is_nil(const struct mr_uuid *id)
{
    static const struct mr_uuid nil;
    return mr_uuid_equal(id, &nil);
}

struct mr_uuid mr_uuid_v7(int64_t unix_ms, const uint8_t random[10])
{
    struct mr_uuid id;
    for (int i = 0; i < 6; i++)
        id.bytes[i] = (uint8_t)(unix_ms >> (40 - 8 * i));
    memcpy(id.bytes + 6, random, 10);
    id.bytes[6] = (uint8_t)(0x70 | (id.bytes[6] & 0x0f));
    id.bytes[8] = (uint8_t)(0x80 | (id.bytes[8] & 0x3f));
    return id;
}

bool mr_uuid_v7_time(const struct mr_uuid *id, int64_t *unix_ms)
{
    if (id->bytes[6] >> 4 != 7 || id->bytes[8] >> 6 != 2)
        return false;
    int64_t ms = 0;
    for (int i = 0; i < 6; i++)
        ms = ms << 8 | id->bytes[i];
    *unix_ms = ms;
    return true;
}

struct mr_uuid mr_uuid_v5(struct mr_slice name)
{
    struct mr_uuid id;
    uuid_generate_sha1(id.bytes, namespace, name.data ? name.data : "", name.len);
    return id;
}

struct mr_uuid mr_uuid_of_key(const struct mr_uuid *account, const char *domain,
                              struct mr_slice key)
{
    struct mr_uuid id;
    if (mr_uuid_parse(key, &id) == MR_OK)
        return id;
    char text[MR_UUID_TEXT + 1];
    struct mr_buf name;
    mr_buf_init(&name, 0);
    mr_buf_printf(&name, "%s\n%s\n", mr_uuid_text(account, text), domain);
    mr_buf_slice(&name, key);
    id = mr_uuid_v5(mr_buf_all(&name));
    mr_buf_free(&name);
    return id;
}
