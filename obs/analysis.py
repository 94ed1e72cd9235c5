"""From events to a Snapshot: the same code for one log file, a test and the running sidecar.

`Analyzer` feeds events through redaction and rules into a `State` and takes a `Snapshot` at any moment.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

import msgspec

from obs import fingerprints, hazards, outlook, rules, sources, trails
from obs.adapters import PROGRAM, Adapters
from obs.alerts import folding as alerts
from obs.books import LLM_CALL, WRITERS
from obs.books.running import is_for_rules
from obs.components import health_of, health_score
from obs.doubles import Doubles
from obs.events import Event, Severity
from obs.exhibits import Verdict
from obs.hazards import silence
from obs.hazards.endings import endings
from obs.hazards.network import dead_network
from obs.insight import effects
from obs.insight.incidents import link, standing_of
from obs.insight.lifecycle import Lifecycle, with_decision
from obs.insight.likeness import by_likeness, message_kinds
from obs.insight.ranking import ranked, with_money
from obs.insight.timeline import moments
from obs.issues import from_facts, over_time
from obs.logs import formats
from obs.logs.composed import is_side
from obs.logs.folding import folded
from obs.logs.tracebacks import Frame, culprit
from obs.meters.results import Tally
from obs.money.metrics import PerformanceMetricsCalculator
from obs.money.windows import Memo
from obs.passages import passages
from obs.patterns import TemplateMiner, form
from obs.pipeline import redact_event
from obs.positions import holdings
from obs.printed import STREAMS, understood
from obs.snapshot import (
    Category,
    ComponentStatus,
    Health,
    Issue,
    IssueStatus,
    Loss,
    Snapshot,
    Source,
)
from obs.state import State
from obs.watch import anomalies, cadence
from obs.watch.checks import checks
from obs.watch.expectations import Expectations
from obs.watch.pulse import standings

__all__ = ["Analyzer", "Listener", "analyze", "letters", "to_ns"]

UNDERSTOOD = frozenset(WRITERS) - {"bot.stopped", LLM_CALL, "llm.called"}
"""Event names whose meaning is drawn from their attributes; no rule need read their text."""


class Listener(Protocol):
    """Whoever wants to know what was folded: the store's chronicle, the live tail. It may not raise."""

    def heard(self, event: Event, service: str, fingerprints: Sequence[str]) -> None:
        """Take a record as it was folded: translated, its secrets masked, and the issues it belongs to."""

    def counted(self, times: Sequence[int], severity: Severity, component: str, service: str) -> None:
        """Take the times (Unix ns) of records that only counted."""

    def sampled(self, event: Event, service: str) -> None:
        """Take one of the records that only counted: an example of its kind, counted already."""


class Analyzer:
    """Folds events into a State and makes Snapshots of it.

    Args:
        ruleset: The rules; the packs that ship with the product when None.
        state: A state to go on from.
        service: The bot, for records that do not say.
        expected: Limits, rhythms and session tables; the defaults when None.
    """

    def __init__(
        self,
        ruleset: rules.RuleSet | None = None,
        *,
        state: State | None = None,
        service: str = "",
        expected: Expectations | None = None,
    ) -> None:
        self.rules = ruleset if ruleset is not None else rules.load()
        self.state = state if state is not None else State()
        self.service = service
        self.expected = expected if expected is not None else Expectations()
        self.adapters = Adapters.load()
        self.listeners: list[Listener] = []
        """Told of each record after it is folded."""
        self._last_time: dict[str, int] = {}
        self._memo = Memo()
        self._tally = Tally()
        self._miner = TemplateMiner(self.state.templates)

    def feed(self, event: Event, *, service: str = "", is_redacted: bool = False) -> None:
        """Fold one event; its secrets are masked first, whatever door it came by.

        Args:
            event: Any event.
            service: The bot, when the event does not say.
            is_redacted: It comes from our own capture, which masked it before it wrote it.
        """
        event = self._dated(event)
        if not is_redacted:
            event = redact_event(event)
        if event.logger in STREAMS:
            event = understood(event)
        event = self.adapters.translate(event)
        service = event.service or service or self.service
        # A translated line is still a program's text: a rule may know more of it than its adapter.
        spoken = (
            event.event_name in UNDERSTOOD and PROGRAM not in event.attributes and not is_for_rules(event)
        )
        alert = alerts.is_alert(event)
        matches = () if spoken or alert else self.rules.match(event)
        works = alerts.ended(event) if alert else self.rules.successes(event)
        harmless = matches[0].rule.id if matches and matches[0].rule.role == "noise" else ""
        verdicts: list[tuple[fingerprints.Group, Verdict]] = []
        if alert:
            verdicts += _by_alert(event)
        elif not harmless:
            frame = culprit(fingerprints.unwrapped(event))
            verdicts += [_by_rule(match, event, frame) for match in _telling(matches)]
            if not verdicts and _is_trouble(event):
                group = fingerprints.by_event(event)
                verdicts.append((group, _without_rule(event, frame)))
                if group.form:
                    self.state.notice(event, group.form)
        told = folded(fingerprints.unwrapped(event)) if verdicts else ()
        self.state.add(
            event,
            verdicts,
            service=service,
            works=works,
            harmless=harmless,
            traceback=told,
            prices=self.expected.prices,
        )
        if not verdicts and not harmless and event.severity is Severity.WARN and not event.event_name:
            self.state.notice(event, fingerprints.form_of(event))
        for listener in self.listeners:
            listener.heard(event, service, [group.fingerprint for group, _ in verdicts])

    def count(self, times: Sequence[int], severity: Severity, component: str, service: str) -> None:
        """Fold records of which it is known that no rule speaks of them: they only count."""
        self.state.count(times, severity, component, service)
        for listener in self.listeners:
            listener.counted(times, severity, component, service)

    def sample(self, event: Event, service: str) -> None:
        """Show whoever listens one of the records that only count."""
        for listener in self.listeners:
            listener.sampled(event, service)

    def remember(self, service: str, said: trails.Said, *, is_detail: bool) -> None:
        """Keep a record that only counted among the newest of its service."""
        self.state.trails.remember(service, said, is_detail=is_detail)

    def note_time(self, source: str, time: int) -> None:
        """Remember when a source last spoke, for those of its records that carry no time."""
        self._last_time[source] = time

    def snapshot(
        self,
        *,
        now: int | datetime | None = None,
        live: bool = False,
        lifecycle: Mapping[str, Lifecycle] | None = None,
        read: Iterable[Source] = (),
        losses: Iterable[Loss] = (),
        doubles: int = 0,
    ) -> Snapshot:
        """Return the picture at `now`.

        Args:
            now: Aware datetime or Unix ns; None is the newest event time of recorded input.
            live: Whether the bots are being watched, not read from a recording.
            lifecycle: Stored decisions by fingerprint.
            read: The recorded sources the events came from.
            losses: Events known to be lost, by reason.
            doubles: Events that came more than once and were counted once.
        """
        if self._miner.table is not self.state.templates:
            self._miner = TemplateMiner(self.state.templates)
        kinds = self._miner.templates()
        state = by_likeness(self.state, kinds)
        at = to_ns(now) if now is not None else state.seen.last
        # A recording is known to its end only: that it stops proves no silence.
        until = at if now is not None else None
        issues = self._issues(state, at, until, tuple(read), dict(lifecycle or {}))
        health, reason = health_of(issues)
        if not state.events:
            health, reason = Health.UNKNOWN, "no event was seen"
        held = holdings(state.books.bots)
        standing = standings(state, at, self.expected, live=live)
        view = outlook.look(state, issues, at, live=live, sources=tuple(read))
        return Snapshot(
            taken_at=at,
            live=live,
            health=health,
            health_reason=reason,
            health_score=health_score(issues),
            first_event=state.seen.first,
            last_event=state.seen.last,
            bots=_bots(state),
            program=view.program,
            mode=view.mode,
            phase=view.phase,
            issues=tuple(issues),
            components=cadence.components(self._components(issues), state, self.expected),
            money=self.metrics(at, state).realtime(),
            money_lines=view.money,
            restart=view.restart,
            not_exercised=view.not_exercised,
            not_known=view.not_known,
            facts=(*view.facts, *cadence.rows(state, until, self.expected)),
            funnel=view.funnel,
            ends=view.ends,
            timeline=moments(state.timeline),
            sources=tuple(read),
            losses=tuple(losses),
            events=state.events,
            by_severity=dict(state.by_severity),
            leaks=_leaked(state),
            quiet_warnings=sum(kind.severity == Severity.WARN for kind in kinds),
            quiet_warning_events=state.unnamed_warnings,
            templates=message_kinds(kinds),
            harmless_events=sum(state.harmless.values()),
            doubles=doubles,
            held=held,
            standings=standing,
            checks=checks(state, issues, held, standing, self.expected, at),
            passages=passages(state.books.bots, at),
            recent=trails.recent(state.trails),
            readings=msgspec.structs.replace(
                state.meters.readings(), results=self._tally.results(state.money)
            ),
        )

    def metrics(self, now: int, state: State | None = None) -> PerformanceMetricsCalculator:
        """Return what computes every money figure at `now` (Unix ns) of what was fed so far."""
        state = state if state is not None else self.state
        return PerformanceMetricsCalculator(
            state.money,
            now=now,
            timezone=self.expected.timezone,
            rates=self.expected.rates,
            seen=state.seen,
            budget=self.expected.llm_daily_budget,
            cache_seconds=0,
            memo=self._memo,
        )

    def _issues(
        self,
        state: State,
        now: int,
        until: int | None,
        read: tuple[Source, ...],
        lifecycle: dict[str, Lifecycle],
    ) -> list[Issue]:
        known = {rule.id: rule for rule in self.rules.rules}
        found = [
            from_facts(fingerprint, facts, known.get(facts.rule), state)
            for fingerprint, facts in state.issues.items()
        ]
        found += hazards.find(state, now)
        found += silence.find(state, until, self.expected)
        found += anomalies.find(state, now, self.expected)
        found += endings(state, read)
        found += dead_network(found, {one.fingerprint: one.place for one in found}, state)
        standings = {
            issue.fingerprint: standing_of(issue, known.get(issue.rule), state.issues.get(issue.fingerprint))
            for issue in found
        }
        found = [over_time(issue, state, now) for issue in found]
        found = [with_decision(issue, lifecycle.get(issue.fingerprint), now) for issue in found]
        simulated = outlook.mode_of(state) in ("dry run", "backtest")
        linked = with_money(link(found, state, standings), state.books.bots)
        in_order = ranked(linked, standings, simulated=simulated)
        return effects.told(trails.stories(state.trails, in_order, state.issues), state, known)

    def _components(self, issues: Iterable[Issue]) -> dict[str, ComponentStatus]:
        components = {
            name: ComponentStatus(Health.OK, "", series.last)
            for name, series in sorted(self.state.components.items())
            if name
        }
        for issue in issues:
            if issue.status in (IssueStatus.RESOLVED, IssueStatus.ARCHIVED) or not issue.component:
                continue
            health, _ = health_of([issue])
            current = components.get(issue.component)
            if current is None or health.rank > current.status.rank:
                components[issue.component] = ComponentStatus(health, issue.title, issue.last_seen)
        return components

    def _dated(self, event: Event) -> Event:
        """Give a record without a time the time of the one before it in the same source."""
        source = event.origin.source if event.origin is not None else event.uid.partition("-")[0]
        if event.timestamp:
            self._last_time[source] = event.timestamp
            return event
        last = self._last_time.get(source, 0)
        if event.observed_timestamp or not last:
            return event
        return msgspec.structs.replace(event, observed_timestamp=last)


def _telling(matches: Sequence[rules.Match]) -> list[rules.Match]:
    """The matches that say something of their own: a loose wording of a line that is named adds nothing."""
    return [
        match
        for match in matches
        if match is matches[0] or match.rule.role != "symptom" or match.offset != matches[0].offset
    ]


class _Finding(msgspec.Struct, frozen=True):
    """What was found in a record: the line, and for the bot's own code the place."""

    offset: int
    line: str
    span: tuple[int, int] = (0, 0)
    values: Mapping[str, str] = {}
    context: tuple[tuple[int, str], ...] = ()


def _by_rule(match: rules.Match, event: Event, frame: Frame | None) -> tuple[fingerprints.Group, _Finding]:
    """The issue a rule names; the place in the bot's own code is shown with it, where a traceback tells."""
    values = dict(match.values)
    kind = form(match.line) if match.rule.per_form else ""
    if frame is None:
        group = fingerprints.by_rule(match.rule.id, values, kind)
        return group, _Finding(match.offset, match.line, match.span, values)
    place = f"{frame.file}:{frame.function}" if match.rule.category is Category.CODE else kind
    group = fingerprints.by_rule(match.rule.id, values, place)
    return group, _Finding(
        match.offset, match.line, match.span, {**values, **_place(frame)}, _frame_lines(event, frame)
    )


def _by_alert(event: Event) -> Iterable[tuple[fingerprints.Group, _Finding]]:
    """The issue of an alert that came from outside, while it fires."""
    found = alerts.fired(event)
    return [(found[0], _Finding(0, event.body, values=found[1]))] if found is not None else []


def _without_rule(event: Event, frame: Frame | None) -> _Finding:
    """The record itself, and its first cause when it prints one."""
    place = _place(frame) if frame is not None else {}
    context = _frame_lines(event, frame) if frame is not None else ()
    blocks = fingerprints.unwrapped(event)
    wanted = f"{blocks[0].type}: {blocks[0].message}".split("\n", 1)[0].rstrip(": ") if blocks else ""
    for offset, line in event.lines():
        if wanted and wanted in line:
            return _Finding(offset, line, values=place, context=context)
    return _Finding(0, event.body, values=place, context=context)


def _place(frame: Frame) -> dict[str, str]:
    return {"code_file": frame.file, "code_line": str(frame.line), "code_function": frame.function}


def _frame_lines(event: Event, frame: Frame) -> tuple[tuple[int, str], ...]:
    """The two lines of the traceback that name the place and show its source."""
    wanted = f'"{frame.file}", line {frame.line}', f"{frame.file}:{frame.line}"
    lines = list(event.lines())
    for index, (_, line) in enumerate(lines):
        if wanted[0] in line or wanted[1] in line:
            return tuple(lines[index : index + (2 if frame.source else 1)])
    return ()


def analyze(
    lines_or_paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    now: int | datetime | None = None,
    timezone: str = "UTC",
    ruleset: rules.RuleSet | None = None,
    expected: Expectations | None = None,
    progress: Callable[[int], None] | None = None,
) -> Snapshot:
    """Return the Snapshot of recorded input, by the same code as the sidecar's.

    Args:
        lines_or_paths: An `os.PathLike` is a file, each `str` of an iterable a line, a bare `str` is text.
        now: Aware datetime or Unix ns; None is the newest event time, so that a recording is never silent.
        timezone: IANA name of the zone in which times without one are read.
        ruleset: The rules; the packs that ship with the product when None.
        expected: Limits, rhythms and session tables; the defaults when None.
        progress: Called with the number of bytes read since the last call.

    Raises:
        SourceError: If a file cannot be read at all; the message names it and the mend.
    """
    if isinstance(lines_or_paths, str):
        paths, lines = [], lines_or_paths.splitlines()
    elif isinstance(lines_or_paths, os.PathLike):
        paths, lines = [Path(lines_or_paths)], []
    else:
        items = list(lines_or_paths)
        paths = [Path(item) for item in items if not isinstance(item, str)]
        lines = [item for item in items if isinstance(item, str)]
    analyzer = Analyzer(ruleset, expected=expected or Expectations(timezone=timezone))
    doubles = Doubles()
    read: list[Source] = []
    for letter, path in zip(letters(), paths, strict=False):
        reader = sources.read(path, letter=letter, timezone=timezone, progress=progress)
        for event in reader:
            if not doubles.is_double(event):
                analyzer.feed(event, service=path.name.split(".", 1)[0])
        read.append(reader.info)
    if lines:
        letter = letters()[len(paths)]
        for event in formats.parse(lines, letter=letter, timezone=timezone):
            if not doubles.is_double(event):
                analyzer.feed(event)
        read.append(Source(letter=letter, name="text", lines=len(lines), records=analyzer.state.events))
    return analyzer.snapshot(now=now, read=read, doubles=doubles.dropped)


def to_ns(now: int | datetime) -> int:
    """Return Unix ns of an aware datetime; an int is taken as it is.

    Raises:
        ValueError: If the datetime carries no zone.
    """
    if isinstance(now, int):
        return now
    if now.tzinfo is None:
        raise ValueError(f"now = {now!r} has no time zone: use datetime.now(timezone.utc) or Unix ns")
    return int(now.timestamp() * 1_000_000) * 1_000


def _bots(state: State) -> tuple[str, ...]:
    """Services that spoke; neither one that only ran backtests or started others, nor a data base."""
    backtests = state.books.backtests
    spoke = {name for name, count in state.services.items() if name and count > backtests.get(name, 0)}
    bots = {name for name in spoke or {name for name in state.books.bots if name} if not is_side(name)}
    return tuple(sorted(bots or spoke))


def _leaked(state: State) -> dict[str, int]:
    kinds: dict[str, int] = {}
    for joined, facts in sorted(state.leaks.items()):
        for kind in joined.split("+"):
            kinds[kind] = kinds.get(kind, 0) + facts.seen.count
    return kinds


def _is_trouble(event: Event) -> bool:
    if event.event_name:
        return False
    return event.severity >= Severity.ERROR or (
        event.exception is not None and (event.severity >= Severity.WARN or event.severity == 0)
    )


def letters() -> list[str]:
    """Return the letters of recorded sources, in the order in which they are named."""
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    return [*alphabet, *(a + b for a in alphabet for b in alphabet)]
