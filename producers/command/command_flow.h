/* A stream of commands into the log, for producers that nobody waits on: whatever it takes it keeps
 * until the log has it, however long that lasts, in the order in which it was given.
 *
 *     FLOWING -a report that is not STORED, or send is MR_BUSY-> DRAINING (purged, nothing is sent)
 *     DRAINING -every report is in-> RESTING -RETRY_MS-> FLOWING, from the first that is not stored
 *     anywhere -close-> as before until all is stored or the deadline; then the log is closed
 *
 * A record that was not stored, or whose fate is unknown, is sent again just as it was, with its
 * id, so that a repeat is recognised and never counts twice. A failure stops the sending of all
 * that is behind it, and what librdkafka still holds is purged, so that no command overtakes an
 * earlier one of its key: behind a failed batch the broker refuses those in flight to the same
 * lane, whose sequence has a gap. (Messages never time out: one that did would let the next ones
 * pass.)
 *
 * The window is a ring of records_max records and bytes_max bytes; both are the bound, and a full
 * window is the caller's sign to stop reading. No memory is allocated for a record. Records are
 * settled in the order of sending, each exactly once. All is for the loop's thread. */
#ifndef COMMAND_FLOW_H
#define COMMAND_FLOW_H

#include "command_submit.h"
#include "command_template.h"
#include "mr_error.h"
#include "mr_kafka_producer.h"
#include "mr_loop.h"
#include "mr_status.h"
#include <stdbool.h>
#include <stdint.h>

#define COMMAND_FLOW_RETRY_MS 500

struct command_flow;

/* What became of one record. */
struct command_flow_result {
    void *opaque;                  /* of its message */
    enum mr_kafka_outcome outcome; /* not STORED: refused by the log for good (status MR_INVALID),
                                      or given up at close (MR_LOST) */
    enum mr_status status;         /* MR_OK when stored */
    int32_t lane;                  /* STORED: where */
    int64_t position;              /* STORED where the log said so, else -1 */
    const char *error;             /* NULL when stored; static text otherwise */
};

/* A command of a template. */
struct command_flow_item {
    struct mr_uuid id;
    int64_t time_ms;
    struct mr_slice body; /* copied */
    void *opaque;
};

struct command_flow_settings {
    struct mr_loop *loop;
    uint32_t records_max; /* a power of two is best; 0: 4,096 */
    size_t bytes_max;     /* 0: 16 MiB */
    /* In order, never from within send. It may send. */
    void (*on_settled)(void *owner, const struct command_flow_result *result);
    /* send was MR_LIMIT, and now half of the window is free. May be NULL. */
    void (*on_room)(void *owner);
    void *owner;
};

struct command_flow_counters {
    uint64_t taken;
    uint64_t stored;
    uint64_t refused;  /* by the log for good */
    uint64_t given_up; /* at close */
    uint64_t resent;   /* sends beyond the first of a record */
    uint64_t unknown;  /* reports whose fate is unknown */
    uint64_t drains;   /* failures that stopped the flow */
    uint64_t pending;  /* now: taken and not settled */
    uint64_t pending_bytes;
    uint64_t in_flight; /* now: sent and not reported */
};

struct command_flow *command_flow_new(const struct command_flow_settings *settings);
uv_loop_t *command_flow_loop(const struct command_flow *flow);
/* Binds a log (copied); once, before the first send. It calls command_flow_report. */
void command_flow_open(struct command_flow *flow, const struct command_log *log);

struct command_flow_kafka_settings {
    const struct mr_kafka_conf *conf;
    uint32_t linger_us; /* 0: 5,000 */
};
/* Opens it with a producer of its own whose messages never time out. */
MR_MUST_CHECK enum mr_status command_flow_kafka(struct command_flow *flow,
                                                const struct command_flow_kafka_settings *settings,
                                                struct mr_error *why);

/* Takes a command as command_build made it: all of it is copied but the headers' names, which are
 * static. MR_OK: on_settled will be called. MR_LIMIT: the window is full, on_room follows;
 * MR_INVALID: too large for the topic; MR_LOST: closing. */
MR_MUST_CHECK enum mr_status command_flow_send(struct command_flow *flow,
                                               const struct mr_kafka_message *message,
                                               struct mr_error *why);

/* Whether a record whose key, value and headers are bytes_max bytes in all would be taken now;
 * where it is false, on_room follows. For who must know before it takes what it cannot give back.
 */
bool command_flow_has_room(struct command_flow *flow, size_t bytes_max);

/* What the log calls for each message (owner is the flow). */
void command_flow_report(void *owner, const struct mr_kafka_report *report);

/* The same for a command of a template, of which id, time and body alone are kept. template lives
 * until its last command is settled, and is filled when one is sent. */
MR_MUST_CHECK enum mr_status command_flow_send_of(struct command_flow *flow,
                                                  struct command_template *template,
                                                  const struct command_flow_item *item,
                                                  struct mr_error *why);

struct command_flow_counters command_flow_counters(const struct command_flow *flow);
/* How long the oldest record has been waiting for the log; 0: none is. */
int64_t command_flow_wait_ms(const struct command_flow *flow);
/* Why the flow last stopped; "" when it never did. */
const char *command_flow_trouble(const struct command_flow *flow);

/* Waits up to deadline_ms until the log has everything; the rest is then given up (settled). Closes
 * the log, calls on_closed (may be NULL) and frees the flow. Once. */
void command_flow_close(struct command_flow *flow, uint64_t deadline_ms,
                        void (*on_closed)(void *owner), void *owner);

#endif
