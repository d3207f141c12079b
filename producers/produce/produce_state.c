#include "produce_state.h"

#include "mr_buf.h"
#include "mr_files.h"
#include "mr_json.h"
#include "mr_map.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define FILE_BYTES_MAX ((size_t)16 << 20)

struct entry {
    struct produce_mark mark; /* its texts are owned */
    struct entry *next, *prev;
};

struct produce_state {
    char *path, *beside, *folder; /* NULL: nothing is kept */
    struct entry *entries;        /* a utlist, the one noted last at the end */
    size_t count;
    bool dirty;
};

static char *dup_text(const char *text)
{
    char *copy = strdup(text ? text : "");
    if (!copy)
        abort();
    return copy;
}

/* ---- marks ---- */

static struct entry *entry_of(const struct produce_state *state, const char *key)
{
    struct entry *e;
    DL_FOREACH (state->entries, e) {
        if (strcmp(e->mark.key, key) == 0)
            return e;
    }
    return NULL;
}

const struct produce_mark *produce_state_find(const struct produce_state *state, const char *key)
{
    const struct entry *e = entry_of(state, key);
    return e ? &e->mark : NULL;
}

const struct produce_mark *produce_state_of_path(const struct produce_state *state,
                                                 const char *path, const char *key)
{
    const struct produce_mark *found = NULL;
    const struct entry *e;
    DL_FOREACH (state->entries, e) {
        if (strcmp(e->mark.path, path) == 0 && strcmp(e->mark.key, key) != 0)
            found = &e->mark;
    }
    return found;
}

static void drop(struct produce_state *state, struct entry *e)
{
    DL_DELETE(state->entries, e);
    state->count--;
    free((char *)(uintptr_t)e->mark.key);
    free((char *)(uintptr_t)e->mark.path);
    free(e);
}

void produce_state_note(struct produce_state *state, const struct produce_mark *mark)
{
    struct entry *e = calloc(1, sizeof *e);
    if (!e)
        abort();
    e->mark = *mark;
    e->mark.key = dup_text(mark->key);
    e->mark.path = dup_text(mark->path);
    struct entry *old = entry_of(state, mark->key);
    if (old)
        drop(state, old);
    else if (state->count == PRODUCE_STATE_SOURCES_MAX)
        drop(state, state->entries);
    DL_APPEND(state->entries, e);
    state->count++;
    state->dirty = true;
}

bool produce_state_is_dirty(const struct produce_state *state)
{
    return state->path && state->dirty;
}

/* ---- reading ---- */

static bool number_of(const json_t *object, const char *name, uint64_t *out)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *out = (uint64_t)json_integer_value(value);
    return true;
}

static bool take_source(struct produce_state *state, const json_t *source)
{
    struct produce_mark mark = {.key = json_string_value(json_object_get(source, "key")),
                                .path = json_string_value(json_object_get(source, "path"))};
    if (!mark.key || !mark.path || !number_of(source, "device", &mark.device) ||
        !number_of(source, "inode", &mark.inode) || !number_of(source, "offset", &mark.offset) ||
        !number_of(source, "line", &mark.line))
        return false;
    produce_state_note(state, &mark);
    return true;
}

static enum mr_status take_text(struct produce_state *state, struct mr_slice text,
                                struct mr_error *why)
{
    struct mr_error cause;
    json_t *json;
    size_t i;
    const json_t *source;
    if (mr_json_parse(text, &json, &cause) != MR_OK)
        return mr_fail(why, MR_INVALID, "%s is not a state file: %s", state->path, cause.text);
    const json_t *sources = json_object_get(json, "sources");
    bool is_good =
        json_integer_value(json_object_get(json, "version")) == 1 && json_is_array(sources);
    json_array_foreach (sources, i, source)
        is_good = is_good && take_source(state, source);
    json_decref(json);
    state->dirty = false;
    return is_good ? MR_OK
                   : mr_fail(why, MR_INVALID, "%s is not a state file of version 1", state->path);
}

static void name_files(struct produce_state *state, const char *path)
{
    const char *slash = strrchr(path, '/');
    state->path = dup_text(path);
    state->folder = slash ? dup_text(path) : dup_text(".");
    if (slash)
        state->folder[slash == path ? 1 : slash - path] = '\0';
    if (asprintf(&state->beside, "%s.new", path) < 0)
        abort();
}

enum mr_status produce_state_open(const char *path, struct produce_state **out,
                                  struct mr_error *why)
{
    struct produce_state *state = calloc(1, sizeof *state);
    struct mr_buf text;
    enum mr_status s = MR_OK;
    if (!state)
        abort();
    mr_buf_init(&text, 0);
    if (path) {
        name_files(state, path);
        if (access(path, F_OK) == 0)
            s = mr_file_read(path, FILE_BYTES_MAX, &text, why);
        if (s == MR_OK && text.len > 0)
            s = take_text(state, mr_buf_all(&text), why);
    }
    mr_buf_free(&text);
    if (s == MR_OK)
        *out = state;
    else
        produce_state_free(state);
    return s == MR_LIMIT ? MR_INVALID : s;
}

void produce_state_free(struct produce_state *state)
{
    if (!state)
        return;
    while (state->entries)
        drop(state, state->entries);
    free(state->path);
    free(state->beside);
    free(state->folder);
    free(state);
}

/* ---- writing ---- */

char *produce_state_snapshot(struct produce_state *state)
{
    struct mr_buf out;
    const struct entry *e;
    mr_buf_init(&out, 0);
    mr_buf_text(&out, "{\"version\":1,\"sources\":[");
    DL_FOREACH (state->entries, e) {
        mr_buf_text(&out, e == state->entries ? "\n{\"key\":" : ",\n{\"key\":");
        mr_buf_json_string(&out, mr_slice_text(e->mark.key));
        mr_buf_text(&out, ",\"path\":");
        mr_buf_json_string(&out, mr_slice_text(e->mark.path));
        mr_buf_printf(&out,
                      ",\"device\":%" PRIu64 ",\"inode\":%" PRIu64 ",\"offset\":%" PRIu64
                      ",\"line\":%" PRIu64 "}",
                      e->mark.device, e->mark.inode, e->mark.offset, e->mark.line);
    }
    mr_buf_add(&out, "\n]}\n", 5); /* its NUL too */
    state->dirty = false;
    return out.data;
}

static enum mr_status fail(const char *what, const char *path, struct mr_error *why)
{
    return mr_fail(why, MR_FATAL, "the state cannot be written: %s %s: %s", what, path,
                   strerror(errno));
}

static bool write_all(int fd, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t n = write(fd, text, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        text += n;
        left -= (size_t)n;
    }
    return fsync(fd) == 0;
}

enum mr_status produce_state_write(const struct produce_state *state, const char *text,
                                   struct mr_error *why)
{
    int fd = open(state->beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return fail("open", state->beside, why);
    bool is_written = write_all(fd, text);
    enum mr_status s = is_written ? MR_OK : fail("write", state->beside, why);
    close(fd);
    if (s != MR_OK)
        return s;
    if (rename(state->beside, state->path) != 0)
        return fail("rename", state->beside, why);
    fd = open(state->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        s = fail("sync", state->folder, why);
    if (fd >= 0)
        close(fd);
    return s;
}
