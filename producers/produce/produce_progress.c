#include "produce_progress.h"

#include <inttypes.h>

#define BAR_CELLS   24
#define LOG_AWAY_MS 3000

/* 1234567 as 1,234,567. */
static void add_number(struct mr_buf *out, uint64_t n)
{
    if (n >= 1000) {
        add_number(out, n / 1000);
        mr_buf_printf(out, ",%03u", (unsigned)(n % 1000));
    } else {
        mr_buf_printf(out, "%u", (unsigned)n);
    }
}

static void add_count(struct mr_buf *out, uint64_t n, const char *what)
{
    add_number(out, n);
    mr_buf_printf(out, " %s", what);
}

static void add_bar(struct mr_buf *out, const struct produce_counts *c)
{
    double share = (double)c->bytes_taken / (double)c->bytes_size;
    if (share > 1)
        share = 1;
    unsigned full = (unsigned)(share * BAR_CELLS);
    mr_buf_char(out, '[');
    for (unsigned i = 0; i < BAR_CELLS; i++)
        mr_buf_char(out, i < full ? '#' : '-');
    mr_buf_printf(out, "] %3u %%  ", (unsigned)(share * 100));
}

static void add_left(struct mr_buf *out, const struct produce_progress *p)
{
    const struct produce_counts *c = &p->counts;
    if (c->bytes_taken == 0 || c->bytes_taken >= c->bytes_size)
        return;
    double left_s = (double)p->elapsed_ms / 1000 / (double)c->bytes_taken *
                    (double)(c->bytes_size - c->bytes_taken);
    uint64_t s = (uint64_t)left_s;
    mr_buf_printf(out, "  %" PRIu64 ":%02u left", s / 60, (unsigned)(s % 60));
}

void produce_progress_bar(const struct produce_progress *progress, unsigned width,
                          struct mr_buf *out)
{
    const struct produce_counts *c = &progress->counts;
    size_t begin = out->len;
    if (c->bytes_size > 0)
        add_bar(out, c);
    add_count(out, c->stored, "stored");
    if (c->rejected > 0) {
        mr_buf_text(out, "  ");
        add_count(out, c->rejected, "rejected");
    }
    if (progress->wait_ms >= LOG_AWAY_MS) {
        mr_buf_text(out, "  waiting for the log");
    } else if (progress->elapsed_ms > 0) {
        mr_buf_text(out, "  ");
        add_number(out, c->stored * 1000 / (uint64_t)progress->elapsed_ms);
        mr_buf_text(out, "/s");
        if (c->bytes_size > 0)
            add_left(out, progress);
    }
    if (out->len - begin > width)
        out->len = begin + width;
}

void produce_progress_summary(const struct produce_counts *counts, struct mr_buf *out)
{
    mr_buf_printf(out,
                  "{\"read\":%" PRIu64 ",\"stored\":%" PRIu64 ",\"rejected\":%" PRIu64
                  ",\"sampled\":%" PRIu64 ",\"skipped\":%" PRIu64 ",\"not_stored\":%" PRIu64 "}\n",
                  counts->read, counts->stored, counts->rejected, counts->sampled, counts->skipped,
                  counts->lost);
}
