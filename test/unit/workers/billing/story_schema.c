#include "story_schema.h"
#include "mr_schema.h"
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Millrace's own problems, which every command may answer. */
static const char *const own_problems[] = {"already-exists", "event-too-large"};

static json_t *document_of(const char *name)
{
    const char *folder = getenv("MILLRACE_SCHEMAS");
    cr_assert(folder, "MILLRACE_SCHEMAS is not set");
    char path[512];
    snprintf(path, sizeof path, "%s/billing/%s", folder, name);
    json_error_t error;
    json_t *document = json_load_file(path, 0, &error);
    cr_assert(document, "%s:%d: %s", path, error.line, error.text);
    return document;
}

static struct mr_schema_set *set_of_folder(void)
{
    static const char *const annotations[] = {"x-command",   "x-event",  "x-resource",
                                              "x-warehouse", "x-ingest", "x-columns"};
    struct mr_schema_set *set =
        mr_schema_set_new(annotations, sizeof annotations / sizeof *annotations);
    char path[512], uri[300];
    struct mr_error why;
    snprintf(path, sizeof path, "%s/billing", getenv("MILLRACE_SCHEMAS"));
    DIR *folder = opendir(path);
    cr_assert(folder, "%s", path);
    for (struct dirent *e; (e = readdir(folder));) {
        char *end = strrchr(e->d_name, '.');
        if (!end || strcmp(end, ".json") != 0)
            continue;
        json_t *document = document_of(e->d_name);
        snprintf(uri, sizeof uri, "billing.%.*s", (int)(end - e->d_name), e->d_name);
        cr_assert_eq(mr_schema_set_add(set, uri, e->d_name, document, &why), MR_OK, "%s", why.text);
        json_decref(document);
    }
    closedir(folder);
    cr_assert_eq(mr_schema_set_compile(set, &why), MR_OK, "%s", why.text);
    return set;
}

static void check(const char *type, const json_t *value)
{
    static struct mr_schema_set *set; /* once a process: a test is one */
    if (!set)
        set = set_of_folder();
    const struct mr_schema *schema = mr_schema_set_find(set, type);
    struct mr_arena arena;
    struct mr_schema_errors errors;
    struct mr_error why;
    mr_arena_init(&arena, 1 << 20);
    mr_schema_errors_init(&errors, &arena);
    cr_assert(schema, "there is no schema of %s", type);
    if (mr_schema_check(schema, value, &errors) != MR_OK) {
        mr_schema_errors_text(&errors, &why);
        cr_assert_fail("%s: %s", type, why.text);
    }
    mr_arena_free(&arena);
}

void story_schema_body(const char *type, const json_t *body)
{
    check(type, body);
}

void story_schema_event(const char *type, const json_t *data)
{
    check(type, data);
}

void story_schema_refusal(const char *type, const char *problem)
{
    char name[128];
    size_t index;
    json_t *refusal;
    bool listed = false;
    for (size_t i = 0; i < sizeof own_problems / sizeof *own_problems; i++)
        listed = listed || strcmp(own_problems[i], problem) == 0;
    snprintf(name, sizeof name, "%s.json", strchr(type, '.') + 1);
    json_t *document = document_of(name);
    json_t *refusals = json_object_get(json_object_get(document, "x-command"), "refusals");
    json_array_foreach (refusals, index, refusal) {
        const char *said = json_string_value(json_object_get(refusal, "name"));
        listed = listed || (said && strcmp(said, problem) == 0);
    }
    cr_assert(listed, "%s answers %s, which its schema does not list", type, problem);
    json_decref(document);
}
