/* An import: its sources one after the other (all at once where they are followed), each item
 * checked and put into the log by a flow that keeps it until it is stored, in order.
 *
 *     CHECKING the topics -> RUNNING -every source at its end-> SETTLING -all is settled-> ENDED
 *     anywhere -produce_stop-> SETTLING what was sent, up to a deadline -> ENDED */
#ifndef PRODUCE_H
#define PRODUCE_H

#include "command_flow.h"
#include "mr_catalog.h"
#include "mr_kafka_conf.h"
#include "mr_log.h"
#include "mr_loop.h"
#include "produce_item.h"
#include "produce_state.h"
#include <stdbool.h>
#include <stdint.h>

#define PRODUCE_ERRORS_TOLD 20 /* rejected items that are told one by one */

struct produce;

struct produce_settings {
    struct mr_loop *loop;
    struct mr_log *log;
    const struct mr_catalog *catalog;
    struct produce_items *items; /* borrowed */
    struct produce_state *state; /* likewise */
    const char *const *paths;    /* likewise; "-" is standard input */
    size_t path_count;
    enum produce_format format;
    const char *idempotency_key; /* NULL: none */
    bool follow;
    size_t item_bytes_max;
    uint32_t in_flight_max;
    int32_t lanes; /* LANES; 0: any number */
    int64_t body_bytes_max;
    void (*on_ended)(void *owner);
    void *owner;
};

enum produce_end {
    PRODUCE_COMPLETE, /* every source is at its end, or was followed up to the stop */
    PRODUCE_STOPPED,  /* before that, or the log did not take all that was read */
    PRODUCE_FAILED    /* a source cannot be read, or the topics are not as they should be */
};

struct produce_counts {
    uint64_t read;                    /* items, rejected ones too; not the skipped */
    uint64_t stored;                  /* receipts */
    uint64_t rejected;                /* by a check of ours, or by the log for good */
    uint64_t sampled;                 /* left out by a rule */
    uint64_t skipped;                 /* settled by an earlier run, says the state */
    uint64_t lost;                    /* read and sent, but not known to be stored at the end */
    uint64_t bytes_size, bytes_taken; /* of the sources; size 0: not known */
};

struct produce *produce_new(const struct produce_settings *settings);
/* The flow of it, to be opened with a log; then produce_start. */
struct command_flow *produce_flow(struct produce *produce);
void produce_start(struct produce *produce, const struct mr_kafka_conf *kafka);
struct produce_counts produce_counts(const struct produce *produce);
/* Notes in the state how far each source is settled. */
void produce_note(struct produce *produce);
/* Ends it before its time: what was sent is waited for, up to deadline_ms. */
void produce_stop(struct produce *produce, uint64_t deadline_ms);
/* Once it has ended. */
enum produce_end produce_end(const struct produce *produce);
/* Once it has ended; NULL may be given. */
void produce_free(struct produce *produce);

#endif
