/* Applies migrations, one blocking session under one advisory lock. */
#include "mr_pg_migrate.h"
#include "mr_digest.h"
#include "mr_pg_session_impl.h"

#include <stdio.h>

#define LOCK_WAIT_MS       60000
#define TABLE_LOCK_WAIT_MS 10000
#define CHECKSUM_TEXT      64

/* One key for every millrace in a database: "millrace" as eight bytes. */
static const char take_lock[] = "SELECT pg_advisory_lock(7883951835720016741)";

static const char base[] =
    "CREATE SCHEMA IF NOT EXISTS millrace;"
    "CREATE TABLE IF NOT EXISTS millrace.migration ("
    " domain text NOT NULL, number int NOT NULL, name text NOT NULL, checksum text NOT NULL,"
    " applied_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (domain, number));"
    "COMMENT ON TABLE millrace.migration IS 'The SQL files that millracectl migrate has applied.'";

static const char select_checksum[] =
    "SELECT checksum FROM millrace.migration WHERE domain = $1::text AND number = $2::int";

static const char insert_migration[] =
    "INSERT INTO millrace.migration (domain, number, name, checksum)"
    " VALUES ($1::text, $2::int, $3::text, $4::text)";

static void checksum_of(const char *sql, char out[CHECKSUM_TEXT + 1])
{
    struct mr_slice part = mr_slice_text(sql);
    struct mr_digest d = mr_digest_of(&part, 1);
    for (size_t i = 0; i < sizeof d.bytes; i++)
        snprintf(out + 2 * i, 3, "%02x", d.bytes[i]);
}

static enum mr_status set_lock_timeout(struct mr_pg_session *session, int ms, struct mr_error *why)
{
    char sql[64];
    snprintf(sql, sizeof sql, "SET lock_timeout = %d", ms);
    return mr_pg_session_script(session, sql, why);
}

/* What is recorded of the migration: "" when it was not applied. */
static enum mr_status recorded(struct mr_pg_session *session, const struct mr_pg_params *key,
                               char checksum[CHECKSUM_TEXT + 1], struct mr_error *why)
{
    struct mr_pg_result *result;
    checksum[0] = 0;
    enum mr_status s = mr_pg_session_exec(session, select_checksum, key, &result, why);
    if (s != MR_OK)
        return s;
    if (mr_pg_result_rows(result) > 0)
        snprintf(checksum, CHECKSUM_TEXT + 1, "%.*s",
                 MR_SLICE_FMT(mr_pg_result_text(result, 0, 0)));
    mr_pg_result_free(result);
    return MR_OK;
}

static enum mr_status run(struct mr_pg_session *session, const struct mr_pg_migration *m,
                          const struct mr_pg_params *row, struct mr_error *why)
{
    enum mr_status s = mr_pg_session_script(session, "BEGIN", why);
    if (s == MR_OK)
        s = mr_pg_session_script(session, m->sql, why);
    if (s == MR_OK && !mr_pg_session_in_transaction(session))
        s = mr_fail(why, MR_INVALID,
                    "ends the transaction that it runs in: leave BEGIN and COMMIT out");
    if (s == MR_OK)
        s = mr_pg_session_exec(session, insert_migration, row, NULL, why);
    if (s == MR_OK)
        s = mr_pg_session_script(session, "COMMIT", why);
    if (s != MR_OK) {
        struct mr_error ignored; /* the first error is the one to tell */
        enum mr_status rolled_back = mr_pg_session_script(session, "ROLLBACK", &ignored);
        (void)rolled_back;
    }
    return s;
}

static enum mr_status apply(struct mr_pg_session *session,
                            const struct mr_pg_migrate_options *options, const char *domain,
                            const struct mr_pg_migration *m, struct mr_error *why)
{
    char checksum[CHECKSUM_TEXT + 1], was[CHECKSUM_TEXT + 1];
    struct mr_error said;
    struct mr_arena arena;
    struct mr_pg_params params;
    checksum_of(m->sql, checksum);
    mr_arena_init(&arena, 65536);
    mr_pg_params_init(&params, &arena);
    mr_pg_param_text(&params, mr_slice_text(domain));
    mr_pg_param_int4(&params, m->number);
    enum mr_status s = recorded(session, &params, was, &said);
    if (s != MR_OK || strcmp(was, checksum) == 0)
        goto out;
    if (was[0]) {
        s = mr_fail(&said, MR_INVALID,
                    "was applied with another text; what is applied never changes, write a new "
                    "file");
        goto out;
    }
    mr_pg_param_text(&params, mr_slice_text(m->name));
    mr_pg_param_text(&params, mr_slice_text(checksum));
    s = run(session, m, &params, &said);
    if (s == MR_FATAL)
        s = MR_INVALID; /* the file is what is wrong */
    if (s == MR_OK && options->on_applied)
        options->on_applied(domain, m, options->data);
out:
    mr_arena_free(&arena);
    if (s != MR_OK)
        return mr_fail(why, s == MR_LOST ? MR_BUSY : s, "%s migration %04d_%s: %s", domain,
                       m->number, m->name, said.text);
    return MR_OK;
}

enum mr_status mr_pg_migrate(const struct mr_pg_migrate_options *options, struct mr_error *why)
{
    int wait_ms = options->lock_wait_ms > 0 ? options->lock_wait_ms : LOCK_WAIT_MS;
    struct mr_error said;
    struct mr_pg_session *session = NULL;
    enum mr_status s = mr_pg_session_open(options->conninfo, "millracectl migrate", &session, why);
    if (s != MR_OK)
        return s;
    s = set_lock_timeout(session, wait_ms, &said);
    if (s == MR_OK)
        s = mr_pg_session_script(session, "SET statement_timeout = 0", &said);
    if (s == MR_OK)
        s = mr_pg_session_exec(session, take_lock, NULL, NULL, &said);
    if (s != MR_OK) {
        s = mr_fail(why, s == MR_LOST ? MR_BUSY : s, "the lock of migrations was not had: %s",
                    said.text);
        goto out;
    }
    s = set_lock_timeout(session, TABLE_LOCK_WAIT_MS, &said);
    if (s == MR_OK)
        s = mr_pg_session_script(session, base, &said);
    if (s != MR_OK) {
        s = mr_fail(why, s == MR_LOST ? MR_BUSY : s, "schema millrace: %s", said.text);
        goto out;
    }
    for (size_t i = 0; i < options->count && s == MR_OK; i++)
        for (int j = 0; j < options->sets[i]->count && s == MR_OK; j++)
            s = apply(session, options, options->sets[i]->domain, &options->sets[i]->list[j], why);
out:
    mr_pg_session_close(session); /* lets go of the lock */
    return s;
}
