"""Decides from each picture what is to be told, and has it sent: a thread of its own beside the fold.

It reads only pictures whose events are stored, so that nothing is told that a restart would not know of.
Whatever happens here costs a message, never the sidecar.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from obs.alerts import FILE, wording
from obs.alerts.couriers import Couriers, Makers
from obs.alerts.desk import Desk, DeskError
from obs.alerts.folding import about_channel
from obs.alerts.heartbeat import Heartbeat, Pulse
from obs.alerts.hushing import Decide, Hush
from obs.alerts.mirror import Mirror, Source
from obs.alerts.news import ENDED, QUIET, Memory, News, end_of, is_active, news_of, over_after
from obs.alerts.numbers import AlertNumbers, ChannelNumbers
from obs.alerts.plan import HOUR_NS, Plan, Route, elapsed
from obs.alerts.postroom import Postroom
from obs.alerts.silences import Silence, laid
from obs.alerts.wording import note_of
from obs.events import Event
from obs.journal import journal
from obs.snapshot import Issue, IssueStatus, Snapshot

__all__ = ["Alerter", "Wiring"]

LOOK_SECONDS = 1.0
STOP_SECONDS = 5.0
KEPT_NS = 30 * 24 * HOUR_NS
"""So long what was told and sent is kept."""
TIDY_NS = 6 * HOUR_NS


class Wiring(NamedTuple):
    """All that settings say of alerts."""

    plan: Plan
    channels: Makers
    mirror: Source | None = None
    """The Alertmanager whose silences are ours too."""
    pulse: Pulse = Pulse()

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.plan.routes or self.mirror is not None or self.pulse.is_set)


class Alerter:
    """One plan at work; `step` is all it does, `with` runs it in a thread."""

    def __init__(
        self,
        directory: Path,
        wiring: Wiring,
        look: Callable[[], Snapshot],
        *,
        decide: Decide | None = None,
        say: Callable[[str], None] = lambda _: None,
        tell: Callable[[Event], None] = lambda _: None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """Make one.

        Args:
            directory: The sidecar's folder.
            wiring: Who is told what, when and how.
            look: Gives the newest picture that no restart takes back.
            decide: Stores what a silence decides of an issue; None: silences archive nothing.
            say: Told in one sentence when a message reached nobody.
            tell: Takes events about channels that fail, and that work again.
            clock: Unix ns now.
        """
        self._directory, self._wiring, self._look = directory, wiring, look
        self._say, self._clock = say, clock
        self._log = journal("alerts")
        self._woken = threading.Event()
        self._couriers = Couriers(wiring.channels, woken=self._woken.set)
        self._room = Postroom(self._couriers, say=say, tell=tell, clock=clock, log=self._log)
        self._hush = Hush(decide, log=self._log) if decide is not None else None
        self._mirror = Mirror(wiring.mirror, say=say, log=self._log)
        self._heartbeat = Heartbeat(wiring.pulse, log=self._log)
        self._next: Wiring | None = None
        self._is_stopping = False
        self._thread: threading.Thread | None = None
        self._tidied = 0
        self._matched: tuple[Snapshot, list[Silence], Mapping[str, Silence]] | None = None
        self._modes: dict[str, str] = {}
        """How each bot trades, of the newest picture."""
        self.numbers = AlertNumbers()
        """As of the last step; may be read by any thread."""

    def __enter__(self) -> Alerter:
        self._thread = threading.Thread(target=self._run, name="obs-alerts", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_stopping = True
        self._woken.set()
        if self._thread is not None:
            # What is on its way then is known to be so, and said at the next start.
            self._thread.join(STOP_SECONDS)
        self._mirror.close()
        self._heartbeat.close()

    @property
    def is_idle(self) -> bool:
        """Whether no message is on its way at this moment."""
        return self._couriers.is_idle

    def adopt(self, wiring: Wiring) -> None:
        """Go on with other settings from the next step; what waits, was told or is on its way stays.

        Args:
            wiring: The new ones; from any thread.
        """
        self._next = wiring
        self._woken.set()

    def _run(self) -> None:
        desk, fault = None, ""
        while not self._is_stopping:
            self._woken.clear()
            try:
                if desk is None and self._is_needed():
                    desk = Desk(self._directory)
                    self.take_up(desk)
                if desk is not None:
                    self.step(desk)
                fault = ""
            except Exception as error:  # noqa: BLE001 - the next look tries again; said once
                what = str(error) if isinstance(error, DeskError) else type(error).__name__
                if what != fault:
                    fault = what
                    self._log.error("alerts are not sent", why=what)
                    self._say(f"Alerts are not sent: {what}.")
                self._woken.clear()
            self._woken.wait(LOOK_SECONDS)
        if desk is not None:
            desk.close()

    def _is_needed(self) -> bool:
        """Whether there is anything to do: settings ask for it, or somebody has made a silence."""
        return (self._next or self._wiring).is_needed or (self._directory / FILE).exists()

    def take_up(self, desk: Desk) -> None:
        """Begin with what an earlier process left."""
        self._tidy(desk)
        self._room.take_up(desk, self._wiring.plan)
        self._rehouse(desk)

    def step(self, desk: Desk) -> None:
        """Look, decide, gather and hand over what is due; waits for nobody."""
        if (wiring := self._next) is not None:
            self._next = None
            self._adopt(desk, wiring)
        plan, now = self._wiring.plan, self._clock()
        if elapsed(self._tidied, now) > TIDY_NS:
            self._tidy(desk)
        self._room.receive(desk, plan)
        snapshot = self._look()
        silences = [each.silence() for each in desk.silences.own(now)] + self._mirror.silences(desk, now)
        held = self._laid(silences, snapshot, now)
        if self._hush is not None:
            self._hush.step(desk, snapshot, held, now)
        self._decide(desk, snapshot, held)
        for channel in desk.waiting_channels():
            self._gather(desk, channel)
        self._heartbeat.step(desk, snapshot, plan, now)
        self._room.send(desk, plan)
        self._count(desk)

    def _adopt(self, desk: Desk, wiring: Wiring) -> None:
        self._wiring = wiring
        self._couriers.adopt(wiring.channels)
        self._mirror.adopt(wiring.mirror)
        self._heartbeat.adopt(wiring.pulse)
        self._rehouse(desk)

    def _rehouse(self, desk: Desk) -> None:
        """Let what waits for a channel that no route leads to any more be told by those that are left."""
        told = self._wiring.plan.told()
        for channel in desk.waiting_channels():
            if channel in told:
                continue
            waiting = desk.waiting(channel)
            for each in waiting:
                others = self._wiring.plan.channels_named(each.route) or told[:1]
                if others:
                    desk.hand_over(channel, each.note.issue, others[0])
            if not told:
                # Nobody is to be told anything any more; it waits on, should the routes come back.
                self._say(f"{len(waiting)} messages wait for channel {channel}, to which no route leads.")

    def _laid(self, silences: list[Silence], snapshot: Snapshot, now: int) -> Mapping[str, Silence]:
        """Return which silence holds which issue; matched anew only when one of both is new."""
        known = self._matched
        if known is None or known[0] is not snapshot or known[1] != silences:
            known = self._matched = (snapshot, silences, laid(silences, snapshot.issues, now))
        return known[2]

    def _decide(self, desk: Desk, snapshot: Snapshot, held: Mapping[str, Silence]) -> None:
        """Let wait what is news to a channel; that it was told is written down in the same moment."""
        now, plan = self._clock(), self._wiring.plan
        self._modes = {standing.name: standing.mode for standing in snapshot.standings}
        memories = {channel: desk.memories(channel) for channel in plan.told()}
        todo: list[Callable[[], None]] = []
        for issue in snapshot.issues:
            if issue.status is IssueStatus.ARCHIVED or issue.fingerprint in held:
                continue
            ways = plan.channels_of(issue, now) if is_active(issue) else {}
            for channel, known in memories.items():
                memory = known.get(issue.fingerprint)
                if channel in ways and not about_channel(channel, issue.fingerprint):
                    self._consider(desk, (channel, ways[channel]), issue, memory, todo)
                elif memory is not None and not is_active(issue):
                    self._end(desk, channel, issue, memory, todo)
        if todo:
            with desk.at_once():
                for work in todo:
                    work()

    def _consider(
        self,
        desk: Desk,
        way: tuple[str, Route],
        issue: Issue,
        memory: Memory | None,
        todo: list[Callable[[], None]],
    ) -> None:
        now, plan, (channel, route) = self._clock(), self._wiring.plan, way
        end_waits = memory is not None and memory.state == ENDED and _waits(desk, channel, issue)
        news = news_of(issue, memory, plan, now, end_waits=end_waits)
        if news is None:
            return
        was = memory.severity if memory is not None else -1
        told = partial(note_of, issue, at=now, modes=self._modes)
        todo.append(partial(desk.remember, channel, issue.fingerprint, news.memory))
        if news.takes_back:
            todo.append(partial(desk.take_back, channel, told("again" if news.memory.returns > 1 else "new")))
        if news.kind:
            returns = news.memory.returns if news.kind == "again" else 0
            note = told(news.kind, was=was, returns=returns)
            todo.append(partial(desk.wait, channel, note, route.name, now, now))

    def _end(
        self, desk: Desk, channel: str, issue: Issue, memory: Memory, todo: list[Callable[[], None]]
    ) -> None:
        now, plan = self._clock(), self._wiring.plan
        news = end_of(issue, memory, now)
        if news is None:
            return
        route = next((route for route in plan.routes if channel in route.channels), None)
        is_told = route is None or route.resolved or _waits(desk, channel, issue)
        if news.kind and not is_told:
            # Nobody is told of its end, so its return is no news for a while either.
            news = News("", memory._replace(state=QUIET))
        todo.append(partial(desk.remember, channel, issue.fingerprint, news.memory))
        if news.kind:
            ready = now + over_after(memory.returns, plan)
            note = note_of(issue, news.kind, at=now, modes=self._modes)
            todo.append(
                partial(desk.wait, channel, note, route.name if route is not None else "", now, ready)
            )

    def _gather(self, desk: Desk, channel: str) -> None:
        """Make one message of all that waits for a channel, when it may go out."""
        now, plan = self._clock(), self._wiring.plan
        if channel not in plan.told():
            return
        ready = [
            each
            for each in desk.waiting(channel)
            if not plan.held_until(each.note.severity, now)
            and (each.ready <= now or elapsed(each.since, now) > plan.again_after + HOUR_NS)
        ]
        if not ready or max(elapsed(max(each.since, each.ready), now) for each in ready) < plan.group_wait:
            return
        is_down = desk.channels.of(channel).failing and desk.under_way().get(channel)
        if is_down and not plan.fallbacks(each.route for each in ready):
            # The message that is tried again and again opens the way; then all of these are one digest.
            return
        worst = max((each.note.severity for each in ready), key=lambda severity: severity.rank)
        if self._room.room_at(desk, plan, channel, worst, now) > now:
            # What comes until then goes into the same message: the digest.
            return
        title = wording.title_of([each.note for each in ready], plan.lang)
        desk.make(channel, ready, worst, title, now)

    def _tidy(self, desk: Desk) -> None:
        self._tidied = self._clock()
        desk.forget(self._tidied - KEPT_NS)

    def _count(self, desk: Desk) -> None:
        plan, now = self._wiring.plan, self._clock()
        under_way, waits, standings = desk.under_way(), desk.waiting_counts(), desk.channels.all()
        is_quiet = plan.quiet is not None and plan.quiet.until(now) > 0
        channels = {}
        for name in dict.fromkeys((*self._wiring.channels, *standings)):
            held = (
                sum(1 for each in desk.waiting(name) if not plan.is_urgent(each.note.severity))
                if is_quiet
                else 0
            )
            standing = standings.get(name)
            channels[name] = ChannelNumbers(
                sent=standing.sent if standing is not None else 0,
                failed=standing.failed if standing is not None else 0,
                unknown=standing.unknown if standing is not None else 0,
                waiting=waits.get(name, 0) + under_way.get(name, 0),
                held=held,
                failing_since=standing.failing if standing is not None else 0,
            )
        silenced = self._hush.silenced if self._hush is not None else 0
        self.numbers = AlertNumbers(channels=channels, silenced=silenced, mirror=self._mirror.state)


def _waits(desk: Desk, channel: str, issue: Issue) -> bool:
    return any(each.note.issue == issue.fingerprint for each in desk.waiting(channel))
