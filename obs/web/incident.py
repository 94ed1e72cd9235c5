"""An incident: one cause, how it was told apart from others, and its symptoms on one axis of time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from obs.quoting import plain
from obs.series import MINUTE_NS
from obs.snapshot import Issue, Snapshot
from obs.web.checked import check_value
from obs.web.model import Fact, Incident, Rich, Span, Symptom
from obs.web.numbers import ms
from obs.web.reader import Reader
from obs.web.rows import mark_of, minutes_of

__all__ = ["incident"]

PARTS = 60
MOST = 30
"""Symptoms that are shown, the most frequent first."""
LONGEST_NS = 120 * MINUTE_NS
"""Of the axis: what is older is not remembered by the minute."""
LEAST_NS = 10 * MINUTE_NS
_PEERS = re.compile(r"Other peers answered meanwhile \((.+)\): the network works, .*")
_BOTS = re.compile(r"(\d+) of (\d+) bots failed at it at the same time\.")
_KEY = re.compile(r"(\d+) other calls succeeded meanwhile: .*")
_CODE = re.compile(r"It is raised in this bot's own code; (\d+) other bot\(s\) .*")


def incident(issue: Issue, snapshot: Snapshot, reader: Reader) -> Incident | None:
    """Return the incident that an issue is the cause of; None when it has no symptoms."""
    known = {one.fingerprint: one for one in snapshot.issues}
    symptoms = [known[one] for one in issue.symptoms if one in known]
    if not symptoms:
        return None
    symptoms.sort(key=lambda one: (-one.severity.rank, -one.count, one.fingerprint))
    start, end = _axis(issue, symptoms, snapshot)
    told_apart = tuple(_told_apart(issue, snapshot, reader))
    return Incident(
        cause=_cause(issue, reader),
        where=_where(issue, reader),
        told_apart=told_apart,
        symptoms=tuple(_symptom(one, start, end, reader) for one in symptoms[:MOST]),
        start=ms(start),
        began=ms(issue.first_seen),
        end=ms(end),
    )


def _cause(issue: Issue, reader: Reader) -> Rich:
    told = [issue.explanation, *(effect for effect in issue.effects if not _is_proof(effect))]
    return (Span(" ".join(reader.prose(text) for text in told if text)),)


def _is_proof(effect: str) -> bool:
    return any(one.fullmatch(effect) for one in (_PEERS, _BOTS, _KEY, _CODE))


def _where(issue: Issue, reader: Reader) -> str:
    """Whose matter it is; the first thing anyone wants to know of an incident."""
    if issue.fix_in.startswith("outside"):
        return reader.say("incident.outside")
    if issue.fix_in.startswith("code"):
        return reader.say("incident.code")
    return reader.place(issue.fix_in) if issue.fix_in else ""


def _told_apart(issue: Issue, snapshot: Snapshot, reader: Reader) -> Iterator[Fact]:
    """By what other causes were excluded: the facts behind the sentences that prove it."""
    for effect in issue.effects:
        if found := _PEERS.fullmatch(effect):
            yield _fact("incident.peers", reader.say("incident.answer", peers=found[1]), reader)
        elif found := _BOTS.fullmatch(effect):
            yield _fact("incident.bots", reader.say("incident.n_bots", n=found[1], all=found[2]), reader)
        elif found := _KEY.fullmatch(effect):
            yield _fact("incident.calls", reader.say("incident.good", n=found[1]), reader)
        elif found := _CODE.fullmatch(effect):
            yield _fact("incident.bots", reader.say("incident.spared", n=found[1]), reader)
    clock = next((check for check in snapshot.checks if check.name == "clock"), None)
    if clock is not None:
        yield Fact(label=reader.say("check.clock"), value=check_value(clock, reader))


def _axis(issue: Issue, symptoms: Sequence[Issue], snapshot: Snapshot) -> tuple[int, int]:
    """The stretch of time that shows it: from a little before its first sign to its last, or to now."""
    every = (issue, *symptoms)
    last = max(one.last_seen for one in every) or snapshot.taken_at
    is_over = snapshot.taken_at - last > LEAST_NS
    end = (last + 2 * MINUTE_NS if is_over else snapshot.taken_at) // MINUTE_NS * MINUTE_NS + MINUTE_NS
    first = min((one.first_seen for one in every if one.first_seen), default=end)
    span = min(max(end - first, LEAST_NS), LONGEST_NS)
    start = end - span - span // 8
    return start // MINUTE_NS * MINUTE_NS, end


def _symptom(one: Issue, start: int, end: int, reader: Reader) -> Symptom:
    bars = [0] * PARTS
    for minute, count in minutes_of(one):
        place = (minute * MINUTE_NS - start) * PARTS // (end - start)
        if 0 <= place < PARTS:
            bars[place] += count
    return Symptom(
        mark=mark_of(one),
        title=reader.prose(one.title),
        component=plain(one.component),
        bars=tuple(bars) if any(bars) else (),
        count=one.count,
        id=one.id,
    )


def _fact(key: str, value: str, reader: Reader) -> Fact:
    return Fact(label=reader.say(key), value=(Span(value),))
