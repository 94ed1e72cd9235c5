"""The position tracker: what is held against what is wanted, and the actions that lead from one to the other.

A signal's weight is the share of the equity that the symbol shall have. What to do follows from it:

* buy: to its weight (open or increase, or reduce when more is held). Without a weight: an equal share of
  what no other signal claims.
* sell: close; with a weight above 0, reduce to it.
* hold: to its weight when held and a weight is said, else keep.
* no signal for a held symbol: keep. An exit that the risk rules ask for beats every signal.

A position that exists is left alone while it is within `band` of its target: small differences cost fees and
earn nothing. Opening and closing know no band.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from trading.accounts import Account, Action, Kind, Reason
from trading.signals.signal import Signal

__all__ = ["BAND", "Action", "actions_of", "changes"]

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
) -> tuple[Action, ...]:
    """Return one action for each symbol that is held or signalled, sorted by symbol.

    Args:
        account: What is held now.
        signals: Those that passed the gates; one for each symbol at most.
        prices: Symbol to close. A symbol without a price above 0 is kept as it is.
        equity: Cash and holdings at these prices.
        band: See the module.
        exits: Symbols that must be closed, and why: what the risk rules ask for.
        lots: Symbol to the smallest quantity that can be traded; absent: fractions can.
    """
    said = {signal.symbol: signal for signal in signals}
    exits = exits or {}
    share = _unclaimed_share(account, said, prices, equity)
    actions = []
    for symbol in sorted({*account.holdings, *said}):
        holding = account.holdings.get(symbol)
        price = prices.get(symbol, holding.last if holding else math.nan)
        quantity = holding.quantity if holding else 0.0
        before = quantity * price / equity if quantity and equity > 0 else 0.0
        signal = said.get(symbol)
        lot = (lots or {}).get(symbol, 0.0)
        if not 0 < price < math.inf or equity <= 0:
            if holding:
                actions.append(_action(symbol, "keep", 0.0, before, before, price, "signal", "no price", lot))
        elif symbol in exits and holding:
            reason = exits[symbol]
            note = reason.replace("_", " ")
            actions.append(_action(symbol, "close", quantity, before, 0.0, price, reason, note, lot))
        else:
            target = _target(signal, before, share)
            action = _towards(symbol, quantity, before, target, price, equity, band, lot, signal)
            if action is not None:
                actions.append(action)
    return tuple(actions)


def changes(actions: Iterable[Action]) -> tuple[Action, ...]:
    """Return the actions that change something: all but keep."""
    return tuple(action for action in actions if action.kind != "keep")


def _unclaimed_share(
    account: Account, said: Mapping[str, Signal], prices: Mapping[str, float], equity: float
) -> float:
    """Return the weight of a buy that names none."""
    unsized = [signal for signal in said.values() if signal.action == "buy" and signal.weight is None]
    if not unsized or equity <= 0:
        return 0.0
    claimed = sum(signal.weight for signal in said.values() if signal.action != "sell" and signal.weight)
    for symbol, holding in account.holdings.items():
        signal = said.get(symbol)
        if signal is None or (signal.action == "hold" and signal.weight is None):
            claimed += holding.quantity * prices.get(symbol, holding.last) / equity
    return max(1.0 - claimed, 0.0) / len(unsized)


def _target(signal: Signal | None, before: float, share: float) -> float:
    if signal is None or (signal.action == "hold" and (signal.weight is None or before == 0)):
        return before
    if signal.action == "sell":
        return min(signal.weight or 0.0, before)
    return share if signal.weight is None else min(max(signal.weight, 0.0), 1.0)


def _towards(
    symbol: str,
    quantity: float,
    before: float,
    target: float,
    price: float,
    equity: float,
    band: float,
    lot: float,
    signal: Signal | None,
) -> Action | None:
    """Return the action that brings a symbol to its target; `None` when nothing is held nor bought."""
    note = signal.reason if signal else ""
    if quantity == 0:
        units = _whole(target * equity / price, lot)
        if units <= 0:
            return None
        return _action(symbol, "open", units, 0.0, units * price / equity, price, "signal", note, lot)
    if target <= 0:
        return _action(symbol, "close", quantity, before, 0.0, price, "signal", note, lot)
    # The slack lets a difference of exactly the band be traded, whatever its last bit says.
    units = _whole(abs(target - before) * equity / price, lot)
    if abs(target - before) < band - 1e-12 or units <= 0:
        return _action(symbol, "keep", 0.0, before, before, price, "signal", note, lot)
    side = 1 if target > before else -1
    after = before + side * units * price / equity
    kind: Kind = "increase" if side > 0 else "reduce"
    return _action(symbol, kind, units, before, after, price, "rebalance", note, lot)


def _action(
    symbol: str,
    kind: Kind,
    quantity: float,
    before: float,
    after: float,
    price: float,
    reason: Reason,
    note: str,
    lot: float,
) -> Action:
    return Action(
        symbol=symbol,
        kind=kind,
        quantity=quantity,
        weight_before=before,
        weight_after=after,
        price=price,
        reason=reason,
        note=note,
        lot=lot,
    )


def _whole(quantity: float, lot: float) -> float:
    return math.floor(quantity / lot + 1e-9) * lot if lot > 0 else quantity
