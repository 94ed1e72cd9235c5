"""Events as an analyzer shows them to its listeners, and what a chronicle makes of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from obs.events import Event, Severity
from obs.history.chronicle import Chronicle
from obs.keeping.store import Change, Store
from obs.keeping.store_tables import BATCH

MINUTE = 60_000_000_000
DAY = 1_440 * MINUTE
NOON = 1_763_640_000_000_000_000
"""2025-11-20 12:00 UTC."""


def event(number: int, body: str = "", **more: Any) -> Event:
    """The event of a number; keywords are its fields, `at` its Unix ns."""
    at = more.pop("at", NOON + number * 1_000_000)
    return Event(
        timestamp=at,
        body=body or f"record {number}",
        severity=more.pop("severity", Severity.INFO),
        logger=more.pop("logger", "bot.core"),
        uid=more.pop("uid", f"life-{number}"),
        resource={"service.name": more.pop("service", "grid")},
        **more,
    )


def trade(number: int, pnl: str, currency: str = "USDT", **more: Any) -> Event:
    attributes = {
        "trade.id": f"t{number}",
        "position.id": f"p{number}",
        "symbol": "BTC/USDT",
        "pnl.net": pnl,
        "currency": currency,
    }
    return event(number, "closed", event_name="trade.closed", attributes=attributes, **more)


def call(number: int, cost: str, *, agent: str = "analyst", model: str = "own-model", **more: Any) -> Event:
    attributes: dict[str, Any] = {
        "gen_ai.agent.name": agent,
        "gen_ai.provider.name": "own",
        "gen_ai.request.model": model,
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 10,
        "duration_ms": 250,
        **({"llm.cost": cost, "llm.cost_currency": "USD"} if cost else {}),
        **more.pop("attributes", {}),
    }
    return event(number, "asked", event_name="llm.called", attributes=attributes, **more)


def credit(number: int, of: int, agent: str, amount: str, **more: Any) -> Event:
    attributes = {
        "trade.id": f"t{of}",
        "agent.name": agent,
        "contribution": amount,
        "currency": "USDT",
        "contribution.method": "shapley",
    }
    return event(number, "credited", event_name="attribution.computed", attributes=attributes, **more)


def tell(chronicle: Chronicle, *events: Event, issue: str = "") -> None:
    for one in events:
        chronicle.heard(one, one.service, [issue] if issue else [])


def store(store: Store, chronicle: Chronicle) -> None:
    """Write what waits, as the sidecar does."""
    store.save(Change(rows=chronicle.pending()))
    chronicle.stored()


def filled(store_: Store, *events: Event, issue: str = "") -> Chronicle:
    chronicle = Chronicle(int(store_.load().notes.get(BATCH, 0)), clock=lambda: NOON)
    tell(chronicle, *events, issue=issue)
    store(store_, chronicle)
    return chronicle


def amounts(found: dict[str, Decimal]) -> dict[str, str]:
    return {currency: str(amount) for currency, amount in found.items()}
