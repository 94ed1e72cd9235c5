"""A caller's last words, held back until the whole line comes: said at once, then said better.

Before its call returns, a record at WARNING or worse is on disk, without what only other code could make
(an exception's source lines, the text of a foreign object). The whole line follows under the same number:
within 5 ms in a calm program, within half a second in one whose threads never rest. So the reader holds the
first line back for a moment and delivers one of the two, once.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["HOLD_SECONDS", "PROVISIONAL", "LastWords"]

PROVISIONAL = b',"provisional":true}'
"""How last words end."""

HOLD_SECONDS = 0.75
"""How long the whole line may take once all that the writer has written is read: a warning must be known
within about a second."""
PATIENCE_SECONDS = 2.0
"""The same while the reader is behind, so that the whole line may well stand in what is not read yet."""

MAX_LINES = 200
MAX_BYTES = 256 * 1024
"""So much of one writer the checkpoint keeps; beyond it the oldest are delivered as they are."""


class _Held(NamedTuple):
    raw: bytes
    since: float


class LastWords:
    """The provisional lines of one writer whose whole lines have not come, oldest first."""

    def __init__(self) -> None:
        self._held: dict[int, _Held] = {}
        self.size = 0
        """Bytes held."""

    def __len__(self) -> int:
        return len(self._held)

    @property
    def since(self) -> float:
        """When the oldest was read, by the reader's clock; only where there is one."""
        return next(iter(self._held.values())).since

    def hold(self, seq: int, raw: bytes, now: float) -> None:
        """Keep a line; of two with the same number the first."""
        if seq not in self._held:
            self._held[seq] = _Held(raw, now)
            self.size += len(raw)

    def drop(self, seq: int) -> None:
        """Forget a line: its number has been delivered."""
        held = self._held.pop(seq, None)
        if held is not None:
            self.size -= len(held.raw)

    def due(self, now: float, room: int, *, is_behind: bool) -> list[bytes]:
        """Return what need not wait any more, at most `room` lines; what is beyond the bounds in any case."""
        patience = PATIENCE_SECONDS if is_behind else HOLD_SECONDS
        count, size = len(self._held), self.size
        taken: list[bytes] = []
        for raw, since in self._held.values():
            is_over = count > MAX_LINES or size > MAX_BYTES
            is_late = now - since >= patience and len(taken) < room
            if not (is_over or is_late):
                break
            taken.append(raw)
            count, size = count - 1, size - len(raw)
        return taken

    def rest(self, room: int) -> list[bytes]:
        """Return what no whole line can come for any more, because the writer has ended; at most `room`."""
        return [self._held[seq].raw for seq in sorted(self._held)[: max(0, room)]]

    def to_json(self) -> dict[str, str]:
        """Return the lines as the checkpoint keeps them."""
        return {str(seq): held.raw.decode() for seq, held in self._held.items()}

    @classmethod
    def from_json(cls, entries: dict[str, str], now: float) -> LastWords:
        """Return what `to_json` gave; its time begins again, since no clock lasts beyond its process."""
        words = cls()
        for seq, text in entries.items():
            words.hold(int(seq), text.encode(), now)
        return words
