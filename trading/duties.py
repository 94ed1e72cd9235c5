"""What law and exchange take from a sale: dated rates, by the schedule that the universe names for a symbol.

The broker's fee is not here (`[account] fee`, both sides). Backtest, daily account and search ask the same
object, so they pay the same. Nothing is taken where no schedule is named, and before a schedule's first day.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from trading.bars import time_of
from trading.errors import TradingError

__all__ = ["NOTHING", "Duties", "DutiesError", "Duty", "Schedule", "duties_of", "load_schedules"]

FILE = Path(__file__).with_name("duties.toml")
_KEYS = frozenset({"name", "since", "rate", "per_unit", "most"})


class DutiesError(TradingError):
    """A table of duties that cannot be used, or a schedule that nobody knows; the message names the mend."""


class Duty(msgspec.Struct, frozen=True, kw_only=True):
    """One duty from one day on, until the next of the same name."""

    name: str
    since: date
    rate: float = 0.0
    """Fraction of what the sale brings."""
    per_unit: float = 0.0
    """Amount for each unit sold."""
    most: float = math.inf
    """The most that `per_unit` comes to in one sale."""

    def paid(self, quantity: float, price: float) -> float:
        """Return what a sale of so many units at that price pays."""
        return quantity * price * self.rate + min(quantity * self.per_unit, self.most)


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """The duties of one kind of instrument."""

    name: str
    title: str
    duties: tuple[Duty, ...]

    def unknown_before(self, first: date) -> list[str]:
        """Return the duties of which nothing is known on a day, each with the first day that it is."""
        begins: dict[str, date] = {}
        for duty in self.duties:
            begins[duty.name] = min(duty.since, begins.get(duty.name, duty.since))
        return [f"{name} not known and not taken before {day}" for name, day in begins.items() if day > first]


class Duties:
    """What sales of some symbols pay; made once, asked for each sale."""

    def __init__(self, schedules: Mapping[str, Schedule] | None = None) -> None:
        """Take symbol → schedule; a symbol that is not there pays nothing."""
        self._schedules = dict(schedules or {})
        self._tables = {symbol: _table(one.duties) for symbol, one in self._schedules.items()}

    def __bool__(self) -> bool:
        return any(self._tables.values())

    def of_sale(self, symbol: str, quantity: float, price: float, time: int) -> float:
        """Return what a sale pays, in the currency of the price.

        Args:
            symbol: What is sold.
            quantity: Units, positive.
            price: Of one unit, as it was got.
            time: Of the bar at whose open it happens, Unix ns.
        """
        paid = 0.0
        for rows in self._tables.get(symbol, ()):
            for since, duty in rows:
                if since <= time:
                    paid += duty.paid(quantity, price)
                    break
        return paid

    def lines(self, first: date | None = None) -> list[str]:
        """Return what sales pay, for people; each schedule once.

        Args:
            first: First day that is traded: what is not known of that time is said.
        """
        used: dict[str, list[str]] = {}
        for symbol, one in sorted(self._schedules.items()):
            used.setdefault(one.name, []).append(symbol)
        found = []
        for name, symbols in sorted(used.items()):
            one = self._schedules[symbols[0]]
            some = ", ".join(symbols[:6]) + (f", +{len(symbols) - 6}" if len(symbols) > 6 else "")
            late = one.unknown_before(first) if first else []
            found.append("; ".join([f"{name} ({some}): {one.title}", *late]))
        return found

    def unnamed(self, symbols: Iterable[str]) -> list[str]:
        """Return the symbols of which nobody said what their sales pay."""
        return [symbol for symbol in symbols if symbol not in self._schedules]


NOTHING = Duties()
"""No sale pays anything."""


def duties_of(named: Mapping[str, str], own: Path | None = None) -> Duties:
    """Return the duties of symbols by the schedules that were named for them.

    Args:
        named: Symbol → name of its schedule; an empty name: none.
        own: A table of one's own, which goes before the shipped one.

    Raises:
        DutiesError: If a name is in neither table, or the own table cannot be used.
    """
    known = {**_shipped(), **(load_schedules(own) if own else {})}
    for symbol, name in named.items():
        if name and name not in known:
            raise DutiesError(
                f'{symbol}: duties = "{name}" is no schedule. Write one of {", ".join(known)}, or name '
                "a table of your own in [account] duties."
            )
    return Duties({symbol: known[name] for symbol, name in named.items() if name})


@cache
def _shipped() -> dict[str, Schedule]:
    return load_schedules()


def load_schedules(path: Path = FILE) -> dict[str, Schedule]:
    """Return the schedules of a table by name.

    Raises:
        DutiesError: If the file is missing or a value in it has no meaning.
    """
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DutiesError(
            f"{path}: cannot be read ({error.strerror}). Name the file of your duties."
        ) from error
    except (ValueError, RecursionError) as error:
        raise DutiesError(f"{path}: no TOML ({error}). Mend that line.") from error
    return {name: _schedule(name, section, path) for name, section in tree.items()}


def _schedule(name: str, section: Any, path: Path) -> Schedule:
    if not isinstance(section, dict) or not isinstance(section.get("duty"), list):
        raise DutiesError(
            f"{path}: {name} is no schedule. Write [{name}] and duty = [{{ name = …, since = … }}]."
        )
    if unknown := sorted(section.keys() - {"title", "duty"}):
        raise DutiesError(f"{path}: [{name}] unknown key {unknown[0]!r}. Known: title, duty.")
    rows = tuple(_duty(row, f"{path}: [{name}] duty {n}") for n, row in enumerate(section["duty"], 1))
    return Schedule(name=name, title=str(section.get("title", name)), duties=rows)


def _duty(row: Any, place: str) -> Duty:
    if not isinstance(row, dict):
        raise DutiesError(
            f'{place}: {row!r} is no duty. Write {{ name = "tax", since = 2026-01-01, rate = 0.001 }}.'
        )
    if unknown := sorted(row.keys() - _KEYS):
        raise DutiesError(f"{place}: unknown key {unknown[0]!r}. Known: {', '.join(sorted(_KEYS))}.")
    since = row.get("since")
    if type(since) is not date:
        raise DutiesError(f"{place}: since = {since!r} is no day. Write it as 2026-01-01, without quotes.")
    figures = {
        key: _figure(row[key], f"{place}: {key}") for key in ("rate", "per_unit", "most") if key in row
    }
    if not figures.get("rate", 0.0) < 1:
        raise DutiesError(
            f"{place}: rate = {row['rate']!r}. Write a fraction below 1, e.g. 0.0015 for 0.15 %."
        )
    return Duty(name=str(row.get("name", "duty")), since=since, **figures)


def _figure(value: Any, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise DutiesError(f"{place} = {value!r}. Write a number of 0 or more.")
    return float(value)


def _table(duties: Sequence[Duty]) -> tuple[tuple[tuple[int, Duty], ...], ...]:
    """Return each duty's rates, the newest first."""
    names = dict.fromkeys(duty.name for duty in duties)
    return tuple(
        tuple(
            sorted(
                ((time_of(duty.since), duty) for duty in duties if duty.name == name),
                key=lambda row: -row[0],
            )
        )
        for name in names
    )
