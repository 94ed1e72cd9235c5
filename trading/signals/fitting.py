"""Parameters beside the market they are used on: which defaults follow its calendar, and what does not fit.

How many sessions a year has is a fact of the calendar, so a file that leaves `periods_per_year` out gets that
of the market. How much a symbol may move is the owner's decision: a default made for shares is never widened
by itself, it is told that it does not fit. Both ways the gates stop rather more than less.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from trading.sessions import Sessions
from trading.signals.params import Params, default_params, load_params

__all__ = ["ALWAYS", "Misfit", "chosen_params", "history_word", "mend_of", "unfit", "year_of"]

ALWAYS = "ALWAYS"
"""The calendar of markets that never close."""
FAR = 0.2
"""A year that differs by more than this fraction is another market's; 246 or 252 sessions are all one."""
_SPARE_DAYS = 14
"""Calendar days on top of what is needed: a symbol lacks a session now and then."""


class Misfit(NamedTuple):
    """A parameter that was made for another market."""

    what: str
    mend: str

    @property
    def text(self) -> str:
        """Both, for people."""
        return f"{self.what}: {self.mend}"


def year_of(calendar: str) -> float:
    """Return how many sessions a year has: 365 where trading never stops, else 252."""
    return 365.0 if calendar == ALWAYS else 252.0


def chosen_params(path: Path, year: float) -> Params:
    """Return the parameters of a file, or the defaults where there is none.

    Args:
        path: The file.
        year: Bars in a year of the market, for a file that does not say.

    Raises:
        ParamsError: If the file cannot be used.
    """
    return load_params(path, year=year) if path.is_file() else default_params(year)


def unfit(params: Params, calendar: str, year: float, path: Path) -> tuple[Misfit, ...]:
    """Return what of the parameters was made for another market, each with its mend.

    Args:
        params: Those that are used.
        calendar: Of the market.
        year: Bars in a year of the market.
        path: Where the parameters can be written.
    """
    found = []
    if abs(params.periods_per_year / year - 1) > FAR:
        found.append(
            Misfit(
                f"periods_per_year = {params.periods_per_year:g}, but {calendar} has about {year:g} "
                "such bars a year",
                f"leave it out of {path.name}, or write {year:g}",
            )
        )
    if calendar != ALWAYS:
        return tuple(found)
    shares = Params()
    mends = []
    if params.max_volatility == shares.max_volatility:
        mends.append('"max_volatility": 1.2')
    if params.market.volatile_from == shares.market.volatile_from:
        mends.append('"market": {"volatile_from": 0.8, "calm_below": 0.6}')
    if mends:
        found.append(
            Misfit(
                "the limits of volatility are the defaults for shares, and coins move more",
                "many buys will be stopped, and the market told as volatile. For coins write into "
                f'{path.name} {{"version": 1, "params": {{{", ".join(mends)}}}}}',
            )
        )
    return tuple(found)


def history_word(params: Params, have: int, mend: str) -> str:
    """Return what a history of `have` sessions is too short for, with the mend; empty when it suffices."""
    score, market = params.score_sessions, params.market_sessions
    if have >= max(score, market):
        return ""
    lacks = "no signal is made and" if have < score else "signals are made, but"
    return (
        f"the history is too short: {have} sessions, the parameters need {max(score, market)} "
        f"(scores {score}, regime {market}), so {lacks} the regime stays unknown. {mend}"
    )


def mend_of(sessions: Sessions, last: date, days: int, needed: int) -> str:
    """Return how a too short history is mended: by `[data] days`, or by a source that reaches further back.

    Args:
        sessions: Of the market.
        last: The newest session.
        days: `[data] days` as it is.
        needed: Sessions that the parameters need.
    """
    if len(sessions.between(last - timedelta(days=days), last)) >= needed:
        return f"[data] days = {days} asks for enough: the source has no more. Give it a longer history."
    least = _first_where(lambda n: len(sessions.between(last - timedelta(days=n), last)) >= needed, days)
    return f"Set [data] days to {-(-(least + _SPARE_DAYS) // 10) * 10} or more (it is {days})."


def _first_where(is_enough: Callable[[int], bool], begin: int) -> int:
    """Return the least number of days above `begin` that is enough, found by doubling and halving."""
    low, high = begin, max(begin, 1) * 2
    while not is_enough(high):
        if high > 100_000:
            return high
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high
