/* millrace-worker DOMAIN: one member of a domain's pool. */
#include "millrace_migrations.h"
#include "mr_admin.h"
#include "mr_catalog_folder.h"
#include "mr_config.h"
#include "mr_signal.h"
#include "runtime.h"
#include "self_report.h"
#include "worker_domains.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME            "millrace-worker"
#define REPORT_CLOSE_MS 1000

struct worker {
    const struct worker_domain *domain;
    const struct mr_pg_migrations *migrations[2];
    struct mr_config_program program;
    struct mr_buf summary, names; /* of the domains, for who asks for help or names none */
    struct mr_config *config;
    struct mr_log log;
    struct mr_loop loop;
    struct mr_metrics *metrics;
    struct mr_signal signals;
    struct mr_catalog *catalog;
    struct mr_kafka_conf *kafka;
    struct mr_admin *admin;
    struct runtime *runtime;
    struct self_report *report;
    bool stopping;
    int exit_status;
};

static const struct worker_domain *domain_of(const char *name)
{
    for (size_t i = 0; name && i < worker_domain_count; i++)
        if (strcmp(worker_domains[i].store->domain->name, name) == 0)
            return &worker_domains[i];
    return NULL;
}

/* Sets the settings and the domain; false when the program is to end with its exit status. */
static bool read_settings(struct worker *w, char **argv)
{
    mr_buf_text(&w->names, worker_domains[0].store->domain->name);
    for (size_t i = 1; i < worker_domain_count; i++)
        mr_buf_printf(&w->names, ", %s", worker_domains[i].store->domain->name);
    mr_buf_printf(&w->summary,
                  "Decides a domain's commands and keeps their effects in Postgres. DOMAIN is one "
                  "of:\n%.*s",
                  MR_SLICE_FMT(mr_buf_all(&w->names)));
    mr_buf_char(&w->summary, 0);
    w->program = (struct mr_config_program){
        .name = NAME,
        .usage = "DOMAIN [flags]",
        .summary = w->summary.data,
        .reader = MR_READER_WORKER,
    };
    w->config = mr_config_of_main(&w->program, argv, &w->exit_status);
    if (!w->config)
        return false;
    w->domain = domain_of(mr_config_arg(w->config, 0));
    if (w->domain && mr_config_args(w->config) == 1)
        return true;
    fprintf(stderr, NAME ": name one domain of %.*s\n", MR_SLICE_FMT(mr_buf_all(&w->names)));
    w->exit_status = 2;
    return false;
}

static void on_kafka_log(void *owner, int level, const char *facility, const char *text)
{
    struct worker *w = owner;
    if (level <= 4) /* syslog's warning */
        MR_LOG(&w->log, WARN, "librdkafka", mr_f_text("facility", facility),
               mr_f_text("text", text));
    else
        MR_LOG(&w->log, DEBUG, "librdkafka", mr_f_text("facility", facility),
               mr_f_text("text", text));
}

static void on_admin_closed(void *data)
{
    struct worker *w = data;
    mr_signal_close(&w->signals);
    mr_loop_stop(&w->loop);
}

static void on_report_closed(void *owner)
{
    struct worker *w = owner;
    mr_admin_close(w->admin, on_admin_closed, w);
}

static void on_stopped(void *owner)
{
    struct worker *w = owner;
    struct self_report *report = w->report;
    w->runtime = NULL;
    w->report = NULL;
    MR_LOG(&w->log, INFO, "stopped");
    self_report_close(report, REPORT_CLOSE_MS, on_report_closed, w);
}

static void on_lanes(void *owner, int32_t lanes)
{
    struct worker *w = owner;
    self_report_lanes(w->report, lanes);
}

static void stop(void *data)
{
    struct worker *w = data;
    if (w->stopping)
        return;
    w->stopping = true;
    MR_LOG(&w->log, INFO, "stopping");
    runtime_stop(w->runtime, on_stopped, w);
}

static void on_fatal(void *owner, const char *why)
{
    struct worker *w = owner;
    MR_LOG(&w->log, ERROR, "cannot go on", mr_f_text("error", why));
    w->exit_status = 3;
    stop(w);
}

static bool ready(struct mr_buf *detail, void *data)
{
    struct worker *w = data;
    if (w->runtime)
        return runtime_is_ready(w->runtime, detail);
    return false;
}

static enum mr_status start(struct worker *w, struct mr_error *why)
{
    const struct mr_config *c = w->config;
    w->migrations[0] = &millrace_migrations;
    w->migrations[1] = w->domain->migrations;
    struct mr_kafka_conf_settings kafka = {
        .brokers = mr_config_text(c, "KAFKA_BROKERS"),
        .properties_file = mr_config_text(c, "KAFKA_PROPERTIES"),
        .client_id = NAME,
        .on_log = on_kafka_log,
        .owner = w,
    };
    struct mr_admin_options admin = {
        .address = mr_config_text(c, "ADMIN_ADDRESS"),
        .port = (int)mr_config_int_or(c, "ADMIN_PORT", w->domain->admin_port),
        .log = &w->log,
        .metrics = w->metrics,
        .ready = ready,
        .data = w,
    };
    const struct domain_store_pruned *pruned = w->domain->store->pruned;
    struct runtime_settings runtime = {
        .loop = &w->loop,
        .log = &w->log,
        .metrics = w->metrics,
        .domain = w->domain->store,
        .migrations = w->migrations,
        .migration_count = 2,
        .conninfo = mr_config_text(c, "PG"),
        .group_instance_id = mr_config_text(c, "GROUP_INSTANCE_ID"),
        .session_timeout_ms = mr_config_int(c, "SESSION_TIMEOUT_MS"),
        .lane_lock_wait_ms = mr_config_int(c, "LANE_LOCK_WAIT_MS"),
        .retention_days = pruned ? mr_config_int(c, pruned->setting) : 0,
        .batch_commands_max = mr_config_int(c, "BATCH_COMMANDS_MAX"),
        .batch_bytes_max = mr_config_int(c, "BATCH_BYTES_MAX"),
        .event_bytes_max = mr_config_int(c, "EVENT_BYTES_MAX"),
        .on_fatal = on_fatal,
        .on_lanes = on_lanes,
        .owner = w,
    };
    enum mr_status s = mr_catalog_folder_read(mr_config_text(c, "SCHEMAS"), &w->catalog, why);
    if (s == MR_OK)
        s = mr_kafka_conf_new(&kafka, &w->kafka, why);
    if (s == MR_OK)
        s = mr_admin_start(&w->loop, &admin, &w->admin, why);
    runtime.catalog = w->catalog;
    runtime.kafka = w->kafka;
    if (s == MR_OK)
        s = runtime_new(&runtime, &w->runtime, why);
    if (s == MR_OK)
        w->report = self_report_new(&(struct self_report_settings){
            .loop = &w->loop,
            .log = &w->log,
            .catalog = w->catalog,
            .kafka = w->kafka,
            .account = mr_config_text(c, "OPERATOR_ACCOUNT"),
            .program = NAME,
            .interval_ms = mr_config_int(c, "SAMPLES_MS"),
        });
    return s;
}

static void run(struct worker *w)
{
    struct mr_error why;
    mr_log_open_config(&w->log, NAME, w->config);
    w->metrics = mr_metrics_new();
    mr_loop_init(&w->loop, w->metrics);
    mr_signal_start(&w->signals, &w->loop, stop, w);
    if (start(w, &why) != MR_OK) {
        MR_LOG(&w->log, ERROR, "cannot start", mr_f_text("error", why.text));
        w->exit_status = 2;
        mr_admin_close(w->admin, on_admin_closed, w);
    }
    mr_loop_run(&w->loop);
    mr_loop_close(&w->loop);
    mr_kafka_conf_free(w->kafka);
    mr_catalog_free(w->catalog);
    mr_metrics_free(w->metrics);
}

int main(int argc, char **argv)
{
    struct worker w = {0};
    (void)argc;
    if (read_settings(&w, argv))
        run(&w);
    mr_config_free(w.config);
    mr_buf_free(&w.summary);
    mr_buf_free(&w.names);
    return w.exit_status;
}
