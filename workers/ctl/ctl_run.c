/* From argv to a verb: the first words that are no flags name it. */
#include "ctl_verbs.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct ctl_verb *const verbs[] = {
    &ctl_migrate,
    &ctl_topics_create,
    &ctl_keys_create,
    &ctl_keys_list,
    &ctl_keys_revoke,
    &ctl_status,
    &ctl_lag,
    &ctl_show,
    &ctl_verify,
    &ctl_parked_list,
    &ctl_parked_retry,
    &ctl_parked_drop,
    &ctl_lanes_list,
    &ctl_lanes_set_position,
    &ctl_warehouse_set_position,
};
#define VERBS        (sizeof verbs / sizeof *verbs)
#define ARENA_MAX    ((size_t)256 << 20)
#define PROGRAM      "millracectl"
#define NAME_BYTES   64
#define NAME_COLUMNS 36

static size_t words_of(const char *name)
{
    return strchr(name, ' ') ? 2 : 1;
}

/* The first two words of argv that are no flags, as "topics create". */
static void words_at(char **argv, char first[NAME_BYTES], char both[NAME_BYTES])
{
    const char *found[2] = {NULL, NULL};
    size_t count = 0;
    for (size_t i = 1; argv[0] && argv[i] && count < 2; i++)
        if (argv[i][0] != '-')
            found[count++] = argv[i];
    snprintf(first, NAME_BYTES, "%s", found[0] ? found[0] : "");
    snprintf(both, NAME_BYTES, "%.*s %.*s", NAME_BYTES / 2 - 1, first, NAME_BYTES / 2 - 1,
             found[1] ? found[1] : "");
}

static const struct ctl_verb *verb_of(const char *first, const char *both)
{
    for (size_t i = 0; i < VERBS; i++)
        if (strcmp(verbs[i]->name, words_of(verbs[i]->name) == 2 ? both : first) == 0)
            return verbs[i];
    return NULL;
}

/* What millracectl says of itself without a verb. group: only the verbs that begin with it. */
static char *list_of_verbs(const char *group)
{
    struct mr_buf out;
    char name[160];
    mr_buf_init(&out, 0);
    mr_buf_text(&out, "What an operator does to a millrace. Verbs (millracectl VERB --help tells "
                      "more):\n\n");
    for (size_t i = 0; i < VERBS; i++) {
        size_t len = strlen(group);
        if (len > 0 && (strncmp(verbs[i]->name, group, len) != 0 || verbs[i]->name[len] != ' '))
            continue;
        snprintf(name, sizeof name, "%s %s", verbs[i]->name, verbs[i]->usage);
        mr_buf_printf(&out, "  %s", name);
        if (strlen(name) > NAME_COLUMNS) /* too long for its column: the summary begins below */
            mr_buf_printf(&out, "\n  %-*s  %s\n", NAME_COLUMNS, "", verbs[i]->summary);
        else
            mr_buf_printf(&out, "%*s  %s\n", (int)(NAME_COLUMNS - strlen(name)), "",
                          verbs[i]->summary);
    }
    mr_buf_text(&out, "\nExit status: 0 done, 1 what was asked is not so, 2 wrong usage or "
                      "settings, 3 stopped by an error.");
    mr_buf_char(&out, '\0');
    return out.data;
}

static bool asks_for_help(char **argv)
{
    for (size_t i = 1; argv[0] && argv[i]; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0 ||
            strcmp(argv[i], "--version") == 0)
            return true;
    return false;
}

static int run_without_verb(char **argv, const char *first)
{
    bool is_group = false;
    int exit_status = CTL_USAGE;
    for (size_t i = 0; i < VERBS && first[0]; i++)
        is_group |= strncmp(verbs[i]->name, first, strlen(first)) == 0 &&
                    verbs[i]->name[strlen(first)] == ' ';
    char *summary = list_of_verbs(is_group ? first : "");
    struct mr_config_program program = {
        .name = PROGRAM, .usage = "VERB [flags]", .summary = summary, .reader = MR_READER_CTL};
    if (asks_for_help(argv)) {
        struct mr_config *config = mr_config_of_main(&program, argv, &exit_status);
        mr_config_free(config);
    } else if (first[0] && !is_group) {
        fprintf(stderr, "%s: there is no verb \"%s\"\n\n%s\n", PROGRAM, first, summary);
    } else {
        fprintf(stderr, "Usage: %s VERB [flags]\n\n%s\n", PROGRAM, summary);
    }
    free(summary);
    return exit_status;
}

static enum ctl_exit run(struct ctl *ctl)
{
    size_t args = mr_config_args(ctl->config) - ctl->words;
    if (args < ctl->verb->args_min || args > ctl->verb->args_max)
        return ctl_end(ctl, CTL_USAGE, "usage: %s %s %s", PROGRAM, ctl->verb->name,
                       ctl->verb->usage);
    enum ctl_exit exit = ctl->verb->run(ctl);
    if (fflush(stdout) != 0 || ferror(stdout))
        return ctl_end(ctl, CTL_ERROR, "standard output could not be written");
    return exit;
}

int ctl_run(char **argv)
{
    char first[NAME_BYTES], both[NAME_BYTES], usage[256], summary[2048];
    words_at(argv, first, both);
    const struct ctl_verb *verb = verb_of(first, both);
    if (!verb)
        return run_without_verb(argv, first);
    snprintf(usage, sizeof usage, "%s %s", verb->name, verb->usage);
    snprintf(summary, sizeof summary, "%s.%s%s", verb->summary, verb->details ? "\n\n" : "",
             verb->details ? verb->details : "");
    struct mr_config_program program = {
        .name = PROGRAM,
        .usage = usage,
        .summary = summary,
        .reader = MR_READER_CTL,
        .own = verb->own,
        .own_count = verb->own_count,
    };
    int exit_status;
    struct ctl ctl = {.verb = verb, .words = words_of(verb->name)};
    ctl.config = mr_config_of_main(&program, argv, &exit_status);
    if (!ctl.config)
        return exit_status;
    mr_log_open_config(&ctl.log, PROGRAM, ctl.config);
    mr_arena_init(&ctl.arena, ARENA_MAX);
    exit_status = run(&ctl);
    ctl_close(&ctl);
    return exit_status;
}

const char *ctl_arg(const struct ctl *ctl, size_t index)
{
    return mr_config_arg(ctl->config, ctl->words + index);
}

const char *ctl_text(const struct ctl *ctl, const char *name)
{
    return mr_config_text(ctl->config, name);
}

enum ctl_exit ctl_end(const struct ctl *ctl, enum ctl_exit exit, const char *fmt, ...)
{
    va_list ap;
    fflush(stdout); /* in the order in which it was said */
    fprintf(stderr, "%s %s: ", PROGRAM, ctl->verb->name);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    return exit;
}

enum ctl_exit ctl_fail(const struct ctl *ctl, enum mr_status status, const struct mr_error *why)
{
    return ctl_end(ctl, status == MR_INVALID ? CTL_NOT_SO : CTL_ERROR, "%s", why->text);
}
