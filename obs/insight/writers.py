"""Who places orders on which account, so that a second writer is seen: the names under which `State` counts.

Two processes that trade the same market of one account undo each other's orders and break each other's nonce.
"""

from __future__ import annotations

from obs.events import Event
from obs.insight.tallies import joined

__all__ = ["UNKNOWN_ACCOUNT", "writer_name"]

UNKNOWN_ACCOUNT = ""


def writer_name(event: Event, service: str) -> str:
    """Return exchange, account, symbol, service and process of an order that was sent; else empty."""
    if event.event_name != "order.submitted":
        return ""
    values = event.attributes
    if values.get("run.mode") in ("paper", "backtest"):
        return ""  # simulated orders reach no account
    symbol = values.get("symbol")
    if not symbol:
        return ""
    account = values.get("account.id") or UNKNOWN_ACCOUNT
    process = event.resource.get("process.pid") or values.get("process.pid") or ""
    return joined(values.get("exchange.id") or "", account, symbol, service, process)
