"""The frozen picture of everything at one instant: the only input of every view.

It holds facts and our own words, no rules. `obs.issues` makes the issues, `obs.components` the components;
`take` in `obs.analysis` puts them together.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

import msgspec

from obs.money.amounts import Money
from obs.money.figures import RealTimeMetrics
from obs.readings import Readings
from obs.standing import BotStanding, Check, Holding, Passage

__all__ = [
    "Category",
    "ComponentStatus",
    "Evidence",
    "Funnel",
    "Health",
    "Issue",
    "IssueSeverity",
    "IssueStatus",
    "Loss",
    "Merged",
    "MessageKind",
    "Moment",
    "Money",
    "ProcessEnd",
    "Snapshot",
    "Source",
]


class Health(enum.StrEnum):
    """The word for a component or the whole; `rank` gives the order."""

    OK = "OK"
    UNKNOWN = "UNKNOWN"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"

    @property
    def rank(self) -> int:
        """0 for OK up to 4 for CRITICAL: the worst of several is the largest."""
        return _RANKS[self]


class IssueSeverity(enum.StrEnum):
    """How bad an issue is; drives the health of its component."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for info up to 3 for critical."""
        return _RANKS[self]


_RANKS: dict[enum.StrEnum, int] = {
    member: place for kind in (Health, IssueSeverity) for place, member in enumerate(kind)
}
"""Looked up and not counted anew: with thousands of issues they are asked for very often."""


class IssueStatus(enum.StrEnum):
    """The life of an issue, in Sentry's words."""

    NEW = "new"
    ONGOING = "ongoing"
    ESCALATING = "escalating"
    REGRESSED = "regressed"
    RESOLVED = "resolved"
    ARCHIVED = "archived"


class Category(enum.StrEnum):
    """What kind of trouble an issue is: the seeds' five and what real logs asked for."""

    DI = "DI"
    UI = "UI"
    DB = "DB"
    MEMORY = "MEMORY"
    CONFIG = "CONFIG"
    NETWORK = "NETWORK"
    EXCHANGE = "EXCHANGE"
    PERFORMANCE = "PERFORMANCE"
    LLM = "LLM"
    TRADING = "TRADING"
    SYSTEM = "SYSTEM"
    CODE = "CODE"


class Evidence(msgspec.Struct, frozen=True):
    """One quoted line: foreign data, never prose of ours."""

    id: str
    """`letter:line` for recorded input; a short hash of `log.record.uid` for live events."""
    time: int
    """Unix ns; 0 when the line itself carries none (a line inside a traceback)."""
    severity: str
    """The source's own word, or empty inside a record."""
    source: str
    """Service and logger, as far as known."""
    text: str
    """The line as it stood, redacted, not escaped; a giant line only around its focus."""
    focus: tuple[int, int] = (0, 0)
    """Half-open range of the characters that prove the point; (0, 0): the whole line."""


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """An issue that a person made a part of another: what would stand alone if they split it off."""

    fingerprint: str
    id: str
    title: str = ""
    """Empty while nothing of it is remembered."""
    component: str = ""
    count: int = 0
    last_seen: int = 0
    decided: str = ""
    """Who merged it, when and why."""


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """One problem, seen once or a million times."""

    fingerprint: str
    """Hex; the same problem has the same fingerprint in every run."""
    id: str
    """`I-` and the first six digits of the fingerprint."""
    rule: str
    """Id of the rule that named it, or empty."""
    category: Category
    severity: IssueSeverity
    status: IssueStatus
    component: str
    services: tuple[str, ...] = ()
    title: str
    explanation: str = ""
    """The likely cause, in our words."""
    fix_in: str = ""
    """`outside`, `host`, `config`, `code` or `a person`, with what is known of the place."""
    actions: tuple[str, ...] = ()
    """Steps, safest first, each with its gate: `[read] ...`."""
    do_not: str = ""
    expected_minutes: int = 0
    count: int = 0
    first_seen: int = 0
    last_seen: int = 0
    succeeded_since: int = 0
    """How often the failing path ran without failing after `last_seen`; 0 is *not exercised*."""
    rate_per_minute: float = 0.0
    trend: str = "steady"
    """`steady`, `worse`, `quiet` or `burst`."""
    money_at_risk: tuple[Money, ...] | None = None
    evidence: tuple[Evidence, ...] = ()
    story: tuple[Evidence, ...] = ()
    """What led to its first occurrence, oldest first: records of the same order, position, trace or thread,
    or those just before it. Foreign text: quote it."""
    traceback: tuple[str, ...] = ()
    """The gravest traceback, folded: the frame to blame first, frames of libraries counted. Foreign text:
    quote it."""
    grouped_by: str = ""
    """Why these records are one issue, in one sentence."""
    is_side: bool = False
    """Whether it concerns a side service only (a display, a rate for show)."""
    cause: str | None = None
    """Fingerprint of the issue this one is a symptom of."""
    symptoms: tuple[str, ...] = ()
    linked_by: str = ""
    """Why it is held for a symptom of `cause`; empty for a cause."""
    place: str = ""
    """The host or exchange it concerns, as far as it names one."""
    follows: str = ""
    """The change it began or came back right after: `began 4 min after release 1.4 → 1.5`."""
    decided: str = ""
    """Who resolved or archived it, when, until when and why; empty when nobody did."""
    effects: tuple[str, ...] = ()
    """What it did, counted: calls failed of all, orders placed since, messages lost; our words, the most
    telling first."""
    until: int = 0
    """Unix ns before which nothing helps but waiting (the end of a ban); 0 when nothing says so."""
    not_known: tuple[str, ...] = ()
    """What its records cannot tell and a reader would want to know."""
    values: Mapping[str, str] = {}
    """What its records name (`host`, `symbol`, ...), as its texts use it: validated identifiers."""
    minutes: tuple[tuple[int, int], ...] = ()
    """(minute since 1970, records) of the newest minutes in which it was seen, oldest first."""
    merged: tuple[Merged, ...] = ()
    """The issues that a person merged into this one; its own figures count them in."""

    def is_known_as(self, start: str) -> bool:
        """Whether a fingerprint that begins so is its own, or that of an issue merged into it."""
        return self.fingerprint.startswith(start) or any(
            one.fingerprint.startswith(start) for one in self.merged
        )


class ComponentStatus(msgspec.Struct, frozen=True):
    """How one part of a bot is, and how that is known."""

    status: Health
    reason: str = ""
    last_seen: int = 0
    cadence: str = ""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One place the events came from, and how completely it was read."""

    letter: str = ""
    name: str
    format: str = ""
    lines: int = 0
    records: int = 0
    bytes: int = 0
    unreadable: int = 0
    """Lines or bytes regions that could not be read; each is said in `notes`."""
    complete: bool = True
    is_written: bool = False
    """Whether somebody still wrote to it when it was read: its end is not the end of the run."""
    cut_at_end: str = ""
    """The text of the last line when it stops in the middle of a record; else empty."""
    last_time: int = 0
    """Unix ns of the last record that carries a time."""
    zone: str = ""
    """How the time zone is known: `printed`, `UTC by OBS_TIMEZONE`, ..."""
    notes: tuple[str, ...] = ()


class Loss(msgspec.Struct, frozen=True):
    """Events that were emitted and did not arrive, by reason."""

    reason: str
    count: int
    severity: str = ""
    component: str = ""
    first: int = 0
    last: int = 0


class MessageKind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of warning or error that no rule knows: all messages that differ only in values."""

    id: str
    """The same on every machine and after every restart, until more is seen that differs in one more word."""
    text: str
    """What is always said, `*` where a value stands. Foreign text: quote it."""
    component: str = ""
    severity: str = ""
    """The gravest it was logged at, OpenTelemetry's word."""
    count: int = 0
    first_seen: int = 0
    """Unix ns; 0 when no message carried a time."""
    last_seen: int = 0
    example: str = ""
    """Its earliest message, cut. Foreign text: quote it."""
    grouped_by: str = ""
    """Why these messages are one kind, in our words."""


class ProcessEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How a watched process ended, as its supervisor or its own last words tell it."""

    service: str
    pid: int
    time: int
    exit_code: int | None = None
    signal: str = ""
    reason: str = ""
    """One sentence of ours: `killed by SIGKILL, no last words`."""
    command: str = ""
    last_words: tuple[Evidence, ...] = ()
    """What it said last, oldest first. Foreign text: quote it."""


class Moment(msgspec.Struct, frozen=True):
    """Something that happened to a bot itself: a release, another configuration, a bad end."""

    time: int
    service: str
    what: str
    """In our words: `release 1.4 → 1.5`."""


class Funnel(msgspec.Struct, frozen=True):
    """How far signals came: counts by gate, in the order they are passed."""

    stages: tuple[tuple[str, int], ...] = ()
    stopped: tuple[tuple[str, int], ...] = ()
    """Reason for not going on, and how often."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """One frozen picture; every view is a pure function of it."""

    taken_at: int
    """Unix ns: `now` as the caller gave it."""
    live: bool = False
    health: Health = Health.UNKNOWN
    health_reason: str = ""
    health_score: int = 0
    first_event: int = 0
    last_event: int = 0
    bots: tuple[str, ...] = ()
    """Services seen, in order of name."""
    program: str = ""
    """The program when its log tells (`freqtrade`), else empty."""
    mode: str = ""
    """`live`, `dry run`, `paper`, `backtest`, or empty when nothing tells."""
    phase: str = ""
    """How the run stands: `running`, `stopped by a signal at ...`, `died`; our words."""
    issues: tuple[Issue, ...] = ()
    components: Mapping[str, ComponentStatus] = {}
    money: RealTimeMetrics | None = None
    """Trades, results and LLM cost of now; None when nothing was said of any of them."""
    money_lines: tuple[str, ...] = ()
    """What is known of money, in our words with validated numbers."""
    restart: str = ""
    """The verdict on restarting, with its reason."""
    not_exercised: tuple[str, ...] = ()
    not_known: tuple[str, ...] = ()
    facts: tuple[tuple[str, str, str], ...] = ()
    """Rows of the health table: what, seen, expected."""
    funnel: Funnel | None = None
    ends: tuple[ProcessEnd, ...] = ()
    timeline: tuple[Moment, ...] = ()
    """Releases, configurations and bad ends, oldest first."""
    sources: tuple[Source, ...] = ()
    losses: tuple[Loss, ...] = ()
    events: int = 0
    by_severity: Mapping[str, int] = {}
    leaks: Mapping[str, int] = {}
    """Masked secrets by kind."""
    quiet_warnings: int = 0
    """Kinds of warnings that no rule knows: counted, not raised."""
    quiet_warning_events: int = 0
    templates: tuple[MessageKind, ...] = ()
    """Kinds of warnings and errors without a rule: the most frequent and the newest, most frequent first."""
    harmless_events: int = 0
    """Records that look like trouble and are known to be none."""
    doubles: int = 0
    """Records that came more than once and were counted once."""
    repaired: int = 0
    """Records with text that no encoding has (lone surrogates): kept, and shown with escapes."""
    held: tuple[Holding, ...] = ()
    """Open positions, by currency, the largest first."""
    standings: tuple[BotStanding, ...] = ()
    """How each bot stands, with the rhythm of its work over the last three hours."""
    checks: tuple[Check, ...] = ()
    """What was looked at and is as it should be."""
    passages: tuple[Passage, ...] = ()
    """How far signals came in the last 24 hours: all bots, then each that had any."""
    recent: Mapping[str, tuple[Evidence, ...]] = {}
    """Service -> its newest records, oldest first: what a live id stands for. Foreign text: quote it."""
    readings: Readings = msgspec.field(default_factory=Readings)
    """What only metrics show; no part of the JSON."""

    def to_json(self) -> str:
        """Return the picture as JSON, schema `obs.dashboard/1`."""
        # The view knows the Snapshot, not the other way round: it is only looked up when asked for.
        from obs.dashboard import render

        return render(self).decode()
