#include "loader_tables.h"

#include "mr_arena.h"
#include "mr_ddl.h"
#include "mr_pg_session.h"
#include <stdio.h>
#include <stdlib.h>

/* One key for every loader of a warehouse: "loader" as eight bytes. */
static const char take_lock[] = "SELECT pg_advisory_lock(7813577649530896384)";
/* An analyst's long query must not hold the start up without a word: it is tried again. */
static const char bounds[] = "SET lock_timeout = 5000; SET statement_timeout = 60000";

static const char select_columns[] =
    "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a "
    "WHERE a.attrelid = to_regclass('public.' || quote_ident($1::text)) AND a.attnum > 0 "
    "AND NOT a.attisdropped ORDER BY a.attnum";

struct making {
    struct mr_pg_session *session;
    const struct mr_catalog *catalog;
    struct mr_arena arena; /* of the table at hand */
    struct loader_tables out;
};

static char *copy_of(const struct mr_error *why)
{
    char *text = strdup(why->text);
    if (!text)
        abort();
    return text;
}

/* Lost and busy end the whole; a refusal is the table's or the views' own. */
static bool is_refusal(enum mr_status status)
{
    return status == MR_INVALID || status == MR_FATAL;
}

static enum mr_status roll_back(struct making *m, enum mr_status status)
{
    struct mr_error ignored; /* the first error is the one to tell */
    enum mr_status rolled_back = mr_pg_session_script(m->session, "ROLLBACK", &ignored);
    return is_refusal(status) && rolled_back != MR_OK ? rolled_back : status;
}

/* Statements as one transaction. */
static enum mr_status run(struct making *m, char *const *statements, size_t count,
                          struct mr_error *why)
{
    enum mr_status s = mr_pg_session_script(m->session, "BEGIN", why);
    for (size_t i = 0; i < count && s == MR_OK; i++)
        s = mr_pg_session_script(m->session, statements[i], why);
    if (s == MR_OK)
        s = mr_pg_session_script(m->session, "COMMIT", why);
    return s == MR_OK ? MR_OK : roll_back(m, s);
}

static enum mr_status columns_of(struct making *m, const struct mr_catalog_table *table,
                                 struct mr_pg_result **out, struct mr_error *why)
{
    struct mr_pg_params p;
    mr_arena_reset(&m->arena);
    mr_pg_params_init(&p, &m->arena);
    mr_pg_param_text(&p, mr_slice_text(table->name));
    return mr_pg_session_exec_text(m->session, select_columns, &p, out, why);
}

static enum mr_status make_table(struct making *m, const struct mr_catalog_table *table,
                                 struct mr_error *why)
{
    struct mr_pg_result *columns = NULL;
    struct mr_ddl ddl = {.dialect = MR_DDL_POSTGRES};
    enum mr_status s = columns_of(m, table, &columns, why);
    if (s != MR_OK)
        return s;
    size_t count = (size_t)mr_pg_result_rows(columns);
    struct mr_ddl_found *found = mr_arena_array(&m->arena, count, sizeof *found);
    if (!found)
        abort(); /* Postgres has at most 1,600 columns */
    for (size_t i = 0; i < count; i++)
        found[i] = (struct mr_ddl_found){
            .name = mr_pg_result_text(columns, (int)i, 0).data,
            .type = mr_pg_result_text(columns, (int)i, 1).data,
        };
    s = mr_ddl_upgrade(&ddl, table, found, count, why);
    if (s == MR_OK && ddl.count > 0)
        s = run(m, ddl.statements, ddl.count, why);
    mr_ddl_free(&ddl);
    mr_pg_result_free(columns);
    return s;
}

static enum mr_status make_tables(struct making *m, struct mr_error *why)
{
    for (size_t i = 0; i < m->catalog->table_count; i++) {
        enum mr_status s = make_table(m, &m->catalog->tables[i], why);
        if (is_refusal(s)) {
            m->out.stopped[i] = copy_of(why);
            m->out.stopped_count++;
        } else if (s != MR_OK) {
            return s;
        }
    }
    return MR_OK;
}

static enum mr_status make_views(struct making *m, struct mr_error *why)
{
    for (size_t i = 0; i < m->catalog->domain_count; i++) {
        const struct mr_catalog_domain *domain = &m->catalog->domains[i];
        char *sql = (char *)domain->views_sql;
        if (!sql)
            continue;
        enum mr_status s = run(m, &sql, 1, why);
        if (is_refusal(s))
            m->out.views_why[i] = copy_of(why);
        else if (s != MR_OK)
            return s;
    }
    return MR_OK;
}

enum mr_status loader_tables_make(const char *conninfo, const struct mr_catalog *catalog,
                                  struct loader_tables *out, struct mr_error *why)
{
    struct making m = {
        .catalog = catalog,
        .out = {.stopped = calloc(catalog->table_count + 1, sizeof *m.out.stopped),
                .views_why = calloc(catalog->domain_count + 1, sizeof *m.out.views_why),
                .table_count = catalog->table_count,
                .domain_count = catalog->domain_count},
    };
    if (!m.out.stopped || !m.out.views_why)
        abort();
    mr_arena_init(&m.arena, 1 << 20);
    enum mr_status s = mr_pg_session_open(conninfo, "millrace loader tables", &m.session, why);
    if (s == MR_OK)
        s = mr_pg_session_script(m.session, bounds, why);
    if (s == MR_OK)
        s = mr_pg_session_exec(m.session, take_lock, NULL, NULL, why);
    if (s == MR_OK)
        s = make_tables(&m, why);
    if (s == MR_OK)
        s = make_views(&m, why);
    mr_pg_session_close(m.session); /* lets go of the lock */
    mr_arena_free(&m.arena);
    if (s == MR_OK)
        *out = m.out;
    else
        loader_tables_free(&m.out);
    return s == MR_LOST ? MR_BUSY : s;
}

void loader_tables_free(struct loader_tables *tables)
{
    for (size_t i = 0; i < tables->table_count; i++)
        free(tables->stopped[i]);
    for (size_t i = 0; i < tables->domain_count; i++)
        free(tables->views_why[i]);
    free(tables->stopped);
    free(tables->views_why);
    *tables = (struct loader_tables){0};
}
