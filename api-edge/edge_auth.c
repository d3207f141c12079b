#include "edge_auth.h"

#include "mr_map.h"
#include <assert.h>

#define ABSENT_MS    2000 /* how long an unknown key is not asked for again */
#define RECHECK_MS   1000 /* a known key with another secret is not asked for more often */
#define KNOWN_MAX    10000
#define ABSENT_MAX   1000
#define ASKING_MAX   64
#define SCOPE_BYTES  96 /* of one scope; a longer one is never a schema's */
#define SCOPES_BYTES (EDGE_KEY_SCOPES_MAX * 16)

enum key_state {
    KEY_ASKING, /* nothing is known of it yet */
    KEY_KNOWN,
    KEY_ABSENT
};

struct edge_key {
    UT_hash_handle hh;
    struct mr_uuid id; /* the hash's key */
    enum key_state state;
    bool asking;      /* a look-up is under way */
    bool away;        /* the last one failed; until one succeeds it is served as it is */
    int64_t found_ms; /* when the store last answered */
    int64_t asked_ms; /* when it was last asked */
    struct edge_principal who;
    struct mr_digest hashes[EDGE_KEY_HASHES_MAX];
    size_t hash_count;
    char scopes[SCOPES_BYTES];    /* each followed by a NUL, then an empty one */
    struct edge_auth_ask *asks;   /* who waits for the look-up */
    struct edge_key *prev, *next; /* in its list by use, the newest first */
};

struct edge_auth {
    struct edge_auth_settings set;
    struct edge_key *keys; /* all, by id */
    struct edge_key *known, *absent;
    uint32_t known_count, absent_count, asking_count;
    struct mr_counter *hits, *misses, *stale;
    struct mr_gauge *size;
};

/* ---- lists by use ---- */

static struct edge_key **list_of(struct edge_auth *a, const struct edge_key *key)
{
    return key->state == KEY_KNOWN ? &a->known : &a->absent;
}

static uint32_t *count_of(struct edge_auth *a, const struct edge_key *key)
{
    return key->state == KEY_KNOWN ? &a->known_count : &a->absent_count;
}

static void unlist(struct edge_auth *a, struct edge_key *key)
{
    if (key->state == KEY_ASKING) {
        a->asking_count--;
        return;
    }
    struct edge_key **list = list_of(a, key);
    DL_DELETE(*list, key);
    (*count_of(a, key))--;
}

static void forget(struct edge_auth *a, struct edge_key *key)
{
    assert(!key->asks && !key->asking);
    unlist(a, key);
    HASH_DEL(a->keys, key);
    free(key);
}

/* Moves a key into the list of a state, and lets the longest unused one go where that is full. */
static void enlist(struct edge_auth *a, struct edge_key *key, enum key_state state)
{
    unlist(a, key);
    key->state = state;
    struct edge_key **list = list_of(a, key);
    DL_PREPEND(*list, key);
    uint32_t *count = count_of(a, key);
    uint32_t max = state == KEY_KNOWN ? a->set.known_max : a->set.absent_max;
    if (++*count <= max)
        return;
    for (struct edge_key *oldest = (*list)->prev; oldest != key; oldest = oldest->prev)
        if (!oldest->asking) { /* one that is asked for is in use */
            forget(a, oldest);
            return;
        }
}

static void touch(struct edge_auth *a, struct edge_key *key)
{
    struct edge_key **list = list_of(a, key);
    if (*list == key)
        return;
    DL_DELETE(*list, key);
    DL_PREPEND(*list, key);
}

/* ---- questions ---- */

struct edge_auth *edge_auth_new(const struct edge_auth_settings *settings)
{
    struct edge_auth *a = calloc(1, sizeof *a);
    if (!a)
        abort();
    a->set = *settings;
    a->set.known_max = settings->known_max ? settings->known_max : KNOWN_MAX;
    a->set.absent_max = settings->absent_max ? settings->absent_max : ABSENT_MAX;
    a->set.asking_max = settings->asking_max ? settings->asking_max : ASKING_MAX;
    if (!settings->metrics)
        return a;
    static const char name[] = "millrace_edge_key_lookups_total";
    static const char help[] =
        "API keys asked for: known to the cache, looked up, or served though "
        "too old because Postgres is away";
    a->hits = mr_metrics_counter(settings->metrics, name, help, MR_LABELS({"result", "hit"}));
    a->misses = mr_metrics_counter(settings->metrics, name, help, MR_LABELS({"result", "miss"}));
    a->stale = mr_metrics_counter(settings->metrics, name, help, MR_LABELS({"result", "stale"}));
    a->size = mr_metrics_gauge(settings->metrics, "millrace_edge_keys_cached",
                               "API keys in the cache, unknown ones among them", NULL);
    return a;
}

void edge_auth_free(struct edge_auth *a)
{
    struct edge_key *key, *next;
    if (!a)
        return;
    HASH_ITER (hh, a->keys, key, next) {
        assert(!key->asks);
        HASH_DEL(a->keys, key);
        free(key);
    }
    free(a);
}

static void count(struct mr_counter *counter)
{
    if (counter)
        mr_counter_add(counter, 1);
}

static bool has_scope(const struct edge_key *key, const char *scope)
{
    for (const char *s = key->scopes; *s; s += strlen(s) + 1)
        if (strcmp(s, scope) == 0)
            return true;
    return false;
}

static bool has_secret(const struct edge_key *key, const struct edge_token *token)
{
    bool is = false;
    for (size_t i = 0; i < key->hash_count; i++)
        is |= edge_token_is(token, &key->hashes[i]); /* all, so that time tells nothing */
    return is;
}

/* What the cache makes of a question, without asking. */
static enum edge_verdict judge(const struct edge_key *key, const struct edge_auth_ask *ask,
                               struct edge_principal *who)
{
    if (key->state == KEY_ASKING)
        return EDGE_KEY_AWAY;
    if (key->state == KEY_ABSENT || !has_secret(key, &ask->token))
        return EDGE_KEY_BAD;
    if (ask->scope && !has_scope(key, ask->scope))
        return EDGE_KEY_FORBIDDEN;
    *who = key->who;
    return EDGE_KEY_GOOD;
}

/* False when the store does not take the question. */
static bool look_up(struct edge_auth *a, struct edge_key *key, int64_t now)
{
    if (key->asking)
        return true;
    key->asked_ms = now;
    key->asking = a->set.store.look_up(a->set.store.impl, &key->id) == MR_OK;
    key->away |= !key->asking;
    return key->asking;
}

static enum edge_verdict wait_for(struct edge_key *key, struct edge_auth_ask *ask)
{
    ask->key = key;
    DL_APPEND(key->asks, ask);
    return EDGE_KEY_PENDING;
}

static enum edge_verdict ask_anew(struct edge_auth *a, struct edge_auth_ask *ask, int64_t now)
{
    count(a->misses);
    if (a->asking_count >= a->set.asking_max)
        return EDGE_KEY_AWAY;
    struct edge_key *key = calloc(1, sizeof *key);
    if (!key)
        abort();
    key->id = ask->token.key_id;
    if (!look_up(a, key, now)) {
        free(key);
        return EDGE_KEY_AWAY;
    }
    a->asking_count++;
    HASH_ADD(hh, a->keys, id, sizeof key->id, key);
    return wait_for(key, ask);
}

static enum edge_verdict ask_known(struct edge_auth *a, struct edge_key *key,
                                   struct edge_auth_ask *ask, struct edge_principal *who)
{
    int64_t now = mr_loop_now_ms(a->set.loop), age = now - key->found_ms;
    bool is_old = age > a->set.key_cache_ms;
    touch(a, key);
    if (key->away) { /* asked again beside, once a second; whoever asks is served meanwhile */
        if (now - key->asked_ms >= RECHECK_MS)
            (void)look_up(a, key, now);
        count(is_old ? a->stale : a->hits);
        return judge(key, ask, who);
    }
    if (is_old || (!has_secret(key, &ask->token) && now - key->asked_ms >= RECHECK_MS)) {
        count(a->misses);
        return look_up(a, key, now) ? wait_for(key, ask) : judge(key, ask, who);
    }
    if (age > a->set.key_cache_ms / 2)
        (void)look_up(a, key, now);
    count(a->hits);
    return judge(key, ask, who);
}

enum edge_verdict edge_auth_ask(struct edge_auth *a, struct edge_auth_ask *ask,
                                struct edge_principal *who)
{
    struct edge_key *key;
    int64_t now = mr_loop_now_ms(a->set.loop);
    ask->key = NULL;
    HASH_FIND(hh, a->keys, &ask->token.key_id, sizeof ask->token.key_id, key);
    if (!key)
        return ask_anew(a, ask, now);
    if (key->state == KEY_ASKING)
        return wait_for(key, ask);
    if (key->state == KEY_KNOWN)
        return ask_known(a, key, ask, who);
    if (now - key->found_ms <= ABSENT_MS) {
        count(a->hits);
        return EDGE_KEY_BAD;
    }
    count(a->misses);
    return look_up(a, key, now) ? wait_for(key, ask) : EDGE_KEY_AWAY;
}

void edge_auth_drop(struct edge_auth *a, struct edge_auth_ask *ask)
{
    (void)a;
    assert(ask->key);
    DL_DELETE(ask->key->asks, ask);
    ask->key = NULL;
}

/* ---- answers of the store ---- */

static void keep_row(struct edge_key *key, const struct edge_key_row *row)
{
    size_t used = 0;
    key->who = (struct edge_principal){
        .key_id = key->id, .account = row->account, .operator_ = row->operator_};
    key->hash_count = row->hash_count < EDGE_KEY_HASHES_MAX ? row->hash_count : EDGE_KEY_HASHES_MAX;
    memcpy(key->hashes, row->hashes, key->hash_count * sizeof *key->hashes);
    memset(key->scopes, 0, sizeof key->scopes);
    for (size_t i = 0; i < row->scope_count && i < EDGE_KEY_SCOPES_MAX; i++) {
        struct mr_slice scope = row->scopes[i];
        if (scope.len == 0 || scope.len > SCOPE_BYTES || scope.len + 2 > sizeof key->scopes - used)
            continue;
        memcpy(key->scopes + used, scope.data, scope.len);
        used += scope.len + 1;
    }
}

/* Answers may ask again or drop others: the list is taken one by one. */
static void answer_all(struct edge_key *key)
{
    struct edge_auth_ask *ask;
    while ((ask = key->asks)) {
        struct edge_principal who;
        DL_DELETE(key->asks, ask);
        ask->key = NULL;
        enum edge_verdict verdict = judge(key, ask, &who);
        ask->answered(ask, verdict, verdict == EDGE_KEY_GOOD ? &who : NULL);
    }
}

static struct edge_key *end_look_up(struct edge_auth *a, const struct mr_uuid *key_id)
{
    struct edge_key *key;
    HASH_FIND(hh, a->keys, key_id, sizeof *key_id, key);
    assert(key && key->asking); /* a key is kept while it is asked for */
    return key;
}

void edge_auth_found(struct edge_auth *a, const struct mr_uuid *key_id,
                     const struct edge_key_row *row)
{
    struct edge_key *key = end_look_up(a, key_id);
    bool is_there = row && !row->revoked;
    key->away = false;
    key->found_ms = mr_loop_now_ms(a->set.loop);
    if (is_there)
        keep_row(key, row);
    enlist(a, key, is_there ? KEY_KNOWN : KEY_ABSENT);
    if (a->size)
        mr_gauge_set(a->size, a->known_count + a->absent_count);
    answer_all(key);
    key->asking = false; /* not before: an answer must not push the key out */
}

void edge_auth_away(struct edge_auth *a, const struct mr_uuid *key_id)
{
    struct edge_key *key = end_look_up(a, key_id);
    key->away = true;
    if (key->state == KEY_KNOWN) {
        answer_all(key);
        key->asking = false;
        return;
    }
    struct edge_auth_ask *ask;
    while ((ask = key->asks)) {
        DL_DELETE(key->asks, ask);
        ask->key = NULL;
        ask->answered(ask, EDGE_KEY_AWAY, NULL);
    }
    key->asking = false;
    forget(a, key);
}
