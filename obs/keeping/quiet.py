"""The short way of records that only count: no rule, no vocabulary, no trouble, nothing to quote.

Most records of a bot change nothing in State but sums. A slice of the spool is looked at as a whole: one
search finds every literal that any rule listens for in all its messages; where it finds none, none can match,
and the record is counted without ever becoming an Event. Whatever is in doubt is given back, to go the long
way, which gives the same State.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import msgspec
import orjson

import obs
from obs.analysis import Analyzer
from obs.events import MAX_TIMESTAMP_NS, Event, Severity, component_of, decode_line, service_of
from obs.keeping.sampling import FEW, MINUTE_NS, OPENING, Minute
from obs.printed import STREAMS
from obs.rules.gate import MAX_LINE
from obs.rules.matching import TOLD
from obs.spool_reader import SpoolLine
from obs.spooling.glance import NOTHING_TOLD, TELLING, Told
from obs.spooling.segments import REDACTED
from obs.trails import DETAILS, LED, RECENT, Said, said_in

__all__ = ["QuietCount"]

CALM = {"TRACE": Severity.TRACE, "DEBUG": Severity.DEBUG, "INFO": Severity.INFO}
"""Severities at which a record that no rule knows is no news."""
MAX_PLACES = 10_000
_MASK = "[REDACTED:"

if set(TOLD) != set(TELLING):  # pragma: no cover - a change of one without the other
    raise ImportError("what the rules read of the attributes must be seen at a glance")


class Place(msgspec.Struct, gc=False):
    """Where records come from: all that their count depends on, and the times of those not yet counted."""

    logger: str
    component: str
    severity: Severity
    words: tuple[str, ...]
    """Words by which a line of a known program's logger may say more than text."""
    times: list[int]
    shown: Minute = msgspec.field(default_factory=Minute)
    """Which kinds of records were shown as examples."""


class Heard(msgspec.Struct, frozen=True, gc=False):
    """A record that only counted and is worth keeping a while: it may be the last, or lead to an issue."""

    seq: int
    service: str
    said: Said
    is_detail: bool


class QuietCount:
    """Counts what only counts, for one analyzer."""

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer
        self.heard: list[Heard] = []
        """Of the lines that `take` counted last, those to be remembered, in order."""
        self._places: dict[tuple[str, str, str], Place | None] = {}

    def take(self, lines: Sequence[SpoolLine]) -> tuple[list[SpoolLine], Mapping[str, int]]:
        """Count the lines that only count.

        Args:
            lines: Lines of one writer, in order.

        Returns:
            The lines that must be looked at, in order; and how many were counted, by severity.
        """
        self.heard = []
        resource = lines[0].resource
        if resource.get(REDACTED) != obs.__version__ or not _is_sound(lines):
            return list(lines), {}
        service = service_of(resource, {}) or self._analyzer.service
        numbers: list[int] = []
        bodies: list[str] = []
        places: list[Place] = []
        moments: list[int] = []
        known = self._places
        # One loop without calls, because this is what most records cost.
        for number, line in enumerate(lines):
            glance = line.glance
            if glance is None:
                continue
            moment, body, told = glance.timestamp, glance.body, glance.attributes
            if type(moment) is not int or not 0 < moment <= MAX_TIMESTAMP_NS:
                # A record without a time takes that of the one before it: so all go the long way, in order.
                return list(lines), {}
            if glance.event_name is not None or type(body) is not str or glance.exception or glance.resource:
                continue
            component = "" if told == NOTHING_TOLD else _component(told, service)
            logger, severity = glance.logger, glance.severity
            if component is None or type(logger) is not str or type(severity) is not str:
                continue
            place = known.get((logger, severity, component))
            if place is None and (place := self._learn(logger, severity, component)) is None:
                continue
            if place.words and any(word in body for word in place.words):
                continue
            numbers.append(number)
            bodies.append(body)
            places.append(place)
            moments.append(moment)
        loud = self._loud(bodies, places)
        kept = [index for index in range(len(numbers)) if index not in loud] if loud else range(len(numbers))
        self.heard = [
            _heard(lines[numbers[index]], places[index], service)
            for index in sorted(self._worth_keeping(numbers, kept, places, len(lines)))
        ]
        if self._analyzer.listeners:
            self._show_examples(lines, numbers, kept, places, service)
        counted = self._count(places, moments, loud, service)
        quiet = (
            {number for index, number in enumerate(numbers) if index not in loud} if loud else set(numbers)
        )
        if len(quiet) == len(lines):
            return [], counted
        return [line for number, line in enumerate(lines) if number not in quiet], counted

    def _learn(self, logger: str, word: str, component: str) -> Place | None:
        key = (logger, word, component)
        if key in self._places:
            return None
        if len(self._places) >= MAX_PLACES:
            self._places.clear()
        place: Place | None = None
        severity = CALM.get(word)
        if severity is not None and logger not in STREAMS:
            words = self._analyzer.adapters.words_of(logger)
            place = Place(logger, component or component_of(logger), severity, words, [])
        self._places[key] = place
        return place

    def _loud(self, bodies: Sequence[str], places: Sequence[Place]) -> set[int]:
        """Return which of the messages a rule speaks of, or may; and those that hold a mask."""
        text = "\n".join(bodies)
        lowered = text.lower() if text.isascii() else "\n".join([body.lower() for body in bodies])
        openings: dict[int, list[tuple[int, int]]] = {}
        opened = self._analyzer.rules.openings(lowered, Severity.INFO)
        if opened:
            starts = _starts(bodies, lowered)
            for literal, position in opened:
                index = bisect_right(starts, position) - 1
                openings.setdefault(index, []).append((literal, position - starts[index]))
        loud = {
            index
            for index, found in openings.items()
            if not self._is_silent(places[index], bodies[index], found)
        }
        if _MASK in text:
            loud.update(index for index, body in enumerate(bodies) if _MASK in body)
        return loud

    def _is_silent(self, place: Place, body: str, openings: Sequence[tuple[int, int]]) -> bool:
        if len(body) > MAX_LINE:
            return False
        event = Event(timestamp=0, severity=place.severity, logger=place.logger, body=body)
        return self._analyzer.rules.is_silent(event, body.lower(), openings)

    def _show_examples(
        self,
        lines: Sequence[SpoolLine],
        numbers: Sequence[int],
        kept: Sequence[int],
        places: Sequence[Place],
        service: str,
    ) -> None:
        """Show whoever listens the first few of each kind, of the records that are counted."""
        minute = 0
        for index in kept:
            line = lines[numbers[index]]
            glance, shown = line.glance, places[index].shown
            assert glance is not None
            # A minute has 6e10 ns; the batch is of one writer, so the minute seldom turns within it.
            if glance.timestamp // MINUTE_NS != minute:  # type: ignore[operator]
                minute = glance.timestamp // MINUTE_NS  # type: ignore[operator,assignment]
            if shown.minute != minute:
                shown.turn(minute)
            # Asked here first, because nearly every record is one more of a kind that was shown.
            if shown.kinds.get(glance.body[:OPENING], 0) < FEW and shown.is_example(glance.body):
                self._analyzer.sample(_event_of(line), service)

    def _worth_keeping(
        self, numbers: Sequence[int], kept: Sequence[int], places: Sequence[Place], count: int
    ) -> set[int]:
        """Return which counted records are among the newest, or stand just before one that is looked at.

        Args:
            numbers: Of each record, its number among all lines.
            kept: Places in `numbers` of those that were counted.
            places: Of each record, where it comes from.
            count: How many lines there are.
        """
        found: set[int] = set()
        details = any(place is not None and place.severity < Severity.INFO for place in self._places.values())
        told, detailed = RECENT, DETAILS if details else 0
        for index in reversed(kept):
            if places[index].severity >= Severity.INFO:
                if told:
                    told -= 1
                    found.add(index)
            elif detailed:
                detailed -= 1
                found.add(index)
            if not told and not detailed:
                break
        if len(kept) == count:
            return found
        before: deque[int] = deque(maxlen=LED)
        due = 0
        for index in kept:
            number = numbers[index]
            if number > due:
                found.update(before)
            due = number + 1
            if places[index].severity >= Severity.INFO:
                before.append(index)
        return found | set(before) if due < count else found

    def _count(
        self, places: Sequence[Place], moments: Sequence[int], loud: set[int], service: str
    ) -> dict[str, int]:
        if loud:
            kept = [index for index in range(len(places)) if index not in loud]
            places, moments = [places[index] for index in kept], [moments[index] for index in kept]
        for place, moment in zip(places, moments, strict=True):
            place.times.append(moment)
        counted: dict[str, int] = {}
        for spoke in self._places.values():
            if spoke is not None and spoke.times:
                name = spoke.severity.name
                counted[name] = counted.get(name, 0) + len(spoke.times)
                self._analyzer.count(spoke.times, spoke.severity, spoke.component, service)
                spoke.times = []
        return counted


def _event_of(line: SpoolLine) -> Event:
    return decode_line(orjson.loads(line.raw), resource=line.resource, uid=f"{line.process}-{line.seq}")


def _heard(line: SpoolLine, place: Place, service: str) -> Heard:
    glance = line.glance
    assert glance is not None
    own = getattr(glance.attributes, "uid", None)
    uid = str(own or f"{line.process}-{line.seq}")
    word = str(glance.severity_text or glance.severity)
    said = said_in(glance.timestamp, uid, word, place.logger, glance.body)  # type: ignore[arg-type]
    return Heard(line.seq, service, said, place.severity < Severity.INFO)


def _is_sound(lines: Sequence[SpoolLine]) -> bool:
    """Whether the lines are text in which what is stepped over hides nothing a strict reader would refuse."""
    joined = b"\n".join([line.raw for line in lines])
    if b"\\" in joined and b"\\u" in joined:
        return False
    if not joined.isascii():
        try:
            joined.decode()
        except UnicodeDecodeError:
            return False
    return True


def _component(told: Any, service: str) -> str | None:
    """Return the component that a record names; None when its attributes must be looked at."""
    if type(told) is not Told:
        return ""
    if any(getattr(told, f"told_{index}") is not None for index in range(len(TELLING))):
        return None
    if not service and (told.service or told.bot):
        return None
    component = told.component
    if not component:
        return ""
    return component if type(component) is str else None


def _starts(bodies: Sequence[str], lowered: str) -> list[int]:
    """Return where each message starts in the joined text."""
    if lowered.isascii():
        lengths = [len(body) + 1 for body in bodies]
    else:
        lengths = [len(body.lower()) + 1 for body in bodies]
    return list(accumulate(lengths[:-1], initial=0))
