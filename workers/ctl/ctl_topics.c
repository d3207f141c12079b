/* millracectl topics create: the two topics of each domain, and how many lanes the domain has. */
#include "ctl_verbs.h"

#include <inttypes.h>
#include <stdio.h>

#define LANES_DEFAULT 12
#define TOPICS        2

static const struct mr_setting own[] = {
    {"REPLICAS", NULL, "copies of each topic; 3 where the cluster has three brokers, else 1",
     .kind = MR_CONFIG_INTEGER, .min = 1, .max = 32},
};

/* One domain on its way through: what is known of its lanes. */
struct plan {
    const struct mr_catalog_domain *domain;
    int32_t row_lanes;   /* millrace.domain's; 0: no row */
    int32_t topic_lanes; /* of a topic that exists; 0: none does */
    int32_t asked;       /* 0: not said */
    int32_t lanes;       /* what it comes to */
};

static enum mr_status read_row(struct ctl *ctl, struct plan *plan, struct mr_error *why)
{
    static const char sql[] = "SELECT lanes FROM millrace.domain WHERE name = $1::text";
    struct mr_pg_result *r;
    struct mr_pg_params p = ctl_params(ctl);
    mr_pg_param_text(&p, mr_slice_text(plan->domain->name));
    enum mr_status s = mr_pg_session_exec(ctl->pg, sql, &p, &r, why);
    if (s != MR_OK)
        return s;
    plan->row_lanes = mr_pg_result_rows(r) ? mr_pg_result_int4(r, 0, 0) : 0;
    mr_pg_result_free(r);
    return MR_OK;
}

static enum mr_status read_topics(struct ctl *ctl, struct plan *plan, struct mr_error *why)
{
    const char *names[TOPICS] = {plan->domain->commands_topic, plan->domain->events_topic};
    for (size_t i = 0; i < TOPICS; i++) {
        struct mr_kafka_topic_state state = {.exists = false};
        enum mr_status s = mr_kafka_admin_describe(ctl->admin, names[i], &state, why);
        if (s != MR_OK && s != MR_LOST)
            return s;
        if (!state.exists)
            continue;
        if (plan->topic_lanes && plan->topic_lanes != state.lanes)
            return mr_fail(why, MR_INVALID,
                           "%s has %" PRId32 " partitions, %s has %" PRId32
                           ": they must be the same",
                           names[0], plan->topic_lanes, names[1], state.lanes);
        plan->topic_lanes = state.lanes;
    }
    return MR_OK;
}

/* Lanes are fixed when they are made: a key's lane depends on their number. */
static enum mr_status settle(struct plan *plan, struct mr_error *why)
{
    int32_t fixed = plan->row_lanes ? plan->row_lanes : plan->topic_lanes;
    if (plan->row_lanes && plan->topic_lanes && plan->row_lanes != plan->topic_lanes)
        return mr_fail(why, MR_INVALID,
                       "%s: the topics have %" PRId32 " partitions, millrace.domain says %" PRId32
                       ": these are not the topics that this database belongs to",
                       plan->domain->name, plan->topic_lanes, plan->row_lanes);
    if (fixed && plan->asked && plan->asked != fixed)
        return mr_fail(why, MR_INVALID,
                       "%s has %" PRId32
                       " lanes, fixed when they were made, and cannot have %" PRId32
                       " instead: see \"More lanes\" in docs/operators.md (drain, then move to new "
                       "topics)",
                       plan->domain->name, fixed, plan->asked);
    plan->lanes = fixed ? fixed : plan->asked ? plan->asked : LANES_DEFAULT;
    return MR_OK;
}

static enum mr_status write_row(struct ctl *ctl, const struct plan *plan, struct mr_error *why)
{
    static const char sql[] = "INSERT INTO millrace.domain (name, lanes) VALUES ($1::text, "
                              "$2::int4) ON CONFLICT (name) DO NOTHING";
    struct mr_pg_params p = ctl_params(ctl);
    mr_pg_param_text(&p, mr_slice_text(plan->domain->name));
    mr_pg_param_int4(&p, plan->lanes);
    return mr_pg_session_exec(ctl->pg, sql, &p, NULL, why);
}

static enum mr_status create(struct ctl *ctl, const struct mr_catalog_domain *domain,
                             int16_t replicas, struct mr_error *why)
{
    struct plan plan = {.domain = domain,
                        .asked = (int32_t)mr_config_int_or(ctl->config, "LANES", 0)};
    bool created[TOPICS] = {false};
    enum mr_status s = read_row(ctl, &plan, why);
    if (s == MR_OK)
        s = read_topics(ctl, &plan, why);
    if (s == MR_OK)
        s = settle(&plan, why);
    if (s == MR_OK) /* first, so that topics never exist that no row explains */
        s = write_row(ctl, &plan, why);
    if (s == MR_OK) /* another may have written it just now: the row is what counts */
        s = read_row(ctl, &plan, why);
    if (s == MR_OK)
        s = settle(&plan, why);
    struct mr_kafka_topic topic = {
        .lanes = plan.lanes,
        .replicas = replicas,
        .in_sync_min = replicas >= 3 ? 2 : 1,
        .message_bytes_max = MR_KAFKA_MESSAGE_BYTES_MAX,
    };
    struct mr_kafka_topic topics[TOPICS] = {topic, topic};
    topics[0].name = domain->commands_topic;
    topics[0].retention_ms = MR_KAFKA_RETENTION_COMMANDS_MS;
    topics[1].name = domain->events_topic;
    topics[1].retention_ms = MR_KAFKA_RETENTION_EVENTS_MS;
    if (s == MR_OK)
        s = mr_kafka_admin_create(ctl->admin, topics, TOPICS, created, why);
    for (size_t i = 0; i < TOPICS && s == MR_OK; i++)
        printf("%s: %" PRId32 " lanes, %s\n", topics[i].name, plan.lanes,
               created[i] ? "made" : "was there");
    for (size_t i = 0; i < TOPICS && s == MR_OK; i++) {
        topics[i].replicas = topics[i].in_sync_min = 1; /* of a topic that was there: its maker's */
        s = mr_kafka_admin_check(ctl->admin, &topics[i], 1, why);
    }
    return s;
}

static enum mr_status choose_replicas(struct ctl *ctl, int16_t *replicas, struct mr_error *why)
{
    int32_t brokers;
    enum mr_status s = mr_kafka_admin_brokers(ctl->admin, &brokers, why);
    if (s != MR_OK)
        return s;
    *replicas = (int16_t)mr_config_int_or(ctl->config, "REPLICAS", brokers >= 3 ? 3 : 1);
    if (*replicas > brokers)
        return mr_fail(why, MR_INVALID,
                       "%d replicas need as many brokers, the cluster has %" PRId32, *replicas,
                       brokers);
    if (*replicas < 3)
        printf("replicas: %d (the cluster has %" PRId32 " broker%s): a broker's loss can lose what "
               "was accepted\n",
               *replicas, brokers, brokers == 1 ? "" : "s");
    else
        printf("replicas: %d, at least 2 in sync\n", *replicas);
    return MR_OK;
}

static enum ctl_exit run(struct ctl *ctl)
{
    struct mr_error why;
    int16_t replicas = 1;
    enum mr_status s = ctl_open_catalog(ctl, &why);
    if (s == MR_OK)
        s = ctl_open_pg(ctl, &why);
    if (s == MR_OK)
        s = ctl_open_admin(ctl, &why);
    if (s == MR_OK)
        s = choose_replicas(ctl, &replicas, &why);
    for (size_t i = 0; s == MR_OK && i < ctl->catalog->domain_count; i++)
        s = create(ctl, &ctl->catalog->domains[i], replicas, &why);
    return s == MR_OK ? CTL_DONE : ctl_fail(ctl, s, &why);
}

const struct ctl_verb ctl_topics_create = {
    .name = "topics create",
    .usage = "[--lanes=N] [--replicas=N]",
    .summary = "Makes the command and event topics of each domain of the schemas",
    .details = "Lanes (partitions) are fixed when they are made and kept in Postgres: 12 unless "
               "--lanes says more;\n48 are advised in production, since they bound the pool. "
               "Topics that exist are checked and left alone.",
    .own = own,
    .own_count = sizeof own / sizeof *own,
    .run = run,
};
