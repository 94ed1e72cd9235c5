"""Times as logs print them: which forms there are, and what instant each one means.

A form is a piece of a regular expression with the named groups `t` (date and time to the second), `f`
(digits of the fraction) and `z` (zone), and a function that reads `t`. A `Clock` turns matches into Unix
nanoseconds; it remembers what a single line cannot tell: the zone to assume, the last date seen, the newest
plausible year. Where a time stands in a line is the business of `obs.logs.layouts`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from obs.events import MAX_TIMESTAMP_NS

__all__ = ["FORMS", "GLOG", "Clock", "TimeForm", "ZoneError", "from_number"]

_SECOND = 1_000_000_000
_DAY = 86_400
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001  naive arithmetic is what counts seconds here
_MONTHS = {
    "Jan": 1, "Feb": 2, "Mar": 3, "Apr": 4, "May": 5, "Jun": 6, "Jul": 7, "Aug": 8, "Sep": 9, "Oct": 10,
    "Nov": 11, "Dec": 12,
}  # fmt: skip
_MONTH = "(?:" + "|".join(_MONTHS) + ")"
_HOURS = {
    "Z": 0, "UTC": 0, "GMT": 0, "WET": 0, "BST": 1, "CET": 1, "WEST": 1, "CEST": 2, "EET": 2, "EEST": 3,
    "MSK": 3, "IST": 5.5, "HKT": 8, "SGT": 8, "KST": 9, "JST": 9, "AEST": 10, "AEDT": 11, "NZST": 12,
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
}  # fmt: skip
"""Abbreviations as `date` prints them. China's CST is the one clash; American logs print it more often."""

_ZONE = r"(?: ?(?P<z>Z\b|UTC\b|GMT\b|[+-]\d{2}:?\d{2}\b))?"
_CLOCK = r"\d{2}:\d{2}:\d{2}"
_LOOSE_CLOCK = r"\d{1,2}:\d\d:\d\d(?: [AaPp][Mm])?"
_NAMED_DAY = rf"(?:\d{{1,2}}[-/ ]{_MONTH}[-/ ]\d{{4}}|{_MONTH} \d{{1,2}}, \d{{4}})"
_WEEKDAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_FRACTION = r"(?:[.,](?P<f>\d{1,9}))?"


class ZoneError(ValueError):
    """The name of a time zone that this machine does not know."""


class TimeForm(NamedTuple):
    """One way to print a time."""

    name: str
    pattern: str
    read: Callable[[str, Clock], dt.datetime | None]
    """Naive date and time from the text of group `t`; None when the form alone cannot tell."""


class Clock:
    """Turns printed times into Unix nanoseconds, for one source."""

    def __init__(self, timezone: str = "UTC", *, newest_ns: int = 0) -> None:
        """Make a clock.

        Args:
            timezone: Zone of times that print none.
            newest_ns: No record is newer than this (a file's last change), to complete dates
                without a year; 0 when nothing is known.

        Raises:
            ZoneError: If the zone is unknown.
        """
        self.timezone = timezone
        try:
            self._zone = None if timezone.upper() in {"UTC", "Z", "GMT"} else ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ZoneError(
                f'timezone = "{timezone}" is no zone of the tz database. Write one, e.g. "Europe/Berlin".'
            ) from None
        newest = newest_ns or 4_102_444_800 * _SECOND  # year 2100: nothing known
        self.newest = _EPOCH + dt.timedelta(seconds=newest // _SECOND + _DAY)
        self.last: dt.datetime | None = None
        """The last whole date and time seen, for forms that print only a part of it."""
        self.day_first: bool | None = None
        self.printed = 0
        """How many times carried a zone, and how many did not."""
        self.assumed = 0
        self.guessed = 0
        """Times without a date that were completed from the record before, and those that could not be."""
        self.undated = 0
        self._key: tuple[str, str | None] = ("", None)
        self._base: int | None = None

    def ns(self, form: TimeForm, t: str, f: str | None, z: str | None) -> int | None:
        """Return Unix nanoseconds, 0 when the date cannot be known, None when the text is no time."""
        if self._key != (t, z):
            self._key = (t, z)
            self._base = self._seconds(form, t, z)
        if self._base is None:
            return None
        if z:
            self.printed += 1
        else:
            self.assumed += 1
        if not f:
            return self._base
        return self._base + int(f) * 10 ** (9 - len(f)) if self._base else 0

    def any(self, value: object) -> int:
        """Return Unix ns of a time in any known form, a number or a text; 0 when it is none."""
        if isinstance(value, bool) or value is None:
            return 0
        if isinstance(value, (int, float)):
            self.printed += 1
            return from_number(value)
        text = str(value).strip()
        for form, pattern in _PATTERNS:
            found = pattern.match(text)
            if found is not None:
                ns = self.ns(form, found["t"], found["f"], found["z"])
                if ns is not None:
                    return ns
        return 0

    def _seconds(self, form: TimeForm, t: str, z: str | None) -> int | None:
        try:
            if form.name == "epoch":
                return from_number(int(t)) or None
            naive = form.read(t, self)
        except (ValueError, OverflowError):
            return None
        if naive is None:
            return 0
        self.last = naive
        seconds = round((naive - _EPOCH).total_seconds())
        offset = _offset(z) if z else None
        if offset is None and self._zone is not None:
            local = naive.replace(tzinfo=self._zone).utcoffset()
            offset = int(local.total_seconds()) if local is not None else 0
        return min(max(seconds - (offset or 0), 0) * _SECOND, MAX_TIMESTAMP_NS)


def from_number(value: float) -> int:
    """Return Unix ns for a number of seconds, milli-, micro- or nanoseconds; 0 when it is none of them.

    The unit is told by the size: any date from 2001 to 2100 falls into exactly one of them.
    """
    for limit, factor in ((1e11, _SECOND), (1e14, 1_000_000), (1e17, 1_000), (1e20, 1)):
        if 1e9 * (_SECOND // factor) <= value < limit:
            whole = int(value)
            time = whole * factor + int((value - whole) * factor)
            return time if time <= MAX_TIMESTAMP_NS else 0
    return 0


def _offset(zone: str) -> int | None:
    hours = _HOURS.get(zone)
    if hours is not None:
        return int(hours * 3600)
    if zone[0] not in "+-":
        return None
    digits = zone[1:].replace(":", "")
    return int(zone[0] + "1") * (int(digits[:2]) * 3600 + int(digits[2:4] or 0) * 60)


def _at(year: int, month: int, day: int, clock: str) -> dt.datetime:
    hour, minute, *rest = clock.split(":")
    second = int(rest[0]) if rest else 0
    # A leap second has no place in Unix time; it counts as the second before it.
    return dt.datetime(year, month, day, int(hour), int(minute), min(second, 59))  # noqa: DTZ001


def _iso(t: str, _: Clock) -> dt.datetime:
    return _at(int(t[:4]), int(t[5:7]), int(t[8:10]), t[11:])


def _compact(t: str, _: Clock) -> dt.datetime:
    if t.count(":") == 2 and t[:8].isdigit():
        return _at(int(t[:4]), int(t[4:6]), int(t[6:8]), t[8:].lstrip("-T _"))
    digits = re.sub(r"\D", "", t)
    if len(digits) == 12:  # six digits of date: without the century
        digits = "20" + digits
    clock = f"{digits[8:10]}:{digits[10:12]}:{digits[12:14]}"
    return _at(int(digits[:4]), int(digits[4:6]), int(digits[6:8]), clock)


def _numeric(t: str, clock: Clock) -> dt.datetime:
    date, _, time = t.replace(",", " ").partition(" ")
    first, second, year = (int(part) for part in re.split(r"[-/.]", date))
    if first > 12:
        clock.day_first = True
    elif second > 12:
        clock.day_first = False
    day_first = clock.day_first if clock.day_first is not None else "/" not in date
    day, month = (first, second) if day_first else (second, first)
    return _at(year + 2000 if year < 100 else year, month, day, _half_day(time.strip()))


def _half_day(time: str) -> str:
    clock, _, half = time.partition(" ")
    if not half:
        return clock
    hour, _, rest = clock.partition(":")
    return f"{int(hour) % 12 + (12 if half.upper() == 'PM' else 0)}:{rest}"


def _named(t: str, _: Clock) -> dt.datetime:
    words = re.split(r"[-/ ,]+|(?<=\d{4}):", t, maxsplit=3)
    if words[0] in _MONTHS:
        words[:2] = [words[1], words[0]]
    return _at(int(words[2]), _MONTHS[words[1]], int(words[0]), _half_day(words[3].strip(" ,")))


def _ctime(t: str, _: Clock) -> dt.datetime:
    words = t.split()
    return _at(int(words[-1]), _MONTHS[words[1]], int(words[2]), words[3])


def _without_year(t: str, clock: Clock) -> dt.datetime:
    words = re.split(r"[ .:-]+", t, maxsplit=2)
    month = _MONTHS.get(words[0]) or int(words[0])
    year = clock.newest.year
    for candidate in (year, year - 1, year - 2, year - 3, year - 4):
        try:
            naive = _at(candidate, month, int(words[1]), words[2])
        except ValueError:  # the 29th of February
            continue
        if naive <= clock.newest:
            return naive
    raise ValueError(t)


def _time_only(t: str, clock: Clock) -> dt.datetime | None:
    if clock.last is None:
        _at(2000, 1, 1, t)
        clock.undated += 1
        return None
    clock.guessed += 1
    naive = _at(clock.last.year, clock.last.month, clock.last.day, t)
    return naive + dt.timedelta(days=1) if naive < clock.last - dt.timedelta(hours=12) else naive


def _kitchen(t: str, clock: Clock) -> dt.datetime | None:
    hour, minute = int(t[:-5]), t[-4:-2]
    return _time_only(f"{hour % 12 + 12 * (t[-2] == 'P'):02}:{minute}:00", clock)


def _epoch(t: str, _: Clock) -> dt.datetime | None:
    return None


FORMS: tuple[TimeForm, ...] = (
    TimeForm("iso", rf"(?P<t>\d{{4}}[-/.]\d\d[-/.]\d\d[ T_]{_CLOCK})(?:[.,:](?P<f>\d{{1,9}}))?{_ZONE}", _iso),
    TimeForm("iso to the minute", rf"(?P<t>\d{{4}}-\d\d-\d\d[ T]\d\d:\d\d)(?![\d:])(?P<f>){_ZONE}", _iso),
    TimeForm(
        "compact",
        rf"(?P<t>20\d{{6}}[-T _]?(?:\d\d?:\d\d?:\d\d?|\d{{6}}))(?:[.,:](?P<f>\d{{1,9}}))?{_ZONE}",
        _compact,
    ),
    TimeForm("six digits", rf"(?P<t>\d{{6}} (?:{_CLOCK}|\d{{6}}))(?!\d){_FRACTION}(?P<z>)", _compact),
    TimeForm(
        "numeric",
        rf"(?P<t>\d{{1,2}}[-/.]\d{{1,2}}[-/.](?:\d{{4}}|\d\d),? {_LOOSE_CLOCK}){_FRACTION}{_ZONE}",
        _numeric,
    ),
    TimeForm("named", rf"(?P<t>{_NAMED_DAY},?[ :]{_LOOSE_CLOCK}){_FRACTION}{_ZONE}", _named),
    TimeForm(
        "ctime",
        rf"(?P<t>{_WEEKDAY} {_MONTH} [ \d]\d {_CLOCK} (?:(?P<z>[A-Z]{{3,4}}) )?\d{{4}})(?P<f>)",
        _ctime,
    ),
    TimeForm("syslog", rf"(?P<t>{_MONTH} [ \d]\d {_CLOCK}){_FRACTION}(?P<z>)", _without_year),
    TimeForm("without year", rf"(?P<t>\d\d[-.]\d\d {_CLOCK})(?P<z>){_FRACTION}", _without_year),
    TimeForm("time only", rf"(?P<t>{_CLOCK}){_FRACTION}(?P<z>)", _time_only),
    TimeForm("kitchen", r"(?P<t>(?:1[0-2]|[1-9]):[0-5]\d[AP]M)(?P<f>)(?P<z>)", _kitchen),
    TimeForm("epoch", r"(?P<t>1\d{9}(?:\d{3}){0,3})(?:\.(?P<f>\d{1,9}))?(?P<z>)(?![\d.])", _epoch),
)
"""Every known form; the first that fits wins, so the longer ones stand first."""

GLOG = TimeForm(
    "glog",
    rf"(?P<t>\d{{4}} {_CLOCK})\.(?P<f>\d{{6}})(?P<z>)",
    lambda t, clock: _without_year(f"{t[:2]}-{t[2:4]} {t[5:]}", clock),
)
"""Google's C++ logger glues the date to the level's letter: it is a time only inside that layout."""

_PATTERNS = tuple((form, re.compile(form.pattern)) for form in FORMS)
