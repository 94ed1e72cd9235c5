#!/bin/sh
# Backs the databases up while they are in use, checks the copy, keeps the newest ones: KEEP=14.
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" && exec venv/bin/python -m trading store backup --keep "${KEEP:-14}" "$@"
