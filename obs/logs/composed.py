"""What docker compose itself says between the lines of its containers, and which containers are no bots."""

from __future__ import annotations

import re

__all__ = ["exited", "is_own", "is_side"]

_EXITED = re.compile(
    r"(?P<service>[A-Za-z][\w.-]*) exited with code (?P<code>\d{1,3})(?: \(restarting\))?\s*$"
)
_OWN = re.compile(
    r"Attaching to |Gracefully stopping|Aborting on container exit"
    r"|\s*(?:Container|Network|Volume) \S+ +[A-Z][a-z]+"
    r"|canceled$|\[\+\] Running |(?:Starting|Stopping|Killing|Creating|Recreating) \S+ +\.\.\."
)
_SIDE = re.compile(
    r"(?:^|[-_])(?:redis|valkey|keydb|memcached|postgres(?:ql)?|pg|pgbouncer|pgadmin|timescale(?:db)?|mysql|mariadb"
    r"|mongo(?:db)?|sqlite-web|influx(?:db)?|clickhouse|questdb|elastic(?:search)?|opensearch|kibana|cassandra"
    r"|rabbitmq|kafka|zookeeper|nats|mosquitto|minio|grafana|prometheus|alertmanager|loki|promtail|tempo|jaeger"
    r"|otel(?:-collector)?|vector|fluentd?(?:-?bit)?|cadvisor|node-exporter|exporter|nginx|traefik|caddy|haproxy"
    r"|adminer|portainer|watchtower|autoheal|cloudflared|certbot|frequi|ollama|chroma(?:db)?|qdrant|vault|consul"
    r"|database|db|cache|broker|proxy|docker-compose)(?:[-_]?\d+)?(?:[-_]\d+)?$",
    re.IGNORECASE,
)
"""Images that stand beside a bot, by the names their services usually have."""


def exited(line: str) -> tuple[str, int] | None:
    """Return service and exit code of a line that tells of a container's end, else None."""
    found = _EXITED.match(line)
    return (found["service"], int(found["code"])) if found is not None else None


def is_own(line: str) -> bool:
    """Whether compose itself says this line."""
    return _OWN.match(line) is not None or _EXITED.match(line) is not None


def is_side(service: str) -> bool:
    """Whether a service is a data base, a queue or a watcher beside the bots, by its name."""
    return _SIDE.search(service) is not None
