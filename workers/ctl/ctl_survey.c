#include "ctl_survey.h"

#include "mr_clock.h"
#include <stdio.h>
#include <stdlib.h>

static const char select_lanes[] =
    "SELECT d.name, n.lane, l.lane IS NOT NULL, a.pid IS NOT NULL, coalesce(l.applied, 0), "
    "coalesce(l.next_event, 0), coalesce(l.published, 0), coalesce(p.parked, 0)::int8, s.reason "
    "FROM millrace.domain d CROSS JOIN LATERAL generate_series(0, d.lanes - 1) n(lane) "
    "LEFT JOIN millrace.lane l ON l.domain = d.name AND l.lane = n.lane "
    "LEFT JOIN millrace.lane_stop s ON s.domain = l.domain AND s.lane = l.lane "
    "AND s.fence = l.fence "
    "LEFT JOIN pg_stat_activity a ON a.pid = l.backend_pid AND a.backend_start = l.backend_start "
    "LEFT JOIN (SELECT domain, lane, count(*) AS parked FROM millrace.parked GROUP BY domain, "
    "lane) "
    "p ON p.domain = d.name AND p.lane = n.lane "
    "WHERE $1::text IS NULL OR d.name = $1::text ORDER BY d.name, n.lane";

static const char select_ledger[] =
    "SELECT l.topic, l.lane, l.last_sequence, l.next_offset, s.reason FROM public.load_ledger l "
    "LEFT JOIN public.load_stop s ON s.topic = l.topic AND s.lane = l.lane AND s.fence = l.fence";

static const char *text_of(struct ctl *ctl, struct mr_slice s)
{
    const char *text = s.data ? mr_arena_dup(&ctl->arena, s.data, s.len) : NULL;
    return s.data && !text ? "?" : text;
}

enum mr_status ctl_survey_lanes(struct ctl *ctl, const char *domain, struct ctl_survey *out,
                                struct mr_error *why)
{
    struct mr_pg_result *r;
    struct mr_pg_params p = ctl_params(ctl);
    mr_pg_param_text(&p, mr_slice_text(domain));
    enum mr_status s = mr_pg_session_exec(ctl->pg, select_lanes, &p, &r, why);
    if (s != MR_OK)
        return s;
    size_t count = (size_t)mr_pg_result_rows(r);
    struct ctl_lane *lanes = mr_arena_array(&ctl->arena, count, sizeof *lanes);
    for (size_t i = 0; lanes && i < count; i++)
        lanes[i] = (struct ctl_lane){
            .domain = text_of(ctl, mr_pg_result_text(r, (int)i, 0)),
            .lane = mr_pg_result_int4(r, (int)i, 1),
            .taken = mr_pg_result_bool(r, (int)i, 2),
            .owned = mr_pg_result_bool(r, (int)i, 3),
            .applied = mr_pg_result_int8(r, (int)i, 4),
            .next_event = mr_pg_result_int8(r, (int)i, 5),
            .published = mr_pg_result_int8(r, (int)i, 6),
            .parked = mr_pg_result_int8(r, (int)i, 7),
            .stopped = text_of(ctl, mr_pg_result_text(r, (int)i, 8)),
            .log_start = -1,
            .log_end = -1,
            .backlog = -1,
            .age_ms = -1,
            .loaded = -1,
            .loaded_offset = -1,
            .facts_loaded = -1,
        };
    mr_pg_result_free(r);
    if (!lanes)
        return mr_fail(why, MR_LIMIT, "there are too many lanes to look at");
    *out = (struct ctl_survey){.lanes = lanes, .count = count};
    if (domain && count == 0)
        return mr_fail(why, MR_INVALID, "there is no domain \"%s\"", domain);
    return MR_OK;
}

/* ---- the topics ---- */

static enum mr_status read_ages(struct ctl *ctl, struct ctl_lane *lane, const char *topic,
                                struct mr_error *why)
{
    int64_t oldest = lane->applied > lane->log_start ? lane->applied : lane->log_start;
    struct mr_kafka_reader_query q = {
        .topic = topic, .lane = lane->lane, .timeout_ms = CTL_KAFKA_MS};
    struct mr_kafka_record record;
    if (lane->backlog <= 0)
        return MR_OK;
    enum mr_status s = mr_kafka_reader_record(ctl->reader, &q, oldest, &record, why);
    if (s == MR_OK && record.append_ms >= 0) {
        lane->age_ms = mr_clock_wall_ms() - record.append_ms;
        lane->age_ms = lane->age_ms < 0 ? 0 : lane->age_ms;
    }
    return s == MR_LOST ? MR_OK : s; /* deleted meanwhile, or a gap */
}

/* lanes: all of one domain. */
static enum mr_status read_topic(struct ctl *ctl, struct ctl_lane *lanes, int32_t count,
                                 bool with_age, struct mr_error *why)
{
    char topic[32];
    int32_t partitions = 0;
    snprintf(topic, sizeof topic, "%s.commands", lanes[0].domain);
    struct mr_kafka_reader_query q = {.topic = topic, .timeout_ms = CTL_KAFKA_MS};
    enum mr_status s = mr_kafka_reader_lanes(ctl->reader, topic, &partitions, CTL_KAFKA_MS, why);
    if (s == MR_OK && partitions != count)
        return mr_fail(why, MR_INVALID, "%s has %d partitions, the domain has %d lanes", topic,
                       (int)partitions, (int)count);
    struct mr_kafka_lane_range *ranges = calloc((size_t)count, sizeof *ranges);
    if (!ranges)
        abort();
    if (s == MR_OK)
        s = mr_kafka_reader_ranges(ctl->reader, &q, ranges, count, why);
    for (int32_t i = 0; i < count && s == MR_OK; i++) {
        lanes[i].log_start = ranges[i].low;
        lanes[i].log_end = ranges[i].high;
        int64_t from = lanes[i].applied > ranges[i].low ? lanes[i].applied : ranges[i].low;
        lanes[i].backlog = ranges[i].high > from ? ranges[i].high - from : 0;
        if (with_age)
            s = read_ages(ctl, &lanes[i], topic, why);
    }
    free(ranges);
    return s;
}

static enum mr_status read_log(struct ctl *ctl, struct ctl_survey *survey, bool with_age,
                               struct mr_error *why)
{
    enum mr_status s =
        ctl->kafka_is_away ? mr_fail(why, MR_BUSY, "Kafka is away") : ctl_open_reader(ctl, why);
    for (size_t i = 0; i < survey->count && s == MR_OK;) {
        size_t end = i;
        while (end < survey->count &&
               strcmp(survey->lanes[end].domain, survey->lanes[i].domain) == 0)
            end++;
        s = read_topic(ctl, &survey->lanes[i], (int32_t)(end - i), with_age, why);
        i = end;
    }
    return s;
}

/* ---- the warehouse ---- */

/* suffix: of the topic's name, behind the domain's. */
static struct ctl_lane *lane_of(struct ctl_survey *survey, const char *suffix,
                                struct mr_slice topic, int32_t lane)
{
    size_t end = strlen(suffix);
    for (size_t i = 0; i < survey->count; i++) {
        struct ctl_lane *l = &survey->lanes[i];
        size_t len = strlen(l->domain);
        if (l->lane == lane && topic.len == len + end && memcmp(topic.data, l->domain, len) == 0 &&
            memcmp(topic.data + len, suffix, end) == 0)
            return l;
    }
    return NULL;
}

static void note_ledger(struct ctl *ctl, struct ctl_survey *survey, const struct mr_pg_result *r,
                        int row)
{
    struct mr_slice topic = mr_pg_result_text(r, row, 0);
    int32_t lane = mr_pg_result_int4(r, row, 1);
    const char *stopped = text_of(ctl, mr_pg_result_text(r, row, 4));
    struct ctl_lane *events = lane_of(survey, ".events", topic, lane);
    struct ctl_lane *facts = lane_of(survey, ".commands", topic, lane);
    if (events) {
        events->in_ledger = true;
        events->loaded = mr_pg_result_int8(r, row, 2) + 1;
        events->loaded_offset = mr_pg_result_int8(r, row, 3);
        events->load_stopped = stopped;
    } else if (facts) {
        facts->facts_loaded = mr_pg_result_int8(r, row, 3);
        facts->facts_stopped = stopped;
    }
}

enum mr_status ctl_survey_ledger(struct ctl *ctl, struct ctl_survey *survey, struct mr_error *why)
{
    struct mr_pg_result *r;
    enum mr_status s = ctl_open_warehouse(ctl, why);
    if (s == MR_OK)
        s = mr_pg_session_exec(ctl->warehouse, select_ledger, NULL, &r, why);
    if (s != MR_OK)
        return s;
    for (size_t i = 0; i < survey->count; i++) /* no row yet: nothing was loaded */
        survey->lanes[i].loaded = survey->lanes[i].facts_loaded = 0;
    for (int row = 0; row < mr_pg_result_rows(r); row++)
        note_ledger(ctl, survey, r, row);
    mr_pg_result_free(r);
    return MR_OK;
}

enum mr_status ctl_survey_read(struct ctl *ctl, const char *domain, bool with_age,
                               struct ctl_survey *out, struct mr_error *why)
{
    enum mr_status s = ctl_open_pg(ctl, why);
    if (s == MR_OK)
        s = ctl_survey_lanes(ctl, domain, out, why);
    if (s != MR_OK)
        return s;
    out->log_is_known = read_log(ctl, out, with_age, &out->log_why) == MR_OK;
    out->ledger_is_known = ctl_survey_ledger(ctl, out, &out->ledger_why) == MR_OK;
    return MR_OK;
}
