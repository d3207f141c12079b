/* millrace-log-lines: the lines that logging is measured with, the same for a seed: one account,
 * spread evenly over days of append time, 20 services, bodies of about 200 bytes. Each line has one
 * word that stands in one of 100,000 lines, "rare<five letters>".
 *
 *   millrace-log-lines copy LINES SEED LAST_DAY DAYS    rows of logging.log, for
 *     COPY logging.log (account_id, id, day, received_at, lane, position, <logging_store's
 * columns>) millrace-log-lines json LINES SEED LAST_DAY DAYS    bodies of logging.line, as NDJSON
 *
 * LAST_DAY is YYYY-MM-DD. */
#include "logging_domain.h"
#include "mr_prng.h"
#include "mr_time.h"
#include "mr_uuid.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define ACCOUNT     "3f0d9c1e-5a52-7c11-8b7d-0a4c6b2d9e10"
#define LANES       12
#define WORDS       2000
#define RARE        100000
#define BODY_BYTES  200
#define LATE_MS_MAX 3000 /* between a line's time and its append time */
#define HOSTS       40

static const char *const services[] = {"edge",     "checkout", "cart",     "catalog", "search",
                                       "accounts", "billing",  "mailer",   "images",  "shipping",
                                       "stock",    "reviews",  "sessions", "pricing", "reports",
                                       "exports",  "webhooks", "payments", "fraud",   "archive"};
#define SERVICES (sizeof services / sizeof *services)

static const struct {
    uint32_t permille; /* of all lines, up to and with this one */
    int number;
    const char *text;
} severities[] = {{200, 5, "DEBUG"},
                  {900, 9, "INFO"},
                  {970, 13, "WARN"},
                  {995, 17, "ERROR"},
                  {1000, 21, "FATAL"}};

static const char *const methods[] = {"GET", "POST", "PUT", "DELETE"};
static const int statuses[] = {200, 200, 200, 201, 204, 304, 404, 500};

struct line {
    char time[MR_TIME_TEXT + 16]; /* with microseconds */
    char received[MR_TIME_TEXT + 1];
    char id[MR_UUID_TEXT + 1];
    int severity;
    const char *service;
    uint32_t host, status, user;
    uint64_t trace[2]; /* 0: none */
    char body[2 * BODY_BYTES];
};

static char *syllables(char *out, uint32_t n)
{
    static const char consonants[] = "bcdfghjklmnprstvwz", vowels[] = "aeiou";
    do {
        *out++ = consonants[n % 18], n /= 18;
        *out++ = vowels[n % 5], n /= 5;
    } while (n > 0);
    *out = 0;
    return out;
}

/* Few words are said often and many seldom, as people and programs speak. */
static uint32_t common_word(struct mr_prng *prng)
{
    uint32_t below = 1 + mr_prng_below(prng, WORDS);
    return mr_prng_below(prng, 1 + mr_prng_below(prng, below));
}

static void body_make(struct mr_prng *prng, struct line *line)
{
    char *p = line->body, *end = line->body + BODY_BYTES;
    uint32_t rare = mr_prng_below(prng, RARE);
    p += sprintf(p, "%s /v1/", methods[mr_prng_below(prng, 4)]);
    p = syllables(p, mr_prng_below(prng, 50));
    p += sprintf(p, "/%" PRIu32 " %" PRIu32 " in %" PRIu32 " ms: rare", mr_prng_below(prng, 1000),
                 line->status, mr_prng_below(prng, 900));
    for (int i = 0; i < 5; i++, rare /= 10)
        *p++ = (char)('a' + rare % 10);
    while (p < end - 8) {
        *p++ = ' ';
        p = syllables(p, 90 + common_word(prng)); /* two at least */
    }
    *p = 0;
}

static void line_make(struct mr_prng *prng, int64_t received_ms, struct line *line)
{
    uint32_t share = mr_prng_below(prng, 1000);
    int64_t us = received_ms * 1000 - mr_prng_below(prng, LATE_MS_MAX * 1000);
    struct mr_uuid id;
    size_t s = 0;
    while (share >= severities[s].permille)
        s++;
    line->severity = (int)s;
    line->service = services[mr_prng_below(prng, SERVICES)];
    line->host = mr_prng_below(prng, HOSTS);
    line->status = (uint32_t)statuses[mr_prng_below(prng, 8)];
    line->user = mr_prng_below(prng, 50000);
    line->trace[0] = mr_prng_chance(prng, 300) ? mr_prng_next(prng) | 1 : 0;
    line->trace[1] = mr_prng_next(prng);
    mr_time_text(us / 1000, line->time);
    sprintf(line->time + MR_TIME_TEXT - 1, "%03dZ", (int)(us % 1000));
    mr_time_text(received_ms, line->received);
    for (size_t i = 0; i < sizeof id.bytes; i += 8) {
        uint64_t bits = mr_prng_next(prng);
        memcpy(id.bytes + i, &bits, sizeof bits);
    }
    id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | 0x50); /* as the lines of a batch have them */
    id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
    mr_uuid_text(&id, line->id);
    body_make(prng, line);
}

static void copy_write(const struct line *line, int64_t index)
{
    uint64_t words[LOGGING_WORDS_COUNT] = {0};
    printf(ACCOUNT "\t%s\t%.10s\t%s\t%d\t%" PRId64 "\t%s\t\\N\t%d\t%s\t%s\thost-%" PRIu32 "\t",
           line->id, line->received, line->received, (int)(index % LANES), index / LANES,
           line->time, severities[line->severity].number, severities[line->severity].text,
           line->service, line->host);
    if (line->trace[0])
        printf("%016" PRIx64 "%016" PRIx64 "\t\\\\x%016" PRIx64, line->trace[0], line->trace[1],
               line->trace[1] ^ line->trace[0]);
    else
        printf("\\N\t\\N");
    printf("\t%s\tf\t{\"http.status_code\":%" PRIu32 ",\"user\":\"u%" PRIu32 "\"}", line->body,
           line->status, line->user);
    logging_words_add(mr_slice_text(line->body), words);
    for (int i = 0; i < LOGGING_WORDS_COUNT; i++)
        printf("\t%" PRId64, (int64_t)words[i]);
    printf("\n");
}

static void json_write(const struct line *line)
{
    printf("{\"time\":\"%s\",\"severity_number\":%d,\"severity_text\":\"%s\",\"body\":\"%s\","
           "\"service\":\"%s\",\"host\":\"host-%" PRIu32 "\",",
           line->time, severities[line->severity].number, severities[line->severity].text,
           line->body, line->service, line->host);
    if (line->trace[0])
        printf("\"trace_id\":\"%016" PRIx64 "%016" PRIx64 "\",\"span_id\":\"%016" PRIx64 "\",",
               line->trace[0], line->trace[1], line->trace[1] ^ line->trace[0]);
    printf("\"attributes\":{\"http.status_code\":%" PRIu32 ",\"user\":\"u%" PRIu32 "\"}}\n",
           line->status, line->user);
}

int main(int argc, char **argv)
{
    int32_t last_day;
    int64_t lines = argc == 6 ? strtoll(argv[2], NULL, 10) : 0;
    int64_t days = argc == 6 ? strtoll(argv[5], NULL, 10) : 0;
    bool copy = argc == 6 && strcmp(argv[1], "copy") == 0;
    if (argc != 6 || (!copy && strcmp(argv[1], "json") != 0) || lines < 1 || days < 1 ||
        mr_day_parse(mr_slice_text(argv[4]), &last_day) != MR_OK) {
        fprintf(stderr, "usage: %s copy|json LINES SEED LAST_DAY DAYS\n", argv[0]);
        return 2;
    }
    struct mr_prng prng;
    struct line line;
    int64_t first_ms = (last_day + 1 - days) * MR_DAY_MS;
    mr_prng_seed(&prng, strtoull(argv[3], NULL, 10));
    for (int64_t i = 0; i < lines; i++) {
        int64_t offset_ms = (int64_t)((double)(days * MR_DAY_MS) * (double)i / (double)lines);
        line_make(&prng, first_ms + offset_ms, &line);
        if (copy)
            copy_write(&line, i);
        else
            json_write(&line);
    }
    return fflush(stdout) == 0 ? 0 : 3;
}
