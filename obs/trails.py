"""The lines that led somewhere: what a bot said last, before an issue, and of one order.

A part of `State` and a monoid like it. Of each service the newest records are kept; of each issue the records
just before its first one; of each order, position, signal, decision, trade or trace the first and the newest.
All by the total order of events, so no split of a stream shows. Two exceptions, once a cap is reached: what
stood just before an issue is taken from the newest records that the same part of the stream still held; and
of too many orders and traces those that spoke last stay (`forgotten` counts the rest).
"""

from __future__ import annotations

import functools
import hashlib
import re
from bisect import insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

import msgspec

from obs.events import Event, Severity, severity_of
from obs.quoting import plain
from obs.snapshot import Evidence, Issue

if TYPE_CHECKING:
    from obs.state import IssueFacts

__all__ = ["Said", "Trails", "keys_of", "last_words", "recent", "said_in", "said_of", "short_id", "stories"]

Order = tuple[int, str, int, str]
"""(time, source letter, line, uid): see `obs.state`."""

RECENT = 30
"""Newest records kept of each service."""
DETAILS = 8
"""Newest records below INFO kept of each service: the last call before a crash is often one of them."""
LED = 8
"""Records kept before the first of each issue."""
FIRST, LAST = 3, 6
"""Records kept of each order, position or trace: its first and its newest."""
MAX_THREADS = 400
SLACK = 100
"""So many more orders and traces may gather before the oldest go."""
MAX_ISSUES = 2_000
"""Issues whose first records are remembered; the smallest fingerprints stay, as in `State`."""
MAX_TEXT = 240
STORY = 10
"""Lines of a story at most."""
LAST_WORDS = 8
SHOWN = 3
"""Last words that stand among the evidence of an end."""
ENDS = ("ended", "crash-loop")
"""Rules whose issues are ends of processes."""

CORRELATED = (
    "order.id", "position.id", "trade.id", "signal.id", "decision.id", "cause.id", "gen_ai.conversation.id",
)  # fmt: skip
"""Attributes that records of one matter share."""
_order = attrgetter("order")
_DIGITS = re.compile(r"\d+")


class Said(msgspec.Struct, frozen=True, gc=False):
    """One record, as short as it is worth showing."""

    order: Order
    severity: str
    source: str
    text: str

    @property
    def id(self) -> str:
        """The id under which the record can be looked up."""
        _, letter, line, uid = self.order
        return f"{letter}:{line}" if letter else short_id(uid)


class Led(msgspec.Struct):
    """What stood before the first record of an issue."""

    order: Order
    service: str
    keys: tuple[str, ...] = ()
    """The matters that record was about."""
    said: list[Said] = []


class Thread(msgspec.Struct):
    """The records of one matter."""

    first: list[Said] = []
    last: list[Said] = []
    count: int = 0


class Trails(msgspec.Struct):
    """What was said where, of all bots."""

    recent: dict[str, list[Said]] = {}
    """Service -> its newest records of INFO or above, or without a severity."""
    details: dict[str, list[Said]] = {}
    """Service -> its newest records below INFO."""
    led: dict[str, Led] = {}
    """Fingerprint -> what stood before."""
    threads: dict[str, Thread] = {}
    """Service and matter -> its records that are event words, warnings or worse."""
    forgotten: int = 0

    def add(
        self,
        event: Event,
        service: str,
        order: Order,
        text: str,
        fingerprints: Sequence[str] = (),
        symbol: str = "",
    ) -> None:
        """Remember one event.

        Args:
            event: The redacted event.
            service: The bot.
            order: Its place among all events.
            text: What it says.
            fingerprints: The issues it belongs to.
            symbol: What its text names, when a rule found it there.
        """
        if event.event_name.startswith("process."):
            return
        said = said_of(event, order, text)
        keys = keys_of(event, service) if event.event_name or event.severity >= Severity.WARN else ()
        about = (*keys, f"{service} symbol={symbol}") if symbol else keys
        for fingerprint in fingerprints:
            self._lead(fingerprint, order, service, about)
        self.remember(service, said, is_detail=Severity.UNSPECIFIED < event.severity < Severity.INFO)
        for key in keys:
            self._follow(key, said)

    def remember(self, service: str, said: Said, *, is_detail: bool = False) -> None:
        """Keep a record among the newest of its service."""
        tails, most = (self.details, DETAILS) if is_detail else (self.recent, RECENT)
        tail = tails.get(service)
        if tail is None:
            tail = tails[service] = []
        if not tail or said.order > tail[-1].order:
            tail.append(said)
        else:
            insort(tail, said, key=_order)
            if not is_detail:
                self._late(service, said)
        if len(tail) > most:
            del tail[0]

    def merge(self, other: Trails) -> None:
        """Take over all that `other` remembers."""
        for fingerprint in {*self.led, *other.led}:
            self._merge_led(fingerprint, other)
        _bound_issues(self.led)
        for mine, theirs, most in (
            (self.recent, other.recent, RECENT),
            (self.details, other.details, DETAILS),
        ):
            for service, tail in theirs.items():
                mine[service] = _newest((*mine.get(service, ()), *tail), most)
        for key, thread in other.threads.items():
            own = self.threads.setdefault(key, Thread())
            own.first = _unique((*own.first, *thread.first))[:FIRST]
            own.last = _newest((*own.last, *thread.last), LAST)
            own.count += thread.count
        self.forgotten += other.forgotten
        self._bound_threads()

    def _lead(self, fingerprint: str, order: Order, service: str, keys: tuple[str, ...]) -> None:
        known = self.led.get(fingerprint)
        if known is not None and order >= known.order:
            return
        said = list(self.recent.get(service, ()))
        if known is not None and known.service == service:
            said += known.said
        self.led[fingerprint] = Led(order, service, keys, _before(order, said))
        _bound_issues(self.led)

    def _late(self, service: str, said: Said) -> None:
        """A record that comes after later ones may stand before issues that are known already."""
        for led in self.led.values():
            if led.service != service or said.order > led.order:
                continue
            if len(led.said) < LED or said.order > led.said[0].order:
                led.said = _before(led.order, (*led.said, said))

    def _follow(self, key: str, said: Said) -> None:
        thread = self.threads.get(key)
        if thread is None:
            thread = self.threads[key] = Thread()
        thread.count += 1
        if not thread.last or said.order > thread.last[-1].order:
            if len(thread.first) < FIRST:
                thread.first.append(said)
            thread.last.append(said)
            if len(thread.last) > LAST:
                del thread.last[0]
        else:
            thread.first = _unique((*thread.first, said))[:FIRST]
            thread.last = _newest((*thread.last, said), LAST)
        self._bound_threads()

    def _merge_led(self, fingerprint: str, other: Trails) -> None:
        both = [one for one in (self.led.get(fingerprint), other.led.get(fingerprint)) if one is not None]
        first = min(both, key=lambda led: led.order)
        said = [line for led in both if led.service == first.service for line in led.said]
        said += self.recent.get(first.service, ())
        said += other.recent.get(first.service, ())
        self.led[fingerprint] = Led(first.order, first.service, first.keys, _before(first.order, said))

    def _bound_threads(self) -> None:
        if len(self.threads) <= MAX_THREADS + SLACK:
            return
        # Many at once: to look for the oldest at each new order would cost more than all the rest.
        by_age = sorted(self.threads, key=lambda key: (self.threads[key].last[-1].order, key))
        for key in by_age[:-MAX_THREADS]:
            self.forgotten += self.threads.pop(key).count


def said_of(event: Event, order: Order, text: str) -> Said:
    """Return the short form of an event's record."""
    first = text.split("\n", 1)[0][:MAX_TEXT]
    if event.exception is not None and event.exception.type:
        raised = f"{event.exception.type}: {event.exception.message}".split("\n", 1)[0].rstrip(": ")
        if raised not in first:
            first = f"{first[: MAX_TEXT - 40]} ({raised})" if first else raised
    source = f"{event.logger} {event.event_name}" if event.event_name else event.logger
    word = event.severity_text or (event.severity.name if event.severity else "")
    return Said(order, word, source, first[:MAX_TEXT])


def said_in(time: int, uid: str, severity: str, logger: str, body: str) -> Said:
    """Return the short form of a live record that is plain text, as `said_of` would of its event."""
    return Said((time, "", 0, uid), severity, logger, body.split("\n", 1)[0][:MAX_TEXT])


def keys_of(event: Event, service: str) -> tuple[str, ...]:
    """Return the matters an event is about: its order, position, signal, trace; of trading, its symbol."""
    attributes = event.attributes
    found = [f"{service} {key}={attributes[key]}" for key in CORRELATED if attributes.get(key)]
    if event.trace_id:
        found.append(f"{service} trace={event.trace_id}")
    if event.event_name.startswith(("order.", "position.", "trade.", "signal.")) and attributes.get("symbol"):
        found.append(f"{service} symbol={attributes['symbol']}")
    return tuple(found)


def stories(trails: Trails, issues: Iterable[Issue], facts: Mapping[str, IssueFacts]) -> list[Issue]:
    """Return the issues, each with what led to its first record, and with its gravest traceback.

    Args:
        trails: What was said where.
        issues: The issues, in any order; it stays.
        facts: What is remembered of each fingerprint.
    """
    matters = _Matters(trails)
    return [
        _with_last_words(trails, issue)
        if issue.rule in ENDS
        else msgspec.structs.replace(
            issue,
            story=tuple(_story(trails, issue, matters)),
            traceback=_traceback(facts.get(issue.fingerprint)),
        )
        for issue in issues
    ]


def last_words(trails: Trails, service: str, before: int = 0) -> tuple[Evidence, ...]:
    """Return what a service said last, oldest first; up to a moment (Unix ns) when one is given."""
    tail = [*trails.recent.get(service, ()), *trails.details.get(service, ())]
    tail = [said for said in tail if not before or said.order[0] <= before]
    return tuple(_evidence(said) for said in _newest(tail, LAST_WORDS))


def recent(trails: Trails) -> dict[str, tuple[Evidence, ...]]:
    """Return the newest records of each service, oldest first."""
    services = sorted({*trails.recent, *trails.details})
    return {
        service: tuple(
            _evidence(said)
            for said in _unique((*trails.recent.get(service, ()), *trails.details.get(service, ())))
        )
        for service in services
    }


@functools.lru_cache(maxsize=8_192)
def short_id(uid: str) -> str:
    """Return the short id of a live record."""
    return hashlib.blake2b(uid.encode(), digest_size=4).hexdigest()


def _with_last_words(trails: Trails, issue: Issue) -> Issue:
    """The end of a process is told by what it said before."""
    said = last_words(trails, min(issue.services, default=issue.component), issue.last_seen)
    loud = [item for item in said if severity_of(item.severity) >= Severity.WARN]
    shown = sorted({item.id: item for item in (*said[-SHOWN:], *loud[-1:])}.values(), key=said.index)
    explanation = issue.explanation
    if loud and loud[-1].time:
        ago = max(issue.last_seen - loud[-1].time, 0) / 1e9
        explanation += f" Its last error or warning came {ago:.1f} s before: {plain(loud[-1].id)}."
    elif not said:
        explanation += " It said nothing before."
    return msgspec.structs.replace(
        issue, story=said, evidence=(*issue.evidence, *shown), explanation=explanation
    )


def _traceback(facts: IssueFacts | None) -> tuple[str, ...]:
    shown = [exhibit for exhibit in facts.first.values() if exhibit.traceback] if facts is not None else []
    return min(shown, key=lambda exhibit: exhibit.rank).traceback if shown else ()


class _Matters:
    """Which matters a record is about; looked up by its id, as there are many records and many issues."""

    def __init__(self, trails: Trails) -> None:
        self._trails = trails
        self._of: dict[str, list[str]] | None = None

    def of(self, ids: Iterable[str]) -> set[str]:
        """Return the keys of the threads that hold one of these records."""
        if self._of is None:
            self._of = {}
            for key, thread in self._trails.threads.items():
                for said in (*thread.first, *thread.last):
                    self._of.setdefault(said.id, []).append(key)
        return {key for one in ids for key in self._of.get(one, ())}


def _story(trails: Trails, issue: Issue, matters: _Matters) -> Iterator[Evidence]:
    shown = {item.id for item in issue.evidence}
    led = trails.led.get(issue.fingerprint)
    if led is not None:
        before, found, keys = led.order, list(led.said), set(led.keys)
    else:
        # No line of its own: what its evidence is about tells what led to it, and the lines just before.
        before = (issue.first_seen, "", 0, "")
        services = issue.services or (issue.component,)
        found = [said for name in services for said in _before(before, trails.recent.get(name, ()))]
        keys = matters.of(shown)
    for key in keys:
        thread = trails.threads.get(key, Thread())
        found += [said for said in (*thread.first, *thread.last) if said.order < before]
    # Of lines that repeat one another the newest stays.
    different = {_DIGITS.sub("0", said.text): said for said in _unique(found) if said.id not in shown}
    for said in _newest(different.values(), STORY):
        yield _evidence(said)


def _evidence(said: Said) -> Evidence:
    return Evidence(
        id=said.id, time=said.order[0], severity=said.severity, source=said.source, text=said.text
    )


def _before(order: Order, said: Iterable[Said]) -> list[Said]:
    return _newest((one for one in said if one.order < order), LED)


def _newest(said: Iterable[Said], most: int) -> list[Said]:
    return _unique(said)[-most:]


def _unique(said: Iterable[Said]) -> list[Said]:
    return sorted({one.order: one for one in said}.values(), key=_order)


def _bound_issues(led: dict[str, Led]) -> None:
    while len(led) > MAX_ISSUES:
        del led[max(led)]
