"""Exchange sessions: on which days a market is open, from when to when, and which session closed last.

The tables are data (`trading/calendars/`), made by a script; a table of one's own adds holidays and days with
hours of their own. After loading, everything here is a pure function of days and times: no clock is read.
"""

from __future__ import annotations

import logging
import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from trading.errors import TradingError

__all__ = ["Sessions", "SessionsError", "load_sessions"]

FOLDER = Path(__file__).resolve().parent / "calendars"
SECOND_NS = 1_000_000_000
LONGEST_REST = 60
"""Days without a session after which a table must be wrong."""

Parts = tuple[tuple[int, int], ...]
"""When a day is open, in minutes from its midnight at the exchange."""

_LOGGER = logging.getLogger("trading.sessions")
_PART = re.compile(r"(-?)(\d{2}):(\d{2})\.\.(-?)(\d{2}):(\d{2})")
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_OVERRIDE_KEYS = frozenset({"like", "holidays", "special", "notes"})
_TABLE_KEYS = frozenset({"title", "zone", "weekdays", "first", "last", "hours"}) | _OVERRIDE_KEYS - {"like"}


class SessionsError(TradingError):
    """A session table that is missing or cannot be used; the message names the file, the place, the mend."""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """One table as it was read and checked."""

    title: str
    zone: str
    weekdays: frozenset[int]
    first: date
    last: date
    hours: tuple[tuple[date, Parts], ...]
    """From which day on which hours are the usual ones, oldest first."""
    holidays: frozenset[date]
    special: Mapping[date, Parts]
    notes: Mapping[date, str]
    own: frozenset[date] = frozenset()
    """Days that a table of one's own speaks of."""


class Sessions:
    """The session days of one market and their hours.

    Days are dates at the exchange, times Unix ns. Outside of the table (`first` to `last`) the usual hours
    hold and holidays are unknown: the first such question logs a warning.
    """

    def __init__(self, name: str, table: Table) -> None:
        self.name = name
        self.title = table.title
        self.zone = ZoneInfo(table.zone)
        self.first = table.first
        self.last = table.last
        self._table = table
        self._warned: set[str] = set()

    def knows(self, day: date) -> bool:
        """Return whether the table says something of this day; else only the usual hours are known."""
        return self.first <= day <= self.last or day in self._table.own

    def is_session(self, day: date) -> bool:
        """Return whether the market opens on this day."""
        return bool(self._parts(day))

    def hours(self, day: date) -> tuple[tuple[int, int], ...]:
        """Return when the market is open on this day, as (open, close) in Unix ns; () without a session."""
        return tuple(
            (_ns(day, begin, self.zone), _ns(day, end, self.zone)) for begin, end in self._parts(day)
        )

    def close_of(self, day: date) -> int:
        """Return when this day's session ends, Unix ns.

        Raises:
            SessionsError: If the day has no session.
        """
        parts = self._parts(day)
        if not parts:
            raise SessionsError(
                f"{self.name}: {day} has no session ({self.why_closed(day)}). Ask a session day."
            )
        return _ns(day, parts[-1][1], self.zone)

    def last_closed(self, now: int) -> date:
        """Return the newest day whose session has ended at `now` (Unix ns); at the close itself it has."""
        day = datetime.fromtimestamp(now // SECOND_NS, self.zone).date() + timedelta(days=2)
        day = self.previous(day)
        while self.close_of(day) > now:
            day = self.previous(day)
        return day

    def previous(self, day: date) -> date:
        """Return the newest session day before `day`."""
        return self._nearest(day, -1)

    def next(self, day: date) -> date:
        """Return the first session day after `day`."""
        return self._nearest(day, 1)

    def between(self, first: date, last: date) -> list[date]:
        """Return the session days from `first` to `last`, both included; [] when they are reversed."""
        days = (first + timedelta(days=n) for n in range((last - first).days + 1))
        return [day for day in days if self.is_session(day)]

    def why_closed(self, day: date) -> str:
        """Return why the market stays closed on this day, for people; "" when it opens."""
        if self._parts(day):
            return ""
        if day in self._table.notes:
            return self._table.notes[day]
        if day in self._table.holidays:
            return "holiday"
        return _WEEKDAYS[day.isoweekday() - 1]

    def note(self, day: date) -> str:
        """Return why the hours of a session differ from the usual ones, for people; "" when they do not."""
        if not self._table.special.get(day):
            return ""
        return self._table.notes.get(day, "special hours")

    def _parts(self, day: date) -> Parts:
        table = self._table
        if not self.knows(day):
            self._warn(day)
        if (special := table.special.get(day)) is not None:
            return special
        if day in table.holidays or day.isoweekday() not in table.weekdays:
            return ()
        usual = table.hours[0][1]
        for since, parts in table.hours:
            if since > day:
                break
            usual = parts
        return usual

    def _nearest(self, day: date, step: int) -> date:
        for distance in range(1, LONGEST_REST + 1):
            if self.is_session(found := day + timedelta(days=step * distance)):
                return found
        raise SessionsError(
            f"{self.name}: no session within {LONGEST_REST} days of {day}. Mend the table's holidays."
        )

    def _warn(self, day: date) -> None:
        side = "before" if day < self.first else "beyond"
        if side not in self._warned:
            self._warned.add(side)
            _LOGGER.warning(
                "%s: %s lies %s the session table (%s to %s): usual hours are assumed, holidays not known. "
                "Name them in a table of your own ([market] overrides) or take a newer release.",
                *(self.name, str(day), side, str(self.first), str(self.last)),
            )


def load_sessions(name: str, overrides: Path | None = None) -> Sessions:
    """Return the sessions of a market.

    Args:
        name: A table that ships with the product (`XKRX`, `XNYS`, `ALWAYS`, …), or the title of one's own.
        overrides: A TOML file of one's own. With `like = "XKRX"` (or without `zone` and `hours`) it adds
            `holidays`, `[special]` days and `[notes]` to the table; with `zone` and `hours` it replaces it.

    Raises:
        SessionsError: If there is no such table, or a file cannot be used.
    """
    if overrides is None:
        return Sessions(name, _shipped(name))
    row = _read(overrides)
    if "zone" in row or "hours" in row:
        return Sessions(name, _table(row, overrides))
    like = str(row.get("like", name))
    if like != name:
        raise SessionsError(
            f'{overrides}: like = "{like}", but the calendar is {name}. Write like = "{name}", '
            f'or calendar = "{like}" in [market].'
        )
    return Sessions(name, _overridden(_shipped(name), row, overrides))


def names() -> tuple[str, ...]:
    """Return the tables that ship with the product."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


@cache
def _shipped(name: str) -> Table:
    if name not in names():
        raise SessionsError(f'no session table "{name}". Use one of {", ".join(names())}.')
    path = FOLDER / f"{name}.toml"
    return _table(_read(path), path)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SessionsError(f"{path}: cannot be read ({error}). Mend or remove the file.") from None


def _table(row: Mapping[str, Any], path: Path) -> Table:
    _only(row, _TABLE_KEYS, path)
    try:
        hours = sorted((_day(one["since"], path), _parts_of(one["open"], path)) for one in row["hours"])
        ZoneInfo(row["zone"])
        return Table(
            title=str(row.get("title", path.stem)),
            zone=row["zone"],
            weekdays=frozenset(row["weekdays"]),
            first=_day(row["first"], path),
            last=_day(row["last"], path),
            hours=tuple(hours),
            holidays=_holidays(row, path),
            special=_special(row, path),
            notes=_notes(row, path),
        )
    except SessionsError:
        raise
    except KeyError as error:
        raise SessionsError(f"{path}: {error} is missing or unknown. README.md tells the form.") from None
    except (TypeError, ValueError, IndexError) as error:
        raise SessionsError(f"{path}: {error}. README.md of the tables tells the form.") from None


def _overridden(table: Table, row: Mapping[str, Any], path: Path) -> Table:
    _only(row, _OVERRIDE_KEYS, path)
    holidays, special, notes = _holidays(row, path), _special(row, path), _notes(row, path)
    kept = {day: parts for day, parts in table.special.items() if day not in holidays}
    return msgspec.structs.replace(
        table,
        holidays=table.holidays | holidays,
        special={**kept, **special},
        # What was said of a day does not hold once it is another kind of day.
        notes={**{d: t for d, t in table.notes.items() if d not in holidays | special.keys()}, **notes},
        own=holidays | special.keys(),
    )


def _only(row: Mapping[str, Any], known: frozenset[str], path: Path) -> None:
    if unknown := sorted(row.keys() - known):
        raise SessionsError(
            f"{path}: {', '.join(unknown)} is no part of a session table. Use {', '.join(sorted(known))}."
        )


def _holidays(row: Mapping[str, Any], path: Path) -> frozenset[date]:
    days = row.get("holidays", [])
    if not isinstance(days, list):
        raise SessionsError(f"{path}: holidays = {days!r} is no list. Write holidays = [2026-06-03].")
    return frozenset(_day(day, path) for day in days)


def _special(row: Mapping[str, Any], path: Path) -> dict[date, Parts]:
    return {_key(day, path): _parts_of(parts, path) for day, parts in row.get("special", {}).items()}


def _notes(row: Mapping[str, Any], path: Path) -> dict[date, str]:
    return {_key(day, path): str(text) for day, text in row.get("notes", {}).items()}


def _key(text: str, path: Path) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SessionsError(f'{path}: "{text}" is no day. Write it as 2026-11-19.') from None


def _day(value: object, path: Path) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise SessionsError(f"{path}: {value!r} is no day. Write it as 2026-06-03, without quotes.")


def _parts_of(texts: object, path: Path) -> Parts:
    if not isinstance(texts, list):
        raise SessionsError(f'{path}: {texts!r} are no hours. Write a list: ["09:00..15:30"].')
    parts = tuple(_part(str(text), path) for text in texts)
    if any(later[0] < earlier[1] for earlier, later in pairwise(parts)):
        raise SessionsError(f"{path}: the hours {texts} overlap or are not in order. Sort them.")
    return parts


def _part(text: str, path: Path) -> tuple[int, int]:
    match = _PART.fullmatch(text)
    if match is None:
        raise SessionsError(f'{path}: "{text}" is no part of a day. Write it as "09:00..15:30".')
    begin = (int(match[2]) * 60 + int(match[3])) * (-1 if match[1] else 1)
    end = (int(match[5]) * 60 + int(match[6])) * (-1 if match[4] else 1)
    if end <= begin:
        raise SessionsError(f'{path}: "{text}" ends before it begins. Swap the times, or add 24 hours.')
    return begin, end


def _ns(day: date, minutes: int, zone: ZoneInfo) -> int:
    # Wall-clock arithmetic first, the zone last: hours do not shift on the days of a clock change.
    local = datetime.combine(day, datetime.min.time()) + timedelta(minutes=minutes)
    return int(local.replace(tzinfo=zone).astimezone(UTC).timestamp()) * SECOND_NS
