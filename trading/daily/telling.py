"""What a daily run says: the events of a session, and the lines for whoever started it."""

from __future__ import annotations

from datetime import date

from trading.daily.products import Judged, Phase, Summed
from trading.logs import BotLog, Value
from trading.signals.params import Params
from trading.signals.signal import Verdict
from trading.signals.telling import tell

__all__ = ["session", "summary"]


def session(log: BotLog, judged: Judged, verdict: Verdict, *, currency: str, params: Params) -> None:
    """Log what happened to the paper account in a session, then what the engine said of it.

    Every id is made of the session, so a session that is told again is the same one to whoever counts.
    """
    _fills(log, judged, currency)
    _trades(log, judged, currency)
    _positions(log, judged, currency)
    equity, before = judged.book.equity, judged.equity_before
    log.event(
        "equity.measured",
        {
            "equity": round(equity, 4),
            "equity.day_start": None if before is None else round(before, 4),
            "equity.peak": round(judged.book.peak, 4),
            "pnl.day": None if before is None else round(equity - before, 4),
            "drawdown.ratio": round(equity / judged.book.peak - 1, 6),
            "exposure.ratio": round(1 - judged.book.account.cash / equity, 6) if equity > 0 else 0.0,
            "currency": currency,
        },
        "equity %.2f %s",
        equity,
        currency,
    )
    tell(log, verdict, market=params.market_symbol, before=judged.market_before)


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


def _fills(log: BotLog, judged: Judged, currency: str) -> None:
    for fill in judged.fills:
        order_id = f"d-{_stamp(fill.time)}-{fill.symbol}-{fill.side}"
        order: dict[str, Value] = {
            "order.id": order_id,
            "symbol": fill.symbol,
            "order.side": fill.side,
            "order.type": "market",
            "order.quantity": fill.quantity,
            "currency": currency,
        }
        log.event("order.submitted", order, "%s %s %s at the open", fill.side, fill.quantity, fill.symbol)
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
            },
            "%s %s %s at %s on paper",
            fill.side,
            fill.quantity,
            fill.symbol,
            round(fill.price, 8),
        )


def _trades(log: BotLog, judged: Judged, currency: str) -> None:
    for number, trade in enumerate(judged.trades, 1):
        log.event(
            "trade.closed",
            {
                "trade.id": f"d-{_stamp(trade.exit_time)}-{trade.symbol}-{number}",
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
                "currency": currency,
            },
            "closed %s of %s: %+.2f %s",
            trade.quantity,
            trade.symbol,
            trade.pnl,
            currency,
        )


def _positions(log: BotLog, judged: Judged, currency: str) -> None:
    """Log every position as it stands at the close, so that a listener who came late knows them all."""
    held = judged.book.account.holdings
    opened = {fill.symbol for fill in judged.fills if fill.kind == "open"}
    for symbol, holding in sorted(held.items()):
        name = "position.opened" if symbol in opened else "position.changed"
        about: dict[str, Value] = {
            "position.id": f"d-{_stamp(holding.opened)}-{symbol}",
            "symbol": symbol,
            "position.side": "long",
            "position.quantity": holding.quantity,
            "position.average_price": round(holding.average_price, 8),
            "pnl.unrealized": round(holding.quantity * (holding.last - holding.average_price), 4),
            "currency": currency,
        }
        log.event(name, about, "%s %s held at %s", holding.quantity, symbol, round(holding.average_price, 8))
    for trade in judged.trades:
        if trade.symbol in held and held[trade.symbol].opened == trade.entry_time:
            # A part was sold; the rest is told above.
            continue
        about = {
            "position.id": f"d-{_stamp(trade.entry_time)}-{trade.symbol}",
            "symbol": trade.symbol,
            "position.side": "long",
            "position.quantity": 0.0,
            "position.average_price": round(trade.entry_price, 8),
            "pnl.realized": round(trade.pnl, 4),
            "currency": currency,
        }
        log.event("position.closed", about, "nothing of %s held any more", trade.symbol)


def _stamp(time: int) -> str:
    # Days since 1970: short, and the same however often it is told.
    return str(time // 86_400_000_000_000)
