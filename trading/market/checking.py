"""Whether bars can be believed: the written rules for bad data, in the order in which they are applied.

Pure: the same bars give the same answer, whoever fetched them and whenever. Nothing is ever filled in; what
is dropped or mended is counted and said. `docs/trading.md` has the rules as a table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from trading.bars import Bar, bars_of
from trading.market.dividends import reinvested
from trading.market.findings import Finding, Subject
from trading.market.gaps import missing, outside_sessions, unfinished
from trading.market.halts import halted, stuck
from trading.market.rows import broken, doubled, misdated, ordered
from trading.market.source import Interval
from trading.market.splits import spikes, split_adjusted
from trading.market.zones import in_market_time
from trading.sessions import Sessions

__all__ = ["Checked", "check"]

TOLERATED = 0.5
"""Share of the rows that may be broken; beyond it the rest is not believed either."""

Step = Callable[[list[Bar]], tuple[list[Bar], list[Finding]]]


@dataclass(frozen=True, slots=True)
class Checked:
    """Bars that can be believed, and what was wrong with those that came."""

    bars: list[Bar]
    """Oldest first, one for each time, finite and positive, in one scale; [] when the symbol is refused."""
    findings: tuple[Finding, ...]

    @property
    def refused(self) -> bool:
        """Whether the symbol cannot be used at all."""
        return _is_refused(self.findings)


def check(
    bars: Iterable[Bar | Sequence[Any]],
    *,
    symbol: str,
    interval: Interval,
    sessions: Sessions | None = None,
    zone: ZoneInfo | None = None,
    splits: Mapping[date, float] | None = None,
    dividends: Mapping[date, float] | None = None,
    total_return: bool = False,
    now: int | None = None,
) -> Checked:
    """Return the bars that can be believed, and what was wrong with the rest.

    Args:
        bars: As the source gave them, in any order; rows that are no `Bar` are read by `bars_of`.
        symbol: Whose they are.
        interval: Length of a bar.
        sessions: The market's sessions; without them, gaps and wrong zones show only where they are glaring.
        zone: The market's zone; that of `sessions` unless given.
        splits: Known splits, see `Instrument.splits`; a ratio of 1 says that a jump was none.
        dividends: Declared cash dividends: ex-day → amount for one share, in the scale of these prices.
        total_return: Whether they are reinvested; else the prices stay as they are.
        now: Unix ns; bars that end later are not complete and are dropped. `None`: all are complete.
    """
    subject = Subject(symbol, interval)
    came = [one if isinstance(one, Bar) else bars_of([one])[0] for one in bars]
    if not came:
        text = "there is not one bar. Check the symbol, the dates, and whether the login still holds."
        return Checked([], (subject.finding("empty", "refused", [], text),))
    zone = zone or (sessions.zone if sessions else None)
    believed, findings = _after(
        came,
        [
            lambda rows: misdated(rows, subject),
            lambda rows: ordered(rows, subject),
            lambda rows: in_market_time(rows, subject, sessions, zone),
            lambda rows: doubled(rows, subject),
            lambda rows: unfinished(rows, subject, sessions, now),
        ],
    )
    stood = [bar.time for bar in believed]
    believed, broke = _after(
        believed,
        [
            lambda rows: halted(rows, subject),
            lambda rows: broken(rows, subject),
            lambda rows: outside_sessions(rows, subject, sessions),
            lambda rows: stuck(rows, subject),
            lambda rows: spikes(rows, subject),
            lambda rows: reinvested(rows, subject, sessions, dividends or {}, is_wanted=total_return),
            lambda rows: split_adjusted(rows, subject, sessions, splits or {}),
        ],
    )
    findings += broke
    findings += [] if _is_refused(findings) else missing(stood, subject, sessions)
    findings += [] if _is_refused(findings) else _unusable(findings, len(stood), len(believed), subject)
    return Checked([] if _is_refused(findings) else believed, tuple(findings))


def _after(bars: list[Bar], steps: Iterable[Step]) -> tuple[list[Bar], list[Finding]]:
    findings: list[Finding] = []
    for step in steps:
        if bars:
            bars, found = step(bars)
            findings += found
    return bars, findings


def _is_refused(findings: Iterable[Finding]) -> bool:
    return any(finding.action == "refused" for finding in findings)


def _unusable(findings: list[Finding], stood: int, left: int, subject: Subject) -> list[Finding]:
    faults = {"not_a_number", "not_positive", "crossed", "spike"}
    bad = sum(
        finding.count for finding in findings if finding.fault in faults and finding.action == "dropped"
    )
    if stood and bad > TOLERATED * stood:
        text = (
            f"{bad} of {stood} rows are broken, so the rest is not believed either. "
            "Check which column is which, and fetch the bars again."
        )
        return [subject.finding("unusable", "refused", [], text, value=bad / stood)]
    if not left:
        return [subject.finding("unusable", "refused", [], "no usable bar is left.", value=1.0)]
    return []
