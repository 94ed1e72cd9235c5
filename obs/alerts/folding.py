"""What an alert means in the fold: one issue for each alert, open while it fires, resolved when it ends.

An alert is somebody else's verdict: no rule reads its text, and it is no sign of life of the bot it is about.
Beside Alertmanager's there is one kind of our own: a channel that takes no messages, so that nobody is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from obs.events import Event, Severity
from obs.fingerprints import Group, fingerprint_of
from obs.quoting import plain

__all__ = [
    "ENDED",
    "FIRED",
    "Told",
    "about_channel",
    "channel_fails",
    "channel_works",
    "ended",
    "fired",
    "is_alert",
    "is_alert_rule",
    "told",
]

FIRED, ENDED = "alert.fired", "alert.ended"
"""The event names under which alerts are folded."""
FAILS, WORKS = "alert.channel_fails", "alert.channel_works"
"""Those of a channel."""
RULE = "~alert."
"""Begins what an alert's issue has in place of a rule's id; sorts behind all of those."""
_CHANNEL_RULE = RULE + "channel."


class Told(NamedTuple):
    """What an alert's issue says where others have a rule."""

    rule: str
    explanation: str
    action: str


_FOREIGN = Told(
    "alertmanager",
    "Alertmanager says so; its words are the evidence.",
    "[read] The runbook that the alert names, and the graph that its rule is made from.",
)
_CHANNEL = Told(
    "alert-channel",
    "Messages about issues do not arrive there, so nobody may know of them; the evidence says why.",
    "[config] Its address, its token and the way there: `obs alert test` tries it, `obs alert status` lists "
    "what was not taken.",
)


def is_alert(event: Event) -> bool:
    """Whether an event is an alert."""
    return event.event_name in (FIRED, ENDED, FAILS, WORKS)


def fired(event: Event) -> tuple[Group, Mapping[str, str]] | None:
    """Return the issue of a firing alert and what it names; None when nothing is wrong.

    Severity `none` is a sign of life: such an alert always fires.
    """
    if event.event_name == FAILS:
        name = str(event.attributes.get("channel") or "")
        group = Group(
            _of_channel(name),
            _CHANNEL_RULE + _of_channel(name),
            "all messages that this channel did not take",
            f"Alerts do not reach channel `{plain(name)}`",
            "SYSTEM",
        )
        return group, {"channel": plain(name)}
    if event.event_name != FIRED or event.attributes.get("alert.severity") == "none":
        return None
    name = plain(str(event.attributes.get("alert.name") or "unnamed"))
    key = _key(event)
    group = Group(
        of_alert(key),
        RULE + of_alert(key),
        "all notifications of this alert, by its labels",
        f"Alert `{name}` fires",
        "SYSTEM",
    )
    return group, {"alert": name}


def ended(event: Event) -> tuple[str, ...]:
    """Return what an alert that ended shows to be well again."""
    if event.event_name == WORKS:
        return (_CHANNEL_RULE + _of_channel(str(event.attributes.get("channel") or "")),)
    return (RULE + of_alert(_key(event)),) if event.event_name == ENDED else ()


def is_alert_rule(rule: str) -> bool:
    """Whether what stands in place of a rule's id is an alert's."""
    return rule.startswith(RULE)


def told(rule: str) -> Told:
    """Return what an alert's issue says, by what stands in place of a rule's id."""
    return _CHANNEL if rule.startswith(_CHANNEL_RULE) else _FOREIGN


def of_alert(key: str) -> str:
    """Return the fingerprint of an alert's issue.

    Args:
        key: Alertmanager's own fingerprint.
    """
    return fingerprint_of("alert", key)


def about_channel(channel: str, fingerprint: str) -> bool:
    """Whether an issue says that this very channel fails: it cannot be told there."""
    return fingerprint == _of_channel(channel)


def channel_fails(name: str, since: int, why: str, now: int, every: int) -> Event:
    """Return the event of a channel that fails; the same one for a stretch of `every` ns.

    Args:
        name: As the settings name it.
        since: Unix ns of the first message that it did not take.
        why: In our words.
        now: Unix ns.
        every: In ns.
    """
    stretch = max(0, now - since) // every
    return Event(
        timestamp=since + stretch * every,
        observed_timestamp=now,
        severity=Severity.ERROR,
        body=f"channel {name} takes no messages: {why}",
        template="channel %s takes no messages: %s",
        logger="alerts",
        event_name=FAILS,
        attributes={"component": "alerts", "channel": name},
        uid=f"channel-{name}-{since}-fails-{stretch}",
    )


def channel_works(name: str, at: int) -> Event:
    """Return the event of a channel that works again since Unix ns `at`."""
    return Event(
        timestamp=at,
        observed_timestamp=at,
        severity=Severity.INFO,
        body=f"channel {name} works",
        template="channel %s works",
        logger="alerts",
        event_name=WORKS,
        attributes={"component": "alerts", "channel": name},
        uid=f"channel-{name}-works-{at}",
    )


def _of_channel(name: str) -> str:
    return fingerprint_of("alert-channel", name)


def _key(event: Event) -> str:
    return str(event.attributes.get("alert.id") or event.attributes.get("alert.name") or "")
