#include "collect_sources.h"

#include "mr_map.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

struct row {
    struct collect_source source;
    UT_hash_handle hh; /* by address */
};

struct collect_sources {
    struct row *rows;
    struct row *last; /* most datagrams follow one of the same source */
    struct collect_source other;
    uint32_t serial;
};

const char *collect_cause_text(enum collect_cause cause)
{
    static const char *const texts[COLLECT_CAUSES] = {
        [COLLECT_INVALID] = "invalid",       [COLLECT_COMPRESSION] = "compression",
        [COLLECT_TOO_LARGE] = "too_large",   [COLLECT_CHUNKS_LOST] = "chunks_lost",
        [COLLECT_CHUNK_LATE] = "chunk_late", [COLLECT_CHUNK_BAD] = "chunk_bad",
        [COLLECT_CHUNK_OVER] = "chunk_over", [COLLECT_REFUSED] = "refused",
        [COLLECT_GIVEN_UP] = "given_up",
    };
    assert(cause < COLLECT_CAUSES);
    return texts[cause];
}

struct collect_sources *collect_sources_new(void)
{
    struct collect_sources *sources = calloc(1, sizeof *sources);
    if (!sources)
        abort();
    return sources;
}

void collect_sources_free(struct collect_sources *sources)
{
    struct row *row, *next;
    if (!sources)
        return;
    HASH_ITER (hh, sources->rows, row, next) {
        HASH_DEL(sources->rows, row);
        free(row);
    }
    free(sources);
}

struct in6_addr collect_address_of(const struct sockaddr *address)
{
    struct in6_addr out = {.s6_addr = {[10] = 0xff, [11] = 0xff}};
    if (address->sa_family == AF_INET6)
        return ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    if (address->sa_family == AF_INET)
        memcpy(out.s6_addr + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    return out;
}

/* ---- the table ---- */

static int by_received(const void *a, const void *b)
{
    uint64_t x = (*(struct row *const *)a)->source.received;
    uint64_t y = (*(struct row *const *)b)->source.received;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* All rows, the busiest first; the caller frees it. */
static struct row **sorted(const struct collect_sources *sources, size_t *count)
{
    struct row **rows = calloc(HASH_COUNT(sources->rows) + 1, sizeof(struct row *));
    if (!rows)
        abort();
    *count = 0;
    for (struct row *row = sources->rows; row; row = row->hh.next)
        rows[(*count)++] = row;
    qsort(rows, *count, sizeof *rows, by_received);
    return rows;
}

static void add(struct collect_source *to, const struct collect_source *from)
{
    to->received += from->received;
    for (size_t i = 0; i < COLLECT_CAUSES; i++)
        to->lost[i] += from->lost[i];
}

static void make_room(struct collect_sources *sources)
{
    size_t count;
    struct row **rows = sorted(sources, &count);
    for (size_t i = count / 2; i < count; i++) {
        add(&sources->other, &rows[i]->source);
        HASH_DEL(sources->rows, rows[i]);
        free(rows[i]);
    }
    sources->last = NULL;
    free(rows);
}

struct collect_source *collect_sources_of(struct collect_sources *sources,
                                          const struct in6_addr *address)
{
    struct row *row = sources->last;
    if (row && memcmp(&row->source.address, address, sizeof *address) == 0)
        return &row->source;
    HASH_FIND(hh, sources->rows, address, sizeof *address, row);
    if (!row) {
        if (HASH_COUNT(sources->rows) == COLLECT_SOURCES_MAX)
            make_room(sources);
        row = calloc(1, sizeof *row);
        if (!row)
            abort();
        row->source.address = *address;
        row->source.serial = ++sources->serial;
        HASH_ADD(hh, sources->rows, source.address, sizeof *address, row);
    }
    sources->last = row;
    return &row->source;
}

struct collect_source *collect_sources_at(struct collect_sources *sources, uint32_t serial)
{
    for (struct row *row = sources->rows; row && serial; row = row->hh.next)
        if (row->source.serial == serial)
            return &row->source;
    return &sources->other;
}

/* ---- telling ---- */

static const char *name_of(const struct collect_source *source, char text[INET6_ADDRSTRLEN])
{
    if (source->serial == 0)
        return "other";
    if (IN6_IS_ADDR_V4MAPPED(&source->address))
        return inet_ntop(AF_INET, source->address.s6_addr + 12, text, INET6_ADDRSTRLEN);
    return inet_ntop(AF_INET6, &source->address, text, INET6_ADDRSTRLEN);
}

static void write_lost(const struct collect_source *source, struct mr_buf *out)
{
    char text[INET6_ADDRSTRLEN];
    for (enum collect_cause cause = 0; cause < COLLECT_CAUSES; cause++)
        if (source->lost[cause] > 0)
            mr_buf_printf(out,
                          "millrace_collect_source_lost_total{source=\"%s\",cause=\"%s\"} %llu\n",
                          name_of(source, text), collect_cause_text(cause),
                          (unsigned long long)source->lost[cause]);
}

static void write_received(const struct collect_source *source, struct mr_buf *out)
{
    char text[INET6_ADDRSTRLEN];
    mr_buf_printf(out, "millrace_collect_source_received_total{source=\"%s\"} %llu\n",
                  name_of(source, text), (unsigned long long)source->received);
}

void collect_sources_write(struct collect_sources *sources, struct mr_buf *out)
{
    size_t count;
    struct row **rows = sorted(sources, &count);
    size_t told = count < COLLECT_SOURCES_TOLD ? count : COLLECT_SOURCES_TOLD;
    struct collect_source other = sources->other;
    for (size_t i = told; i < count; i++)
        add(&other, &rows[i]->source);
    mr_buf_text(out, "# HELP millrace_collect_source_received_total Datagrams and messages of "
                     "streams, by the busiest sources\n"
                     "# TYPE millrace_collect_source_received_total counter\n");
    for (size_t i = 0; i < told; i++)
        write_received(&rows[i]->source, out);
    write_received(&other, out);
    mr_buf_text(out,
                "# HELP millrace_collect_source_lost_total Messages and chunks that were lost, "
                "by the busiest sources and cause\n"
                "# TYPE millrace_collect_source_lost_total counter\n");
    for (size_t i = 0; i < told; i++)
        write_lost(&rows[i]->source, out);
    write_lost(&other, out);
    free(rows);
}
