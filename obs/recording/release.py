"""What the surroundings tell of a program's release: OpenTelemetry's resource attributes or `OBS_RELEASE`."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

__all__ = ["told_release"]

_TAKEN = ("service.version", "vcs.ref.head.revision", "deployment.environment.name")
_MOST = 80


def told_release(environment: Mapping[str, str]) -> dict[str, str]:
    """Return release, commit and place of deployment, as far as the environment tells them.

    Args:
        environment: Its `OTEL_RESOURCE_ATTRIBUTES` (`service.version=1.5,...`, values percent-encoded) and
            `OBS_RELEASE`, which wins.
    """
    found = {}
    for pair in environment.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","):
        name, _, value = pair.partition("=")
        if name.strip() in _TAKEN and value.strip():
            found[name.strip()] = unquote(value.strip())[:_MOST]
    release = environment.get("OBS_RELEASE", "").strip()
    return {**found, "service.version": release[:_MOST]} if release else found
