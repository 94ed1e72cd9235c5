"""Exchange sessions: on which days a market is open, from when to when, and which session closed last.

The tables are data (`trading/calendars/`), made by a script; a table of one's own adds holidays and days with
hours of their own. After loading, everything here is a pure function of days and times: no clock is read.
"""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from trading.session_tables import Parts, SessionsError, Table, names, own_table, shipped

__all__ = ["Sessions", "SessionsError", "load_sessions", "names"]

SECOND_NS = 1_000_000_000
LONGEST_REST = 60
"""Days without a session after which a table must be wrong."""

_LOGGER = logging.getLogger("trading.sessions")
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


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
    return Sessions(name, own_table(name, overrides) if overrides else shipped(name))


def _ns(day: date, minutes: int, zone: ZoneInfo) -> int:
    # Wall-clock arithmetic first, the zone last: hours do not shift on the days of a clock change.
    local = datetime.combine(day, datetime.min.time()) + timedelta(minutes=minutes)
    return int(local.replace(tzinfo=zone).astimezone(UTC).timestamp()) * SECOND_NS
