#include "mr_pg_setup.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *dup_text(const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        abort();
    return copy;
}

static int or_default(int value, int fallback)
{
    return value == 0 ? fallback : value;
}

struct mr_pg_options mr_pg_setup_options(const struct mr_pg_options *given)
{
    struct mr_pg_options o = *given;
    o.conninfo = dup_text(given->conninfo ? given->conninfo : "");
    o.application_name = dup_text(given->application_name ? given->application_name : "millrace");
    o.statement_timeout_ms = or_default(o.statement_timeout_ms, 30000);
    o.lock_timeout_ms = or_default(o.lock_timeout_ms, 10000);
    o.idle_in_transaction_timeout_ms = or_default(o.idle_in_transaction_timeout_ms, 60000);
    o.open_timeout_ms = or_default(o.open_timeout_ms, 10000);
    o.tcp_user_timeout_ms = or_default(o.tcp_user_timeout_ms, 10000);
    o.keepalives_idle_s = or_default(o.keepalives_idle_s, 5);
    if (o.queue_statements_max == 0)
        o.queue_statements_max = 4096;
    if (o.queue_bytes_max == 0)
        o.queue_bytes_max = (size_t)256 << 20;
    return o;
}

void mr_pg_setup_free(struct mr_pg_options *o)
{
    free((void *)o->conninfo);
    free((void *)o->application_name);
}

static const struct mr_pg_stmt hello = {
    .sql = "SELECT pid, (extract(epoch FROM backend_start) * 1000000)::bigint,"
           " to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),"
           " set_config('statement_timeout', $1::text, false),"
           " set_config('lock_timeout', $2::text, false),"
           " set_config('idle_in_transaction_session_timeout', $3::text, false)"
           " FROM pg_catalog.pg_stat_activity WHERE pid = pg_catalog.pg_backend_pid()",
    .nparams = 3,
};

/* Negative: the server's own stays (NULL resets to that). */
static void param_setting(struct mr_pg_params *params, int ms)
{
    char text[16];
    snprintf(text, sizeof text, "%d", ms);
    mr_pg_param_text(params, ms < 0 ? (struct mr_slice){0} : mr_slice_text(text));
}

bool mr_pg_setup_greet(const struct mr_pg_options *options, struct mr_pg_pipeline *pipe,
                       mr_pg_on_result on_result, void *data)
{
    struct mr_arena arena;
    struct mr_pg_params params;
    mr_arena_init(&arena, 4096);
    mr_pg_params_init(&params, &arena);
    param_setting(&params, options->statement_timeout_ms);
    param_setting(&params, options->lock_timeout_ms);
    param_setting(&params, options->idle_in_transaction_timeout_ms);
    assert(params.status == MR_OK);
    enum mr_status s = mr_pg_pipeline_query(pipe, &hello, &params, on_result, data);
    mr_arena_free(&arena);
    return s == MR_OK;
}

enum mr_status mr_pg_setup_heard(const struct mr_pg_result *result, struct mr_pg_backend *backend,
                                 struct mr_error *why)
{
    struct mr_error said;
    enum mr_status s = mr_pg_result_status(result, &said);
    if (s != MR_OK)
        return mr_fail(why, s, "the session could not be set up: %s", said.text);
    if (mr_pg_result_rows(result) != 1)
        return mr_fail(why, MR_BUSY, "pg_stat_activity does not show this session");
    backend->pid = mr_pg_result_int4(result, 0, 0);
    backend->start_us = mr_pg_result_int8(result, 0, 1);
    snprintf(backend->start_text, sizeof backend->start_text, "%.*s",
             MR_SLICE_FMT(mr_pg_result_text(result, 0, 2)));
    return MR_OK;
}
