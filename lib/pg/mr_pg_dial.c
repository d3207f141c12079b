#include "mr_pg_dial.h"
#include "mr_buf.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESSES_MAX 64
#define OPTIONS_MAX   128 /* libpq 15 knows about 45 */

enum mr_status mr_pg_target_check(const char *conninfo, struct mr_error *why)
{
    char *message = NULL;
    PQconninfoOption *parsed = PQconninfoParse(conninfo, &message);
    PQfreemem(message); /* it quotes the string */
    if (!parsed)
        return mr_fail(why, MR_INVALID,
                       "the PostgreSQL connection string cannot be parsed (it is not shown here, "
                       "as it may hold a password): libpq takes \"host=... dbname=...\" or "
                       "postgresql://...");
    PQconninfoFree(parsed);
    return MR_OK;
}

/* The options that libpq is given: borrowed keys and values. */
struct options {
    const char *keys[OPTIONS_MAX + 1];
    const char *values[OPTIONS_MAX + 1];
    int count;
};

static const char *option(const struct options *o, const char *key)
{
    for (int i = 0; i < o->count; i++)
        if (strcmp(o->keys[i], key) == 0)
            return o->values[i];
    return NULL;
}

static void set_option(struct options *o, const char *key, const char *value)
{
    for (int i = 0; i < o->count; i++) {
        if (strcmp(o->keys[i], key) == 0) {
            o->values[i] = value;
            return;
        }
    }
    assert(o->count < OPTIONS_MAX);
    o->keys[o->count] = key;
    o->values[o->count++] = value;
}

static void set_default(struct options *o, const char *key, const char *value)
{
    if (!option(o, key))
        set_option(o, key, value);
}

/* Lists as libpq wants them: as many hosts, addresses and ports, in the same order. */
struct lists {
    struct mr_buf hosts, addresses, ports;
    int count;
    int failed; /* getaddrinfo's error for the last name that had no address */
    char failed_name[128];
};

static void add_host(struct lists *l, struct mr_slice host, const char *address,
                     struct mr_slice port)
{
    if (l->count++ > 0) {
        mr_buf_char(&l->hosts, ',');
        mr_buf_char(&l->addresses, ',');
        mr_buf_char(&l->ports, ',');
    }
    mr_buf_slice(&l->hosts, host);
    mr_buf_text(&l->addresses, address);
    mr_buf_slice(&l->ports, port);
}

static void resolve(struct lists *l, struct mr_slice host, struct mr_slice port)
{
    /* a socket's folder, an abstract socket, or libpq's default: no name */
    if (host.len == 0 || host.data[0] == '/' || host.data[0] == '@') {
        add_host(l, host, "", port);
        return;
    }
    char name[256]; /* longer than any name of DNS */
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int e = EAI_NONAME;
    if (host.len < sizeof name) {
        memcpy(name, host.data, host.len);
        name[host.len] = 0;
        e = getaddrinfo(name, NULL, &hints, &found);
    }
    if (e != 0) {
        l->failed = e;
        snprintf(l->failed_name, sizeof l->failed_name, "%.*s", MR_SLICE_FMT(host));
        return;
    }
    for (struct addrinfo *a = found; a && l->count < ADDRESSES_MAX; a = a->ai_next) {
        char text[INET6_ADDRSTRLEN + 32]; /* with a scope: fe80::1%eth0 */
        if (getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST) == 0)
            add_host(l, host, text, port);
    }
    freeaddrinfo(found);
}

/* Cuts the next item off a list separated by commas; false at its end. */
static bool next_item(struct mr_slice *rest, struct mr_slice *item)
{
    if (!rest->data)
        return false;
    const char *comma = rest->len ? memchr(rest->data, ',', rest->len) : NULL;
    size_t len = comma ? (size_t)(comma - rest->data) : rest->len;
    *item = mr_slice(rest->data, len);
    *rest = comma ? mr_slice(comma + 1, rest->len - len - 1) : (struct mr_slice){0};
    return true;
}

static void text_end(struct mr_buf *buf)
{
    mr_buf_char(buf, 0);
}

/* Replaces names by names and addresses. False when there were names and none has an address. */
static bool resolve_all(struct options *o, struct lists *l)
{
    const char *hosts = option(o, "host");
    if (!hosts && !option(o, "service") && !getenv("PGSERVICE"))
        hosts = getenv("PGHOST");
    const char *given = option(o, "hostaddr");
    if (!hosts || !hosts[0] || (given && given[0]) || getenv("PGHOSTADDR"))
        return true;

    const char *port_text = option(o, "port");
    if (!port_text)
        port_text = getenv("PGPORT");
    struct mr_slice ports = mr_slice_text(port_text ? port_text : "");
    bool one_port = !memchr(ports.data, ',', ports.len);
    struct mr_slice rest = mr_slice_text(hosts), host, port = ports;
    while (next_item(&rest, &host)) {
        if (!one_port && !next_item(&ports, &port))
            return true; /* their numbers differ: libpq says so */
        resolve(l, host, port);
    }
    if (!one_port && ports.data)
        return true;
    if (l->count == 0)
        return false;
    text_end(&l->hosts);
    text_end(&l->addresses);
    text_end(&l->ports);
    set_option(o, "host", l->hosts.data);
    set_option(o, "hostaddr", l->addresses.data);
    if (ports.len > 0 || !one_port)
        set_option(o, "port", l->ports.data);
    return true;
}

PGconn *mr_pg_target_connect(const struct mr_pg_target *t, bool wait, struct mr_error *why)
{
    PGconn *pg = NULL;
    struct options o = {.count = 0};
    struct lists l = {.count = 0};
    char user_timeout[16], idle[16], timeout[16];
    PQconninfoOption *parsed = PQconninfoParse(t->conninfo, NULL);
    assert(parsed); /* mr_pg_target_check has */
    for (PQconninfoOption *p = parsed; p->keyword; p++)
        if (p->val)
            set_option(&o, p->keyword, p->val);
    if (!resolve_all(&o, &l)) {
        mr_fail(why, MR_BUSY, "no address for host %s: %s", l.failed_name, gai_strerror(l.failed));
        goto out;
    }
    set_option(&o, "client_encoding", "UTF8");
    if (t->application_name)
        set_default(&o, "application_name", t->application_name);
    snprintf(user_timeout, sizeof user_timeout, "%d", t->tcp_user_timeout_ms);
    if (t->tcp_user_timeout_ms > 0)
        set_default(&o, "tcp_user_timeout", user_timeout);
    snprintf(idle, sizeof idle, "%d", t->keepalives_idle_s);
    if (t->keepalives_idle_s > 0) {
        set_default(&o, "keepalives_idle", idle);
        set_default(&o, "keepalives_interval", idle);
        set_default(&o, "keepalives_count", "3");
    }
    snprintf(timeout, sizeof timeout, "%d", t->connect_timeout_s);
    if (t->connect_timeout_s > 0)
        set_default(&o, "connect_timeout", timeout);
    pg = wait ? PQconnectdbParams(o.keys, o.values, 0) : PQconnectStartParams(o.keys, o.values, 0);
    if (!pg)
        abort(); /* out of memory */
out:
    mr_buf_free(&l.hosts);
    mr_buf_free(&l.addresses);
    mr_buf_free(&l.ports);
    PQconninfoFree(parsed);
    return pg;
}

struct mr_pg_dial {
    uv_work_t work;
    struct mr_pg_target target;
    char *conninfo, *application_name; /* target's, owned */
    PGconn *pg;                        /* written by the thread */
    struct mr_error why;
    mr_pg_on_dialled on_dialled; /* NULL: forgotten */
    void *data;
};

static void dial_free(struct mr_pg_dial *d)
{
    free(d->conninfo);
    free(d->application_name);
    free(d);
}

static void dial_work(uv_work_t *work)
{
    struct mr_pg_dial *d = work->data;
    d->pg = mr_pg_target_connect(&d->target, false, &d->why);
}

static void dial_done(uv_work_t *work, int status)
{
    struct mr_pg_dial *d = work->data;
    if (status == UV_ECANCELED)
        mr_fail(&d->why, MR_BUSY, "dialling was cancelled");
    if (d->on_dialled)
        d->on_dialled(d->pg, &d->why, d->data);
    else
        PQfinish(d->pg);
    dial_free(d);
}

static char *dup_text(const char *text)
{
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy)
        abort();
    return copy;
}

struct mr_pg_dial *mr_pg_dial_start(uv_loop_t *loop, const struct mr_pg_target *target,
                                    mr_pg_on_dialled on_dialled, void *data, struct mr_error *why)
{
    struct mr_pg_dial *d = calloc(1, sizeof *d);
    if (!d)
        abort();
    d->target = *target;
    d->target.conninfo = d->conninfo = dup_text(target->conninfo);
    d->target.application_name = d->application_name = dup_text(target->application_name);
    d->on_dialled = on_dialled;
    d->data = data;
    d->work.data = d;
    int e = uv_queue_work(loop, &d->work, dial_work, dial_done);
    if (e != 0) {
        mr_fail(why, MR_BUSY, "the thread pool takes no work: %s", uv_strerror(e));
        dial_free(d);
        return NULL;
    }
    return d;
}

void mr_pg_dial_forget(struct mr_pg_dial *d)
{
    d->on_dialled = NULL;
    uv_cancel((uv_req_t *)&d->work); /* helps only while it waits for a thread */
}
