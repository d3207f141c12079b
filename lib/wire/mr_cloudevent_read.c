/* Reading the headers of commands and events, from whoever wrote them. */
#include "mr_cloudevent_names.h"
#include "mr_time.h"
#include "mr_trace.h"

#include <inttypes.h>
#include <stdio.h>

/* The known headers of one record; the first thing that is wrong stays as the cause. */
struct reader {
    struct mr_slice values[MR_CE_KNOWN];
    bool twice[MR_CE_KNOWN];
    const char *cause;
};

static void blame(struct reader *r, const char *cause)
{
    if (!r->cause)
        r->cause = cause;
}

static int index_of(struct mr_slice name)
{
    for (int i = 0; i < MR_CE_KNOWN; i++)
        if (name.len == mr_ce_known[i].name_len &&
            memcmp(name.data, mr_ce_known[i].name, name.len) == 0)
            return i;
    return -1;
}

static struct reader gather(const struct mr_ce_headers *headers)
{
    struct reader r = {0};
    bool seen[MR_CE_KNOWN] = {0};
    for (size_t i = 0; i < headers->count; i++) {
        int index = index_of(headers->items[i].name);
        if (index < 0)
            continue;
        r.twice[index] = seen[index];
        if (seen[index] && index != MR_CE_TRACEPARENT && index != MR_CE_TRACESTATE)
            blame(&r, mr_ce_known[index].twice);
        seen[index] = true;
        r.values[index] = headers->items[i].value;
    }
    return r;
}

static struct mr_slice required(struct reader *r, enum mr_ce_name name)
{
    if (!r->values[name].data)
        blame(r, mr_ce_known[name].missing);
    return r->values[name];
}

static struct mr_slice read_text(struct reader *r, enum mr_ce_name name)
{
    struct mr_slice s = required(r, name);
    if (s.data && !mr_ce_text_is_valid(s))
        blame(r, mr_ce_known[name].no_text);
    return s;
}

static void read_uuid(struct reader *r, enum mr_ce_name name, struct mr_uuid *out)
{
    struct mr_slice s = required(r, name);
    if (s.data && mr_uuid_parse(s, out) != MR_OK)
        blame(r, mr_ce_known[name].no_uuid);
}

static bool read_subject(struct reader *r, struct mr_uuid *out)
{
    if (!r->values[MR_CE_SUBJECT].data)
        return false;
    read_uuid(r, MR_CE_SUBJECT, out);
    return true;
}

static void read_time(struct reader *r, int64_t *out)
{
    struct mr_slice s = required(r, MR_CE_TIME);
    if (s.data && (mr_time_parse(s, out) != MR_OK || !mr_ce_time_is_valid(*out)))
        blame(r, mr_ce_known[MR_CE_TIME].no_time);
}

/* Absent in the record: JSON, as design has it for every body. */
static struct mr_slice read_content_type(struct reader *r)
{
    if (!r->values[MR_CE_CONTENT_TYPE].data)
        return mr_slice_text(MR_CE_JSON_TYPE);
    return read_text(r, MR_CE_CONTENT_TYPE);
}

static void check_specversion(struct reader *r)
{
    struct mr_slice s = r->values[MR_CE_SPECVERSION];
    if (s.data && !mr_slice_is(s, "1.0"))
        blame(r, mr_ce_known[MR_CE_SPECVERSION].no_fit);
}

static struct mr_slice read_traceparent(const struct reader *r)
{
    struct mr_slice s = r->values[MR_CE_TRACEPARENT];
    struct mr_trace trace;
    bool good = s.data && !r->twice[MR_CE_TRACEPARENT] && s.len <= MR_CE_TEXT_BYTES_MAX &&
                mr_ce_text_is_valid(s) && mr_trace_parse(s, &trace) == MR_OK;
    return good ? s : mr_slice(NULL, 0);
}

static struct mr_slice read_tracestate(const struct reader *r)
{
    struct mr_slice s = r->values[MR_CE_TRACESTATE];
    bool good = s.data && !r->twice[MR_CE_TRACESTATE] && mr_trace_state_is_valid(s);
    return good ? s : mr_slice(NULL, 0);
}

/* Digits of an int64, without sign or leading zeros unless width says how many digits there are. */
static bool read_number(struct mr_slice s, size_t width, int64_t max, int64_t *out)
{
    int64_t n = 0;
    if (s.len == 0 || (width ? s.len != width : s.len > 1 && s.data[0] == '0'))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        int digit = s.data[i] - '0';
        if (digit < 0 || digit > 9 || n > (max - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *out = n;
    return true;
}

/* "/millrace/<domain>/<kind>/" and the rest behind it; absent where the source has another form. */
static struct mr_slice source_rest(struct mr_slice source, struct mr_slice domain, const char *kind)
{
    char begin[MR_CE_SOURCE_BYTES_MAX];
    int len = snprintf(begin, sizeof begin, "/millrace/%.*s/%s/", MR_SLICE_FMT(domain), kind);
    if (len < 0 || (size_t)len >= sizeof begin || source.len < (size_t)len ||
        memcmp(source.data, begin, (size_t)len) != 0)
        return mr_slice(NULL, 0);
    return mr_slice(source.data + len, source.len - (size_t)len);
}

/* The lane that a source names, -1 where it names none. */
static int32_t source_lane(struct mr_slice source, struct mr_slice domain)
{
    struct mr_slice rest = source_rest(source, domain, "lanes");
    int64_t lane;
    return rest.data && read_number(rest, 0, INT32_MAX, &lane) ? (int32_t)lane : -1;
}

static int32_t read_command_source(struct reader *r, struct mr_slice domain,
                                   const struct mr_uuid *account)
{
    struct mr_slice source = required(r, MR_CE_SOURCE);
    if (!source.data || r->cause) /* account may be unset */
        return -1;
    struct mr_slice rest = source_rest(source, domain, "accounts");
    struct mr_uuid named;
    if (rest.data && mr_uuid_parse(rest, &named) == MR_OK && mr_uuid_equal(&named, account))
        return -1;
    int32_t lane = source_lane(source, domain);
    if (lane < 0 || !mr_uuid_is_nil(account))
        blame(r, mr_ce_known[MR_CE_SOURCE].no_fit);
    return lane;
}

enum mr_status mr_ce_command_read(const struct mr_ce_headers *headers, struct mr_slice domain,
                                  struct mr_ce_command *out, const char **cause)
{
    struct reader r = gather(headers);
    *out = (struct mr_ce_command){.domain = domain};
    check_specversion(&r);
    read_uuid(&r, MR_CE_ID, &out->id);
    out->type = read_text(&r, MR_CE_TYPE);
    read_uuid(&r, MR_CE_ACCOUNT, &out->account);
    out->principal = read_text(&r, MR_CE_PRINCIPAL);
    read_time(&r, &out->time_ms);
    out->has_subject = read_subject(&r, &out->subject);
    out->content_type = read_content_type(&r);
    out->traceparent = read_traceparent(&r);
    out->tracestate = read_tracestate(&r);
    out->tick_lane = read_command_source(&r, domain, &out->account);
    *cause = r.cause;
    return r.cause ? MR_INVALID : MR_OK;
}

/* The sequence is said twice: as the id, and sortable as text. */
static void read_sequence(struct reader *r, int64_t *out)
{
    struct mr_slice id = required(r, MR_CE_ID), sortable = required(r, MR_CE_SEQUENCE);
    int64_t other;
    if (id.data && !read_number(id, 0, INT64_MAX, out))
        blame(r, mr_ce_known[MR_CE_ID].no_fit);
    if (sortable.data && (!read_number(sortable, MR_CE_SEQUENCE_DIGITS, INT64_MAX, &other) ||
                          (!r->cause && other != *out)))
        blame(r, mr_ce_known[MR_CE_SEQUENCE].no_fit);
}

static void read_subject_version(struct reader *r, bool has_subject, int64_t *out)
{
    struct mr_slice s = r->values[MR_CE_SUBJECTVERSION];
    if (!has_subject && !s.data)
        return;
    s = required(r, MR_CE_SUBJECTVERSION);
    if (s.data && (!has_subject || !read_number(s, 0, INT64_MAX, out)))
        blame(r, mr_ce_known[MR_CE_SUBJECTVERSION].no_fit);
}

enum mr_status mr_ce_event_read(const struct mr_ce_headers *headers, struct mr_slice domain,
                                int32_t lane, struct mr_ce_event *out, const char **cause)
{
    struct reader r = gather(headers);
    *out = (struct mr_ce_event){.domain = domain, .lane = lane};
    check_specversion(&r);
    read_sequence(&r, &out->sequence);
    struct mr_slice source = required(&r, MR_CE_SOURCE);
    if (source.data && source_lane(source, domain) != lane)
        blame(&r, mr_ce_known[MR_CE_SOURCE].no_fit);
    out->type = read_text(&r, MR_CE_TYPE);
    out->has_subject = read_subject(&r, &out->subject);
    read_subject_version(&r, out->has_subject, &out->subject_version);
    read_time(&r, &out->time_ms);
    read_uuid(&r, MR_CE_CAUSATIONID, &out->causation);
    read_uuid(&r, MR_CE_ACCOUNT, &out->account);
    out->content_type = read_content_type(&r);
    out->traceparent = read_traceparent(&r);
    *cause = r.cause;
    return r.cause ? MR_INVALID : MR_OK;
}

struct mr_slice mr_ce_header_find(const struct mr_ce_headers *headers, const char *name)
{
    struct mr_slice found = {0};
    size_t count = 0;
    for (size_t i = 0; i < headers->count; i++)
        if (mr_slice_is(headers->items[i].name, name))
            found = headers->items[i].value, count++;
    return count == 1 ? found : mr_slice(NULL, 0);
}
