/* Parts lie inside the text that they are parts of; what is decoded is UTF-8 without NUL. */
#include "fuzz.h"
#include "mr_http_text.h"
#include "mr_utf8.h"

static void inside(struct mr_slice part, struct mr_slice all)
{
    fuzz_must(!part.data || (part.data >= all.data && part.data + part.len <= all.data + all.len));
}

static void decode(struct mr_slice raw, enum mr_http_component component)
{
    struct mr_arena arena;
    struct mr_slice out;
    mr_arena_init(&arena, 1 << 20);
    if (mr_http_decode(raw, component, &arena, &out) == MR_OK) {
        fuzz_must(mr_utf8_is_valid(out) && out.len <= raw.len);
        fuzz_must(out.len == 0 || !memchr(out.data, 0, out.len));
    }
    mr_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_slice all = mr_slice(data, size), rest, member, parts, name, value;
    for (rest = all; mr_http_list_next(&rest, &member);) {
        inside(member, all);
        for (parts = member; mr_http_parameter_next(&parts, &name, &value);) {
            inside(name, member);
            inside(value, member);
        }
    }
    for (rest = all; mr_http_query_next(&rest, &name, &value);) {
        inside(name, all);
        inside(value, all);
        decode(value, MR_HTTP_QUERY_PART);
    }
    for (rest = all; mr_http_path_next(&rest, &member);) {
        inside(member, all);
        decode(member, MR_HTTP_PATH_SEGMENT);
    }
    decode(all, MR_HTTP_QUERY_PART);
    return 0;
}
