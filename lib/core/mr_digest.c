#include "mr_digest.h"

#include <sodium.h>

static void digest(const struct mr_slice *parts, size_t count, uint8_t *out, size_t out_bytes)
{
    crypto_generichash_state h;
    crypto_generichash_init(&h, NULL, 0, out_bytes);
    for (size_t i = 0; i < count; i++) {
        uint8_t prefix[8];
        for (int b = 0; b < 8; b++)
            prefix[b] = (uint8_t)((uint64_t)parts[i].len >> (56 - 8 * b));
        crypto_generichash_update(&h, prefix, sizeof prefix);
        if (parts[i].len)
            crypto_generichash_update(&h, (const unsigned char *)parts[i].data, parts[i].len);
    }
    crypto_generichash_final(&h, out, out_bytes);
}

struct mr_digest mr_digest_of(const struct mr_slice *parts, size_t count)
{
    struct mr_digest d;
    digest(parts, count, d.bytes, sizeof d.bytes);
    return d;
}

struct mr_digest128 mr_digest128_of(const struct mr_slice *parts, size_t count)
{
    struct mr_digest128 d;
    digest(parts, count, d.bytes, sizeof d.bytes);
    return d;
}

struct mr_digest mr_digest_command(struct mr_slice type, struct mr_slice subject,
                                   struct mr_slice value)
{
    return mr_digest_of((struct mr_slice[]){type, subject, value}, 3);
}

struct mr_digest128 mr_digest_record(struct mr_slice key, struct mr_slice value,
                                     struct mr_slice ce_id)
{
    return mr_digest128_of((struct mr_slice[]){key, value, ce_id}, 3);
}
