"""Cadence: the rhythm each bot, stage and component is known to keep, and which silence breaks it.

Alive but useless: a bot that says RUNNING while no candle, signal or order comes any more. The rhythm is
learned from the stream, or set; only the time in which the bot's markets are open counts. Pure functions of
`State`, `Expectations` and the moment until which the bots were watched: a recording's end proves no silence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise

import msgspec

from obs.books import BotFacts, Register, decimal
from obs.quoting import plain
from obs.series import MINUTE_NS, Series
from obs.snapshot import ComponentStatus
from obs.state import State
from obs.watch.beats import Age, BotBeats
from obs.watch.expectations import Expectations
from obs.watch.sessions import Calendar

__all__ = [
    "ALIVE_NS",
    "NAMES",
    "ORDER",
    "RARE",
    "Rhythm",
    "Silence",
    "components",
    "duration",
    "is_off",
    "learn",
    "open_time",
    "patience",
    "rows",
    "silences",
    "told_age",
    "usual",
    "watched",
]

ORDER = ("ticks", "candles", "signals", "decisions", "orders", "fills", "answers", "equity", "heartbeats")
"""The stages of a bot's work: each needs those before it."""
NAMES = {
    "ticks": "tick",
    "candles": "candle",
    "signals": "signal",
    "decisions": "decision",
    "orders": "order",
    "fills": "fill",
    "answers": "LLM answer",
    "equity": "equity record",
    "heartbeats": "heartbeat",
}
RARE = ("signals", "decisions", "orders", "fills")
"""Stages that happen when the market gives cause: their silence needs much more proof."""
LEARNED_MINUTES = 360
"""So many of the newest minutes in which it happened are looked at."""
UNSURE = 60
CLOCKWORK = 0.1
WILD = 6.0
"""Gaps that vary so much (see `_spread`) make no rhythm."""
LEARNED_COUNT = 12
"""Fewer occurrences, or in fewer minutes than half of it, teach no rhythm."""
RARE_COUNT = 30
REGULAR_FLOOR_NS = 5 * MINUTE_NS
RARE_FLOOR_NS = 60 * MINUTE_NS
SECOND_NS = 1_000_000_000
ALIVE_NS = 2 * MINUTE_NS
"""A bot that spoke so lately is alive."""
LONG_CANDLE_NS = 6 * 60 * MINUTE_NS
TAIL = 14
"""A Poisson process is silent for 14 mean gaps once in a million times."""


class Rhythm(msgspec.Struct, frozen=True):
    """How often something happens while its market is open."""

    every: int
    """Ns between two, typically."""
    patience: int
    """Ns of open time after which a silence is no chance any more."""
    source: str
    """`set` or `learned`."""


class Silence(msgspec.Struct, frozen=True):
    """One stage that should have shown and did not."""

    stage: str
    since: int
    """Unix ns of the last one, or of the bot's start after it."""
    missing: int
    """Ns of open time since then."""
    rhythm: Rhythm
    last: Register
    seen: int
    """How many were seen before."""


def learn(series: Series, calendar: Calendar | None, *, rare: bool) -> Rhythm | None:
    """Return the rhythm that a series shows, or None when it shows none.

    Regular ones (their long gaps are no longer than twice the usual one) are late after four gaps; others
    after 14 mean gaps, which chance gives once in a million, and thrice the longest gap they ever made;
    what comes in bursts after more.

    Args:
        series: When it happened, by minutes.
        calendar: When its market is open; None counts all time.
        rare: Whether it happens only when there is cause.
    """
    minutes = sorted(series.minutes)[-LEARNED_MINUTES:]
    least = RARE_COUNT if rare else LEARNED_COUNT
    if series.count < least or len(minutes) < least // 2:
        return None
    gaps = _gaps(minutes, calendar)
    middle, longest = gaps[len(gaps) // 2], gaps[-1]
    spread = _spread(gaps)
    # Of few samples little is sure, but for a clock: patience begins at many times what it comes to.
    caution = 1.0 if middle > MINUTE_NS and spread < CLOCKWORK else 1 + UNSURE / series.count
    # The few longest of many are restarts and hiccups, no part of the rhythm.
    long = gaps[int(len(gaps) * 0.98) - 1] if len(gaps) >= UNSURE else longest
    counts = sorted(series.minutes[minute] for minute in minutes)
    if not rare and long <= 2 * middle:
        every = middle if middle > MINUTE_NS else MINUTE_NS // counts[len(counts) // 2]
        late = max(REGULAR_FLOOR_NS, 4 * middle + MINUTE_NS)
        return Rhythm(every, int(late * caution), "learned")
    if spread > WILD:
        return None
    active = max(open_time(calendar, minutes[0] * MINUTE_NS, (minutes[-1] + 1) * MINUTE_NS), MINUTE_NS)
    mean = max(1, active // sum(counts))
    floor = RARE_FLOOR_NS if rare else REGULAR_FLOOR_NS
    # Gaps of a Poisson process vary by their mean. What varies more comes in bursts, and has a longer tail.
    tail = TAIL * (sum(gaps) / len(gaps)) * max(1.0, spread)
    return Rhythm(mean, int(max(floor, tail, 3 * longest) * caution), "learned")


def _gaps(minutes: Sequence[int], calendar: Calendar | None) -> list[int]:
    """The open time between one active minute and the next, ns, shortest first; none of them 0."""
    if calendar is None or calendar.is_always_open:
        return sorted((b - a) * MINUTE_NS for a, b in pairwise(minutes)) or [MINUTE_NS]
    gaps = (calendar.open_ns(a * MINUTE_NS, b * MINUTE_NS) for a, b in pairwise(minutes))
    return sorted(gap for gap in gaps if gap) or [MINUTE_NS]


def _spread(gaps: Sequence[int]) -> float:
    """The variance of the gaps by the square of their mean: 0 for a clock, 1 for a Poisson process."""
    mean = sum(gaps) / len(gaps)
    return sum((gap - mean) ** 2 for gap in gaps) / len(gaps) / mean**2


def silences(
    name: str, beats: BotBeats, expected: Expectations, until: int, calendar: Calendar | None
) -> list[Silence]:
    """Return the stages of one bot that are overdue at `until` (Unix ns), in the order of its work."""
    found = []
    # What is missing is proven only as long as the bot itself speaks.
    until = min(until, beats.spoke.last + ALIVE_NS)
    for what in ORDER:
        stage = beats.stages.get(what)
        set_to = expected.expected(name, what)
        if set_to == 0 or (stage is None and set_to is None):
            continue
        seen = stage.seen if stage is not None else Series()
        if set_to is not None:
            rhythm: Rhythm | None = Rhythm(set_to, max(3 * set_to, MINUTE_NS), "set")
        else:
            rhythm = learn(seen, calendar, rare=what in RARE)
        since = max(seen.last, beats.started) or beats.spoke.first
        if rhythm is None or not since:
            continue
        missing = open_time(calendar, since, until)
        if missing > rhythm.patience:
            last = stage.last if stage is not None else Register()
            found.append(Silence(what, since, missing, rhythm, last, seen.count))
    return found


def rows(state: State, until: int | None, expected: Expectations) -> Iterator[tuple[str, str, str]]:
    """Yield a row of the health table for each market with sessions, and for each stage that is overdue."""
    markets: set[str] = set()
    for name, beats in sorted(state.beats.bots.items()):
        bot = state.books.bots.get(name, BotFacts())
        end = watched(name, bot, state, until)
        if not end:
            continue
        calendar = expected.calendar(name, beats)
        if calendar is not None and not calendar.is_always_open and calendar.name not in markets:
            markets.add(calendar.name)
            yield f"market {plain(calendar.name)}", _session(calendar, end), ""
        label = f"{plain(name)} " if len(state.beats.bots) > 1 else ""
        for silence in silences(name, beats, expected, end, calendar):
            seen = f"none for {duration(silence.missing)}, {silence.seen} before"
            yield f"{label}{silence.stage}", seen, usual(silence.rhythm, calendar)


def _session(calendar: Calendar, time: int) -> str:
    """Whether the market is open, and until when it stays so."""
    now, before, after = calendar.span_at(time), calendar.span_before(time), calendar.span_after(time)
    if now is not None:
        return f"open since {moment(now.open, time)}, closes {moment(now.close, time)} UTC"
    closed = f"closed since {moment(before.close, time)} UTC" if before is not None else "closed"
    return f"{closed}, opens {moment(after.open, time)} UTC" if after is not None else closed


def moment(at: int, now: int) -> str:
    """Return the time of day, with its date where that is not the date of `now`; UTC."""
    when, today = (datetime.fromtimestamp(one // SECOND_NS, UTC) for one in (at, now))
    return f"{when:%H:%M}" if when.date() == today.date() else f"{when:%Y-%m-%d %H:%M}"


def components(
    known: Mapping[str, ComponentStatus], state: State, expected: Expectations
) -> dict[str, ComponentStatus]:
    """Return the components with the cadence of each told: `every 30 s`, `about 12 a minute`, or empty."""
    calendars = [expected.calendar(name, beats) for name, beats in state.beats.bots.items()]
    calendar = calendars[0] if len(calendars) == 1 else None
    told = {}
    for name, status in known.items():
        series = state.components.get(name)
        set_to = expected.expected("", name)
        if set_to:
            cadence = f"every {duration(set_to)} (set)"
        else:
            rhythm = learn(series, calendar, rare=False) if series is not None else None
            cadence = f"every {duration(rhythm.every)}" if rhythm is not None else ""
        told[name] = msgspec.structs.replace(status, cadence=cadence)
    return told


def patience(name: str, beats: BotBeats, expected: Expectations, calendar: Calendar | None) -> int:
    """After how much open time a bot that says nothing at all is unresponsive."""
    limit = expected.limits.silence_s * SECOND_NS
    rhythm = learn(beats.spoke, calendar, rare=False)
    if "heartbeats" in beats.stages:
        return limit
    # Without heartbeats only its own habit tells whether it would have spoken by now.
    return max(limit, rhythm.patience if rhythm is not None else 24 * 60 * MINUTE_NS)


def is_off(name: str, bot: BotFacts, state: State) -> bool:
    """Whether nothing is to be expected of it: it ended, was stopped, or never did more than backtests."""
    if bot.process.name == "process.exited" and bot.process.time >= bot.state.time:
        return True
    if bot.mode.values.get("run.mode") == "backtest" or (name in state.books.backtests and not bot.events):
        return True
    return bool(_stopped(bot))


def watched(name: str, bot: BotFacts, state: State, until: int | None) -> int:
    """Return the moment to which work could be expected of a bot: its end, its last word, or `until`.

    0 when none could be: a backtest, or no word with a time.
    """
    last = state.beats.bots[name].spoke.last
    if bot.mode.values.get("run.mode") == "backtest" or (name in state.books.backtests and not bot.events):
        return 0
    ends = [end for end in (_stopped(bot), _exited(bot)) if end]
    return min(ends) if ends else until if until is not None else last


def _stopped(bot: BotFacts) -> int:
    """When it was told to stop, if it stands still since; else 0."""
    told = str(bot.state.values.get("bot.state") or "")
    if bot.state.name != "bot.stopped" and told not in ("stopped", "stopping"):
        return 0
    # The word of the end comes after the end began: what was missing then was missing on purpose.
    began = bot.ending.time
    return began if 0 < began <= bot.state.time else bot.state.time


def _exited(bot: BotFacts) -> int:
    return bot.process.time if bot.process.name == "process.exited" else 0


def told_age(
    name: str, bot: BotFacts, beats: BotBeats, expected: Expectations, calendar: Calendar | None
) -> Silence | None:
    """The age of the newest candle as the bot's own heartbeats tell it, where it breaks its usual bound."""
    values = bot.heartbeat.values
    age = decimal(values.get("candle.age_s"))
    what = "candles"
    if age is None:
        age, what = decimal(values.get("tick.age_s")), "ticks"
    set_to = expected.expected(name, what)
    if age is None or values.get("market.open") is False or set_to == 0:
        return None
    at = bot.heartbeat.time
    due = at - int(age * SECOND_NS)
    habit = _usual_age(beats.ages) if what == "candles" else 0
    patience = max(3 * set_to if set_to else 3 * habit, REGULAR_FLOOR_NS)
    if what == "candles" and not habit and not set_to:
        # No candle came while it spoke: a bot on long candles starts with an old one, and that is no fault.
        first = int(beats.ages[0].age_s * SECOND_NS) if beats.ages else 0
        patience = max(expected.limits.silence_s * SECOND_NS, min(4 * first, LONG_CANDLE_NS))
    missing = open_time(calendar, max(due, beats.started if due < beats.started else due), at)
    if missing < patience:
        return None
    rhythm = Rhythm(set_to or habit, patience, "set" if set_to else "learned")
    return Silence(what, due, missing, rhythm, bot.heartbeat, len(beats.ages))


def duration(ns: int) -> str:
    """Return a length of time in words a person reads at a glance: `30 s`, `3 h 12 min`, `2 d 4 h`."""
    seconds = ns / SECOND_NS
    if seconds < 10:
        return f"{seconds:.1f} s".replace(".0 ", " ")
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} d {hours % 24} h" if hours % 24 else f"{hours // 24} d"


def usual(rhythm: Rhythm, calendar: Calendar | None) -> str:
    if not rhythm.every:
        return "its rhythm is not known"
    how = (
        f"usually one every {duration(rhythm.every)}"
        if rhythm.source == "learned"
        else f"set: one every {duration(rhythm.every)}"
    )
    if calendar is None or calendar.is_always_open:
        return how
    return f"{how} while {plain(calendar.name)} is open"


def open_time(calendar: Calendar | None, begin: int, end: int) -> int:
    if calendar is None or calendar.is_always_open:
        return max(0, end - begin)
    return calendar.open_ns(begin, end)


def _usual_age(ages: Sequence[Age]) -> int:
    """The age at which a new candle usually came, ns: the median peak of the saw; 0 when none is known."""
    peaks = sorted(before.age_s for before, after in pairwise(ages) if after.age_s < before.age_s)
    return int(peaks[len(peaks) // 2] * SECOND_NS) if peaks else 0
