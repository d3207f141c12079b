/* millracectl keys create|list|revoke. A secret is shown once, when it is made; only its hash is
 * stored, and neither goes into the audit table. */
#include "ctl_key.h"
#include "ctl_table.h"
#include "ctl_verbs.h"
#include "mr_random.h"

#include <sodium.h>
#include <stdio.h>

static const struct mr_setting create_flags[] = {
    {"ACCOUNT", NULL, "whose key it is; an operator's works for every account",
     .kind = MR_CONFIG_UUID},
    {"SCOPES", NULL, "what it may do, like billing:read,billing:write", .kind = MR_CONFIG_TEXT},
    {"OPERATOR", "false", "an operator's key", .kind = MR_CONFIG_BOOL},
    {"NOTE", "", "what it is for", .kind = MR_CONFIG_TEXT, .max = 500},
};

static const char insert_key[] =
    "WITH k AS (INSERT INTO millrace.api_key (id, account_id, operator, scopes, note) "
    "VALUES ($1::uuid, $2::uuid, $3::bool, $4::text[], $5::text) RETURNING id), "
    "s AS (INSERT INTO millrace.api_secret (key_id, hash) SELECT k.id, $6::bytea FROM k) "
    "INSERT INTO millrace.audit (actor, action, target, reason, detail) "
    "SELECT $7::text, 'keys create', k.id::text, $5::text, jsonb_build_object('account_id', "
    "$2::uuid, 'operator', $3::bool, 'scopes', $4::text[]) FROM k";

/* A scope that no schema names is allowed, for a domain to come, but most likely a slip. */
static void warn_of_unknown(struct ctl *ctl, const struct mr_slice *scopes, size_t count)
{
    struct mr_error why;
    if (ctl_open_catalog(ctl, &why) != MR_OK)
        return; /* the key does not depend on it */
    for (size_t i = 0; i < count; i++) {
        bool is_known = false;
        for (size_t c = 0; c < ctl->catalog->command_count; c++)
            is_known |= mr_slice_is(scopes[i], ctl->catalog->commands[c].scope);
        for (size_t r = 0; r < ctl->catalog->resource_count; r++)
            is_known |= mr_slice_is(scopes[i], ctl->catalog->resources[r].scope);
        if (!is_known)
            (void)ctl_end(ctl, CTL_DONE, "note: no schema asks for scope %.*s",
                          MR_SLICE_FMT(scopes[i]));
    }
}

struct new_key {
    struct mr_uuid id;
    struct mr_slice scopes[CTL_KEY_SCOPES_MAX];
    size_t scope_count;
    struct mr_digest hash;
};

static enum mr_status insert(struct ctl *ctl, const struct new_key *key, struct mr_error *why)
{
    struct mr_uuid account;
    struct mr_pg_array list;
    struct mr_pg_params p = ctl_params(ctl);
    if (mr_uuid_parse(mr_slice_text(ctl_text(ctl, "ACCOUNT")), &account) != MR_OK)
        return mr_fail(why, MR_INVALID, "--account is not a UUID");
    mr_pg_param_uuid(&p, &key->id);
    mr_pg_param_uuid(&p, &account);
    mr_pg_param_bool(&p, mr_config_int(ctl->config, "OPERATOR") != 0);
    mr_pg_array_init(&list, &ctl->arena, MR_PG_TEXT, (uint32_t)key->scope_count);
    for (size_t i = 0; i < key->scope_count; i++)
        mr_pg_array_text(&list, key->scopes[i]);
    mr_pg_param_array(&p, &list);
    mr_pg_param_text(&p, mr_slice_text(ctl_text(ctl, "NOTE")));
    mr_pg_param_bytea(&p, mr_slice(key->hash.bytes, sizeof key->hash.bytes));
    mr_pg_param_text(&p, mr_slice_text(ctl_actor(ctl)));
    return mr_pg_session_exec(ctl->pg, insert_key, &p, NULL, why);
}

static enum ctl_exit run_create(struct ctl *ctl)
{
    struct new_key key = {.id = mr_random_uuid_v7()};
    struct mr_error why;
    if (!ctl_text(ctl, "ACCOUNT") || !ctl_text(ctl, "SCOPES"))
        return ctl_end(ctl, CTL_USAGE, "--account=UUID and --scopes=... are needed");
    if (ctl_key_scopes(mr_slice_text(ctl_text(ctl, "SCOPES")), key.scopes, &key.scope_count,
                       &why) != MR_OK)
        return ctl_end(ctl, CTL_USAGE, "--scopes: %s", why.text);
    warn_of_unknown(ctl, key.scopes, key.scope_count);
    enum mr_status s = ctl_open_pg(ctl, &why);
    if (s != MR_OK)
        return ctl_fail(ctl, s, &why);

    uint8_t secret[CTL_KEY_SECRET];
    char text[CTL_KEY_TEXT + 1], id_text[MR_UUID_TEXT + 1];
    mr_random_bytes(secret, sizeof secret);
    key.hash = ctl_key_hash(secret);
    s = insert(ctl, &key, &why);
    if (s == MR_OK) {
        ctl_key_text(&key.id, secret, text);
        printf("key %s of account %s; its secret is shown only now:\n%s\n",
               mr_uuid_text(&key.id, id_text), ctl_text(ctl, "ACCOUNT"), text);
        sodium_memzero(text, sizeof text);
    }
    sodium_memzero(secret, sizeof secret);
    return s == MR_OK ? CTL_DONE : ctl_fail(ctl, s, &why);
}

static enum ctl_exit run_list(struct ctl *ctl)
{
    static const char sql[] =
        "SELECT id::text, account_id::text, CASE WHEN operator THEN 'operator' ELSE 'account' END, "
        "to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), coalesce('revoked ' || "
        "to_char(revoked_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), 'valid'), "
        "array_to_string(scopes, ','), note FROM millrace.api_key ORDER BY created_at, id";
    struct mr_pg_result *r;
    struct mr_error why;
    enum mr_status s = ctl_open_pg(ctl, &why);
    if (s == MR_OK)
        s = mr_pg_session_exec_text(ctl->pg, sql, NULL, &r, &why);
    if (s != MR_OK)
        return ctl_fail(ctl, s, &why);
    struct ctl_table *t = ctl_table_new("ID|ACCOUNT|KIND|CREATED|STATE|SCOPES|NOTE");
    for (int row = 0; row < mr_pg_result_rows(r); row++)
        for (int column = 0; column < mr_pg_result_columns(r); column++)
            ctl_table_slice(t, mr_pg_result_text(r, row, column));
    ctl_table_end(t, "There is no key yet: millracectl keys create makes one.");
    mr_pg_result_free(r);
    return CTL_DONE;
}

/* One statement: who was first is told apart from who came second. */
static const char revoke_key[] =
    "WITH k AS (UPDATE millrace.api_key SET revoked_at = now() "
    "WHERE id = $1::uuid AND revoked_at IS NULL RETURNING id), "
    "a AS (INSERT INTO millrace.audit (actor, action, target, reason) "
    "SELECT $2::text, 'keys revoke', k.id::text, '' FROM k) "
    "SELECT EXISTS (SELECT FROM k), EXISTS (SELECT FROM millrace.api_key WHERE id = $1::uuid)";

static enum ctl_exit run_revoke(struct ctl *ctl)
{
    struct mr_uuid id;
    struct mr_error why;
    struct mr_pg_result *r;
    char text[MR_UUID_TEXT + 1];
    if (ctl_key_id(mr_slice_text(ctl_arg(ctl, 0)), &id) != MR_OK)
        return ctl_end(ctl, CTL_USAGE,
                       "the argument is not the id of a key (keys list shows them)");
    struct mr_pg_params p = ctl_params(ctl);
    mr_pg_param_uuid(&p, &id);
    mr_pg_param_text(&p, mr_slice_text(ctl_actor(ctl)));
    enum mr_status s = ctl_open_pg(ctl, &why);
    if (s == MR_OK)
        s = mr_pg_session_exec(ctl->pg, revoke_key, &p, &r, &why);
    if (s != MR_OK)
        return ctl_fail(ctl, s, &why);
    bool revoked = mr_pg_result_bool(r, 0, 0), exists = mr_pg_result_bool(r, 0, 1);
    mr_pg_result_free(r);
    mr_uuid_text(&id, text);
    if (!exists)
        return ctl_end(ctl, CTL_NOT_SO, "there is no key %s", text);
    printf(revoked ? "key %s is revoked; edges may believe it for KEY_CACHE_MS more\n"
                   : "key %s was revoked before\n",
           text);
    return CTL_DONE;
}

const struct ctl_verb ctl_keys_create = {
    .name = "keys create",
    .usage = "--account=UUID --scopes=a:b,c:d [--operator] [--note=TEXT]",
    .summary = "Makes an API key and prints its secret, once, as the last line",
    .own = create_flags,
    .own_count = sizeof create_flags / sizeof *create_flags,
    .run = run_create,
};
const struct ctl_verb ctl_keys_list = {
    .name = "keys list",
    .usage = "[flags]",
    .summary = "Shows all API keys, without secrets",
    .run = run_list,
};
const struct ctl_verb ctl_keys_revoke = {
    .name = "keys revoke",
    .usage = "ID",
    .summary = "Ends an API key for good",
    .args_min = 1,
    .args_max = 1,
    .run = run_revoke,
};
