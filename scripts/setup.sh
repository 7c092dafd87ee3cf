#!/bin/sh
# Makes .venv and checks what Rasid needs beside it. As root on Debian it installs what is missing.
set -eu
cd "$(dirname "$0")/.."

fail() { echo "rasid: $1" >&2; exit 1; }
can_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }
install() { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null; }

# The first Python 3.11 that can make a virtual environment.
find_python() {
    for name in python3.11 python3 python; do
        if command -v "$name" >/dev/null &&
            "$name" -c 'import sys, ensurepip; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
}

python=$(find_python)
if [ -z "$python" ] && can_install; then
    install python3.11 python3.11-venv || true
    python=$(find_python)
fi
[ -n "$python" ] || fail "Python 3.11 is missing. Install it (Debian 12: apt-get install python3.11 python3.11-venv)."

if [ -z "${RASID_ES_URL:-}" ]; then
    if ! command -v mvn >/dev/null; then
        can_install && install maven
        command -v mvn >/dev/null || fail "Maven is missing; it fetches Elasticsearch. Install it (Debian: apt-get install maven), or name a cluster in RASID_ES_URL."
    fi
fi

[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/python -m pip install -q --disable-pip-version-check uv==0.13.9
# --no-deps: the files name every package, and camel-tools' deep-learning stack is left out on purpose.
# Compiled now: where PYTHONDONTWRITEBYTECODE is set, every process would compile for itself.
.venv/bin/uv pip install -q --no-deps --compile-bytecode --python .venv/bin/python -r requirements-dev.txt
.venv/bin/uv pip install -q --no-deps --python .venv/bin/python -e .

# The local node looks for its JDK by itself; here it is only asked early, so that a missing one is
# known before the first start.
has_jdk() { .venv/bin/python -c 'from rasid.search.local_node import find_jdk; find_jdk()' 2>/dev/null; }
if [ -z "${RASID_ES_URL:-}" ] && ! has_jdk; then
    # Debian 13 has 25 and 21, Debian 12 neither: there a JDK must be brought.
    can_install && { install openjdk-25-jdk-headless || install openjdk-21-jdk-headless || true; }
    has_jdk || fail "A full JDK 21 or newer is missing; it runs Elasticsearch. Install one (Debian 13: apt-get install openjdk-21-jdk-headless; else Temurin) and set RASID_JAVA_HOME, or name a cluster in RASID_ES_URL."
fi
