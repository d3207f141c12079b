/* What is read out of a line's texts: its time, and the words of its body. */
#include "logging_domain.h"
#include "mr_time.h"
#include <assert.h>

#define FNV_START  2166136261u
#define FNV_PRIME  16777619u
#define BITS       3
#define PLACE_BITS 6
#define WHICH_BITS 2

static_assert(LOGGING_WORDS_COUNT == 1 << WHICH_BITS, "the hash says which number");

static void word_add(uint32_t hash, uint64_t words[LOGGING_WORDS_COUNT])
{
    uint64_t *number = &words[hash & (LOGGING_WORDS_COUNT - 1)];
    hash >>= WHICH_BITS;
    for (int i = 0; i < BITS; i++, hash >>= PLACE_BITS)
        *number |= UINT64_C(1) << (hash & ((1 << PLACE_BITS) - 1));
}

/* The character as words have it; 0: it divides words. */
static unsigned char word_character(char c)
{
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')
        return (unsigned char)c;
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : 0;
}

void logging_words_add(struct mr_slice text, uint64_t words[LOGGING_WORDS_COUNT])
{
    uint32_t hash = FNV_START;
    bool inside = false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = word_character(text.data[i]);
        if (c) {
            hash = (hash ^ c) * FNV_PRIME;
            inside = true;
        } else if (inside) {
            word_add(hash, words);
            hash = FNV_START;
            inside = false;
        }
    }
    if (inside)
        word_add(hash, words);
}

/* mr_time_parse cuts to milliseconds; digits 4 to 6 of the fraction are added. A leap second, which
 * it reads as the end of the second before, has none. */
enum mr_status logging_time_parse(struct mr_slice text, int64_t *unix_us)
{
    int64_t unix_ms, us = 0;
    enum mr_status s = mr_time_parse(text, &unix_ms);
    if (s != MR_OK)
        return s;
    const char *point = memchr(text.data, '.', text.len), *end = text.data + text.len;
    if (point && memcmp(point - 2, "60", 2) != 0) {
        const char *p = point + 1;
        int64_t scale = 100000;
        for (; p < end && *p >= '0' && *p <= '9' && scale > 0; p++, scale /= 10)
            us += (*p - '0') * scale;
    }
    *unix_us = unix_ms * 1000 + us % 1000;
    return MR_OK;
}
