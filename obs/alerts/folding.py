"""What an alert means in the fold: one issue for each alert, open while it fires, resolved when it ends.

An alert is somebody else's verdict: no rule reads its text, and it is no sign of life of the bot it is about.
"""

from __future__ import annotations

from collections.abc import Mapping

from obs.events import Event
from obs.fingerprints import Group, fingerprint_of
from obs.quoting import plain

__all__ = [
    "ACTION",
    "ENDED",
    "EXPLANATION",
    "FIRED",
    "NAME",
    "RULE",
    "ended",
    "fired",
    "is_alert",
    "is_alert_rule",
]

FIRED, ENDED = "alert.fired", "alert.ended"
"""The event names under which alerts are folded."""
RULE = "~alert."
"""Begins what an alert's issue has in place of a rule's id; sorts behind all of those."""
NAME = "alertmanager"
"""What an alert's issue says in place of a rule."""
EXPLANATION = "Alertmanager says so; its words are the evidence."
ACTION = "[read] The runbook that the alert names, and the graph that its rule is made from."


def is_alert(event: Event) -> bool:
    """Whether an event is an alert that came from outside."""
    return event.event_name in (FIRED, ENDED)


def fired(event: Event) -> tuple[Group, Mapping[str, str]] | None:
    """Return the issue of a firing alert and what it names; None when nothing is wrong.

    Severity `none` is a sign of life: such an alert always fires.
    """
    if event.event_name != FIRED or event.attributes.get("alert.severity") == "none":
        return None
    name = plain(str(event.attributes.get("alert.name") or "unnamed"))
    key = _key(event)
    group = Group(
        fingerprint_of("alert", key),
        RULE + fingerprint_of("alert", key),
        "all notifications of this alert, by its labels",
        f"Alert `{name}` fires",
        "SYSTEM",
    )
    return group, {"alert": name}


def ended(event: Event) -> tuple[str, ...]:
    """Return what an alert that ended shows to be well again."""
    return (RULE + fingerprint_of("alert", _key(event)),) if event.event_name == ENDED else ()


def is_alert_rule(rule: str) -> bool:
    """Whether what stands in place of a rule's id is an alert's."""
    return rule.startswith(RULE)


def _key(event: Event) -> str:
    return str(event.attributes.get("alert.id") or event.attributes.get("alert.name") or "")
