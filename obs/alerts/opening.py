"""From the settings to what works by them: the plan, the channels, the alerter of a sidecar."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from obs.alerts.alerter import Alerter, Wiring
from obs.alerts.channels import Channel, channel_of
from obs.alerts.heartbeat import Pulse
from obs.alerts.hushing import Decide
from obs.alerts.mirror import Source
from obs.alerts.plan import SECOND_NS, Plan, Route, amounts_of, clock_of, quiet_of
from obs.config import Settings, duration_ns
from obs.events import Event
from obs.money.amounts import Rate
from obs.money.rates import Rates
from obs.snapshot import Issue, IssueSeverity, Snapshot

__all__ = ["alerter_of", "channels_of", "plan_of", "wiring_of"]


def wiring_of(settings: Settings) -> Wiring:
    """Return all that the settings say of alerts; for `Alerter.adopt` when they change."""
    told = settings.alerts
    address = told.alertmanager.get_secret_value()
    return Wiring(
        plan=plan_of(settings),
        channels=channels_of(settings),
        mirror=Source(
            address,
            told.alertmanager_token.get_secret_value(),
            duration_ns(told.alertmanager_every) / SECOND_NS,
        )
        if address
        else None,
        pulse=Pulse(
            told.heartbeat.get_secret_value(),
            duration_ns(told.heartbeat_every) / SECOND_NS,
            clock_of(told.alive_at),
            told.alive_channels,
        ),
    )


def plan_of(settings: Settings) -> Plan:
    """Return who is told what and when."""
    told, zone = settings.alerts, ZoneInfo(settings.timezone)
    return Plan(
        routes=tuple(
            Route(
                name=route.name or f"route {number}",
                severity=IssueSeverity(route.severity),
                bots=route.bots,
                money=amounts_of(route.money),
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
        over_after=duration_ns(told.over_after),
        again_after=duration_ns(told.again_after),
        remind_after=duration_ns(told.remind_after),
        per_hour=told.per_hour,
        zone=zone,
        lang=settings.lang,
        rates=Rates.of(
            Rate(int(rate.at.timestamp() * 1_000_000) * 1_000, rate.pair.upper(), rate.rate)
            for rate in settings.rates
        ),
    )


def channels_of(settings: Settings) -> dict[str, Callable[[], Channel]]:
    """Return what makes each channel; Apprise is loaded when the first is made."""
    return {
        name: partial(channel_of, name, address.get_secret_value())
        for name, address in settings.alerts.channels.items()
    }


def alerter_of(
    settings: Settings,
    directory: Path,
    look: Callable[[], Snapshot],
    say: Callable[[str], None],
    tell: Callable[[Event], None] = lambda _: None,
) -> Alerter:
    """Return the alerter of a sidecar; where nothing is set it does nothing.

    Args:
        settings: In force.
        directory: The sidecar's folder.
        look: Gives the newest picture that no restart takes back.
        say: Told in one sentence when a message reached nobody.
        tell: Takes events about channels that fail, and that work again.
    """
    decide = _deciding(directory, settings.store)
    return Alerter(directory, wiring_of(settings), look, decide=decide, say=say, tell=tell)


def _deciding(directory: Path, store: str) -> Decide:
    def decide(verb: str, picture: Snapshot, issue: Issue, now: int, who: str, why: str, until: int) -> None:
        # Only where a silence is laid.
        from obs import deciding

        deciding.apply(
            directory,
            picture,
            verb,
            [issue.fingerprint],
            now=now,
            why=why,
            by=who,
            expires=until,
            store=store,
        )

    return decide
