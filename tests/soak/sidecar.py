"""A victim: the sidecar as it is, with a tally of record numbers stored in the same transaction as its State.

    python -m tests.soak.sidecar DIRECTORY PROGRESS

The tally knows each record by its number, so it sees a double that a count would hide. `PROGRESS` gets the
time of the newest record that was folded: whoever started us can measure when we were back.
"""

from __future__ import annotations

import asyncio
import os
import signal
import struct
import sys
from collections.abc import Mapping

import msgspec

from obs.events import Event
from obs.sidecar import Sidecar
from obs.spooling.intervals import Intervals
from tests.soak.bot import payload_of

PROGRESS = struct.Struct("<Q")


class Life(msgspec.Struct):
    """What came of one life of the bot."""

    numbers: list[list[int]] = []
    """Intervals of record numbers, both ends included."""
    doubled: int = 0
    damaged: int = 0
    by_severity: dict[str, int] = {}


class Tally:
    """A pipeline step that keeps the books of a soak."""

    def __init__(self, progress: int) -> None:
        self._progress = progress
        self._lives: dict[str, Life] | None = None
        self._numbers: dict[str, Intervals] = {}

    def restore(self, notes: Mapping[str, str]) -> None:
        """Go on from what the store holds."""
        self._lives = msgspec.json.decode(notes.get("soak", "{}"), type=dict[str, Life])
        self._numbers = {name: Intervals(life.numbers) for name, life in self._lives.items()}

    def __call__(self, event: Event) -> Event:
        assert self._lives is not None
        name = str(event.attributes.get("soak.life", ""))
        life = self._lives.setdefault(name, Life())
        life.by_severity[event.severity.name] = life.by_severity.get(event.severity.name, 0) + 1
        if name:
            number = event.attributes.get("soak.number")
            assert isinstance(number, int)
            life.doubled += not self._numbers.setdefault(name, Intervals()).add(number)
            life.damaged += event.attributes.get("soak.payload") != payload_of(name, number)
            os.pwrite(self._progress, PROGRESS.pack(event.timestamp), 0)
        return event

    def notes(self) -> Mapping[str, str]:
        """What the store keeps, in the transaction of the State."""
        if self._lives is None:
            return {}
        for name, numbers in self._numbers.items():
            self._lives[name].numbers = [list(pair) for pair in numbers.pairs()]
        return {"soak": msgspec.json.encode(self._lives).decode()}


async def main() -> None:
    directory, progress = sys.argv[1:3]
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    tally = Tally(os.open(progress, os.O_RDWR | os.O_CREAT, 0o600))
    with Sidecar(directory, also=[tally], notes=tally.notes) as sidecar:
        tally.restore(sidecar.vault.saved.notes)
        await sidecar.run(stop)


if __name__ == "__main__":
    asyncio.run(main())
