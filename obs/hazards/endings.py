"""How recorded logs end: in the middle of a line, or in the middle of a run.

A log alone cannot tell a killed bot from one that goes on and was copied; so it is said to be unknown, unless
somebody still wrote to the file when it was read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from obs.books import BotFacts
from obs.hazards.making import issue
from obs.snapshot import Category, Evidence, Issue, IssueSeverity, Source
from obs.state import State
from obs.trails import recent

__all__ = ["STOPS_SHORT", "endings"]

STOPS_SHORT = "stopped-short"
LAST_WORDS = 2
EXCERPT = 5
"""Records that somebody copies out of a log: where so few end says nothing of the run."""


def endings(state: State, read: Sequence[Source]) -> Iterator[Issue]:
    """Yield the issues that the ends of recorded sources make.

    Args:
        state: What was read from them.
        read: The sources; none when the bots are watched.
    """
    cut = [source for source in read if source.cut_at_end]
    for source in cut:
        yield _cut_off(source)
    if not read or cut or any(source.is_written for source in read):
        return
    for name, bot in sorted(state.books.bots.items()):
        if state.services.get(name, 0) > EXCERPT and _is_running(bot):
            yield _stopped_short(name, state)


def _is_running(bot: BotFacts) -> bool:
    """Whether a program that tells of its start and of its end has told of its start last.

    Our own event words in a file are an excerpt that somebody made: where it ends says nothing.
    """
    if not bot.program.values.get("bot.program") or bot.process.name:
        return False
    if bot.mode.values.get("run.mode") == "backtest":
        return False
    stopping = bot.state.name == "bot.stopped" or bot.ending.time
    return bool(bot.heartbeats.count or bot.state.name) and not stopping


def _stopped_short(name: str, state: State) -> Issue:
    return issue(
        (STOPS_SHORT, name),
        Category.SYSTEM,
        IssueSeverity.INFO,
        "The log stops in the middle of a run",
        name,
        first=state.seen.last,
        last=state.seen.last,
        count=1,
        explanation="The bot said that it runs and nothing of an end, and nobody writes to the file now: "
        "it was killed, its machine went down, or this is a copy from while it ran.",
        fix_in="host",
        actions=(
            "[read] Is the process alive? If not: exit code, kernel log (`dmesg`), crash dump.",
            "[read] The console or journal of the process: `obs brief LOG CONSOLE` reads both together.",
            "[restart] Under `obs run --`, which sees how it ends.",
        ),
        minutes=5,
        evidence=list(recent(state.trails).get(name, ())[-LAST_WORDS:]),
        grouped_by="the end of the log",
    )


def _cut_off(source: Source) -> Issue:
    return issue(
        ("cut-off", source.name),
        Category.SYSTEM,
        IssueSeverity.CRITICAL,
        "The log ends in the middle of a line",
        "logging",
        services=(),
        first=source.last_time,
        last=source.last_time,
        count=1,
        explanation="A log cut off like this means: the disk is full, the process was killed, or the machine "
        "went down. This file alone cannot tell which.",
        fix_in="host",
        actions=(
            "[read] Free space and inodes of that file system (`df -h`, `df -i`); is the process alive?",
            "[read] The console or journal of the process: `obs brief LOG CONSOLE` reads both together.",
            "[restart] When the cause is known.",
        ),
        minutes=15,
        evidence=[Evidence(f"{source.letter}:{source.lines}", 0, "", "", source.cut_at_end)],
        grouped_by="the unfinished last line",
    )
