/* Asks a database whether it has every migration that this program knows. */
#include "mr_pg_migrate.h"

#include <stdlib.h>

static const struct mr_pg_stmt select_migrations = {
    .sql = "SELECT domain, number FROM millrace.migration",
};

struct check {
    const struct mr_pg_migrations *const *sets;
    size_t count;
    mr_pg_on_checked on_checked;
    void *data;
};

static bool is_applied(const struct mr_pg_result *result, const char *domain, int number)
{
    for (int row = 0; row < mr_pg_result_rows(result); row++)
        if (mr_pg_result_int4(result, row, 1) == number &&
            mr_slice_is(mr_pg_result_text(result, row, 0), domain))
            return true;
    return false;
}

static enum mr_status compare(const struct check *check, const struct mr_pg_result *result,
                              struct mr_error *why)
{
    for (size_t i = 0; i < check->count; i++) {
        const struct mr_pg_migrations *set = check->sets[i];
        for (int j = 0; j < set->count; j++)
            if (!is_applied(result, set->domain, set->list[j].number))
                return mr_fail(why, MR_FATAL,
                               "the database is older than this program: migration %04d_%s of "
                               "%s is not applied; run `millracectl migrate`",
                               set->list[j].number, set->list[j].name, set->domain);
    }
    return MR_OK;
}

static void on_migrations(struct mr_pg_result *result, void *data)
{
    struct check check = *(struct check *)data;
    struct mr_error said = {""}, why = {""};
    free(data);
    enum mr_status s = mr_pg_result_status(result, &said);
    const char *sqlstate = mr_pg_result_error(result).sqlstate;
    if (s == MR_OK)
        s = compare(&check, result, &why);
    else if (strcmp(sqlstate, "42P01") == 0 || strcmp(sqlstate, "3F000") == 0)
        s = mr_fail(&why, MR_FATAL,
                    "the database has no tables of millrace yet; run `millracectl migrate`");
    else
        s = mr_fail(&why, s == MR_FATAL ? MR_FATAL : MR_BUSY,
                    "which migrations the database has is not known: %s", said.text);
    check.on_checked(s, &why, check.data);
}

enum mr_status mr_pg_schema_check(struct mr_pg_conn *conn,
                                  const struct mr_pg_migrations *const *sets, size_t count,
                                  mr_pg_on_checked on_checked, void *data)
{
    struct check *check = malloc(sizeof *check);
    if (!check)
        abort();
    *check = (struct check){sets, count, on_checked, data};
    enum mr_status s = mr_pg_query(conn, &select_migrations, NULL, on_migrations, check);
    if (s != MR_OK) {
        free(check);
        return s;
    }
    mr_pg_sync(conn);
    return MR_OK;
}
