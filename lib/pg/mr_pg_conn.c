/* The state machine of a connection: see the drawing in mr_pg_conn.h.
 *
 * Four things happen to it: the dial ended, the socket is ready, the timer fired (open deadline,
 * back-off), and a turn of the loop has come that it asked for (something is to be sent, read on,
 * or torn down). No callback of the caller runs outside of those. */
#include "mr_pg_conn.h"
#include "mr_pg_cancel.h"
#include "mr_pg_copy.h"
#include "mr_pg_dial.h"
#include "mr_pg_pipeline.h"
#include "mr_pg_setup.h"
#include "mr_pg_socket.h"
#include "mr_prng.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWERS_A_TURN   256 /* then the loop has its turn */
#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS   5000
#define STEADY_MS        5000 /* up for so long: the next break is retried at once */
#define STATEMENT_BYTES  128  /* what a statement takes on the wire beside its parameters */
#define MESSAGE_MAX      (MR_PG_VALUE_BYTES_MAX - 65536) /* the server ends sessions above it */

enum state { CONNECTING, IDLE, PIPELINE, COPY_IN, BROKEN, CLOSED };

struct mr_pg_conn {
    uv_loop_t *loop;
    struct mr_pg_options options; /* owned, none is a default */
    struct mr_pg_events events;
    struct mr_prng prng;

    /* for good */
    enum state state;
    uv_timer_t timer;        /* CONNECTING: the deadline; BROKEN: the back-off */
    uv_idle_t turn;          /* active while a turn is asked for; the loop does not block then */
    int handles;             /* of those two, not yet closed */
    uint32_t attempts;       /* failed since it was last up */
    uint32_t backoff;        /* how often the wait was doubled */
    struct mr_pg_dial *dial; /* on the thread pool; may outlast its attempt */
    struct mr_pg_cancel_job *cancel; /* the same */
    void (*on_closed)(void *data);
    void *closed_data;

    /* of one connection */
    PGconn *pg;
    struct mr_pg_socket_owner socket;
    struct mr_pg_pipeline pipe;
    struct mr_pg_copy copy;
    bool greeting; /* CONNECTING: libpq is through, we ask who the server is */
    bool greeted;
    bool failed; /* libpq has refused to queue: torn down in the next turn */
    size_t unsent_bytes;
    uint64_t up_since_ms;
    struct mr_pg_backend backend;
};

static void on_turn(uv_idle_t *idle);
static void on_timer(uv_timer_t *timer);
static void on_ready(int status, int events, void *data);
static void connect_start(struct mr_pg_conn *c);

/* --- creation --- */

enum mr_status mr_pg_open(uv_loop_t *loop, const struct mr_pg_options *options,
                          const struct mr_pg_events *events, struct mr_pg_conn **conn,
                          struct mr_error *why)
{
    enum mr_status s = mr_pg_target_check(options->conninfo ? options->conninfo : "", why);
    if (s != MR_OK)
        return s;
    struct mr_pg_conn *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->loop = loop;
    c->socket = (struct mr_pg_socket_owner){.loop = loop, .on_ready = on_ready, .data = c};
    c->options = mr_pg_setup_options(options);
    if (events)
        c->events = *events;
    /* jitter, no secret: processes and connections must only differ */
    mr_prng_seed(&c->prng, uv_hrtime() ^ (uint64_t)(uintptr_t)c ^ (uint64_t)getpid() << 40);
    uv_timer_init(loop, &c->timer);
    uv_idle_init(loop, &c->turn);
    c->timer.data = c->turn.data = c;
    c->handles = 2;
    connect_start(c);
    *conn = c;
    return MR_OK;
}

static bool is_up(const struct mr_pg_conn *c)
{
    return c->state == IDLE || c->state == PIPELINE || c->state == COPY_IN;
}

static void ask_for_turn(struct mr_pg_conn *c)
{
    uv_idle_start(&c->turn, on_turn);
}

/* --- going down --- */

static uint32_t backoff_ms(struct mr_pg_conn *c)
{
    uint32_t times = c->backoff++;
    if (times == 0)
        return 0;
    uint32_t ms = BACKOFF_MAX_MS;
    if (times <= 6) /* 3,200 ms */
        ms = BACKOFF_FIRST_MS << (times - 1);
    return ms / 2 + mr_prng_below(&c->prng, ms / 2 + 1);
}

/* Lets go of libpq's connection; what was in flight stays with pipe and copy. */
static void disconnect(struct mr_pg_conn *c)
{
    mr_pg_socket_drop(&c->socket);
    mr_pg_pipeline_detach(&c->pipe);
    PQfinish(c->pg); /* takes NULL */
    c->pg = NULL;
    c->greeting = c->greeted = c->failed = false;
    c->unsent_bytes = 0;
}

static void lose_all(struct mr_pg_conn *c)
{
    mr_pg_pipeline_lose(&c->pipe);
    if (c->copy.phase != MR_PG_COPY_NONE)
        mr_pg_copy_deliver(&c->copy);
}

/* CONNECTING, IDLE, PIPELINE, COPY_IN -> BROKEN */
static void go_down(struct mr_pg_conn *c, const char *why)
{
    struct mr_pg_down down = {.was_up = is_up(c)};
    assert(down.was_up || c->state == CONNECTING);
    mr_fail(&down.why, MR_BUSY, "%.*s", (int)strcspn(why, "\n"), why);
    snprintf(down.sqlstate, sizeof down.sqlstate, "%s", c->pipe.last_sqlstate);
    if (down.was_up && uv_now(c->loop) - c->up_since_ms >= STEADY_MS)
        c->backoff = 0; /* a connection that breaks again and again is not retried at once */
    down.retry_ms = backoff_ms(c);
    if (!down.was_up)
        down.attempts = ++c->attempts;

    c->state = BROKEN;
    disconnect(c);
    uv_timer_start(&c->timer, on_timer, down.retry_ms, 0);
    lose_all(c); /* may close */
    if (c->state == BROKEN && c->events.on_down)
        c->events.on_down(c, &down, c->events.data);
}

static const char *last_words(struct mr_pg_conn *c)
{
    if (c->pipe.last_word.text[0])
        return c->pipe.last_word.text;
    const char *text = PQerrorMessage(c->pg);
    return text[0] ? text : "the connection is lost";
}

/* --- coming up --- */

static void on_hello(struct mr_pg_result *result, void *data)
{
    struct mr_pg_conn *c = data;
    if (mr_pg_result_outcome(result) == MR_PG_LOST)
        return; /* broken while greeting; go_down says why */
    c->greeted = mr_pg_setup_heard(result, &c->backend, &c->pipe.last_word) == MR_OK;
    c->failed = !c->greeted;
    c->backend.server_version = PQserverVersion(c->pg);
}

static bool say_hello(struct mr_pg_conn *c)
{
    c->greeting = true;
    return mr_pg_pipeline_attach(&c->pipe, c->pg) &&
           mr_pg_setup_greet(&c->options, &c->pipe, on_hello, c) && mr_pg_pipeline_sync(&c->pipe);
}

static void on_dialled(PGconn *pg, const struct mr_error *why, void *data);

/* BROKEN -> CONNECTING, and the start */
static void connect_start(struct mr_pg_conn *c)
{
    if (c->dial) { /* a name server hangs: one thread for us is enough */
        uv_timer_start(&c->timer, on_timer, BACKOFF_FIRST_MS, 0);
        return;
    }
    struct mr_error why;
    struct mr_pg_target target = {
        .conninfo = c->options.conninfo,
        .application_name = c->options.application_name,
        .tcp_user_timeout_ms = c->options.tcp_user_timeout_ms,
        .keepalives_idle_s = c->options.keepalives_idle_s,
    };
    c->state = CONNECTING;
    c->pipe.last_word.text[0] = 0;
    c->pipe.last_sqlstate[0] = 0;
    uv_timer_start(&c->timer, on_timer, (uint64_t)c->options.open_timeout_ms, 0);
    c->dial = mr_pg_dial_start(c->loop, &target, on_dialled, c, &why);
    if (!c->dial) {
        mr_fail(&c->pipe.last_word, MR_BUSY, "%s", why.text);
        c->failed = true; /* no callback from here: it may be mr_pg_open */
        ask_for_turn(c);
    }
}

static void watch(struct mr_pg_conn *c, int events)
{
    int e = mr_pg_socket_watch(&c->socket, c->pg, events);
    if (e == 0)
        return;
    mr_fail(&c->pipe.last_word, MR_BUSY, "the socket cannot be watched: %s", uv_strerror(e));
    c->failed = true;
    ask_for_turn(c);
}

/* One step of libpq's own connecting; it may change sockets. */
static void connect_poll(struct mr_pg_conn *c)
{
    mr_pg_socket_drop(&c->socket);
    switch (PQconnectPoll(c->pg)) {
    case PGRES_POLLING_READING:
        watch(c, UV_READABLE);
        break;
    case PGRES_POLLING_WRITING:
        watch(c, UV_WRITABLE);
        break;
    case PGRES_POLLING_OK:
        if (say_hello(c)) {
            watch(c, UV_READABLE);
            ask_for_turn(c);
            break;
        }
        go_down(c, last_words(c));
        break;
    default:
        go_down(c, last_words(c));
    }
}

static void come_up(struct mr_pg_conn *c)
{
    c->greeting = false;
    c->state = IDLE;
    c->attempts = 0;
    c->up_since_ms = uv_now(c->loop);
    uv_timer_stop(&c->timer);
    if (c->events.on_up)
        c->events.on_up(c, &c->backend, c->events.data);
}

/* --- reading and writing --- */

/* Hands out answers. False: broken. Without limit once the input has ended: libpq still holds what
 * came before the end. The caller must look at the state afterwards, callbacks may close. */
static bool read_answers(struct mr_pg_conn *c, bool ended)
{
    for (int i = 0; i < ANSWERS_A_TURN || ended; i++) {
        if (c->state == CLOSED)
            return true;
        switch (mr_pg_pipeline_read(&c->pipe)) {
        case MR_PG_READ_WAIT:
            return !ended;
        case MR_PG_READ_BROKEN:
            return false;
        case MR_PG_READ_ONE:
            break;
        }
    }
    ask_for_turn(c);
    return true;
}

/* WAITING starts once the pipeline is dry; a finished one is answered. False: broken. */
static bool copy_step(struct mr_pg_conn *c, bool readable)
{
    bool more = false;
    if (c->copy.phase == MR_PG_COPY_WAITING) {
        if (c->pipe.count > 0)
            return true;
        c->state = COPY_IN;
        if (!mr_pg_copy_start(&c->copy, &c->pipe))
            return false;
        readable = false; /* what was read came before */
    }
    if (!mr_pg_copy_step(&c->copy, &c->pipe, readable, &more))
        return false;
    if (c->copy.phase == MR_PG_COPY_DONE) {
        c->state = IDLE;
        mr_pg_copy_deliver(&c->copy);
    }
    if (more)
        ask_for_turn(c);
    return true;
}

/* Writes what is queued and asks to be told when the rest goes. False: broken. After reading, what
 * callbacks have queued waits for the turn that they asked for: it goes with its group's end. */
static bool flush(struct mr_pg_conn *c, bool has_read)
{
    if (has_read && uv_is_active((uv_handle_t *)&c->turn))
        return true;
    int unsent = PQflush(c->pg);
    if (unsent < 0)
        return false;
    if (unsent == 0)
        c->unsent_bytes = 0;
    /* A COPY that stopped because the kernel took no more, which has taken it since: no writable
     * event will come for it. */
    if (unsent == 0 && c->copy.phase == MR_PG_COPY_STREAMING)
        ask_for_turn(c);
    watch(c, unsent ? UV_READABLE | UV_WRITABLE : UV_READABLE);
    return true;
}

/* Everything that a connection in use does when it can: read, answer, copy, write. */
static void serve(struct mr_pg_conn *c, bool readable)
{
    bool ended = readable && !mr_pg_socket_read(c->pg);
    bool copying = c->state == COPY_IN;
    bool ok = (copying && !ended) || read_answers(c, ended);
    if (c->state == CLOSED)
        return;
    if (ok && !ended && c->greeting && c->greeted && c->pipe.count == 0)
        come_up(c);
    if (c->state == CLOSED)
        return;
    if (ok && is_up(c) && c->copy.phase != MR_PG_COPY_NONE)
        ok = copy_step(c, readable && copying);
    if (c->state == CLOSED)
        return;
    ok = ok && !ended && !c->failed && flush(c, readable);
    if (!ok) {
        go_down(c, last_words(c));
        return;
    }
    if (c->state == IDLE || c->state == PIPELINE)
        c->state = c->pipe.count > 0 ? PIPELINE : IDLE;
}

/* --- closing --- */

static void on_handle_closed(uv_handle_t *handle)
{
    struct mr_pg_conn *c = handle->data;
    if (--c->handles > 0)
        return;
    void (*on_closed)(void *) = c->on_closed;
    void *data = c->closed_data;
    mr_pg_setup_free(&c->options);
    mr_pg_pipeline_free(&c->pipe);
    free(c);
    if (on_closed)
        on_closed(data);
}

static void tear_down(struct mr_pg_conn *c)
{
    disconnect(c);
    mr_pg_cancel_forget(c->cancel);
    lose_all(c);
    uv_close((uv_handle_t *)&c->timer, on_handle_closed);
    uv_close((uv_handle_t *)&c->turn, on_handle_closed);
}

/* --- what happens --- */

enum event { EVENT_DIALLED, EVENT_READY, EVENT_TURN, EVENT_TIMER };

static void step(struct mr_pg_conn *c, enum event event, bool readable)
{
    switch (c->state) {
    case CONNECTING:
        if (event == EVENT_TIMER)
            go_down(c, "the connection did not come up in time");
        else if (event == EVENT_DIALLED)
            watch(c, UV_WRITABLE); /* as libpq says */
        else if (c->failed)
            go_down(c, last_words(c));
        else if (c->greeting)
            serve(c, readable);
        else if (event == EVENT_READY)
            connect_poll(c);
        break;
    case IDLE:
    case PIPELINE:
    case COPY_IN:
        assert(event == EVENT_READY || event == EVENT_TURN);
        serve(c, readable);
        break;
    case BROKEN:
        if (event == EVENT_TIMER)
            connect_start(c);
        break;
    case CLOSED:
        if (event == EVENT_TURN)
            tear_down(c);
        break;
    }
}

static void on_dialled(PGconn *pg, const struct mr_error *why, void *data)
{
    struct mr_pg_conn *c = data;
    c->dial = NULL;
    if (c->state != CONNECTING) { /* too late for its attempt */
        PQfinish(pg);
        return;
    }
    c->pg = pg;
    if (!pg)
        go_down(c, why->text);
    else if (PQstatus(pg) == CONNECTION_BAD)
        go_down(c, last_words(c));
    else
        step(c, EVENT_DIALLED, false);
}

static void on_ready(int status, int events, void *data)
{
    /* An error of the poll shows when the socket is read. */
    step(data, EVENT_READY, status < 0 || (events & UV_READABLE));
}

static void on_turn(uv_idle_t *idle)
{
    uv_idle_stop(idle);
    step(idle->data, EVENT_TURN, false);
}

static void on_timer(uv_timer_t *timer)
{
    step(timer->data, EVENT_TIMER, false);
}

/* --- what callers ask --- */

void mr_pg_close(struct mr_pg_conn *c, void (*on_closed)(void *data), void *data)
{
    assert(c->state != CLOSED);
    c->state = CLOSED;
    c->copy.stopped = true;
    c->on_closed = on_closed;
    c->closed_data = data;
    if (c->dial)
        mr_pg_dial_forget(c->dial);
    c->dial = NULL;
    ask_for_turn(c);
}

bool mr_pg_is_up(const struct mr_pg_conn *c)
{
    return is_up(c);
}

const struct mr_pg_backend *mr_pg_backend(const struct mr_pg_conn *c)
{
    return &c->backend;
}

uint32_t mr_pg_queued(const struct mr_pg_conn *c)
{
    return c->pipe.statements;
}

uint32_t mr_pg_room(const struct mr_pg_conn *c)
{
    if (!is_up(c) || c->failed || c->copy.phase != MR_PG_COPY_NONE)
        return 0;
    return c->options.queue_statements_max - c->pipe.statements;
}

enum mr_status mr_pg_query(struct mr_pg_conn *c, const struct mr_pg_stmt *stmt,
                           const struct mr_pg_params *params, mr_pg_on_result on_result, void *data)
{
    if (params && params->status != MR_OK)
        return params->status;
    if (!is_up(c) || c->failed || c->copy.phase != MR_PG_COPY_NONE)
        return MR_BUSY;
    size_t bytes = STATEMENT_BYTES;
    for (int i = 0; params && i < params->count; i++)
        bytes += (size_t)params->lengths[i] + 8;
    if (bytes > MESSAGE_MAX)
        return MR_INVALID;
    if (c->pipe.statements >= c->options.queue_statements_max)
        return MR_LIMIT;
    if (c->unsent_bytes > 0 && c->unsent_bytes + bytes > c->options.queue_bytes_max)
        return MR_LIMIT;
    enum mr_status s = mr_pg_pipeline_query(&c->pipe, stmt, params, on_result, data);
    if (s == MR_BUSY)
        c->failed = true;
    if (s == MR_OK)
        c->unsent_bytes += bytes;
    if (s != MR_INVALID)
        ask_for_turn(c);
    return s;
}

void mr_pg_sync(struct mr_pg_conn *c)
{
    if (!is_up(c) || c->failed)
        return; /* what was queued is lost, and will say so */
    if (!mr_pg_pipeline_sync(&c->pipe))
        c->failed = true;
    ask_for_turn(c);
}

enum mr_status mr_pg_cancel(struct mr_pg_conn *c)
{
    if (!is_up(c) || c->cancel)
        return MR_BUSY;
    return mr_pg_cancel_start(c->loop, c->pg, &c->cancel);
}

enum mr_status mr_pg_copy_in(struct mr_pg_conn *c, const char *sql, mr_pg_on_pull on_pull,
                             mr_pg_on_result on_result, void *data)
{
    if (!is_up(c) || c->failed || c->copy.phase != MR_PG_COPY_NONE)
        return MR_BUSY;
    if (c->pipe.group_open)
        return MR_INVALID;
    c->copy = (struct mr_pg_copy){.phase = MR_PG_COPY_WAITING,
                                  .sql = strdup(sql),
                                  .on_pull = on_pull,
                                  .on_result = on_result,
                                  .data = data};
    if (!c->copy.sql)
        abort();
    ask_for_turn(c);
    return MR_OK;
}

void mr_pg_copy_resume(struct mr_pg_conn *c)
{
    if (c->state != COPY_IN || c->copy.phase != MR_PG_COPY_PAUSED)
        return;
    c->copy.phase = MR_PG_COPY_STREAMING;
    ask_for_turn(c);
}
