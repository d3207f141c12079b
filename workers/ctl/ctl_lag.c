/* millracectl lag: how far each lane is behind, in records and in seconds. */
#include "ctl_survey.h"
#include "ctl_table.h"
#include "ctl_verbs.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

static const struct mr_setting own[] = {
    {"JSON", "false", "for programs", .kind = MR_CONFIG_BOOL},
};

/* x - y where both are known. */
static int64_t behind(int64_t x, int64_t y)
{
    return x < 0 || y < 0 ? -1 : x > y ? x - y : 0;
}

static void print_table(const struct ctl_survey *survey)
{
    struct ctl_table *t =
        ctl_table_new("DOMAIN|LANE>|LOG END>|APPLIED>|BACKLOG>|SECONDS>|NEXT EVENT>|UNPUBLISHED>|"
                      "LOADED>|UNLOADED>|PARKED>|STATE");
    for (size_t i = 0; i < survey->count; i++) {
        const struct ctl_lane *l = &survey->lanes[i];
        ctl_table_cell(t, "%s", l->domain);
        ctl_table_count(t, l->lane);
        ctl_table_count(t, l->log_end);
        ctl_table_count(t, l->applied);
        ctl_table_count(t, l->backlog);
        if (l->age_ms < 0)
            ctl_table_cell(t, "-");
        else
            ctl_table_cell(t, "%.1f", (double)l->age_ms / 1000);
        ctl_table_count(t, l->next_event);
        ctl_table_count(t, behind(l->next_event, l->published));
        ctl_table_count(t, l->loaded);
        ctl_table_count(t, behind(l->next_event, l->loaded));
        ctl_table_count(t, l->parked);
        if (l->stopped)
            ctl_table_cell(t, "stopped: %s", l->stopped);
        else if (l->load_stopped)
            ctl_table_cell(t, "loader stopped: %s", l->load_stopped);
        else
            ctl_table_cell(t, l->owned ? "ok" : l->taken ? "no owner" : "never taken");
    }
    ctl_table_end(t, "There is no domain yet: millracectl topics create makes them.");
}

static json_t *number(int64_t n)
{
    return n < 0 ? json_null() : json_integer(n);
}

static json_t *text(const char *s)
{
    return s ? json_string(s) : json_null();
}

static void print_json(const struct ctl_survey *survey)
{
    json_t *lanes = json_array();
    for (size_t i = 0; i < survey->count; i++) {
        const struct ctl_lane *l = &survey->lanes[i];
        json_array_append_new(
            lanes, json_pack("{s:s, s:i, s:b, s:o, s:I, s:o, s:o, s:I, s:I, s:o, s:I, s:o, s:o}",
                             "domain", l->domain, "lane", (int)l->lane, "owned", l->owned,
                             "log_end", number(l->log_end), "applied", (json_int_t)l->applied,
                             "backlog", number(l->backlog), "oldest_seconds",
                             l->age_ms < 0 ? json_null() : json_real((double)l->age_ms / 1000),
                             "next_event", (json_int_t)l->next_event, "published",
                             (json_int_t)l->published, "loaded", number(l->loaded), "parked",
                             (json_int_t)l->parked, "stopped", text(l->stopped), "loader_stopped",
                             text(l->load_stopped)));
    }
    json_t *all = json_pack("{s:o}", "lanes", lanes);
    json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(all);
}

static enum ctl_exit run(struct ctl *ctl)
{
    struct ctl_survey survey;
    struct mr_error why;
    enum mr_status s = ctl_survey_read(ctl, ctl_arg(ctl, 0), true, &survey, &why);
    if (s != MR_OK)
        return ctl_fail(ctl, s, &why);
    if (mr_config_int(ctl->config, "JSON"))
        print_json(&survey);
    else
        print_table(&survey);
    if (!survey.log_is_known)
        (void)ctl_end(ctl, CTL_ERROR, "the log is not known: %s", survey.log_why.text);
    if (!survey.ledger_is_known)
        (void)ctl_end(ctl, CTL_ERROR, "what is loaded is not known: %s", survey.ledger_why.text);
    return survey.log_is_known && survey.ledger_is_known ? CTL_DONE : CTL_ERROR;
}

const struct ctl_verb ctl_lag = {
    .name = "lag",
    .usage = "[DOMAIN] [--json]",
    .summary = "Shows how far each lane is behind, in records and seconds",
    .details =
        "BACKLOG: commands in the log that are not settled. SECONDS: since the oldest of them was\n"
        "appended. LOADED: events below it are in the warehouse.",
    .args_max = 1,
    .own = own,
    .own_count = sizeof own / sizeof *own,
    .run = run,
};
