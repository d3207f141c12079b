#include "mr_cloudevent.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#define ID      "82060302-fb8f-5b12-bde9-313a9326ddf7"
#define ACCOUNT "3f0d9c1e-5a52-7c11-8b7d-0a4c6b2d9e10"
#define SUBJECT "019a0000-0000-7000-8000-000000000001"
#define NIL     "00000000-0000-0000-0000-000000000000"
#define TRACE   "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static struct mr_arena arena;

static void begin(void)
{
    mr_arena_init(&arena, 1 << 20);
}

static void end(void)
{
    mr_arena_free(&arena);
}

TestSuite(cloudevent, .init = begin, .fini = end);

static struct mr_slice text(const char *t)
{
    return mr_slice_text(t);
}

static struct mr_uuid uuid(const char *t)
{
    struct mr_uuid id;
    cr_assert_eq(mr_uuid_parse(mr_slice_text(t), &id), MR_OK);
    return id;
}

static struct mr_ce_command sample_command(void)
{
    return (struct mr_ce_command){.id = uuid(ID),
                                  .account = uuid(ACCOUNT),
                                  .subject = uuid(SUBJECT),
                                  .has_subject = true,
                                  .tick_lane = -1,
                                  .time_ms = INT64_C(1764060000123),
                                  .domain = text("billing"),
                                  .principal = text("key:demo"),
                                  .type = text("billing.invoice.finalize"),
                                  .traceparent = text(TRACE),
                                  .tracestate = text("a=b")};
}

static struct mr_ce_event sample_event(void)
{
    return (struct mr_ce_event){.account = uuid(ACCOUNT),
                                .subject = uuid(SUBJECT),
                                .has_subject = true,
                                .causation = uuid(ID),
                                .subject_version = 3,
                                .sequence = 1234,
                                .lane = 7,
                                .time_ms = INT64_C(1764060000123),
                                .domain = text("billing"),
                                .type = text("billing.invoice.finalized"),
                                .content_type = text("application/json"),
                                .traceparent = text(TRACE)};
}

static void expect_headers(const struct mr_ce_headers *h, const char *const (*want)[2],
                           size_t count)
{
    cr_assert_eq(h->count, count);
    for (size_t i = 0; i < count; i++)
        cr_expect(mr_slice_is(h->items[i].name, want[i][0]) &&
                      mr_slice_is(h->items[i].value, want[i][1]),
                  "%.*s: %.*s", MR_SLICE_FMT(h->items[i].name), MR_SLICE_FMT(h->items[i].value));
}

static const char *const command_headers[][2] = {
    {"ce_specversion", "1.0"},
    {"ce_id", ID},
    {"ce_source", "/millrace/billing/accounts/" ACCOUNT},
    {"ce_type", "billing.invoice.finalize"},
    {"ce_subject", SUBJECT},
    {"ce_time", "2025-11-25T08:40:00.123Z"},
    {"ce_account", ACCOUNT},
    {"ce_principal", "key:demo"},
    {"content-type", "application/json"},
    {"traceparent", TRACE},
    {"tracestate", "a=b"},
};

Test(cloudevent, given_a_command_then_its_headers_are_the_designs)
{
    struct mr_ce_command cmd = sample_command();
    struct mr_ce_headers h;
    cr_assert_eq(mr_ce_command_build(&cmd, &arena, &h), MR_OK);
    expect_headers(&h, command_headers, sizeof command_headers / sizeof *command_headers);
}

static const char *const event_headers[][2] = {
    {"ce_specversion", "1.0"},
    {"ce_id", "1234"},
    {"ce_source", "/millrace/billing/lanes/7"},
    {"ce_type", "billing.invoice.finalized"},
    {"ce_subject", SUBJECT},
    {"ce_subjectversion", "3"},
    {"ce_time", "2025-11-25T08:40:00.123Z"},
    {"ce_sequence", "0000000000000001234"},
    {"ce_causationid", ID},
    {"ce_account", ACCOUNT},
    {"content-type", "application/json"},
    {"traceparent", TRACE},
};

Test(cloudevent, given_an_event_then_its_headers_are_the_designs)
{
    struct mr_ce_event event = sample_event();
    struct mr_ce_headers h;
    cr_assert_eq(mr_ce_event_build(&event, &arena, &h), MR_OK);
    expect_headers(&h, event_headers, sizeof event_headers / sizeof *event_headers);
}

Test(cloudevent, given_what_was_built_then_reading_gives_it_back)
{
    struct mr_ce_command cmd = sample_command(), got;
    struct mr_ce_headers h;
    const char *cause;
    cr_assert_eq(mr_ce_command_build(&cmd, &arena, &h), MR_OK);
    cr_assert_eq(mr_ce_command_read(&h, text("billing"), &got, &cause), MR_OK, "%s", cause);
    cr_assert_null(cause);
    cr_assert(mr_uuid_equal(&got.id, &cmd.id) && mr_uuid_equal(&got.account, &cmd.account) &&
              mr_uuid_equal(&got.subject, &cmd.subject));
    cr_assert(got.has_subject && got.tick_lane == -1 && got.time_ms == cmd.time_ms);
    cr_assert(mr_slice_equal(got.principal, cmd.principal) && mr_slice_equal(got.type, cmd.type) &&
              mr_slice_is(got.content_type, "application/json") &&
              mr_slice_equal(got.traceparent, cmd.traceparent) &&
              mr_slice_equal(got.tracestate, cmd.tracestate));

    struct mr_ce_event event = sample_event(), other;
    cr_assert_eq(mr_ce_event_build(&event, &arena, &h), MR_OK);
    cr_assert_eq(mr_ce_event_read(&h, text("billing"), 7, &other, &cause), MR_OK, "%s", cause);
    cr_assert(mr_uuid_equal(&other.account, &event.account) &&
              mr_uuid_equal(&other.subject, &event.subject) &&
              mr_uuid_equal(&other.causation, &event.causation));
    cr_assert(other.has_subject && other.subject_version == 3 && other.sequence == 1234 &&
              other.lane == 7 && other.time_ms == event.time_ms);
}

Test(cloudevent, given_a_tick_then_its_source_is_the_lane_and_its_account_nil)
{
    struct mr_ce_command cmd = sample_command(), got;
    struct mr_ce_headers h;
    const char *cause;
    cmd.tick_lane = 11;
    cr_assert_eq(mr_ce_command_build(&cmd, &arena, &h), MR_INVALID, "an account is given");
    cmd.account = (struct mr_uuid){0};
    cr_assert_eq(mr_ce_command_build(&cmd, &arena, &h), MR_OK);
    cr_assert(mr_slice_is(mr_ce_header_find(&h, "ce_source"), "/millrace/billing/lanes/11"));
    cr_assert_eq(mr_ce_command_read(&h, text("billing"), &got, &cause), MR_OK, "%s", cause);
    cr_assert_eq(got.tick_lane, 11);
}

/* One header of a good command or event replaced (value), removed (NULL) or doubled (TWICE). */
#define TWICE "\x01twice"

struct change {
    const char *name, *value, *cause; /* cause NULL: it is read all the same */
};

static struct mr_ce_headers changed(const struct mr_ce_headers *h, const struct change *c)
{
    struct mr_ce_header *items = mr_arena_array(&arena, MR_CE_HEADERS_MAX + 1, sizeof *items);
    size_t count = 0;
    bool found = false;
    for (size_t i = 0; i < h->count; i++) {
        items[count++] = h->items[i];
        if (!mr_slice_is(h->items[i].name, c->name))
            continue;
        found = true;
        if (!c->value)
            count--;
        else if (!strcmp(c->value, TWICE))
            items[count++] = h->items[i];
        else
            items[count - 1].value = text(c->value);
    }
    if (!found)
        items[count++] = (struct mr_ce_header){text(c->name), text(c->value)};
    return (struct mr_ce_headers){items, count};
}

#define LONG_TEXT                                                                                  \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"  \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"  \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"

static const struct change command_changes[] = {
    {"ce_specversion", NULL, NULL},
    {"ce_specversion", "0.3", "ce_specversion does not fit"},
    {"ce_id", NULL, "ce_id is missing"},
    {"ce_id", "", "ce_id is not a UUID"},
    {"ce_id", "order-1", "ce_id is not a UUID"},
    {"ce_id", TWICE, "ce_id is given twice"},
    {"ce_type", NULL, "ce_type is missing"},
    {"ce_type", "", "ce_type is not readable text"},
    {"ce_type", "a\xFF", "ce_type is not readable text"},
    {"ce_type", "a\nb", "ce_type is not readable text"},
    {"ce_type", LONG_TEXT, "ce_type is not readable text"},
    {"ce_type", TWICE, "ce_type is given twice"},
    {"ce_account", NULL, "ce_account is missing"},
    {"ce_account", "x", "ce_account is not a UUID"},
    {"ce_account", SUBJECT, "ce_source does not fit"},
    {"ce_account", TWICE, "ce_account is given twice"},
    {"ce_principal", NULL, "ce_principal is missing"},
    {"ce_principal", "", "ce_principal is not readable text"},
    {"ce_time", NULL, "ce_time is missing"},
    {"ce_time", "yesterday", "ce_time is not a time"},
    {"ce_time", "1969-12-31T23:59:59Z", "ce_time is not a time"},
    {"ce_time", "2025-11-25T09:40:00+01:00", NULL},
    {"ce_subject", NULL, NULL},
    {"ce_subject", "invoice-1", "ce_subject is not a UUID"},
    {"ce_subject", TWICE, "ce_subject is given twice"},
    {"ce_source", NULL, "ce_source is missing"},
    {"ce_source", "", "ce_source does not fit"},
    {"ce_source", "/millrace/billing/accounts/", "ce_source does not fit"},
    {"ce_source", "/millrace/logging/accounts/" ACCOUNT, "ce_source does not fit"},
    {"ce_source", "/millrace/billing/accounts/" ACCOUNT "/x", "ce_source does not fit"},
    {"ce_source", "/millrace/billing/lanes/7", "ce_source does not fit"},
    {"ce_source", "/millrace/billing/lanes/07", "ce_source does not fit"},
    {"content-type", NULL, NULL},
    {"content-type", "\x80", "content-type is not readable text"},
    {"traceparent", NULL, NULL},
    {"traceparent", "nonsense", NULL},
    {"traceparent", TWICE, NULL},
    {"tracestate", "\n", NULL},
    {"ce_other", "is passed over", NULL},
    {"CE_ID", "names are case-sensitive", NULL},
};
static size_t row_index[64];

ParameterizedTestParameters(cloudevent, given_a_command_changed_then_the_cause_says_what)
{
    size_t count = sizeof command_changes / sizeof *command_changes;
    for (size_t i = 0; i < count; i++)
        row_index[i] = i;
    return cr_make_param_array(size_t, row_index, count);
}

ParameterizedTest(size_t *i, cloudevent, given_a_command_changed_then_the_cause_says_what,
                  .init = begin, .fini = end)
{
    const struct change *c = &command_changes[*i];
    struct mr_ce_command cmd = sample_command(), got;
    struct mr_ce_headers h, other;
    const char *cause;
    cr_assert_eq(mr_ce_command_build(&cmd, &arena, &h), MR_OK);
    other = changed(&h, c);
    cr_assert_eq(mr_ce_command_read(&other, text("billing"), &got, &cause),
                 c->cause ? MR_INVALID : MR_OK);
    cr_assert_str_eq(cause ? cause : "-", c->cause ? c->cause : "-");
    if (!c->cause && !strcmp(c->name, "traceparent"))
        cr_assert_null(got.traceparent.data, "a bad trace counts as absent");
    if (!c->cause && !strcmp(c->name, "tracestate"))
        cr_assert_null(got.tracestate.data);
    if (!c->cause && !strcmp(c->name, "ce_subject"))
        cr_assert_not(got.has_subject);
}

Test(cloudevent, given_upper_case_ids_then_they_are_the_same_ids)
{
    struct mr_ce_command cmd = sample_command(), got;
    struct mr_ce_headers h, other;
    const char *cause;
    const struct change c = {"ce_id", "82060302-FB8F-5B12-BDE9-313A9326DDF7", NULL};
    cr_assert_eq(mr_ce_command_build(&cmd, &arena, &h), MR_OK);
    other = changed(&h, &c);
    cr_assert_eq(mr_ce_command_read(&other, text("billing"), &got, &cause), MR_OK);
    cr_assert(mr_uuid_equal(&got.id, &cmd.id));
}

Test(cloudevent, given_null_header_values_then_they_are_missing)
{
    const struct mr_ce_header items[] = {{text("ce_id"), {NULL, 0}}};
    const struct mr_ce_headers h = {items, 1}, none = {NULL, 0};
    struct mr_ce_command got;
    struct mr_ce_event event;
    const char *cause;
    cr_assert_eq(mr_ce_command_read(&h, text("billing"), &got, &cause), MR_INVALID);
    cr_assert_str_eq(cause, "ce_id is missing");
    cr_assert_eq(mr_ce_command_read(&none, text("billing"), &got, &cause), MR_INVALID);
    cr_assert_eq(mr_ce_event_read(&none, text("billing"), 0, &event, &cause), MR_INVALID);
}

static const struct change event_changes[] = {
    {"ce_id", "1235", "ce_sequence does not fit"},
    {"ce_id", "01234", "ce_id does not fit"},
    {"ce_id", "-1", "ce_id does not fit"},
    {"ce_id", "9223372036854775808", "ce_id does not fit"},
    {"ce_id", NULL, "ce_id is missing"},
    {"ce_sequence", "1234", "ce_sequence does not fit"},
    {"ce_sequence", "00000000000000001234", "ce_sequence does not fit"},
    {"ce_sequence", "9999999999999999999", "ce_sequence does not fit"},
    {"ce_sequence", NULL, "ce_sequence is missing"},
    {"ce_source", "/millrace/billing/lanes/8", "ce_source does not fit"},
    {"ce_source", "/millrace/billing/lanes/4294967303", "ce_source does not fit"},
    {"ce_source", "/millrace/billing/lanes/", "ce_source does not fit"},
    {"ce_source", "/millrace/billing/accounts/" ACCOUNT, "ce_source does not fit"},
    {"ce_source", NULL, "ce_source is missing"},
    {"ce_type", NULL, "ce_type is missing"},
    {"ce_subject", "x", "ce_subject is not a UUID"},
    {"ce_subject", NULL, "ce_subjectversion does not fit"},
    {"ce_subjectversion", NULL, "ce_subjectversion is missing"},
    {"ce_subjectversion", "x", "ce_subjectversion does not fit"},
    {"ce_causationid", "x", "ce_causationid is not a UUID"},
    {"ce_causationid", NULL, "ce_causationid is missing"},
    {"ce_account", NULL, "ce_account is missing"},
    {"ce_account", NIL, NULL},
    {"ce_time", "x", "ce_time is not a time"},
    {"ce_time", TWICE, "ce_time is given twice"},
    {"traceparent", "x", NULL},
    {"ce_principal", "events have none", NULL},
};

Test(cloudevent, given_an_event_changed_then_the_cause_says_what)
{
    for (size_t i = 0; i < sizeof event_changes / sizeof *event_changes; i++) {
        const struct change *c = &event_changes[i];
        struct mr_ce_event event = sample_event(), got;
        struct mr_ce_headers h, other;
        const char *cause;
        cr_assert_eq(mr_ce_event_build(&event, &arena, &h), MR_OK);
        other = changed(&h, c);
        cr_expect_eq(mr_ce_event_read(&other, text("billing"), 7, &got, &cause),
                     c->cause ? MR_INVALID : MR_OK, "%zu", i);
        cr_expect_str_eq(cause ? cause : "-", c->cause ? c->cause : "-");
        mr_arena_reset(&arena);
    }
}

Test(cloudevent, given_an_event_without_subject_then_it_has_no_version_either)
{
    struct mr_ce_event event = sample_event(), got;
    struct mr_ce_headers h;
    const char *cause;
    event.has_subject = false;
    cr_assert_eq(mr_ce_event_build(&event, &arena, &h), MR_OK);
    cr_assert_eq(h.count, sizeof event_headers / sizeof *event_headers - 2);
    cr_assert_eq(mr_ce_event_read(&h, text("billing"), 7, &got, &cause), MR_OK, "%s", cause);
    cr_assert_not(got.has_subject);
    cr_assert_eq(got.subject_version, 0);
}

Test(cloudevent, given_a_struct_that_may_not_be_sent_then_building_refuses)
{
    struct mr_ce_headers h;
    struct mr_ce_command cmd = sample_command();
    cmd.domain = text("Billing");
    cr_expect_eq(mr_ce_command_build(&cmd, &arena, &h), MR_INVALID);
    cmd = sample_command();
    cmd.type = text("");
    cr_expect_eq(mr_ce_command_build(&cmd, &arena, &h), MR_INVALID);
    cmd = sample_command();
    cmd.principal = text("a\r\nb");
    cr_expect_eq(mr_ce_command_build(&cmd, &arena, &h), MR_INVALID);
    cmd = sample_command();
    cmd.time_ms = -1;
    cr_expect_eq(mr_ce_command_build(&cmd, &arena, &h), MR_INVALID);
    struct mr_ce_event event = sample_event();
    event.sequence = -1;
    cr_expect_eq(mr_ce_event_build(&event, &arena, &h), MR_INVALID);
    event = sample_event();
    event.lane = -1;
    cr_expect_eq(mr_ce_event_build(&event, &arena, &h), MR_INVALID);
}

/* How many of the arenas of 0, 16, ... 2,032 bytes a build fits; in the smaller ones it must say
 * so. */
static size_t count_fitting(const struct mr_ce_command *cmd, const struct mr_ce_event *event)
{
    size_t fits = 0;
    for (size_t bytes = 0; bytes < 2048; bytes += 16) {
        struct mr_arena small;
        struct mr_ce_headers h;
        mr_arena_init(&small, bytes);
        enum mr_status s =
            cmd ? mr_ce_command_build(cmd, &small, &h) : mr_ce_event_build(event, &small, &h);
        cr_expect_eq(s, fits || s == MR_OK ? MR_OK : MR_LIMIT, "%zu", bytes);
        fits += s == MR_OK;
        mr_arena_free(&small);
    }
    return fits;
}

Test(cloudevent, given_an_arena_that_fills_at_any_point_then_limit)
{
    struct mr_ce_command cmd = sample_command();
    struct mr_ce_event event = sample_event();
    size_t fits = count_fitting(&cmd, NULL);
    cr_assert(fits > 0 && fits < 100, "%zu", fits);
    fits = count_fitting(NULL, &event);
    cr_assert(fits > 0 && fits < 100, "%zu", fits);
}

Test(cloudevent, given_a_domain_then_only_lower_case_letters_will_do)
{
    cr_assert(mr_ce_domain_is_valid(text("billing")));
    cr_assert(mr_ce_domain_is_valid(text("abcdefghijklmno")));
    cr_assert_not(mr_ce_domain_is_valid(text("abcdefghijklmnop")));
    cr_assert_not(mr_ce_domain_is_valid(text("")));
    cr_assert_not(mr_ce_domain_is_valid(text("b2b")));
    cr_assert_not(mr_ce_domain_is_valid(text("a/b")));
}
