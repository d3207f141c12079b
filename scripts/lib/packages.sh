# shellcheck shell=bash
# What the machine must have, and how it gets it. A thing is looked for by what is used of it
# (a command, a pkg-config module, a file), so that another Java or a library built by hand will do.

# What is needed to build and run: "check  Debian's package" (unversioned names: releases differ).
NEEDED_TO_RUN='
command:gcc           gcc
command:cmake         cmake
command:ninja         ninja-build
command:pkg-config    pkg-config
header:stdlib.h       libc6-dev
module:rdkafka        librdkafka-dev
module:jansson        libjansson-dev
module:libpq          libpq-dev
module:libuv          libuv1-dev
module:libsodium      libsodium-dev
module:libpcre2-8     libpcre2-dev
module:uuid           uuid-dev
module:zlib           zlib1g-dev
module:libprotobuf-c  libprotobuf-c-dev
command:protoc-c      protobuf-c-compiler
module:criterion      libcriterion-dev
header:uthash.h       uthash-dev
command:java          default-jre-headless
command:mvn           maven
postgres:             postgresql
command:curl          curl
command:setsid        util-linux
command:setpriv       util-linux
'
NEEDED_TO_TEST='
venv:                 python3-venv
command:pg_dump       postgresql-client
command:rsyslogd      rsyslog
command:logger        bsdutils
'
NEEDED_TO_BENCH='
command:wrk           wrk
'

# The newest server found: its programs are not on PATH in Debian.
postgres_bin() {
    local newest
    newest=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -t / -k 5 -n | tail -n 1)
    if [ -n "$newest" ] && [ -x "$newest/initdb" ]; then
        printf '%s\n' "$newest"
    elif command -v initdb >/dev/null; then
        dirname "$(command -v initdb)"
    else
        return 1
    fi
}

is_present() { # CHECK
    local what=${1#*:}
    case $1 in
        command:*) command -v "$what" >/dev/null ;;
        module:*) command -v pkg-config >/dev/null && pkg-config --exists "$what" ;;
        header:*) [ -e "/usr/include/$what" ] || [ -e "/usr/local/include/$what" ] ;;
        postgres:) postgres_bin >/dev/null ;;
        venv:) python3 -c 'import ensurepip, venv' 2>/dev/null ;;
    esac
}

packages_missing() { # LIST...: the packages of what is not there, each once
    local check package
    cat <<<"$*" | while read -r check package; do
        if [ -n "$check" ] && ! is_present "$check"; then printf '%s\n' "$package"; fi
    done | sort -u | tr '\n' ' '
}

# A first install of Debian's PostgreSQL would make and start a cluster of its own on port 5432.
no_cluster_of_debians_own() {
    local conf=/etc/postgresql-common/createcluster.conf
    if ! grep -qs '^ *create_main_cluster' "$conf"; then
        $SUDO mkdir -p "${conf%/*}"
        echo 'create_main_cluster = false' | $SUDO tee -a "$conf" >/dev/null
    fi
}

apt_install() {
    local env='env DEBIAN_FRONTEND=noninteractive'
    case " $* " in *' postgresql '*) no_cluster_of_debians_own ;; esac
    $SUDO $env apt-get update -q &&
        $SUDO $env apt-get install -q -y --no-install-recommends -o Dpkg::Options::=--force-confold "$@"
}

# packages_install MAY_INSTALL LIST...: installs what is missing, or prints the line that would.
packages_install() {
    local may=$1 missing line
    shift
    missing=$(packages_missing "$@")
    missing=${missing% }
    if [ -z "$missing" ]; then return 0; fi
    line="apt-get update && apt-get install -y --no-install-recommends $missing"
    SUDO=''
    if [ "$(id -u)" != 0 ]; then SUDO=sudo; fi
    if [ "$may" = no ]; then
        die "missing on this machine: $missing. As root, run:
  $line" 3
    fi
    if ! command -v apt-get >/dev/null; then
        die "missing on this machine: $missing (Debian's names), and there is no apt-get to install them with" 3
    fi
    if [ -n "$SUDO" ] && { ! command -v sudo >/dev/null || { [ ! -t 0 ] && ! sudo -n true 2>/dev/null; }; }; then
        die "missing on this machine: $missing, and neither root nor sudo is to be had. As root, run:
  $line" 3
    fi
    if [ -n "$SUDO" ]; then sudo -v; fi # asks for the password before the output is captured
    step "Installing $missing" apt_install $missing || die "could not install $missing. As root, try:
  $line" 3
    missing=$(packages_missing "$@")
    [ -z "$missing" ] || die "still missing after the installation: $missing" 3
}
