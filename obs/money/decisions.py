"""What agents said and what was decided from it: signals, decisions, and the credits a bot gives itself."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from obs.events import Event
from obs.money.entries import Credit, decimal, mode_of, name, uid_of

__all__ = ["Decided", "Signalled", "decision_of", "signal_of"]

MAX_SIGNALS = 64
"""Signals of one decision that are looked at."""
_DIRECTIONS = {
    **dict.fromkeys(("buy", "long", "bullish", "up", "enter_long", "strong_buy"), 1),
    **dict.fromkeys(("sell", "short", "bearish", "down", "enter_short", "strong_sell"), -1),
    **dict.fromkeys(("hold", "neutral", "flat", "wait", "none"), 0),
}


class Signalled(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one agent would do."""

    time: int
    uid: str
    agent: str
    symbol: str
    direction: int
    """1 buy, -1 sell, 0 neither."""
    confidence: Decimal | None
    weight: Decimal


class Decided(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One decision, also one to do nothing."""

    time: int
    uid: str
    symbol: str
    target: Decimal | None
    """The position wanted, signed; None when the event does not tell."""
    score: Decimal | None
    threshold: Decimal
    signals: tuple[str, ...]
    """Ids of the signals it was made from."""
    is_override: bool
    """Somebody set the rule aside."""
    mode: str


class Awarded(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the bot itself credits one agent with for one trade."""

    time: int
    uid: str
    amount: Decimal
    currency: str
    method: str
    mode: str


def signal_of(event: Event) -> tuple[str, Signalled] | None:
    """Return the id of a signal and what it says; None when it names neither an id nor an agent."""
    values = event.attributes
    key, agent = name(values, "signal.id"), name(values, "agent.name")
    direction = _DIRECTIONS.get(str(values.get("signal.action") or "").lower())
    if not key or not agent or direction is None:
        return None
    confidence, weight = decimal(values.get("signal.confidence")), decimal(values.get("signal.weight"))
    return key, Signalled(
        time=event.time,
        uid=uid_of(event),
        agent=agent,
        symbol=name(values, "symbol"),
        direction=direction,
        confidence=confidence if confidence is not None and 0 <= confidence <= 1 else None,
        weight=weight if weight is not None and 0 <= weight < 10**9 else Decimal(1),
    )


def decision_of(event: Event) -> tuple[str, Decided] | None:
    """Return the id of a decision and what it says; None when it has no id."""
    values = event.attributes
    key = name(values, "decision.id")
    if not key:
        return None
    threshold = decimal(values.get("decision.threshold"))
    return key, Decided(
        time=event.time,
        uid=uid_of(event),
        symbol=name(values, "symbol"),
        target=decimal(values.get("position.target")),
        score=decimal(values.get("decision.score")),
        threshold=abs(threshold) if threshold is not None else Decimal(0),
        signals=_ids(values),
        is_override=str(values.get("decision.override") or "").lower() not in ("", "false", "0", "none"),
        mode=mode_of(values),
    )


def awarded(credit: Credit) -> Awarded:
    """Return the short form of a credit."""
    return Awarded(credit.time, credit.uid, credit.amount, credit.currency, credit.method, credit.mode)


def _ids(values: Mapping[str, Any]) -> tuple[str, ...]:
    told = values.get("signal.ids")
    parts = told if isinstance(told, (list, tuple)) else str(told or "").split(",")
    return tuple(str(part).strip()[:120] for part in parts if str(part).strip())[:MAX_SIGNALS]
