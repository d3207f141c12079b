/* millrace-produce: files of commands and log lines into the log. */
#include "mr_catalog_folder.h"
#include "mr_config.h"
#include "mr_files.h"
#include "mr_ingest.h"
#include "mr_signal.h"
#include "produce.h"
#include "produce_file.h"
#include "produce_progress.h"
#include "produce_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define BAR_MS        200
#define LINE_MS       5000
#define STATE_MS      1000
#define STOP_MS       6000 /* a stop waits so long for the log */
#define WIDTH         100
#define ITEM_OVERHEAD 1024 /* what stands around the data of an item */

/* Exit statuses. */
enum { ALL_TAKEN = 0, SOME_REJECTED = 1, WRONG_USAGE = 2, NOT_FINISHED = 3 };

struct program {
    struct mr_config *config;
    struct mr_log log;
    struct mr_loop loop;
    struct mr_signal signals;
    struct mr_catalog *catalog;
    struct mr_kafka_conf *kafka;
    struct mr_buf rules;
    struct produce_items *items;
    struct produce_state *state;
    struct produce *produce;
    const char **paths;
    size_t path_count;
    bool has_bar;
    int64_t began_ms;
    struct mr_timer progress, save;
    /* the state is written by the pool, one write at a time */
    struct mr_job job;
    char *snapshot;
    enum mr_status saved;
    struct mr_error save_why;
    struct mr_log_limit save_limit;
    bool saving, ended;
    int exit_status;
};

static const struct mr_config_program program = {
    .name = "millrace-produce",
    .usage = "[flags] [FILE]...",
    .summary =
        "Puts commands from files (or standard input, \"-\") into the log.\n\n"
        "Items are NDJSON: {\"type\", \"subject\"?, \"account\"?, \"idempotency_key\"?, \"data\"}, "
        "or bare bodies with --type=TYPE;\n"
        "or lines of an access log with --format=combined. Each is checked as the edge would.\n"
        "Exit status: 0 everything is stored, 1 items were rejected, 2 wrong usage or settings, 3 "
        "stopped before the end.",
    .reader = MR_READER_PRODUCE,
};

/* ---- the state file ---- */

static void end_if_saved(struct program *p);

/* On a thread of the pool. */
static void write_state(void *data)
{
    struct program *p = data;
    p->saved = produce_state_write(p->state, p->snapshot, &p->save_why);
}

static void on_state_written(void *data)
{
    struct program *p = data;
    p->saving = false;
    free(p->snapshot);
    p->snapshot = NULL;
    if (p->saved != MR_OK)
        MR_LOG_LIMITED(&p->log, &p->save_limit, ERROR, "the state is not kept",
                       mr_f_text("error", p->save_why.text));
    end_if_saved(p);
}

static void save(struct program *p)
{
    if (p->saving)
        return;
    if (p->produce)
        produce_note(p->produce);
    if (!produce_state_is_dirty(p->state))
        return;
    p->snapshot = produce_state_snapshot(p->state);
    p->saving = true;
    mr_job_start(&p->job, &p->loop, write_state, on_state_written, p);
}

static void on_save(void *data)
{
    struct program *p = data;
    save(p);
    mr_timer_start(&p->save, STATE_MS);
}

/* ---- progress ---- */

static struct produce_progress progress_of(const struct program *p)
{
    return (struct produce_progress){.counts = produce_counts(p->produce),
                                     .elapsed_ms = mr_loop_now_ms(&p->loop) - p->began_ms};
}

static void draw_bar(struct program *p, const char *after)
{
    struct winsize size;
    unsigned width = WIDTH;
    struct mr_buf line;
    struct produce_progress progress = progress_of(p);
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 && size.ws_col < width)
        width = size.ws_col - 1u;
    if (produce_flow(p->produce))
        progress.wait_ms = command_flow_wait_ms(produce_flow(p->produce));
    mr_buf_init(&line, 0);
    mr_buf_char(&line, '\r');
    produce_progress_bar(&progress, width, &line);
    fprintf(stderr, "%.*s\x1b[K%s", MR_SLICE_FMT(mr_buf_all(&line)), after);
    mr_buf_free(&line);
}

static void log_progress(struct program *p)
{
    struct produce_progress progress = progress_of(p);
    int64_t wait_ms = command_flow_wait_ms(produce_flow(p->produce));
    const struct produce_counts *c = &progress.counts;
    MR_LOG(&p->log, INFO, "progress", mr_f_int("read", (int64_t)c->read),
           mr_f_int("stored", (int64_t)c->stored), mr_f_int("rejected", (int64_t)c->rejected),
           mr_f_int("bytes", (int64_t)c->bytes_taken), mr_f_int("of_bytes", (int64_t)c->bytes_size),
           mr_f_int("waiting_ms", wait_ms));
}

static void on_progress(void *data)
{
    struct program *p = data;
    if (!produce_flow(p->produce))
        return;
    if (p->has_bar)
        draw_bar(p, "");
    else
        log_progress(p);
    mr_timer_start(&p->progress, p->has_bar ? BAR_MS : LINE_MS);
}

/* ---- the end ---- */

static void stop(void *data)
{
    struct program *p = data;
    if (!p->produce || p->ended)
        return;
    MR_LOG(&p->log, INFO, "stopping");
    produce_stop(p->produce, STOP_MS);
}

static void tell_end(struct program *p)
{
    struct mr_buf summary;
    struct produce_counts counts = produce_counts(p->produce);
    mr_buf_init(&summary, 0);
    if (p->has_bar)
        draw_bar(p, "\n");
    produce_progress_summary(&counts, &summary);
    printf("%.*s", MR_SLICE_FMT(mr_buf_all(&summary)));
    fflush(stdout);
    mr_buf_free(&summary);
    if (produce_end(p->produce) != PRODUCE_COMPLETE)
        p->exit_status = NOT_FINISHED;
    else
        p->exit_status = counts.rejected > 0 ? SOME_REJECTED : ALL_TAKEN;
}

static void end_if_saved(struct program *p)
{
    if (!p->ended || p->saving)
        return;
    save(p); /* what was settled while the last one was written */
    if (p->saving)
        return;
    if (p->saved != MR_OK && p->exit_status == ALL_TAKEN)
        p->exit_status = NOT_FINISHED;
    mr_signal_close(&p->signals);
    mr_loop_stop(&p->loop);
}

static void on_ended(void *owner)
{
    struct program *p = owner;
    mr_timer_stop(&p->progress);
    mr_timer_stop(&p->save);
    tell_end(p);
    p->ended = true;
    end_if_saved(p);
}

/* ---- starting ---- */

/* What cannot go well is told before anything is sent. */
static enum mr_status check_path(struct program *p, const char *path, struct mr_error *why)
{
    struct produce_file file;
    struct stat st;
    bool is_named =
        mr_config_text(p->config, "IDEMPOTENCY_KEY") || mr_config_int(p->config, "FOLLOW");
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return MR_OK; /* opening a pipe and closing it again would end its writer */
    enum mr_status s = produce_file_open(path, &file, why);
    if (s != MR_OK)
        return s;
    if (!is_named && file.is_regular && file.size > 0 && file.size < PRODUCE_KEY_BYTES)
        s = mr_fail(why, MR_INVALID,
                    "%s has %llu bytes; a source of less than %d needs a name by "
                    "--idempotency-key, so that it can be repeated without doubles",
                    path, (unsigned long long)file.size, PRODUCE_KEY_BYTES);
    produce_file_close(&file);
    return s;
}

static enum mr_status check_paths(struct program *p, struct mr_error *why)
{
    enum mr_status s = MR_OK;
    for (size_t i = 0; s == MR_OK && i < p->path_count; i++)
        s = check_path(p, p->paths[i], why);
    return s;
}

static enum mr_status read_usage(struct program *p, struct mr_error *why)
{
    const struct mr_config *c = p->config;
    const char *key = mr_config_text(c, "IDEMPOTENCY_KEY");
    p->path_count = mr_config_args(c) > 0 ? mr_config_args(c) : 1;
    p->paths = calloc(p->path_count, sizeof *p->paths);
    if (!p->paths)
        abort();
    p->paths[0] = "-";
    for (size_t i = 0; i < mr_config_args(c); i++)
        p->paths[i] = mr_config_arg(c, i);
    if (key && p->path_count > 1)
        return mr_fail(why, MR_INVALID,
                       "--idempotency-key names one source: give one file, or leave the key out");
    if (key && (!*key || (mr_config_int(c, "FOLLOW") && strlen(key) > 190)))
        return mr_fail(why, MR_INVALID,
                       "--idempotency-key has 1 to 255 bytes, with --follow 190 at most");
    return MR_OK;
}

static enum mr_status open_items(struct program *p, enum produce_format format,
                                 struct mr_error *why)
{
    const struct mr_config *c = p->config;
    const char *rules = mr_config_text(c, "INGEST_RULES");
    struct produce_items_settings settings = {
        .catalog = p->catalog,
        .format = format,
        .type = mr_config_text(c, "TYPE"),
        .account = mr_config_text(c, "ACCOUNT"),
        .service = mr_config_text(c, "SERVICE"),
        .rules_name = rules,
        .body_bytes_max = (size_t)mr_config_int(c, "BODY_BYTES_MAX"),
    };
    if (rules) {
        enum mr_status s = mr_file_read(rules, MR_INGEST_RULES_BYTES_MAX, &p->rules, why);
        if (s != MR_OK)
            return s;
        settings.rules = mr_buf_all(&p->rules);
    }
    return produce_items_new(&settings, &p->items, why);
}

static enum mr_status open_produce(struct program *p, enum produce_format format,
                                   struct mr_error *why)
{
    const struct mr_config *c = p->config;
    const struct produce_settings settings = {
        .loop = &p->loop,
        .log = &p->log,
        .catalog = p->catalog,
        .items = p->items,
        .state = p->state,
        .paths = p->paths,
        .path_count = p->path_count,
        .format = format,
        .idempotency_key = mr_config_text(c, "IDEMPOTENCY_KEY"),
        .follow = mr_config_int(c, "FOLLOW"),
        .item_bytes_max = (size_t)mr_config_int(c, "BODY_BYTES_MAX") + ITEM_OVERHEAD,
        .in_flight_max = (uint32_t)mr_config_int(c, "IN_FLIGHT_MAX"),
        .lanes = (int32_t)mr_config_int_or(c, "LANES", 0),
        .body_bytes_max = mr_config_int(c, "BODY_BYTES_MAX"),
        .on_ended = on_ended,
        .owner = p,
    };
    const struct command_flow_kafka_settings kafka = {.conf = p->kafka};
    p->produce = produce_new(&settings);
    enum mr_status s = command_flow_kafka(produce_flow(p->produce), &kafka, why);
    if (s == MR_OK)
        produce_start(p->produce, p->kafka);
    return s;
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
    enum produce_format format =
        strcmp(mr_config_text(c, "FORMAT"), "combined") == 0 ? PRODUCE_COMBINED : PRODUCE_NDJSON;
    enum mr_status s = read_usage(p, why);
    if (s == MR_OK)
        s = mr_catalog_folder_read(mr_config_text(c, "SCHEMAS"), &p->catalog, why);
    if (s == MR_OK)
        s = open_items(p, format, why);
    if (s == MR_OK)
        s = produce_state_open(mr_config_text(c, "STATE_FILE"), &p->state, why);
    if (s == MR_OK)
        s = mr_kafka_conf_new(&kafka, &p->kafka, why);
    if (s == MR_OK)
        s = check_paths(p, why);
    return s == MR_OK ? open_produce(p, format, why) : s;
}

static void free_all(struct program *p)
{
    produce_free(p->produce);
    produce_state_free(p->state);
    produce_items_free(p->items);
    mr_buf_free(&p->rules);
    mr_kafka_conf_free(p->kafka);
    mr_catalog_free(p->catalog);
    free(p->paths);
    mr_config_free(p->config);
}

int main(int argc, char **argv)
{
    struct program p = {0};
    struct mr_error why;
    (void)argc;
    p.config = mr_config_of_main(&program, argv, &p.exit_status);
    if (!p.config)
        return p.exit_status;
    mr_log_open_config(&p.log, program.name, p.config);
    mr_loop_init(&p.loop, NULL);
    mr_signal_start(&p.signals, &p.loop, stop, &p);
    mr_timer_init(&p.progress, &p.loop, on_progress, &p);
    mr_timer_init(&p.save, &p.loop, on_save, &p);
    p.has_bar = isatty(STDERR_FILENO) == 1;
    p.began_ms = mr_loop_now_ms(&p.loop);
    if (start(&p, &why) == MR_OK) {
        mr_timer_start(&p.progress, p.has_bar ? BAR_MS : LINE_MS);
        mr_timer_start(&p.save, STATE_MS);
        mr_loop_run(&p.loop);
    } else {
        fprintf(stderr, "millrace-produce: %s\n", why.text);
        p.exit_status = WRONG_USAGE;
        mr_signal_close(&p.signals);
    }
    mr_loop_close(&p.loop);
    free_all(&p);
    return p.exit_status;
}
