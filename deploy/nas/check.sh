#!/bin/sh
# What this installation still needs, each with its mend.
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 2
set -a
[ ! -r secret/environment ] || . ./secret/environment
set +a
exec venv/bin/python -m trading check "$@"
