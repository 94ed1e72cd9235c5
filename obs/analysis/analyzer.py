"""Folds events into a State and takes a Snapshot of it at any moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from obs import fingerprints, outlook, rules, trails
from obs.adapters import PROGRAM, Adapters
from obs.alerts import folding as alerts
from obs.analysis.picture import bots_of, components_of, issues_of, leaks_of
from obs.analysis.times import to_ns
from obs.analysis.verdicts import by_alert, by_rule, is_trouble, telling, without_rule
from obs.books import LLM_CALL, WRITERS
from obs.books.running import is_for_rules
from obs.components import health_of, health_score
from obs.events import Event, Severity
from obs.exhibits import Verdict
from obs.insight.lifecycle import Lifecycle
from obs.insight.likeness import by_likeness, message_kinds
from obs.insight.timeline import moments, releases
from obs.logs.folding import folded
from obs.logs.tracebacks import culprit
from obs.masking import redact_event
from obs.meters.results import Tally, agents_of
from obs.money.metrics import PerformanceMetricsCalculator
from obs.money.windows import Memo
from obs.passages import passages
from obs.patterns import TemplateMiner
from obs.positions import holdings
from obs.printed import STREAMS, understood
from obs.repairing import repaired, whole
from obs.snapshot import Health, Loss, Snapshot, Source
from obs.state import State
from obs.watch import cadence
from obs.watch.checks import checks
from obs.watch.expectations import Expectations
from obs.watch.pulse import standings

__all__ = ["Analyzer", "Listener"]

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
        sound = repaired(event)
        if sound is not event:
            self.state.repaired += 1
        event, service = self._dated(sound), whole(service)
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
            verdicts += by_alert(event)
        elif not harmless:
            frame = culprit(fingerprints.unwrapped(event))
            verdicts += [by_rule(match, event, frame) for match in telling(matches)]
            if not verdicts and is_trouble(event):
                group = fingerprints.by_event(event)
                verdicts.append((group, without_rule(event, frame)))
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
        money = self.metrics(at, state)
        realtime = money.realtime()
        issues = issues_of(
            state,
            now=at,
            until=until,
            ruleset=self.rules,
            expected=self.expected,
            read=tuple(read),
            lifecycle=lifecycle or {},
            money=realtime,
        )
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
            bots=bots_of(state),
            program=view.program,
            mode=view.mode,
            phase=view.phase,
            issues=tuple(issues),
            components=cadence.components(components_of(self.state, issues), state, self.expected),
            money=realtime,
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
            leaks=leaks_of(state),
            quiet_warnings=sum(kind.severity == Severity.WARN for kind in kinds),
            quiet_warning_events=state.unnamed_warnings,
            templates=message_kinds(kinds),
            harmless_events=sum(state.harmless.values()),
            doubles=doubles,
            repaired=state.repaired,
            held=held,
            standings=standing,
            checks=checks(state, issues, held, standing, self.expected, at),
            passages=passages(state.books.bots, at),
            recent=trails.recent(state.trails),
            readings=msgspec.structs.replace(
                state.meters.readings(),
                results=self._tally.results(state.money),
                releases=releases(state.timeline),
                agents=agents_of(money.agents()),
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
