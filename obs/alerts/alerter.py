"""Decides from each picture what is to be told, and sends it: a thread of its own beside the fold.

It reads only pictures whose events are stored, so that nothing is told that a restart would not know of.
Whatever happens here costs a message, never the sidecar.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

from obs.alerts import wording
from obs.alerts.channels import Channel, ChannelError, Receipt
from obs.alerts.desk import Delivery, Desk, DeskError, Memory
from obs.alerts.plan import HOUR_NS, SECOND_NS, Plan, Route, room_at
from obs.alerts.wording import note_of
from obs.journal import journal
from obs.snapshot import Issue, IssueSeverity, IssueStatus, Snapshot

__all__ = ["Alerter"]

LOOK_SECONDS = 1.0
STOP_SECONDS = 5.0
FRESH_NS = 24 * HOUR_NS
"""What was last seen longer ago is no news at the first look."""
KEPT_NS = 30 * 24 * HOUR_NS
BACKOFF_SECONDS = (2, 8, 30)
"""Before the second, third and fourth try; then another channel takes it."""
OPEN = (IssueStatus.NEW, IssueStatus.ONGOING, IssueStatus.ESCALATING, IssueStatus.REGRESSED)
SEVERITIES = tuple(IssueSeverity)


class Alerter:
    """One plan at work; `step` is all it does, `with` runs it in a thread."""

    def __init__(
        self,
        directory: Path,
        plan: Plan,
        channels: Mapping[str, Callable[[], Channel]],
        look: Callable[[], Snapshot],
        *,
        say: Callable[[str], None] = lambda _: None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """Make one.

        Args:
            directory: The sidecar's folder.
            plan: Who is told what and when.
            channels: Name -> makes the channel, or raises `ChannelError`.
            look: Gives the newest picture that no restart takes back.
            say: Told in one sentence when a message reached nobody.
            clock: Unix ns now.
        """
        self._directory, self._plan, self._look = directory, plan, look
        self._say, self._clock, self._makers = say, clock, channels
        self._channels: dict[str, Channel | str] = {}
        self._routes = {route.name: route for route in plan.routes}
        self._log = journal("alerts")
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._seen: Snapshot | None = None

    def __enter__(self) -> Alerter:
        if self._plan.routes:
            self._thread = threading.Thread(target=self._run, name="obs-alerts", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            # What is on its way then is known to be so, and said at the next start.
            self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        desk, fault = None, ""
        while not self._stop.is_set():
            try:
                if desk is None:
                    desk = Desk(self._directory)
                    self.take_up(desk)
                self.step(desk)
                fault = ""
            except Exception as error:  # noqa: BLE001 - the next look tries again; said once
                what = str(error) if isinstance(error, DeskError) else type(error).__name__
                if what != fault:
                    fault = what
                    self._log.error("alerts are not sent", why=what)
                    self._say(f"Alerts are not sent: {what}.")
            self._stop.wait(LOOK_SECONDS)
        if desk is not None:
            desk.close()

    def take_up(self, desk: Desk) -> None:
        """Deal with what an earlier process was sending when it ended: whether it arrived is not known."""
        now = self._clock()
        desk.forget(now - KEPT_NS)
        for delivery in desk.interrupted():
            self._deal_with(desk, delivery, Receipt("unknown", "the sidecar ended meanwhile"))

    def step(self, desk: Desk) -> None:
        """Look, decide, gather and send what is due."""
        snapshot = self._look()
        self.decide(desk, snapshot)
        for route in self._plan.routes:
            self._gather(desk, route)
        for delivery in desk.due(self._clock()):
            if self._stop.is_set():
                return
            self._send(desk, delivery)

    def decide(self, desk: Desk, snapshot: Snapshot) -> None:
        """Let wait what is news to a route; that it was told is written down in the same moment."""
        now = self._clock()
        silences = desk.silences(now)
        memories = {name: desk.memories(name) for name in self._routes}
        for issue in snapshot.issues:
            is_active = issue.status in OPEN and issue.trend != "quiet" and issue.cause is None
            if is_active and any(silence.holds(issue, now) for silence in silences):
                continue
            for route in self._plan.routes_of(issue) if is_active else self._plan.routes:
                memory = memories[route.name].get(issue.fingerprint)
                self._consider(desk, route, issue, memory, now, is_active=is_active)

    def _consider(
        self, desk: Desk, route: Route, issue: Issue, memory: Memory | None, now: int, *, is_active: bool
    ) -> None:
        kind = _news(issue, memory, now, self._plan.again_after) if is_active else _end(issue, memory)
        if not kind:
            return
        gravest = max(issue.severity.rank, memory.severity if memory is not None and kind != "again" else 0)
        told = memory.told if memory is not None and not is_active else now
        with desk.at_once():
            desk.remember(route.name, issue.fingerprint, Memory(gravest, told, is_active))
            if kind != "quiet" and (kind != "over" or route.resolved):
                desk.wait(route.name, note_of(issue, kind), now)

    def _gather(self, desk: Desk, route: Route) -> None:
        """Make one message of all that waits for a route, when it may go out."""
        now = self._clock()
        ready = [
            (note, since)
            for note, since in desk.waiting(route.name)
            if not self._plan.held_until(note.severity, now)
        ]
        if not ready or min(since for _, since in ready) + self._plan.group_wait > now:
            return
        notes = [note for note, _ in ready]
        worst = max((note.severity for note in notes), key=lambda severity: severity.rank)
        if self._room_at(desk, route.channels[0], worst, now) > now:
            # What comes until then goes into the same message: the digest.
            return
        text = wording.message(notes, lang=self._plan.lang, zone=self._plan.zone)
        desk.make(route.name, notes, worst, text, route.channels, now)

    def _send(self, desk: Desk, delivery: Delivery) -> None:
        now = self._clock()
        room = self._room_at(desk, delivery.channel, SEVERITIES[delivery.severity], now)
        if room > now:
            desk.put_off(delivery, room, now, "the channel's limit")
            return
        channel = self._channel(delivery.channel)
        if isinstance(channel, str):
            self._deal_with(desk, delivery, Receipt("refused", channel))
            return
        text = delivery.body
        if delivery.is_repeat:
            text = wording.repeated(text, self._plan.lang)
        if delivery.instead_of:
            text = wording.instead(text, self._plan.lang, delivery.instead_of, perhaps=delivery.is_perhaps)
        desk.sends(delivery, now)
        receipt = channel.send(delivery.title, text)
        self._deal_with(desk, delivery._replace(tries=delivery.tries + 1), receipt)

    def _deal_with(self, desk: Desk, delivery: Delivery, receipt: Receipt) -> None:
        now = self._clock()
        if receipt.verdict == "taken":
            desk.settle(delivery, "sent", now, "")
            self._log.info("alert sent", channel=delivery.channel, message=delivery.message)
            return
        self._log.error(
            "alert not taken", channel=delivery.channel, message=delivery.message, why=receipt.why
        )
        if receipt.verdict == "again" and delivery.tries <= len(BACKOFF_SECONDS):
            pause = BACKOFF_SECONDS[max(0, delivery.tries - 1)] * SECOND_NS
            desk.put_off(delivery, now + pause, now, receipt.why)
            return
        route = self._routes.get(delivery.route)
        others = [name for name in route.fallback if name != delivery.channel] if route is not None else []
        is_unknown = receipt.verdict == "unknown"
        if is_unknown and not others and not delivery.is_repeat:
            # Nobody else can be asked: rather twice and said than perhaps not at all.
            desk.put_off(delivery, now + BACKOFF_SECONDS[0] * SECOND_NS, now, receipt.why, repeat=True)
            return
        state = "unknown" if is_unknown else "failed"
        if not desk.settle(delivery, state, now, receipt.why, others) and not delivery.instead_of:
            self._say(
                f"Whether alert message {delivery.message} was read: channel {delivery.channel} failed "
                f"({receipt.why}); `obs alert status` tells."
            )

    def _room_at(self, desk: Desk, channel: str, severity: IssueSeverity, now: int) -> int:
        sent = desk.sent_at(channel, now - HOUR_NS)
        return room_at(sent, now, self._plan.per_hour, urgent=self._plan.is_urgent(severity))

    def _channel(self, name: str) -> Channel | str:
        """Return a channel, or why there is none."""
        if name not in self._channels:
            try:
                self._channels[name] = self._makers[name]()
            except KeyError:
                self._channels[name] = "the settings no longer name this channel"
            except ChannelError as error:
                self._channels[name] = str(error)
        return self._channels[name]


def _news(issue: Issue, memory: Memory | None, now: int, again_after: int) -> str:
    """Return what is new of an open issue; empty for nothing."""
    if memory is None:
        return "new" if now - issue.last_seen < FRESH_NS else ""
    if issue.severity.rank > memory.severity:
        return "worse"
    if not memory.is_open and now - memory.told >= again_after:
        return "again"
    return ""


def _end(issue: Issue, memory: Memory | None) -> str:
    if memory is None or not memory.is_open:
        return ""
    return "over" if issue.status is IssueStatus.RESOLVED else "quiet"
