#include "ctl_classify.h"

#include "mr_time.h"

struct ctl_identity ctl_identity_of(const struct mr_kafka_record *record, struct mr_slice domain)
{
    struct ctl_identity is = {.day = mr_time_day(record->append_ms)};
    struct mr_ce_command ce;
    const char *cause;
    char subject[MR_UUID_TEXT + 1] = "";
    if (mr_ce_command_read(&record->headers, domain, &ce, &cause) != MR_OK || !record->value.data)
        return is;
    if (ce.has_subject)
        mr_uuid_text(&ce.subject, subject);
    is.readable = true;
    is.is_tick = ce.tick_lane >= 0;
    is.account = ce.account;
    is.id = ce.id;
    is.type = ce.type;
    is.hash = mr_digest_command(ce.type, mr_slice_text(subject), record->value);
    return is;
}

static bool same_hash(const struct mr_digest *a, const struct mr_digest *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static enum ctl_class wrong(const char **what, const char *text)
{
    *what = text;
    return CTL_WRONG_ROW;
}

enum ctl_class ctl_classify(const struct ctl_identity *is, const struct ctl_row *row,
                            bool unseen_fact, const char **what)
{
    if (!row)
        return !is->readable ? CTL_UNREADABLE : unseen_fact ? CTL_FACT : CTL_REPEAT;
    if (row->kind == CTL_ROW_QUARANTINE)
        return CTL_QUARANTINED;
    if (!is->readable)
        return wrong(what, "the record there is no command");
    if (!mr_uuid_equal(&is->id, &row->id) || !mr_uuid_equal(&is->account, &row->account))
        return wrong(what, "the record there is another command");
    if (row->kind == CTL_ROW_PARKED)
        return CTL_PARKED;
    if (row->kind != CTL_ROW_FACT && !same_hash(&is->hash, &row->hash))
        return wrong(what, "the record there has another content");
    if (row->kind == CTL_ROW_CONFLICT)
        return CTL_CONFLICT;
    if (row->day != is->day)
        return wrong(what, "the record there was appended on another day");
    if (row->kind == CTL_ROW_FACT)
        return CTL_FACT;
    return is->is_tick ? CTL_TICK : CTL_COMMAND;
}
