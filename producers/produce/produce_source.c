/* The states of a source: the drawing is in the header. */
#include "produce_source.h"

#include "produce_file.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE_BYTES (256 * 1024)
#define PATH_BYTES  4096

enum state { OPENING, SHORT, READING, WATCHING, DONE };

/* What the thread pool is asked for; one thing at a time. */
enum task { TASK_NONE, TASK_OPEN, TASK_READ, TASK_LOOK };

struct produce_source {
    struct produce_source_settings set;
    struct produce_cut *cut;
    enum state state;
    bool paused;       /* for want of room */
    bool ending;       /* the file is read to its end: what its end completes, then done or next */
    bool is_successor; /* of a file that was read here */
    bool catching_up;  /* a file that was renamed while nobody read it; the path's own is next */
    bool stopped, closing;
    struct mr_deferred go_on;
    struct mr_timer look_timer;
    uv_poll_t poll; /* of a stream */
    bool is_poll_open;

    struct produce_file file;
    char key[PRODUCE_STATE_KEY_MAX + 1]; /* "": its items cannot be repeated */
    uint64_t skip_below;                 /* items before it are settled */
    uint64_t read_at;                    /* in the file */
    int64_t grown_ms;                    /* when it last did */
    char *piece;                         /* PIECE_BYTES */
    struct mr_slice left;                /* of piece: not cut yet */

    struct mr_job job;
    enum task task; /* what follows is the job's while this is not NONE */
    enum mr_status outcome;
    struct mr_error why;
    struct produce_file opened;
    struct produce_file_look looked;
    size_t got;
    char open_path[PATH_BYTES];       /* set->path, or that of the file to catch up with */
    uint64_t find_device, find_inode; /* find_inode 0: none is looked for */

    void (*on_closed)(void *owner);
    void *closed_owner;
};

static void ask(struct produce_source *s, enum task task);
static void take(struct produce_source *s);

/* ---- the ends ---- */

static void leave_file(struct produce_source *s)
{
    if (s->is_poll_open)
        uv_poll_stop(&s->poll);
    produce_file_close(&s->file);
}

static void done(struct produce_source *s)
{
    s->state = DONE;
    leave_file(s);
    s->set.events->on_end(s->set.owner, s);
}

static void fail(struct produce_source *s, const char *why)
{
    s->state = DONE;
    leave_file(s);
    s->set.events->on_failed(s->set.owner, s, why);
}

/* The next file of a followed path, or the same one from its start. */
static void open_next(struct produce_source *s)
{
    leave_file(s);
    s->state = OPENING;
    s->ending = false;
    s->is_successor = true;
    s->catching_up = false;
    snprintf(s->open_path, sizeof s->open_path, "%s", s->set.path);
    mr_timer_start(&s->look_timer, 0);
}

/* ---- taking ---- */

static void give(struct produce_source *s, const struct produce_piece *piece)
{
    if (piece->offset < s->skip_below)
        s->set.events->on_skipped(s->set.owner, s);
    else
        s->set.events->on_item(s->set.owner, s, piece);
}

static void on_readable(uv_poll_t *poll, int status, int events);

/* What cannot be polled is read in the pool. */
static void want_more(struct produce_source *s)
{
    if (s->is_poll_open)
        uv_poll_start(&s->poll, UV_READABLE, on_readable);
    else
        ask(s, TASK_READ);
}

/* What the end completes, then the end. */
static bool take_end(struct produce_source *s)
{
    struct produce_piece piece;
    while (s->set.events->has_room(s->set.owner)) {
        if (produce_cut_end(s->cut, &piece)) {
            give(s, &piece);
            continue;
        }
        if (s->set.follow && s->file.is_regular)
            open_next(s);
        else
            done(s);
        return true;
    }
    return false;
}

static void take(struct produce_source *s)
{
    struct produce_piece piece;
    struct mr_budget budget;
    mr_budget_start(&budget);
    while (!s->stopped && s->state == READING) {
        if (!s->set.events->has_room(s->set.owner)) {
            s->paused = true;
            return;
        }
        if (!produce_cut_next(s->cut, &s->left, &piece))
            break;
        give(s, &piece);
        if (mr_budget_is_spent(&budget)) {
            mr_deferred_start(&s->go_on);
            return;
        }
    }
    if (s->stopped || s->state != READING)
        return;
    if (!s->ending)
        want_more(s);
    else if (!take_end(s))
        s->paused = true;
}

static void end_if_closed(struct produce_source *s);

static void on_go_on(void *data)
{
    struct produce_source *s = data;
    if (s->closing)
        end_if_closed(s);
    else
        take(s);
}

void produce_source_resume(struct produce_source *source)
{
    if (!source->paused)
        return;
    source->paused = false;
    take(source);
}

static void end_file(struct produce_source *s)
{
    s->state = READING;
    s->ending = true;
    take(s);
}

/* ---- streams ---- */

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct produce_source *s = poll->data;
    (void)events;
    ssize_t n = status < 0 ? -1 : read(s->file.fd, s->piece, PIECE_BYTES);
    if (n < 0 && (errno == EAGAIN || errno == EINTR) && status >= 0)
        return;
    uv_poll_stop(poll); /* until this is taken */
    if (n <= 0) {
        end_file(s);
        return;
    }
    s->read_at += (uint64_t)n;
    s->left = mr_slice(s->piece, (size_t)n);
    take(s);
}

/* epoll takes no such file as /dev/null. */
static void poll_stream(struct produce_source *s)
{
    s->is_poll_open = uv_poll_init(&s->set.loop->uv, &s->poll, s->file.fd) == 0;
    s->poll.data = s;
}

/* ---- opening: which file is it, and where does it begin ---- */

static void describe(const struct produce_source *s, struct produce_mark *mark)
{
    *mark = (struct produce_mark){.key = s->key[0] ? s->key : NULL,
                                  .path = s->set.path,
                                  .device = s->file.device,
                                  .inode = s->file.inode,
                                  .line = 1};
}

static bool is_array(const struct produce_source *s)
{
    for (size_t i = 0; i < s->got; i++)
        if (!memchr(" \t\r\n\xEF\xBB\xBF", s->piece[i], 7))
            return s->piece[i] == '[' && s->set.format == PRODUCE_NDJSON;
    return false;
}

/* An array is an array only from its bracket on: what is settled of it is read past. */
static void begin(struct produce_source *s)
{
    const struct produce_mark *known = s->key[0] ? produce_state_find(s->set.state, s->key) : NULL;
    struct produce_mark mark;
    describe(s, &mark);
    s->skip_below = 0;
    if (known && (!s->file.is_regular || known->offset <= s->file.size)) {
        s->skip_below = known->offset;
        mark.offset = known->offset;
        mark.line = known->line;
    }
    bool from_start = !s->file.is_regular || is_array(s);
    s->read_at = from_start ? 0 : mark.offset;
    produce_cut_begin(s->cut, s->read_at, from_start ? 1 : mark.line);
    s->left = (struct mr_slice){.data = s->piece};
    s->state = READING;
    s->grown_ms = mr_loop_now_ms(s->set.loop);
    s->set.events->on_opened(s->set.owner, s, &mark);
    if (!s->file.is_regular)
        poll_stream(s);
    want_more(s);
}

/* The import key of a followed file that was given one: each of the files that take its place is
 * told from the others by its first line. */
static bool name_line(struct produce_source *s, bool is_final)
{
    char hash[PRODUCE_FILE_KEY + 1];
    const char *end = memchr(s->piece, '\n', s->got);
    if (!end && s->got < PRODUCE_KEY_BYTES && !is_final)
        return false;
    produce_file_key(s->piece, end ? (size_t)(end - s->piece) : s->got, hash);
    snprintf(s->key, sizeof s->key, "%s:%s", s->set.idempotency_key, hash);
    return true;
}

/* False: it is too short by now to be told from others. */
static bool name(struct produce_source *s, bool is_final)
{
    s->key[0] = '\0';
    if (!s->file.is_regular || (s->set.idempotency_key && !s->set.follow)) {
        if (s->set.idempotency_key)
            snprintf(s->key, sizeof s->key, "%s", s->set.idempotency_key);
        return true;
    }
    if (s->set.idempotency_key)
        return name_line(s, is_final);
    if (s->got < PRODUCE_KEY_BYTES && !is_final)
        return false;
    produce_file_key(s->piece, s->got, s->key);
    return true;
}

/* A file that was renamed while nobody followed it still has lines of ours. */
static bool catch_up(struct produce_source *s)
{
    const struct produce_mark *old = s->set.follow && !s->is_successor
                                         ? produce_state_of_path(s->set.state, s->set.path, s->key)
                                         : NULL;
    s->is_successor = true; /* asked once */
    if (!old || old->inode == s->file.inode)
        return false;
    s->find_device = old->device;
    s->find_inode = old->inode;
    leave_file(s);
    ask(s, TASK_OPEN);
    return true;
}

static void refuse_short(struct produce_source *s)
{
    char why[256];
    snprintf(why, sizeof why,
             "has %zu bytes; one of less than %d needs a name by --idempotency-key, so that it can "
             "be repeated without doubles",
             s->got, PRODUCE_KEY_BYTES);
    fail(s, why);
}

static void on_short(struct produce_source *s)
{
    if (s->state != SHORT)
        MR_LOG(s->set.log, INFO, "waiting until the file is long enough to be told from others",
               mr_f_text("path", s->set.path), mr_f_int("bytes", (int64_t)s->got));
    s->state = SHORT;
    mr_timer_start(&s->look_timer, PRODUCE_LOOK_MS);
}

static void on_opened(struct produce_source *s)
{
    if (s->outcome != MR_OK && s->set.follow && s->is_successor) {
        mr_timer_start(&s->look_timer, PRODUCE_LOOK_MS); /* it is still to come */
        return;
    }
    if (s->outcome != MR_OK) {
        fail(s, s->why.text);
        return;
    }
    s->file = s->opened;
    s->grown_ms = mr_loop_now_ms(s->set.loop);
    bool is_named = name(s, s->catching_up);
    if (s->catching_up && !produce_state_find(s->set.state, s->key)) {
        open_next(s); /* another file that got the same number */
    } else if (is_named) {
        if (!catch_up(s))
            begin(s);
    } else if (s->set.follow) {
        on_short(s);
    } else if (s->got == 0) {
        s->state = READING;
        done(s);
    } else {
        refuse_short(s);
    }
}

/* ---- reading and watching ---- */

static void on_got(struct produce_source *s)
{
    if (s->outcome != MR_OK) {
        fail(s, s->why.text);
        return;
    }
    if (s->got > 0) {
        s->read_at += s->got;
        s->grown_ms = mr_loop_now_ms(s->set.loop);
        s->state = READING;
        s->left = mr_slice(s->piece, s->got);
        take(s);
    } else if (s->set.follow && s->file.is_regular && !s->catching_up) {
        s->state = WATCHING;
        mr_timer_start(&s->look_timer, PRODUCE_LOOK_MS);
    } else {
        end_file(s);
    }
}

static void on_looked(struct produce_source *s)
{
    bool is_quiet = mr_loop_now_ms(s->set.loop) - s->grown_ms >= PRODUCE_QUIET_MS;
    s->file.size = s->looked.size;
    if (s->looked.size > s->read_at) {
        s->state = READING;
        ask(s, TASK_READ);
    } else if (s->looked.size < s->read_at) {
        MR_LOG(s->set.log, INFO, "the file was cut short: it is read from its start",
               mr_f_text("path", s->set.path));
        end_file(s);
    } else if (s->looked.is_replaced && is_quiet) {
        MR_LOG(s->set.log, INFO, "another file has taken its place",
               mr_f_text("path", s->set.path));
        end_file(s);
    } else {
        mr_timer_start(&s->look_timer, PRODUCE_LOOK_MS);
    }
}

/* A file that is too short may be all there will be of it. */
static void on_short_looked(struct produce_source *s)
{
    bool is_quiet = mr_loop_now_ms(s->set.loop) - s->grown_ms >= PRODUCE_QUIET_MS;
    if (s->looked.size != s->file.size)
        s->grown_ms = mr_loop_now_ms(s->set.loop);
    s->file.size = s->looked.size;
    bool is_final = s->looked.is_replaced && is_quiet;
    if (is_final && s->got == 0)
        open_next(s);
    else if (name(s, is_final))
        begin(s);
    else
        on_short(s);
}

/* ---- the pool ---- */

static void first_bytes(struct produce_source *s, struct produce_file *file)
{
    s->got = 0;
    if (file->is_regular)
        s->outcome = produce_file_read(file, 0, s->piece, PRODUCE_KEY_BYTES, &s->got, &s->why);
    if (s->outcome != MR_OK)
        produce_file_close(file);
}

static void open_file(struct produce_source *s)
{
    if (s->find_inode && produce_file_find(s->set.path, s->find_device, s->find_inode, s->open_path,
                                           sizeof s->open_path))
        s->catching_up = true;
    s->find_inode = 0;
    s->outcome = produce_file_open(s->open_path, &s->opened, &s->why);
    if (s->outcome == MR_OK)
        first_bytes(s, &s->opened);
}

/* On a thread of the pool. */
static void work(void *data)
{
    struct produce_source *s = data;
    s->outcome = MR_OK;
    switch (s->task) {
    case TASK_OPEN:
        open_file(s);
        break;
    case TASK_READ:
        s->outcome =
            produce_file_read(&s->file, s->read_at, s->piece, PIECE_BYTES, &s->got, &s->why);
        break;
    case TASK_LOOK:
        produce_file_look(&s->file, s->set.path, &s->looked);
        if (s->state == SHORT)
            first_bytes(s, &s->file);
        break;
    case TASK_NONE:
        break;
    }
}

static void worked(void *data)
{
    struct produce_source *s = data;
    enum task task = s->task;
    s->task = TASK_NONE;
    if (s->stopped) {
        if (task == TASK_OPEN && s->outcome == MR_OK)
            produce_file_close(&s->opened);
        end_if_closed(s);
    } else if (task == TASK_OPEN) {
        on_opened(s);
    } else if (task == TASK_READ) {
        on_got(s);
    } else if (s->state == SHORT && s->outcome != MR_OK) {
        fail(s, s->why.text);
    } else if (s->state == SHORT) {
        on_short_looked(s);
    } else {
        on_looked(s);
    }
}

static void ask(struct produce_source *s, enum task task)
{
    assert(s->task == TASK_NONE);
    s->task = task;
    mr_job_start(&s->job, s->set.loop, work, worked, s);
}

static void on_look(void *data)
{
    struct produce_source *s = data;
    ask(s, s->state == OPENING ? TASK_OPEN : TASK_LOOK);
}

/* ---- life ---- */

struct produce_source *produce_source_new(const struct produce_source_settings *settings)
{
    struct produce_source *s = calloc(1, sizeof *s);
    if (!s || !(s->piece = malloc(PIECE_BYTES)))
        abort();
    s->set = *settings;
    s->file.fd = -1;
    s->cut = produce_cut_new(settings->format, settings->item_bytes_max);
    snprintf(s->open_path, sizeof s->open_path, "%s", settings->path);
    mr_deferred_init(&s->go_on, settings->loop, on_go_on, s);
    mr_timer_init(&s->look_timer, settings->loop, on_look, s);
    ask(s, TASK_OPEN);
    return s;
}

const char *produce_source_name(const struct produce_source *source)
{
    return strcmp(source->set.path, "-") == 0 ? "standard input" : source->set.path;
}

uint64_t produce_source_size(const struct produce_source *source)
{
    return source->file.size;
}

uint64_t produce_source_taken(const struct produce_source *source)
{
    return source->read_at - source->left.len;
}

void produce_source_stop(struct produce_source *source)
{
    source->stopped = true;
    mr_deferred_stop(&source->go_on);
    mr_timer_stop(&source->look_timer);
    if (source->is_poll_open)
        uv_poll_stop(&source->poll);
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct produce_source *s = handle->data;
    s->is_poll_open = false;
    end_if_closed(s);
}

static void end_if_closed(struct produce_source *s)
{
    if (!s->closing || s->task != TASK_NONE || s->is_poll_open)
        return;
    void (*on_closed)(void *) = s->on_closed;
    void *owner = s->closed_owner;
    mr_deferred_stop(&s->go_on);
    leave_file(s);
    produce_cut_free(s->cut);
    free(s->piece);
    free(s);
    if (on_closed)
        on_closed(owner);
}

void produce_source_close(struct produce_source *source, void (*on_closed)(void *owner),
                          void *owner)
{
    assert(!source->closing);
    produce_source_stop(source);
    source->closing = true;
    source->on_closed = on_closed;
    source->closed_owner = owner;
    if (source->is_poll_open)
        uv_close((uv_handle_t *)&source->poll, on_poll_closed);
    mr_deferred_start(&source->go_on); /* whoever closes it may be called by it */
}
