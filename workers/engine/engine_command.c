#include "engine_command.h"

#include "mr_lane.h"
#include "mr_time.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What reading may take beside the record itself. */
#define READ_BYTES_MAX  ((size_t)8 << 20)
#define KEY_BYTES_MAX   1024 /* an index of millrace.parked holds it */
#define CAUSE_BYTES_MAX 200
#define HOUR_MS         INT64_C(3600000)

/* ---- the copy: the struct, its headers and its bytes are one block, so that a flood of small
 * commands is one allocation each ---- */

static size_t record_bytes(const struct mr_record *in)
{
    size_t bytes = in->key.len + in->value.len;
    for (size_t i = 0; i < in->headers.count; i++)
        bytes += in->headers.items[i].name.len + in->headers.items[i].value.len;
    return bytes;
}

static struct mr_slice put(char **to, struct mr_slice from)
{
    if (!from.data)
        return from;
    char *at = *to;
    if (from.len)
        memcpy(at, from.data, from.len);
    at[from.len] = 0;
    *to += from.len + 1;
    return mr_slice(at, from.len);
}

static struct engine_command *copy_of(const struct engine_record *from)
{
    const struct mr_record *in = &from->in;
    size_t count = in->headers.count, bytes = record_bytes(in);
    size_t extra = count * sizeof(struct mr_ce_header) + bytes + 2 * count + 2;
    struct engine_command *c = malloc(sizeof *c + extra);
    if (!c)
        abort();
    *c = (struct engine_command){.record = *from, .bytes = bytes};
    struct mr_ce_header *headers = (void *)(c + 1);
    char *to = (char *)(headers + count);
    for (size_t i = 0; i < count; i++) {
        headers[i].name = put(&to, in->headers.items[i].name);
        headers[i].value = put(&to, in->headers.items[i].value);
    }
    c->record.in.headers.items = headers;
    c->record.in.key = put(&to, in->key);
    c->record.in.value = put(&to, in->value);
    c->memory_bytes = sizeof *c + extra;
    mr_arena_init(&c->arena, READ_BYTES_MAX + bytes);
    return c;
}

static_assert(sizeof(struct engine_command) % _Alignof(struct mr_ce_header) == 0,
              "headers lie behind the struct");

/* ---- is it a command of this lane? ---- */

static bool is_tick_type(struct mr_slice type, const char *domain)
{
    size_t len = strlen(domain);
    return type.len == len + 5 && memcmp(type.data, domain, len) == 0 &&
           memcmp(type.data + len, ".tick", 5) == 0;
}

static const char *quarantine_cause(struct engine_command *c, const struct engine_domain *domain,
                                    int32_t lanes)
{
    const struct mr_record *in = &c->record.in;
    const char *cause = NULL;
    if (mr_ce_command_read(&in->headers, mr_slice_text(domain->name), &c->ce, &cause) != MR_OK)
        return cause;
    bool tick = c->ce.tick_lane >= 0;
    if (!in->value.data)
        return "the record has no value";
    if (in->key.len > KEY_BYTES_MAX)
        return "the key is too long";
    if (!in->key.data)
        return "misrouted"; /* and nothing to hold a parked one by */
    if (tick != is_tick_type(c->ce.type, domain->name))
        return "misrouted"; /* ticks come from lanes, and from nobody else */
    if (tick ? c->ce.tick_lane != c->record.lane || !mr_slice_is(in->key, "tick")
             : mr_lane_of(in->key, lanes) != c->record.lane)
        return "misrouted";
    c->is_tick = tick;
    return NULL;
}

/* An id that was made an hour or more into its append day was never appended on an earlier one, as
 * long as no clock is off by an hour; one that is visibly further off says nothing. */
static bool is_only_of_its_day(const struct engine_command *c)
{
    int64_t made_ms, appended_ms = c->record.in.append_time_ms;
    int64_t begin_ms = (int64_t)c->day * MR_DAY_MS;
    return mr_uuid_v7_time(&c->ce.id, &made_ms) && made_ms >= begin_ms + HOUR_MS &&
           made_ms < begin_ms + MR_DAY_MS && made_ms <= appended_ms + HOUR_MS;
}

/* ---- the body ---- */

/* "invalid-body: <the first error>" as a quarantine's cause. */
static const char *invalid_cause(struct engine_command *c)
{
    json_t *errors = c->invalid.errors ? json_loads(c->invalid.errors, 0, NULL) : NULL;
    const char *pointer = NULL, *detail = NULL;
    json_unpack(json_array_get(errors, 0), "{s?s, s?s}", "pointer", &pointer, "detail", &detail);
    if (!detail)
        detail = c->invalid.detail ? c->invalid.detail : "";
    char *cause = mr_arena_printf(&c->arena, "invalid-body: %s%s%s", pointer ? pointer : "",
                                  pointer ? " " : "", detail);
    json_decref(errors);
    if (!cause)
        return "invalid-body";
    size_t len = strlen(cause);
    if (len > CAUSE_BYTES_MAX) {
        for (len = CAUSE_BYTES_MAX; ((unsigned char)cause[len] & 0xc0) == 0x80;)
            len--; /* whole characters */
        cause[len] = 0;
    }
    return cause;
}

static enum engine_body read_body(struct engine_command *c, const struct engine_domain *domain,
                                  const struct engine_checker *checker)
{
    enum engine_body body = checker->check(checker->ctx, &c->ce, c->record.in.key,
                                           c->record.in.value, &c->arena, &c->json, &c->invalid);
    if (body == ENGINE_BODY_GOOD && domain->read(&c->ce, c->json, &c->arena, &c->body) != MR_OK) {
        c->body = NULL;
        c->invalid = (struct engine_refusal){.problem = "invalid-body",
                                             .detail = "The body is too large to be read."};
        body = ENGINE_BODY_BREAKS;
    }
    if (c->is_tick)
        c->due_ms = json_integer_value(json_object_get(c->json, "due_ms"));
    if (domain->reads_copies) {
        json_decref(c->json);
        c->json = NULL;
    } else {
        c->memory_bytes += c->record.in.value.len * 8; /* what the tree takes */
    }
    c->memory_bytes += c->arena.used_bytes;
    return body;
}

struct engine_command *engine_command_new(const struct engine_record *record,
                                          const struct engine_domain *domain, int32_t lanes,
                                          const struct engine_checker *checker)
{
    struct engine_command *c = copy_of(record);
    c->day = mr_time_day(c->record.in.append_time_ms);
    c->quarantine = quarantine_cause(c, domain, lanes);
    if (c->quarantine)
        return c;
    c->only_its_day = is_only_of_its_day(c);
    c->known = domain->knows(c->ce.type.data); /* with a NUL: it is a whole header */
    c->keep = c->known ? checker->keep(checker->ctx, &c->ce) : ENGINE_KEEP_FULL;
    if (c->keep != ENGINE_KEEP_FACT) {
        char subject[MR_UUID_TEXT + 1] = "";
        if (c->ce.has_subject)
            mr_uuid_text(&c->ce.subject, subject);
        c->hash = mr_digest_command(c->ce.type, mr_slice_text(subject), c->record.in.value);
    }
    if (!c->known)
        return c;
    enum engine_body body = read_body(c, domain, checker);
    if (body == ENGINE_BODY_MISROUTED)
        c->quarantine = "misrouted";
    else if (body == ENGINE_BODY_BREAKS && (c->keep == ENGINE_KEEP_FACT || c->is_tick))
        c->quarantine = invalid_cause(c);
    return c;
}

struct engine_input engine_command_input(const struct engine_command *c)
{
    return (struct engine_input){
        .ce = &c->ce,
        .body = c->body,
        .time_ms = c->record.in.append_time_ms,
        .lane = c->record.lane,
    };
}

struct mr_digest128 engine_command_digest(const struct engine_command *c)
{
    const struct mr_record *in = &c->record.in;
    return mr_digest_record(in->key, in->value, mr_ce_header_find(&in->headers, "ce_id"));
}

void engine_command_free(struct engine_command *c)
{
    if (!c)
        return;
    json_decref(c->json);
    mr_arena_free(&c->arena);
    free(c);
}
