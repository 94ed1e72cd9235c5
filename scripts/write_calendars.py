"""Write the session tables of `obs` and `trading`: the package `exchange_calendars` with our corrections.

Run it when exchanges publish a new year, in an environment of its own:

    uv run --no-project --with exchange-calendars python scripts/write_calendars.py

The sidecar and the core read the tables alone: neither this package nor pandas comes with them. The core's
tables (`trading/calendars/`) reach back to where backtests begin and name the holidays.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import exchange_calendars

ROOT = Path(__file__).resolve().parents[1]
SIDECAR, CORE = ROOT / "obs" / "calendars", ROOT / "trading" / "calendars"
FIRST, LAST = date(2020, 1, 1), date(2027, 12, 31)
# The core's tables. KRX has had no noon break and no Saturday since 2000; New York its hours since 1985.
CORE_FIRST = date(2005, 1, 1)
CORE_FIRSTS: Mapping[str, date] = {"XKRX": date(2001, 1, 1), "XNYS": date(1986, 1, 1)}
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
# 2026-07-17: Constitution Day, a public holiday again by an act of February 2026 (segye.com 2026-02-04); the
# exchange rests on public holidays, but no notice of its own was at hand.
EXAM_DAYS = (
    "2020-12-03", "2021-11-18", "2022-11-17", "2023-11-16", "2024-11-14", "2025-11-13", "2026-11-19",
    "2027-11-18",
)  # fmt: skip
CORRECTIONS: Mapping[str, Mapping[str, Hours]] = {
    "XKRX": {**dict.fromkeys(EXAM_DAYS, ("10:00..16:30",)), "2026-06-03": (), "2026-07-17": ()}
}
# Closures that the package's rules have no name for. KRX: temporary public holidays, elections.
REASONS: Mapping[str, Mapping[str, str]] = {
    "XNYS": {
        "1994-04-27": "national day of mourning (Nixon)",
        **{f"2001-09-{day}": "attacks of September 11" for day in (11, 12, 13, 14)},
        "2004-06-11": "national day of mourning (Reagan)",
        "2007-01-02": "national day of mourning (Ford)",
        "2012-10-29": "hurricane Sandy",
        "2012-10-30": "hurricane Sandy",
        "2018-12-05": "national day of mourning (Bush)",
        "2025-01-09": "national day of mourning (Carter)",
    },
    "XKRX": {
        "2002-06-13": "local elections",
        "2002-07-01": "temporary holiday after the World Cup",
        "2002-12-19": "presidential election",
        "2004-04-15": "general election",
        "2006-05-31": "local elections",
        "2007-12-19": "presidential election",
        "2008-04-09": "general election",
        "2010-06-02": "local elections",
        "2012-04-11": "general election",
        "2012-12-19": "presidential election",
        "2014-06-04": "local elections",
        "2015-08-14": "temporary holiday before Liberation Day",
        "2016-04-13": "general election",
        "2016-05-06": "temporary holiday after Children's Day",
        "2017-05-09": "presidential election",
        "2017-10-02": "temporary holiday before Chuseok",
        "2018-06-13": "local elections",
        "2020-04-15": "general election",
        "2020-08-17": "temporary holiday after Liberation Day",
        "2022-03-09": "presidential election",
        "2022-06-01": "local elections",
        "2023-10-02": "temporary holiday after Chuseok",
        "2024-04-10": "general election",
        "2024-10-01": "Armed Forces Day, temporary holiday",
        "2025-01-27": "temporary holiday before Seollal",
        "2025-06-03": "presidential election",
        "2026-06-03": "local elections",
        "2026-07-17": "Constitution Day",
    },
}
# Globex rests from 16:00 to 17:00 Chicago time each day; the calendar lets sessions touch.
DAILY_HALT: Mapping[str, tuple[str, str]] = {"CMES": ("..17:00", "..16:00")}


def main() -> int:
    """Write every table and say how many days each holds."""
    for mic, title in TABLES.items():
        ours = CORRECTIONS.get(mic, {})
        _write(SIDECAR, mic, title, FIRST, ours, named=False)
        _write(CORE, mic, title, CORE_FIRSTS.get(mic, CORE_FIRST), ours, named=True)
    return 0


def _write(
    folder: Path, mic: str, title: str, first: date, corrections: Mapping[str, Hours], *, named: bool
) -> None:
    calendar = exchange_calendars.get_calendar(mic, start=str(first), end=str(_last(mic)))
    days = {day.date(): _hours(row, calendar.tz) for day, row in calendar.schedule.iterrows()}
    if mic in DAILY_HALT:
        old, new = DAILY_HALT[mic]
        days = {day: tuple(part.replace(old, new) for part in hours) for day, hours in days.items()}
    for text, hours in corrections.items():
        if (day := date.fromisoformat(text)) < first:
            continue
        days[day] = hours
        if not hours:
            del days[day]
    reasons = _reasons(mic, calendar, first) if named else {}
    last = calendar.last_session.date()
    table = _table(title, str(calendar.tz), days, first, last, reasons)
    (folder / f"{mic}.toml").write_text(table, encoding="utf-8")
    print(f"{folder.parent.name} {mic}: {len(days)} sessions, {days and min(days)} to {days and max(days)}")


def _reasons(mic: str, calendar: Any, first: date) -> dict[date, str]:
    """What each day of rest is called, as far as the package's rules or we know."""
    if (rules := calendar.regular_holidays) is None:
        return {}
    named = rules.holidays(str(first), str(LAST), return_name=True)
    # "Seollal (New Year's Day by the lunar) (-1 day)" is still Seollal.
    reasons = {day.date(): str(name).partition(" (")[0] for day, name in named.items() if name}
    own = {date.fromisoformat(day): text for day, text in REASONS.get(mic, {}).items()}
    return {**reasons, **own}


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


def _regimes(days: Mapping[date, Hours], first: date) -> list[tuple[date, Hours]]:
    """The usual hours and the days from which they held: what most days of a quarter have."""
    quarters: dict[tuple[int, int], Counter[Hours]] = {}
    for day, hours in days.items():
        quarters.setdefault((day.year, (day.month - 1) // 3), Counter())[hours] += 1
    regimes: list[tuple[date, Hours]] = []
    for quarter, counts in sorted(quarters.items()):
        usual = counts.most_common(1)[0][0]
        if not regimes:
            regimes.append((first, usual))
        elif usual != regimes[-1][1]:
            last_of_old = max(day for day, hours in days.items() if hours == regimes[-1][1])
            started = min(
                day
                for day, hours in days.items()
                if hours == usual and day > last_of_old and (day.year, (day.month - 1) // 3) <= quarter
            )
            regimes.append((started, usual))
    return regimes


def _table(
    title: str, zone: str, days: Mapping[date, Hours], first: date, last: date, reasons: Mapping[date, str]
) -> str:
    regimes = _regimes(days, first)
    weekdays = sorted(n for n, count in Counter(day.isoweekday() for day in days).items() if count > 50)
    holidays, special = [], {}
    for day in (first + timedelta(n) for n in range((last - first).days + 1)):
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
        f"first = {first}",
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
    notes = {day: reasons[day] for day in holidays if day in reasons}
    if notes:
        lines += ["", "[notes]", *(f'{day} = "{text}"' for day, text in notes.items())]
    return "\n".join(lines) + "\n"


def _toml(hours: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{part}"' for part in hours) + "]"


def _wrapped(name: str, items: Sequence[str], width: int = 8) -> list[str]:
    rows = [", ".join(items[at : at + width]) for at in range(0, len(items), width)]
    return [f"{name} = [", *(f"  {row}," for row in rows), "]"]


if __name__ == "__main__":
    sys.exit(main())
