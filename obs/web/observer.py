"""The observer itself: what it was sent, what it lost and why, how far behind it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from obs import __version__
from obs.quoting import plain
from obs.snapshot import Loss, Snapshot
from obs.web.checked import check_value
from obs.web.model import Fact, Mark, Observer, Rich, Span, Style
from obs.web.numbers import count
from obs.web.reader import Reader
from obs.web.verdicts import grave_losses

__all__ = ["observer"]

MOST_UNKNOWN = 4
MEASURED = ("clock", "weight", "disk")
"""Checks whose values stand in the bottom bar."""


def observer(snapshot: Snapshot, reader: Reader) -> Observer:
    """Return how the observer is."""
    lost = sum(loss.count for loss in snapshot.losses)
    grave = grave_losses(snapshot)
    facts = [
        _fact("emitted", count(snapshot.events + lost), reader),
        _fact("delivered", count(snapshot.events), reader),
        Fact(
            label=reader.say("observer.lost"),
            value=(Span(count(lost), Style.STRONG if lost else Style.PLAIN),),
            detail=(Span(_told(snapshot, reader)),) if lost else (),
            mark=Mark.WARNING if lost else None,
        ),
        *_counted(snapshot, reader),
    ]
    measured = {fact.name: fact for fact in snapshot.checks}
    shown = [(name, check_value(measured[name], reader)) for name in MEASURED if name in measured]
    facts += [
        Fact(label=reader.say("observer.not_known"), value=(), detail=(Span(reader.prose(line)),))
        for line in snapshot.not_known[:MOST_UNKNOWN]
    ]
    facts += [Fact(label=reader.say(f"observer.{name}"), value=value) for name, value in shown]
    return Observer(
        mark=Mark.ERROR if grave else Mark.WARNING if lost else Mark.OK,
        facts=tuple(facts),
        line=(
            _books(snapshot, lost, reader),
            *(reader.say.rich(f"observer.{name}_line", value=value) for name, value in shown),
        ),
        version=__version__,
        alert=_alert(grave, reader) if grave else (),
    )


def _counted(snapshot: Snapshot, reader: Reader) -> Iterator[Fact]:
    """What was read and not taken as it stood: each only when there was any."""
    unreadable = sum(source.unreadable for source in snapshot.sources)
    for name, number in (
        ("unreadable", unreadable),
        ("doubles", snapshot.doubles),
        ("repaired", snapshot.repaired),
        ("harmless", snapshot.harmless_events),
    ):
        if number:
            yield _fact(name, count(number), reader)
    if snapshot.leaks:
        kinds = ", ".join(f"{plain(kind)} {count(n)}" for kind, n in sorted(snapshot.leaks.items())[:3])
        label = reader.say("observer.masked")
        yield Fact(label=label, value=(Span(count(sum(snapshot.leaks.values()))),), detail=(Span(kinds),))


def _alert(grave: Sequence[Loss], reader: Reader) -> Rich:
    return reader.say.rich("verdict.lost_too", n=sum(loss.count for loss in grave))


def _books(snapshot: Snapshot, lost: int, reader: Reader) -> Rich:
    if not lost:
        return reader.say.rich("observer.all_delivered", n=snapshot.events)
    return reader.say.rich(
        "observer.with_loss",
        n=snapshot.events + lost, delivered=snapshot.events, lost=lost, reasons=_reasons(snapshot),
    )  # fmt: skip


def _reasons(snapshot: Snapshot) -> str:
    return ", ".join(f"{plain(loss.reason)} {count(loss.count)}" for loss in snapshot.losses[:4])


def _told(snapshot: Snapshot, reader: Reader) -> str:
    """Why they were lost, and how grave the gravest of them were."""
    kinds = sorted({loss.severity for loss in snapshot.losses if loss.severity})
    return _reasons(snapshot) + (f"; {', '.join(kinds)}" if kinds else "")


def _fact(name: str, value: str, reader: Reader) -> Fact:
    return Fact(label=reader.say(f"observer.{name}"), value=(Span(value),))
