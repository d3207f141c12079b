/* millrace-loader: events in, warehouse rows out. */
#include "loader.h"
#include "loader_migrations.h"
#include "millrace_migrations.h"
#include "mr_admin.h"
#include "mr_catalog_folder.h"
#include "mr_config.h"
#include "mr_signal.h"
#include "self_report.h"
#include <stdio.h>

#define REPORT_CLOSE_MS     1000
#define ADMIN_PORT          9186
#define LEDGER_LOCK_WAIT_MS 1000

struct program {
    struct mr_config *config;
    struct mr_log log;
    struct mr_loop loop;
    struct mr_metrics *metrics;
    struct mr_signal signals;
    struct mr_catalog *catalog;
    struct mr_kafka_conf *kafka;
    struct mr_admin *admin;
    struct loader *loader;
    struct self_report *report;
    bool stopping;
    int exit_status;
};

static const struct mr_config_program program = {
    .name = "millrace-loader",
    .usage = "[flags]",
    .summary = "Loads every domain's events into the warehouse, each exactly once.",
    .reader = MR_READER_LOADER,
    .admin_port = ADMIN_PORT,
};

static void on_admin_closed(void *data)
{
    struct program *p = data;
    mr_signal_close(&p->signals);
    mr_loop_stop(&p->loop);
}

static void on_report_closed(void *owner)
{
    struct program *p = owner;
    mr_admin_close(p->admin, on_admin_closed, p);
}

static void on_stopped(void *owner)
{
    struct program *p = owner;
    struct self_report *report = p->report;
    p->loader = NULL;
    p->report = NULL;
    MR_LOG(&p->log, INFO, "stopped");
    self_report_close(report, REPORT_CLOSE_MS, on_report_closed, p);
}

static void on_lanes(void *owner, int32_t lanes)
{
    struct program *p = owner;
    self_report_lanes(p->report, lanes);
}

static void stop(void *data)
{
    struct program *p = data;
    if (p->stopping)
        return;
    p->stopping = true;
    MR_LOG(&p->log, INFO, "stopping");
    loader_stop(p->loader, on_stopped, p);
}

static void on_fatal(void *owner, const char *why)
{
    struct program *p = owner;
    MR_LOG(&p->log, ERROR, "cannot go on", mr_f_text("error", why));
    p->exit_status = 3;
    stop(p);
}

static bool ready(struct mr_buf *detail, void *data)
{
    struct program *p = data;
    return p->loader && loader_is_ready(p->loader, detail);
}

static enum mr_status start_loader(struct program *p, struct mr_error *why)
{
    const struct mr_config *c = p->config;
    const struct loader_settings settings = {
        .loop = &p->loop,
        .log = &p->log,
        .metrics = p->metrics,
        .catalog = p->catalog,
        .kafka = p->kafka,
        .pg_migrations = &millrace_migrations,
        .warehouse_migrations = &loader_migrations,
        .pg = mr_config_text(c, "PG"),
        .warehouse = mr_config_text(c, "WAREHOUSE"),
        .group_instance_id = mr_config_text(c, "GROUP_INSTANCE_ID"),
        .session_timeout_ms = mr_config_int(c, "SESSION_TIMEOUT_MS"),
        .ledger_lock_wait_ms = LEDGER_LOCK_WAIT_MS,
        .flush_rows = mr_config_int(c, "FLUSH_ROWS"),
        .flush_bytes = mr_config_int(c, "FLUSH_BYTES"),
        .flush_ms = mr_config_int(c, "FLUSH_MS"),
        .on_fatal = on_fatal,
        .on_lanes = on_lanes,
        .owner = p,
    };
    enum mr_status s = loader_new(&settings, &p->loader, why);
    if (s == MR_OK)
        p->report = self_report_new(&(struct self_report_settings){
            .loop = &p->loop,
            .log = &p->log,
            .catalog = p->catalog,
            .kafka = p->kafka,
            .account = mr_config_text(c, "OPERATOR_ACCOUNT"),
            .program = program.name,
            .interval_ms = mr_config_int(c, "SAMPLES_MS"),
        });
    return s;
}

static enum mr_status start(struct program *p, struct mr_error *why)
{
    const struct mr_config *c = p->config;
    const struct mr_kafka_conf_settings kafka = {
        .brokers = mr_config_text(c, "KAFKA_BROKERS"),
        .properties_file = mr_config_text(c, "KAFKA_PROPERTIES"),
        .client_id = "millrace-loader",
        .on_log = mr_kafka_log_warnings,
        .owner = &p->log,
    };
    const struct mr_admin_options admin = {
        .address = mr_config_text(c, "ADMIN_ADDRESS"),
        .port = (int)mr_config_int(c, "ADMIN_PORT"),
        .log = &p->log,
        .metrics = p->metrics,
        .ready = ready,
        .data = p,
    };
    enum mr_status s = mr_catalog_folder_read(mr_config_text(c, "SCHEMAS"), &p->catalog, why);
    if (s == MR_OK)
        s = mr_kafka_conf_new(&kafka, &p->kafka, why);
    if (s == MR_OK)
        s = mr_admin_start(&p->loop, &admin, &p->admin, why);
    if (s == MR_OK)
        s = start_loader(p, why);
    return s;
}

int main(int argc, char **argv)
{
    struct program p = {0};
    struct mr_error why;
    (void)argc;
    p.config = mr_config_of_main(&program, argv, &p.exit_status);
    if (!p.config)
        return p.exit_status;
    if (mr_config_args(p.config) != 0) {
        fprintf(stderr, "millrace-loader: takes flags alone, not \"%s\"\n",
                mr_config_arg(p.config, 0));
        mr_config_free(p.config);
        return 2;
    }
    mr_log_open_config(&p.log, program.name, p.config);
    p.metrics = mr_metrics_new();
    mr_metrics_process(p.metrics, program.name);
    mr_loop_init(&p.loop, p.metrics);
    mr_signal_start(&p.signals, &p.loop, stop, &p);
    if (start(&p, &why) != MR_OK) {
        MR_LOG(&p.log, ERROR, "cannot start", mr_f_text("error", why.text));
        p.exit_status = 2;
        mr_admin_close(p.admin, on_admin_closed, &p);
    }
    mr_loop_run(&p.loop);
    mr_loop_close(&p.loop);
    mr_kafka_conf_free(p.kafka);
    mr_catalog_free(p.catalog);
    mr_metrics_free(p.metrics);
    mr_config_free(p.config);
    return p.exit_status;
}
