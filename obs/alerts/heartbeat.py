"""Signs of life: a ping to whoever notices when it stops, and one message a day to a person.

Nobody is told by a dead sidecar that it is dead. Pings go out only while pictures are fresh, so they stop
also when the sidecar lives and its fold hangs.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from typing import NamedTuple

from obs.alerts import wording
from obs.alerts.channels import ChannelError, filled
from obs.alerts.desk import Desk
from obs.alerts.plan import SECOND_NS, Plan, elapsed
from obs.journal import Journal, journal
from obs.snapshot import IssueSeverity, IssueStatus, Snapshot

__all__ = ["Heartbeat", "Pulse", "ping"]

TIMEOUT_SECONDS = 10.0
OLD_NS = 120 * SECOND_NS
"""A picture older than this is no sign of life."""
_DAILY = "alive"
_CLOSED = (IssueStatus.RESOLVED, IssueStatus.ARCHIVED)


class Pulse(NamedTuple):
    """How the sidecar shows that it lives."""

    address: str = ""
    """Asked with GET every so often: healthchecks.io's, Uptime Kuma's and their like; may hold `${NAME}`."""
    every_seconds: float = 60.0
    daily: dt.time | None = None
    """When a message says so each day."""
    channels: tuple[str, ...] = ()
    """By which."""

    @property
    def is_set(self) -> bool:
        """Whether it is asked for at all."""
        return bool(self.address or (self.daily and self.channels))


class Heartbeat:
    """Used by the alerter's thread; pings go out in one of their own."""

    def __init__(self, pulse: Pulse, *, log: Journal | None = None) -> None:
        """Make one.

        Args:
            pulse: How.
            log: Where a ping that was not taken is written down.
        """
        self._pulse = pulse
        self._log = log if log is not None else journal("alerts")
        self._pinged = -1e9
        self._worker: threading.Thread | None = None
        self._fault = ""

    def adopt(self, pulse: Pulse) -> None:
        """Go on with other settings."""
        self._pulse = pulse

    def close(self) -> None:
        """End: whoever waits for the next ping will say so."""

    def step(self, desk: Desk, snapshot: Snapshot, plan: Plan, now: int) -> None:
        """Do what is due.

        Args:
            desk: Takes the daily message, and remembers that it was made.
            snapshot: The newest picture.
            plan: With language and zone.
            now: Unix ns.
        """
        if self._pulse.address and elapsed(snapshot.taken_at, now) < OLD_NS:
            self._ping(self._pulse.address)
        if self._pulse.daily is not None and self._pulse.channels:
            self._say(desk, snapshot, plan, now, self._pulse.daily)

    def _ping(self, address: str) -> None:
        if time.monotonic() - self._pinged < self._pulse.every_seconds:
            return
        if self._worker is not None and self._worker.is_alive():
            return
        self._pinged = time.monotonic()
        self._worker = threading.Thread(target=self._send, args=(address,), name="obs-ping", daemon=True)
        self._worker.start()

    def _send(self, address: str) -> None:
        fault = ping(address)
        if fault != self._fault:
            self._fault = fault
            if fault:
                self._log.error("heartbeat not taken", why=fault)
            else:
                self._log.info("heartbeat taken again")

    def _say(self, desk: Desk, snapshot: Snapshot, plan: Plan, now: int, at: dt.time) -> None:
        due = _newest(at, plan, now)
        last = desk.channels.marked(_DAILY)
        if last == 0:
            # The first one is tomorrow's: whoever starts it knows that it runs.
            desk.channels.mark(_DAILY, now)
        elif last < due or last > now + 24 * 3600 * SECOND_NS:
            title, text = _told(snapshot, plan)
            with desk.at_once():
                for channel in self._pulse.channels:
                    desk.say(channel, title, text, now)
                desk.channels.mark(_DAILY, now)


def ping(address: str, look: Callable[[str], str] = lambda text: filled(text, "alerts.heartbeat")) -> str:
    """Ask an address once; return what was wrong, empty when it was taken.

    Args:
        address: As the settings have it.
        look: Fills in what stands for secrets.
    """
    try:
        request = urllib.request.Request(look(address), headers={"User-Agent": "obs"})
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            answer.read1(1_024)
    except ChannelError as error:
        return str(error)
    except urllib.error.HTTPError as error:
        error.close()
        return f"HTTP {error.code}"
    except (OSError, HTTPException, ValueError):
        return "no answer"
    return ""


def _newest(at: dt.time, plan: Plan, now: int) -> int:
    """Return the Unix ns of the last time the clock showed a time of day."""
    here = datetime.fromtimestamp(now // SECOND_NS, UTC).astimezone(plan.zone)
    today = datetime.combine(here.date(), at, tzinfo=plan.zone)
    moment = int(today.timestamp()) * SECOND_NS
    if moment > now:
        moment = (
            int(datetime.combine(here.date() - timedelta(days=1), at, tzinfo=plan.zone).timestamp())
            * SECOND_NS
        )
    return moment


def _told(snapshot: Snapshot, plan: Plan) -> tuple[str, str]:
    issues = [issue for issue in snapshot.issues if issue.cause is None and issue.status not in _CLOSED]
    counts = {
        str(severity): sum(1 for issue in issues if issue.severity is severity)
        for severity in reversed(IssueSeverity)
    }
    return wording.alive(
        plan.lang,
        plan.zone,
        bots=snapshot.bots,
        health=str(snapshot.health),
        score=int(snapshot.health_score),
        last=snapshot.last_event,
        counts=counts,
    )
