/* What the verbs of millracectl share: settings, the servers, and how a verb ends. Plain blocking
 * code; one verb runs and the process ends. Connections are opened when first asked for. */
#ifndef CTL_H
#define CTL_H

#include "mr_arena.h"
#include "mr_catalog.h"
#include "mr_config.h"
#include "mr_kafka_admin.h"
#include "mr_kafka_reader.h"
#include "mr_log.h"
#include "mr_pg_session.h"

#define CTL_KAFKA_MS 10000 /* how long one call to Kafka may take */

enum ctl_exit {
    CTL_DONE = 0,
    CTL_NOT_SO = 1, /* what was asked is not so, or is refused */
    CTL_USAGE = 2,
    CTL_ERROR = 3
};

struct ctl;

struct ctl_verb {
    const char *name;    /* "topics create" */
    const char *usage;   /* what follows the name: "DOMAIN LANE --applied=N" */
    const char *summary; /* one sentence for the list of verbs */
    const char *details; /* what --help adds; NULL: nothing */
    size_t args_min, args_max;
    const struct mr_setting *own; /* flags of this verb alone */
    size_t own_count;
    enum ctl_exit (*run)(struct ctl *ctl);
};

struct ctl {
    const struct ctl_verb *verb;
    struct mr_config *config;
    struct mr_log log;
    struct mr_arena arena; /* for parameters and texts; lives as long as the verb */
    size_t words;          /* of the verb's name, before its arguments */

    /* NULL until ctl_open_... */
    struct mr_catalog *catalog;
    struct mr_pg_session *pg, *warehouse;
    struct mr_kafka_conf *kafka;
    struct mr_kafka_admin *admin;
    struct mr_kafka_reader *reader;
    bool kafka_is_away; /* found so by a verb that goes on: nobody waits for it again */
};

/* ctl_run.c: finds the verb in argv, reads the settings, runs it. Prints help and errors. */
int ctl_run(char **argv);

/* The verb's own arguments, from 0; NULL past the end. */
const char *ctl_arg(const struct ctl *ctl, size_t index);
const char *ctl_text(const struct ctl *ctl, const char *name); /* mr_config_text */

/* Prints "millracectl VERB: ..." on standard error and returns exit. */
enum ctl_exit ctl_end(const struct ctl *ctl, enum ctl_exit exit, const char *fmt, ...)
    MR_PRINTF(3, 4);
/* The same for a call that failed: MR_INVALID is CTL_NOT_SO, anything else CTL_ERROR. */
enum ctl_exit ctl_fail(const struct ctl *ctl, enum mr_status status, const struct mr_error *why);

/* ---- ctl_open.c: each returns MR_OK at once when it is open already. Errors name which server. */
MR_MUST_CHECK enum mr_status ctl_open_catalog(struct ctl *ctl, struct mr_error *why);
/* MR_FATAL: the schema of millrace is missing or older than this program: `millracectl migrate`. */
MR_MUST_CHECK enum mr_status ctl_open_pg(struct ctl *ctl, struct mr_error *why);
/* Another session beside ctl->pg, the caller's. */
MR_MUST_CHECK enum mr_status ctl_connect_pg(const struct ctl *ctl, struct mr_pg_session **out,
                                            struct mr_error *why);
MR_MUST_CHECK enum mr_status ctl_open_warehouse(struct ctl *ctl, struct mr_error *why);
MR_MUST_CHECK enum mr_status
ctl_connect_warehouse(const struct ctl *ctl, struct mr_pg_session **out, struct mr_error *why);
MR_MUST_CHECK enum mr_status ctl_open_admin(struct ctl *ctl, struct mr_error *why);
MR_MUST_CHECK enum mr_status ctl_open_reader(struct ctl *ctl, struct mr_error *why);
void ctl_close(struct ctl *ctl);

/* An empty list of parameters in ctl->arena. */
struct mr_pg_params ctl_params(struct ctl *ctl);
/* "user@host", for the audit table. */
const char *ctl_actor(struct ctl *ctl);

#endif
