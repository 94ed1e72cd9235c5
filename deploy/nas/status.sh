#!/bin/sh
# Last run, next run, account, messages, sizes: one look.
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" && exec venv/bin/python -m trading status "$@"
