/* Whatever the strict reader takes, the scanner takes, and it walks what it takes to its end. */
#include "fuzz.h"
#include "mr_json.h"
#include "mr_json_scan.h"

#define ARENA_BYTES ((size_t)1 << 20)

static void walk(struct mr_slice value, struct mr_arena *arena, int depth)
{
    struct mr_slice rest = value, name, inner;
    enum mr_json_kind kind = mr_json_scan_kind(value);
    if (depth > 20)
        return;
    if (kind == MR_JSON_STRING && mr_json_scan_string(value, arena, &inner) == MR_OK)
        fuzz_must(inner.len == 0 || !memchr(inner.data, 0, inner.len));
    while (kind == MR_JSON_OBJECT && mr_json_scan_member(&rest, &name, &inner)) {
        walk(name, arena, depth + 1);
        walk(inner, arena, depth + 1);
    }
    while (kind == MR_JSON_ARRAY && mr_json_scan_element(&rest, &inner))
        walk(inner, arena, depth + 1);
    if (kind == MR_JSON_OBJECT || kind == MR_JSON_ARRAY)
        fuzz_must(depth > 20 || rest.data[rest.len - 1] == value.data[value.len - 1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_slice value, text = mr_slice(data, size);
    struct mr_arena arena;
    struct mr_error why = {""};
    json_t *json;
    mr_arena_init(&arena, ARENA_BYTES);
    bool taken = mr_json_scan_check(text, &value, &why) == MR_OK;
    fuzz_must(taken || why.text[0]);
    if (taken)
        walk(value, &arena, 0);
    if (mr_json_parse(text, &json, NULL) == MR_OK) {
        json_decref(json);
        fuzz_must(taken);
    }
    mr_arena_free(&arena);
    return 0;
}
