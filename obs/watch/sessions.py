"""When markets are open: session tables, and which of them holds for a bot.

The tables are data (`obs/calendars/`), made by a script; a folder of one's own may replace or add to them.
They are read once, when an analyzer is made; then everything here is a pure function of time.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

__all__ = ["ALWAYS", "Calendar", "CalendarError", "Calendars", "Span", "load"]

FOLDER = Path(__file__).resolve().parents[1] / "calendars"
ALWAYS = "ALWAYS"
"""The market that never closes."""
SECOND_NS = 1_000_000_000
YEARS_BEYOND = 3
"""Years before and after a table for which its usual hours are assumed."""
_PART = re.compile(r"(-?)(\d{2}):(\d{2})\.\.(-?)(\d{2}):(\d{2})")


class CalendarError(ValueError):
    """A table that cannot be used; the message names the file, the place and the mend."""


class Span(msgspec.Struct, frozen=True):
    """One stretch of time, Unix ns, in which a market was, is or will be open; the end is no part of it."""

    open: int
    close: int


class Calendar:
    """When one market is open; or several taken together, where any of them counts."""

    def __init__(self, name: str, title: str, spans: Iterable[Span], zone: str = "UTC") -> None:
        """Make a calendar of spans in any order; those that touch become one."""
        self.name = name
        self.title = title
        self.zone = zone
        """IANA name of the zone in which the market's days are counted."""
        opens: list[int] = []
        closes: list[int] = []
        for span in sorted(spans, key=lambda one: (one.open, one.close)):
            if closes and span.open <= closes[-1]:
                closes[-1] = max(closes[-1], span.close)
            else:
                opens.append(span.open)
                closes.append(span.close)
        self._opens, self._closes = opens, closes
        self._sums = [0, *accumulate(end - begin for begin, end in zip(opens, closes, strict=True))]

    @property
    def is_always_open(self) -> bool:
        """Whether it never closes."""
        return self.name == ALWAYS

    def is_open(self, time: int) -> bool:
        """Return whether the market is open at `time` (Unix ns)."""
        return self.span_at(time) is not None

    def span_at(self, time: int) -> Span | None:
        """Return the span in which `time` lies, or None while the market is closed."""
        before = self.span_before(time)
        return before if before is not None and time < before.close else None

    def span_before(self, time: int) -> Span | None:
        """Return the latest span that had begun at `time`, or None."""
        index = bisect_right(self._opens, time) - 1
        return Span(self._opens[index], self._closes[index]) if index >= 0 else None

    def span_after(self, time: int) -> Span | None:
        """Return the first span that begins after `time`, or None beyond the table."""
        index = bisect_right(self._opens, time)
        return Span(self._opens[index], self._closes[index]) if index < len(self._opens) else None

    def open_ns(self, begin: int, end: int) -> int:
        """Return for how many ns the market was open from `begin` to `end`; 0 when they are reversed."""
        return max(0, self._open_until(end) - self._open_until(begin))

    def _open_until(self, time: int) -> int:
        index = bisect_right(self._opens, time) - 1
        if index < 0:
            return 0
        return self._sums[index] + min(time, self._closes[index]) - self._opens[index]

    def spans(self) -> list[Span]:
        """Return every span of the table."""
        return [Span(a, b) for a, b in zip(self._opens, self._closes, strict=True)]


class Table(msgspec.Struct, frozen=True):
    """One file as it was read and checked, before its times are worked out."""

    title: str
    zone: str
    weekdays: frozenset[int]
    first: date | None
    last: date | None
    hours: tuple[tuple[date, tuple[tuple[int, int], ...]], ...]
    """From which day which parts of a day, in minutes from its midnight."""
    holidays: frozenset[date]
    special: Mapping[date, tuple[tuple[int, int], ...]]


class Markets(msgspec.Struct, frozen=True):
    """What names a market: each key in the spelling that `Calendars` looks it up by."""

    exchanges: Mapping[str, str] = {}
    programs: Mapping[str, str] = {}
    endings: Mapping[str, str] = {}
    state: frozenset[str] = frozenset()
    """Codes of state currencies and metals."""
    coin: frozenset[str] = frozenset()


class Calendars:
    """All tables, and which of them holds for what a bot's events name."""

    def __init__(self, tables: Mapping[str, Table], markets: Markets) -> None:
        """Take tables by name; their spans are worked out when first asked for."""
        self._tables = dict(tables)
        self._markets = markets
        self._made: dict[tuple[str, ...], Calendar] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The tables there are."""
        return tuple(sorted(self._tables))

    def get(self, *names: str) -> Calendar:
        """Return the calendar of one market, or of several together.

        Raises:
            CalendarError: If a table is not known.
        """
        key = tuple(sorted(set(names)))
        if ALWAYS in key:
            key = (ALWAYS,)
        if key not in self._made:
            self._made[key] = self._make(key)
        return self._made[key]

    def market_of(
        self, *, exchange: str = "", symbol: str = "", currency: str = "", program: str = ""
    ) -> str:
        """Return the table's name for what an event names, or "" when nothing tells.

        Args:
            exchange: `exchange.id`, e.g. `binance`, `krx`.
            symbol: As the exchange writes it, e.g. `BTC/USDT`, `005930.KS`, `AAPL`.
            currency: In which it is priced.
            program: The trading program, as its adapter names it.
        """
        found = _exchange(self._markets, exchange) if exchange else ""
        found = found or (_symbol(self._markets, symbol, currency) if symbol else "")
        if not found and currency.upper() in self._markets.coin:
            found = ALWAYS
        return found or self._markets.programs.get(program, "")

    def _make(self, names: tuple[str, ...]) -> Calendar:
        if names == (ALWAYS,):
            return Calendar(ALWAYS, self._tables[ALWAYS].title, [Span(0, 2**63 - 1)])
        missing = [name for name in names if name not in self._tables]
        if missing or not names:
            raise CalendarError(
                f"{', '.join(missing) or 'no name'}: no such session table: "
                f"use one of {', '.join(self.names)}"
            )
        if len(names) > 1:
            parts = [self.get(name) for name in names]
            title = ", ".join(part.title for part in parts)
            return Calendar("+".join(names), title, (span for part in parts for span in part.spans()), "UTC")
        table = self._tables[names[0]]
        return Calendar(names[0], table.title, _spans(table), table.zone)


def load(folder: Path | None = None) -> Calendars:
    """Return the tables that ship with the product, and those of a folder of one's own before them.

    Raises:
        CalendarError: If a file of that folder cannot be used.
    """
    if folder is None:
        return _ours()
    tables, markets = _shipped()
    if not folder.is_dir():
        raise CalendarError(f"{folder}: is no folder of session tables: create it or remove the setting")
    own = dict(tables)
    for path in sorted(folder.glob("*.toml")):
        if path.stem == "markets":
            markets = _joined(_markets(path), markets)
        else:
            own[path.stem] = _table(path, tables)
    return Calendars(own, markets)


@cache
def _ours() -> Calendars:
    return Calendars(*_shipped())


@cache
def _shipped() -> tuple[dict[str, Table], Markets]:
    paths = sorted(FOLDER.glob("*.toml"))
    tables = {path.stem: _table(path, {}) for path in paths if path.stem != "markets"}
    return tables, _markets(FOLDER / "markets.toml")


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CalendarError(f"{path}: cannot be read: {error}: mend or remove the file") from None


def _table(path: Path, known: Mapping[str, Table]) -> Table:
    row = _read(path)
    like = known.get(str(row.get("like", "")))
    if "like" in row and like is None:
        raise CalendarError(f"{path}: like = {row['like']!r}: no such table: use one of {', '.join(known)}")
    try:
        special = {
            date.fromisoformat(day): tuple(_part(p, path) for p in parts)
            for day, parts in row.get("special", {}).items()
        }
        holidays = frozenset(_day(day, path) for day in row.get("holidays", ()))
        if like is not None:
            return msgspec.structs.replace(
                like,
                holidays=(like.holidays | holidays) - special.keys(),
                special={**{d: p for d, p in like.special.items() if d not in holidays}, **special},
            )
        hours = [(_day(h["since"], path), tuple(_part(p, path) for p in h["open"])) for h in row["hours"]]
        ZoneInfo(row["zone"])
        return Table(
            title=str(row.get("title") or path.stem),
            zone=row["zone"],
            weekdays=frozenset(row["weekdays"]),
            first=_day(row["first"], path) if "first" in row else None,
            last=_day(row["last"], path) if "last" in row else None,
            hours=tuple(sorted(hours)),
            holidays=holidays,
            special=special,
        )
    except KeyError as error:
        raise CalendarError(f"{path}: {error} is missing or unknown: README.md tells the form") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise error if isinstance(error, CalendarError) else CalendarError(f"{path}: {error}") from None


def _day(value: object, path: Path) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise CalendarError(f"{path}: {value!r} is no day: write it as 2026-06-03, without quotes")


def _part(text: object, path: Path) -> tuple[int, int]:
    match = _PART.fullmatch(str(text))
    if match is None:
        raise CalendarError(f'{path}: {text!r} is no part of a day: write it as "09:00..15:30"')
    begin = (int(match[2]) * 60 + int(match[3])) * (-1 if match[1] else 1)
    end = (int(match[5]) * 60 + int(match[6])) * (-1 if match[4] else 1)
    if end <= begin:
        raise CalendarError(f"{path}: {text!r} ends before it begins: swap the times, or add 24 hours")
    return begin, end


def _markets(path: Path) -> Markets:
    row = _read(path)

    def turned(name: str) -> dict[str, str]:
        return {key: market for market, keys in row.get(name, {}).items() for key in keys}

    codes = row.get("codes", {})
    return Markets(
        exchanges=turned("exchanges"),
        programs=turned("programs"),
        endings=turned("endings"),
        state=frozenset(codes.get("state", ())),
        coin=frozenset(codes.get("coin", ())),
    )


def _joined(own: Markets, ours: Markets) -> Markets:
    return Markets(
        exchanges={**ours.exchanges, **own.exchanges},
        programs={**ours.programs, **own.programs},
        endings={**ours.endings, **own.endings},
        state=(ours.state | own.state) - own.coin,
        coin=(ours.coin | own.coin) - own.state,
    )


def _spans(table: Table) -> Iterable[Span]:
    zone = ZoneInfo(table.zone)
    since = min(day for day, _ in table.hours)
    begin, end = table.first or since, table.last or since
    begin, end = date(begin.year - YEARS_BEYOND, 1, 1), date(end.year + YEARS_BEYOND, 12, 31)
    for day in (begin + timedelta(n) for n in range((end - begin).days + 1)):
        parts = table.special.get(day)
        if parts is None:
            if day in table.holidays or day.isoweekday() not in table.weekdays:
                continue
            held = [parts for start, parts in table.hours if start <= day]
            parts = held[-1] if held else table.hours[0][1]
        for opens, closes in parts:
            yield Span(_ns(day, opens, zone), _ns(day, closes, zone))


def _ns(day: date, minutes: int, zone: ZoneInfo) -> int:
    # Wall-clock arithmetic first, the zone last: hours do not shift on the days of a clock change.
    local = datetime.combine(day, datetime.min.time()) + timedelta(minutes=minutes)
    return int(local.replace(tzinfo=zone).astimezone(UTC).timestamp()) * SECOND_NS


def _exchange(markets: Markets, exchange: str) -> str:
    name = exchange.lower()
    if name in markets.exchanges:
        return markets.exchanges[name]
    fits = [known for known in markets.exchanges if len(known) >= 3 and name.startswith(known)]
    return markets.exchanges[max(fits, key=len)] if fits else ""


def _symbol(markets: Markets, symbol: str, currency: str) -> str:
    text = symbol.upper()
    stem, dot, ending = text.rpartition(".")
    if dot and ending in markets.endings:
        return markets.endings[ending]
    if dot and (venue := _exchange(markets, ending)):
        return venue
    text = stem if dot and ending.isalpha() else text
    pair = _pair(markets, text.split(":", 1)[0])
    if pair is not None:
        states = sum(code in markets.state for code in pair)
        coins = sum(code in markets.coin for code in pair)
        return "FX" if states == 2 else ALWAYS if states == 1 or coins else ""
    money = currency.upper()
    if money in markets.coin:
        return ALWAYS
    if re.fullmatch(r"A?\d{4}[0-9A-Z]\d", text) and money in ("", "KRW"):
        return "XKRX"
    if re.fullmatch(r"[A-Z]{1,5}([.-][AB])?", text) and money == "USD" and text not in markets.coin:
        return "XNYS"
    return ALWAYS if text in markets.coin else ""


def _pair(markets: Markets, text: str) -> Sequence[str] | None:
    """The two codes of a pair in any common spelling, or None for anything else."""
    known = markets.state | markets.coin
    parts = re.split(r"[/_-]", text)
    if len(parts) > 1 and parts[-1] in ("PERP", "SWAP"):
        # Only crypto is traded by contracts that never end.
        return (parts[0], "USDT")
    if len(parts) == 2:
        return parts if known & set(parts) else None
    if len(parts) == 1:
        for code in sorted(known, key=len, reverse=True):
            base = text.removesuffix(code)
            if base != text and len(base) >= 2 and (code in markets.coin or base in known):
                return (base, code)
    return None
