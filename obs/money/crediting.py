"""Which agent earned what part of a trade.

What the bot itself computed stands (`attribution.computed`). Else, when the decision and its signals are
known and the weighted vote that they make comes to the position that was taken, each agent gets its Shapley
value of the result. Where the vote does not explain the position, because the bot decides by another rule,
the result is shared by confidence among those who agreed, and says so. While a trade is open its unrealised
result is shared that way, as provisional. Of a decision that was overridden nobody is credited.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from obs.money.decisions import Awarded, Decided, Signalled
from obs.money.quarters import Credited, split
from obs.money.shapley import Vote, shares, side_of
from obs.money.trips import Trip

if TYPE_CHECKING:
    from obs.money.accounts import Account

__all__ = ["CONFIDENCE", "SHAPLEY", "Crediting", "Part"]

SHAPLEY = "shapley"
CONFIDENCE = "confidence"
_NEAR = Decimal("0.001")
"""A score that is told and one that is computed may differ by rounding."""
_SMALL, _LARGE = Decimal("1E-12"), Decimal("1E+12")
"""Parts are rounded to so much; of amounts that large, not at all."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One agent's part in one trade."""

    agent: str
    amount: Decimal | None
    """What it is credited with; None when nothing can be."""
    currency: str
    method: str = ""
    is_won: bool = False
    """Whether the trade closed with a gain."""
    stance: float | None = None
    """Direction times confidence of what it said; None when that is not known."""
    is_right: bool | None = None
    """Whether the price went where it said; None when not known, or when it said neither way."""
    move: float | None = None
    """How the price moved."""

    @property
    def credited(self) -> Credited:
        """The part as a sum."""
        judged = self.is_right is not None
        return Credited(1, int(self.is_won), self.amount or Decimal(0), int(judged), int(self.is_right or 0))


class Opinion(msgspec.Struct, frozen=True):
    """All that one agent said for a decision."""

    agent: str
    vote: Vote
    direction: int
    confidence: float | None


class Known(NamedTuple):
    """Parts that were computed before, and everything they were computed from."""

    made_from: tuple[object, ...]
    parts: tuple[Part, ...]


class Crediting:
    """Shares the results of one account's trades among its agents.

    Args:
        account: The bot's facts.
        known: Parts computed before by the key of their trade; kept up to date, so that only what is new is
            computed again.
    """

    def __init__(self, account: Account, known: dict[tuple[str, str], Known] | None = None) -> None:
        self._account = account
        self._known = known if known is not None else {}
        self._awards: dict[str, list[tuple[str, Awarded]]] = {}
        for key, award in account.credits.items():
            trade, agent = split(key)
            self._awards.setdefault(trade, []).append((agent, award))

    def orphans(self, trips: list[Trip]) -> Iterator[tuple[str, Awarded]]:
        """Yield agent and credit of trades that are not listed."""
        known = {name for trip in trips for name in (trip.name, trip.key)}
        for trade, awards in self._awards.items():
            if trade not in known:
                yield from awards

    def parts(self, trip: Trip) -> tuple[Part, ...]:
        """Return each agent's part in a closed trade; empty when nothing is known of its agents."""
        decided = self._account.decisions.get(self._account.decision_of(trip))
        signals = self._account.signals
        awards = self._awards.get(trip.name) or self._awards.get(trip.key) or []
        made_from = (
            trip.opened,
            trip.closed or trip.ended,
            trip.left > self._account.credits_until,
            decided,
            *((signals.get(key) for key in decided.signals) if decided is not None else ()),
            *(award for _, award in awards),
        )
        key = trip.key, trip.name
        known = self._known.get(key)
        # The same objects, not equal ones: they never change, and looking is cheap.
        if (
            known is None
            or len(known.made_from) != len(made_from)
            or not all(map(operator.is_, known.made_from, made_from))
        ):
            known = self._known[key] = Known(made_from, tuple(self._parts(trip, decided, dict(awards))))
        return known.parts

    def _parts(self, trip: Trip, decided: Decided | None, awards: dict[str, Awarded]) -> list[Part]:
        opinions = self._opinions(decided)
        result = trip.result
        amounts: dict[str, Decimal] = {agent: award.amount for agent, award in awards.items()}
        currency = result.currency if result is not None else "?"
        method = next((award.method for award in awards.values()), "")
        if awards:
            currency = next(iter(awards.values())).currency
        elif result is not None and decided is not None and trip.left > self._account.credits_until:
            amounts, method = self._shared(trip, decided, opinions)
        is_won = result is not None and (result.pnl or 0) > 0
        by_agent = {opinion.agent: opinion for opinion in opinions}
        return [
            self._part(agent, amounts.get(agent), by_agent.get(agent), trip, currency, method, is_won)
            for agent in sorted({*amounts, *by_agent})
        ]

    def provisional(self, trip: Trip) -> list[Part]:
        """Return each agent's part in what an open trade would bring now."""
        decided = self._account.decisions.get(self._account.decision_of(trip))
        marked = self._account.unrealized.get(trip.key)
        if decided is None or decided.is_override:
            return []
        opinions = self._opinions(decided)
        side = _side(trip, decided)
        amount = marked.amount if marked is not None and marked.time >= trip.entered else None
        parts = _by_confidence(opinions, side, amount) if amount is not None else {}
        return [
            Part(
                agent=opinion.agent,
                amount=parts.get(opinion.agent),
                currency=marked.currency if marked is not None else "?",
                method=CONFIDENCE,
            )
            for opinion in opinions
        ]

    def _part(
        self,
        agent: str,
        amount: Decimal | None,
        opinion: Opinion | None,
        trip: Trip,
        currency: str,
        method: str,
        is_won: bool,
    ) -> Part:
        move = trip.move
        right: bool | None = None
        stance: float | None = None
        if opinion is not None and opinion.confidence is not None:
            stance = opinion.direction * opinion.confidence
        if opinion is not None and opinion.direction and move:
            right = opinion.direction * move > 0
        return Part(
            agent=agent,
            amount=amount,
            currency=currency,
            method=method if amount is not None else "",
            is_won=is_won,
            stance=stance,
            is_right=right,
            move=move,
        )

    def _opinions(self, decided: Decided | None) -> tuple[Opinion, ...]:
        if decided is None:
            return ()
        said: dict[str, list[Signalled]] = {}
        for key in decided.signals:
            signal = self._account.signals.get(key)
            if signal is not None:
                said.setdefault(signal.agent, []).append(signal)
        return tuple(_opinion(agent, signals) for agent, signals in sorted(said.items()))

    def _shared(
        self, trip: Trip, decided: Decided, opinions: tuple[Opinion, ...]
    ) -> tuple[dict[str, Decimal], str]:
        result = trip.result
        if result is None or result.pnl is None or decided.is_override or not opinions:
            return {}, ""
        side = _side(trip, decided)
        is_mean = _rule(decided, opinions, side) if self._is_whole(decided) else None
        if is_mean is None:
            return _by_confidence(opinions, side, result.pnl), CONFIDENCE
        fees = abs(result.fees or Decimal(0))
        votes = tuple(opinion.vote for opinion in opinions)
        parts = shares(votes, decided.threshold, is_mean=is_mean)
        # The market's part goes with the position, costs with its size: who prevented a trade saved them.
        found = {
            opinion.agent: ((result.pnl + fees) * side * part.position - fees * part.size) / part.whole
            for opinion, part in zip(opinions, parts, strict=True)
        }
        return _exact(found, result.pnl), SHAPLEY

    def _is_whole(self, decided: Decided) -> bool:
        return all(key in self._account.signals for key in decided.signals)


def _opinion(agent: str, signals: list[Signalled]) -> Opinion:
    push = sum((_push(signal) for signal in signals), Decimal(0))
    weight = sum((signal.weight for signal in signals), Decimal(0))
    known = [signal.confidence for signal in signals if signal.confidence is not None]
    return Opinion(
        agent,
        Vote(push, weight),
        (push > 0) - (push < 0),
        float(sum(known) / len(known)) if known else None,
    )


def _push(signal: Signalled) -> Decimal:
    confidence = signal.confidence if signal.confidence is not None else Decimal(1)
    return signal.direction * confidence * signal.weight


def _side(trip: Trip, decided: Decided) -> int:
    told = {"long": 1, "short": -1}.get(trip.side)
    if told is not None:
        return told
    target = decided.target or Decimal(0)
    return 1 if target > 0 else -1 if target < 0 else 1


def _rule(decided: Decided, opinions: tuple[Opinion, ...], side: int) -> bool | None:
    """Return whether the mean (True) or the sum (False) of the votes makes the decision; None: neither."""
    votes = tuple(opinion.vote for opinion in opinions)
    push = sum((vote.push for vote in votes), Decimal(0))
    weight = sum((vote.weight for vote in votes), Decimal(0))
    if decided.score is not None:
        if weight and abs(push - decided.score * weight) <= _NEAR * weight:
            is_mean = True
        elif abs(push - decided.score) <= _NEAR:
            is_mean = False
        else:
            return None
    else:
        is_mean = True
    return is_mean if side_of(votes, decided.threshold, is_mean=is_mean) == side else None


def _by_confidence(opinions: tuple[Opinion, ...], side: int, amount: Decimal) -> dict[str, Decimal]:
    agreed = {opinion.agent: opinion.vote.push * side for opinion in opinions if opinion.vote.push * side > 0}
    whole = sum(agreed.values(), Decimal(0))
    return _exact({agent: amount * push / whole for agent, push in agreed.items()}, amount)


def _exact(parts: dict[str, Decimal], whole: Decimal) -> dict[str, Decimal]:
    """Round the parts so that they still add up to the whole; the largest takes what rounding leaves."""
    if not parts or abs(whole) >= _LARGE:
        return parts
    rounded = {agent: part.quantize(_SMALL) for agent, part in parts.items()}
    largest = max(rounded, key=lambda agent: (abs(rounded[agent]), agent))
    rounded[largest] += whole - sum(rounded.values())
    return rounded
