"""The reader's account of one writer: which numbers came, what its counters say, what is missing in the end.

Exact by the writer's own numbering: `emitted = delivered + dropped + lost`. Files are no business of this
module.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from obs.spooling import ownership
from obs.spooling.glance import Glance, glance_at
from obs.spooling.intervals import Intervals
from obs.spooling.last_words import PROVISIONAL, LastWords
from obs.spooling.segments import Slot

__all__ = ["Account", "WriterEnd"]

DROPPED = "dropped."
_TOO_HIGH = 2**53
_LATEST_NS = 253_402_300_799_000_000_000


class WriterEnd(msgspec.Struct, frozen=True, kw_only=True):
    """One writer's life, when it is over and wholly read. The same one may end again after late words."""

    process: str
    resource: Mapping[str, str | int]
    clean: bool
    """Whether it closed its spool regularly; otherwise it was killed, crashed or replaced itself."""
    last_time_ns: int
    """Unix ns of its last sign of life: record or counters, by its own clock."""
    emitted: int = 0
    """All it ever tried to write, as far as its numbers and counters say."""
    delivered: int = 0
    """Different numbers that came."""
    dropped: int = 0
    """Records that did not come because the writer dropped them; its counters say for which reason."""
    damaged: int = 0
    """Records that did not come and whose remains were found unreadable."""
    lost: int = 0
    """Numbers that never came and that nothing explains: they died with the process, or with a file."""
    highest: int = 0
    """The largest number known to have been handed out."""


class _Head(msgspec.Struct):
    seq: int
    timestamp: int | float | str | None = None


_head = msgspec.json.Decoder(_Head)


class Account:
    """What is known of one writer."""

    def __init__(self, process: str) -> None:
        self.process = process
        self.resource: Mapping[str, str | int] = {}
        self.owner: dict[str, Any] = {}
        self.numbers = Intervals()
        self.last_words = LastWords()
        self.delivered = 0
        self.damaged = 0
        self.generation = 0
        self.state = "open"
        self.clean = False
        self.books: Mapping[str, int] = {}
        self.last_time_ns = 0
        self.is_ended = False

    @property
    def is_running(self) -> bool:
        """Whether its process is known to run still."""
        return ownership.is_running(self.owner) is True

    @property
    def created_ns(self) -> int:
        """Unix ns of its first segment that was seen."""
        return int(self.owner.get("created_ns") or 0)

    def has_owner_of(self, other: Account) -> bool:
        """Whether both lived in the same process."""
        return all(self.owner.get(key) == other.owner.get(key) for key in ("pid", "start", "space"))

    def learn(self, identity: Mapping[str, Any], slot: Slot | None) -> None:
        """Take over what a segment's header says, if it is news."""
        if identity and not self.owner:
            self.owner = {key: identity.get(key) for key in ("pid", "start", "space", "created_ns")}
        if identity and not self.resource:
            self.resource = identity.get("resource") or {}
        if slot is not None and slot.generation > self.generation:
            self.generation, self.state, self.clean = slot.generation, slot.state, slot.clean
            self.books = slot.books
            self.last_time_ns = max(self.last_time_ns, slot.time_ns)
            self.is_ended = False

    def admit(self, raw: bytes) -> tuple[int, Glance | None]:
        """Return the number of a line that is new, and what a glance at it shows, if anything.

        The number is 0 for a line seen before, -1 for one without a number.
        """
        glance: Glance | None = None
        head: Glance | _Head
        try:
            head = glance = glance_at(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            try:
                head = _head.decode(raw)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                return -1, None
        number, moment = head.seq, head.timestamp
        if not 1 <= number < _TOO_HIGH:
            return -1, None
        if self.last_words:
            self.last_words.drop(number)
        if not self.numbers.add(number):
            return 0, None
        self.delivered += 1
        self.is_ended = False
        if isinstance(moment, int) and self.last_time_ns < moment <= _LATEST_NS:
            self.last_time_ns = moment
        return number, glance

    def hold(self, raw: bytes, now: float) -> bool:
        """Keep a provisional line back, read at `now` by the reader's clock; False when it is none."""
        if not raw.endswith(PROVISIONAL):
            return False
        try:
            raw.decode()
            seq = _head.decode(raw).seq
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False
        if not 1 <= seq < _TOO_HIGH:
            return False
        if seq not in self.numbers:
            self.last_words.hold(seq, raw, now)
            self.is_ended = False
        return True

    def end(self) -> WriterEnd:
        """Close the account.

        Drops that happened before a record got its number leave no gap; `emitted - sequenced` says how many.
        Each other drop explains one gap, and so does each damaged line. What is left was lost.
        """
        self.is_ended = True
        dropped = sum(count for key, count in self.books.items() if key.startswith(DROPPED))
        emitted = self.books.get("emitted", 0)
        sequenced = self.books.get("sequenced", emitted)
        unnumbered = max(0, emitted - sequenced)
        highest = max(self.numbers.highest, sequenced)
        missing = highest - self.delivered
        # A number that came was not dropped: a reader may have had it before the quota took the segment.
        damaged = min(self.damaged, missing)
        explained = min(max(0, dropped - unnumbered), missing - damaged)
        lost = missing - damaged - explained
        return WriterEnd(
            process=self.process,
            resource=self.resource,
            clean=self.state == "closed" and self.clean,
            last_time_ns=self.last_time_ns,
            emitted=highest + unnumbered,
            delivered=self.delivered,
            dropped=min(dropped, unnumbered) + explained,
            damaged=damaged,
            lost=lost,
            highest=highest,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the account as the checkpoint keeps it."""
        return {
            "resource": dict(self.resource),
            "owner": self.owner,
            "numbers": self.numbers.pairs(),
            "last_words": self.last_words.to_json(),
            "delivered": self.delivered,
            "damaged": self.damaged,
            "generation": self.generation,
            "state": self.state,
            "clean": self.clean,
            "books": dict(self.books),
            "last_time_ns": self.last_time_ns,
            "is_ended": self.is_ended,
        }

    @classmethod
    def from_json(cls, process: str, entry: Mapping[str, Any], now: float) -> Account:
        """Return the account that `to_json` gave; `now` is the time of the reader's clock."""
        account = cls(process)
        for key, value in entry.items():
            setattr(account, key, Intervals(value) if key == "numbers" else value)
        account.last_words = LastWords.from_json(entry.get("last_words", {}), now)
        return account
