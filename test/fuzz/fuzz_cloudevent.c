/* The input is lines of "name: value", or "name" for a null value. What can be read can be built,
 * and reads the same again. */
#include "fuzz.h"
#include "mr_cloudevent.h"

#define HEADERS_MAX 64

static size_t headers_of(struct mr_slice text, struct mr_ce_header *items)
{
    size_t count = 0;
    while (text.len && count < HEADERS_MAX) {
        const char *lf = memchr(text.data, '\n', text.len);
        size_t len = lf ? (size_t)(lf - text.data) : text.len;
        const char *colon = memchr(text.data, ':', len);
        struct mr_ce_header *h = &items[count++];
        *h = (struct mr_ce_header){.name = mr_slice(text.data, len)};
        if (colon && colon + 1 < text.data + len) {
            h->name.len = (size_t)(colon - text.data);
            h->value = mr_slice(colon + 2, len - h->name.len - 2);
        }
        len += lf != NULL;
        text = mr_slice(text.data + len, text.len - len);
    }
    return count;
}

static bool same(struct mr_slice a, struct mr_slice b)
{
    return !a.data == !b.data && mr_slice_equal(a, b);
}

static void check_command(const struct mr_ce_headers *headers, struct mr_arena *arena)
{
    struct mr_slice domain = mr_slice_text("billing");
    struct mr_ce_command cmd, again;
    struct mr_ce_headers built;
    const char *cause;
    if (mr_ce_command_read(headers, domain, &cmd, &cause) != MR_OK) {
        fuzz_must(cause && *cause);
        return;
    }
    fuzz_must(!cause && mr_ce_command_build(&cmd, arena, &built) == MR_OK);
    fuzz_must(built.count <= MR_CE_HEADERS_MAX);
    fuzz_must(mr_ce_command_read(&built, domain, &again, &cause) == MR_OK);
    fuzz_must(mr_uuid_equal(&cmd.id, &again.id) && mr_uuid_equal(&cmd.account, &again.account));
    fuzz_must(cmd.has_subject == again.has_subject && cmd.tick_lane == again.tick_lane);
    fuzz_must(cmd.time_ms == again.time_ms && same(cmd.type, again.type));
    fuzz_must(same(cmd.principal, again.principal) && same(cmd.content_type, again.content_type));
    fuzz_must(same(cmd.traceparent, again.traceparent) && same(cmd.tracestate, again.tracestate));
}

static void check_event(const struct mr_ce_headers *headers, struct mr_arena *arena)
{
    struct mr_slice domain = mr_slice_text("billing");
    struct mr_ce_event event, again;
    struct mr_ce_headers built;
    const char *cause;
    if (mr_ce_event_read(headers, domain, 7, &event, &cause) != MR_OK) {
        fuzz_must(cause && *cause);
        return;
    }
    fuzz_must(!cause && mr_ce_event_build(&event, arena, &built) == MR_OK);
    fuzz_must(built.count <= MR_CE_HEADERS_MAX);
    fuzz_must(mr_ce_event_read(&built, domain, 7, &again, &cause) == MR_OK);
    fuzz_must(event.sequence == again.sequence && event.lane == again.lane);
    fuzz_must(event.has_subject == again.has_subject);
    fuzz_must(event.subject_version == again.subject_version && event.time_ms == again.time_ms);
    fuzz_must(mr_uuid_equal(&event.causation, &again.causation));
    fuzz_must(same(event.type, again.type) && same(event.traceparent, again.traceparent));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mr_ce_header items[HEADERS_MAX];
    struct mr_ce_headers headers = {items, headers_of(mr_slice(data, size), items)};
    struct mr_arena arena;
    mr_arena_init(&arena, 65536);
    check_command(&headers, &arena);
    check_event(&headers, &arena);
    mr_arena_free(&arena);
    return 0;
}
