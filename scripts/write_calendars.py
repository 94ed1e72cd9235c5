"""Write the session tables in `obs/calendars/` from the package `exchange_calendars`, with our corrections.

Run it when exchanges publish a new year, in an environment of its own:

    uv run --no-project --with exchange-calendars python scripts/write_calendars.py

The sidecar reads the tables alone: neither this package nor pandas comes with it.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import exchange_calendars

FOLDER = Path(__file__).resolve().parents[1] / "obs" / "calendars"
FIRST, LAST = date(2020, 1, 1), date(2027, 12, 31)
TABLES = {
    "XKRX": "Korea Exchange",
    "XNYS": "New York Stock Exchange and Nasdaq",
    "XLON": "London Stock Exchange",
    "XTKS": "Tokyo Stock Exchange",
    "XHKG": "Hong Kong Exchanges",
    "XETR": "Xetra, Frankfurt",
    "XPAR": "Euronext Paris",
    "XAMS": "Euronext Amsterdam",
    "XSWX": "SIX Swiss Exchange",
    "XMIL": "Borsa Italiana",
    "XMAD": "Bolsa de Madrid",
    "XSTO": "Nasdaq Stockholm",
    "XSHG": "Shanghai and Shenzhen Stock Exchanges",
    "XTAI": "Taiwan Stock Exchange",
    "XSES": "Singapore Exchange",
    "XASX": "Australian Securities Exchange",
    "XBOM": "BSE and NSE, India",
    "XTSE": "Toronto Stock Exchange",
    "BVMF": "B3, Sao Paulo",
    "CMES": "CME Globex futures",
}

Hours = tuple[str, ...]

# Where the package and the exchange differ; () is a day without a session.
# The exam day (수능): since 2021 the package has the usual hours, but the exchange opens and closes an hour
# later (newspapers of 2021-11-04, 2022-11-16, 2025-11-13). 2026-06-03: local elections, a public holiday.
EXAM_DAYS = (
    "2020-12-03", "2021-11-18", "2022-11-17", "2023-11-16", "2024-11-14", "2025-11-13", "2026-11-19",
    "2027-11-18",
)  # fmt: skip
CORRECTIONS: Mapping[str, Mapping[str, Hours]] = {
    "XKRX": {**dict.fromkeys(EXAM_DAYS, ("10:00..16:30",)), "2026-06-03": ()}
}
# Globex rests from 16:00 to 17:00 Chicago time each day; the calendar lets sessions touch.
DAILY_HALT: Mapping[str, tuple[str, str]] = {"CMES": ("..17:00", "..16:00")}


def main() -> int:
    """Write every table and say how many days each holds."""
    for mic, title in TABLES.items():
        calendar = exchange_calendars.get_calendar(mic, start=str(FIRST), end=str(_last(mic)))
        days = {day.date(): _hours(row, calendar.tz) for day, row in calendar.schedule.iterrows()}
        if mic in DAILY_HALT:
            old, new = DAILY_HALT[mic]
            days = {day: tuple(part.replace(old, new) for part in hours) for day, hours in days.items()}
        for day, hours in CORRECTIONS.get(mic, {}).items():
            days[date.fromisoformat(day)] = hours
            if not hours:
                del days[date.fromisoformat(day)]
        text = _table(title, str(calendar.tz), days, calendar.last_session.date())
        (FOLDER / f"{mic}.toml").write_text(text, encoding="utf-8")
        print(f"{mic}: {len(days)} sessions, {days and max(days)}")
    return 0


def _last(mic: str) -> date:
    """The last day the package knows, at most LAST."""
    known = exchange_calendars.calendar_utils.global_calendar_dispatcher
    bound = known._calendar_factories[mic].bound_max()
    return min(LAST, bound.date()) if bound is not None else LAST


def _hours(row: Any, zone: Any) -> Hours:
    """The parts of one session, as hours from the midnight of its day at the exchange."""
    midnight = datetime.combine(row.name.date(), datetime.min.time())

    def at(moment: Any) -> str:
        local = moment.tz_convert(zone).tz_localize(None).to_pydatetime()
        minutes = int((local - midnight) / timedelta(minutes=1))
        sign, minutes = ("-", -minutes) if minutes < 0 else ("", minutes)
        return f"{sign}{minutes // 60:02d}:{minutes % 60:02d}"

    if row["break_start"] is None or row.isna()["break_start"]:
        return (f"{at(row['open'])}..{at(row['close'])}",)
    return (f"{at(row['open'])}..{at(row['break_start'])}", f"{at(row['break_end'])}..{at(row['close'])}")


def _regimes(days: Mapping[date, Hours]) -> list[tuple[date, Hours]]:
    """The usual hours and the days from which they held: what most days of a quarter have."""
    quarters: dict[tuple[int, int], Counter[Hours]] = {}
    for day, hours in days.items():
        quarters.setdefault((day.year, (day.month - 1) // 3), Counter())[hours] += 1
    regimes: list[tuple[date, Hours]] = []
    for quarter, counts in sorted(quarters.items()):
        usual = counts.most_common(1)[0][0]
        if not regimes:
            regimes.append((FIRST, usual))
        elif usual != regimes[-1][1]:
            last_of_old = max(day for day, hours in days.items() if hours == regimes[-1][1])
            started = min(
                day
                for day, hours in days.items()
                if hours == usual and day > last_of_old and (day.year, (day.month - 1) // 3) <= quarter
            )
            regimes.append((started, usual))
    return regimes


def _table(title: str, zone: str, days: Mapping[date, Hours], last: date) -> str:
    regimes = _regimes(days)
    weekdays = sorted(n for n, count in Counter(day.isoweekday() for day in days).items() if count > 50)
    holidays, special = [], {}
    for day in (FIRST + timedelta(n) for n in range((last - FIRST).days + 1)):
        usual = [hours for start, hours in regimes if start <= day][-1]
        if day not in days and day.isoweekday() in weekdays:
            holidays.append(day)
        elif day in days and (days[day] != usual or day.isoweekday() not in weekdays):
            special[day] = days[day]
    version = exchange_calendars.__version__
    lines = [
        f"# Made by scripts/write_calendars.py with exchange_calendars {version}. Changes go into a file of",
        "# your own (setting `calendars`); README.md beside this file tells the form.",
        f'title = "{title}"',
        f'zone = "{zone}"',
        f"weekdays = {weekdays}",
        f"first = {FIRST}",
        f"last = {last}",
        "",
    ]
    lines += [
        "hours = [",
        *(f"  {{ since = {start}, open = {_toml(hours)} }}," for start, hours in regimes),
        "]",
    ]
    lines += ["", *_wrapped("holidays", [str(day) for day in holidays])]
    lines += ["", "[special]", *(f"{day} = {_toml(hours)}" for day, hours in sorted(special.items()))]
    return "\n".join(lines) + "\n"


def _toml(hours: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{part}"' for part in hours) + "]"


def _wrapped(name: str, items: Sequence[str], width: int = 8) -> list[str]:
    rows = [", ".join(items[at : at + width]) for at in range(0, len(items), width)]
    return [f"{name} = [", *(f"  {row}," for row in rows), "]"]


if __name__ == "__main__":
    sys.exit(main())
