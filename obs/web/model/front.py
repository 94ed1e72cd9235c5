"""What stands first: verdict, figures, what is open, the bots, what changed, their rhythm."""

from __future__ import annotations

import msgspec

from obs.web.model.text import Amount, Mark, Rich

__all__ = [
    "Bot",
    "Cell",
    "ChangeRow",
    "Changes",
    "Exposure",
    "ExposurePart",
    "Figure",
    "Rhythm",
    "RhythmRow",
    "Verdict",
]


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
