/* The servers, opened when a verb first asks for them, with errors that say which one and what to
 * do about it. */
#include "ctl.h"

#include "ctl_sets.h"
#include "mr_catalog_folder.h"
#include "mr_kafka_conf.h"
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

static enum mr_status open_new(const char *conninfo, const char *what, struct mr_pg_session **out,
                               struct mr_error *why)
{
    struct mr_error said;
    enum mr_status s = mr_pg_session_open(conninfo, "millracectl", out, &said);
    if (s != MR_OK) /* an answer that is no says more than "unreachable" */
        return mr_fail(why, s == MR_INVALID ? MR_FATAL : s, "%s: %s", what, said.text);
    /* A verb may read for long; what must not wait long says so itself. */
    s = mr_pg_session_script(*out, "SET statement_timeout = 0; SET lock_timeout = '10s'", &said);
    if (s == MR_OK)
        return MR_OK;
    mr_pg_session_close(*out);
    *out = NULL;
    return mr_fail(why, s, "%s: %s", what, said.text);
}

enum mr_status ctl_connect_pg(const struct ctl *ctl, struct mr_pg_session **out,
                              struct mr_error *why)
{
    return open_new(ctl_text(ctl, "PG"), "Postgres (MILLRACE_PG)", out, why);
}

enum mr_status ctl_connect_warehouse(const struct ctl *ctl, struct mr_pg_session **out,
                                     struct mr_error *why)
{
    return open_new(ctl_text(ctl, "WAREHOUSE"), "the warehouse (MILLRACE_WAREHOUSE)", out, why);
}

/* The numbers alone: what was applied with another text is migrate's to say. */
static enum mr_status check_schema(struct mr_pg_session *session,
                                   const struct mr_pg_migrations *const *sets, size_t count,
                                   struct mr_error *why)
{
    static const char sql[] =
        "SELECT domain, max(number)::int4 FROM millrace.migration GROUP BY domain";
    struct mr_pg_result *r;
    struct mr_error said;
    enum mr_status s = mr_pg_session_exec(session, sql, NULL, &r, &said);
    if (s == MR_FATAL)
        return mr_fail(why, MR_FATAL,
                       "millrace's tables are not there (%s): millracectl migrate "
                       "makes them",
                       said.text);
    if (s != MR_OK)
        return mr_fail(why, s, "%s", said.text);
    for (size_t i = 0; i < count && s == MR_OK; i++) {
        int32_t has = 0, wants = sets[i]->list[sets[i]->count - 1].number;
        for (int row = 0; row < mr_pg_result_rows(r); row++)
            if (mr_slice_is(mr_pg_result_text(r, row, 0), sets[i]->domain))
                has = mr_pg_result_int4(r, row, 1);
        if (has < wants)
            s = mr_fail(why, MR_FATAL,
                        "the schema of %s is at migration %d, this program needs %d: millracectl "
                        "migrate",
                        sets[i]->domain, (int)has, (int)wants);
    }
    mr_pg_result_free(r);
    return s;
}

static enum mr_status open_session(struct mr_pg_session **slot, struct mr_pg_session *session,
                                   const struct ctl_sets *sets, const char *what,
                                   struct mr_error *why)
{
    struct mr_error said;
    enum mr_status s = check_schema(session, sets->list, sets->count, &said);
    if (s == MR_OK) {
        *slot = session;
        return MR_OK;
    }
    mr_pg_session_close(session);
    return mr_fail(why, s, "%s: %s", what, said.text);
}

enum mr_status ctl_open_pg(struct ctl *ctl, struct mr_error *why)
{
    struct mr_pg_session *session;
    if (ctl->pg)
        return MR_OK;
    enum mr_status s = ctl_connect_pg(ctl, &session, why);
    if (s != MR_OK)
        return s;
    return open_session(&ctl->pg, session, &ctl_sets_pg, "Postgres", why);
}

enum mr_status ctl_open_warehouse(struct ctl *ctl, struct mr_error *why)
{
    struct mr_pg_session *session;
    if (ctl->warehouse)
        return MR_OK;
    enum mr_status s = ctl_connect_warehouse(ctl, &session, why);
    if (s != MR_OK)
        return s;
    return open_session(&ctl->warehouse, session, &ctl_sets_warehouse, "the warehouse", why);
}

enum mr_status ctl_open_catalog(struct ctl *ctl, struct mr_error *why)
{
    struct mr_error said;
    if (ctl->catalog)
        return MR_OK;
    enum mr_status s = mr_catalog_folder_read(ctl_text(ctl, "SCHEMAS"), &ctl->catalog, &said);
    if (s == MR_OK)
        return MR_OK;
    /* A slip in a schema is no answer to what was asked. */
    return mr_fail(why, s == MR_INVALID ? MR_FATAL : s, "the schemas (MILLRACE_SCHEMAS): %s",
                   said.text);
}

static void on_kafka_log(void *owner, int level, const char *facility, const char *text)
{
    struct ctl *ctl = owner; /* calls tell their own errors; these lines are for looking closer */
    MR_LOG(&ctl->log, DEBUG, "librdkafka", mr_f_int("level", level),
           mr_f_text("facility", facility), mr_f_text("text", text));
}

static enum mr_status open_kafka(struct ctl *ctl, struct mr_error *why)
{
    struct mr_kafka_conf_settings settings = {
        .brokers = ctl_text(ctl, "KAFKA_BROKERS"),
        .properties_file = ctl_text(ctl, "KAFKA_PROPERTIES"),
        .client_id = "millracectl",
        .on_log = on_kafka_log,
        .owner = ctl,
    };
    return ctl->kafka ? MR_OK : mr_kafka_conf_new(&settings, &ctl->kafka, why);
}

enum mr_status ctl_open_admin(struct ctl *ctl, struct mr_error *why)
{
    enum mr_status s = open_kafka(ctl, why);
    if (s != MR_OK || ctl->admin)
        return s;
    return mr_kafka_admin_new(ctl->kafka, &ctl->admin, why);
}

enum mr_status ctl_open_reader(struct ctl *ctl, struct mr_error *why)
{
    enum mr_status s = open_kafka(ctl, why);
    if (s != MR_OK || ctl->reader)
        return s;
    return mr_kafka_reader_new(ctl->kafka, &ctl->reader, why);
}

void ctl_close(struct ctl *ctl)
{
    if (ctl->reader)
        mr_kafka_reader_free(ctl->reader);
    if (ctl->admin)
        mr_kafka_admin_free(ctl->admin);
    if (ctl->kafka)
        mr_kafka_conf_free(ctl->kafka);
    mr_pg_session_close(ctl->warehouse);
    mr_pg_session_close(ctl->pg);
    mr_catalog_free(ctl->catalog);
    mr_arena_free(&ctl->arena);
    mr_config_free(ctl->config);
}

struct mr_pg_params ctl_params(struct ctl *ctl)
{
    struct mr_pg_params params;
    mr_pg_params_init(&params, &ctl->arena);
    return params;
}

const char *ctl_actor(struct ctl *ctl)
{
    char host[256] = "?";
    const struct passwd *user = getpwuid(getuid());
    if (gethostname(host, sizeof host - 1) != 0)
        snprintf(host, sizeof host, "?");
    const char *text = user ? mr_arena_printf(&ctl->arena, "%s@%s", user->pw_name, host)
                            : mr_arena_printf(&ctl->arena, "uid %d@%s", (int)getuid(), host);
    return text ? text : "?";
}
