"""Where the bot's threads leave what they say, and how it gets from there into the spool.

A caller never waits for a lock, never runs foreign code, never raises, never prints. Only C calls that the
interpreter does not interrupt are relied upon: `deque.append`, `dict.setdefault`, `next`. The token
(`_owner`) decides who *pops*; writing needs none, because a line written twice carries the same number and
the reader drops it. Peek, write, pop, in this order: an exception in between (a signal handler may raise
anywhere) doubles, never loses.
"""

from __future__ import annotations

import itertools
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import repeat, starmap
from logging import WARNING, LogRecord
from typing import Any, Final
from weakref import ref

from obs.recording.encoding import Encoder
from obs.recording.freezing import MUTABLE, Snapshot, freeze, freeze_values
from obs.recording.interruptions import is_interruption
from obs.recording.plain import Deferred
from obs.recording.raised import summarise
from obs.recording.rows import (
    PLACEHOLDER,
    PROVISIONAL,
    QUICK,
    STANDARD_NAMES,
    extras_of,
    nanoseconds,
    severity_name,
)

__all__ = ["CAPACITY", "HELP", "RESERVE", "Handoff", "snapshot"]

CAPACITY: Final = 32_768
"""Waiting items at which new ones below WARNING are dropped, and counted."""
RESERVE: Final = 4_096
"""Further places for WARNING and above, while the spool takes nothing."""
HELP: Final = 2_000
"""Waiting items above which each caller works a little itself."""
HELP_NS: Final = 40_000
BATCH: Final = 8
"""Records that are written together; more would save little, and a slice must end in time."""
URGENT_NS: Final = 200_000
_STALL_SECONDS: Final = 0.25
_BIG_TEXT: Final = 65_536
_MAX_COMPONENTS: Final = 64
_STANDARD_COUNT: Final = len(STANDARD_NAMES)
_STRUCTLOG_OWN: Final = frozenset({"event", "level", "logger", "timestamp", "_record", "_from_structlog"})
_UNNUMBERED: Final = frozenset({"queue_full", "error"})

QUEUED, WRITTEN, LAST_WORDS = 0, 1, 2
"""States of an entry: nothing on disk; the whole line is; a provisional line of its caller is."""


class Handoff:
    """The queue between the bot's threads and the packer, its token, and the books.

    Args:
        encoder: Makes lines.
        write: Puts a line into the spool and says whether it is kept; never raises.
        write_all: The same for a few lines at once; what it refuses is tried one by one.
        wake: Starts the packer; called at the first item and again after a fork. Says whether it runs.
        durable: Write every record's own line before its call returns, not only WARNING's and above.
    """

    def __init__(
        self,
        encoder: Encoder,
        write: Callable[[bytes], bool],
        write_all: Callable[[Sequence[bytes]], bool],
        wake: Callable[[], bool],
        *,
        durable: bool = False,
    ) -> None:
        self.encoder = encoder
        self.queue: deque[Any] = deque()
        self.later: deque[Any] = deque()
        """Entries whose text only the renderer may make."""
        self.failed: deque[tuple[Any, Any]] = deque()
        """Level and logger of calls that we could not take in at all: out of memory, out of stack."""
        self._write = write
        self._write_all = write_all
        self._wake = wake
        self._owner: dict[int, object] = {}
        self._urgent_level = 0 if durable else WARNING
        self._seq = itertools.count(1)
        self.is_doubled = False
        """Whether a handler has got the same record twice: it is attached to a logger and to its parent."""
        self.on_doubled: Callable[[], None] = lambda: None
        self.accept, self._arm, self.forget_last = _door(self)
        self.begin()

    def begin(self) -> None:
        """Start a life with numbers from 1 and clean books; in a forked child all else is the parent's."""
        self.queue.clear()
        self.later.clear()
        self.failed.clear()
        self._owner.clear()
        self.pid = os.getpid()
        self._stalled_until = 0.0
        self._seq = itertools.count(1)
        self._written = itertools.count()
        self._drops: dict[tuple[str, str, str], Any] = {}
        self.is_awake = False
        self._arm(-1, self._seq.__next__, self._urgent_level)

    def keep_helping(self, *, awake: bool) -> None:
        """Tell the door whether a packer runs; without one each call first looks for it."""
        self.is_awake = awake
        self._arm(HELP if awake else -1, self._seq.__next__, self._urgent_level)

    def set_urgent(self, level: int) -> None:
        """From now on callers at this level and above write their own line before they return."""
        self._urgent_level = level
        self._arm(HELP if self.is_awake else -1, self._seq.__next__, level)

    def is_again(self) -> None:
        """Note that a record came in twice; the doors look more closely from now on."""
        if not self.is_doubled:
            self.is_doubled = True
            self.on_doubled()

    # What callers do ------------------------------------------------------------------------------

    def put(self, item: Any, level: int) -> None:
        """Take in a finished item (a `Snapshot` or an event's tuple) as `accept` takes in a record."""
        try:
            if not self.relieve(level, item):
                return
            if level >= self._urgent_level:
                self.urge(item, level)
            else:
                self.queue.append([next(self._seq), item, QUEUED])
        except Exception as error:
            if is_interruption(error):
                raise
            self.failed.append((level, _logger_of(item)))

    def put_odd(self, record: LogRecord) -> None:
        """Take in a record of a class of the bot's own, whose fields are not where `logging` keeps them."""
        try:
            self.put(snapshot(record), record.levelno)
        except Exception as error:
            if is_interruption(error):
                raise
            self.failed.append((WARNING, "other"))

    def relieve(self, level: int, item: Any) -> bool:
        """Wake the packer, help it, or refuse: what a call does when the door is not simply open."""
        if self.pid != os.getpid():
            self._begin_unannounced()
        if not self.is_awake and not self._wake():
            self.drain(URGENT_NS)
        waiting = len(self.queue)
        if waiting <= HELP:
            return True
        self.drain(HELP_NS)
        if len(self.queue) < CAPACITY or level >= WARNING:
            return True
        self.drop("queue_full", level, _logger_of(item))
        return False

    def urge(self, item: Any, level: int) -> None:
        """Take in an item whose line must be on disk before the call returns."""
        if self.pid != os.getpid():
            self._begin_unannounced()
        entry = [next(self._seq), item, QUEUED]
        is_waiting = len(self.queue) < CAPACITY + RESERVE
        if is_waiting:
            self.queue.append(entry)
        try:
            self.drain(URGENT_NS)
            if entry[2] == QUEUED:
                self._write_own(entry)
        except Exception as error:
            if is_interruption(error):
                raise
        if not is_waiting and entry[2] == QUEUED:
            self.drop("spool", level, _logger_of(item))

    def _write_own(self, entry: list[Any]) -> None:
        seq, item, _ = entry
        try:
            line = None if _is_big(item) else self.encoder.line(seq, item, QUICK)
            state = WRITTEN
            if line is None and not _is_big(item):
                return  # our own voice; whoever pops it counts it
        except Deferred:
            line = None
        if line is None:
            line, state = self.encoder.line(seq, item, PROVISIONAL), LAST_WORDS
        if line is not None and self._write(line) and entry[2] == QUEUED:
            entry[2] = state
            if state == WRITTEN:
                next(self._written)

    # What the holder of the token does --------------------------------------------------------------

    def drain(self, budget_ns: int) -> int:
        """Write what is queued, at most what was there on entry, within the budget; one thread at a time.

        Returns:
            How many entries left the queue. 0 also when somebody else holds the token.
        """
        done = 0
        ticket = object()
        try:
            if self._owner.setdefault(0, ticket) is ticket:
                if self.pid != os.getpid():
                    self._begin_unannounced()
                    return 0
                if time.monotonic() < self._stalled_until:
                    return 0
                clock = time.perf_counter_ns
                end = clock() + budget_ns
                waiting = len(self.queue)
                while done < waiting:
                    taken = self._drain_plain(min(BATCH, waiting - done), end)
                    if not taken:
                        taken = int(self._settle(self.queue[0]))
                        if not taken:
                            break
                        self.queue.popleft()
                    done += taken
                    if clock() > end:
                        break
        except IndexError as error:
            if is_interruption(error):
                raise
            # Else the queue was cleared under us.
        finally:
            # No call in here, on purpose: a signal handler that raises would leak the token for ever.
            if 0 in self._owner and self._owner[0] is ticket:
                del self._owner[0]
        return done

    def _drain_plain(self, most: int, end: int) -> int:
        """Write the next records together as far as they have nothing odd about them; says how many left.

        Peek, write, pop here too: what a kill or an exception finds half done is written again, and the
        reader drops it.
        """
        queue, short_line, clock = self.queue, self.encoder.short_line, time.perf_counter_ns
        lines: list[bytes] = []
        first = queue[0]
        for place in range(most):
            entry = queue[place]
            # What is no pair has a state of its own; what is no `LogRecord` has its fields elsewhere.
            if len(entry) != 2 or type(entry[1]) is not LogRecord:
                break
            line = short_line(*entry)
            if line is None:
                break
            lines.append(line)
            if clock() > end:
                break
        # Whoever takes the token from a thread that sleeps pops as well: then nothing here is ours to pop.
        if not lines or not self._write_all(lines) or queue[0] is not first:
            return 0
        # All popped and all counted within one call into C: no signal handler can come in between.
        deque(zip(starmap(queue.popleft, repeat((), len(lines))), self._written, strict=False), maxlen=0)
        return len(lines)

    def _settle(self, entry: Any) -> bool:
        """Bring one entry as far as it can get here; False when the spool takes nothing now."""
        if len(entry) == 3 and entry[2] == WRITTEN:
            return True
        seq, item = entry[0], entry[1]
        try:
            line = self.encoder.line(seq, item, QUICK)
        except Deferred:
            if len(self.later) < RESERVE:
                self.later.append(entry if len(entry) == 3 else [seq, item, QUEUED])
                return True
            line = self.encoder.line(seq, item, PLACEHOLDER)
        return self.store(entry, item, line)

    def store(self, entry: Any, item: Any, line: bytes | None) -> bool:
        """Write the whole line of an entry and count it; False when the spool takes nothing now."""
        if line is None:
            if len(entry) == 3:
                entry[2] = WRITTEN
            self.drop("own", getattr(item, "levelno", 0), _logger_of(item))
            return True
        if not self._write(line):
            self._stalled_until = time.monotonic() + _STALL_SECONDS
            return False
        if len(entry) == 3:
            entry[2] = WRITTEN
        next(self._written)
        return True

    def take_token(self) -> None:
        """Take the token from a holder that will never give it back (a thread that no longer runs)."""
        self._owner.clear()

    @property
    def is_stalled(self) -> bool:
        """Whether the spool refused the last line and its next try is not due yet."""
        return time.monotonic() < self._stalled_until

    def abandon(self, reason: str) -> None:
        """Count what still waits as dropped: the process ends and the spool takes nothing."""
        for waiting in (self.queue, self.later):
            while waiting:
                try:
                    entry = waiting.popleft()
                except IndexError:
                    break
                if len(entry) < 3 or entry[2] == QUEUED:
                    item = entry[1]
                    self.drop(reason, _level_of(item), _logger_of(item))
                elif entry[2] == LAST_WORDS:
                    next(self._written)

    # The books --------------------------------------------------------------------------------------

    def drop(self, reason: str, level: Any, logger: Any) -> None:
        """Count one loss by reason, severity and component (the logger's first two segments)."""
        component = ".".join(logger.split(".", 2)[:2]) if type(logger) is str else "other"
        if (
            len(self._drops) >= _MAX_COMPONENTS
            and (reason, severity_name(level), component) not in self._drops
        ):
            component = "other"
        next(self._drops.setdefault((reason, severity_name(level), component), itertools.count()))

    def books(self) -> dict[str, int]:
        """Return the cumulative counts of this process.

        `emitted` calls that reached us, `sequenced` numbers given out (what was refused at the door has
        none), `written`, `waiting`, and `dropped.<reason>.<severity>.<component>`. At rest `emitted ==
        written + waiting + all dropped`.
        """
        while self.failed:
            level, logger = self.failed.popleft()
            self.drop("error", level, logger)
        sequenced = int(repr(self._seq)[6:-1]) - 1
        drops = {key: int(repr(count)[6:-1]) for key, count in list(self._drops.items())}
        unnumbered = sum(count for (reason, _, _), count in drops.items() if reason in _UNNUMBERED)
        row = {
            "emitted": sequenced + unnumbered,
            "sequenced": sequenced,
            "written": int(repr(self._written)[6:-1]),
            "waiting": len(self.queue) + len(self.later),
        }
        row |= {f"dropped.{'.'.join(key)}": count for key, count in sorted(drops.items())}
        return row

    def _begin_unannounced(self) -> None:
        """A fork that ran no hooks (made in C): let go of the parent's queue, numbers and file."""
        self.on_unannounced_fork()

    def on_unannounced_fork(self) -> None:
        """Replaced by the capture, which owns the spool."""
        self.begin()


def _door(
    handoff: Handoff,
) -> tuple[Callable[[LogRecord], None], Callable[..., None], Callable[[], None]]:
    """Make the function that callers run for each record, the one that sets its variables, and one to forget.

    A closure, because its variables are read without a look-up: this is the bot's own time. The function
    stays the same object across forks, so whoever holds it (a handler, the wrapped `callHandlers`) need not
    be told.
    """
    queue, failed = handoff.queue, handoff.failed
    append, mutable, standard, islice = queue.append, MUTABLE, _STANDARD_COUNT, itertools.islice
    limit, urgent_level, next_seq = -1, WARNING, handoff._seq.__next__
    last: Any = None
    last_taken_apart: Any = None

    def arm(new_limit: int, new_next: Callable[[], int], new_level: int) -> None:
        nonlocal limit, next_seq, urgent_level
        limit, next_seq, urgent_level = new_limit, new_next, new_level

    def forget_last() -> None:
        nonlocal last
        last = None

    def accept(record: LogRecord) -> None:
        nonlocal last, last_taken_apart
        try:
            if record is last or (last_taken_apart is not None and last_taken_apart() is record):
                handoff.is_again()
                return
            if len(queue) > limit and not handoff.relieve(record.levelno, record):
                return
            # The mapping is read instead of the attributes: once somebody has asked for it, they are slower.
            fields = record.__dict__
            arguments = fields["args"]
            if not fields["exc_info"] and type(fields["msg"]) is str:
                # Loops, because the interpreter has them faster than `map` for so few.
                is_odd = False
                if arguments:
                    if type(arguments) is tuple:
                        for value in arguments:
                            if type(value) in mutable:
                                is_odd = True
                                break
                    else:
                        is_odd = True
                if len(fields) > standard and not is_odd:
                    for value in islice(fields.values(), standard, None):
                        if type(value) in mutable:
                            is_odd = True
                            break
                if not is_odd:
                    last = record
                    if fields["levelno"] < urgent_level:
                        append((next_seq(), record))
                    else:
                        handoff.urge(record, fields["levelno"])
                    return
            # Weakly: an exception's record would keep the bot's frames alive.
            last, last_taken_apart = None, ref(record)
            item = snapshot(record)
            if item.levelno < urgent_level:
                append([next_seq(), item, QUEUED])
            else:
                handoff.urge(item, item.levelno)
        except KeyError as error:
            if is_interruption(error):
                raise
            handoff.put_odd(record)
        except (RecursionError, MemoryError):
            # Nothing but a C call can be relied upon now.
            failed.append((record.levelno, record.name))
        except Exception as error:
            if is_interruption(error):
                raise
            failed.append((record.levelno, record.name))

    return accept, arm, forget_last


def snapshot(record: LogRecord) -> Snapshot:
    """Return the record's fields as they are now: mutables copied, the exception without its frames."""
    item = Snapshot(record.name, record.levelno, freeze(record.msg), nanoseconds(record.created))
    item.args = freeze_values(record.args) if record.args else ()
    item.pathname, item.lineno, item.funcName = record.pathname, record.lineno, record.funcName or ""
    item.thread, item.threadName = record.thread, record.threadName
    item.stack_info = record.stack_info
    fields = record.__dict__
    if len(fields) > _STANDARD_COUNT:
        item.extras = {key: freeze(value) for key, value in extras_of(fields).items()}
    message = record.msg
    if type(message) is dict and type(message.get("event")) is str:
        # structlog hands its whole event to `logging` where `ProcessorFormatter` renders it later.
        item.msg = item.template = message["event"]
        item.extras = {key: freeze(value) for key, value in message.items() if key not in _STRUCTLOG_OWN}
    info = record.exc_info
    if type(info) is tuple and len(info) == 3 and isinstance(info[1], BaseException):
        item.exception = summarise(info[1], info[2])
    elif record.exc_text:
        item.printed = record.exc_text
    return item


def _is_big(item: Any) -> bool:
    """Whether making the item's text would take a caller too long."""
    if type(item) is tuple:
        return type(item[4]) is str and len(item[4]) > _BIG_TEXT
    if type(item.msg) is str and len(item.msg) > _BIG_TEXT:
        return True
    arguments = item.args
    return type(arguments) is tuple and any(
        type(value) is str and len(value) > _BIG_TEXT for value in arguments
    )


def _level_of(item: Any) -> Any:
    return item[1] if type(item) is tuple else item.levelno


def _logger_of(item: Any) -> Any:
    return "events" if type(item) is tuple else item.name
