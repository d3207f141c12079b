# shellcheck shell=bash
# The embedded PostgreSQL: a cluster of our own in .run/pg, loopback only, no Unix socket (their
# paths are limited to 107 bytes, and a clone may lie deep).

PG_PORT=${MILLRACE_PG_PORT:-15432}
PG_DATA=$RUN_DIR/pg/data

# The server refuses to run as root, so root runs it as Debian's user postgres. That user needs a
# way through every parent folder; where one is closed to it (a clone below a 0700 folder) it gets
# the one capability that opens them.
as_postgres() {
    if [ "$(id -u)" != 0 ]; then
        "$@"
    elif runuser -u postgres -- test -x "$RUN_DIR/pg"; then
        runuser -u postgres -- "$@"
    else
        setpriv --reuid=postgres --regid=postgres --clear-groups \
            --inh-caps=+dac_override --ambient-caps=+dac_override "$@"
    fi
}

postgres_create() {
    mkdir -p "$RUN_DIR/pg"
    if [ "$(id -u)" = 0 ]; then
        chown postgres: "$RUN_DIR/pg"
        chmod 700 "$RUN_DIR/pg"
    fi
    if [ ! -e "$PG_DATA/PG_VERSION" ]; then
        rm -rf "$PG_DATA"
        (cd / && as_postgres "$PG_BIN/initdb" -D "$PG_DATA" -A trust -U millrace --no-locale -E UTF8 \
            --no-instructions)
    elif [ "$(cat "$PG_DATA/PG_VERSION")" != "$(postgres_version)" ]; then
        echo "$PG_DATA was made by PostgreSQL $(cat "$PG_DATA/PG_VERSION"), the server here is" \
            "$(postgres_version): run with --fresh (which wipes it), or install the older one"
        return 1
    fi
}

postgres_version() { "$PG_BIN/postgres" --version | sed 's/.* \([0-9]*\).*/\1/'; }

postgres_ctl() { # pg_ctl, from a folder that the user postgres can enter
    (cd / && as_postgres "$PG_BIN/pg_ctl" -D "$PG_DATA" -s -w "$@")
}

postgres_start() {
    postgres_create || return 1
    : >>"$RUN_DIR/log/postgres.log"
    if [ "$(id -u)" = 0 ]; then chown postgres: "$RUN_DIR/log/postgres.log"; fi
    # 9>&-: the server must not inherit the lock that guards .run.
    postgres_ctl -l "$RUN_DIR/log/postgres.log" -t 60 \
        -o "-p $PG_PORT -c listen_addresses=127.0.0.1 -c unix_socket_directories=" start 9>&- || {
        log_tail postgres 10
        return 1
    }
    pid_write postgres "$(head -n 1 "$PG_DATA/postmaster.pid")"
    postgres_database millrace && postgres_database warehouse
}

postgres_query() { # DATABASE SQL
    psql -X -h 127.0.0.1 -p "$PG_PORT" -U millrace -d "$1" -v ON_ERROR_STOP=1 -Atc "$2"
}

postgres_database() { # NAME
    if [ -z "$(postgres_query postgres "select 1 from pg_database where datname = '$1'")" ]; then
        postgres_query postgres "create database $1"
    fi
}

postgres_stop() {
    if pid_alive postgres >/dev/null; then
        postgres_ctl -m fast -t 60 stop || complain "  PostgreSQL did not stop; see $RUN_DIR/log/postgres.log"
    fi
    rm -f "$RUN_DIR/postgres.pid"
}
