/* Redaction of any body: it ends, what comes out is JSON again, and the glance that does not parse
 * calls nothing clean that is not JSON, breaks the schema or would be redacted. */
#include "fuzz.h"
#include "mr_ingest.h"
#include "mr_json.h"
#include "mr_utf8.h"

static const char rules[] =
    "{\"redact\":{\"names\":[\"password\",\"api_key\"],\"patterns\":[\"builtin:card\","
    "\"builtin:token\",\"builtin:url-password\",\"EMP-[0-9]+\",\"a(?<secret>b*)c\"],\"except\":["
    "\"/id\"]}}";
static const char document[] =
    "{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\"},\"n\":{\"type\":"
    "\"integer\",\"minimum\":1,\"maximum\":24},\"time\":{\"format\":\"date-time\"},\"body\":{"
    "\"maxLength\":100},\"s\":{\"pattern\":\"^[a-f]*$\"}}}";

struct bench {
    struct mr_ingest *ingest;
    struct mr_schema_set *set;
    const struct mr_schema *schema;
    struct mr_schema_glance *glance;
};

static void set_up(struct bench *b)
{
    struct mr_error why;
    json_t *json = json_loads(document, 0, NULL);
    struct mr_ingest_settings settings = {.rules = mr_slice_text(rules), .rules_name = "rules"};
    fuzz_must(mr_ingest_new(&settings, &b->ingest, &why) == MR_OK);
    b->set = mr_schema_set_new(NULL, 0);
    fuzz_must(mr_schema_set_add(b->set, "s", "s.json", json, &why) == MR_OK);
    fuzz_must(mr_schema_set_compile(b->set, &why) == MR_OK);
    b->schema = mr_schema_set_find(b->set, "s");
    b->glance = mr_schema_glance_new();
    json_decref(json);
}

static void redact(struct bench *b, struct mr_slice text, bool is_clean)
{
    struct mr_uuid id = {.bytes = {1}};
    struct mr_arena arena;
    struct mr_slice out = text;
    json_t *json, *again;
    bool kept;
    if (mr_json_parse(text, &json, NULL) != MR_OK) {
        fuzz_must(!is_clean);
        return;
    }
    fuzz_must(!is_clean || mr_schema_check(b->schema, json, NULL) == MR_OK);
    mr_arena_init(&arena, 1 << 24);
    fuzz_must(mr_ingest_body(b->ingest, json, &id, &arena, &out, &kept) == MR_OK && kept);
    fuzz_must(!is_clean || out.data == text.data);
    fuzz_must(mr_json_parse(out, &again, NULL) == MR_OK);
    json_decref(again);
    json_decref(json);
    mr_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bench b;
    struct mr_slice text = mr_slice(data, size);
    struct mr_arena arena;
    if (!b.ingest)
        set_up(&b);
    bool is_clean = mr_utf8_is_valid(text) &&
                    mr_schema_glance_at(b.glance, b.schema, text, mr_ingest_sees_clean, b.ingest);
    redact(&b, text, is_clean);
    mr_arena_init(&arena, 1 << 24);
    fuzz_must(mr_ingest_redact_text(b.ingest, &arena, &text) == MR_OK); /* any bytes */
    mr_arena_free(&arena);
    return 0;
}
