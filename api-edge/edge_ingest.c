#include "edge_ingest.h"

#include "mr_clock.h"
#include "mr_random.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define SPARE_MAX      8            /* readers that are kept while nobody needs them */
#define KEPT_BYTES_MAX (256 * 1024) /* of a spare reader's buffer */

/* Of one command that takes batches or wire formats. */
struct counted {
    struct mr_counter *accepted, *rejected, *sampled;
    struct mr_ingest *rules;
    struct mr_counter **by_rule; /* in the order of mr_ingest_counter */
};

struct edge_ingest {
    const struct mr_catalog *catalog;
    struct counted *commands; /* by the catalogue's index */
    size_t item_bytes_max;
    uint64_t held_bytes, held_bytes_max;
    struct edge_reader *spare;
    size_t spare_count;
};

/* ---- counters ---- */

static struct mr_counter *items(struct mr_metrics *metrics, const char *type, const char *outcome)
{
    return mr_metrics_counter(metrics, "millrace_edge_items_total",
                              "Items of batches and records of wire formats by what became of "
                              "them: sampled ones were left out by a rule",
                              MR_LABELS({"type", type}, {"outcome", outcome}));
}

static void add_rules(struct edge_ingest *ingest, struct mr_metrics *metrics,
                      const struct mr_catalog_command *command)
{
    struct counted *c = &ingest->commands[command->index];
    struct mr_ingest_counter rule;
    size_t count = 0;
    while (mr_ingest_counter(c->rules, count, &rule))
        count++;
    c->by_rule = calloc(count + 1, sizeof(struct mr_counter *));
    if (!c->by_rule)
        abort();
    for (size_t i = 0; mr_ingest_counter(c->rules, i, &rule); i++)
        c->by_rule[i] = mr_metrics_counter(
            metrics,
            rule.is_sample ? "millrace_edge_sampled_total" : "millrace_edge_redacted_total",
            rule.is_sample ? "Lines that a rule left out"
                           : "Texts in which a rule replaced something",
            MR_LABELS({"type", command->type}, {"rule", rule.rule}));
}

static void refresh(void *data)
{
    struct edge_ingest *ingest = data;
    struct mr_ingest_counter rule;
    for (size_t i = 0; i < ingest->catalog->command_count; i++) {
        struct counted *c = &ingest->commands[i];
        for (size_t k = 0; mr_ingest_counter(c->rules, k, &rule); k++)
            c->by_rule[k]->value = (double)rule.count;
    }
}

void edge_ingest_count(struct edge_ingest *ingest, const struct mr_catalog_command *command,
                       const struct edge_item_counts *counts)
{
    struct counted *c = &ingest->commands[command->index];
    mr_counter_add(c->accepted, (double)counts->accepted);
    mr_counter_add(c->rejected, (double)counts->rejected);
    mr_counter_add(c->sampled, (double)counts->sampled);
}

/* ---- rules ---- */

static enum mr_status compile(struct edge_ingest *ingest,
                              const struct edge_ingest_settings *settings,
                              const struct mr_catalog_command *command, struct mr_error *why)
{
    char name[MR_CATALOG_TYPE_MAX + 32];
    snprintf(name, sizeof name, "%s#/x-ingest", command->file);
    const struct mr_ingest_settings rules = {.ingest = command->ingest,
                                             .ingest_name = name,
                                             .rules = settings->rules,
                                             .rules_name = settings->rules_name};
    return mr_ingest_new(&rules, &ingest->commands[command->index].rules, why);
}

enum mr_status edge_ingest_new(const struct edge_ingest_settings *settings,
                               struct edge_ingest **out, struct mr_error *why)
{
    const struct mr_catalog *catalog = settings->catalog;
    struct edge_ingest *ingest = calloc(1, sizeof *ingest);
    if (!ingest ||
        !(ingest->commands = calloc(catalog->command_count + 1, sizeof *ingest->commands)))
        abort();
    ingest->catalog = catalog;
    ingest->item_bytes_max = settings->item_bytes_max;
    ingest->held_bytes_max = settings->held_bytes_max;
    for (size_t i = 0; i < catalog->command_count; i++) {
        const struct mr_catalog_command *command = &catalog->commands[i];
        struct counted *c = &ingest->commands[i];
        if (command->ingest) {
            enum mr_status s = compile(ingest, settings, command, why);
            if (s != MR_OK) {
                edge_ingest_free(ingest);
                return s;
            }
            add_rules(ingest, settings->metrics, command);
        }
        if (!command->batch && !command->ingest)
            continue;
        c->accepted = items(settings->metrics, command->type, "accepted");
        c->rejected = items(settings->metrics, command->type, "rejected");
        c->sampled = items(settings->metrics, command->type, "sampled");
    }
    mr_metrics_on_render(settings->metrics, refresh, ingest);
    *out = ingest;
    return MR_OK;
}

static void free_reader(struct edge_reader *reader)
{
    mr_inflate_free(reader->inflate);
    mr_ndjson_free(reader->ndjson);
    mr_schema_glance_free(reader->glance);
    mr_buf_free(&reader->bytes);
    mr_buf_free(&reader->item);
    free(reader);
}

void edge_ingest_free(struct edge_ingest *ingest)
{
    if (!ingest)
        return;
    for (size_t i = 0; i < ingest->catalog->command_count; i++) {
        mr_ingest_free(ingest->commands[i].rules);
        free(ingest->commands[i].by_rule);
    }
    for (struct edge_reader *reader = ingest->spare, *next; reader; reader = next) {
        next = reader->next;
        free_reader(reader);
    }
    free(ingest->commands);
    free(ingest);
}

struct mr_ingest *edge_ingest_rules(const struct edge_ingest *ingest,
                                    const struct mr_catalog_command *command)
{
    return ingest->commands[command->index].rules;
}

/* ---- readers ---- */

struct edge_reader *edge_reader_take(struct edge_ingest *ingest)
{
    struct edge_reader *reader = ingest->spare;
    if (reader) {
        ingest->spare = reader->next;
        ingest->spare_count--;
        return reader;
    }
    reader = calloc(1, sizeof *reader);
    if (!reader)
        abort();
    reader->inflate = mr_inflate_new();
    reader->ndjson = mr_ndjson_new(ingest->item_bytes_max);
    reader->glance = mr_schema_glance_new();
    mr_buf_init(&reader->bytes, 0);
    mr_buf_init(&reader->item, ingest->item_bytes_max);
    reader->random_used = sizeof reader->random;
    return reader;
}

struct mr_uuid edge_reader_id(struct edge_reader *reader)
{
    const size_t want = 10;
    if (reader->random_used + want > sizeof reader->random) {
        mr_random_bytes(reader->random, sizeof reader->random);
        reader->random_used = 0;
    }
    const uint8_t *bytes = reader->random + reader->random_used;
    reader->random_used += want;
    return mr_uuid_v7(mr_clock_wall_ms(), bytes);
}

void edge_reader_give(struct edge_ingest *ingest, struct edge_reader *reader)
{
    if (!reader)
        return;
    if (ingest->spare_count == SPARE_MAX) {
        free_reader(reader);
        return;
    }
    if (reader->bytes.size > KEPT_BYTES_MAX)
        mr_buf_free(&reader->bytes);
    mr_buf_reset(&reader->bytes);
    reader->bytes.bytes_max = 0;
    reader->next = ingest->spare;
    ingest->spare = reader;
    ingest->spare_count++;
}

/* ---- bodies ---- */

bool edge_ingest_hold(struct edge_ingest *ingest, size_t bytes)
{
    if (bytes > ingest->held_bytes_max - ingest->held_bytes)
        return false;
    ingest->held_bytes += bytes;
    return true;
}

void edge_ingest_let_go(struct edge_ingest *ingest, size_t bytes)
{
    assert(bytes <= ingest->held_bytes);
    ingest->held_bytes -= bytes;
}
