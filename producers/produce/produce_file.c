#include "produce_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum mr_status produce_file_open(const char *path, struct produce_file *out, struct mr_error *why)
{
    struct stat st;
    bool is_input = strcmp(path, "-") == 0;
    int fd = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) != 0) {
        enum mr_status s = mr_fail(why, MR_INVALID, "%s: %s", path, strerror(errno));
        if (fd > STDIN_FILENO)
            close(fd);
        return s;
    }
    *out = (struct produce_file){.fd = fd,
                                 .is_regular = S_ISREG(st.st_mode),
                                 .device = st.st_dev,
                                 .inode = st.st_ino,
                                 .size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0};
    if (!S_ISDIR(st.st_mode))
        return MR_OK;
    produce_file_close(out);
    return mr_fail(why, MR_INVALID, "%s: is a folder", path);
}

void produce_file_close(struct produce_file *file)
{
    if (file->fd > STDIN_FILENO)
        close(file->fd);
    file->fd = -1;
}

enum mr_status produce_file_read(const struct produce_file *file, uint64_t offset, char *out,
                                 size_t len, size_t *got, struct mr_error *why)
{
    *got = 0;
    while (*got < len) {
        ssize_t n = file->is_regular
                        ? pread(file->fd, out + *got, len - *got, (off_t)(offset + *got))
                        : read(file->fd, out, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return mr_fail(why, MR_FATAL, "cannot be read: %s", strerror(errno));
        *got += (size_t)n;
        if (n == 0 || !file->is_regular)
            break;
    }
    return MR_OK;
}

void produce_file_look(const struct produce_file *file, const char *path,
                       struct produce_file_look *out)
{
    struct stat st;
    *out = (struct produce_file_look){.size = file->size};
    if (fstat(file->fd, &st) == 0)
        out->size = (uint64_t)st.st_size;
    if (stat(path, &st) == 0) /* none: renamed, and its successor is still to come */
        out->is_replaced = st.st_dev != file->device || st.st_ino != file->inode;
}

bool produce_file_find(const char *path, uint64_t device, uint64_t inode, char *out, size_t size)
{
    const char *slash = strrchr(path, '/');
    int prefix = slash ? (int)(slash - path) + 1 : 0;
    char folder[4096];
    bool is_found = false;
    struct stat st;
    if (snprintf(folder, sizeof folder, "%.*s.", prefix, path) >= (int)sizeof folder)
        return false;
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && !is_found && (e = readdir(dir));) {
        if (e->d_ino != inode || fstatat(dirfd(dir), e->d_name, &st, 0) != 0)
            continue;
        is_found = st.st_dev == device && st.st_ino == inode && S_ISREG(st.st_mode) &&
                   snprintf(out, size, "%.*s%s", prefix, path, e->d_name) < (int)size;
    }
    if (dir)
        closedir(dir);
    return is_found;
}

void produce_file_key(const char *first, size_t len, char out[PRODUCE_FILE_KEY + 1])
{
    unsigned char hash[PRODUCE_FILE_KEY / 2];
    crypto_generichash(hash, sizeof hash, (const unsigned char *)first, len, NULL, 0);
    sodium_bin2hex(out, PRODUCE_FILE_KEY + 1, hash, sizeof hash);
}
