/* Migrations: numbered SQL files beside their domain, embedded in the program at build time by
 * mr_embed (cmake/mr_embed.cmake), run by `millracectl migrate`, checked by every program.
 *
 * What is applied is recorded in millrace.migration(domain, number, name, checksum, applied_at).
 * Files are additive and never change once applied. */
#ifndef MR_PG_MIGRATE_H
#define MR_PG_MIGRATE_H

#include "mr_pg_conn.h"

struct mr_pg_migration {
    int number;       /* 1, 2, ... from the file's name: 0001_invoice.sql */
    const char *name; /* invoice */
    const char *sql;  /* any number of statements; the file is one transaction */
};

/* One domain's files, by number. */
struct mr_pg_migrations {
    const char *domain;
    const struct mr_pg_migration *list;
    int count;
};

struct mr_pg_migrate_options {
    const char *conninfo;
    const struct mr_pg_migrations *const *sets; /* in the order to apply; "millrace" first */
    size_t count;
    int lock_wait_ms; /* for another migration that is running [60,000] */
    /* Called after each file that was applied now; may be NULL. */
    void (*on_applied)(const char *domain, const struct mr_pg_migration *migration, void *data);
    void *data;
};

/* Applies what is missing, under one advisory lock, each file in its own transaction. BLOCKS: for
 * millracectl only.
 *   MR_BUSY     not connected, another migration held the lock too long, or a table was locked
 *   MR_INVALID  a file that was applied has another text now, or one file fails: why names it
 *   MR_FATAL    anything else (permission, no such database) */
MR_MUST_CHECK enum mr_status mr_pg_migrate(const struct mr_pg_migrate_options *options,
                                           struct mr_error *why);

/* MR_OK: the database has every migration of the sets (it may be newer). MR_FATAL: it is older;
 * why names the missing one and `millracectl migrate`. MR_BUSY: the answer was lost or refused for
 * now; ask again. */
typedef void (*mr_pg_on_checked)(enum mr_status status, const struct mr_error *why, void *data);

/* Asks on a connection that is up, as a group of its own (no group may be open). sets must live
 * until the answer. Returns what mr_pg_query returns; on_checked follows only after MR_OK. */
MR_MUST_CHECK enum mr_status mr_pg_schema_check(struct mr_pg_conn *conn,
                                                const struct mr_pg_migrations *const *sets,
                                                size_t count, mr_pg_on_checked on_checked,
                                                void *data);

#endif
