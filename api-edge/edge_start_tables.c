/* Postgres' side of the checks at start: migrations, lanes of the domains, and what resources are
 * read from, one after the other on a connection of their own. */
#include "edge_read.h"
#include "edge_start_own.h"
#include "millrace_migrations.h"
#include "mr_pg_migrate.h"

static const struct mr_pg_migrations *const schema_sets[] = {&millrace_migrations};

static void on_pg_closed(void *data)
{
    struct edge_start *s = data;
    s->conn = NULL;
    if (s->is_closing)
        edge_start_end(s);
    else
        edge_start_compare(s);
}

static void retry_pg(struct edge_start *s, const char *why)
{
    edge_start_waits(s, s->pg_waits, why);
    if (s->conn && !s->is_closing)
        mr_timer_start(&s->retry_pg, EDGE_START_RETRY_MS);
}

static void ask_probe(struct edge_start *s);

static void on_probe(struct mr_pg_result *result, void *data)
{
    struct edge_start *s = data;
    const struct mr_catalog_resource *resource = &s->set.edge->catalog->resources[s->probing];
    struct mr_error why, text;
    enum mr_status status = mr_pg_result_status(result, &why);
    if (status == MR_OK) {
        s->probing++;
        ask_probe(s);
    } else if (status == MR_FATAL || status == MR_INVALID) {
        (void)mr_fail(&text, MR_FATAL, "%s: %s cannot be read: %s. Run millracectl migrate",
                      resource->file, resource->view ? resource->view : resource->function,
                      why.text);
        edge_start_differs(s, text.text);
    } else {
        retry_pg(s, why.text);
    }
}

static void ask_probe(struct edge_start *s)
{
    const struct mr_catalog *catalog = s->set.edge->catalog;
    struct mr_arena arena;
    struct mr_pg_params params;
    static const struct mr_uuid nobody;
    if (s->probing == catalog->resource_count) {
        s->pg_done = true;
        mr_pg_close(s->conn, on_pg_closed, s);
        return;
    }
    const struct edge_sql *sql =
        edge_reads_sql(s->set.edge->reads, &catalog->resources[s->probing]);
    mr_arena_init(&arena, 4096);
    mr_pg_params_init(&params, &arena);
    mr_pg_param_uuid(&params, &nobody);
    if (mr_pg_query(s->conn, &sql->probe, &params, on_probe, s) == MR_OK)
        mr_pg_sync(s->conn);
    else
        retry_pg(s, "Postgres went away");
    mr_arena_free(&arena);
}

static const struct mr_pg_stmt select_domains = {
    .sql = "SELECT name, lanes FROM millrace.domain",
};

static void on_domains(struct mr_pg_result *result, void *data)
{
    struct edge_start *s = data;
    const struct mr_catalog *catalog = s->set.edge->catalog;
    struct mr_error why;
    if (mr_pg_result_status(result, &why) != MR_OK) {
        retry_pg(s, why.text);
        return;
    }
    for (int row = 0; row < mr_pg_result_rows(result); row++) {
        const struct mr_catalog_domain *domain =
            mr_catalog_domain_of(catalog, mr_pg_result_text(result, row, 0).data);
        if (domain)
            s->row_lanes[domain->index] = mr_pg_result_int4(result, row, 1);
    }
    for (size_t i = 0; i < catalog->domain_count; i++)
        if (catalog->domains[i].command_count > 0 && s->row_lanes[i] == 0) {
            (void)mr_fail(&why, MR_BUSY,
                          "millrace.domain does not know %s: run millracectl topics create",
                          catalog->domains[i].name);
            retry_pg(s, why.text);
            return;
        } else if (s->set.lanes && s->row_lanes[i] && s->row_lanes[i] != s->set.lanes) {
            (void)mr_fail(&why, MR_FATAL,
                          "MILLRACE_LANES is %d, and millrace.domain says %d lanes of %s",
                          (int)s->set.lanes, (int)s->row_lanes[i], catalog->domains[i].name);
            edge_start_differs(s, why.text);
            return;
        }
    s->probing = 0;
    ask_probe(s);
}

static void on_schema(enum mr_status status, const struct mr_error *why, void *data)
{
    struct edge_start *s = data;
    if (status == MR_FATAL) {
        edge_start_differs(s, why->text);
    } else if (status != MR_OK) {
        retry_pg(s, why->text);
    } else if (mr_pg_query(s->conn, &select_domains, NULL, on_domains, s) == MR_OK) {
        mr_pg_sync(s->conn);
    } else {
        retry_pg(s, "Postgres went away");
    }
}

static void ask_schema(void *data)
{
    struct edge_start *s = data;
    if (mr_pg_schema_check(s->conn, schema_sets, sizeof schema_sets / sizeof *schema_sets,
                           on_schema, s) != MR_OK)
        retry_pg(s, "Postgres is away");
}

static void on_up(struct mr_pg_conn *conn, const struct mr_pg_backend *backend, void *data)
{
    struct edge_start *s = data;
    (void)conn;
    (void)backend;
    mr_timer_start(&s->retry_pg, 0);
}

static void on_down(struct mr_pg_conn *conn, const struct mr_pg_down *down, void *data)
{
    struct edge_start *s = data;
    (void)conn;
    mr_timer_stop(&s->retry_pg); /* on_up asks again */
    edge_start_waits(s, s->pg_waits, down->why.text);
}

enum mr_status edge_start_tables(struct edge_start *s, const char *pg, struct mr_error *why)
{
    struct mr_pg_options options = {.conninfo = pg,
                                    .application_name = "millrace-edge start",
                                    .statement_timeout_ms = EDGE_READ_DEADLINE_MS};
    struct mr_pg_events events = {.on_up = on_up, .on_down = on_down, .data = s};
    mr_timer_init(&s->retry_pg, s->set.edge->loop, ask_schema, s);
    return mr_pg_open(&s->set.edge->loop->uv, &options, &events, &s->conn, why);
}

void edge_start_tables_close(struct edge_start *s)
{
    mr_timer_stop(&s->retry_pg);
    if (s->conn && !s->pg_done)
        mr_pg_close(s->conn, on_pg_closed, s);
}
