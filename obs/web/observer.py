"""The observer itself: what it was sent, what it lost and why, how far behind it is."""

from __future__ import annotations

from obs import __version__
from obs.quoting import plain
from obs.snapshot import Snapshot
from obs.web.model import Fact, Mark, Observer, Rich, Span
from obs.web.numbers import count
from obs.web.reader import Reader
from obs.web.verdicts import grave_losses

__all__ = ["observer"]


def observer(snapshot: Snapshot, reader: Reader) -> Observer:
    """Return how the observer is."""
    lost = sum(loss.count for loss in snapshot.losses)
    facts = [
        _fact("observer.emitted", count(snapshot.events + lost), reader),
        _fact("observer.delivered", count(snapshot.events), reader),
        Fact(
            label=reader.say("observer.lost"),
            value=(Span(count(lost)),),
            detail=(Span(_reasons(snapshot)),) if lost else (),
            mark=Mark.WARNING if lost else None,
        ),
    ]
    return Observer(
        mark=Mark.UNKNOWN if grave_losses(snapshot) else Mark.WARNING if lost else Mark.OK,
        facts=tuple(facts),
        line=(_books(snapshot, lost, reader),),
        version=__version__,
    )


def _books(snapshot: Snapshot, lost: int, reader: Reader) -> Rich:
    if not lost:
        return reader.say.rich("observer.all_delivered", n=snapshot.events)
    return reader.say.rich(
        "observer.with_loss",
        n=snapshot.events + lost, delivered=snapshot.events, lost=lost, reasons=_reasons(snapshot),
    )  # fmt: skip


def _reasons(snapshot: Snapshot) -> str:
    return ", ".join(f"{plain(loss.reason)} {count(loss.count)}" for loss in snapshot.losses[:4])


def _fact(key: str, value: str, reader: Reader) -> Fact:
    return Fact(label=reader.say(key), value=(Span(value),))
