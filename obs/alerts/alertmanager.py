"""Alertmanager's webhook, version 4: a notification becomes events, each alert for itself.

What is told again while an alert still fires counts as seen again; what is only sent again, because the
answer was lost, has the same id and counts once.

Source: prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from obs.alerts.folding import ENDED, FIRED
from obs.events import Event, Severity
from obs.keeping.inbox import Entry, Inbox, InboxFullError, entry_of, loss_of

__all__ = ["AGAIN_NS", "MOST_ALERTS", "Taken", "WebhookError", "receive", "translated"]

MOST_ALERTS = 1_000
"""Of one notification; Alertmanager's `max_alerts` keeps it under that."""
AGAIN_NS = 300 * 1_000_000_000
"""Within so much the same alert in the same state is the same message."""
MOST_NAME, MOST_TEXT, MOST_LABELS = 200, 2_000, 40
SEVERITIES: Mapping[str, Severity] = {
    "critical": Severity.FATAL,
    "page": Severity.FATAL,
    "fatal": Severity.FATAL,
    "emergency": Severity.FATAL,
    "error": Severity.ERROR,
    "high": Severity.ERROR,
    "major": Severity.ERROR,
    "warning": Severity.WARN,
    "warn": Severity.WARN,
    "minor": Severity.WARN,
    "info": Severity.INFO,
    "low": Severity.INFO,
    "none": Severity.INFO,
}
"""The words people write into the label `severity`; others are errors."""
BOT_LABELS = ("bot", "service_name", "service", "bot_id")
"""The first of these labels says whose alert it is."""
UNREADABLE, CUT = "alert_unreadable", "alert_cut_by_sender"


class WebhookError(ValueError):
    """A body that is no notification; the message names the place, never what stands there."""


class Taken(NamedTuple):
    """What became of a notification."""

    alerts: int
    """That could be read."""
    doubles: int
    """Entries that were sent again, and counted before."""
    unreadable: int


def receive(body: bytes, inbox: Inbox, now: int) -> Taken:
    """Write a notification's alerts down; when this returns they survive a kill and a power cut.

    Args:
        body: As it was posted.
        inbox: Where events wait for the fold.
        now: Unix ns.

    Raises:
        WebhookError: If it is no notification.
        InboxFullError: If nothing more can be taken in now; nothing was kept.
    """
    if inbox.is_full:
        raise InboxFullError("too much waits to be folded")
    entries, unreadable = translated(body, now)
    kept = inbox.put(entries)
    inbox.sync()
    return Taken(len(entries) - unreadable, kept.doubles, unreadable)


def translated(body: bytes, now: int) -> tuple[list[Entry], int]:
    """Return what is written down for a notification, and how much of it could not be read.

    Args:
        body: As it was posted.
        now: Unix ns.

    Raises:
        WebhookError: If it is no notification.
    """
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise WebhookError("the body is no JSON") from None
    alerts = said.get("alerts") if isinstance(said, dict) else None
    if not isinstance(alerts, list):
        raise WebhookError("alerts: is no list, so this is no notification of Alertmanager's")
    entries, unreadable = [], 0
    for place, alert in enumerate(alerts):
        event = _event_of(alert, now) if place < MOST_ALERTS else None
        if event is not None:
            entries.append(entry_of(event))
        else:
            unreadable += 1
            entries.append(loss_of(UNREADABLE, body + b"%d" % place))
    cut = said.get("truncatedAlerts")
    if isinstance(cut, int) and cut > 0:
        unreadable += 1
        entries.append(loss_of(CUT, body))
    return entries, unreadable


def _event_of(alert: object, now: int) -> Event | None:
    if not isinstance(alert, dict):
        return None
    labels, notes = _texts(alert.get("labels")), _texts(alert.get("annotations"))
    state, began = alert.get("status"), _time(alert.get("startsAt"))
    if not labels or state not in ("firing", "resolved") or not began:
        return None
    name = labels.get("alertname", "")[:MOST_NAME]
    # A clock that goes ahead elsewhere makes no future here.
    began = min(began, now)
    over = state == "resolved"
    ended = min(_time(alert.get("endsAt")) or now, now)
    said = (now - began) // AGAIN_NS
    # An end is told when it is known: a notification from just before it must not seem to be newer.
    time = now if over else began + said * AGAIN_NS
    key = str(alert.get("fingerprint") or "")[:MOST_NAME] or _digest(labels)
    word = labels.get("severity", "").lower()
    summary = next((notes[k] for k in ("summary", "description", "message") if notes.get(k)), "")
    attributes: dict[str, Any] = {
        "component": "alertmanager",
        "alert.name": name,
        "alert.id": key,
        "alert.severity": word[:MOST_NAME],
        "alert.labels": labels,
    }
    if runbook := notes.get("runbook_url") or notes.get("runbook"):
        attributes["alert.runbook"] = runbook
    bot = next((labels[label] for label in BOT_LABELS if labels.get(label)), "")
    verb = "ended" if over else "fires"
    return Event(
        timestamp=time,
        observed_timestamp=now,
        severity=Severity.INFO if over else SEVERITIES.get(word, Severity.ERROR),
        body=f"{name or 'alert'} {verb}" + (f": {summary}" if summary else ""),
        template="%s %s: %s",
        logger="alertmanager",
        event_name=ENDED if over else FIRED,
        attributes=attributes,
        resource={"service.name": bot} if bot else {},
        uid=f"alert-{key}-{began}-{verb}-{ended if over else said}",
    )


def _texts(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    found = [(str(key)[:MOST_NAME], str(text)[:MOST_TEXT]) for key, text in value.items()]
    return dict(sorted(found)[:MOST_LABELS])


def _digest(labels: Mapping[str, str]) -> str:
    return hashlib.blake2b(orjson.dumps(sorted(labels.items())), digest_size=8).hexdigest()


def _time(value: object) -> int:
    """Return Unix ns of a time as Go writes it; 0 for none, Go's zero time included."""
    try:
        moment = datetime.fromisoformat(str(value))
        return max(0, int(moment.timestamp() * 1_000_000) * 1_000) if moment.tzinfo else 0
    except (ValueError, OverflowError, OSError):
        return 0
