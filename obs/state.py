"""State: what is remembered of a stream of events, built by folding them in any order.

It is a monoid: `merge(fold(a), fold(b)) == fold(a + b)` for any split of a stream with disjoint ids, and the
empty state is neutral. So it holds only facts that merge: sums, least and greatest, bounded top-k by a total
order. What depends on order (regressed, escalating) is derived when a Snapshot is made. No clock, no I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from obs.books import Books
from obs.events import Event, Severity
from obs.exhibits import (
    Exhibit,
    Order,
    Verdict,
    evidence_id,
    order_of,
    quote_of,
    quotes_of,
    spoken,
)
from obs.fingerprints import Group
from obs.insight.routes import route_name
from obs.insight.tallies import Tallies, joined
from obs.insight.timeline import Timeline
from obs.insight.trends import Gauges
from obs.insight.writers import writer_name
from obs.meters import Meters
from obs.meters.telling import mark_of, tell
from obs.mining.table import FormTable
from obs.money.book import MoneyBook
from obs.money.entries import LLM_CALLS, llm_call_of
from obs.money.pricing import Prices
from obs.patterns import form
from obs.quoting import plain
from obs.redaction import MASK
from obs.series import Series
from obs.trails import Trails
from obs.watch.beats import Beats
from obs.watch.tape import Tapes

__all__ = ["IssueFacts", "State"]

FIRST_EXHIBITS = 6
LAST_EXHIBITS = 3
MAX_NAMED = 200
"""Values that the records of one issue named and that are counted."""
MAX_ISSUES = 2_000
"""Distinct issues remembered; beyond that the smallest fingerprints stay and the rest is counted."""

MAX_SUCCESSES = 4_000
MAX_COMPONENTS = 1_000
"""Names of components that are told apart; a program that invents more is not counted by component."""
MAX_TEMPLATES = 1_024
"""Forms of unknown warnings and errors that are remembered; what is beyond is counted."""


class IssueFacts(msgspec.Struct):
    """Everything remembered of one fingerprint."""

    rule: str = ""
    grouped_by: str = ""
    title: str = ""
    category: str = ""
    seen: Series = msgspec.field(default_factory=Series)
    severity: int = 0
    """The gravest severity any record of it was logged at."""
    services: dict[str, int] = {}
    components: dict[str, int] = {}
    first: dict[str, Exhibit] = {}
    """Form of the line that shows it -> its gravest, then earliest occurrence; the best few forms only."""
    last: list[Exhibit] = []
    causes: dict[str, int] = {}
    """Fingerprint of the issue found deeper in the same record -> how often."""
    named: dict[str, int] = {}
    """`name=value` of what its records named -> how often; of too many the smallest stay."""

    def add(self, event: Event, exhibit: Exhibit, service: str) -> None:
        """Count one more record."""
        self.seen.add(event.time)
        self.severity = max(self.severity, event.severity)
        _count(self.services, service)
        _count(self.components, event.component)
        for name, value in exhibit.values.items():
            _count(self.named, f"{name}={value}")
        self._bound()
        self._show(form(exhibit.quotes[-1].text if exhibit.quotes else ""), exhibit)
        if len(self.last) < LAST_EXHIBITS or exhibit.order > self.last[0].order:
            self.last = _latest((*self.last, exhibit))

    def merge(self, other: IssueFacts) -> None:
        """Add all of `other`'s records, which are of the same fingerprint."""
        for name in ("rule", "grouped_by", "title", "category"):
            # The least non-empty text stands, so that the order of merging does not show.
            texts = [text for text in (getattr(self, name), getattr(other, name)) if text]
            setattr(self, name, min(texts, default=""))
        self.seen.merge(other.seen)
        self.severity = max(self.severity, other.severity)
        for mine, theirs in (
            (self.services, other.services),
            (self.components, other.components),
            (self.causes, other.causes),
            (self.named, other.named),
        ):
            for key, count in theirs.items():
                mine[key] = mine.get(key, 0) + count
        self._bound()
        for kind, exhibit in other.first.items():
            self._show(kind, exhibit)
        self.last = _latest((*self.last, *other.last))

    @property
    def values(self) -> Mapping[str, str]:
        """What the earliest of the kept occurrences named."""
        earliest = min(self.first.values(), key=lambda exhibit: exhibit.order, default=None)
        return earliest.values if earliest is not None else {}

    def _bound(self) -> None:
        while len(self.named) > MAX_NAMED:
            del self.named[max(self.named)]

    def _show(self, kind: str, exhibit: Exhibit) -> None:
        known = self.first.get(kind)
        if known is None or exhibit.rank < known.rank:
            self.first[kind] = exhibit
            if len(self.first) > FIRST_EXHIBITS:
                del self.first[max(self.first, key=lambda one: (self.first[one].rank, one))]


class State(msgspec.Struct):
    """The whole memory of one or many bots."""

    events: int = 0
    by_severity: dict[str, int] = {}
    seen: Series = msgspec.field(default_factory=Series)
    services: dict[str, int] = {}
    components: dict[str, Series] = {}
    component_severity: dict[str, dict[str, int]] = {}
    issues: dict[str, IssueFacts] = {}
    issues_overflow: int = 0
    successes: dict[str, Series] = {}
    """Key of a path (a rule's id) -> when it was seen to work."""
    templates: FormTable = msgspec.field(default_factory=lambda: FormTable(most=MAX_TEMPLATES))
    """What warnings and errors say that no rule knows, by form."""
    unnamed_warnings: int = 0
    """Warnings that no rule knows: counted, not raised."""
    harmless: dict[str, int] = {}
    repaired: int = 0
    """Records with text that no encoding has, of which escapes were made."""
    leaks: dict[str, IssueFacts] = {}
    """Kinds of secret that one record held, joined by `+` -> where they were logged."""
    books: Books = msgspec.field(default_factory=Books)
    money: MoneyBook = msgspec.field(default_factory=MoneyBook)
    tapes: Tapes = msgspec.field(default_factory=Tapes)
    beats: Beats = msgspec.field(default_factory=Beats)
    timeline: Timeline = msgspec.field(default_factory=Timeline)
    gauges: Gauges = msgspec.field(default_factory=Gauges)
    alarms: Tallies = msgspec.field(default_factory=Tallies)
    """Component and level of WARN or worse -> its records."""
    routes: Tallies = msgspec.field(default_factory=Tallies)
    """Exchange, service, kind of answer and route -> its calls."""
    writers: Tallies = msgspec.field(default_factory=Tallies)
    """Exchange, account, symbol, service and process -> the orders it sent."""
    trails: Trails = msgspec.field(default_factory=Trails)
    meters: Meters = msgspec.field(default_factory=Meters)

    def add(
        self,
        event: Event,
        verdicts: Sequence[tuple[Group, Verdict]] = (),
        *,
        service: str = "",
        works: Iterable[str] = (),
        harmless: str = "",
        traceback: tuple[str, ...] = (),
        prices: Prices | None = None,
    ) -> None:
        """Fold one event.

        Args:
            event: The redacted event.
            verdicts: Issues found in it with what found them, the deepest cause first.
            service: The bot it belongs to, when the event does not say.
            works: Keys of paths that this event shows to be working.
            harmless: Id of the rule that says this record is no trouble.
            traceback: The lines that tell its traceback.
            prices: What calls of language models cost; None: the tables that ship with the product.
        """
        service = event.service or service
        self.events += 1
        _count(self.by_severity, event.severity.name)
        self.seen.add(event.time)
        if not event.event_name.startswith(("process.", "alert.")):
            _count(self.services, service)
            self.beats.add(event, service)
        component = event.component
        series = self._part(component)
        if series is not None:
            series.add(event.time)
        if event.severity >= Severity.WARN:
            if series is not None:
                _count(self.component_severity.setdefault(component, {}), event.severity.name)
            self.alarms.add(joined(component, event.severity.name), event.time)
        for key in works:
            self.successes.setdefault(key, Series()).add(event.time)
            self._bound_successes()
        if harmless:
            _count(self.harmless, harmless)
        order = order_of(event)
        self.trails.add(
            event,
            service,
            order,
            spoken(event) if event.event_name else event.body,
            [group.fingerprint for group, _ in verdicts],
            next((symbol for _, found in verdicts if (symbol := found.values.get("symbol"))), ""),
        )
        issue = verdicts[0][0].fingerprint if verdicts else ""
        if issue and event.severity >= Severity.WARN:
            mark = mark_of(event, evidence_id(event), issue)
            self.meters.count("obs_events_total", event.severity.name, mark=mark)
        cause = ""
        for group, verdict in verdicts:
            facts = self._issue(group)
            if facts is None:
                continue
            facts.add(
                event,
                Exhibit(
                    order,
                    quotes_of(event, service, verdict),
                    dict(verdict.values),
                    event.severity,
                    traceback,
                ),
                service,
            )
            if cause and cause != group.fingerprint:
                _count(facts.causes, cause)
            cause = cause or group.fingerprint
        if "[REDACTED:" in event.body or (event.exception and "[REDACTED:" in event.exception.stacktrace):
            self._leak(event, order, service)
        if event.event_name:
            quote = quote_of(event, service, 0, spoken(event))
            call = llm_call_of(event, service, prices) if event.event_name in LLM_CALLS else None
            self.books.add(event, service, quote, call)
            self.money.add(event, service, call, quote)
            self.tapes.add(event, service, quote.id)
            self.beats.say(event, service, quote)
            tell(self.meters, event, service, evidence=quote.id, issue=issue, call=call)
            shown = (quote.id, quote.time, quote.severity, quote.source, quote.text)
            self.gauges.add(event, service, shown)
            if route := route_name(event, service):
                self.routes.add(route, event.time)
            if writer := writer_name(event, service):
                self.writers.add(writer, event.time)
        self.timeline.add(event, service)

    def count(self, times: Sequence[int], severity: Severity, component: str, service: str) -> None:
        """Fold records that do nothing but count, as `add` would one by one.

        Args:
            times: Unix ns of each; none of them 0.
            severity: Theirs, below WARN.
            component: The part of the bot that spoke.
            service: The bot.
        """
        count = len(times)
        self.events += count
        self.by_severity[severity.name] = self.by_severity.get(severity.name, 0) + count
        self.services[service] = self.services.get(service, 0) + count
        self.seen.add_all(times)
        self.beats.count(times, service)
        series = self._part(component)
        if series is not None:
            series.add_all(times)

    def _bound_successes(self) -> None:
        """Forget the last of too many: alerts from outside bring keys of their own, behind all rules."""
        while len(self.successes) > MAX_SUCCESSES:
            del self.successes[max(self.successes)]

    def notice(self, event: Event, kind: str) -> None:
        """Count a warning or error that no rule knows, under its form."""
        if event.severity is Severity.WARN:
            self.unnamed_warnings += 1
        self.templates.add(
            kind,
            component=plain(event.component),
            given=bool(event.template),
            time=event.time,
            severity=event.severity,
            example=event.body,
        )

    def merge(self, other: State) -> None:
        """Fold in all that `other` has seen; their events must be disjoint."""
        self.events += other.events
        self.seen.merge(other.seen)
        for mine, theirs in (
            (self.by_severity, other.by_severity),
            (self.services, other.services),
            (self.harmless, other.harmless),
        ):
            for key, count in theirs.items():
                mine[key] = mine.get(key, 0) + count
        for component, counts in other.component_severity.items():
            own = self.component_severity.setdefault(component, {})
            for name, count in counts.items():
                own[name] = own.get(name, 0) + count
        for all_mine, all_theirs in (
            (self.components, other.components),
            (self.successes, other.successes),
        ):
            for key, series in all_theirs.items():
                all_mine.setdefault(key, Series()).merge(series)
        self._bound_successes()
        while len(self.components) > MAX_COMPONENTS:
            self._forget_part()
        for issues, others in ((self.issues, other.issues), (self.leaks, other.leaks)):
            for key, facts in others.items():
                issues.setdefault(key, IssueFacts()).merge(facts)
        self.issues_overflow += other.issues_overflow
        while len(self.issues) > MAX_ISSUES:
            self.issues_overflow += self.issues.pop(max(self.issues)).seen.count
        self.unnamed_warnings += other.unnamed_warnings
        self.repaired += other.repaired
        self.templates.merge(other.templates)
        self.books.merge(other.books)
        self.money.merge(other.money)
        self.trails.merge(other.trails)
        self.tapes.merge(other.tapes)
        self.beats.merge(other.beats)
        self.timeline.merge(other.timeline)
        self.gauges.merge(other.gauges)
        self.alarms.merge(other.alarms)
        self.routes.merge(other.routes)
        self.writers.merge(other.writers)
        self.meters.merge(other.meters)

    def encode(self) -> bytes:
        """Return the state as MessagePack, to be stored beside the checkpoint."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def decode(cls, data: bytes) -> State:
        """Read back what `encode` wrote.

        Raises:
            msgspec.ValidationError: If the bytes are of another version.
        """
        return msgspec.msgpack.decode(data, type=cls)

    def _part(self, component: str) -> Series | None:
        """Return the times of a component, made when it is new; None when there is no room for it."""
        series = self.components.get(component)
        if series is None:
            series = self.components[component] = Series()
            if len(self.components) > MAX_COMPONENTS and self._forget_part() == component:
                return None
        return series

    def _forget_part(self) -> str:
        # The least names stay: the same ones whatever came first.
        last = max(self.components)
        del self.components[last]
        self.component_severity.pop(last, None)
        return last

    def _issue(self, group: Group) -> IssueFacts | None:
        facts = self.issues.get(group.fingerprint)
        if facts is None:
            facts = self.issues[group.fingerprint] = IssueFacts(
                rule=group.rule, grouped_by=group.reason, title=group.title, category=group.category
            )
            if len(self.issues) > MAX_ISSUES:
                # Smallest fingerprints stay: the same set whatever came first.
                evicted = max(self.issues)
                self.issues_overflow += self.issues.pop(evicted).seen.count
                if evicted == group.fingerprint:
                    self.issues_overflow += 1
                    return None
        return facts

    def _leak(self, event: Event, order: Order, service: str) -> None:
        kinds: dict[str, tuple[int, str]] = {}
        for offset, line in event.lines():
            for mask in MASK.finditer(line):
                kinds.setdefault(mask[1], (offset, line))
        if kinds:
            # What stands in one record leaked together: one incident, not one for each kind.
            offset, line = next(iter(kinds.values()))
            facts = self.leaks.setdefault("+".join(sorted(kinds)), IssueFacts())
            facts.add(event, Exhibit(order, (quote_of(event, service, offset, line),)), service)


def _latest(exhibits: Iterable[Exhibit]) -> list[Exhibit]:
    return sorted(exhibits, key=lambda exhibit: exhibit.order)[-LAST_EXHIBITS:]


def _count(counts: dict[str, int], key: str) -> None:
    counts[key] = counts.get(key, 0) + 1
