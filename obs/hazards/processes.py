"""How processes end, and bots that start only to end again."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from obs.books import BotFacts
from obs.hazards.making import SECOND_NS, issue, shown
from obs.insight.timeline import End, Timeline
from obs.quoting import plain
from obs.series import MINUTE_NS
from obs.snapshot import Category, Issue, IssueSeverity

__all__ = ["crash_loop", "ended"]

LOOP_ENDS = 3
LOOP_GAP_NS = 15 * MINUTE_NS
"""Two ends further apart than this belong to no loop."""


def crash_loop(name: str, bot: BotFacts | None, timeline: Timeline, now: int) -> Iterator[Issue]:
    """Yield an issue for a service that ended the same way several times in a row."""
    run = _same_ends(timeline.ends.get(name, []))
    if len(run) < LOOP_ENDS:
        return
    first, last, how = run[0].time, run[-1].time, run[-1].how
    starts = [start.time for start in timeline.starts.get(name, ()) if first - LOOP_GAP_NS <= start.time]
    gaps = [b.time - a.time for a, b in itertools.pairwise(run)]
    alive = now - starts[-1] if starts and starts[-1] > last else 0
    # It has lived three times as long as ever between two ends: it got over it.
    over = alive > max(3 * max(gaps), 5 * MINUTE_NS)
    span = max(1, (last - first) // MINUTE_NS)
    lived = sorted(_lives(starts, run))
    each = f", each after {lived[0]} to {lived[-1]} s" if lived else ""
    yield issue(
        ("crash-loop", name),
        Category.MEMORY if how == "out of memory" else Category.SYSTEM,
        IssueSeverity.CRITICAL,
        f"Crash loop: ended {len(run)} times in {span} min by {how}",
        name,
        first=first,
        last=last,
        count=len(run),
        succeeded=1 if over else 0,
        trend="steady",
        explanation=f"It was started again and again and ended the same way{each}: "
        "the cause is still there at each start.",
        fix_in="code or config" if how.startswith("exit code") else "host",
        actions=(
            "[read] The last lines before each end: what is the same every time?",
            "[ask] Stop the automatic restart until the cause is known; look at open orders and positions.",
            "[restart] Once, when the cause is mended.",
        ),
        do_not="let the supervisor go on: each start may send orders that nobody follows",
        minutes=20,
        evidence=[shown(bot.process)] if bot is not None and bot.process.quote else [],
        grouped_by=f"ends of {plain(name)} by {how}, no two more than 15 min apart",
    )


def _same_ends(ends: list[End]) -> list[End]:
    """The latest ends in a row that were bad in the same way and not far apart."""
    run: list[End] = []
    for end in reversed(ends):
        if not end.how or (run and (end.how != run[-1].how or run[-1].time - end.time > LOOP_GAP_NS)):
            break
        run.append(end)
    return run[::-1]


def _lives(starts: list[int], ends: list[End]) -> Iterator[int]:
    """Seconds from each start to its end."""
    for end in ends:
        before = [start for start in starts if start <= end.time]
        if before:
            yield (end.time - before[-1]) // SECOND_NS


def ended(name: str, bot: BotFacts) -> Iterator[Issue]:
    """Yield an issue when the last word of a bot's process is its end, and nobody asked for it."""
    if bot.process.name != "process.exited":
        return
    values = bot.process.values
    signal, code = str(values.get("process.signal") or ""), values.get("process.exit_code")
    asked = signal in ("SIGTERM", "SIGINT", "SIGHUP")
    # Without a supervisor nobody knows code or signal: only that the last word is missing.
    unknown = code is None and not signal and values.get("process.clean") is False
    if not signal and not code and not unknown:
        return
    if values.get("process.oom"):
        how, why = "was killed: out of memory", "The system had no memory left and killed the process."
    elif unknown:
        how, why = "ended without a last word", "Killed, crashed or left abruptly; no supervisor saw how."
    elif signal:
        how, why = f"ended by {plain(signal)}", f"The process got {plain(signal)}."
    else:
        how, why = f"ended with exit code {plain(str(code))}", "The process left with an error code."
    if values.get("faulthandler.stacktrace"):
        why += " The interpreter's own crash dump is in the evidence."
    category = Category.MEMORY if values.get("process.oom") else Category.SYSTEM
    yield issue(
        ("ended", name),
        category,
        IssueSeverity.INFO if asked else IssueSeverity.CRITICAL,
        f"The bot {how}",
        name,
        first=bot.process.time,
        last=bot.process.time,
        count=1,
        explanation=why,
        fix_in="host" if signal or values.get("process.oom") else "code or config",
        actions=(
            "[read] The last lines before the end, and any other issue of that minute.",
            "[restart] When the cause is known.",
        ),
        minutes=15,
        evidence=[shown(bot.process)],
        grouped_by=f"the end of the process of {plain(name)}",
    )
