#!/bin/sh
# Packs logs of unattended runs after PACK_DAYS=7 days and deletes them after KEEP_DAYS=90. Reports stay.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
[ -d "$root/logs" ] || exit 0
find "$root/logs" -type f -name '*.log' -mtime "+${PACK_DAYS:-7}" -exec gzip -f {} \;
find "$root/logs" -type f \( -name '*.log' -o -name '*.log.gz' \) -mtime "+${KEEP_DAYS:-90}" -exec rm -f {} \;
