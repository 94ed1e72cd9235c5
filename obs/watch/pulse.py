"""The pulse of each bot: every stage of its work over the last three hours, with what was due.

Pure functions of `State`, `Expectations` and `now`. A bar is hatched where work was due and none came: by the
rhythm that was set or learned, while the market was open and the bot was meant to run.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from obs.books import BotFacts
from obs.quoting import plain
from obs.series import MINUTE_NS, Series
from obs.standing import BAR_MINUTES, BARS, BotStanding, Pulse
from obs.state import State
from obs.watch.beats import BotBeats
from obs.watch.cadence import ORDER, RARE, Rhythm, learn, open_time
from obs.watch.expectations import Expectations
from obs.watch.sessions import Calendar

__all__ = ["standings"]

SHOWN = ("heartbeats", "ticks", "candles", "signals", "answers", "orders")
"""The stages that a page has room for."""
NOT_DUE, MISSING = -1, -2
MODES = {"paper": "paper", "dry_run": "dry run", "live": "live", "backtest": "backtest"}
SPREAD = 1.5
"""A long gap this many times the short one is no regular rhythm."""


def standings(state: State, now: int, expected: Expectations, *, live: bool) -> tuple[BotStanding, ...]:
    """Return how each bot stands.

    Args:
        state: The facts.
        now: Unix ns.
        expected: Session tables and set rhythms.
        live: Whether the bots are being watched; a recording is known to each bot's last word only.
    """
    return tuple(
        _standing(name, beats, state.books.bots.get(name, BotFacts()), now, expected, live=live)
        for name, beats in sorted(state.beats.bots.items())
        if name and beats.spoke.last
    )


def _standing(
    name: str, beats: BotBeats, bot: BotFacts, now: int, expected: Expectations, *, live: bool
) -> BotStanding:
    calendar = expected.calendar(name, beats)
    at = now if live else beats.spoke.last
    span = calendar.span_at(at) if calendar is not None else None
    after = calendar.span_after(at) if calendar is not None and span is None else None
    state, end = _state(bot, at)
    has_sessions = calendar is not None and not calendar.is_always_open
    return BotStanding(
        name=name,
        mode=MODES.get(str(bot.mode.values.get("run.mode")), ""),
        state=state,
        last=beats.spoke.last,
        market=plain(calendar.name) if calendar is not None else "",
        is_market_open=span is not None if calendar is not None else None,
        opens_at=after.open if after is not None else 0,
        closes_at=span.close if span is not None and has_sessions else 0,
        tells_positions=bool(bot.positions) or "positions.open" in bot.account.values,
        pulses=tuple(_pulses(name, beats, expected, calendar, _Time(now, at, end, _began(beats)))),
    )


def _state(bot: BotFacts, now: int) -> tuple[str, int]:
    """What a bot is doing, and until when work is due of it: one that died still owes its work."""
    if bot.process.name == "process.exited" and bot.process.time >= bot.state.time:
        values = bot.process.values
        well = values.get("process.exit_code") == 0 or values.get("process.signal") in ("SIGTERM", "SIGINT")
        return ("ended", bot.process.time) if well else ("died", now)
    told = str(bot.state.values.get("bot.state") or "")
    if bot.state.name == "bot.stopped" or told in ("stopped", "stopping"):
        return "stopped", bot.state.time
    return (plain(told) or "running"), now


def _began(beats: BotBeats) -> int:
    """When its latest run began, as far as it is known: what was before it was not due of this run."""
    return beats.started or beats.spoke.first


class _Time:
    """The span that is looked at: until when, and from when to when work could be due."""

    def __init__(self, now: int, at: int, end: int, began: int) -> None:
        self.at, self.end, self.began = at, min(end, at), began
        # The bar that is still filling is the last one.
        self.first_minute = now // MINUTE_NS + 1 - BARS * BAR_MINUTES
        self.now = now


def _pulses(
    name: str, beats: BotBeats, expected: Expectations, calendar: Calendar | None, time: _Time
) -> Iterator[Pulse]:
    known = [stage for stage in SHOWN if stage in beats.stages or expected.expected(name, stage)]
    for what in known:
        stage = beats.stages.get(what)
        seen = stage.seen if stage is not None else Series()
        yield _pulse(what, seen, expected.expected(name, what), calendar, time)
    if not any(stage in beats.stages for stage in ORDER):
        # It speaks no words of ours: that it speaks at all is its only pulse.
        yield _pulse("records", beats.spoke, None, calendar, time)


def _pulse(what: str, seen: Series, set_to: int | None, calendar: Calendar | None, time: _Time) -> Pulse:
    if set_to:
        rhythm: Rhythm | None = Rhythm(set_to, max(3 * set_to, MINUTE_NS), "set")
    else:
        rhythm = learn(seen, calendar, rare=what in RARE) if set_to is None else None
    since = max(seen.last, time.began)
    missing = open_time(calendar, since, time.end) if rhythm is not None else 0
    is_late = rhythm is not None and missing > rhythm.patience
    low, high = _range(seen, calendar) if rhythm is not None and rhythm.source == "learned" else (0, 0)
    return Pulse(
        stage=what,
        state=_word(rhythm, calendar, time, seen.last, is_late=is_late),
        count=seen.count,
        last=seen.last,
        every=rhythm.every if rhythm is not None else 0,
        shortest=low,
        longest=high,
        source=rhythm.source if rhythm is not None else "",
        missing=missing if is_late else 0,
        bars=_bars(seen, rhythm, calendar, time),
    )


def _word(rhythm: Rhythm | None, calendar: Calendar | None, time: _Time, seen: int, *, is_late: bool) -> str:
    if time.end < time.at:
        return "off"
    if is_late:
        return "late"
    if calendar is not None and not calendar.is_open(time.at):
        # A heartbeat goes on through the night; what rests until the market opens is not late.
        beats = rhythm is not None and time.at - seen <= rhythm.patience
        return "on_time" if beats else "closed"
    return "on_time" if rhythm is not None else "unknown"


def _bars(seen: Series, rhythm: Rhythm | None, calendar: Calendar | None, time: _Time) -> tuple[int, ...]:
    first = time.first_minute
    counts = [0] * BARS
    for minute, count in seen.minutes.items():
        if 0 <= minute - first < BARS * BAR_MINUTES:
            counts[(minute - first) // BAR_MINUTES] += count
    holes = _holes(seen, rhythm, calendar, time)
    width = BAR_MINUTES * MINUTE_NS
    for index, count in enumerate(counts):
        if count:
            continue
        begin = first * MINUTE_NS + index * width
        is_idle = begin + width <= time.began or begin >= max(time.end, seen.last)
        if is_idle or open_time(calendar, begin, begin + width) < width // 2:
            counts[index] = NOT_DUE
        elif any(since <= begin and begin + width // 2 <= until for since, until in holes):
            counts[index] = MISSING
    return tuple(counts)


def _holes(
    seen: Series, rhythm: Rhythm | None, calendar: Calendar | None, time: _Time
) -> list[tuple[int, int]]:
    """The stretches in which something was due and did not come, each from when it was due."""
    if rhythm is None:
        return []
    start = time.first_minute
    times = [minute * MINUTE_NS for minute in sorted(seen.minutes) if minute >= start]
    before = max((minute for minute in seen.minutes if minute < start), default=0) * MINUTE_NS
    # Where it was last seen before the picture; else the bot's start, from which on it was due.
    edges = [max(before, time.began) if before else time.began, *times, time.end]
    if seen.count and not times and seen.last and not before:
        edges[0] = max(seen.last, time.began)
    return [
        (begin + min(rhythm.every, rhythm.patience) // 2, until)
        for begin, until in pairwise(sorted(edges))
        if open_time(calendar, begin, until) > rhythm.patience
    ]


def _range(seen: Series, calendar: Calendar | None) -> tuple[int, int]:
    """A short and a long gap between minutes in which it happened; zeros for one that is regular."""
    minutes = sorted(seen.minutes)[-180:]
    gaps = sorted(open_time(calendar, a * MINUTE_NS, b * MINUTE_NS) for a, b in pairwise(minutes))
    gaps = [gap for gap in gaps if gap]
    if len(gaps) < 8:
        return 0, 0
    low, high = gaps[len(gaps) // 10], gaps[len(gaps) * 9 // 10]
    return (low, high) if high > SPREAD * low and high > 2 * MINUTE_NS else (0, 0)
