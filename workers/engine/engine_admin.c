#include "engine_admin.h"

#include <inttypes.h>

static enum mr_status check_applied(int64_t applied, int64_t start, int64_t end,
                                    struct mr_error *why)
{
    if (applied > end)
        return mr_fail(why, MR_INVALID,
                       "the log ends at %" PRId64 ": there is no position %" PRId64 " in it yet",
                       end, applied);
    if (applied < start)
        return mr_fail(why, MR_INVALID,
                       "the log starts at %" PRId64 ": position %" PRId64 " is not in it any more",
                       start, applied);
    return MR_OK;
}

static enum mr_status plan_events(const struct engine_admin_position *ask,
                                  const struct engine_admin_found *found, struct engine_row *out,
                                  struct mr_error *why)
{
    int64_t next = found->event_highest + 1;
    if (found->event_highest < 0) { /* it cannot tell; numbers must not come twice */
        if (ask->next_event < found->row.next_event)
            return mr_fail(why, MR_INVALID,
                           "the event log holds nothing, and the lane's next event is %" PRId64
                           ": --next-event must not be below it",
                           found->row.next_event);
        out->next_event = ask->next_event;
        out->event_offset = ENGINE_ADMIN_KEEP;
        if (ask->next_event > found->row.next_event)
            out->published = ask->next_event; /* else what was not published yet still is to be */
        return MR_OK;
    } else if (ask->next_event != next) {
        return mr_fail(why, MR_INVALID,
                       "the highest sequence in the event log is %" PRId64
                       ": --next-event must be %" PRId64 ", not %" PRId64,
                       found->event_highest, next, ask->next_event);
    }
    if (next < found->row.next_event && found->events_kept != found->row.next_event - next)
        return mr_fail(why, MR_INVALID,
                       "the event log ends with sequence %" PRId64 ", the lane's next event is "
                       "%" PRId64 ", and of those between the database holds only %" PRId64
                       ": they cannot be published again",
                       found->event_highest, found->row.next_event, found->events_kept);
    out->published = next;
    out->event_offset = found->event_offset;
    if (next > out->next_event)
        out->next_event = next;
    return MR_OK;
}

enum mr_status engine_admin_set_position(const struct engine_admin_position *ask,
                                         const struct engine_admin_found *found,
                                         struct engine_row *out, struct mr_error *why)
{
    struct engine_row row = found->row;
    enum mr_status s = check_applied(ask->applied, found->log_start, found->log_end, why);
    if (s == MR_OK && ask->next_event != ENGINE_ADMIN_KEEP)
        s = plan_events(ask, found, &row, why);
    if (s != MR_OK)
        return s;
    row.fence = ask->fence_new;
    row.applied = ask->applied;
    row.has_last_record = found->has_record;
    row.last_record = found->has_record ? found->record : (struct mr_digest128){{0}};
    *out = row;
    return MR_OK;
}

enum mr_status engine_admin_set_load(const struct engine_admin_load *ask,
                                     const struct engine_admin_load_found *found,
                                     struct mr_error *why)
{
    enum mr_status s = check_applied(ask->next_offset, found->log_start, found->log_end, why);
    if (s != MR_OK)
        return s;
    if (ask->last_sequence < found->loaded_highest)
        return mr_fail(why, MR_INVALID,
                       "the warehouse holds events up to sequence %" PRId64
                       " of this lane: --last-sequence must not be below it",
                       found->loaded_highest);
    if (found->next_sequence > ask->last_sequence + 1)
        return mr_fail(why, MR_INVALID,
                       "from offset %" PRId64 " on, the first sequence above %" PRId64
                       " is %" PRId64 ": %" PRId64 " would stay missing",
                       ask->next_offset, ask->last_sequence, found->next_sequence,
                       ask->last_sequence + 1);
    return MR_OK;
}

enum mr_status engine_admin_file(const struct engine_admin_parked *found, struct mr_error *note)
{
    const char *verb = found->action == ENGINE_DROP ? "drop" : "retry";
    if (!found->is_parked)
        return mr_fail(note, MR_INVALID, "it is not parked");
    if (found->filed != ENGINE_NEW)
        return mr_fail(note, MR_BUSY, "a %s is filed for it already, and the first counts",
                       found->filed == ENGINE_DROP ? "drop" : "retry");
    mr_fail(note, MR_OK,
            found->behind ? "%s filed; the lane's owner does it once those before it of the same "
                            "key are settled"
                          : "%s filed; the lane's owner does it within a second or two",
            verb);
    return MR_OK;
}
