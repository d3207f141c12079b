# shellcheck shell=bash
# Sourced by every script: where things are, how the scripts speak, how they wait.
# Needs bash; the caller has set -euo pipefail.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# A path of the caller's, made absolute: the programs are started from other folders.
absolute() {
    case $1 in
        /*) printf '%s\n' "$1" ;;
        *) printf '%s\n' "$PWD/$1" ;;
    esac
}

RUN_DIR=$(absolute "${MILLRACE_RUN_DIR:-$ROOT/.run}")
BUILD_DIR=$(absolute "${MILLRACE_BUILD_DIR:-$ROOT/build}")
CACHE_DIR=$ROOT/.cache

# --- speaking: one line a step; colour and a moving clock only where a person watches ---

if [ -t 1 ]; then
    BOLD=$'\e[1m' DIM=$'\e[2m' RED=$'\e[31m' PLAIN=$'\e[0m'
else
    BOLD='' DIM='' RED='' PLAIN=''
fi

say() { printf '%s\n' "$*"; }
heading() { printf '\n%s%s%s\n' "$BOLD" "$*" "$PLAIN"; }
complain() { printf '%s%s%s\n' "$RED" "$*" "$PLAIN" >&2; }

# Exit statuses are those of the programs: 1 not so, 2 wrong usage, 3 stopped by an error.
die() {
    complain "${0##*/}: $1"
    exit "${2:-3}"
}

usage_error() { die "$1 (see --help)" 2; }

# The comment block at the top of a script is its help.
print_help() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$1"; }

now_ms() { date +%s%3N; }

seconds_since() { # STARTED_MS: "1.4 s"
    local ms=$(($(now_ms) - $1))
    printf '%d.%d s' $((ms / 1000)) $((ms % 1000 / 100))
}

# step TEXT COMMAND...: runs it in a subshell, its output kept back; says how long it took. On
# failure shows the end of that output: the reader should not have to look for it.
step() {
    local text=$1 out started status=0
    shift
    out=$(mktemp "${TMPDIR:-/tmp}/millrace-step.XXXXXX")
    started=$(now_ms)
    if [ -t 1 ]; then printf '  %s %s…%s' "$text" "$DIM" "$PLAIN"; fi
    ("$@") >"$out" 2>&1 || status=$?
    if [ -t 1 ]; then printf '\r\e[K'; fi
    if [ "$status" = 0 ]; then
        say "  $text ${DIM}($(seconds_since "$started"))${PLAIN}"
    else
        complain "  $text: failed (status $status) after $(seconds_since "$started"); the end of what it said:"
        tail -n 30 "$out" | sed 's/^/    /' >&2
    fi
    rm -f "$out"
    return "$status"
}

# --- waiting: for an event with a deadline, never for a length of time ---

# await SECONDS COMMAND...: asks until it succeeds; 1 when the deadline passes.
await() {
    local deadline=$(($(now_ms) + $1 * 1000))
    shift
    until "$@"; do
        [ "$(now_ms)" -lt "$deadline" ] || return 1
        sleep 0.05
    done
}

port_answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# --- processes: a pid file holds the pid and when that process began, so that a pid which was
# given to somebody else after a restart of the machine is never taken for ours ---

process_began() { # PID: start time in clock ticks since boot; nothing when there is none
    local stat
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
    stat=${stat##*) }
    set -- $stat
    [ "$1" != Z ] || return 1
    printf '%s\n' "${20}"
}

pid_write() { # NAME PID
    printf '%s %s\n' "$2" "$(process_began "$2" || echo 0)" >"$RUN_DIR/$1.pid"
}

pid_alive() { # NAME: prints the pid when the process we started still runs
    local pid began
    read -r pid began 2>/dev/null <"$RUN_DIR/$1.pid" || return 1
    [ -n "${began:-}" ] && [ "$(process_began "$pid")" = "$began" ] || return 1
    printf '%s\n' "$pid"
}

is_gone() { ! pid_alive "$1" >/dev/null; }

# stop_process NAME SECONDS: SIGTERM and, past the deadline, SIGKILL. No such process: nothing to do.
stop_process() {
    local pid
    if pid=$(pid_alive "$1"); then
        kill -TERM "$pid" 2>/dev/null || true
        kill -CONT "$pid" 2>/dev/null || true
        if ! await "$2" is_gone "$1"; then
            complain "  $1 (pid $pid) did not stop within $2 s: killed"
            kill -KILL "$pid" 2>/dev/null || true
            await 5 is_gone "$1" || true
        fi
    fi
    rm -f "$RUN_DIR/$1.pid"
}

# start_process NAME COMMAND...: in a session of its own, so that Ctrl-C reaches the script alone
# and the script stops everything in order. Its output goes to .run/log/NAME.log.
start_process() {
    local name=$1 log=$RUN_DIR/log/$1.log
    shift
    if [ -e "$log" ]; then mv -f "$log" "$log.old"; fi
    setsid "$@" </dev/null >"$log" 2>&1 9>&- &
    pid_write "$name" $!
}

log_tail() { # NAME LINES
    say "    the end of $RUN_DIR/log/$1.log:"
    tail -n "$2" "$RUN_DIR/log/$1.log" 2>/dev/null | cut -c 1-400 | sed 's/^/    /'
}
