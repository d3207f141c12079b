#include "mr_config.h"

#include "mr_slice.h"
#include "mr_uuid.h"
#include <assert.h>
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREFIX       "MILLRACE_"
#define PREFIX_BYTES (sizeof PREFIX - 1)

struct entry {
    const struct mr_setting *setting;
    char *value; /* owned; NULL: unset */
    int64_t integer;
    bool own;
    bool given;
};

struct mr_config {
    const struct mr_config_program *program;
    enum mr_config_asked asked;
    struct entry *entries; /* the program's own first: they shadow the table's */
    size_t count;
    char **args; /* owned */
    size_t arg_count;
};

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

/* What Kubernetes injects for services named millrace-something. MILLRACE_EDGE_PORT=tcp://... is
 * one of these although EDGE_PORT is a setting, so this is asked before the table. */
static bool is_injected(const char *name, const char *value)
{
    static const char *const patterns[] = {
        "^MILLRACE_[A-Za-z0-9_]*_SERVICE_(HOST|PORT(_[A-Za-z0-9_]+)?)$",
        "^MILLRACE_[A-Za-z0-9_]*_PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$",
        "^MILLRACE_[A-Za-z0-9_]*_PORT$"}; /* the last one with a URL for a value */
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        regex_t re;
        if (regcomp(&re, patterns[i], REG_EXTENDED | REG_NOSUB) != 0)
            abort();
        bool fits = regexec(&re, name, 0, NULL, 0) == 0;
        regfree(&re);
        if (fits && (i < 2 || strstr(value, "://")))
            return true;
    }
    return false;
}

static enum mr_status read_integer(const struct mr_setting *set, const char *shown,
                                   const char *value, int64_t *out, struct mr_error *why)
{
    char *end;
    errno = 0;
    long long v = strtoll(value, &end, 10);
    bool digits = (value[0] >= '0' && value[0] <= '9') ||
                  (value[0] == '-' && value[1] >= '0' && value[1] <= '9');
    if (!digits || *end != '\0')
        return mr_fail(why, MR_INVALID, "%s: \"%s\" is not an integer", shown, value);
    if (errno == ERANGE || v < set->min || v > set->max)
        return mr_fail(why, MR_INVALID, "%s: %s is not in %lld to %lld%s%s", shown, value,
                       (long long)set->min, (long long)set->max, set->unit ? " " : "",
                       set->unit ? set->unit : "");
    *out = v;
    return MR_OK;
}

static bool is_choice(const char *choices, const char *value)
{
    size_t len = strcspn(value, "|");
    if (value[len] != '\0')
        return false;
    for (const char *p = choices; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
        if (len > 0 && strncmp(p, value, len) == 0 && (p[len] == '|' || p[len] == '\0'))
            return true;
    return false;
}

/* shown is the name as the user wrote it. *integer is written for INTEGER and BOOL. */
static enum mr_status check_value(const struct mr_setting *set, const char *shown,
                                  const char *value, int64_t *integer, struct mr_error *why)
{
    struct mr_uuid id;
    switch (set->kind) {
    case MR_CONFIG_INTEGER:
        return read_integer(set, shown, value, integer, why);
    case MR_CONFIG_BOOL:
        *integer = strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
        if (!*integer && strcmp(value, "false") != 0 && strcmp(value, "0") != 0)
            return mr_fail(why, MR_INVALID, "%s: \"%s\" is not true or false", shown, value);
        return MR_OK;
    case MR_CONFIG_UUID:
        if (mr_uuid_parse(mr_slice_text(value), &id) != MR_OK)
            return mr_fail(why, MR_INVALID, "%s: \"%s\" is not a UUID", shown, value);
        return MR_OK;
    case MR_CONFIG_TEXT:
        if (set->choices && !is_choice(set->choices, value))
            return mr_fail(why, MR_INVALID, "%s: \"%s\" is not one of %s", shown, value,
                           set->choices);
        if (set->max > 0 && strlen(value) > (size_t)set->max)
            return mr_fail(why, MR_INVALID, "%s: longer than %lld bytes", shown,
                           (long long)set->max);
        return MR_OK;
    case MR_CONFIG_SECRET:
        return MR_OK;
    }
    abort();
}

static enum mr_status entry_set(struct entry *e, const char *shown, const char *value,
                                struct mr_error *why)
{
    enum mr_status s = check_value(e->setting, shown, value, &e->integer, why);
    if (s != MR_OK)
        return s;
    free(e->value);
    e->value = must(strdup(value));
    return MR_OK;
}

/* Own flags and the whole table, each with its default. */
static void entries_make(struct mr_config *c)
{
    size_t table_count;
    const struct mr_setting *table = mr_config_table(&table_count);
    const struct mr_config_program *p = c->program;
    c->count = p->own_count + table_count;
    c->entries = must(calloc(c->count, sizeof *c->entries));
    for (size_t i = 0; i < c->count; i++) {
        struct entry *e = &c->entries[i];
        e->own = i < p->own_count;
        e->setting = e->own ? &p->own[i] : &table[i - p->own_count];
        char port[16];
        const char *fallback = e->setting->fallback;
        if (!e->own && p->admin_port > 0 && strcmp(e->setting->name, "ADMIN_PORT") == 0) {
            snprintf(port, sizeof port, "%d", p->admin_port);
            fallback = port;
        }
        enum mr_status s = MR_OK;
        if (fallback)
            s = entry_set(e, e->setting->name, fallback, NULL);
        assert(s == MR_OK); /* a default that is no value is a slip in the table */
    }
}

static bool is_read(const struct mr_config *c, const struct entry *e)
{
    return e->own || (e->setting->readers & (unsigned)c->program->reader) != 0;
}

static enum mr_status read_variable(struct mr_config *c, const char *pair, struct mr_error *why)
{
    const char *equals = strchr(pair, '=');
    if (!equals || strncmp(pair, PREFIX, PREFIX_BYTES) != 0)
        return MR_OK;
    char name[256];
    size_t len = (size_t)(equals - pair);
    if (len >= sizeof name)
        return mr_fail(why, MR_INVALID, "%.64s...: there is no such setting", pair);
    memcpy(name, pair, len);
    name[len] = '\0';
    if (is_injected(name, equals + 1))
        return MR_OK;
    for (size_t i = c->program->own_count; i < c->count; i++) {
        struct entry *e = &c->entries[i];
        if (strcmp(e->setting->name, name + PREFIX_BYTES) != 0)
            continue;
        if (equals[1] == '\0')
            return MR_OK;
        e->given = true;
        return entry_set(e, name, equals + 1, why);
    }
    return mr_fail(why, MR_INVALID, "%s: there is no such setting (--help lists them)", name);
}

/* "kafka-brokers" and "KAFKA_BROKERS" are one name. */
static bool flag_is(const char *flag, size_t len, const char *name)
{
    if (len != strlen(name))
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = flag[i] == '-' ? '_' : (char)(flag[i] - 'a' + 'A');
        bool fits = flag[i] == '-' || (flag[i] >= 'a' && flag[i] <= 'z');
        if (!fits || c != name[i])
            return false;
    }
    return true;
}

static enum mr_status read_flag(struct mr_config *c, const char *arg, struct mr_error *why)
{
    if (strcmp(arg, "--help") == 0 || strcmp(arg, "--version") == 0) {
        c->asked = arg[2] == 'h' ? MR_CONFIG_HELP : MR_CONFIG_VERSION;
        return MR_OK;
    }
    const char *equals = strchr(arg, '=');
    size_t len = equals ? (size_t)(equals - arg) : strlen(arg);
    char shown[128];
    snprintf(shown, sizeof shown, "%.*s", (int)len, arg);
    for (size_t i = 0; i < c->count; i++) {
        struct entry *e = &c->entries[i];
        if (!is_read(c, e) || len < 2 || !flag_is(arg + 2, len - 2, e->setting->name))
            continue;
        if (!equals && e->setting->kind != MR_CONFIG_BOOL)
            return mr_fail(why, MR_INVALID, "%s: needs a value, %s=...", shown, shown);
        e->given = true;
        return entry_set(e, shown, equals ? equals + 1 : "true", why);
    }
    return mr_fail(why, MR_INVALID, "%s: %s has no such flag (--help lists them)", shown,
                   c->program->name);
}

enum mr_status mr_config_read(const struct mr_config_program *program, char **argv, char **env,
                              struct mr_config **out, struct mr_error *why)
{
    struct mr_config *c = must(calloc(1, sizeof *c));
    c->program = program;
    entries_make(c);
    size_t args_max = 0;
    while (argv[args_max])
        args_max++;
    c->args = must(calloc(args_max + 1, sizeof *c->args));

    enum mr_status s = MR_OK;
    for (size_t i = 0; s == MR_OK && env[i]; i++)
        s = read_variable(c, env[i], why);
    bool flags_ended = false;
    struct mr_error flag_why;
    enum mr_status flag_status = MR_OK;
    for (size_t i = 1; i < args_max && flag_status == MR_OK; i++) {
        if (!flags_ended && strcmp(argv[i], "--") == 0)
            flags_ended = true;
        else if (flags_ended || argv[i][0] != '-' || argv[i][1] == '\0')
            c->args[c->arg_count++] = must(strdup(argv[i]));
        else
            flag_status = read_flag(c, argv[i], &flag_why);
    }
    if (c->asked != MR_CONFIG_RUN)
        s = MR_OK; /* whoever asks for help gets it, whatever else is wrong */
    else if (s == MR_OK && flag_status != MR_OK)
        s = mr_fail(why, flag_status, "%s", flag_why.text);
    if (s == MR_OK)
        *out = c;
    else
        mr_config_free(c);
    return s;
}

struct mr_config *mr_config_of_main(const struct mr_config_program *program, char **argv,
                                    int *exit_status)
{
    struct mr_config *config;
    struct mr_error why;
    if (mr_config_read(program, argv, environ, &config, &why) != MR_OK) {
        fprintf(stderr, "%s: %s\n", program->name, why.text);
        *exit_status = 2;
        return NULL;
    }
    if (config->asked == MR_CONFIG_RUN)
        return config;
    char *text = config->asked == MR_CONFIG_HELP ? mr_config_help(program) : NULL;
    if (text)
        fputs(text, stdout);
    else
        printf("%s %s\n", program->name, mr_config_version());
    free(text);
    *exit_status = fflush(stdout) == 0 ? 0 : 3;
    mr_config_free(config);
    return NULL;
}

void mr_config_free(struct mr_config *config)
{
    if (!config)
        return;
    for (size_t i = 0; i < config->count; i++)
        free(config->entries[i].value);
    for (size_t i = 0; i < config->arg_count; i++)
        free(config->args[i]);
    free(config->args);
    free(config->entries);
    free(config);
}

enum mr_config_asked mr_config_asked(const struct mr_config *config)
{
    return config->asked;
}

static const struct entry *entry_of(const struct mr_config *c, const char *name)
{
    for (size_t i = 0; i < c->count; i++)
        if (is_read(c, &c->entries[i]) && strcmp(c->entries[i].setting->name, name) == 0)
            return &c->entries[i];
    fprintf(stderr, "%s does not read the setting %s\n", c->program->name, name);
    abort();
}

static bool is_number(const struct entry *e)
{
    return e->setting->kind == MR_CONFIG_INTEGER || e->setting->kind == MR_CONFIG_BOOL;
}

const char *mr_config_text(const struct mr_config *config, const char *name)
{
    const struct entry *e = entry_of(config, name);
    assert(!is_number(e));
    return e->value;
}

int64_t mr_config_int(const struct mr_config *config, const char *name)
{
    const struct entry *e = entry_of(config, name);
    assert(is_number(e));
    assert(e->value);
    return e->integer;
}

int64_t mr_config_int_or(const struct mr_config *config, const char *name, int64_t unset)
{
    const struct entry *e = entry_of(config, name);
    assert(is_number(e));
    return e->value ? e->integer : unset;
}

bool mr_config_is_given(const struct mr_config *config, const char *name)
{
    return entry_of(config, name)->given;
}

size_t mr_config_args(const struct mr_config *config)
{
    return config->arg_count;
}

const char *mr_config_arg(const struct mr_config *config, size_t index)
{
    return index < config->arg_count ? config->args[index] : NULL;
}

const char *mr_config_version(void)
{
    return MR_VERSION;
}
