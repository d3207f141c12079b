#include "tale_schema.h"

#include "mr_schema.h"
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *document_of(const char *file)
{
    char path[512];
    json_error_t error;
    cr_assert(getenv("MILLRACE_SCHEMAS"), "MILLRACE_SCHEMAS is not set");
    snprintf(path, sizeof path, "%s/reporting/%s", getenv("MILLRACE_SCHEMAS"), file);
    json_t *document = json_load_file(path, 0, &error);
    cr_assert(document, "%s:%d: %s", path, error.line, error.text);
    return document;
}

static void add_file(struct mr_schema_set *set, const char *file)
{
    const char *end = strrchr(file, '.');
    char uri[300];
    struct mr_error why;
    if (!end || strcmp(end, ".json") != 0)
        return;
    json_t *document = document_of(file);
    snprintf(uri, sizeof uri, "reporting.%.*s", (int)(end - file), file);
    cr_assert_eq(mr_schema_set_add(set, uri, file, document, &why), MR_OK, "%s", why.text);
    json_decref(document);
}

static const struct mr_schema *schema_of(const char *type)
{
    static struct mr_schema_set *set; /* once a process: a test is one */
    static const char *const annotations[] = {"x-command", "x-event", "x-resource", "x-warehouse"};
    if (!set) {
        char path[512];
        struct mr_error why;
        set = mr_schema_set_new(annotations, sizeof annotations / sizeof *annotations);
        snprintf(path, sizeof path, "%s/reporting", getenv("MILLRACE_SCHEMAS"));
        DIR *folder = opendir(path);
        cr_assert(folder, "%s", path);
        for (struct dirent *e; (e = readdir(folder));)
            add_file(set, e->d_name);
        closedir(folder);
        cr_assert_eq(mr_schema_set_compile(set, &why), MR_OK, "%s", why.text);
    }
    const struct mr_schema *schema = mr_schema_set_find(set, type);
    cr_assert(schema, "there is no schema of %s", type);
    return schema;
}

bool tale_schema_holds(const char *type, const json_t *value)
{
    return mr_schema_check(schema_of(type), value, NULL) == MR_OK;
}

void tale_schema_check(const char *type, const json_t *value)
{
    struct mr_arena arena;
    struct mr_schema_errors errors;
    struct mr_error why;
    mr_arena_init(&arena, 1 << 20);
    mr_schema_errors_init(&errors, &arena);
    if (mr_schema_check(schema_of(type), value, &errors) != MR_OK) {
        mr_schema_errors_text(&errors, &why);
        cr_assert_fail("%s: %s", type, why.text);
    }
    mr_arena_free(&arena);
}

void tale_schema_refusal(const char *problem)
{
    size_t index;
    json_t *refusal;
    bool listed = false;
    json_t *document = document_of("sample.json");
    json_t *refusals = json_object_get(json_object_get(document, "x-command"), "refusals");
    json_array_foreach (refusals, index, refusal)
        listed =
            listed || strcmp(json_string_value(json_object_get(refusal, "name")), problem) == 0;
    cr_assert(listed, "%s is not listed", problem);
    json_decref(document);
}
