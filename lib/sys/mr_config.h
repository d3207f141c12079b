/* Settings: one table holds every MILLRACE_ name of the project, the clients' and scripts' too.
 *
 * A program reads its settings from the environment (MILLRACE_KAFKA_BROKERS=...) and from flags
 * (--kafka-brokers=...), which win. A flag's value follows "="; a boolean flag may stand alone
 * (--operator is --operator=true). "--" ends the flags; whatever is no flag is positional and
 * handed to the program. An empty value is a value; a MILLRACE_ variable that is set but empty
 * counts as unset, as compose files and shells write it so.
 *
 * Errors name the setting and never show a secret's value. A MILLRACE_ variable outside the table
 * is one, save those that Kubernetes injects for services named millrace-something. */
#ifndef MR_CONFIG_H
#define MR_CONFIG_H

#include "mr_error.h"
#include "mr_status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mr_config_kind {
    MR_CONFIG_TEXT,
    MR_CONFIG_INTEGER, /* decimal digits, min .. max */
    MR_CONFIG_BOOL,    /* true or false, or 1 or 0; read with mr_config_int as 1 or 0 */
    MR_CONFIG_UUID,    /* read as text */
    MR_CONFIG_SECRET   /* text that is never printed: connection strings, keys */
};

/* Who reads a setting; a program's mask is one of these. */
enum mr_config_reader {
    MR_READER_EDGE = 1 << 0,
    MR_READER_WORKER = 1 << 1,
    MR_READER_LOADER = 1 << 2,
    MR_READER_CTL = 1 << 3,
    MR_READER_CLIENT = 1 << 4,  /* benches, system tests and users' own scripts */
    MR_READER_SCRIPTS = 1 << 5, /* ./scripts/... */
    MR_READER_COLLECT = 1 << 6,
    MR_READER_PRODUCE = 1 << 7
};

/* One setting. The same struct serves a program's own flags (no environment variable then). */
struct mr_setting {
    const char *name;     /* "KAFKA_BROKERS": MILLRACE_KAFKA_BROKERS and --kafka-brokers */
    const char *fallback; /* the default as text; NULL: unset */
    const char *help;     /* one sentence without a full stop */
    const char *unit;     /* "ms", "bytes", ...; NULL: none */
    const char *choices;  /* "json|text": the only values of a text; NULL: any */
    int64_t min, max;     /* of an integer; of a text: its length in bytes where max > 0 */
    enum mr_config_kind kind;
    unsigned readers; /* a mask of enum mr_config_reader; ignored for a program's own flags */
};

/* What a program says of itself; static, borrowed by the config. */
struct mr_config_program {
    const char *name;    /* "millrace-edge" */
    const char *usage;   /* "[flags]", "DOMAIN [flags]" */
    const char *summary; /* one sentence; further lines may follow, such as ctl's verbs */
    enum mr_config_reader reader;
    const struct mr_setting *own; /* further flags of this program alone; shadow the table's */
    size_t own_count;
    int admin_port; /* the default of ADMIN_PORT; 0: this program sets it after reading, or none */
};

enum mr_config_asked { MR_CONFIG_RUN, MR_CONFIG_HELP, MR_CONFIG_VERSION };

struct mr_config; /* keeps copies of all values */

/* For main(): the settings from argv and the environment. NULL when the program is to end now with
 * *exit_status: 0 after --help or --version (printed on standard output), 2 after wrong usage
 * (printed on standard error). Free with mr_config_free. */
struct mr_config *mr_config_of_main(const struct mr_config_program *program, char **argv,
                                    int *exit_status);

/* The same without printing. argv and env are NULL-terminated; argv[0] is skipped, and nothing of
 * them is kept. *out is set on MR_OK only; MR_INVALID when a name or value is wrong (why says
 * which). Where help or version is asked for, values may be missing. */
MR_MUST_CHECK enum mr_status mr_config_read(const struct mr_config_program *program, char **argv,
                                            char **env, struct mr_config **out,
                                            struct mr_error *why);
void mr_config_free(struct mr_config *config);

enum mr_config_asked mr_config_asked(const struct mr_config *config);

/* By the table's name, "KAFKA_BROKERS", or that of an own flag; a name that this program does not
 * read, or of another kind, is our own mistake and asserted. Texts live as long as the config. */
const char *mr_config_text(const struct mr_config *config, const char *name); /* NULL: unset */
/* Asserts that it has a value; INTEGER and BOOL. */
int64_t mr_config_int(const struct mr_config *config, const char *name);
/* As mr_config_int, with a value for "unset". */
int64_t mr_config_int_or(const struct mr_config *config, const char *name, int64_t unset);
/* True when it was given by environment or flag, not by its default. */
bool mr_config_is_given(const struct mr_config *config, const char *name);

/* Positional arguments in order. */
size_t mr_config_args(const struct mr_config *config);
const char *mr_config_arg(const struct mr_config *config, size_t index); /* NULL past the end */

/* Settings for people, as --help prints them: every flag with unit, default and help. A malloc'ed
 * text that the caller frees. */
char *mr_config_help(const struct mr_config_program *program);
const char *mr_config_version(void); /* "0.1.0" */

/* The table itself, for docs and tests. */
const struct mr_setting *mr_config_table(size_t *count);

#endif
