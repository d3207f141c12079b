/* A command's events on their way to the warehouse. */
#include "ctl_show.h"

#include <inttypes.h>
#include <stdio.h>

#define BODY_BYTES         65536 /* a longer one is cut, and the rest counted */
#define CELL(r, i, column) MR_SLICE_FMT(mr_pg_result_text((r), (i), (column)))

void ctl_show_bytes(struct mr_slice bytes)
{
    for (size_t i = 0; i < bytes.len && i < BODY_BYTES; i++) {
        unsigned char c = (unsigned char)bytes.data[i];
        if (c >= ' ' && c != 127)
            putchar(c);
        else
            printf("\\x%02x", c);
    }
    if (bytes.len > BODY_BYTES)
        printf(" ... and %zu bytes more", bytes.len - BODY_BYTES);
    putchar('\n');
}

static enum mr_status show_table(struct ctl *ctl, const struct ctl_shown *shown, int64_t sequence,
                                 const char *table, struct mr_error *why)
{
    struct mr_pg_result *r;
    struct mr_pg_params p = ctl_params(ctl);
    char *sql = mr_arena_printf(&ctl->arena,
                                "SELECT to_jsonb(t)::text FROM public.\"%s\" t WHERE domain = "
                                "$1::text AND lane = $2::int4 AND sequence = $3::int8 "
                                "ORDER BY \"row\"",
                                table); /* of the catalogue: [a-z0-9_] */
    mr_pg_param_text(&p, mr_slice_text(shown->domain));
    mr_pg_param_int4(&p, shown->lane);
    mr_pg_param_int8(&p, sequence);
    enum mr_status s = mr_pg_session_exec_text(ctl->warehouse, sql, &p, &r, why);
    if (s != MR_OK)
        return s;
    int rows = mr_pg_result_rows(r);
    printf("  %s: %d row%s\n", table, rows, rows == 1 ? "" : "s");
    for (int i = 0; i < rows; i++)
        printf("    %.*s\n", CELL(r, i, 0));
    mr_pg_result_free(r);
    return MR_OK;
}

static enum mr_status is_loaded(struct ctl *ctl, const struct ctl_shown *shown, int64_t sequence,
                                bool *loaded, struct mr_error *why)
{
    static const char sql[] = "SELECT last_sequence FROM public.load_ledger "
                              "WHERE topic = $1::text AND lane = $2::int4";
    char topic[32];
    struct mr_pg_result *r;
    struct mr_pg_params p = ctl_params(ctl);
    snprintf(topic, sizeof topic, "%s.events", shown->domain);
    mr_pg_param_text(&p, mr_slice_text(topic));
    mr_pg_param_int4(&p, shown->lane);
    enum mr_status s = ctl_open_warehouse(ctl, why);
    if (s == MR_OK)
        s = mr_pg_session_exec(ctl->warehouse, sql, &p, &r, why);
    if (s != MR_OK)
        return s;
    *loaded = mr_pg_result_rows(r) == 1 && mr_pg_result_int8(r, 0, 0) >= sequence;
    mr_pg_result_free(r);
    return MR_OK;
}

static enum mr_status show_loaded(struct ctl *ctl, const struct ctl_shown *shown, int64_t sequence,
                                  struct mr_slice type, struct mr_error *why)
{
    bool loaded = false;
    const struct mr_catalog_event *event = mr_catalog_event_of(ctl->catalog, type);
    enum mr_status s = is_loaded(ctl, shown, sequence, &loaded, why);
    if (s == MR_OK)
        printf("  %s\n", loaded ? "loaded" : "not loaded yet");
    for (size_t f = 0; s == MR_OK && loaded && event && f < event->feed_count; f++)
        s = show_table(ctl, shown, sequence, event->feeds[f].table->name, why);
    return s;
}

static void show_event(struct ctl *ctl, const struct ctl_shown *shown, const struct mr_pg_result *r,
                       int i)
{
    struct mr_error why;
    int64_t sequence = mr_pg_result_int8(r, i, 0);
    printf("event: %.*s, lane %" PRId32 " sequence %" PRId64 ", subject %.*s version %.*s\n",
           CELL(r, i, 1), shown->lane, sequence, CELL(r, i, 2), CELL(r, i, 3));
    printf("  %s\n  body ", mr_pg_result_bool(r, i, 5) ? "published" : "not published yet");
    ctl_show_bytes(mr_pg_result_text(r, i, 4));
    if (show_loaded(ctl, shown, sequence, mr_pg_result_text(r, i, 1), &why) != MR_OK)
        printf("  whether it is loaded is not known: %s\n", why.text);
}

/* By the lane and the day, which the table is divided by: there is no index on the command. */
static const char select_events[] =
    "SELECT e.sequence, e.type, e.subject::text, e.subject_version::text, e.data, "
    "e.sequence < l.published FROM millrace.event e JOIN millrace.lane l USING (domain, lane) "
    "WHERE e.domain = $1::text AND e.lane = $2::int4 AND e.day = $3::text::date "
    "AND e.command_id = $4::uuid AND e.account_id = $5::text::uuid ORDER BY e.sequence LIMIT 200";

enum mr_status ctl_show_events(struct ctl *ctl, const struct mr_uuid *command,
                               const struct ctl_shown *shown, struct mr_error *why)
{
    struct mr_pg_result *r;
    struct mr_pg_params p = ctl_params(ctl);
    mr_pg_param_text(&p, mr_slice_text(shown->domain));
    mr_pg_param_int4(&p, shown->lane);
    mr_pg_param_text(&p, shown->day);
    mr_pg_param_uuid(&p, command);
    mr_pg_param_text(&p, shown->account);
    enum mr_status s = mr_pg_session_exec(ctl->pg, select_events, &p, &r, why);
    if (s != MR_OK)
        return s;
    if (mr_pg_result_rows(r) == 0)
        printf("events: none\n");
    for (int i = 0; i < mr_pg_result_rows(r); i++)
        show_event(ctl, shown, r, i);
    mr_pg_result_free(r);
    return MR_OK;
}
