"""Small makers of the words a bot speaks about money, and what is made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from obs.events import Event
from obs.money.amounts import Money, Rate
from obs.money.book import MoneyBook
from obs.money.entries import LLM_CALLS, llm_call_of
from obs.money.metrics import PerformanceMetricsCalculator
from obs.money.pricing import Prices
from tests.builders import SECOND, START

__all__ = ["NOW", "amounts", "book_of", "calculator", "call", "closed", "ns", "opened", "say"]

HOUR = 3_600.0
NOW = START + 3_600 * SECOND
"""2025-11-20 11:00:00 UTC."""


def ns(text: str) -> int:
    """Return `2025-11-20T10:00` (UTC unless it says otherwise) as Unix ns."""
    at = datetime.fromisoformat(text)
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return int(at.timestamp()) * SECOND


_numbers = iter(range(10**9))


def say(name: str, at: float | int | str = 0, *, bot: str = "bot-1", uid: str = "", **values: Any) -> Event:
    """Return an event with attributes whose `__` stands for a dot.

    Args:
        name: Event name.
        at: Seconds after START, or a time as `ns` takes it.
        bot: The service.
        uid: Its id; made when empty.
        values: Attributes.
    """
    time = ns(at) if isinstance(at, str) else START + int(at * SECOND)
    return Event(
        timestamp=time,
        event_name=name,
        body=name,
        attributes={key.replace("__", "."): value for key, value in values.items()},
        resource={"service.name": bot},
        uid=uid or f"u-{next(_numbers)}",
    )


def opened(position: str, at: float | str = 0, **values: Any) -> Event:
    """Return the entry of a trade."""
    return say("position.opened", at, **{"position__id": position, "symbol": "BTC/USDT", **values})


def closed(trade: str, at: float | str, pnl: object, **values: Any) -> Event:
    """Return the result of a trade."""
    told = {"trade__id": trade, "pnl__net": pnl, "currency": "USDT", "symbol": "BTC/USDT", **values}
    return say("trade.closed", at, **told)


def call(at: float | str = 0, *, agent: str = "news", model: str = "gpt-5", **values: Any) -> Event:
    """Return one call of a language model: 1,000 tokens in, 100 out."""
    told = {
        "gen_ai__agent__name": agent,
        "gen_ai__provider__name": "openai",
        "gen_ai__request__model": model,
        "gen_ai__usage__input_tokens": 1_000,
        "gen_ai__usage__output_tokens": 100,
        **values,
    }
    return say(LLM_CALLS[1], at, **{key: value for key, value in told.items() if value is not None})


def book_of(*events: Event, prices: Prices | None = None) -> MoneyBook:
    """Return the book after these events."""
    book = MoneyBook()
    for event in events:
        book.add(event, event.service, llm_call_of(event, event.service, prices))
    return book


def calculator(*events: Event, now: int = NOW, prices: Prices | None = None, **more: Any) -> Any:
    """Return what computes the figures of these events."""
    book = book_of(*events, prices=prices)
    return PerformanceMetricsCalculator(book, now=now, cache_seconds=0, **more)


def amounts(money: Iterable[Money]) -> dict[str, str]:
    """Return amounts by currency as text."""
    return {one.currency: f"{one.amount:f}" for one in money}


def rate(pair: str, value: str, at: str) -> Rate:
    """Return a dated rate."""
    return msgspec.convert({"time": ns(at), "pair": pair, "rate": value}, Rate)


def picked(value: msgspec.Struct, *names: str) -> Mapping[str, Any]:
    """Return some fields of a figure."""
    return {name: getattr(value, name) for name in names}
