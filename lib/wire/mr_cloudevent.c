/* Building the headers of commands and events. */
#include "mr_cloudevent_names.h"
#include "mr_time.h"
#include "mr_trace.h"
#include "mr_utf8.h"

#include <inttypes.h>

#define CAUSES(name)                                                                               \
    {                                                                                              \
        name, sizeof(name) - 1, name " is missing", name " is given twice", name " is not a UUID", \
            name " is not a time", name " is not readable text", name " does not fit"              \
    }

const struct mr_ce_known mr_ce_known[MR_CE_KNOWN] = {
    [MR_CE_SPECVERSION] = CAUSES("ce_specversion"),
    [MR_CE_ID] = CAUSES("ce_id"),
    [MR_CE_SOURCE] = CAUSES("ce_source"),
    [MR_CE_TYPE] = CAUSES("ce_type"),
    [MR_CE_SUBJECT] = CAUSES("ce_subject"),
    [MR_CE_SUBJECTVERSION] = CAUSES("ce_subjectversion"),
    [MR_CE_TIME] = CAUSES("ce_time"),
    [MR_CE_SEQUENCE] = CAUSES("ce_sequence"),
    [MR_CE_CAUSATIONID] = CAUSES("ce_causationid"),
    [MR_CE_ACCOUNT] = CAUSES("ce_account"),
    [MR_CE_PRINCIPAL] = CAUSES("ce_principal"),
    [MR_CE_CONTENT_TYPE] = CAUSES("content-type"),
    [MR_CE_TRACEPARENT] = CAUSES("traceparent"),
    [MR_CE_TRACESTATE] = CAUSES("tracestate"),
};

bool mr_ce_domain_is_valid(struct mr_slice domain)
{
    for (size_t i = 0; i < domain.len; i++)
        if (domain.data[i] < 'a' || domain.data[i] > 'z')
            return false;
    return domain.len >= 1 && domain.len <= 15;
}

bool mr_ce_text_is_valid(struct mr_slice s)
{
    return s.len >= 1 && s.len <= MR_CE_TEXT_BYTES_MAX && mr_utf8_is_plain(s);
}

bool mr_ce_time_is_valid(int64_t time_ms)
{
    return time_ms >= 0 && time_ms <= MR_TIME_MS_MAX;
}

static bool is_optional(struct mr_slice s)
{
    return !s.data || mr_ce_text_is_valid(s);
}

/* The headers under construction: failed once, for good. */
struct builder {
    struct mr_arena *arena;
    struct mr_ce_header *items;
    size_t count;
    bool full;
};

static void add(struct builder *b, enum mr_ce_name index, struct mr_slice value)
{
    if (b->full || !value.data)
        return;
    b->items[b->count++] = (struct mr_ce_header){
        .name = mr_slice(mr_ce_known[index].name, mr_ce_known[index].name_len), .value = value};
}

/* As add, for text just made in the arena; NULL: the arena is full. */
static void add_made(struct builder *b, enum mr_ce_name index, const char *text)
{
    if (!text)
        b->full = true;
    else
        add(b, index, mr_slice_text(text));
}

static void add_uuid(struct builder *b, enum mr_ce_name index, const struct mr_uuid *id)
{
    char text[MR_UUID_TEXT + 1];
    add_made(b, index, mr_arena_dup(b->arena, mr_uuid_text(id, text), MR_UUID_TEXT));
}

static void add_time(struct builder *b, int64_t time_ms)
{
    char text[MR_TIME_TEXT + 1];
    add_made(b, MR_CE_TIME, mr_arena_dup(b->arena, mr_time_text(time_ms, text), MR_TIME_TEXT));
}

static void add_lane_source(struct builder *b, struct mr_slice domain, int32_t lane)
{
    add_made(
        b, MR_CE_SOURCE,
        mr_arena_printf(b->arena, "/millrace/%.*s/lanes/%" PRId32, MR_SLICE_FMT(domain), lane));
}

static char *append(char *to, const char *text, size_t len)
{
    memcpy(to, text, len);
    return to + len;
}

/* "/millrace/<domain>/accounts/<account>", without printf: every command has one. */
static void add_account_source(struct builder *b, struct mr_slice domain,
                               const struct mr_uuid *account)
{
    static const char head[] = "/millrace/", middle[] = "/accounts/";
    char *text = mr_arena_alloc(b->arena, sizeof head + domain.len + sizeof middle + MR_UUID_TEXT);
    if (text) {
        char *end = append(text, head, sizeof head - 1);
        end = append(end, domain.data, domain.len);
        mr_uuid_text(account, append(end, middle, sizeof middle - 1));
    }
    add_made(b, MR_CE_SOURCE, text);
}

static struct builder begin(struct mr_arena *arena)
{
    struct builder b = {.arena = arena};
    b.items = mr_arena_array(arena, MR_CE_HEADERS_MAX, sizeof *b.items);
    b.full = !b.items;
    add(&b, MR_CE_SPECVERSION, mr_slice_text("1.0"));
    return b;
}

static enum mr_status end(const struct builder *b, struct mr_ce_headers *out)
{
    if (b->full)
        return MR_LIMIT;
    *out = (struct mr_ce_headers){.items = b->items, .count = b->count};
    return MR_OK;
}

static struct mr_slice content_type_or_json(struct mr_slice content_type)
{
    return content_type.data ? content_type : mr_slice_text(MR_CE_JSON_TYPE);
}

enum mr_status mr_ce_command_build(const struct mr_ce_command *cmd, struct mr_arena *arena,
                                   struct mr_ce_headers *out)
{
    if (!mr_ce_domain_is_valid(cmd->domain) || !mr_ce_text_is_valid(cmd->principal) ||
        !mr_ce_text_is_valid(cmd->type) || !is_optional(cmd->content_type) ||
        !is_optional(cmd->traceparent) ||
        (cmd->tracestate.data && !mr_trace_state_is_valid(cmd->tracestate)) ||
        !mr_ce_time_is_valid(cmd->time_ms) ||
        (cmd->tick_lane >= 0 && !mr_uuid_is_nil(&cmd->account)))
        return MR_INVALID;
    struct builder b = begin(arena);
    add_uuid(&b, MR_CE_ID, &cmd->id);
    if (cmd->tick_lane >= 0)
        add_lane_source(&b, cmd->domain, cmd->tick_lane);
    else
        add_account_source(&b, cmd->domain, &cmd->account);
    add(&b, MR_CE_TYPE, cmd->type);
    if (cmd->has_subject)
        add_uuid(&b, MR_CE_SUBJECT, &cmd->subject);
    add_time(&b, cmd->time_ms);
    add_uuid(&b, MR_CE_ACCOUNT, &cmd->account);
    add(&b, MR_CE_PRINCIPAL, cmd->principal);
    add(&b, MR_CE_CONTENT_TYPE, content_type_or_json(cmd->content_type));
    add(&b, MR_CE_TRACEPARENT, cmd->traceparent);
    add(&b, MR_CE_TRACESTATE, cmd->tracestate);
    return end(&b, out);
}

enum mr_status mr_ce_event_build(const struct mr_ce_event *event, struct mr_arena *arena,
                                 struct mr_ce_headers *out)
{
    if (!mr_ce_domain_is_valid(event->domain) || event->lane < 0 || event->sequence < 0 ||
        event->subject_version < 0 || !mr_ce_text_is_valid(event->type) ||
        !is_optional(event->content_type) || !is_optional(event->traceparent) ||
        !mr_ce_time_is_valid(event->time_ms))
        return MR_INVALID;
    struct builder b = begin(arena);
    add_made(&b, MR_CE_ID, mr_arena_printf(arena, "%" PRId64, event->sequence));
    add_lane_source(&b, event->domain, event->lane);
    add(&b, MR_CE_TYPE, event->type);
    if (event->has_subject) {
        add_uuid(&b, MR_CE_SUBJECT, &event->subject);
        add_made(&b, MR_CE_SUBJECTVERSION,
                 mr_arena_printf(arena, "%" PRId64, event->subject_version));
    }
    add_time(&b, event->time_ms);
    add_made(&b, MR_CE_SEQUENCE,
             mr_arena_printf(arena, "%0*" PRId64, MR_CE_SEQUENCE_DIGITS, event->sequence));
    add_uuid(&b, MR_CE_CAUSATIONID, &event->causation);
    add_uuid(&b, MR_CE_ACCOUNT, &event->account);
    add(&b, MR_CE_CONTENT_TYPE, content_type_or_json(event->content_type));
    add(&b, MR_CE_TRACEPARENT, event->traceparent);
    return end(&b, out);
}
