# shellcheck shell=bash
# Building by preset; build/<preset> under MILLRACE_BUILD_DIR.

configure() { # PRESET
    if [ ! -e "$BUILD_DIR/$1/build.ninja" ]; then
        (cd "$ROOT" && cmake --preset "$1" -B "$BUILD_DIR/$1")
    fi
}

# build PRESET [TARGET...]: all targets when none is named. A person sees ninja's own counter.
build() {
    local preset=$1 dir=$BUILD_DIR/$1
    shift
    step "Configuring ($preset)" configure "$preset" || die "the configuration failed" 3
    if [ -t 1 ]; then
        NINJA_STATUS='  Building ('$preset') [%f/%t] ' ninja -C "$dir" "$@" || die "the build failed" 3
    else
        step "Building ($preset)" ninja -C "$dir" "$@" || die "the build failed; all of it: ninja -C $dir" 3
    fi
}
