#!/bin/sh
# The weekly report into reports/weekly/, and its message.
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 2
set -a
[ ! -r secret/environment ] || . ./secret/environment
set +a
exec venv/bin/python -m trading report weekly --send "$@"
