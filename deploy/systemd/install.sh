#!/bin/sh
# Installs the core into /opt/trading for a user `trading`, with timers instead of cron. As root:
#
#     sh deploy/systemd/install.sh [--with-obs]
#
# Run it again to update: settings, secrets and data stay.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ "$(id -u)" = 0 ] || { echo "install: needs root (it makes a user and units)" >&2; exit 2; }
id trading >/dev/null 2>&1 || useradd --system --home-dir /opt/trading --shell /usr/sbin/nologin trading
sh "$here/../nas/install.sh" "$@" /opt/trading
chown -R trading:trading /opt/trading
units="daily weekly backup cleanup"
for unit in $units; do
    cp "$here/trading-$unit.service" "$here/trading-$unit.timer" /etc/systemd/system/
done
[ ! -x /opt/trading/venv/bin/obs ] || cp "$here/obs.service" /etc/systemd/system/
systemctl daemon-reload
for unit in $units; do systemctl enable --now "trading-$unit.timer"; done
[ ! -x /opt/trading/venv/bin/obs ] || systemctl enable --now obs.service
systemctl list-timers 'trading-*'
