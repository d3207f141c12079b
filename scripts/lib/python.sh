# shellcheck shell=bash
# The Python of the tests: a virtual environment in .cache/venv with the pinned packages.

VENV=$CACHE_DIR/venv

venv_make() {
    rm -rf "$VENV"
    python3 -m venv "$VENV" &&
        "$VENV/bin/python" -m pip install -q --disable-pip-version-check -r "$ROOT/test/requirements.txt" &&
        cp "$ROOT/test/requirements.txt" "$VENV/made-from.txt"
}

# A virtual environment holds absolute paths: a moved clone makes its own anew.
python_venv() {
    if ! cmp -s "$ROOT/test/requirements.txt" "$VENV/made-from.txt" || ! "$VENV/bin/python" -c '' 2>/dev/null; then
        step 'Python packages of the tests' venv_make || die 'could not install the Python packages of test/requirements.txt' 3
    fi
}
