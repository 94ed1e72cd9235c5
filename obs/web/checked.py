"""The checks that passed, and what is due next: what stands instead of issues when there is none."""

from __future__ import annotations

from obs.snapshot import Snapshot
from obs.standing import Check as Fact
from obs.web.model import Check, Rich, Span
from obs.web.numbers import count, ms, ratio
from obs.web.reader import Reader

__all__ = ["ahead", "check_value", "checks", "data_size"]


def checks(snapshot: Snapshot, reader: Reader) -> tuple[Check, ...]:
    """Return what was looked at and is as it should be."""
    return tuple(
        Check(reader.say(f"check.{fact.name.replace('.', '_')}"), check_value(fact, reader))
        for fact in snapshot.checks
    )


def ahead(snapshot: Snapshot, reader: Reader) -> Rich:
    """Return the next thing that is due: the first market that opens."""
    waits = [bot for bot in snapshot.standings if bot.opens_at > snapshot.taken_at]
    if not waits:
        return ()
    first = min(waits, key=lambda bot: (bot.opens_at, bot.name))
    return reader.say.rich(
        "check.ahead",
        market=reader.market(first.market),
        time=Span(clock=ms(first.opens_at)),
        wait=Span(until=ms(first.opens_at)),
    )


def data_size(number: float) -> str:
    """Return a size of data: `142 MB`, `1.8 GB`."""
    for unit, power in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= power:
            shown = number / power
            return f"{shown:,.1f}\u00a0{unit}" if shown < 10 else f"{shown:,.0f}\u00a0{unit}"
    return f"{number:.0f}\u00a0B"


def check_value(fact: Fact, reader: Reader) -> Rich:
    """Return what a check found, as it is shown."""
    if fact.name == "calendars" and fact.until:
        return (Span(f"{reader.market(fact.about)} "), Span(clock=ms(fact.until)))
    if fact.of:
        return (Span(f"{fact.good} / {fact.of}"),)
    if fact.name == "disk":
        return _disk(fact, reader)
    if fact.value is None:
        return ()
    if fact.name in ("orders", "answers"):
        return (Span(reader.say(f"check.{fact.name}_value", n=int(fact.value))),)
    if fact.unit == "ms":
        return (Span(f"{fact.value:+,.0f}\u00a0ms".replace("-", "\u2212")),)
    return (Span(_share(fact) if fact.unit == "ratio" else count(int(fact.value))),)


def _disk(fact: Fact, reader: Reader) -> Rich:
    free = reader.say("check.free", size=data_size(fact.value or 0.0))
    if not fact.until:
        return (Span(free),)
    return (Span(f"{free}, "), Span(until=ms(fact.until)))


def _share(fact: Fact) -> str:
    worst = ratio(fact.value, 1 if (fact.value or 0) < 0.1 else 0)
    return f"{worst} / {ratio(fact.limit)}" if fact.name == "daily_loss" else worst
