#!/bin/sh
# Installs the trading core into a folder of its own, with its scripts, settings and schedule. Run it again to
# update: settings, secrets and data stay as they are.
#
#     sh deploy/nas/install.sh [--with-obs] [--cron] FOLDER
#
# --with-obs  installs the sidecar too; the daily run is then watched by it
# --cron      writes the schedule into this user's crontab (between two marks; other lines stay)
# PYTHON=...  which Python, 3.11 or newer; EXTRAS=krx,notify: which extras
set -eu
source_folder=$(cd "$(dirname "$0")/../.." && pwd)
with_obs=0 cron=0 target=""
for argument in "$@"; do
    case $argument in
        --with-obs) with_obs=1 ;;
        --cron) cron=1 ;;
        -*) echo "install: unknown option $argument. Use --with-obs, --cron and a folder." >&2; exit 2 ;;
        *) target=$argument ;;
    esac
done
[ -n "$target" ] || { echo "install: where to? Give a folder: sh deploy/nas/install.sh FOLDER" >&2; exit 2; }

python=${PYTHON:-}
for candidate in python3.13 python3.12 python3.11 python3; do
    [ -z "$python" ] || break
    command -v "$candidate" >/dev/null 2>&1 || continue
    "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && python=$candidate
done
[ -n "$python" ] || { echo "install: no Python 3.11 or newer. Install one, or name it: PYTHON=/path/to/python3" >&2; exit 2; }

umask 077
mkdir -p "$target/bin" "$target/secret" "$target/logs"
target=$(cd "$target" && pwd)
[ -x "$target/venv/bin/python" ] || "$python" -m venv "$target/venv"
set -- "$source_folder/trading[${EXTRAS:-krx,notify}]"
[ $with_obs = 0 ] || set -- "$@" "$source_folder"
"$target/venv/bin/python" -m pip install -q --disable-pip-version-check "$@"

for script in daily_realtime_signals.sh check.sh status.sh backup_db.sh cleanup_logs.sh weekly_report.py weekly_report.sh; do
    cp "$source_folder/deploy/nas/$script" "$target/bin/$script"
    chmod 700 "$target/bin/$script"
done
templates=$source_folder/deploy/nas/templates
[ -e "$target/trading.toml" ] || cp "$templates/trading.toml" "$target/trading.toml"
[ -e "$target/universe.toml" ] || cp "$templates/universe.toml" "$target/universe.toml"
[ -e "$target/secret/config.yaml" ] || cp "$templates/config.yaml" "$target/secret/config.yaml"
[ -e "$target/secret/environment" ] || cp "$templates/environment" "$target/secret/environment"
chmod 600 "$target/secret/config.yaml" "$target/secret/environment"

sed "s|@FOLDER@|$target|g" "$source_folder/deploy/nas/crontab_realtime.txt" >"$target/crontab_realtime.txt"
if [ $cron = 1 ]; then
    begin="# trading: begin ($target)" end="# trading: end ($target)"
    {
        crontab -l 2>/dev/null | awk -v b="$begin" -v e="$end" '$0 == b {skip = 1} !skip {print} $0 == e {skip = 0}'
        echo "$begin"
        cat "$target/crontab_realtime.txt"
        echo "$end"
    } | crontab -
    echo "The schedule is in this user's crontab."
else
    echo "Schedule: $target/crontab_realtime.txt (crontab -e, or run again with --cron)."
fi
echo "Installed in $target. Next: universe.toml, secret/environment, secret/config.yaml; then bin/check.sh:"
"$target/bin/check.sh" || echo "Installed; what is marked FAIL is still to be done, then: $target/bin/check.sh"
