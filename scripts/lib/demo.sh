# shellcheck shell=bash
# The demonstration of scripts/run: an account, an operator's key, and sample traffic through the edge.

DEMO_INVOICES=20
DEMO_SCOPES=billing:read,billing:write,logging:read,logging:write,reporting:read,reporting:write
DEMO_LINES=200

# demo_account: MILLRACE_ACCOUNT, that of the last run where there was one.
demo_account() {
    local account=''
    if [ -r "$RUN_DIR/env" ]; then
        account=$(sed -n "s/^export MILLRACE_ACCOUNT='\(.*\)'$/\1/p" "$RUN_DIR/env")
    fi
    export MILLRACE_ACCOUNT=${account:-$(cat /proc/sys/kernel/random/uuid)}
}

# demo_identity: MILLRACE_API_KEY, that of the last run while it still works for all that is shown.
demo_identity() {
    local account=$MILLRACE_ACCOUNT key='' status=''
    if [ -r "$RUN_DIR/env" ]; then
        key=$(sed -n "s/^export MILLRACE_API_KEY='\(.*\)'$/\1/p" "$RUN_DIR/env")
    fi
    if [ -n "$account" ] && [ -n "$key" ]; then
        status=$(curl -s -m 10 -o /dev/null -w '%{http_code}' -K - \
            "http://127.0.0.1:$EDGE_PORT/v1/accounts/$account/logs?limit=1" <<<"header = \"Authorization: Bearer $key\"") || true
    fi
    if [ "$status" != 200 ]; then
        key=$(millracectl keys create --account="$account" --scopes="$DEMO_SCOPES" --operator | tail -n 1)
        [ -n "$key" ] || die "millracectl keys create printed no secret" 3
    fi
    export MILLRACE_API_KEY=$key MILLRACE_URL=http://127.0.0.1:$EDGE_PORT
}

# .run/env holds a secret: it is never readable by others, not even while it is written.
env_write() {
    local name
    (
        umask 077
        for name in URL API_KEY ACCOUNT PG WAREHOUSE KAFKA_BROKERS; do
            name=MILLRACE_$name
            printf "export %s='%s'\n" "$name" "${!name}"
        done >"$RUN_DIR/env.new"
    )
    mv -f "$RUN_DIR/env.new" "$RUN_DIR/env"
}

# request METHOD PATH [BODY [HEADER]]: sets REPLY_STATUS, REPLY_BODY and REPLY_MS (a decimal).
# The key reaches curl through its standard input: a process list shows no secret.
request() {
    local answer=$RUN_DIR/answer.json
    local options=(-sS -m 30 -K - -X "$1" -o "$answer" -w '%{http_code} %{time_total}')
    if [ -n "${3:-}" ]; then options+=(-H 'Content-Type: application/json' --data-binary "$3"); fi
    if [ -n "${4:-}" ]; then options+=(-H "$4"); fi
    local result
    result=$(curl "${options[@]}" "$MILLRACE_URL$2" <<<"header = \"Authorization: Bearer $MILLRACE_API_KEY\"") ||
        die "no answer to $1 $2" 3
    REPLY_STATUS=${result% *}
    REPLY_MS=$(awk -v s="${result#* }" 'BEGIN { printf "%.1f", s * 1000 }')
    REPLY_BODY=$(<"$answer")
    rm -f "$answer"
}

expect_status() { # STATUS WHAT
    if [ "$REPLY_STATUS" != "$1" ]; then
        complain "  $2: the edge answered $REPLY_STATUS, not $1:"
        die "$REPLY_BODY" 3
    fi
}

json_text() { # NAME: the first string of that name in REPLY_BODY
    grep -o "\"$1\" *: *\"[^\"]*\"" <<<"$REPLY_BODY" | head -n 1 | sed 's/.*"\(.*\)"$/\1/'
}

json_number() { # NAME
    grep -o "\"$1\" *: *[0-9]*" <<<"$REPLY_BODY" | head -n 1 | sed 's/.*[: ]//'
}

percentiles() { # FILE of decimals, one a line: "p50 1.2 ms, p99 3.4 ms"
    sort -n "$1" | awk '{ v[NR] = $1 } END { if (!NR) { print "nothing measured"; exit }
        a = int((NR + 1) / 2); b = int(NR * 0.99 + 0.999); if (b > NR) b = NR
        printf "p50 %s ms, p99 %s ms", v[a], v[b] }'
}

# One invoice's life. Nothing waits between the steps: an account's commands are decided in order.
demo_invoice() { # INDEX
    local base=/v1/accounts/$MILLRACE_ACCOUNT invoice total=$((2 * 1250 + $1 * 99))
    request POST "$base/invoices" "{\"customer\":\"Customer $1\",\"currency\":\"EUR\",\"lines\":[
        {\"description\":\"Grinding, an hour\",\"quantity\":2,\"unit_amount_minor\":1250},
        {\"description\":\"Flour, a sack\",\"quantity\":$1,\"unit_amount_minor\":99}]}"
    expect_status 202 'create an invoice'
    echo "$REPLY_MS" >>"$RUN_DIR/accepted.ms"
    if [ "$1" = 1 ]; then say "  the first receipt:" && say "    $REPLY_BODY"; fi
    invoice=$(json_text id)
    request POST "$base/invoices/$invoice/finalize" '{}'
    expect_status 202 'finalize it'
    echo "$REPLY_MS" >>"$RUN_DIR/accepted.ms"
    request POST "$base/payments" "{\"invoice\":\"$invoice\",\"amount_minor\":$total}" 'Prefer: wait=20'
    expect_status 201 'record its payment, and wait for the effect'
    echo "$REPLY_MS" >>"$RUN_DIR/applied.ms"
    DEMO_INVOICE=$invoice
}

demo_traffic() {
    local index
    rm -f "$RUN_DIR"/accepted.ms "$RUN_DIR"/applied.ms
    for index in $(seq $DEMO_INVOICES); do demo_invoice "$index"; done
    request GET "/v1/accounts/$MILLRACE_ACCOUNT/invoices/$DEMO_INVOICE"
    expect_status 200 'read the last invoice'
    say "  the last invoice: status $(json_text status), number $(json_number number)," \
        "$(json_number paid_minor) of $(json_number total_minor) minor units paid"
    say "  accepted (202): $(percentiles "$RUN_DIR/accepted.ms")"
    say "  applied (201 after Prefer: wait): $(percentiles "$RUN_DIR/applied.ms")"
    rm -f "$RUN_DIR"/accepted.ms "$RUN_DIR"/applied.ms
}

# Log lines over HTTP and one by syslog, and samples; then what is read back of them.
demo_ingest() {
    local base=/v1/accounts/$MILLRACE_ACCOUNT index lines='' samples='' stored
    for index in $(seq $DEMO_LINES); do
        lines+="{\"body\":\"order $index was packed\",\"severity_number\":9,\"service\":\"mill\"}"$'\n'
        samples+="{\"metric\":\"mill.orders\",\"kind\":\"counter\",\"value\":1}"$'\n'
    done
    request POST "$base/logs" "$lines"
    expect_status 200 'store log lines'
    say "  log lines: $REPLY_BODY"
    request POST "$base/samples" "$samples"
    expect_status 200 'store samples'
    say "  samples: $REPLY_BODY"
    printf '<14>1 - mill miller - - - a sack by syslog\n' >"/dev/tcp/127.0.0.1/$(collect_port syslog-tcp)"
    await 30 demo_lines_are_there || die 'the log lines are not to be read after 30 s' 3
    request GET "$base/logs?limit=1&q=syslog"
    expect_status 200 'read the log'
    say "  the newest line by syslog: $(json_text body)"
}

demo_lines_are_there() {
    request GET "/v1/accounts/$MILLRACE_ACCOUNT/logs?limit=1&q=syslog"
    [ "$REPLY_STATUS" = 200 ] && [ "$(json_text body)" = 'a sack by syslog' ]
}

# What the databases say for themselves.
demo_counts() {
    say "  applied by the worker: $(postgres_query millrace \
        "select count(*) from millrace.command where domain = 'billing'") commands;" \
        "events written: $(postgres_query millrace "select count(*) from millrace.event where domain = 'billing'")"
    say "  log lines stored: $(postgres_query millrace 'select count(*) from logging.log')," \
        "in the warehouse: $(postgres_query warehouse 'select count(*) from logs');" \
        "samples counted: $(postgres_query millrace "select count(*) from millrace.seen where domain = 'reporting'")"
}
