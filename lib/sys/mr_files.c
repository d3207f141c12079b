#include "mr_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum mr_status read_open(int fd, const char *path, size_t bytes_max, struct mr_buf *out,
                                struct mr_error *why)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return mr_fail(why, MR_INVALID, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return mr_fail(why, MR_INVALID, "%s: is not a file", path);
    size_t from = out->len;
    for (;;) {
        /* One byte more than allowed is asked for, so that a file that grew is seen. */
        size_t left = bytes_max - (out->len - from);
        size_t want = left < 65536 ? left + 1 : 65536;
        char *p = mr_buf_reserve(out, want);
        if (!p)
            return mr_fail(why, MR_LIMIT, "%s: does not fit the buffer", path);
        ssize_t n = read(fd, p, want);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return mr_fail(why, MR_INVALID, "%s: %s", path, strerror(errno));
        if (n == 0)
            return MR_OK;
        if ((size_t)n > left)
            return mr_fail(why, MR_LIMIT, "%s: longer than %zu bytes", path, bytes_max);
        out->len += (size_t)n;
    }
}

enum mr_status mr_file_read(const char *path, size_t bytes_max, struct mr_buf *out,
                            struct mr_error *why)
{
    /* O_NONBLOCK: a pipe under this name must not hold the start up. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return mr_fail(why, MR_INVALID, "%s: %s", path, strerror(errno));
    enum mr_status s = read_open(fd, path, bytes_max, out, why);
    close(fd);
    return s;
}

struct walk {
    const char *root, *suffix;
    struct mr_files *files;
    size_t size; /* allocated files */
    struct mr_error *why;
};

static char *join(const char *a, const char *b)
{
    struct mr_buf out;
    mr_buf_init(&out, 0);
    mr_buf_text(&out, a);
    if (*a && *b)
        mr_buf_char(&out, '/');
    mr_buf_text(&out, b);
    mr_buf_char(&out, '\0');
    return out.data;
}

/* Takes path, which is relative to the root. */
static enum mr_status add_file(struct walk *w, char *path)
{
    struct mr_buf text;
    char *full = join(w->root, path);
    mr_buf_init(&text, 0);
    enum mr_status s = mr_file_read(full, MR_FILES_BYTES_MAX, &text, w->why);
    free(full);
    if (s == MR_OK && w->files->count == MR_FILES_MAX)
        s = mr_fail(w->why, MR_LIMIT, "%s: more than %d files", w->root, MR_FILES_MAX);
    if (s != MR_OK) {
        mr_buf_free(&text);
        free(path);
        return s;
    }
    if (w->files->count == w->size) {
        w->size = w->size ? w->size * 2 : 64;
        w->files->files = realloc(w->files->files, w->size * sizeof *w->files->files);
        if (!w->files->files)
            abort();
    }
    size_t len = text.len;
    mr_buf_char(&text, '\0');
    w->files->files[w->files->count++] =
        (struct mr_file){.path = path, .text = text.data, .len = len};
    return MR_OK;
}

static bool has_suffix(const char *name, const char *suffix)
{
    size_t a = strlen(name), b = strlen(suffix);
    return a >= b && strcmp(name + a - b, suffix) == 0;
}

static enum mr_status walk_folder(struct walk *w, const char *path, int depth);

/* name is one entry of the folder path, which is relative to the root. */
static enum mr_status walk_entry(struct walk *w, const char *path, const char *name, int depth)
{
    char *relative = join(path, name), *full = join(w->root, relative);
    struct stat st;
    enum mr_status s = MR_OK;
    if (stat(full, &st) != 0) {
        s = mr_fail(w->why, MR_INVALID, "%s: %s", full, strerror(errno));
    } else if (S_ISDIR(st.st_mode)) {
        s = walk_folder(w, relative, depth + 1);
    } else if (has_suffix(name, w->suffix)) {
        s = add_file(w, relative);
        relative = NULL; /* taken */
    }
    free(relative);
    free(full);
    return s;
}

static enum mr_status walk_folder(struct walk *w, const char *path, int depth)
{
    char *full = join(w->root, path);
    DIR *dir = depth > MR_FILES_DEPTH_MAX ? NULL : opendir(full);
    enum mr_status s = MR_OK;
    if (depth > MR_FILES_DEPTH_MAX)
        s = mr_fail(w->why, MR_LIMIT, "%s: more than %d folders deep", full, MR_FILES_DEPTH_MAX);
    else if (!dir)
        s = mr_fail(w->why, MR_INVALID, "%s: %s", full, strerror(errno));
    while (s == MR_OK) {
        errno = 0;
        const struct dirent *e = readdir(dir);
        if (!e && errno != 0)
            s = mr_fail(w->why, MR_INVALID, "%s: %s", full, strerror(errno));
        if (!e)
            break;
        if (e->d_name[0] != '.')
            s = walk_entry(w, path, e->d_name, depth);
    }
    if (dir)
        closedir(dir);
    free(full);
    return s;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct mr_file *)a)->path, ((const struct mr_file *)b)->path);
}

enum mr_status mr_files_read(const char *dir, const char *suffix, struct mr_files *out,
                             struct mr_error *why)
{
    struct mr_files files = {0};
    struct walk w = {.root = dir, .suffix = suffix, .files = &files, .why = why};
    enum mr_status s = walk_folder(&w, "", 0);
    if (s != MR_OK) {
        mr_files_free(&files);
        return s;
    }
    if (files.count > 0)
        qsort(files.files, files.count, sizeof *files.files, by_path);
    *out = files;
    return MR_OK;
}

void mr_files_free(struct mr_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        free(files->files[i].path);
        free(files->files[i].text);
    }
    free(files->files);
    *files = (struct mr_files){0};
}
