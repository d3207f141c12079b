# shellcheck shell=bash
# millrace's own programs: started with the embedded stack's settings, awaited by what they log.

EDGE_PORT=${MILLRACE_EDGE_PORT:-8080}
BIN_DIR=$BUILD_DIR/release/bin

TARGETS='millrace-edge millrace-worker millrace-loader millrace-collect millrace-produce millracectl'

# The programs, in the order in which they start; they stop in the reverse order.
PROGRAMS='loader worker-billing worker-logging worker-reporting edge collect'

# The default admin ports of the programs; 0 in MILLRACE_ADMIN_PORT, or a
# port that somebody else has, makes the program take a free one. .run/ports tells.
default_admin_port() {
    case $1 in
        edge) echo 9180 ;;
        worker-billing) echo 9181 ;;
        worker-logging) echo 9184 ;;
        worker-reporting) echo 9185 ;;
        loader) echo 9186 ;;
        collect) echo 9187 ;;
    esac
}

programs_environment() {
    export MILLRACE_KAFKA_BROKERS=127.0.0.1:$KAFKA_PORT
    export MILLRACE_PG="host=127.0.0.1 port=$PG_PORT user=millrace dbname=millrace"
    export MILLRACE_WAREHOUSE="host=127.0.0.1 port=$PG_PORT user=millrace dbname=warehouse"
    export MILLRACE_SCHEMAS=${MILLRACE_SCHEMAS:-$ROOT/schemas}
    export MILLRACE_EDGE_PORT=$EDGE_PORT
    # The demonstration's account is the operator's too: it shows what millrace says of itself.
    export MILLRACE_OPERATOR_ACCOUNT=${MILLRACE_OPERATOR_ACCOUNT:-$MILLRACE_ACCOUNT}
    export MILLRACE_COLLECT_ACCOUNT=${MILLRACE_COLLECT_ACCOUNT:-$MILLRACE_ACCOUNT}
    # A person watches: rows reach the warehouse within a second, not within the default 30.
    export MILLRACE_FLUSH_MS=${MILLRACE_FLUSH_MS:-1000}
    export PATH=$BIN_DIR:$PATH
}

program_begin() { # NAME
    local admin
    admin=$(default_admin_port "$1")
    if [ "${MILLRACE_ADMIN_PORT:-}" = 0 ]; then
        admin=0
    elif port_answers "$admin"; then
        say "  Port $admin ($1's admin listener) is in use: $1 takes a free one, see $RUN_DIR/ports"
        admin=0
    fi
    case $1 in
        edge) start_process edge "$BIN_DIR/millrace-edge" --admin-port="$admin" ;;
        worker-*) start_process "$1" "$BIN_DIR/millrace-worker" "${1#worker-}" --admin-port="$admin" ;;
        collect) start_process collect "$BIN_DIR/millrace-collect" --admin-port="$admin" ;;
        loader) start_process loader "$BIN_DIR/millrace-loader" --admin-port="$admin" ;;
    esac
}

logged_port() { # NAME MESSAGE: the port that the program logged with this message
    sed -n "/\"msg\": *\"$2\"/s/.*\"port\": *\"\{0,1\}\([0-9]*\).*/\1/p" "$RUN_DIR/log/$1.log" | tail -n 1
}

collect_port() { # PROTOCOL: where the collector listens
    sed -n "/\"msg\": *\"listening\"/{/\"protocol\": *\"$1\"/s/.*\"port\": *\"\{0,1\}\([0-9]*\).*/\1/p}" \
        "$RUN_DIR/log/collect.log" | tail -n 1
}

is_ready() { # NAME
    local port
    port=$(logged_port "$1" 'admin listener')
    [ -n "$port" ] && curl -sf -m 2 -o /dev/null "http://127.0.0.1:$port/readyz"
}

ready_or_gone() { is_gone "$1" || is_ready "$1"; }

program_await() { # NAME
    await 60 ready_or_gone "$1" || true
    if is_gone "$1"; then
        log_tail "$1" 15 >&2
        die "$1 stopped at its start" 3
    fi
    if ! is_ready "$1"; then
        curl -s -m 2 "http://127.0.0.1:$(logged_port "$1" 'admin listener')/readyz" >&2 || true
        log_tail "$1" 15 >&2
        die "$1 was not ready after 60 s" 3
    fi
}

program_stop() { # NAME: the edge drains for 8 s by default, a worker ends in under 10 s
    stop_process "$1" 20
}

programs_reversed() { tr ' ' '\n' <<<"$PROGRAMS" | tac; }

programs_stop() {
    local name
    for name in $(programs_reversed); do program_stop "$name"; done
}

# .run/ports: what listens where, "name port" a line.
ports_write() {
    {
        printf 'kafka %s\npostgres %s\nedge %s\n' "$KAFKA_PORT" "$PG_PORT" "$EDGE_PORT"
        for name in $PROGRAMS; do printf '%s-admin %s\n' "$name" "$(logged_port "$name" 'admin listener')"; done
    } >"$RUN_DIR/ports"
}

# port_claim PORT SETTING WHAT: stops with a message when somebody else listens there.
port_claim() {
    if port_answers "$1"; then
        die "port $1 is in use; $3 needs it. End what listens there, or move millrace:
  $2=<another port> $0" 3
    fi
}
