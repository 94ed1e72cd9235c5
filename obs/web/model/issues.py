"""Issues: the list, and one of them in full."""

from __future__ import annotations

import msgspec

from obs.web.model.text import Amount, Badge, Check, Fact, Mark, Rich

__all__ = [
    "Incident",
    "IssueRow",
    "IssueView",
    "Issues",
    "MergedRow",
    "Quoted",
    "Step",
    "StoryRow",
    "Symptom",
]


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
