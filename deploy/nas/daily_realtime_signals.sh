#!/bin/sh
# The daily run: does its work once for each session of the exchange, after the close; else says why not yet.
# Cron may call it as often as it likes.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 2
mkdir -p logs
set -a
[ ! -r secret/environment ] || . ./secret/environment
set +a
log=logs/daily-$(date +%Y%m%d).log
before=$(cat "$log" 2>/dev/null | wc -l)
echo "--- $(date '+%Y-%m-%d %H:%M:%S %z')" >>"$log"
if [ -x venv/bin/obs ]; then
    # Watched by the sidecar: a crash of the run is explained on its page (`venv/bin/obs brief`).
    venv/bin/obs run --dir .obs -- venv/bin/python -m trading daily "$@" >>"$log" 2>&1
else
    venv/bin/python -m trading daily "$@" >>"$log" 2>&1
fi
code=$?
# A person at a terminal reads what this call wrote.
if [ -t 1 ]; then tail -n +$((before + 2)) "$log"; exit $code; fi
# Cron mails what is printed: only a failure speaks. 75: nothing is published yet, the next call tries again.
[ $code -eq 0 ] || [ $code -eq 75 ] || { echo "trading daily ended with $code; the end of $root/$log:" >&2; tail -n 20 "$log" >&2; }
exit $code
