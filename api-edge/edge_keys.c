#include "edge_keys.h"

#include "edge.h"
#include "edge_query.h"
#include <stdlib.h>

/* A row for each secret of the key; one without a hash where it has none. */
static const uint32_t key_types[] = {MR_PG_UUID};
static const struct mr_pg_stmt select_key = {
    .name = "edge_key",
    .sql = "SELECT k.account_id, k.operator, k.revoked_at IS NOT NULL AS revoked,"
           " array_to_string(k.scopes, E'\\n') AS scopes, s.hash"
           " FROM millrace.api_key k LEFT JOIN millrace.api_secret s ON s.key_id = k.id"
           " WHERE k.id = $1 ORDER BY s.created_at DESC LIMIT 8",
    .nparams = 1,
    .types = key_types,
};
enum { COL_ACCOUNT, COL_OPERATOR, COL_REVOKED, COL_SCOPES, COL_HASH };

struct look_up {
    struct edge *edge;
    struct mr_uuid key_id;
};

static size_t split_scopes(struct mr_slice text, struct mr_slice *scopes)
{
    size_t count = 0;
    while (text.len > 0 && count < EDGE_KEY_SCOPES_MAX) {
        const char *end = memchr(text.data, '\n', text.len);
        size_t len = end ? (size_t)(end - text.data) : text.len;
        scopes[count++] = mr_slice(text.data, len);
        size_t skip = end ? len + 1 : len;
        text = mr_slice(text.data + skip, text.len - skip);
    }
    return count;
}

static void on_key(struct mr_pg_result *result, void *data)
{
    struct look_up asked = *(struct look_up *)data;
    struct edge *edge = asked.edge;
    struct mr_error why;
    free(data);
    if (mr_pg_result_status(result, &why) != MR_OK) {
        MR_LOG_LIMITED(edge->log, &edge->refused, WARN, "an API key cannot be looked up",
                       mr_f_text("error", why.text));
        edge_auth_away(edge->auth, &asked.key_id);
        return;
    }
    int rows = mr_pg_result_rows(result);
    if (rows == 0) {
        edge_auth_found(edge->auth, &asked.key_id, NULL);
        return;
    }
    struct mr_digest hashes[EDGE_KEY_HASHES_MAX];
    struct mr_slice scopes[EDGE_KEY_SCOPES_MAX];
    struct edge_key_row row = {
        .account = mr_pg_result_uuid(result, 0, COL_ACCOUNT),
        .operator_ = mr_pg_result_bool(result, 0, COL_OPERATOR),
        .revoked = mr_pg_result_bool(result, 0, COL_REVOKED),
        .hashes = hashes,
        .scopes = scopes,
        .scope_count = split_scopes(mr_pg_result_text(result, 0, COL_SCOPES), scopes),
    };
    for (int i = 0; i < rows && row.hash_count < EDGE_KEY_HASHES_MAX; i++) {
        struct mr_slice hash = mr_pg_result_bytea(result, i, COL_HASH);
        if (hash.len == sizeof hashes->bytes)
            memcpy(hashes[row.hash_count++].bytes, hash.data, hash.len);
    }
    edge_auth_found(edge->auth, &asked.key_id, &row);
}

static enum mr_status look_up_key(void *impl, const struct mr_uuid *key_id)
{
    struct edge *edge = impl;
    struct mr_arena arena;
    struct mr_pg_params params;
    struct edge_query *query;
    struct look_up *asked = malloc(sizeof *asked);
    if (!asked)
        abort();
    *asked = (struct look_up){.edge = edge, .key_id = *key_id};
    mr_arena_init(&arena, 4096);
    mr_pg_params_init(&params, &arena);
    mr_pg_param_uuid(&params, key_id);
    enum mr_status s =
        edge_query_start(edge,
                         &(struct edge_query_ask){.stmt = &select_key,
                                                  .params = &params,
                                                  .deadline_ms = EDGE_AUTH_DEADLINE_MS,
                                                  .answered = on_key,
                                                  .asker = asked},
                         &query);
    mr_arena_free(&arena);
    if (s != MR_OK)
        free(asked);
    return s;
}

struct edge_key_store edge_keys_store(struct edge *edge)
{
    return (struct edge_key_store){.impl = edge, .look_up = look_up_key};
}
