"""From the settings to what works by them: the plan, the channels, the alerter of a sidecar."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from obs.alerts.alerter import Alerter
from obs.alerts.channels import Channel, channel_of
from obs.alerts.plan import Plan, Route, amount_of, quiet_of
from obs.config import Settings, duration_ns
from obs.snapshot import IssueSeverity, Snapshot

__all__ = ["alerter_of", "channels_of", "plan_of"]


def plan_of(settings: Settings) -> Plan:
    """Return who is told what and when."""
    told, zone = settings.alerts, ZoneInfo(settings.timezone)
    return Plan(
        routes=tuple(
            Route(
                name=route.name or f"route {number}",
                severity=IssueSeverity(route.severity),
                bots=route.bots,
                money=amount_of(route.money),
                channels=route.channels,
                fallback=route.fallback,
                resolved=route.resolved,
                also=route.also,
            )
            for number, route in enumerate(told.routes, 1)
        ),
        quiet=quiet_of(told.quiet_hours, zone),
        urgent=IssueSeverity(told.quiet_except),
        group_wait=duration_ns(told.group_wait),
        again_after=duration_ns(told.again_after),
        per_hour=told.per_hour,
        zone=zone,
        lang=settings.lang,
    )


def channels_of(settings: Settings) -> dict[str, Callable[[], Channel]]:
    """Return what makes each channel; Apprise is loaded when the first is made."""
    return {
        name: partial(channel_of, name, address.get_secret_value())
        for name, address in settings.alerts.channels.items()
    }


def alerter_of(
    settings: Settings, directory: Path, look: Callable[[], Snapshot], say: Callable[[str], None]
) -> Alerter:
    """Return the alerter of a sidecar; without routes it does nothing.

    Args:
        settings: In force.
        directory: The sidecar's folder.
        look: Gives the newest picture that no restart takes back.
        say: Told in one sentence when a message reached nobody.
    """
    return Alerter(directory, plan_of(settings), channels_of(settings), look, say=say)
