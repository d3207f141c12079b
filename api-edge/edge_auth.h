/* Who asks: API keys, cached.
 *
 *              asked                  found
 *   (unknown) ------> ASKING ------------------> KNOWN --older than half--> asked again, beside
 *                        |   no such key           |  older than key_cache_ms: asked, requests wait
 *                        +-----------> ABSENT      |  ... and the store is away: served as it is
 *                        |             (2 s)       +--revoked--> ABSENT
 *                        +-- store away --> forgotten, 503
 *
 * So a revoked key ends within key_cache_ms, and only while the store is away is one served that is
 * older. The caches are bounded: what was not used for longest gives way, unknown keys never push
 * out known ones. Secrets are compared as hashes, in constant time. */
#ifndef EDGE_AUTH_H
#define EDGE_AUTH_H

#include "edge_token.h"
#include "mr_loop.h"
#include "mr_metrics.h"
#include "mr_slice.h"
#include "mr_uuid.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct edge_auth;

struct edge_principal {
    struct mr_uuid key_id;
    struct mr_uuid account;
    bool operator_; /* for all accounts */
};

/* What the store knows of a key; borrowed. */
struct edge_key_row {
    struct mr_uuid account;
    bool operator_;
    bool revoked;
    const struct mr_digest *hashes; /* of its secrets */
    size_t hash_count;
    const struct mr_slice *scopes;
    size_t scope_count;
};
#define EDGE_KEY_HASHES_MAX 8  /* more secrets of one key are not looked at */
#define EDGE_KEY_SCOPES_MAX 64 /* more scopes of one key are not looked at */

/* Where keys are. look_up answers each MR_OK with exactly one edge_auth_found or edge_auth_away,
 * not from within; another status: it is away, or full. */
struct edge_key_store {
    void *impl;
    enum mr_status (*look_up)(void *impl, const struct mr_uuid *key_id);
};

struct edge_auth_settings {
    struct mr_loop *loop;
    struct mr_metrics *metrics; /* may be NULL */
    struct edge_key_store store;
    int64_t key_cache_ms; /* KEY_CACHE_MS */
    uint32_t known_max;   /* 0: 10,000 */
    uint32_t absent_max;  /* 0: 1,000 */
    uint32_t asking_max;  /* keys looked up at once that were not known; 0: 64 */
};
struct edge_auth *edge_auth_new(const struct edge_auth_settings *settings);
void edge_auth_free(struct edge_auth *auth); /* no question may be open; takes NULL */

enum edge_verdict {
    EDGE_KEY_GOOD,
    EDGE_KEY_BAD,       /* 401: no such key, revoked, or another secret */
    EDGE_KEY_FORBIDDEN, /* 403: good, without the scope */
    EDGE_KEY_AWAY,      /* 503: not known here, and the store is away or too busy */
    EDGE_KEY_PENDING    /* answered will be called */
};

/* A question; the asker's memory, until answered or dropped. */
struct edge_auth_ask {
    struct edge_token token;
    const char *scope; /* NULL: any key will do; borrowed */
    /* who is valid during the call; NULL unless EDGE_KEY_GOOD. */
    void (*answered)(struct edge_auth_ask *ask, enum edge_verdict verdict,
                     const struct edge_principal *who);
    void *asker;

    struct edge_key *key; /* private from here on */
    struct edge_auth_ask *prev, *next;
};

/* At once where the cache knows (who is then written for EDGE_KEY_GOOD), else PENDING. */
enum edge_verdict edge_auth_ask(struct edge_auth *auth, struct edge_auth_ask *ask,
                                struct edge_principal *who);
/* The asker is gone; only while pending. */
void edge_auth_drop(struct edge_auth *auth, struct edge_auth_ask *ask);

/* What the store calls. row NULL: there is no such key. */
void edge_auth_found(struct edge_auth *auth, const struct mr_uuid *key_id,
                     const struct edge_key_row *row);
void edge_auth_away(struct edge_auth *auth, const struct mr_uuid *key_id);

#endif
