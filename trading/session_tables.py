"""Session tables as files: read, checked, and laid over one another.

The form is told in `trading/calendars/README.md`. What a table means is `trading.sessions`' affair.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from trading.errors import TradingError

__all__ = ["Parts", "SessionsError", "Table", "names", "own_table", "shipped"]

FOLDER = Path(__file__).resolve().parent / "calendars"

Parts = tuple[tuple[int, int], ...]
"""When a day is open, in minutes from its midnight at the exchange."""

_PART = re.compile(r"(-?)(\d{2}):(\d{2})\.\.(-?)(\d{2}):(\d{2})")
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


def names() -> tuple[str, ...]:
    """Return the tables that ship with the product."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


@cache
def shipped(name: str) -> Table:
    """Return a table that ships with the product.

    Raises:
        SessionsError: If there is none of this name.
    """
    if name not in names():
        raise SessionsError(f'no session table "{name}". Use one of {", ".join(names())}.')
    path = FOLDER / f"{name}.toml"
    return _table(_read(path), path)


def own_table(name: str, path: Path) -> Table:
    """Return the table of one's own file, or that of the product with the file laid over it.

    Raises:
        SessionsError: If the file cannot be used, or speaks of another market.
    """
    row = _read(path)
    if "zone" in row or "hours" in row:
        return _table(row, path)
    like = str(row.get("like", name))
    if like != name:
        raise SessionsError(
            f'{path}: like = "{like}", but the calendar is {name}. Write like = "{name}", '
            f'or calendar = "{like}" in [market].'
        )
    return _overridden(shipped(name), row, path)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise SessionsError(f"{path}: cannot be read ({error}). Mend or remove the file.") from None


def _table(row: Mapping[str, Any], path: Path) -> Table:
    _only(row, _TABLE_KEYS, path)
    try:
        hours = sorted((_day(one["since"], path), _parts_of(one["open"], path)) for one in row["hours"])
        if not hours:
            raise SessionsError(f"{path}: hours = [] opens never. Write [[hours]] with since and open.")
        if not set(row["weekdays"]) <= set(range(1, 8)) or not row["weekdays"]:
            raise SessionsError(f"{path}: weekdays = {row['weekdays']!r}. Write numbers of 1 (Monday) to 7.")
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
    example = '[special] and below it 2028-11-16 = ["10:00..16:30"]'
    return {
        _key(day, path): _parts_of(parts, path)
        for day, parts in _section(row, "special", example, path).items()
    }


def _notes(row: Mapping[str, Any], path: Path) -> dict[date, str]:
    example = '[notes] and below it 2028-01-03 = "why"'
    return {_key(day, path): str(text) for day, text in _section(row, "notes", example, path).items()}


def _section(row: Mapping[str, Any], name: str, example: str, path: Path) -> dict[str, Any]:
    section = row.get(name, {})
    if not isinstance(section, dict):
        raise SessionsError(f"{path}: {name} = {section!r} is no table. Write {example}.")
    return section


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
