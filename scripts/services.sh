#!/bin/sh
# The programs that some tests drive for real and that no Python package brings: a browser and
# fonts for it, Prometheus and Alertmanager, and what reads compose files (no engine for them).
# With root and apt they are installed; otherwise it says what is missing, and those tests are skipped by name.
set -eu
missing=""
command -v chromium >/dev/null 2>&1 || missing="$missing chromium fonts-dejavu-core fonts-nanum"
command -v promtool >/dev/null 2>&1 || missing="$missing prometheus"
command -v prometheus-alertmanager >/dev/null 2>&1 || missing="$missing prometheus-alertmanager"
command -v docker-compose >/dev/null 2>&1 || missing="$missing docker-compose"
[ -n "$missing" ] || exit 0
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 # a list of names
    { apt-get -q update && apt-get -q -y --no-install-recommends install $missing; } >&2
else
    echo "services: not found:$missing; tests that need them are skipped (as root: apt-get install$missing)" >&2
fi
