"""The money behind one issue: what is open, at which price, and what a fall would cost with its stop.

Every figure is made of the bot's own latest words; what one of them lacks is not shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from obs.insight.ranking import Stake, stake_of
from obs.money.amounts import Money
from obs.snapshot import Issue, Snapshot
from obs.standing import Holding
from obs.web.model import Fact, Rich, Span, Style
from obs.web.numbers import ms, price, size
from obs.web.reader import Reader
from obs.web.rows import mark_of

__all__ = ["stakes"]

FALL = Decimal("0.05")
"""Of the what-if line."""
MOST = 3
"""Positions that are told one by one."""


def stakes(issue: Issue, snapshot: Snapshot, reader: Reader) -> tuple[Fact, ...]:
    """Return label and value of all that is known of the money behind an issue; empty when there is none."""
    if not issue.money_at_risk:
        return ()
    held = [one for one in snapshot.held if one.service in issue.services]
    bare = [one for one in held if one.protection == "none"]
    if stake_of(issue) is Stake.UNPROTECTED and bare:
        held = [one for one in bare if _is_meant(one, issue)] or bare
    return tuple(_facts(issue, held, reader))


def _is_meant(held: Holding, issue: Issue) -> bool:
    """Whether a position is the one that an issue names, by its amount."""
    return any(held.value == money.amount for money in issue.money_at_risk or ())


def _facts(issue: Issue, held: list[Holding], reader: Reader) -> Iterator[Fact]:
    is_bare = stake_of(issue) is Stake.UNPROTECTED
    label = "stake.unprotected" if is_bare else "stake.open"
    yield Fact(
        label=reader.say(label),
        value=(Span(reader.money(*issue.money_at_risk or ()), Style.STRONG),),
        mark=mark_of(issue) if is_bare else None,
    )
    since = min((one.unprotected_at for one in held if one.unprotected_at), default=0)
    if is_bare and since:
        yield Fact(label=reader.say("stake.for"), value=(Span(since=ms(since)),))
    if not is_bare and held:
        yield Fact(label=reader.say("stake.protected"), value=_protected(held, reader))
    for one in held[:MOST]:
        yield from _position(one, reader, is_only=len(held) == 1)
    if len(held) > MOST:
        yield _fact("stake.more", reader.say("stake.positions", n=len(held) - MOST), reader)
    if held and all(one.is_simulated for one in held):
        yield _fact("stake.kind", reader.say("figure.simulated"), reader)


def _protected(held: list[Holding], reader: Reader) -> Rich:
    counts = {
        kind: sum(one.protection == kind for one in held) for kind in ("stop", "bot", "none", "unknown")
    }
    if counts["stop"] == len(held):
        return reader.say.rich("stake.all_rest", n=len(held))
    told = [reader.say(f"stake.n_{kind}", n=count) for kind, count in counts.items() if count]
    return (Span(", ".join(told)),)


def _position(one: Holding, reader: Reader, *, is_only: bool) -> Iterator[Fact]:
    side = reader.say.get(f"side.{one.side}", one.side) if one.side else ""
    text = " ".join(part for part in (size(one.quantity), one.symbol, side) if part)
    yield _fact("stake.position", text, reader)
    if one.entry is not None:
        yield _fact("stake.entry", price(one.entry), reader)
    if one.price is not None and one.price != one.entry:
        change = (
            f" ({reader.money(Money(one.unrealized, one.currency), sign=True)})" if one.unrealized else ""
        )
        yield _fact("stake.now", price(one.price) + change, reader)
    if one.stop is not None:
        key = "stake.stop" if one.protection in ("stop", "bot") else "stake.meant_stop"
        yield _fact(key, price(one.stop), reader)
    if is_only:
        yield from _what_if(one, reader)


def _what_if(one: Holding, reader: Reader) -> Iterator[Fact]:
    """What five per cent against it would cost, and what its stop would have."""
    if one.value is None or one.price is None or one.quantity is None:
        return
    key = "stake.rises" if one.side.lower() == "short" else "stake.falls"
    loss = Money(-one.value * FALL, one.currency)
    yield Fact(label=reader.say(key), value=(Span(reader.money(loss, sign=True), Style.STRONG),))
    if one.stop is None:
        return
    direction = -1 if one.side.lower() == "short" else 1
    at_stop = (one.stop - one.price) * one.quantity * direction
    if at_stop <= 0:
        # A stop that the price has passed already would sell at once: no figure tells at what.
        yield _fact("stake.with_stop", reader.money(Money(at_stop, one.currency), sign=True), reader)


def _fact(key: str, value: str, reader: Reader) -> Fact:
    return Fact(label=reader.say(key), value=(Span(value),))
