"""What a daily run says: the events of a session, and the lines for whoever started it.

Every id is made of the session, so a session that is told again is the same one to whoever counts. Signal,
decision, order, fill, position and trade name each other, also when sessions lie between them.
"""

from __future__ import annotations

from datetime import date

from trading.accounts import Fill
from trading.daily.products import Judged, Phase, Summed
from trading.logs import BotLog, Value
from trading.signals.params import Params
from trading.signals.signal import Signal, Verdict
from trading.signals.telling import signal_id, tell

__all__ = ["session", "summary"]

AGENT = "rule"
"""Whose work a trade is: the signal engine's, whatever score it uses."""


def session(
    log: BotLog, judged: Judged, verdict: Verdict, *, currency: str, params: Params, slippage: float = 0.0
) -> None:
    """Log what happened to the paper account in a session, then what the engine said and what was decided.

    Args:
        log: Who speaks.
        judged: The session.
        verdict: What the engine said of it.
        currency: Of amounts.
        params: What signals were judged by.
        slippage: How much worse than the open fills are by the settings, a fraction.
    """
    _fills(log, judged, currency, slippage)
    _trades(log, judged, currency)
    _positions(log, judged, currency)
    _money(log, judged, currency)
    tell(log, verdict, market=params.market_symbol, before=judged.market_before)
    _decisions(log, judged, verdict, params)


def summary(day: date, judged: Judged, total: Summed, phase: Phase, currency: str) -> str:
    """Return the line that ends a session: what it came to."""
    count = {
        action: sum(row["action"] == action for row in judged.signals) for action in ("buy", "sell", "hold")
    }
    changed = sum(action.kind != "keep" for action in judged.actions)
    gain = total.account.day_return
    moved = f" ({gain:+.2%} on the day)" if isinstance(gain, float) else ""
    return (
        f"as of {day}: {count['buy']} buy, {count['sell']} sell, {count['hold']} hold, "
        f"{len(judged.filtered)} filtered; {_count(changed, 'action')} for the next open; "
        f"regime {phase.regime or 'unknown'}; equity {judged.book.equity:,.2f} {currency}{moved}, "
        f"{_count(len(total.positions), 'position')}"
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _fills(log: BotLog, judged: Judged, currency: str, slippage: float) -> None:
    for fill in judged.fills:
        order_id = _order_id(fill)
        # What is closed because it was delisted is valued, not traded: nothing slips.
        slipped = 0.0 if fill.reason == "liquidation" else slippage
        opened = fill.price / (1 + slipped if fill.side == "buy" else 1 - slipped)
        asked = judged.asked.get(fill.symbol)
        order: dict[str, Value] = {
            "order.id": order_id,
            "symbol": fill.symbol,
            "order.side": fill.side,
            "order.type": "market",
            "order.quantity": fill.quantity,
            "order.reference_price": round(opened, 8),
            "decision.id": _decision_id(fill.symbol, asked),
            "position.id": _position_of(judged, fill),
            "currency": currency,
        }
        log.event(
            "order.submitted",
            {
                **order,
                "cause.id": _uid(log, _decision_id(fill.symbol, asked)),
                "log.record.uid": _uid(log, order_id),
            },
            "%s %s %s at the open",
            fill.side,
            fill.quantity,
            fill.symbol,
        )
        log.event(
            "order.filled",
            {
                **order,
                "fill.id": f"{order_id}-1",
                "order.remaining": 0.0,
                "fill.quantity": fill.quantity,
                "fill.price": round(fill.price, 8),
                "fill.fee": round(fill.fee, 8),
                "fill.fee_currency": currency,
                "slippage.ratio": slipped,
                "cause.id": _uid(log, order_id),
                "log.record.uid": _uid(log, f"{order_id}-1"),
            },
            "%s %s %s at %s on paper",
            fill.side,
            fill.quantity,
            fill.symbol,
            round(fill.price, 8),
        )


def _trades(log: BotLog, judged: Judged, currency: str) -> None:
    sold = {fill.symbol: _order_id(fill) for fill in judged.fills if fill.side == "sell"}
    for number, trade in enumerate(judged.trades, 1):
        trade_id = f"d-{_stamp(trade.exit_time)}-{trade.symbol}-{number}"
        decided = _decision_id(trade.symbol, judged.entered.get(trade.symbol))
        log.event(
            "trade.closed",
            {
                "trade.id": trade_id,
                "position.id": f"d-{_stamp(trade.entry_time)}-{trade.symbol}",
                "symbol": trade.symbol,
                "entry.price": round(trade.entry_price, 8),
                "exit.price": round(trade.exit_price, 8),
                "entry.time": trade.entry_time,
                "exit.time": trade.exit_time,
                "quantity": trade.quantity,
                "pnl.net": round(trade.pnl, 4),
                "pnl.ratio": round(trade.return_ratio, 6),
                "fees": round(trade.fees, 4),
                "mae.ratio": round(trade.mae_ratio, 6),
                "mfe.ratio": round(trade.mfe_ratio, 6),
                "duration_s": (trade.exit_time - trade.entry_time) / 1e9,
                "exit.reason": trade.reason,
                "regime": judged.market_before.regime if judged.market_before else None,
                "decision.id": decided,
                "currency": currency,
                "cause.id": _uid(log, f"{sold[trade.symbol]}-1") if trade.symbol in sold else None,
                "log.record.uid": _uid(log, trade_id),
            },
            "closed %s of %s: %+.2f %s",
            trade.quantity,
            trade.symbol,
            trade.pnl,
            currency,
        )
        if decided is not None:
            about: dict[str, Value] = {
                "trade.id": trade_id,
                "agent.name": AGENT,
                "contribution": round(trade.pnl, 4),
                "contribution.method": "shapley",
                "currency": currency,
                "cause.id": _uid(log, trade_id),
            }
            log.event("attribution.computed", about, "trade %s is the work of %s", trade_id, AGENT)


def _positions(log: BotLog, judged: Judged, currency: str) -> None:
    """Log every position as it stands at the close, so that a listener who came late knows them all."""
    held = judged.book.account.holdings
    opened = {fill.symbol for fill in judged.fills if fill.kind == "open"}
    filled = {fill.symbol: f"{_order_id(fill)}-1" for fill in judged.fills}
    for symbol, holding in sorted(held.items()):
        name = "position.opened" if symbol in opened else "position.changed"
        about: dict[str, Value] = {
            "position.id": f"d-{_stamp(holding.opened)}-{symbol}",
            "symbol": symbol,
            "position.side": "long",
            "position.quantity": holding.quantity,
            "position.average_price": round(holding.average_price, 8),
            "price": holding.last,
            "entry.time": holding.opened,
            "pnl.unrealized": round(holding.quantity * (holding.last - holding.average_price), 4),
            "currency": currency,
            "cause.id": _uid(log, filled.get(symbol)),
        }
        log.event(name, about, "%s %s held at %s", holding.quantity, symbol, round(holding.average_price, 8))
    for trade in judged.trades:
        if trade.symbol in held and held[trade.symbol].opened == trade.entry_time:
            # A part was sold; the rest is told above.
            continue
        about = {
            "position.id": f"d-{_stamp(trade.entry_time)}-{trade.symbol}",
            "symbol": trade.symbol,
            "position.side": "flat",
            "position.quantity": 0.0,
            "position.average_price": round(trade.entry_price, 8),
            "price": round(trade.exit_price, 8),
            "entry.time": trade.entry_time,
            "pnl.realized": round(trade.pnl + trade.fees, 4),
            "currency": currency,
            "cause.id": _uid(log, filled.get(trade.symbol)),
        }
        log.event("position.closed", about, "nothing of %s held any more", trade.symbol)


def _money(log: BotLog, judged: Judged, currency: str) -> None:
    book, before = judged.book, judged.equity_before
    cash, equity = book.account.cash, book.equity
    balance: dict[str, Value] = {
        "asset": currency,
        "balance.total": round(cash, 4),
        "balance.free": round(cash, 4),
        "reported": False,
    }
    log.event("balance.updated", balance, "balance %.2f %s", cash, currency)
    about: dict[str, Value] = {
        "equity": round(equity, 4),
        "equity.day_start": None if before is None else round(before, 4),
        "equity.peak": round(book.peak, 4),
        "pnl.day": None if before is None else round(equity - before, 4),
        "drawdown.ratio": round(max(1 - equity / book.peak, 0.0), 6),
        "exposure.ratio": round(1 - cash / equity, 6) if equity > 0 else 0.0,
        "currency": currency,
    }
    log.event("equity.measured", about, "equity %.2f %s", equity, currency)


def _decisions(log: BotLog, judged: Judged, verdict: Verdict, params: Params) -> None:
    """Log what was decided for the next opens; a signal that asks for what is so already changes nothing."""
    said = {signal.symbol: signal for signal in verdict.signals}
    held = judged.book.account.held
    for action in judged.actions:
        signal = said.get(action.symbol)
        if action.kind == "keep" and (signal is None or signal.action == "hold"):
            continue
        is_buy = action.kind in ("open", "increase")
        units = 0.0 if action.kind == "keep" else action.quantity if is_buy else -action.quantity
        about: dict[str, Value] = {
            "decision.id": _decision_id(action.symbol, verdict.time),
            "symbol": action.symbol,
            "position.target": max(held.get(action.symbol, 0.0) + units, 0.0),
            "decision.score": _score(signal),
            "decision.threshold": params.entry if is_buy else params.exit,
            "signal.ids": signal_id(action.symbol, verdict.time) if signal else None,
            "cause.id": _uid(log, signal_id(action.symbol, verdict.time)) if signal else None,
            "log.record.uid": _uid(log, _decision_id(action.symbol, verdict.time)),
        }
        words = "%s %s of %s at the next open, %s"
        log.event("decision.made", about, words, action.kind, action.quantity, action.symbol, action.reason)


def _score(signal: Signal | None) -> float | None:
    return None if signal is None or signal.score is None else round(signal.score, 6)


def _decision_id(symbol: str, time: int | None) -> str | None:
    return None if time is None else f"dec-{_stamp(time)}-{symbol}"


def _order_id(fill: Fill) -> str:
    return f"d-{_stamp(fill.time)}-{fill.symbol}-{fill.side}"


def _position_of(judged: Judged, fill: Fill) -> str | None:
    """Return the id of the position that a fill opened, changed or closed."""
    holding = judged.book.account.holdings.get(fill.symbol)
    opened = [holding.opened] if holding else [t.entry_time for t in judged.trades if t.symbol == fill.symbol]
    return f"d-{_stamp(opened[0])}-{fill.symbol}" if opened else None


def _uid(log: BotLog, name: str | None) -> str | None:
    return None if name is None else f"{log.bot_id}:{name}"


def _stamp(time: int) -> str:
    # Days since 1970: short, and the same however often it is told.
    return str(time // 86_400_000_000_000)
