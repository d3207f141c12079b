#include "engine_command.h"

#include "mr_lane.h"
#include "mr_time.h"
#include <assert.h>
#include <stdlib.h>

/* What reading may take beside the record itself. */
#define READ_BYTES_MAX ((size_t)8 << 20)
#define KEY_BYTES_MAX  1024 /* an index of millrace.parked holds it */

/* All parts in one run of bytes, so that a record is one copy. */
static enum mr_status copy_record(struct engine_command *c, const struct engine_record *from)
{
    const struct mr_record *in = &from->in;
    struct mr_arena *a = &c->arena;
    struct mr_ce_header *headers = mr_arena_array(a, in->headers.count, sizeof *headers);
    if (!headers)
        return MR_LIMIT;
    for (size_t i = 0; i < in->headers.count; i++) {
        headers[i].name = mr_arena_slice(a, in->headers.items[i].name);
        headers[i].value = mr_arena_slice(a, in->headers.items[i].value);
    }
    c->record = *from;
    c->record.in.headers.items = headers;
    c->record.in.key = mr_arena_slice(a, in->key);
    c->record.in.value = mr_arena_slice(a, in->value);
    return MR_OK;
}

static size_t record_bytes(const struct mr_record *in)
{
    size_t bytes = in->key.len + in->value.len;
    for (size_t i = 0; i < in->headers.count; i++)
        bytes += in->headers.items[i].name.len + in->headers.items[i].value.len;
    return bytes;
}

static const char *quarantine_cause(struct engine_command *c, const struct engine_domain *domain,
                                    int32_t lanes)
{
    const struct mr_record *in = &c->record.in;
    const char *cause = NULL;
    if (mr_ce_command_read(&in->headers, mr_slice_text(domain->name), &c->ce, &cause) != MR_OK)
        return cause;
    if (!in->value.data)
        return "the record has no value";
    if (in->key.len > KEY_BYTES_MAX)
        return "the key is too long";
    if (!in->key.data)
        return "misrouted"; /* and nothing to hold a parked one by */
    if (c->ce.tick_lane >= 0)
        return c->ce.tick_lane == c->record.lane ? NULL : "misrouted";
    if (mr_lane_of(in->key, lanes) != c->record.lane)
        return "misrouted";
    return NULL;
}

static void read_body(struct engine_command *c, const struct engine_domain *domain,
                      const struct engine_checker *checker)
{
    char *type = mr_arena_dup(&c->arena, c->ce.type.data, c->ce.type.len);
    c->known = type && domain->knows(type);
    if (!c->known)
        return;
    switch (checker->check(checker->ctx, &c->ce, c->record.in.key, c->record.in.value, &c->arena,
                           &c->json, &c->invalid)) {
    case ENGINE_BODY_MISROUTED:
        c->quarantine = "misrouted";
        return;
    case ENGINE_BODY_BREAKS:
        return;
    case ENGINE_BODY_GOOD:
        break;
    }
    if (domain->read(&c->ce, c->json, &c->arena, &c->body) != MR_OK) {
        c->body = NULL;
        c->invalid = (struct engine_refusal){.problem = "invalid-body",
                                             .detail = "The body is too large to be read."};
    }
}

struct engine_command *engine_command_new(const struct engine_record *record,
                                          const struct engine_domain *domain, int32_t lanes,
                                          const struct engine_checker *checker)
{
    struct engine_command *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->bytes = record_bytes(&record->in);
    c->memory_bytes = sizeof *c + c->bytes + record->in.value.len * 8; /* JSON, parsed */
    size_t slots = record->in.headers.count * (2 + sizeof(struct mr_ce_header) / 16) * 64;
    mr_arena_init(&c->arena, READ_BYTES_MAX + c->bytes + slots);
    if (copy_record(c, record) != MR_OK)
        abort(); /* the arena has room for the record by its making */
    const struct mr_record *in = &c->record.in;
    c->digest = mr_digest_record(in->key, in->value, mr_ce_header_find(&in->headers, "ce_id"));
    c->day = mr_time_day(in->append_time_ms);
    c->quarantine = quarantine_cause(c, domain, lanes);
    if (c->quarantine)
        return c;
    char subject[MR_UUID_TEXT + 1] = "";
    if (c->ce.has_subject)
        mr_uuid_text(&c->ce.subject, subject);
    c->hash = mr_digest_command(c->ce.type, mr_slice_text(subject), in->value);
    read_body(c, domain, checker);
    return c;
}

void engine_command_free(struct engine_command *c)
{
    if (!c)
        return;
    json_decref(c->json);
    mr_arena_free(&c->arena);
    free(c);
}
