/* millrace-edge: takes commands over HTTP into the log, and serves receipts and reads. */
#include "edge_auth.h"
#include "edge_ingest.h"
#include "edge_metrics.h"
#include "edge_program.h"
#include "edge_read.h"
#include "edge_wait.h"
#include "mr_random.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define ADMIN_PORT  9180
#define BAD_SETTING 2 /* exit statuses */
#define STOPPED     3

static void run(struct edge_program *p)
{
    struct mr_error why;
    mr_log_open_config(&p->log, "millrace-edge", p->config);
    p->metrics = mr_metrics_new();
    mr_metrics_process(p->metrics, "millrace-edge");
    mr_loop_init(&p->loop, p->metrics);
    edge_program_init_end(p);
    mr_signal_start(&p->signal, &p->loop, edge_program_drain, p);
    p->edge = (struct edge){
        .loop = &p->loop,
        .log = &p->log,
        .metrics = p->metrics,
        .body_bytes_max = (uint64_t)mr_config_int(p->config, "BODY_BYTES_MAX"),
        .bulk_bytes_max = (uint64_t)mr_config_int(p->config, "BULK_BYTES_MAX"),
        .decoded_bytes_max = (uint64_t)mr_config_int(p->config, "DECODED_BYTES_MAX"),
        .waits_end_ms = INT64_MAX,
        .delivery = "none yet",
    };
    mr_prng_seed(&p->edge.prng, mr_random_u64());
    enum mr_status s = edge_program_open(p, &why);
    if (s != MR_OK) {
        MR_LOG(&p->log, ERROR, "the edge cannot start", mr_f_text("error", why.text));
        p->exit_status = s == MR_INVALID ? BAD_SETTING : STOPPED;
        edge_program_end(p);
    }
    mr_loop_run(&p->loop);
    mr_loop_close(&p->loop);
    MR_LOG(&p->log, INFO, "ended", mr_f_int("exit_status", p->exit_status));
}

static void release(struct edge_program *p)
{
    edge_wait_free(p->edge.wait);
    edge_auth_free(p->edge.auth);
    edge_reads_free(p->edge.reads);
    edge_ingest_free(p->edge.ingest);
    edge_metrics_free(p->edge.stats);
    mr_kafka_conf_free(p->kafka);
    mr_catalog_free(p->catalog);
    mr_metrics_free(p->metrics);
}

int main(int argc, char **argv)
{
    static const struct mr_config_program about = {
        .name = "millrace-edge",
        .usage = "[flags]",
        .summary = "Takes commands over HTTP into the log, and serves receipts and reads.",
        .reader = MR_READER_EDGE,
        .admin_port = ADMIN_PORT,
    };
    static struct edge_program program; /* zeroed */
    int exit_status = 0;
    (void)argc;
    struct mr_config *config = mr_config_of_main(&about, argv, &exit_status);
    if (!config)
        return exit_status;
    if (mr_config_args(config) > 0) {
        fprintf(stderr, "millrace-edge: takes no argument %s; --help lists its flags\n",
                mr_config_arg(config, 0));
        mr_config_free(config);
        return 2;
    }
    if (sodium_init() < 0)
        abort();
    program.config = config;
    run(&program);
    release(&program);
    mr_config_free(config);
    return program.exit_status;
}
