#!/bin/sh
# A throw-away Postgres without TCP, for one run of a test program.
#   postgres.sh start FOLDER FILE.sql...   makes it in FOLDER (new), runs the files in its database
#   postgres.sh stop FOLDER                stops it and removes FOLDER
# Connect with: host=FOLDER/s user=millrace dbname=postgres
set -eu

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] || bin=$(dirname "$(command -v initdb)")
verb=$1 folder=$2
shift 2

as_server() { # initdb and postgres refuse root
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid=postgres --regid=postgres --clear-groups "$@"
    else
        "$@"
    fi
}

case $verb in
start)
    mkdir -p "$folder"
    [ "$(id -u)" != 0 ] || chown postgres "$folder"
    as_server mkdir "$folder/s"
    as_server "$bin/initdb" -D "$folder/d" -A trust -U millrace --no-locale -E UTF8 --no-sync \
        >"$folder/initdb.log" 2>&1 || { cat "$folder/initdb.log" >&2; exit 1; }
    as_server "$bin/pg_ctl" -D "$folder/d" -w -s -l "$folder/d/server.log" \
        -o "-c listen_addresses= -c fsync=off -c timezone=Asia/Tokyo -k $folder/s" start ||
        { cat "$folder/d/server.log" >&2; exit 1; }
    for file in "$@"; do
        "$bin/psql" -h "$folder/s" -U millrace -d postgres -q -1 -v ON_ERROR_STOP=1 -f "$file"
    done
    ;;
stop)
    as_server "$bin/pg_ctl" -D "$folder/d" -w -s -m immediate stop || true
    rm -rf "$folder"
    ;;
esac
