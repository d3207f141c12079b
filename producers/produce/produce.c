#include "produce.h"

#include "command_topics.h"
#include "mr_clock.h"
#include "mr_map.h"
#include "produce_source.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FAILED_FLUSH_MS 5000
#define FLOW_BYTES      ((size_t)64 << 20)

/* One file that was read: a followed path has several, one after the other. */
struct file {
    struct produce_source *source;
    struct produce_mark mark;   /* key and path owned; key NULL: nothing is noted */
    uint64_t taken, taken_line; /* up to here everything was sent, or needs not be */
    uint64_t pending;           /* sent and not settled */
    bool is_left;               /* its source has gone on to another one */
    bool is_lost;               /* a record is not stored: what lies behind it is not noted */
    struct file *next, *prev;
};

/* What the flow owes, in its order. */
struct debt {
    struct file *file;
    uint64_t offset, line, end, end_line;
};

enum state { CHECKING, RUNNING, SETTLING, ENDED };

struct produce {
    struct produce_settings set;
    enum state state;
    enum produce_end end;
    struct command_flow *flow;
    struct command_topics *topics;
    struct produce_source **sources; /* by path; NULL: not begun, or closed */
    size_t begun, ended, closed;     /* sources */
    struct file *files;
    struct debt *debts; /* a ring of as many as the flow takes */
    uint32_t debt_max;
    uint64_t debt_next, debt_settled;
    uint64_t deadline_ms; /* of the flow, when it is closed */
    uint64_t size_before; /* of sources that are closed */
    uint64_t told;        /* rejected items */
    bool is_closing;      /* no source is read any more */
    bool is_hurried;      /* the deadline counts; else the log is waited for as long as it takes */
    bool is_flushing;
    struct produce_counts counts;
};

static void begin_sources(struct produce *p);
static void flush_if_settled(struct produce *p);

/* ---- files ---- */

static char *dup_text(const char *text)
{
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy)
        abort();
    return copy;
}

static struct file *file_of(const struct produce *p, const struct produce_source *source)
{
    struct file *f;
    DL_FOREACH (p->files, f) {
        if (f->source == source && !f->is_left)
            return f;
    }
    return NULL;
}

static void note(struct produce *p, struct file *f)
{
    if (!f->mark.key || f->is_lost)
        return;
    if (f->pending == 0) {
        f->mark.offset = f->taken;
        f->mark.line = f->taken_line;
    }
    const struct produce_mark *known = produce_state_find(p->set.state, f->mark.key);
    if (!known || known->offset != f->mark.offset || known->inode != f->mark.inode)
        produce_state_note(p->set.state, &f->mark);
}

void produce_note(struct produce *produce)
{
    struct file *f;
    DL_FOREACH (produce->files, f)
        note(produce, f);
}

static void free_file(struct produce *p, struct file *f)
{
    DL_DELETE(p->files, f);
    free((char *)(uintptr_t)f->mark.key);
    free((char *)(uintptr_t)f->mark.path);
    free(f);
}

static void leave(struct produce *p, struct file *f)
{
    if (!f)
        return;
    f->is_left = true;
    if (f->pending == 0) {
        note(p, f);
        free_file(p, f);
    }
}

static void on_opened(void *owner, struct produce_source *source, const struct produce_mark *mark)
{
    struct produce *p = owner;
    leave(p, file_of(p, source));
    struct file *f = calloc(1, sizeof *f);
    if (!f)
        abort();
    *f = (struct file){
        .source = source, .mark = *mark, .taken = mark->offset, .taken_line = mark->line};
    f->mark.key = dup_text(mark->key);
    f->mark.path = dup_text(mark->path);
    DL_APPEND(p->files, f);
    if (mark->offset > 0)
        MR_LOG(p->set.log, INFO, "going on where an earlier run came to",
               mr_f_text("path", produce_source_name(source)),
               mr_f_int("offset", (int64_t)mark->offset));
    if (!mark->key)
        MR_LOG(p->set.log, WARN,
               "this source has no name, so running it again would send everything anew: give "
               "--idempotency-key",
               mr_f_text("path", produce_source_name(source)));
}

/* ---- items ---- */

static void tell_rejected(struct produce *p, const char *name, uint64_t line, const char *why)
{
    p->counts.rejected++;
    if (p->told == PRODUCE_ERRORS_TOLD)
        MR_LOG(p->set.log, WARN, "further rejected items are only counted");
    if (p->told++ < PRODUCE_ERRORS_TOLD) {
        char at[512];
        snprintf(at, sizeof at, "%.400s:%llu:1", name, (unsigned long long)line);
        MR_LOG(p->set.log, WARN, "rejected", mr_f_text("at", at), mr_f_text("error", why));
    }
}

static bool has_room(void *owner)
{
    struct produce *p = owner;
    return command_flow_has_room(p->flow, (size_t)p->set.body_bytes_max + 1024);
}

static void owe(struct produce *p, struct file *f, const struct produce_piece *piece)
{
    p->debts[p->debt_next++ % p->debt_max] = (struct debt){.file = f,
                                                           .offset = piece->offset,
                                                           .line = piece->line,
                                                           .end = piece->end,
                                                           .end_line = piece->end_line};
    f->pending++;
}

static void on_item(void *owner, struct produce_source *source, const struct produce_piece *piece)
{
    struct produce *p = owner;
    struct file *f = file_of(p, source);
    struct mr_kafka_message message;
    struct mr_error why;
    const struct produce_place place = {.import_key = mr_slice_text(f->mark.key),
                                        .offset = piece->offset,
                                        .time_ms = mr_clock_wall_ms()};
    enum produce_verdict verdict = PRODUCE_REJECTED;
    p->counts.read++;
    if (piece->text.data)
        verdict = produce_items_read(p->set.items, piece->text, &place, &message, &why);
    if (verdict == PRODUCE_SEND && command_flow_send(p->flow, &message, &why) != MR_OK)
        verdict = PRODUCE_REJECTED; /* too large: room was asked for */
    if (verdict == PRODUCE_SEND)
        owe(p, f, piece);
    else if (verdict == PRODUCE_SAMPLED)
        p->counts.sampled++;
    else
        tell_rejected(p, produce_source_name(source), piece->line,
                      piece->text.data ? why.text : piece->why);
    f->taken = piece->end;
    f->taken_line = piece->end_line;
}

static void on_settled(void *owner, const struct command_flow_result *result)
{
    struct produce *p = owner;
    assert(p->debt_settled < p->debt_next);
    struct debt *debt = &p->debts[p->debt_settled++ % p->debt_max];
    struct file *f = debt->file;
    f->pending--;
    if (result->outcome == MR_KAFKA_STORED) {
        p->counts.stored++;
    } else if (result->status == MR_INVALID) {
        tell_rejected(p, f->mark.path, debt->line, result->error);
    } else {
        p->counts.lost++;
        f->is_lost = true;
    }
    if (!f->is_lost) {
        f->mark.offset = debt->end;
        f->mark.line = debt->end_line;
    }
    if (f->is_left && f->pending == 0) {
        note(p, f);
        free_file(p, f);
    }
    flush_if_settled(p);
}

static void on_skipped(void *owner, struct produce_source *source)
{
    struct produce *p = owner;
    (void)source;
    p->counts.skipped++;
}

/* ---- sources ---- */

static size_t index_of(const struct produce *p, const struct produce_source *source)
{
    for (size_t i = 0; i < p->set.path_count; i++)
        if (p->sources[i] == source)
            return i;
    abort();
}

static void on_source_closed(void *owner)
{
    struct produce *p = owner;
    p->closed++;
    flush_if_settled(p);
}

static void close_source(struct produce *p, size_t i)
{
    struct produce_source *source = p->sources[i];
    p->sources[i] = NULL;
    p->size_before += produce_source_taken(source);
    leave(p, file_of(p, source));
    produce_source_close(source, on_source_closed, p);
}

static void close_all(struct produce *p)
{
    if (p->is_closing)
        return;
    p->is_closing = true;
    p->state = SETTLING;
    for (size_t i = 0; i < p->begun; i++)
        if (p->sources[i])
            close_source(p, i);
    flush_if_settled(p);
}

static void hurry(struct produce *p, uint64_t deadline_ms)
{
    p->is_hurried = true;
    p->deadline_ms = deadline_ms;
    close_all(p);
    flush_if_settled(p);
}

static void fail(struct produce *p)
{
    p->end = PRODUCE_FAILED;
    hurry(p, FAILED_FLUSH_MS);
}

static void on_end(void *owner, struct produce_source *source)
{
    struct produce *p = owner;
    close_source(p, index_of(p, source));
    p->ended++;
    if (p->ended == p->set.path_count) {
        close_all(p);
    } else if (!p->set.follow) {
        begin_sources(p);
    }
}

static void on_failed(void *owner, struct produce_source *source, const char *why)
{
    struct produce *p = owner;
    MR_LOG(p->set.log, ERROR, "cannot go on", mr_f_text("path", produce_source_name(source)),
           mr_f_text("error", why));
    fail(p);
}

static const struct produce_source_events events = {.on_opened = on_opened,
                                                    .has_room = has_room,
                                                    .on_item = on_item,
                                                    .on_skipped = on_skipped,
                                                    .on_end = on_end,
                                                    .on_failed = on_failed};

static void begin_one(struct produce *p)
{
    const struct produce_source_settings settings = {
        .loop = p->set.loop,
        .log = p->set.log,
        .events = &events,
        .owner = p,
        .state = p->set.state,
        .path = p->set.paths[p->begun],
        .idempotency_key = p->set.idempotency_key,
        .format = p->set.format,
        .follow = p->set.follow,
        .item_bytes_max = p->set.item_bytes_max,
    };
    p->sources[p->begun++] = produce_source_new(&settings);
}

/* One after the other, so that the order of files is that of their names; all where they never
 * end. */
static void begin_sources(struct produce *p)
{
    do
        begin_one(p);
    while (p->set.follow && p->begun < p->set.path_count);
}

static void on_room(void *owner)
{
    struct produce *p = owner;
    for (size_t i = 0; i < p->begun; i++)
        if (p->sources[i])
            produce_source_resume(p->sources[i]);
}

/* ---- life ---- */

static void on_flow_closed(void *owner)
{
    struct produce *p = owner;
    p->flow = NULL;
    p->state = ENDED;
    if (p->counts.lost > 0 && p->end == PRODUCE_COMPLETE)
        p->end = PRODUCE_STOPPED;
    p->set.on_ended(p->set.owner);
}

static void on_topics_closed(void *owner)
{
    struct produce *p = owner;
    p->topics = NULL;
    command_flow_close(p->flow, p->deadline_ms, on_flow_closed, p);
}

/* The sources are closed, and the log has everything or there is no waiting for it. */
static void flush_if_settled(struct produce *p)
{
    if (!p->is_closing || p->closed < p->begun || p->is_flushing)
        return;
    if (!p->is_hurried && p->debt_settled < p->debt_next)
        return;
    p->is_flushing = true;
    command_topics_close(p->topics, on_topics_closed, p);
}

static void on_topics_checked(void *owner, const char *why)
{
    struct produce *p = owner;
    if (p->is_closing)
        return;
    if (!why) {
        p->state = RUNNING;
        begin_sources(p);
        return;
    }
    MR_LOG(p->set.log, ERROR, "cannot go on", mr_f_text("error", why));
    fail(p);
}

struct produce *produce_new(const struct produce_settings *settings)
{
    struct produce *p = calloc(1, sizeof *p);
    const struct command_flow_settings flow = {.loop = settings->loop,
                                               .records_max = settings->in_flight_max,
                                               .bytes_max = FLOW_BYTES,
                                               .on_settled = on_settled,
                                               .on_room = on_room,
                                               .owner = p};
    if (!p)
        abort();
    p->set = *settings;
    p->debt_max = settings->in_flight_max;
    p->debts = calloc(p->debt_max, sizeof *p->debts);
    p->sources = calloc(settings->path_count, sizeof(struct produce_source *));
    if (!p->debts || !p->sources)
        abort();
    p->flow = command_flow_new(&flow);
    return p;
}

struct command_flow *produce_flow(struct produce *produce)
{
    return produce->flow;
}

void produce_start(struct produce *produce, const struct mr_kafka_conf *kafka)
{
    const struct command_topics_settings topics = {
        .loop = produce->set.loop,
        .log = produce->set.log,
        .kafka = kafka,
        .catalog = produce->set.catalog,
        .domain = produce_items_domain(produce->set.items),
        .lanes = produce->set.lanes,
        .body_bytes_max = produce->set.body_bytes_max,
        .on_checked = on_topics_checked,
        .owner = produce,
    };
    produce->topics = command_topics_new(&topics);
}

struct produce_counts produce_counts(const struct produce *produce)
{
    struct produce_counts c = produce->counts;
    c.bytes_size = c.bytes_taken = produce->size_before;
    for (size_t i = 0; i < produce->begun; i++) {
        if (!produce->sources[i])
            continue;
        c.bytes_size += produce_source_size(produce->sources[i]);
        c.bytes_taken += produce_source_taken(produce->sources[i]);
    }
    return c;
}

void produce_stop(struct produce *produce, uint64_t deadline_ms)
{
    if (produce->is_hurried)
        return;
    if (!produce->set.follow && !produce->is_closing)
        produce->end = PRODUCE_STOPPED;
    hurry(produce, deadline_ms);
}

enum produce_end produce_end(const struct produce *produce)
{
    return produce->end;
}

void produce_free(struct produce *produce)
{
    if (!produce)
        return;
    while (produce->files)
        free_file(produce, produce->files);
    free(produce->debts);
    free(produce->sources);
    free(produce);
}
