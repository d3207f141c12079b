/* millrace-collect: syslog and GELF in, log commands out. */
#include "collect_metrics.h"
#include "collect_tcp.h"
#include "collect_udp.h"
#include "command_topics.h"
#include "mr_admin.h"
#include "mr_catalog_folder.h"
#include "mr_config.h"
#include "mr_descriptors.h"
#include "mr_files.h"
#include "mr_malloc.h"
#include "mr_signal.h"
#include "self_report.h"

#include <stdio.h>

#define ADMIN_PORT  9187
#define DESCRIPTORS 4096
#define LINE_TYPE   "logging.line"
#define IN_FLIGHT   1024 /* unless IN_FLIGHT_MAX is given: more of them no longer fit the caches */
#define LOG_AWAY_MS 5000 /* readiness tells of a log that takes nothing for so long */
/* A stop takes less than 10 s: what senders have on its way is waited for, then the log. */
#define QUIET_MS     100
#define QUIET_MS_MAX 4000
#define FLUSH_MS     4000
#define REPORT_MS    1000

enum { SYSLOG, GELF, KINDS };

struct program {
    struct mr_config *config;
    struct mr_log log;
    struct mr_loop loop;
    struct mr_metrics *metrics;
    struct mr_signal signals;
    struct mr_catalog *catalog;
    struct mr_kafka_conf *kafka;
    struct mr_admin *admin;
    struct mr_buf rules;
    struct mr_ingest *ingest;
    struct collect_pipe *pipe;
    struct collect_gelf *gelf;
    struct collect_udp *udp[KINDS];
    struct collect_tcp *tcp[KINDS];
    struct collect_metrics figures;
    struct command_topics *topics;
    struct self_report *report;
    struct mr_timer quiet;
    int64_t stop_ms;
    unsigned closing; /* parts that are not closed yet */
    bool stopping;
    int exit_status;
};

static const struct mr_config_program program = {
    .name = "millrace-collect",
    .usage = "[flags]",
    .summary = "Takes syslog (RFC 5424 and 3164) and GELF, over UDP and TCP, into the log.",
    .reader = MR_READER_COLLECT,
    .admin_port = ADMIN_PORT,
};

/* ---- stopping: listeners, then what was on its way in, then the log, the admin last ---- */

static void on_admin_closed(void *data)
{
    struct program *p = data;
    mr_signal_close(&p->signals);
    mr_loop_stop(&p->loop);
}

static void on_report_closed(void *owner)
{
    struct program *p = owner;
    p->report = NULL;
    MR_LOG(&p->log, INFO, "stopped");
    mr_admin_close(p->admin, on_admin_closed, p);
}

static void on_topics_closed(void *owner)
{
    struct program *p = owner;
    p->topics = NULL;
    self_report_close(p->report, REPORT_MS, on_report_closed, p);
}

static void on_pipe_closed(void *owner)
{
    struct program *p = owner;
    p->pipe = NULL;
    command_topics_close(p->topics, on_topics_closed, p);
}

static void on_part_closed(void *owner)
{
    struct program *p = owner;
    if (--p->closing > 0)
        return;
    collect_gelf_free(p->gelf);
    p->gelf = NULL;
    p->figures.pipe = NULL;
    if (p->pipe)
        collect_pipe_close(p->pipe, FLUSH_MS, on_pipe_closed, p);
    else
        on_pipe_closed(p);
}

static void close_parts(struct program *p)
{
    p->closing = 2 * KINDS;
    for (unsigned kind = 0; kind < KINDS; kind++) {
        struct collect_udp *udp = p->udp[kind];
        struct collect_tcp *tcp = p->tcp[kind];
        p->udp[kind] = NULL;
        p->tcp[kind] = NULL;
        p->figures.udp[kind] = NULL;
        collect_udp_close(udp, on_part_closed, p);
        collect_tcp_close(tcp, on_part_closed, p);
    }
}

/* Bytes that a sender's kernel has sent are read; closing at once would throw them away. */
static void on_quiet(void *data)
{
    struct program *p = data;
    bool is_busy = false;
    for (unsigned kind = 0; kind < KINDS; kind++)
        is_busy |= p->tcp[kind] && collect_tcp_is_busy(p->tcp[kind]);
    if (is_busy && mr_loop_now_ms(&p->loop) - p->stop_ms < QUIET_MS_MAX)
        mr_timer_start(&p->quiet, QUIET_MS);
    else
        close_parts(p);
}

static void stop(void *data)
{
    struct program *p = data;
    if (p->stopping)
        return;
    p->stopping = true;
    p->stop_ms = mr_loop_now_ms(&p->loop);
    MR_LOG(&p->log, INFO, "stopping");
    for (unsigned kind = 0; kind < KINDS; kind++)
        if (p->tcp[kind])
            collect_tcp_stop(p->tcp[kind]);
    mr_timer_start(&p->quiet, QUIET_MS);
}

/* ---- running ---- */

static void on_room(void *owner)
{
    struct program *p = owner;
    for (unsigned kind = 0; kind < KINDS; kind++) {
        if (p->tcp[kind])
            collect_tcp_resume(p->tcp[kind]);
        if (p->udp[kind])
            collect_udp_resume(p->udp[kind]);
    }
}

static void on_topics_checked(void *owner, const char *why)
{
    struct program *p = owner;
    if (!why)
        return;
    MR_LOG(&p->log, ERROR, "cannot go on", mr_f_text("error", why));
    p->exit_status = 3;
    stop(p);
}

static bool ready(struct mr_buf *detail, void *data)
{
    struct program *p = data;
    const char *waits = p->topics ? command_topics_waits(p->topics) : NULL;
    int64_t wait_ms = p->pipe ? command_flow_wait_ms(collect_pipe_flow(p->pipe)) : 0;
    mr_buf_printf(detail, "{\"log\":\"%s\",\"waiting_ms\":%lld,\"topics\":",
                  wait_ms >= LOG_AWAY_MS ? "away" : "ok", (long long)wait_ms);
    mr_buf_json_string(detail, mr_slice_text(waits ? waits : "ok"));
    mr_buf_char(detail, '}');
    return !p->stopping && p->tcp[SYSLOG] && p->tcp[GELF];
}

/* ---- starting ---- */

static enum mr_status read_ingest(struct program *p, const struct mr_catalog_command *command,
                                  struct mr_error *why)
{
    const char *path = mr_config_text(p->config, "INGEST_RULES");
    char name[256];
    struct mr_ingest_settings settings = {
        .ingest = command->ingest, .ingest_name = name, .rules_name = path};
    snprintf(name, sizeof name, "%s#/x-ingest", command->file);
    if (path) {
        enum mr_status s = mr_file_read(path, MR_INGEST_RULES_BYTES_MAX, &p->rules, why);
        if (s != MR_OK)
            return s;
        settings.rules = mr_buf_all(&p->rules);
    }
    return mr_ingest_new(&settings, &p->ingest, why);
}

static enum mr_status open_pipe(struct program *p, struct mr_error *why)
{
    const struct mr_config *c = p->config;
    const char *account = mr_config_text(c, "COLLECT_ACCOUNT");
    struct collect_pipe_settings settings = {
        .loop = &p->loop,
        .log = &p->log,
        .metrics = p->metrics,
        .command = mr_catalog_command_of(p->catalog, mr_slice_text(LINE_TYPE)),
        .in_flight_max = mr_config_is_given(c, "IN_FLIGHT_MAX")
                             ? (uint32_t)mr_config_int(c, "IN_FLIGHT_MAX")
                             : IN_FLIGHT,
        .body_bytes_max = (size_t)mr_config_int(c, "BODY_BYTES_MAX"),
        .on_room = on_room,
        .owner = p,
    };
    const struct command_flow_kafka_settings kafka = {.conf = p->kafka};
    if (!account)
        return mr_fail(why, MR_INVALID,
                       "COLLECT_ACCOUNT is not set: the account that the lines belong to");
    if (!settings.command)
        return mr_fail(why, MR_INVALID, "the schemas have no " LINE_TYPE);
    if (mr_uuid_parse(mr_slice_text(account), &settings.account) != MR_OK)
        return mr_fail(why, MR_INVALID, "COLLECT_ACCOUNT is not a UUID");
    enum mr_status s = read_ingest(p, settings.command, why);
    settings.ingest = p->ingest;
    if (s == MR_OK)
        s = collect_pipe_new(&settings, &p->pipe, why);
    return s == MR_OK ? command_flow_kafka(collect_pipe_flow(p->pipe), &kafka, why) : s;
}

static enum mr_status listen_udp(struct program *p, unsigned kind, enum collect_protocol protocol,
                                 const char *port, struct mr_error *why)
{
    const struct mr_config *c = p->config;
    const struct collect_udp_settings settings = {
        .loop = &p->loop,
        .log = &p->log,
        .metrics = p->metrics,
        .pipe = p->pipe,
        .protocol = protocol,
        .gelf = p->gelf,
        .address = mr_config_text(c, "COLLECT_ADDRESS"),
        .port = (int)mr_config_int(c, port),
        .buffer_bytes = mr_config_int(c, "UDP_BUFFER_BYTES"),
        .message_bytes_max = (size_t)mr_config_int(c, "MESSAGE_BYTES_MAX"),
    };
    return collect_udp_new(&settings, &p->udp[kind], why);
}

static enum mr_status listen_tcp(struct program *p, unsigned kind, enum collect_protocol protocol,
                                 const char *port, struct mr_error *why)
{
    const struct mr_config *c = p->config;
    const struct collect_tcp_settings settings = {
        .loop = &p->loop,
        .log = &p->log,
        .metrics = p->metrics,
        .pipe = p->pipe,
        .protocol = protocol,
        .address = mr_config_text(c, "COLLECT_ADDRESS"),
        .port = (int)mr_config_int(c, port),
        .message_bytes_max = (size_t)mr_config_int(c, "MESSAGE_BYTES_MAX"),
    };
    return collect_tcp_new(&settings, &p->tcp[kind], why);
}

static enum mr_status listen_all(struct program *p, struct mr_error *why)
{
    const struct collect_gelf_settings gelf = {
        .loop = &p->loop,
        .metrics = p->metrics,
        .pipe = p->pipe,
        .chunks_ms = mr_config_int(p->config, "CHUNKS_MS"),
        .message_bytes_max = (size_t)mr_config_int(p->config, "MESSAGE_BYTES_MAX"),
    };
    p->gelf = collect_gelf_new(&gelf);
    enum mr_status s = listen_udp(p, SYSLOG, COLLECT_SYSLOG_UDP, "SYSLOG_PORT", why);
    if (s == MR_OK)
        s = listen_tcp(p, SYSLOG, COLLECT_SYSLOG_TCP, "SYSLOG_PORT", why);
    if (s == MR_OK)
        s = listen_udp(p, GELF, COLLECT_GELF_UDP, "GELF_PORT", why);
    if (s == MR_OK)
        s = listen_tcp(p, GELF, COLLECT_GELF_TCP, "GELF_PORT", why);
    return s;
}

static void start_reports(struct program *p)
{
    const struct mr_config *c = p->config;
    const struct command_topics_settings topics = {
        .loop = &p->loop,
        .log = &p->log,
        .kafka = p->kafka,
        .catalog = p->catalog,
        .domain = mr_catalog_command_of(p->catalog, mr_slice_text(LINE_TYPE))->domain,
        .lanes = (int32_t)mr_config_int_or(c, "LANES", 0),
        .body_bytes_max = mr_config_int(c, "BODY_BYTES_MAX"),
        .on_checked = on_topics_checked,
        .owner = p,
    };
    const struct self_report_settings report = {
        .loop = &p->loop,
        .log = &p->log,
        .catalog = p->catalog,
        .kafka = p->kafka,
        .account = mr_config_text(c, "OPERATOR_ACCOUNT"),
        .program = program.name,
        .interval_ms = mr_config_int(c, "SAMPLES_MS"),
    };
    p->figures = (struct collect_metrics){.metrics = p->metrics,
                                          .ingest = p->ingest,
                                          .pipe = p->pipe,
                                          .udp = {p->udp[SYSLOG], p->udp[GELF]}};
    collect_metrics_start(&p->figures);
    p->topics = command_topics_new(&topics);
    p->report = self_report_new(&report);
}

static enum mr_status start(struct program *p, struct mr_error *why)
{
    const struct mr_config *c = p->config;
    const struct mr_kafka_conf_settings kafka = {
        .brokers = mr_config_text(c, "KAFKA_BROKERS"),
        .properties_file = mr_config_text(c, "KAFKA_PROPERTIES"),
        .client_id = program.name,
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
        s = open_pipe(p, why);
    if (s == MR_OK)
        s = mr_admin_start(&p->loop, &admin, &p->admin, why);
    if (s == MR_OK)
        s = listen_all(p, why);
    if (s == MR_OK)
        start_reports(p);
    return s;
}

int main(int argc, char **argv)
{
    struct program p = {0};
    struct mr_error why;
    (void)argc;
    mr_malloc_keep_blocks(argv);
    p.config = mr_config_of_main(&program, argv, &p.exit_status);
    if (!p.config)
        return p.exit_status;
    if (mr_config_args(p.config) != 0) {
        fprintf(stderr, "millrace-collect: takes flags alone, not \"%s\"\n",
                mr_config_arg(p.config, 0));
        mr_config_free(p.config);
        return 2;
    }
    mr_log_open_config(&p.log, program.name, p.config);
    mr_descriptors_raise(DESCRIPTORS);
    p.metrics = mr_metrics_new();
    mr_metrics_process(p.metrics, program.name);
    mr_loop_init(&p.loop, p.metrics);
    mr_timer_init(&p.quiet, &p.loop, on_quiet, &p);
    mr_signal_start(&p.signals, &p.loop, stop, &p);
    if (start(&p, &why) != MR_OK) {
        MR_LOG(&p.log, ERROR, "cannot start", mr_f_text("error", why.text));
        p.exit_status = 2;
        p.stopping = true;
        close_parts(&p);
    }
    mr_loop_run(&p.loop);
    mr_loop_close(&p.loop);
    mr_ingest_free(p.ingest);
    mr_buf_free(&p.rules);
    mr_kafka_conf_free(p.kafka);
    mr_catalog_free(p.catalog);
    mr_metrics_free(p.metrics);
    mr_config_free(p.config);
    return p.exit_status;
}
