/* Puts commands into the log and tells each requester, exactly once, what became of its command:
 * bounded in number, with a deadline.
 *
 *     send -> WAITING -report-> result STORED | NOT_STORED | UNKNOWN
 *             WAITING -deadline-> result UNKNOWN, the late report is counted and dropped
 *             WAITING -cancel-> no result any more, the report is dropped
 *
 * A command counts as in flight until its report has come, also after its deadline or cancel, so
 * in_flight_max bounds what the log still owes us. All is for the loop's thread. */
#ifndef COMMAND_SUBMIT_H
#define COMMAND_SUBMIT_H

#include "mr_error.h"
#include "mr_kafka_producer.h"
#include "mr_receipt.h"
#include "mr_status.h"
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct command_submit;

/* Where commands go. Production: command_submit_kafka. A bench or a test gives its own. */
struct command_log {
    void *impl;
    /* As mr_kafka_producer_send: MR_OK promises exactly one command_submit_report with
     * message->opaque, and not from within send. */
    enum mr_status (*send)(void *impl, const struct mr_kafka_message *message,
                           struct mr_error *why);
    bool (*is_ready)(void *impl);
    /* As mr_kafka_producer_purge; NULL: it cannot give up what it holds. */
    void (*purge)(void *impl);
    /* As mr_kafka_producer_close: the reports of all, then on_closed. */
    void (*close)(void *impl, uint64_t deadline_ms, void (*on_closed)(void *owner), void *owner);
};

struct command_result {
    enum mr_kafka_outcome outcome;
    struct mr_receipt receipt; /* STORED: domain, lane, position */
    int64_t append_ms;         /* STORED: the log's time; -1: not known */
    enum mr_status status;     /* MR_OK when stored; MR_INVALID: this record can never be */
    const char *error;         /* NULL when stored; static text otherwise */
};
typedef void command_result_cb(void *requester, const struct command_result *result);

struct command_submit_settings {
    uint32_t in_flight_max; /* 0: 4,096 */
    uint32_t deadline_ms;   /* 0: 6,000 */
};

struct command_submit_counters {
    uint64_t stored, not_stored, unknown; /* results given; unknown includes deadlines */
    uint64_t deadlines;                   /* of these, by the deadline */
    uint64_t late;                        /* reports that came after deadline or cancel */
    uint64_t refused;                     /* send was MR_LIMIT or MR_BUSY */
    uint64_t in_flight;                   /* now */
};

/* Names one send; 0 is none. Stale tickets are recognised, so a requester that goes away may
 * cancel without asking whether its result came. */
typedef uint64_t command_ticket;

struct command_submit *command_submit_new(uv_loop_t *loop,
                                          const struct command_submit_settings *settings);
/* Binds the log (copied); once, before the first send. */
void command_submit_open(struct command_submit *submit, const struct command_log *log);
const struct command_log *command_submit_log(const struct command_submit *submit);
uv_loop_t *command_submit_loop(const struct command_submit *submit);

struct command_kafka_settings {
    const struct mr_kafka_conf *conf;
    uint32_t linger_us;          /* 0: 500 */
    uint32_t message_timeout_ms; /* 0: 4,500; a good second less than deadline_ms */
    /* The producer's state, as mr_kafka_producer's on_state; may be NULL. */
    void (*on_state)(void *owner, bool ready, const char *why);
    void *owner;
};
/* Opens it with a producer of its own. */
MR_MUST_CHECK enum mr_status command_submit_kafka(struct command_submit *submit,
                                                  const struct command_kafka_settings *settings,
                                                  struct mr_error *why);
/* The producer's counters; zeroes with another log. */
struct mr_kafka_producer_counters
command_submit_kafka_counters(const struct command_submit *submit);

struct command_request {
    const struct mr_kafka_message *message; /* as command_build made it; copied by send; its opaque
                                               is not looked at */
    const char *domain;                     /* for the receipt; copied */
    command_result_cb *on_result;           /* called once, never from within send */
    void *requester;
};
/* MR_OK: on_result will be called unless cancelled; *ticket (may be NULL) names it. Otherwise it is
 * surely not stored and no result comes: MR_LIMIT too many in flight, MR_BUSY the log is away,
 * MR_INVALID too large for the topic, MR_LOST closing. */
MR_MUST_CHECK enum mr_status command_submit_send(struct command_submit *submit,
                                                 const struct command_request *request,
                                                 command_ticket *ticket, struct mr_error *why);
/* The result is not wanted any more; no effect once it was given. */
void command_submit_cancel(struct command_submit *submit, command_ticket ticket);

/* What the log calls for each message (owner is the submit). */
void command_submit_report(void *owner, const struct mr_kafka_report *report);

/* Neither full nor between producers nor closing: a send would probably be taken. */
bool command_submit_is_ready(const struct command_submit *submit);
/* Three quarters of what may be in flight are: who can wait does, so that a few that send much
 * leave room for the many that send one. */
bool command_submit_is_busy(const struct command_submit *submit);
struct command_submit_counters command_submit_counters(const struct command_submit *submit);

/* Waits for what is in flight up to deadline_ms (the rest is UNKNOWN), closes the log, calls
 * on_closed (may be NULL) and frees the submit. Once. */
void command_submit_close(struct command_submit *submit, uint64_t deadline_ms,
                          void (*on_closed)(void *owner), void *owner);

#endif
