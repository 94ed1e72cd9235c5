"""What the live page shows, as data: one struct for each section, every word in the reader's language.

The browser only draws it: it never counts, ranks or words anything itself. Times are Unix milliseconds, 0
where none is known; ages are made of them in the browser, because they grow while nothing else changes.
Amounts are text, already rounded by the rules of their currency, without the currency.
"""

from __future__ import annotations

import enum

import msgspec

__all__ = [
    "AgentRow",
    "Agents",
    "Amount",
    "Badge",
    "Bot",
    "Cell",
    "ChangeRow",
    "Changes",
    "Check",
    "EventRow",
    "Exposure",
    "ExposurePart",
    "Fact",
    "Figure",
    "Flag",
    "Funnel",
    "FunnelStage",
    "Incident",
    "IssueRow",
    "IssueView",
    "Issues",
    "LlmCost",
    "LlmPoint",
    "Mark",
    "MergedRow",
    "Observer",
    "Outside",
    "Page",
    "Pnl",
    "PnlPoint",
    "Quoted",
    "Rhythm",
    "RhythmRow",
    "SilenceRow",
    "Span",
    "Step",
    "StoryRow",
    "Style",
    "Symptom",
    "Verdict",
    "Window",
]


class Mark(enum.StrEnum):
    """A state as shape, word and colour: octagon, diamond, triangle, ticked circle, dashed circle."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    OK = "ok"
    UNKNOWN = "unknown"


class Style(enum.StrEnum):
    """How a run of text is set."""

    PLAIN = ""
    STRONG = "strong"
    QUIET = "quiet"
    CODE = "code"
    FOREIGN = "foreign"
    """Text from outside, never an instruction: a dashed edge."""


class Span(msgspec.Struct, frozen=True, omit_defaults=True):
    """A run of text in one style; with `since` or `until` its text is that age, and grows or shrinks."""

    text: str = ""
    style: Style = Style.PLAIN
    since: int = 0
    """Unix ms: shown as how long ago that is (`6 min`); as a clock time when the page is stale."""
    until: int = 0
    """Unix ms: shown as how long until then."""
    clock: int = 0
    """Unix ms: shown as the time of day, with the date when it is another day."""
    link: str = ""
    """Id of the issue it opens, or empty."""


Rich = tuple[Span, ...]
"""A sentence: its runs, spaces included."""


class Amount(msgspec.Struct, frozen=True):
    """Money as it is shown: `1,240.50`, `+38.40`, `?` when unknown, `—` when there is none."""

    text: str
    currency: str = ""


class Badge(msgspec.Struct, frozen=True, omit_defaults=True):
    """A word in a box: a life (`New`), `local`, `unpriced`, `changed`."""

    text: str
    is_loud: bool = False
    """Whether its edge is bright: it deserves a look."""
    is_foreign: bool = False
    """Whether its edge is dashed: text from outside, or a masked secret."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The first thing anyone reads; the same sentence stands in the briefing and in the tab's title."""

    mark: Mark
    word: str
    """`Act now.`, `Needs you today.`, `When you can.`, `All is well.`, `Cannot say.`"""
    subject: str = ""
    """At most 60 characters: `BTC/USDT has no stop-loss.`"""
    text: Rich = ()
    """Money, how long, where, first action; then how much else there is."""
    plan: str = ""
    """Id of the issue whose plan the first button opens; empty when nothing is to be done."""
    amount: Amount | None = None
    """The money behind it, for the bar that stays when the page is scrolled."""
    tokens: int = 0
    """Of the briefing that the second button copies."""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One of the four figures beside the verdict."""

    key: str
    """`unprotected`, `open`, `pnl` or `llm`."""
    label: str
    amount: Amount
    mark: Mark | None = None
    """Coloured so when it is part of the trouble."""
    more: Rich = ()
    """The line below: `1 of 4 positions, 6 min`, or the other currencies."""


class ExposurePart(msgspec.Struct, frozen=True, kw_only=True):
    """A share of what is open in one currency."""

    amount: Amount
    label: str
    """`no stop`, `stop set`, `stop set, no exit signals`, `not known`."""
    share: float
    """Of the bar, in 0..1."""
    is_hatched: bool = False
    """No stop, or nobody deciding."""
    mark: Mark | None = None


class Exposure(msgspec.Struct, frozen=True):
    """One bar: everything open in one currency. Currencies are never added up."""

    currency: str
    parts: tuple[ExposurePart, ...]
    spoken: str = ""
    """The bar as one sentence, for a screen reader."""


class Bot(msgspec.Struct, frozen=True, kw_only=True):
    """One bot of the top bar; choosing it shows the page for it alone."""

    name: str
    mark: Mark
    mode: str = ""
    """`live`, `paper`, `stopped`, ... in words."""


class IssueRow(msgspec.Struct, frozen=True, kw_only=True):
    """One open issue, in one row."""

    id: str
    mark: Mark
    title: str
    service: str = ""
    todo: str = ""
    """The first step and the plan's length: `3-step plan, 8 min. Cause: ...`; stands after an arrow."""
    bars: tuple[int, ...] = ()
    """How often it was seen in equal parts of the last hour, oldest first."""
    life: Badge | None = None
    count: int = 0
    amount: Amount | None = None
    why_money: str = ""
    """`unprotected`, `no exit signals`, `no money behind it`."""
    since: int = 0
    last: int = 0
    symptoms: int = 0
    is_closed: bool = False


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at and is as it should be: silence must be proven."""

    text: str
    value: Rich = ()
    mark: Mark = Mark.OK


class Issues(msgspec.Struct, frozen=True, kw_only=True):
    """All issues, the weightiest first; when none is open, the checks that passed."""

    rows: tuple[IssueRow, ...] = ()
    more: int = 0
    """Open ones that find no room among the rows."""
    quiet: tuple[IssueRow, ...] = ()
    """Those that have not recurred, and closed ones: shown on demand."""
    checks: tuple[Check, ...] = ()
    checked: int = 0
    """Unix ms of the checks."""
    ahead: Rich = ()
    """What is due next: `KRX opens at 09:00, in 48 min`."""
    order: str = ""
    """By what the rows stand in order: `by money at risk`, `by severity`; empty where there is none."""


class ChangeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that changed since the reader looked."""

    kind: str
    """`deployed`, `new`, `worse`, `regressed`, `resolved`, `quiet`, `ended`, `untried`, `pnl`."""
    word: str
    text: Rich
    at: int = 0
    value: str = ""
    """What stands where the time would: `5 trades`."""
    issue: str = ""


class Changes(msgspec.Struct, frozen=True):
    """Causes, such as a release, above symptoms."""

    since: int
    rows: tuple[ChangeRow, ...] = ()
    empty: str = ""


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One stage of one bot over the last three hours."""

    stage: str
    state: str
    """`on_time`, `late`, `often`, `failed`, `closed` (nothing due), `waiting`, `unused`, `unknown`."""
    last: int = 0
    """Unix ms it was last seen."""
    every: str = ""
    """`of 30 s`, `3–9 min`; empty when no rhythm is known."""
    label: Rich = ()
    """What stands instead of age and rhythm: `4 refused`, `opens 09:00`, `not used`."""
    mark: Mark | None = None
    bars: tuple[int, ...] = ()
    """60 counts, oldest first; -1: nothing was due, -2: due and missing (hatched)."""
    spoken: str = ""
    """`Candles: none for 2 h 14 min, expected every minute, market open`."""


class RhythmRow(msgspec.Struct, frozen=True, kw_only=True):
    """One bot and its stages, in the order of `Rhythm.stages`."""

    bot: str
    mark: Mark
    detail: str = ""
    """`live · 1,240.50 USDT`."""
    cells: tuple[Cell, ...] = ()


class Rhythm(msgspec.Struct, frozen=True, kw_only=True):
    """Bots and their rhythm."""

    stages: tuple[tuple[str, str], ...] = ()
    """Key and heading of each column."""
    rows: tuple[RhythmRow, ...] = ()
    bar_ms: int = 180_000
    end: int = 0
    """Unix ms at which the last bar ends."""
    empty: Rich = ()


class Flag(msgspec.Struct, frozen=True, kw_only=True):
    """A change or issue marked on a chart's axis."""

    at: int
    text: str
    mark: Mark | None = None
    issue: str = ""


class PnlPoint(msgspec.Struct, frozen=True):
    """One hour or day; `None` is no data, which is a gap and not 0."""

    at: int
    value: float | None
    """Net result of the part, after fees."""
    total: float | None
    """Running total of the window."""
    trades: int = 0


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """One currency over 24 hours or 30 days."""

    points: tuple[PnlPoint, ...] = ()
    amount: Amount
    text: str = ""
    """`17 trades, 11 won, 4 open`."""


class Pnl(msgspec.Struct, frozen=True, kw_only=True):
    """Profit and loss, one currency at a time."""

    currencies: tuple[str, ...] = ()
    hours: dict[str, Window] = {}
    days: dict[str, Window] = {}
    flags: tuple[Flag, ...] = ()
    note: str = ""
    empty: Rich = ()


class LlmPoint(msgspec.Struct, frozen=True):
    """One hour or day of LLM cost."""

    at: int
    by_agent: tuple[float, ...]
    """In the order of `LlmCost.agents`."""


class LlmCost(msgspec.Struct, frozen=True, kw_only=True):
    """What the models cost, by agent."""

    currency: str = "USD"
    agents: tuple[str, ...] = ()
    """The costliest first; what is beyond three is `other`."""
    hours: tuple[LlmPoint, ...] = ()
    days: tuple[LlmPoint, ...] = ()
    amount_hours: Amount | None = None
    amount_days: Amount | None = None
    text_hours: str = ""
    """`of 6.00 today; ends at 11:54 at this rate`."""
    text_days: str = ""
    budget: float | None = None
    """A day's, dashed in the chart."""
    note: str = ""
    """`1 model unpriced`."""
    flags: tuple[Flag, ...] = ()
    empty: Rich = ()


class AgentRow(msgspec.Struct, frozen=True, kw_only=True):
    """One agent; texts as they are shown, `—` for none and `?` for unknown."""

    rank: str
    name: str
    model: str = ""
    badge: Badge | None = None
    trades: str = "0"
    won: str = "—"
    pnl: str = "—"
    cost: str = "—"
    roi: str = "—"
    per_trade: str = "—"
    spark: tuple[float, ...] = ()
    """Running result of 30 days, one value a day."""
    note: str = ""
    """Why it has no rank; `provisional`."""


class Agents(msgspec.Struct, frozen=True, kw_only=True):
    """The agents by their return on LLM cost."""

    rows: tuple[AgentRow, ...] = ()
    currency: str = ""
    cost_currency: str = "USD"
    text: str = ""
    """`7 days, by return on LLM cost; 1 USDT = 1.000 USD, 11:30`."""
    empty: Rich = ()


class FunnelStage(msgspec.Struct, frozen=True, kw_only=True):
    """How many came so far, and why others did not."""

    label: str
    left: int
    stopped: int = 0
    why: str = ""
    """`123 below 0.60`."""


class Funnel(msgspec.Struct, frozen=True, kw_only=True):
    """Why it did not trade, of one bot or of all."""

    bot: str = ""
    """Empty: all."""
    sentence: Rich = ()
    stages: tuple[FunnelStage, ...] = ()
    is_empty: bool = False


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """A label and its value."""

    label: str
    value: Rich
    detail: Rich = ()
    mark: Mark | None = None


class Observer(msgspec.Struct, frozen=True, kw_only=True):
    """How the observer itself is: its books, its delay, its disk."""

    mark: Mark
    facts: tuple[Fact, ...] = ()
    line: tuple[Rich, ...] = ()
    """The bottom bar, one piece each."""
    version: str = ""
    alert: Rich = ()
    """Said in the verdict when warnings were lost or figures are wrong."""


class SilenceRow(msgspec.Struct, frozen=True, kw_only=True):
    """One silence in force."""

    number: int
    """By which it is ended here; 0: it is Alertmanager's."""
    text: str
    """`grid-1, up to Error`."""
    until: int
    """Unix ms."""
    detail: str = ""
    """Who made it and why."""


class Outside(msgspec.Struct, frozen=True, kw_only=True):
    """What leaves the observer and comes to it: messages, silences, OpenTelemetry."""

    channels: tuple[Fact, ...] = ()
    no_channel: Rich = ()
    """How to be told, where nobody is."""
    silences: tuple[SilenceRow, ...] = ()
    silenced: str = ""
    """How many open issues they hold archived."""
    alertmanager: str = ""
    """Said when it does not answer."""
    telemetry: tuple[Fact, ...] = ()


class EventRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the live tail, or one hit of a search. Its text is foreign: only ever drawn as text."""

    seq: int
    """Grows with each; the stream resumes after it."""
    id: str
    at: int
    severity: str
    """OpenTelemetry's word."""
    mark: Mark | None = None
    service: str = ""
    component: str = ""
    text: Rich = ()
    """The message; masked secrets stand in `foreign` spans, control and bidi characters are escaped."""
    event_name: str = ""
    issue: str = ""
    trace: str = ""
    """Of a hit of a search: the trace that it belongs to."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a plan."""

    text: Rich
    minutes: str = ""
    gate: str = ""
    """`moves money`, `restarts the bot`, `changes code`, `needs a person`; empty for looking."""
    is_grave: bool = False
    command: str = ""
    """What can be copied to a terminal."""


class StoryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One record of what led to the first occurrence."""

    at: int
    offset: int
    """Ms from the first occurrence: below 0 before it."""
    text: Rich
    id: str
    badge: Badge | None = None
    is_it: bool = False
    """Whether it is the occurrence itself."""


class Quoted(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of evidence: foreign text."""

    id: str
    at: int
    kind: Badge
    """`bot log`, `exchange text`, `traceback`."""
    lines: tuple[str, ...]


class Symptom(msgspec.Struct, frozen=True, kw_only=True):
    """One symptom of an incident on the common time axis."""

    mark: Mark
    title: str
    component: str = ""
    bars: tuple[int, ...] = ()
    count: int = 0
    id: str = ""


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """One cause and its symptoms."""

    cause: Rich
    where: str = ""
    """`not your code`."""
    told_apart: tuple[Fact, ...] = ()
    """By what other causes were excluded."""
    symptoms: tuple[Symptom, ...] = ()
    start: int = 0
    """Unix ms of the axis' left end; `began` is the cause's first occurrence, `end` the right end."""
    began: int = 0
    end: int = 0


class MergedRow(msgspec.Struct, frozen=True, kw_only=True):
    """One issue that a person merged into the one that is shown, and could split off again."""

    id: str
    title: str
    count: int = 0
    last: int = 0
    """Unix ms it was last seen."""
    decided: str = ""
    """Who merged it, when and why."""


class IssueView(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one issue."""

    row: IssueRow
    category: str
    severity: str
    """In words: `Critical`."""
    minutes: str = ""
    """`about 8 min in all`."""
    explanation: Rich = ()
    steps: tuple[Step, ...] = ()
    do_not: str = ""
    story: tuple[StoryRow, ...] = ()
    story_note: str = ""
    """`order 42, 9 of 9 events`."""
    evidence: tuple[Quoted, ...] = ()
    evidence_note: str = ""
    money: tuple[Fact, ...] = ()
    before: Rich = ()
    """What changed just before."""
    life: tuple[tuple[int, Rich], ...] = ()
    """Unix ms (0: none) and what happened then; the proof of a fix last."""
    grouped: tuple[Fact, ...] = ()
    effects: tuple[str, ...] = ()
    not_known: tuple[str, ...] = ()
    merged: tuple[MergedRow, ...] = ()
    incident: Incident | None = None
    tokens: int = 0
    """Of the text that `Copy for agent` copies."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """The whole page; the stream sends it in full once, then the sections that changed."""

    taken_at: int
    """Unix ms of the Snapshot."""
    version: str
    lang: str
    zone: str
    """Short name of the time zone in which times are shown: `KST`."""
    offset_minutes: int = 0
    """Its distance from UTC."""
    live: bool = True
    title: str = ""
    """Of the tab: the verdict in one line."""
    verdict: Verdict
    figures: tuple[Figure, ...] = ()
    exposure: tuple[Exposure, ...] = ()
    bots: tuple[Bot, ...] = ()
    issues: Issues = Issues()
    changes: Changes = Changes(0)
    rhythm: Rhythm = Rhythm()
    pnl: Pnl = Pnl()
    llm: LlmCost = LlmCost()
    agents: Agents = Agents()
    funnel: tuple[Funnel, ...] = ()
    """All bots first, then each."""
    observer: Observer = Observer(mark=Mark.UNKNOWN)
    outside: Outside = Outside()
