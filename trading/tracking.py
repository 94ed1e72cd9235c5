"""The position tracker: what is held against what is wanted, and the actions that lead from one to the other.

A signal's weight is the share of the equity that the symbol shall have. What to do follows from it:

* buy: to its weight (open or increase, or reduce when more is held). Without a weight: an equal share of
  what no other signal claims.
* sell: close; with a weight above 0, reduce to it.
* hold: to its weight when held and a weight is said, else keep.
* no signal for a held symbol: keep. An exit that the risk rules ask for beats every signal.

What a stop-loss closed a short while ago is not bought again yet: `cooled` moves such buys to the filtered
signals, whatever engine said them. The share of the equity that they asked for stays cash.

Risk limits then shrink what moves too much and cut what would be too large, too many or too much together.
A position that exists is left alone while it is within `band` of its target: small differences cost fees and
earn nothing. Opening and closing know no band.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from trading.accounts import Account, Action, Kind, Reason
from trading.risk import RiskLimits, cooldown_of, limited, scaled, sized
from trading.signals.signal import Filtered, Signal, Verdict

__all__ = ["BAND", "Action", "actions_of", "changes", "cooled"]

BAND = 0.02
"""Share of the equity by which a position may be off its target before it is traded."""


def actions_of(
    account: Account,
    signals: Iterable[Signal],
    prices: Mapping[str, float],
    equity: float,
    *,
    band: float = BAND,
    exits: Mapping[str, Reason] | None = None,
    lots: Mapping[str, float] | None = None,
    limits: RiskLimits | None = None,
    periods_per_year: float = 252,
) -> tuple[Action, ...]:
    """Return one action for each symbol that is held or signalled, sorted by symbol.

    Args:
        account: What is held now.
        signals: Those that passed the gates; one for each symbol at most.
        prices: Symbol to close. A symbol without a price above 0 is kept as it is.
        equity: Cash and holdings at these prices.
        band: See the module.
        exits: Symbols that must be closed, and why: what `trading.risk.exits` asks for.
        lots: Symbol to the smallest quantity that can be traded; absent: fractions can.
        limits: What may be held; `None`: anything.
        periods_per_year: Makes a bar's volatility the annual one that the limits speak of.
    """
    said = {signal.symbol: signal for signal in signals}
    now = _weights(account, prices, equity)
    share = _unclaimed_share(said, now)
    targets = {
        symbol: _target(said.get(symbol), now.get(symbol, 0.0), share)
        for symbol in {*account.holdings, *said}
    }
    if limits is not None:
        targets = _limited(targets, said, account, limits, math.sqrt(periods_per_year))
    actions = []
    for symbol in sorted(targets):
        action = _action_of(
            symbol,
            account.holdings[symbol].quantity if symbol in account.holdings else 0.0,
            now.get(symbol, 0.0),
            targets[symbol],
            price=_price(account, prices, symbol),
            equity=equity,
            band=band,
            lot=(lots or {}).get(symbol, 0.0),
            exit_reason=(exits or {}).get(symbol),
            note=said[symbol].reason if symbol in said else "",
        )
        if action is not None:
            actions.append(action)
    return tuple(actions)


def cooled(verdict: Verdict, account: Account, limits: RiskLimits | None) -> Verdict:
    """Return the verdict with buys that come too soon after a stop-loss among the filtered ones.

    Args:
        verdict: What an engine says.
        account: After the session's close; knows what was stopped, and when.
        limits: How long is waited; `None`: not at all.
    """
    if limits is None or not account.stopped:
        return verdict
    passed: list[Signal] = []
    stopped: list[Filtered] = []
    for signal in verdict.signals:
        gate = cooldown_of(account.stopped.get(signal.symbol), limits) if signal.action == "buy" else None
        if gate is None:
            passed.append(signal)
        else:
            # Like every filtered signal it has no weight: it gets none.
            stopped.append(Filtered(replace(signal, weight=None), *gate))
    if not stopped:
        return verdict
    return verdict._replace(signals=tuple(passed), filtered=(*verdict.filtered, *stopped))


def changes(actions: Iterable[Action]) -> tuple[Action, ...]:
    """Return the actions that change something: all but keep."""
    return tuple(action for action in actions if action.kind != "keep")


def _price(account: Account, prices: Mapping[str, float], symbol: str) -> float:
    price = prices.get(symbol, math.nan)
    if not 0 < price < math.inf and symbol in account.holdings:
        return account.holdings[symbol].last
    return price


def _weights(account: Account, prices: Mapping[str, float], equity: float) -> dict[str, float]:
    if equity <= 0:
        return {}
    return {
        symbol: holding.quantity * _price(account, prices, symbol) / equity
        for symbol, holding in account.holdings.items()
    }


def _unclaimed_share(said: Mapping[str, Signal], now: Mapping[str, float]) -> float:
    """Return the weight of a buy that names none."""
    unsized = [signal for signal in said.values() if signal.action == "buy" and signal.weight is None]
    if not unsized:
        return 0.0
    claimed = sum(signal.weight or 0.0 for signal in said.values())
    for symbol, weight in now.items():
        signal = said.get(symbol)
        if signal is None or (signal.action == "hold" and signal.weight is None):
            claimed += weight
    return max(1.0 - claimed, 0.0) / len(unsized)


def _target(signal: Signal | None, before: float, share: float) -> float:
    if signal is None or (signal.action == "hold" and (signal.weight is None or before == 0)):
        return before
    if signal.action == "sell":
        return min(signal.weight or 0.0, before)
    return share if signal.weight is None else min(max(signal.weight, 0.0), 1.0)


def _limited(
    targets: Mapping[str, float],
    said: Mapping[str, Signal],
    account: Account,
    limits: RiskLimits,
    year: float,
) -> dict[str, float]:
    moves = {symbol: signal.volatility * year for symbol, signal in said.items() if signal.volatility}
    return dict(limited(scaled(targets, moves, limits), limits, held=account.holdings).weights)


def _action_of(
    symbol: str,
    quantity: float,
    before: float,
    target: float,
    *,
    price: float,
    equity: float,
    band: float,
    lot: float,
    exit_reason: Reason | None,
    note: str,
) -> Action | None:
    """Return the action that brings a symbol to its target; `None` when nothing is held nor bought."""

    def action(kind: Kind, units: float, after: float, reason: Reason = "signal", why: str = note) -> Action:
        return Action(
            symbol=symbol,
            kind=kind,
            quantity=units,
            weight_before=before,
            weight_after=after,
            price=price,
            reason=reason,
            note=why,
            lot=lot,
        )

    if quantity and exit_reason:
        return action("close", quantity, 0.0, exit_reason, exit_reason.replace("_", " "))
    if not 0 < price < math.inf or equity <= 0:
        return action("keep", 0.0, before, why="no price") if quantity else None
    if quantity and target <= 0:
        return action("close", quantity, 0.0)
    units = sized(abs(target - before), equity=equity, price=price, lot=lot)
    if not quantity:
        return action("open", units, units * price / equity) if units > 0 else None
    # The slack lets a difference of exactly the band be traded, whatever its last bit says.
    if units <= 0 or abs(target - before) < band - 1e-12:
        return action("keep", 0.0, before)
    if target > before:
        return action("increase", units, before + units * price / equity, "rebalance")
    return action("reduce", units, before - units * price / equity, "rebalance")
