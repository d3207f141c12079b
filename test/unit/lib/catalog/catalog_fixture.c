#include "catalog_fixture.h"
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f, "%s", path);
    char *text = calloc(1, 1 << 17);
    size_t len = fread(text, 1, (1 << 17) - 1, f);
    cr_assert_lt(len, (1 << 17) - 1);
    fclose(f);
    return text;
}

void folder_add(struct folder *folder, const char *domain)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", SCHEMAS, domain);
    DIR *dir = opendir(path);
    cr_assert_not_null(dir, "%s", path);
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s/%s", SCHEMAS, domain, e->d_name);
        char *text = read_file(path);
        folder_put(folder, path + strlen(SCHEMAS) + 1, text);
        free(text);
    }
    closedir(dir);
}

/* The domains by name, so that one that comes later does not change these tests. */
struct folder folder_read(void)
{
    struct folder folder = {0};
    folder_add(&folder, "meta");
    folder_add(&folder, "billing");
    return folder;
}

void folder_free(struct folder *folder)
{
    for (size_t i = 0; i < folder->count; i++) {
        free((char *)folder->files[i].path);
        free((char *)folder->files[i].text.data);
    }
    folder->count = 0;
}

static struct mr_catalog_file *file_of(struct folder *folder, const char *path)
{
    for (size_t i = 0; i < folder->count; i++) {
        if (strcmp(folder->files[i].path, path) == 0)
            return &folder->files[i];
    }
    return NULL;
}

void folder_put(struct folder *folder, const char *path, const char *text)
{
    struct mr_catalog_file *f = file_of(folder, path);
    if (!f) {
        cr_assert_lt(folder->count, FOLDER_FILES_MAX);
        f = &folder->files[folder->count++];
        f->path = strdup(path);
        f->text.data = NULL;
    }
    free((char *)f->text.data);
    f->text = mr_slice_text(strdup(text));
}

void folder_change(struct folder *folder, const char *path, const char *find, const char *text)
{
    if (!find) {
        folder_put(folder, path, text);
        return;
    }
    struct mr_catalog_file *f = file_of(folder, path);
    cr_assert_not_null(f, "%s", path);
    const char *at = strstr(f->text.data, find);
    cr_assert_not_null(at, "%s has no %s", path, find);
    char *changed = calloc(1, f->text.len + strlen(text) + 1);
    sprintf(changed, "%.*s%s%s", (int)(at - f->text.data), f->text.data, text, at + strlen(find));
    folder_put(folder, path, changed);
    free(changed);
}

void folder_drop(struct folder *folder, const char *path)
{
    struct mr_catalog_file *f = file_of(folder, path);
    cr_assert_not_null(f, "%s", path);
    free((char *)f->path);
    free((char *)f->text.data);
    *f = folder->files[--folder->count];
}

struct mr_catalog *folder_build(struct folder folder, struct mr_error *why)
{
    struct mr_catalog *catalog = NULL;
    *why = (struct mr_error){0};
    enum mr_status s = mr_catalog_build(folder.files, folder.count, &catalog, why);
    cr_assert_eq(s == MR_OK, catalog != NULL);
    folder_free(&folder);
    return catalog;
}

struct mr_catalog *real_catalog(void)
{
    struct mr_error why;
    struct mr_catalog *catalog = folder_build(folder_read(), &why);
    cr_assert_not_null(catalog, "%s", why.text);
    return catalog;
}

json_t *json_of(const char *text)
{
    char copy[2048];
    snprintf(copy, sizeof copy, "%s", text);
    for (char *p = copy; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    json_error_t error;
    json_t *json = json_loads(copy, JSON_DECODE_ANY, &error);
    cr_assert_not_null(json, "%s: %s", copy, error.text);
    return json;
}
