"""The spool as the sidecar reads it: every line once, whatever is in the folder, and every loss said.

`poll` reads on from the checkpoint; the caller stores the batch's checkpoint together with what it made of
the lines, in one transaction, and then calls `release`, which deletes what that transaction made
superfluous. So a kill between any two steps neither loses a line nor shows one twice. Nothing but `release`
ever deletes a line.

How the writer's end is known, what counts as a line, how damage is skipped and why some lines are held for a
moment is told in `ownership`, `segments`, `segment_lines` and `last_words` of `obs.spooling`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from obs.spooling import segment_lines, segments
from obs.spooling.last_words import PROVISIONAL
from obs.spooling.reader_lock import LOCK_NAME, ReaderLock, SpoolBusyError
from obs.spooling.segment_store import LOOK_SECONDS, Listing, Opened, SegmentStore
from obs.spooling.spool_batch import Loss, SpoolBatch, SpoolLine
from obs.spooling.writer_accounts import Account, WriterEnd

__all__ = ["Loss", "SpoolBatch", "SpoolBusyError", "SpoolLine", "SpoolReader", "WriterEnd"]

CHUNK_BYTES = 256 * 1024
LIVE_CHUNK_BYTES = 32 * 1024
LONGEST_LINE = 64 * 2**20
READ_BYTES = 64 * 2**20
"""At most so much of one segment in one poll: a stranger's file of zeros must not hold up the others."""

ABANDONED_SECONDS = 60.0
"""How long a writer that lost its file but whose process runs may take to come back with a new segment,
before its account is closed; it looks twice a second, but only when it logs."""

HELD_SHARE = 8
"""One part in so many of a batch is for lines that were held, however many new ones come."""
MAX_ENDED = 256
MAX_NOTED = 1_000
_PROCESS_CHARACTERS = 16


@dataclass(slots=True)
class Progress:
    """How far one segment is read."""

    offset: int = 0
    done: bool = False
    """Read to its end, and nothing can follow."""
    damaged: bool = False

    def __iter__(self) -> Iterator[int | bool]:
        return iter((self.offset, self.done, self.damaged))


class SpoolReader:
    """Reads a spool folder; the only one that does, or `SpoolBusyError` is raised.

    Args:
        directory: The spool folder (`<OBS_DIR>/spool`); it is made when it is not there.
        checkpoint: As stored with the last transaction; None to begin.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        directory: Path,
        checkpoint: Mapping[str, Any] | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.directory = Path(directory).absolute()
        self._clock = clock
        self._store = SegmentStore(self.directory, clock=clock)
        self._lock = ReaderLock(self.directory)
        self._turn = 0
        self.rewind(checkpoint)

    def rewind(self, checkpoint: Mapping[str, Any] | None) -> None:
        """Go back to a stored checkpoint, when the transaction of the last batch failed."""
        found = checkpoint or {}
        now = self._clock()
        self._progress: dict[str, Progress] = {
            name: Progress(*entry) for name, entry in found.get("segments", {}).items()
        }
        self._accounts = {
            process: Account.from_json(process, entry, now)
            for process, entry in found.get("writers", {}).items()
        }
        self._noted: dict[str, None] = dict.fromkeys(found.get("noted", ()))
        self._gone_since: dict[str, float] = {}
        self._running_until: dict[str, float] = {}

    def poll(self, limit: int = 5000) -> SpoolBatch:
        """Return what is new: about `limit` lines at most, shared fairly between processes.

        Raises:
            SpoolBusyError: Another reader took over, because the folder was deleted and made again.
        """
        self._lock.check()
        now = self._clock()
        lines: list[SpoolLine] = []
        losses: list[Loss] = []
        behind: dict[str, int] = {}
        if self._lock.problem:
            self._note(LOCK_NAME, Loss("unreadable", 0, LOCK_NAME, self._lock.problem), losses)
        listing = self._store.list()
        if listing is None:
            self._note("", Loss("unreadable", 0, "", f"{self.directory} cannot be listed now"), losses)
        else:
            waiting = self._scan(listing, losses)
            self._forget(listing)
            share = max(1, limit // max(1, len(waiting)))
            for process in self._in_turn(waiting):
                behind[process] = self._read_process(waiting[process], share, lines, losses)
        self._end_holds(lines, limit, behind, now, is_blind=listing is None)
        ended = self._conclude(listing, lines, losses, limit)
        books = {process: account.books for process, account in self._accounts.items()}
        held = [account.last_words for account in self._accounts.values() if account.last_words]
        held_bytes = sum(words.size for words in held)
        return SpoolBatch(
            lines,
            losses,
            self._checkpoint(),
            ended,
            books,
            pending_bytes=sum(behind.values()) + held_bytes,
            held_bytes=held_bytes,
            held_since=min((words.since for words in held), default=None),
        )

    def release(self, checkpoint: Mapping[str, Any]) -> None:
        """Delete the segments that `checkpoint`, now stored, says are wholly consumed.

        Damaged ones are moved to `quarantine/` instead, for whoever wants to know what happened.
        """
        for name, entry in checkpoint.get("segments", {}).items():
            progress = Progress(*entry)
            if progress.done and self._store.remove(name, keep=progress.damaged):
                self._progress.pop(name, None)

    def close(self) -> None:
        """Let another reader in."""
        self._lock.release()

    def _scan(self, listing: Listing, losses: list[Loss]) -> dict[str, list[str]]:
        """Return the segments that are not consumed yet, by process, in the order of writing."""
        self._noted.pop("", None)
        for name, why in listing.foreign.items():
            self._note(name, Loss("foreign", 0, name, why), losses)
        present = set(listing.segments)
        gone = [name for name in self._progress if name not in present]
        unread = [name for name in gone if not self._progress.pop(name).done]
        losses.extend(Loss("vanished", 0, name, "deleted by somebody else while unread") for name in unread)
        waiting: dict[str, list[str]] = {}
        for name in listing.segments:
            if not self._progress.setdefault(name, Progress()).done:
                waiting.setdefault(name[:_PROCESS_CHARACTERS], []).append(name)
        return waiting

    def _in_turn(self, waiting: Mapping[str, list[str]]) -> list[str]:
        processes = list(waiting)
        self._turn += 1
        start = self._turn % max(1, len(processes))
        return processes[start:] + processes[:start]

    def _read_process(self, names: list[str], room: int, lines: list[SpoolLine], losses: list[Loss]) -> int:
        pending = 0
        for name in names:
            before = len(lines)
            pending += self._read(name, room, lines, losses)
            room -= len(lines) - before
        return pending

    def _read(self, name: str, room: int, lines: list[SpoolLine], losses: list[Loss]) -> int:
        """Read on in one segment; return how many bytes of it may still wait."""
        progress = self._progress[name]
        opened = self._store.open(name)
        if isinstance(opened, str):
            self._note(name, Loss("unreadable", 0, name, opened), losses)
            return 0
        with opened:
            if opened.is_newer:
                self._note(name, Loss("unknown_version", 0, name, "of a newer version; left alone"), losses)
                return 0
            if opened.is_being_made:
                return 0
            self._noted.pop(name, None)
            account = self._account(opened)
            if opened.problem and not progress.offset:
                progress.damaged = True
                losses.append(Loss("header", 0, name, opened.problem))
            # Asked before the last read, so that nothing can come after it.
            is_final = opened.is_final
            if progress.offset > opened.size:
                self._note(name, Loss("damaged", 0, name, f"the file was cut to {opened.size} bytes"), losses)
                progress.done = progress.damaged = is_final
                return 0
            progress.offset = max(progress.offset, segments.HEADER_BYTES)
            rest = READ_BYTES
            while room > 0 and rest > 0:
                taken, at_end = self._chunk(opened, progress, room, is_final=is_final)
                room -= self._keep(taken, name, account, opened, lines, losses)
                progress.offset += taken.consumed
                rest -= taken.consumed
                if at_end:
                    progress.done = is_final
                    if is_final and opened.has_tail():
                        progress.damaged = True
                        losses.append(Loss("damaged", 0, name, f"foreign bytes after {opened.end}"))
                    return 0
            return max(0, (opened.end or opened.size) - progress.offset)

    def _chunk(
        self, opened: Opened, progress: Progress, room: int, *, is_final: bool
    ) -> tuple[segment_lines.Lines, bool]:
        """Take the next lines; the second value says that nothing more is there now."""
        want = CHUNK_BYTES if is_final else LIVE_CHUNK_BYTES
        while True:
            data = opened.read(progress.offset, want)
            is_last = len(data) < want
            final = len(data) if is_final else segment_lines.settled(data)
            taken = segment_lines.take_lines(data[:final], room, is_last=is_last and is_final)
            if taken.consumed or is_last:
                break
            # What is under way ends soon; whether it is damage shows further on.
            if not is_final and b"\0" in data and not segment_lines.has_hole(data):
                break
            if want >= LONGEST_LINE:
                # No line of ours is so long: garbage, or a stretch of zeros.
                return segment_lines.Lines([], len(data), _whole(data)), False
            if not data.strip(b"\0"):
                # One zero stays, to show that what follows is not the rest of a line.
                return segment_lines.Lines([], len(data) - 1, []), False
            want *= 4
        read_all = taken.consumed >= final
        at_end = read_all and (is_last or (not is_final and data.find(b"\0", final) >= 0))
        return taken, at_end

    def _keep(
        self,
        taken: segment_lines.Lines,
        name: str,
        account: Account,
        opened: Opened,
        lines: list[SpoolLine],
        losses: list[Loss],
    ) -> int:
        process, resource, now = account.process, account.resource, self._clock()
        for raw in taken.lines:
            if raw.endswith(PROVISIONAL) and account.hold(raw, now):
                continue
            number, glance = account.admit(raw)
            if number > 0:
                lines.append(SpoolLine(process, number, raw, resource, glance))
            elif number < 0:
                losses.append(Loss("damaged", 1, name, "a whole line without a usable number"))
        for damage in taken.damage:
            self._progress[name].damaged = True
            where = f"bytes {self._progress[name].offset + damage.offset} and the {damage.length - 1} after"
            # A half line in a file that is appended to was refused by its writer, who counted it.
            count = 0 if opened.is_appended and damage.is_torn else damage.records
            account.damaged += count
            losses.append(Loss("torn" if damage.is_torn else "damaged", count, name, where))
        return len(taken.lines)

    def _deliver(self, raw: bytes, account: Account, lines: list[SpoolLine]) -> None:
        """Hand out last words as they are."""
        number, glance = account.admit(raw)
        if number > 0:
            lines.append(SpoolLine(account.process, number, raw, account.resource, glance))

    def _end_holds(
        self, lines: list[SpoolLine], limit: int, behind: Mapping[str, int], now: float, *, is_blind: bool
    ) -> None:
        """Deliver last words whose whole lines are overdue; after reading, which may have brought them."""
        for account in self._accounts.values():
            # A share of their own, so that a flood of new lines cannot keep them back.
            room = max(limit // HELD_SHARE, limit - len(lines))
            is_behind = is_blind or behind.get(account.process, 0) > 0
            for raw in account.last_words.due(now, room, is_behind=is_behind):
                self._deliver(raw, account, lines)

    def _account(self, opened: Opened) -> Account:
        account = self._accounts.get(opened.process)
        if account is None:
            account = self._accounts[opened.process] = Account(opened.process)
        account.learn(opened.identity, opened.slot)
        return account

    def _conclude(
        self, before: Listing | None, lines: list[SpoolLine], losses: list[Loss], limit: int
    ) -> list[WriterEnd]:
        """Close the accounts of writers that are gone and wholly read."""
        candidates = [account for account in self._accounts.values() if self._is_read(account)]
        # A segment made since the scan shows that its writer was not gone.
        after = self._store.list() if candidates and before is not None else None
        if after is None or before is None:
            return []
        fresh = set(after.segments) - set(before.segments)
        ended = []
        for account in candidates:
            if any(name.startswith(account.process) for name in fresh) or self._may_return(account):
                continue
            for raw in account.last_words.rest(limit - len(lines)):
                self._deliver(raw, account, lines)
            if account.last_words:
                continue
            end = account.end()
            ended.append(end)
            if end.lost:
                detail = f"of the numbers up to {end.highest} these never came, and no counter explains them"
                losses.append(Loss("lost_with_process", end.lost, account.process, detail))
        return ended

    def _is_read(self, account: Account) -> bool:
        return not account.is_ended and all(
            progress.done for name, progress in self._progress.items() if name.startswith(account.process)
        )

    def _may_return(self, account: Account) -> bool:
        """Whether the writer lost its file but still runs, so that it will put its lines into a new one."""
        if account.state == "closed" or not self._is_running(account):
            return False
        same = [other for other in self._accounts.values() if other.has_owner_of(account)]
        if any(other.created_ns > account.created_ns for other in same):
            # The program replaced itself (exec): a new writer has the process now.
            return False
        now = self._clock()
        return now - self._gone_since.setdefault(account.process, now) < ABANDONED_SECONDS

    def _forget(self, listing: Listing) -> None:
        """Drop accounts that nothing can come for any more."""
        files = {name[:_PROCESS_CHARACTERS] for name in listing.segments}
        over = [
            account
            for account in self._accounts.values()
            if account.is_ended and account.process not in files
        ]
        surplus = len(over) - MAX_ENDED
        for place, account in enumerate(over):
            # One that closed its spool but still runs may have late words.
            if place < surplus or not self._is_running(account):
                del self._accounts[account.process]
                self._gone_since.pop(account.process, None)
                self._running_until.pop(account.process, None)

    def _is_running(self, account: Account) -> bool:
        """Whether the writer's process runs; one that does is asked for again a second later."""
        now = self._clock()
        if now >= self._running_until.get(account.process, now):
            if not account.is_running:
                return False
            self._running_until[account.process] = now + LOOK_SECONDS
        return True

    def _note(self, name: str, loss: Loss, losses: list[Loss]) -> None:
        """Say once, not at every poll."""
        if name not in self._noted:
            losses.append(loss)
            self._noted[name] = None
            if len(self._noted) > MAX_NOTED:
                del self._noted[next(iter(self._noted))]

    def _checkpoint(self) -> dict[str, Any]:
        return {
            "version": 1,
            "segments": {name: list(progress) for name, progress in self._progress.items()},
            "writers": {process: account.to_json() for process, account in self._accounts.items()},
            "noted": list(self._noted),
        }


def _whole(data: bytes) -> list[segment_lines.Damage]:
    return [segment_lines.Damage(0, len(data), 0, is_torn=False)]
