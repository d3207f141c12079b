#include "collect_sources.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>

static struct in6_addr address(uint32_t n)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000000 + n)};
    return collect_address_of((const struct sockaddr *)&v4);
}

static struct mr_buf written(struct collect_sources *sources)
{
    struct mr_buf out;
    mr_buf_init(&out, 0);
    collect_sources_write(sources, &out);
    mr_buf_char(&out, '\0');
    return out;
}

static size_t times(const char *text, const char *what)
{
    size_t count = 0;
    for (const char *p = text; (p = strstr(p, what)); p++)
        count++;
    return count;
}

Test(collect_sources, given_few_sources_then_each_is_told_with_its_losses)
{
    struct collect_sources *sources = collect_sources_new();
    struct in6_addr a = address(1);
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct in6_addr b = collect_address_of((const struct sockaddr *)&six);
    collect_sources_of(sources, &a)->received += 3;
    collect_sources_of(sources, &a)->lost[COLLECT_CHUNK_LATE] += 2;
    collect_sources_of(sources, &b)->received += 1;
    struct mr_buf out = written(sources);
    cr_assert(strstr(out.data, "received_total{source=\"10.0.0.1\"} 3\n"));
    cr_assert(strstr(out.data, "received_total{source=\"::1\"} 1\n"));
    cr_assert(strstr(out.data, "received_total{source=\"other\"} 0\n"));
    cr_assert(strstr(out.data, "lost_total{source=\"10.0.0.1\",cause=\"chunk_late\"} 2\n"));
    mr_buf_free(&out);
    collect_sources_free(sources);
}

Test(collect_sources, given_many_sources_then_the_busiest_are_told_and_the_rest_is_other)
{
    struct collect_sources *sources = collect_sources_new();
    enum { MANY = 5000 };
    uint64_t sum = 0;
    for (uint32_t round = 0; round < 2; round++)
        for (uint32_t n = 1; n <= MANY; n++) { /* ten busy ones among passers-by */
            struct in6_addr a = address(n % 500 == 0 ? n : n + round * MANY);
            collect_sources_of(sources, &a)->received += n % 500 == 0 ? 1000 : 1;
            sum += n % 500 == 0 ? 1000 : 1;
        }
    struct mr_buf out = written(sources);
    cr_assert_eq(times(out.data, "received_total{source="), COLLECT_SOURCES_TOLD + 1);
    for (uint32_t n = 500; n <= MANY; n += 500) {
        struct in6_addr a = address(n);
        char name[64], line[128];
        inet_ntop(AF_INET, a.s6_addr + 12, name, sizeof name);
        snprintf(line, sizeof line, "received_total{source=\"%s\"} 2000\n", name);
        cr_assert(strstr(out.data, line), "%s", line);
    }
    uint64_t told = 0;
    for (const char *p = out.data; (p = strstr(p, "received_total{source="));)
        told += strtoull(strchr(p, '}') + 2, NULL, 10), p++;
    cr_assert_eq(told, sum, "nothing is lost on the way to other");
    mr_buf_free(&out);
    collect_sources_free(sources);
}

Test(collect_sources, given_a_serial_then_its_source_or_other)
{
    struct collect_sources *sources = collect_sources_new();
    struct in6_addr a = address(1);
    uint32_t serial = collect_sources_of(sources, &a)->serial;
    cr_assert_eq(collect_sources_at(sources, serial)->serial, serial);
    cr_assert_eq(collect_sources_at(sources, 77)->serial, 0);
    cr_assert_eq(collect_sources_at(sources, 0)->serial, 0);
    collect_sources_free(sources);
}
