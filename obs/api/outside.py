"""Gathers what leaves the sidecar and comes to it: the alerter's books, silences, OpenTelemetry's counts."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from obs.alerts import FILE
from obs.alerts.desk import Desk, DeskError
from obs.api.context import Context
from obs.web.outside import Arrived, Channel, Facts, Hush, Sent

__all__ = ["Gatherer", "desk_of"]

FRESH_SECONDS = 1.0
"""For how long what was gathered stands: pages of one moment share it."""


class Gatherer:
    """Gathers for all pages of one server; from any thread."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._facts, self._until = Facts(), 0.0

    def forget(self) -> None:
        """Gather anew at the next question: something was changed."""
        self._until = 0.0

    def facts(self) -> Facts:
        """Return it as of now, at most `FRESH_SECONDS` old; reads `alerts.db`, so in a worker thread."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._facts = _gathered(self._context)
                self._until = time.monotonic() + FRESH_SECONDS
            return self._facts


@contextmanager
def desk_of(directory: Path) -> Iterator[Desk]:
    """Give the file of messages and silences, opened for this one question.

    Raises:
        DeskError: If it cannot be opened or made.
    """
    desk = Desk(directory)
    try:
        yield desk
    finally:
        desk.close()


def _gathered(context: Context) -> Facts:
    directory = context.settings.dir.absolute()
    channels: tuple[Channel, ...] = ()
    silences: tuple[Hush, ...] = ()
    if (directory / FILE).exists():
        # A file that cannot be read is the alerter's to tell; the page shows what it can.
        with contextlib.suppress(DeskError), desk_of(directory) as desk:
            channels, silences = _channels(context, desk), _silences(desk, time.time_ns())
    numbers = context.alerter.numbers if context.alerter is not None else None
    return Facts(
        channels=channels or tuple(Channel(name=name) for name in sorted(context.settings.alerts.channels)),
        silences=silences,
        silenced=numbers.silenced if numbers is not None else 0,
        alertmanager=numbers.mirror if numbers is not None else -1,
        sent=_sent(context),
        arrived=_arrived(context),
    )


def _channels(context: Context, desk: Desk) -> tuple[Channel, ...]:
    """Those that are set, in order of name; of one that is no longer set nobody wants to hear."""
    numbers = context.alerter.numbers.channels if context.alerter is not None else {}
    known, newest = desk.channels.all(), desk.newest_sent()
    found = []
    for name in sorted(context.settings.alerts.channels):
        standing, counted = known.get(name), numbers.get(name)
        found.append(
            Channel(
                name=name,
                sent=standing.sent if standing is not None else 0,
                failed=standing.failed if standing is not None else 0,
                unknown=standing.unknown if standing is not None else 0,
                waiting=counted.waiting if counted is not None else 0,
                held=counted.held if counted is not None else 0,
                last_sent=newest.get(name, 0),
                failing_since=standing.failing if standing is not None else 0,
                why=standing.why if standing is not None and standing.failing else "",
            )
        )
    return tuple(found)


def _silences(desk: Desk, now: int) -> tuple[Hush, ...]:
    own = [
        Hush(
            number=one.number,
            bot=one.bot,
            component=one.component,
            severity=one.severity,
            until=one.until,
            by=one.by,
            why=one.why,
        )
        for one in desk.silences.own(now)
    ]
    foreign = [Hush(until=one.until) for one in desk.silences.foreign() if one.until > now]
    return (*own, *foreign)


def _sent(context: Context) -> tuple[Sent, ...]:
    exporter = context.sidecar.exporter if context.sidecar is not None else None
    if exporter is None:
        return ()
    return tuple(
        Sent(
            signal=signal,
            taken=books.counts.taken,
            sent=books.counts.sent,
            waiting=books.counts.waiting,
            dropped=sum(books.counts.dropped.values()),
            fault=books.fault,
        )
        for signal, books in exporter.books().items()
    )


def _arrived(context: Context) -> tuple[Arrived, ...]:
    taken = context.receiver.taken if context.receiver is not None else {}
    return tuple(Arrived(signal=signal, **one._asdict()) for signal, one in sorted(dict(taken).items()))
