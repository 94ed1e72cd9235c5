"""The risk manager: what may be ordered, how much may be held, and when to get out. Pure functions.

Two levels. Of a *portfolio* (backtest, daily run, bots): `exits` says what must be closed, `cooldown_of` what
may not be bought again yet, `limited` cuts weights to what may be held, `scaled` shrinks them where prices
jump, `sized` turns a weight into units.
Of an *order* (bots): `denial_of` says no with the reason, `TrailingStop` where a resting stop belongs.
A *denied* order never left the house; a *rejected* one was refused by the exchange.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Protocol

from trading.bars import Bar

__all__ = ["Cut", "Denial", "Exit", "ExitReason", "Limited", "Limits", "Proposal", "RiskLimits", "Standing"]
__all__ += ["State", "TrailingStop", "cooldown_of", "denial_of", "exits", "limited", "scaled", "sized"]

ExitReason = Literal["stop_loss", "take_profit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskLimits:
    """What a portfolio may hold, and when a position is given up. All ratios are fractions."""

    stop_loss: float | None = 0.08
    """Close a position whose price fell this far below its average cost; `None`: never."""
    trailing_stop: float | None = None
    """Close it when the price fell this far below the best seen since it was opened; `None`: never."""
    take_profit: float | None = None
    """Close it when the price rose this far above its average cost; `None`: never."""
    max_weight: float = 0.40
    """The largest share of the equity in one position."""
    max_exposure: float = 1.0
    """The largest share of the equity in all positions together."""
    max_positions: int = 20
    """How many positions there may be at once."""
    target_volatility: float | None = None
    """Annualised; what moves more gets a smaller position in proportion. `None`: fixed size."""
    cooldown_sessions: int = 5
    """Closes, that of the sale counted, at which what a stop-loss sold is not bought again; 0: at once."""


class Held(Protocol):
    """What the limits need to know of one position."""

    @property
    def quantity(self) -> float:
        """Units held; 0 when there is none."""

    @property
    def average_price(self) -> float:
        """What a unit cost, without fees."""

    @property
    def best(self) -> float:
        """The highest price seen since it was opened."""


@dataclass(frozen=True, slots=True)
class Exit:
    """A position that must be closed."""

    symbol: str
    reason: ExitReason
    price: float
    """The close that decided it."""
    level: float
    """The price it was compared with."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A weight that was made smaller, by which limit, and the two numbers that were compared."""

    symbol: str
    limit: Literal["max_weight", "max_positions", "max_exposure"]
    value: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Limited:
    """Weights that may be held."""

    weights: Mapping[str, float]
    cuts: tuple[Cut, ...]


def exits(holdings: Mapping[str, Held], bars: Mapping[str, Bar], limits: RiskLimits) -> tuple[Exit, ...]:
    """Return which positions must be closed, judged by the close of the newest bar.

    A bar's low is not looked at: whoever acts on closes, as the daily run and the backtest do, cannot have
    sold within the bar. A stop that rests at an exchange is `TrailingStop`. The loss counts before the gain.

    Args:
        holdings: What is held, by symbol; long positions.
        bars: The newest bar of each symbol; a symbol without one is left alone.
        limits: When to get out.
    """
    found = []
    for symbol in sorted(holdings):
        held, bar = holdings[symbol], bars.get(symbol)
        if bar is None or not held.quantity > 0:
            continue
        for reason, level in _levels(held, limits):
            is_reached = bar.close <= level if reason == "stop_loss" else bar.close >= level
            if is_reached:
                found.append(Exit(symbol, reason, bar.close, level))
                break
    return tuple(found)


def cooldown_of(sessions: int | None, limits: RiskLimits) -> tuple[str, float, float] | None:
    """Return the gate that stops a purchase too soon after a stop-loss, how long was waited, and how long is.

    Else a score that is still high buys back at the next open what a stop has just sold, and pays twice.

    Args:
        sessions: Sessions since a stop-loss closed the symbol, that of the sale counted; `None`: none did.
        limits: Says how many are waited.
    """
    if sessions is None or not limits.cooldown_sessions or sessions > limits.cooldown_sessions:
        return None
    return "cooldown", float(max(sessions - 1, 0)), float(limits.cooldown_sessions)


def limited(weights: Mapping[str, float], limits: RiskLimits, *, held: Collection[str] = ()) -> Limited:
    """Return the weights that may be held, and which limit cut what.

    In this order: each weight is capped at `max_weight`; of more than `max_positions` those already held
    stay (else a full portfolio would trade its tail each day), then the largest, equal ones by name; when
    the rest is over `max_exposure`, all shrink in proportion. Zero weights ask for nothing.

    Args:
        weights: Wanted shares of the equity by symbol, each 0 or more.
        limits: What may be held.
        held: Symbols that are held already.

    Raises:
        ValueError: If a weight is negative or no number.
    """
    wrong = {symbol: weight for symbol, weight in weights.items() if not 0 <= weight < math.inf}
    if wrong:
        raise ValueError(f"weights must be 0 or more: {wrong}")
    cuts = [
        Cut(symbol, "max_weight", weight, limits.max_weight)
        for symbol, weight in weights.items()
        if weight > limits.max_weight
    ]
    capped = {symbol: min(weight, limits.max_weight) for symbol, weight in weights.items() if weight > 0}
    ranked = sorted(capped, key=lambda symbol: (symbol not in held, -capped[symbol], symbol))
    kept = set(ranked[: limits.max_positions])
    cuts += [
        Cut(symbol, "max_positions", float(len(ranked)), float(limits.max_positions))
        for symbol in ranked[limits.max_positions :]
    ]
    left = {symbol: weight if symbol in kept else 0.0 for symbol, weight in capped.items()}
    total = math.fsum(left.values())
    if total > limits.max_exposure * (1 + 1e-12):
        cuts += [Cut(symbol, "max_exposure", total, limits.max_exposure) for symbol in left if left[symbol]]
        left = {symbol: weight * limits.max_exposure / total for symbol, weight in left.items()}
    return Limited({symbol: left.get(symbol, 0.0) for symbol in weights}, tuple(cuts))


def scaled(
    weights: Mapping[str, float], volatilities: Mapping[str, float], limits: RiskLimits
) -> dict[str, float]:
    """Return weights made smaller where prices move more than `target_volatility`; never larger.

    Args:
        weights: Shares of the equity by symbol.
        volatilities: Annualised, by symbol; where it is missing or nan the weight stays.
        limits: Holds the target; without one the size is fixed and the weights come back as they are.
    """
    target = limits.target_volatility
    if target is None:
        return dict(weights)
    return {
        symbol: weight * min(1.0, target / volatility)
        if (volatility := volatilities.get(symbol, 0.0)) > 0
        else weight
        for symbol, weight in weights.items()
    }


def sized(weight: float, *, equity: float, price: float, lot: float = 0.0) -> float:
    """Return how many units a weight is: whole lots, rounded down.

    Args:
        weight: Share of the equity, 0 or more.
        equity: In the currency of the price.
        price: Of one unit.
        lot: The smallest tradable part; 0: any part.

    Raises:
        ValueError: If the price is not above 0.
    """
    if not price > 0:
        raise ValueError(f"a price of {price} buys nothing")
    units = max(weight, 0.0) * max(equity, 0.0) / price
    # A hair more than a whole lot less is that lot: 0.3 / 0.1 is 2.9999999999999996 in floats.
    return math.floor(units / lot * (1 + 1e-12)) * lot if lot > 0 else units


def _levels(held: Held, limits: RiskLimits) -> list[tuple[ExitReason, float]]:
    stops = []
    if limits.stop_loss is not None:
        stops.append(held.average_price * (1 - limits.stop_loss))
    if limits.trailing_stop is not None:
        stops.append(held.best * (1 - limits.trailing_stop))
    levels: list[tuple[ExitReason, float]] = [("stop_loss", max(stops))] if stops else []
    if limits.take_profit is not None:
        levels.append(("take_profit", held.average_price * (1 + limits.take_profit)))
    return levels


Reason = Literal["halted", "reducing", "notional", "balance", "rate_limit", "duplicate"]
State = Literal["running", "reducing", "halted"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a bot may do."""

    max_order_notional: Decimal = Decimal(50_000)
    """The largest order, in the currency of its price."""
    max_orders_per_minute: int = 20
    """Orders within 60 seconds; more is a runaway loop."""
    costs: Decimal = Decimal("0.0015")
    """What buying costs beyond the price, fee and slippage together, a fraction."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a bot stands when it proposes an order: what `denial_of` looks at."""

    cash: Decimal
    """Free money: what resting buy orders will cost is not in it."""
    held: Decimal
    """Units of the asset, negative when short."""
    state: State = "running"
    orders_last_minute: int = 0
    is_twin_open: bool = False
    """Whether an order of the same side, type and price already rests."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """An order before anybody has seen it."""

    side: Literal["buy", "sell"]
    quantity: Decimal
    price: Decimal
    """What a unit will cost, as far as we know."""

    @property
    def notional(self) -> Decimal:
        """What all of it will cost."""
        return self.quantity * self.price


@dataclass(frozen=True, slots=True)
class Denial:
    """A no, its reason and the two numbers that were compared."""

    reason: Reason
    value: Decimal
    threshold: Decimal


@dataclass(frozen=True, slots=True)
class TrailingStop:
    """A stop that follows a rising price and never goes back."""

    distance: Decimal
    """How far below the price it stands, a fraction."""
    step: Decimal
    """How much higher the stop must get before it is worth moving, a fraction."""

    def price(self, seen: Decimal, tick: Decimal) -> Decimal:
        """Return where the stop belongs when the best price seen is `seen`, on the exchange's tick."""
        return (seen * (1 - self.distance)).quantize(tick)

    def is_due(self, present: Decimal, wanted: Decimal) -> bool:
        """Whether a stop at `present` is to be replaced by one at `wanted`."""
        return wanted >= present * (1 + self.step)


def denial_of(order: Proposal, standing: Standing, limits: Limits) -> Denial | None:
    """Return why an order may not be sent, or `None`.

    Orders that shrink the position pass all limits but those of a halted bot and the rate: a limit
    must never keep a bot from getting out.
    """
    rate = Decimal(standing.orders_last_minute)
    if standing.state == "halted":
        return Denial("halted", Decimal(1), Decimal(0))
    if rate >= limits.max_orders_per_minute:
        return Denial("rate_limit", rate, Decimal(limits.max_orders_per_minute))
    if standing.is_twin_open:
        return Denial("duplicate", Decimal(2), Decimal(1))
    if _shrinks(order, standing.held):
        return None
    if standing.state == "reducing":
        return Denial("reducing", order.quantity, abs(standing.held))
    if order.notional > limits.max_order_notional:
        return Denial("notional", order.notional, limits.max_order_notional)
    costs = order.notional * (1 + limits.costs)
    if order.side == "buy" and costs > standing.cash:
        return Denial("balance", costs, standing.cash)
    return None


def _shrinks(order: Proposal, held: Decimal) -> bool:
    opposite = held > 0 if order.side == "sell" else held < 0
    return opposite and order.quantity <= abs(held)
