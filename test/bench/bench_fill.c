/* millrace-fill: fills billing.commands, through the same builder and producer as the edge's. */
#include "bench_fill.h"
#include "mr_catalog_folder.h"
#include "mr_clock.h"
#include "mr_config.h"
#include "mr_kafka_conf.h"
#include "mr_loop.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define STOPPED      3 /* exit status */
#define QUEUE_MAX    20000
#define TIMEOUT_MS   30000
#define LINGER_US    5000
#define CLOSE_MS     1000
#define WAVES_MAX    1000000
#define ACCOUNTS_MAX 1000000

struct fill {
    struct mr_loop loop;
    struct mr_kafka_producer *producer;
    struct mr_deferred again;
    struct fill_commands commands;
    uint64_t sent, stored;
    bool all_sent, closing;
    int exit_status;
};

static void on_closed(void *owner)
{
    struct fill *f = owner;
    mr_loop_stop(&f->loop);
}

static void end(struct fill *f)
{
    if (!f->closing)
        mr_kafka_producer_close(f->producer, CLOSE_MS, on_closed, f);
    f->closing = true;
}

static void fail(struct fill *f, const char *why)
{
    if (!f->closing)
        fprintf(stderr, "millrace-fill: %s\n", why);
    f->exit_status = STOPPED;
    end(f);
}

static void send_more(void *data)
{
    struct fill *f = data;
    struct mr_kafka_message message;
    struct mr_error why;
    while (!f->all_sent && !f->closing && f->sent - f->stored < QUEUE_MAX) {
        enum mr_status s = fill_commands_build(&f->commands, &message, &why);
        if (s == MR_OK)
            s = mr_kafka_producer_send(f->producer, &message, &why);
        if (s != MR_OK) {
            fail(f, why.text);
            return;
        }
        f->sent++;
        f->all_sent = !fill_commands_next(&f->commands);
    }
}

static void on_report(void *owner, const struct mr_kafka_report *report)
{
    struct fill *f = owner;
    if (report->outcome != MR_KAFKA_STORED) {
        fail(f, report->error);
        return;
    }
    f->stored++;
    if (f->all_sent && f->stored == f->sent)
        end(f);
    else if (f->sent - f->stored < QUEUE_MAX / 2)
        mr_deferred_start(&f->again);
}

static enum mr_status run(struct fill *f, const struct mr_config *config, struct mr_error *why)
{
    struct mr_catalog *catalog = NULL;
    struct mr_kafka_conf *conf = NULL;
    struct mr_kafka_conf_settings settings = {
        .brokers = mr_config_text(config, "KAFKA_BROKERS"),
        .properties_file = mr_config_text(config, "KAFKA_PROPERTIES"),
        .client_id = "millrace-fill",
    };
    struct mr_kafka_producer_settings producer = {
        .linger_us = LINGER_US,
        .message_timeout_ms = TIMEOUT_MS,
        .on_report = on_report,
        .owner = f,
    };
    f->commands.account_count = (uint32_t)mr_config_int(config, "ACCOUNTS");
    f->commands.waves = (uint32_t)mr_config_int(config, "WAVES");
    enum mr_status s = mr_catalog_folder_read(mr_config_text(config, "SCHEMAS"), &catalog, why);
    if (s != MR_OK)
        goto out;
    s = fill_commands_init(&f->commands, catalog, (uint64_t)mr_config_int(config, "SEED"), why);
    if (s != MR_OK || (s = mr_kafka_conf_new(&settings, &conf, why)) != MR_OK)
        goto out;
    producer.conf = conf;
    s = mr_kafka_producer_new(&f->loop.uv, &producer, &f->producer, why);
    if (s != MR_OK)
        goto out;
    mr_deferred_init(&f->again, &f->loop, send_more, f);
    send_more(f);
    mr_loop_run(&f->loop);
    mr_deferred_stop(&f->again);
out:
    mr_kafka_conf_free(conf);
    fill_commands_free(&f->commands);
    mr_catalog_free(catalog);
    return s;
}

int main(int argc, char **argv)
{
    static const struct mr_setting own[] = {
        {"ACCOUNTS", "300", "accounts that the commands are of", .kind = MR_CONFIG_INTEGER,
         .min = 1, .max = ACCOUNTS_MAX},
        {"WAVES", "100", "invoices of each account; three commands an invoice",
         .kind = MR_CONFIG_INTEGER, .min = 1, .max = WAVES_MAX},
        {"SEED", "1", "the same accounts for the same number", .kind = MR_CONFIG_INTEGER, .min = 0,
         .max = INT32_MAX},
    };
    static const struct mr_config_program about = {
        .name = "millrace-fill",
        .usage = "[flags]",
        .summary = "Fills billing.commands with commands that can all be applied.",
        .reader = MR_READER_CTL,
        .own = own,
        .own_count = sizeof own / sizeof *own,
    };
    static struct fill fill; /* zeroed */
    struct mr_error why;
    int exit_status = 0;
    (void)argc;
    struct mr_config *config = mr_config_of_main(&about, argv, &exit_status);
    if (!config)
        return exit_status;
    if (sodium_init() < 0)
        abort();
    mr_loop_init(&fill.loop, NULL);
    int64_t began_ms = mr_clock_mono_ms();
    if (run(&fill, config, &why) != MR_OK) {
        fprintf(stderr, "millrace-fill: %s\n", why.text);
        fill.exit_status = STOPPED;
    }
    mr_loop_close(&fill.loop);
    if (fill.exit_status == 0)
        printf("%llu commands in %lld ms\n", (unsigned long long)fill.stored,
               (long long)(mr_clock_mono_ms() - began_ms));
    mr_config_free(config);
    return fill.exit_status;
}
