/* The real schemas folder, read into memory, and changed where a test wants it. */
#ifndef CATALOG_FIXTURE_H
#define CATALOG_FIXTURE_H

#include "mr_catalog.h"

#define FOLDER_FILES_MAX 64

struct folder {
    struct mr_catalog_file files[FOLDER_FILES_MAX]; /* owned: paths and texts */
    size_t count;
};

struct folder folder_read(void); /* meta and billing */
void folder_add(struct folder *folder, const char *domain);
void folder_free(struct folder *folder);
/* A new file, or another text for one that is there. */
void folder_put(struct folder *folder, const char *path, const char *text);
/* Replaces find in the file's text, which must have it; find NULL: as put. */
void folder_change(struct folder *folder, const char *path, const char *find, const char *text);
void folder_drop(struct folder *folder, const char *path);

/* Builds, and frees the folder; NULL with why. */
struct mr_catalog *folder_build(struct folder folder, struct mr_error *why);
/* As build of the unchanged folder, which must go well. */
struct mr_catalog *real_catalog(void);
/* JSON with ' for ". */
json_t *json_of(const char *text);

#endif
