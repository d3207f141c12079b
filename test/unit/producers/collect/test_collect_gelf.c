#include "collect_fixture.h"
#include "collect_gelf.h"

#include <criterion/criterion.h>
#include <zlib.h>

static struct collect_gelf *gelf;
static struct collect_source *source;

static void open_gelf(int64_t chunks_ms)
{
    world_open(64);
    struct collect_gelf_settings settings = {.loop = &world.loop,
                                             .metrics = world.metrics,
                                             .pipe = world.pipe,
                                             .chunks_ms = chunks_ms,
                                             .message_bytes_max = 1000};
    struct in6_addr address = IN6ADDR_LOOPBACK_INIT;
    gelf = collect_gelf_new(&settings);
    source = collect_sources_of(collect_pipe_sources(world.pipe), &address);
}

static void close_gelf(void)
{
    collect_gelf_free(gelf);
    world_close();
}

static void take(const void *bytes, size_t len, uint16_t port)
{
    collect_gelf_take(gelf, mr_slice(bytes, len), source, port);
}

static size_t chunk(char *out, unsigned index, unsigned count, const char *part)
{
    memcpy(out,
           "\x1e\x0f"
           "abcdefgh",
           10);
    out[10] = (char)index;
    out[11] = (char)count;
    memcpy(out + 12, part, strlen(part));
    return 12 + strlen(part);
}

Test(collect_gelf, given_plain_and_zlib_messages_then_both_are_lines)
{
    static const char plain[] = "{\"version\":\"1.1\",\"host\":\"h\",\"short_message\":\"hi\"}";
    unsigned char packed[200];
    uLongf len = sizeof packed;
    open_gelf(5000);
    cr_assert_eq(compress(packed, &len, (const unsigned char *)plain, sizeof plain - 1), Z_OK);
    take(plain, sizeof plain - 1, 1);
    take(packed, len, 1);
    cr_assert_eq(world.sent, 2);
    cr_assert_str_eq(world_text(1, "body"), "hi");
    close_gelf();
}

Test(collect_gelf, given_chunks_in_any_order_then_one_line_and_ports_are_told_apart)
{
    char bytes[100];
    open_gelf(5000);
    take(bytes, chunk(bytes, 1, 2, "\"chunked\"}"), 1);
    take(bytes, chunk(bytes, 0, 2, "{\"short_message\":"), 2);
    cr_assert_eq(world.sent, 0, "they are of two senders");
    take(bytes, chunk(bytes, 0, 2, "{\"short_message\":"), 1);
    cr_assert_eq(world.sent, 1);
    cr_assert_str_eq(world_text(0, "body"), "chunked");
    close_gelf();
}

Test(collect_gelf, given_chunks_that_do_not_come_then_lost_once_and_late_ones_counted)
{
    char bytes[100];
    open_gelf(300);
    take(bytes, chunk(bytes, 0, 2, "{"), 1);
    while (source->lost[COLLECT_CHUNKS_LOST] == 0)
        world_turn();
    cr_assert_eq(source->lost[COLLECT_CHUNKS_LOST], 1);
    take(bytes, chunk(bytes, 1, 2, "}"), 1);
    cr_assert_eq(source->lost[COLLECT_CHUNK_LATE], 1);
    take(bytes, chunk(bytes, 3, 2, "}"), 1);
    cr_assert_eq(source->lost[COLLECT_CHUNK_BAD], 1);
    close_gelf();
}

Test(collect_gelf, given_what_unpacks_too_large_or_not_at_all_then_counted)
{
    unsigned char large[5000], packed[200];
    uLongf len = sizeof packed;
    open_gelf(5000);
    memset(large, ' ', sizeof large);
    cr_assert_eq(compress(packed, &len, large, sizeof large), Z_OK);
    take(packed, len, 1);
    cr_assert_eq(source->lost[COLLECT_TOO_LARGE], 1);
    take("\x1f\x8b\x08nonsense", 11, 1);
    cr_assert_eq(source->lost[COLLECT_COMPRESSION], 1);
    close_gelf();
}

Test(collect_gelf, given_an_end_with_chunks_awaited_then_their_message_is_counted)
{
    char bytes[100];
    open_gelf(5000);
    take(bytes, chunk(bytes, 0, 2, "{"), 1);
    collect_gelf_free(gelf);
    cr_assert_eq(source->lost[COLLECT_CHUNKS_LOST], 1);
    world_close();
}
