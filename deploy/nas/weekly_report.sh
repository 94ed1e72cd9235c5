#!/bin/sh
# The weekly report into reports/weekly/, and its message.
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" && exec venv/bin/python -m trading report weekly --send "$@"
