"""A fault, and then three hours in which the bot ran well: what is left of the fault in the picture.

A healthy run's steady lines (from its first heartbeat to its last) follow again and again, their times
shifted on. They are folded once and merged into each fault's State: State is a monoid, so that is the same
as reading one file of both, a hundred times faster.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from obs import sources
from obs.analysis import Analyzer
from obs.events import Event
from obs.rules.ruleset import RuleSet
from obs.snapshot import Snapshot
from obs.state import State
from scripts.habits import Habit
from scripts.labelled import lines_of

__all__ = ["LINES", "Aftermath"]

LINES = 200_000
HOURS = 3
HEALTHY = {
    "freqtrade": ("freqtrade_normal_trade.log.gz", "Bot heartbeat"),
    "nautilus_trader": ("nautilus_ema.log.gz", ""),
}
"""Program -> one of its healthy runs, and a word of the lines between which it runs steadily."""

_START_NS = 1_800_000_000_000_000_000
"""When the healthy hours begin; the fault's times are shifted so that it ends a moment before."""
_SERVICE = "bot"
_LATER = 1_000_000
"""Line numbers from here on are the healthy hours'."""


class Aftermath:
    """The healthy hours of one program, ready to follow any fault of it."""

    def __init__(self, corpus: Path, bot: str, known: RuleSet, *, lines: int = LINES) -> None:
        """Fold the healthy lines once."""
        name, word = HEALTHY[bot]
        self._known = known
        path = corpus / "bots" / name
        analyzer = Analyzer(known, service=_SERVICE)
        for event in _steady(path, word, lines):
            analyzer.feed(event)
        self._state = analyzer.state.encode()
        self.habit = Habit(line for line in _repeated(path, word, lines))

    def follow(self, path: Path) -> Snapshot:
        """Return the picture of a fault's log and the healthy hours after it."""
        reader = sources.read(path, letter="a")
        events = list(reader)
        shift = _START_NS - max(event.timestamp for event in events) - 1_000_000_000
        analyzer = Analyzer(self._known, service=_SERVICE)
        for event in events:
            analyzer.feed(_moved(event, shift, 0))
        analyzer.state.merge(State.decode(self._state))
        # The fault's file does not end here: what its last line looks like is no longer the end.
        info = msgspec.structs.replace(reader.info, cut_at_end="", lines=reader.info.lines + LINES)
        return analyzer.snapshot(read=[info])


def _steady(path: Path, word: str, lines: int) -> Iterator[Event]:
    """Yield the events of the healthy run's steady part, again and again, evenly over the hours."""
    events = list(sources.read(path, letter="a"))
    marks = [index for index, event in enumerate(events) if word in event.body]
    steady = events[marks[0] : marks[-1]]
    # Evenly over the hours: some programs print simulated times, which jump.
    step = HOURS * 3_600_000_000_000 // lines
    for number in range(lines):
        event = steady[number % len(steady)]
        yield _moved(event, _START_NS + number * step - event.timestamp, _LATER + number)


def _repeated(path: Path, word: str, lines: int) -> Iterator[str]:
    texts = list(lines_of(path))
    marks = [index for index, text in enumerate(texts) if word in text]
    steady = texts[marks[0] : marks[-1]]
    for number in range(lines):
        yield steady[number % len(steady)]


def _moved(event: Event, shift: int, line: int) -> Event:
    origin = event.origin
    if line and origin is not None:
        origin = msgspec.structs.replace(origin, line=line)
    return msgspec.structs.replace(
        event, timestamp=event.timestamp + shift if event.timestamp else 0, origin=origin
    )
