/* In-flight commands: a table of slots named by tickets, and a list in order of their deadlines. */
#include "command_submit.h"

#include "mr_map.h"

#include <assert.h>
#include <string.h>

#define IN_FLIGHT_MAX 4096
#define DEADLINE_MS   6000

enum flight_state {
    FLIGHT_FREE,
    FLIGHT_WAITING, /* owes a result */
    FLIGHT_SETTLED  /* past its deadline or cancelled: only the report is awaited */
};

struct flight {
    enum flight_state state;
    uint32_t generation; /* counts the slot's uses, so that stale tickets are recognised */
    uint64_t due_ms;     /* WAITING */
    char domain[16];
    command_result_cb *on_result;
    void *requester;
    struct command_submit *submit;
    struct flight *next, *prev; /* WAITING: by deadline, or FREE */
};

struct command_submit {
    uv_loop_t *loop;
    struct command_log log;
    bool closing;
    uint32_t in_flight_max, deadline_ms;
    struct flight *flights; /* in_flight_max of them */
    struct flight *waiting; /* a utlist, the earliest deadline first: all wait equally long */
    struct flight *spare;
    uv_timer_t timer; /* set to the first of waiting */
    struct command_submit_counters counters;
    void (*on_closed)(void *owner);
    void *closed_owner;
};

static void on_deadline(uv_timer_t *timer);

struct command_submit *command_submit_new(uv_loop_t *loop,
                                          const struct command_submit_settings *settings)
{
    struct command_submit *submit = calloc(1, sizeof *submit);
    if (!submit)
        abort();
    submit->loop = loop;
    submit->in_flight_max = settings->in_flight_max ? settings->in_flight_max : IN_FLIGHT_MAX;
    submit->deadline_ms = settings->deadline_ms ? settings->deadline_ms : DEADLINE_MS;
    submit->flights = calloc(submit->in_flight_max, sizeof *submit->flights);
    if (!submit->flights)
        abort();
    for (uint32_t i = submit->in_flight_max; i-- > 0;) {
        submit->flights[i].submit = submit;
        LL_PREPEND(submit->spare, &submit->flights[i]);
    }
    uv_timer_init(loop, &submit->timer);
    submit->timer.data = submit;
    return submit;
}

void command_submit_open(struct command_submit *submit, const struct command_log *log)
{
    assert(!submit->log.send);
    submit->log = *log;
}

const struct command_log *command_submit_log(const struct command_submit *submit)
{
    return &submit->log;
}

uv_loop_t *command_submit_loop(const struct command_submit *submit)
{
    return submit->loop;
}

/* ---- slots ---- */

static void set_timer(struct command_submit *submit)
{
    const struct flight *first = submit->waiting;
    if (!first) {
        uv_timer_stop(&submit->timer);
        return;
    }
    uint64_t now_ms = uv_now(submit->loop);
    uv_timer_start(&submit->timer, on_deadline, first->due_ms > now_ms ? first->due_ms - now_ms : 0,
                   0);
}

/* Out of the waiting ones; the timer, where it was set for this one, finds the next by itself. */
static void settle(struct command_submit *submit, struct flight *flight)
{
    DL_DELETE(submit->waiting, flight);
    flight->state = FLIGHT_SETTLED;
}

static void release(struct command_submit *submit, struct flight *flight)
{
    flight->state = FLIGHT_FREE;
    flight->generation++;
    LL_PREPEND(submit->spare, flight);
    submit->counters.in_flight--;
}

static command_ticket ticket_of(const struct command_submit *submit, const struct flight *flight)
{
    return (uint64_t)flight->generation << 32 | (uint32_t)(flight - submit->flights + 1);
}

/* The flight that waits under this ticket, else NULL. */
static struct flight *waiting_of(struct command_submit *submit, command_ticket ticket)
{
    uint32_t index = (uint32_t)ticket;
    if (index == 0 || index > submit->in_flight_max)
        return NULL;
    struct flight *flight = &submit->flights[index - 1];
    bool is = flight->state == FLIGHT_WAITING && flight->generation == (uint32_t)(ticket >> 32);
    return is ? flight : NULL;
}

/* ---- results ---- */

static void give(struct command_submit *submit, const struct flight *flight,
                 const struct command_result *result)
{
    switch (result->outcome) {
    case MR_KAFKA_STORED:
        submit->counters.stored++;
        break;
    case MR_KAFKA_NOT_STORED:
        submit->counters.not_stored++;
        break;
    case MR_KAFKA_UNKNOWN:
        submit->counters.unknown++;
        break;
    }
    flight->on_result(flight->requester, result);
}

static void on_deadline(uv_timer_t *timer)
{
    struct command_submit *submit = timer->data;
    uint64_t now_ms = uv_now(submit->loop);
    while (submit->waiting && submit->waiting->due_ms <= now_ms) {
        struct flight *flight = submit->waiting;
        struct flight was = *flight; /* the callback may send, cancel and close */
        settle(submit, flight);
        submit->counters.deadlines++;
        struct command_result result = {.outcome = MR_KAFKA_UNKNOWN,
                                        .append_ms = -1,
                                        .status = MR_BUSY,
                                        .error = "no delivery report came in time"};
        give(submit, &was, &result);
    }
    set_timer(submit);
}

void command_submit_report(void *owner, const struct mr_kafka_report *report)
{
    struct command_submit *submit = owner;
    struct flight *flight = report->opaque;
    assert(flight->submit == submit && flight->state != FLIGHT_FREE);
    if (flight->state == FLIGHT_SETTLED) {
        submit->counters.late++;
        release(submit, flight);
        return;
    }
    struct command_result result = {.outcome = report->outcome,
                                    .append_ms = report->append_ms,
                                    .status = report->status,
                                    .error = report->error};
    if (report->outcome == MR_KAFKA_STORED) {
        memcpy(result.receipt.domain, flight->domain, sizeof result.receipt.domain);
        result.receipt.lane = report->partition;
        result.receipt.position = report->offset;
    }
    struct flight was = *flight;
    settle(submit, flight);
    release(submit, flight);
    give(submit, &was, &result);
}

/* ---- sending ---- */

static enum mr_status refuse(struct command_submit *submit, enum mr_status status, const char *what,
                             struct mr_error *why)
{
    submit->counters.refused++;
    return mr_fail(why, status, "%s", what);
}

enum mr_status command_submit_send(struct command_submit *submit,
                                   const struct command_request *request, command_ticket *ticket,
                                   struct mr_error *why)
{
    if (submit->closing)
        return mr_fail(why, MR_LOST, "no commands are taken any more");
    struct flight *flight = submit->spare;
    if (!flight)
        return refuse(submit, MR_LIMIT, "too many commands are in flight", why);
    struct mr_kafka_message message = *request->message;
    message.opaque = flight;
    enum mr_status s = submit->log.send(submit->log.impl, &message, why);
    if (s != MR_OK) {
        if (s == MR_LIMIT || s == MR_BUSY)
            submit->counters.refused++;
        return s == MR_FATAL ? MR_BUSY : s;
    }
    LL_DELETE(submit->spare, flight);
    flight->state = FLIGHT_WAITING;
    flight->due_ms = uv_now(submit->loop) + submit->deadline_ms;
    size_t domain_len = strlen(request->domain); /* no printf: this is on the path of every line */
    assert(domain_len < sizeof flight->domain);
    memcpy(flight->domain, request->domain, domain_len + 1);
    flight->on_result = request->on_result;
    flight->requester = request->requester;
    DL_APPEND(submit->waiting, flight);
    submit->counters.in_flight++;
    if (!uv_is_active((uv_handle_t *)&submit->timer))
        set_timer(submit);
    if (ticket)
        *ticket = ticket_of(submit, flight);
    return MR_OK;
}

void command_submit_cancel(struct command_submit *submit, command_ticket ticket)
{
    struct flight *flight = waiting_of(submit, ticket);
    if (flight)
        settle(submit, flight);
}

bool command_submit_is_ready(const struct command_submit *submit)
{
    return !submit->closing && submit->spare && submit->log.is_ready(submit->log.impl);
}

bool command_submit_is_busy(const struct command_submit *submit)
{
    return submit->counters.in_flight >= submit->in_flight_max - submit->in_flight_max / 4;
}

struct command_submit_counters command_submit_counters(const struct command_submit *submit)
{
    return submit->counters;
}

/* ---- closing ---- */

static void on_timer_closed(uv_handle_t *handle)
{
    struct command_submit *submit = handle->data;
    void (*on_closed)(void *) = submit->on_closed;
    void *closed_owner = submit->closed_owner;
    free(submit->flights);
    free(submit);
    if (on_closed)
        on_closed(closed_owner);
}

static void on_log_closed(void *owner)
{
    struct command_submit *submit = owner;
    assert(submit->counters.in_flight == 0); /* the log has reported all that it took */
    uv_close((uv_handle_t *)&submit->timer, on_timer_closed);
}

void command_submit_close(struct command_submit *submit, uint64_t deadline_ms,
                          void (*on_closed)(void *owner), void *owner)
{
    assert(!submit->closing);
    submit->closing = true;
    submit->on_closed = on_closed;
    submit->closed_owner = owner;
    if (submit->log.close)
        submit->log.close(submit->log.impl, deadline_ms, on_log_closed, submit);
    else
        on_log_closed(submit);
}
