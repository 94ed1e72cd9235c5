"""Days of trading for the page: three bots at work, and what goes wrong with them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from obs.web.model import Rich
from tests.builders import SECOND, START
from tests.scenarios.playing import Story

__all__ = ["HOUR", "KRX_OPEN", "MINUTE", "bought", "busy", "now", "stopped", "text", "well", "work"]

MINUTE, HOUR = 60.0, 3_600.0
KRX_OPEN = 14 * HOUR
"""Seconds from START (2025-11-20 10:00 UTC, a Thursday) to 09:00 of the next day in Seoul."""


def now(at: float) -> int:
    """Return Unix ms of a second of the day."""
    return (START + int(at * SECOND)) // 1_000_000


def text(rich: Rich) -> str:
    """Return the words of a sentence; an age, a wait and a time of day are named by what they are."""
    return "".join(
        span.text
        + ("<age>" if span.since else "")
        + ("<wait>" if span.until else "")
        + ("<clock>" if span.clock else "")
        for span in rich
    )


def work(
    story: Story,
    bot: str,
    *,
    until: float,
    symbol: str = "BTC/USDT",
    stages: Iterable[tuple[str, float]] = (("market.bar", MINUTE),),
    begin: float = 0,
) -> None:
    """Let a bot beat every half minute and do its stages, each at its own pace."""
    story.say(begin, "bot.started", {"bot.state": "running"}, bot=bot)
    for name, pace in (("heartbeat", 30.0), *stages):
        values: dict[str, Any] = {"bot.state": "running"} if name == "heartbeat" else {"symbol": symbol}
        for step in range(int((until - begin) / pace)):
            story.say(begin + step * pace, name, values, bot=bot)


def bought(
    story: Story, at: float, bot: str, symbol: str, quantity: str, price: str, currency: str, **more: Any
) -> None:
    """Let a bot open a position."""
    values = {
        "position.id": f"p-{bot}-{symbol}",
        "symbol": symbol,
        "position.quantity": quantity,
        "position.average_price": price,
        "position.side": "long",
        "currency": currency,
    }
    story.say(at, "position.opened", {**values, **more}, bot=bot)


def stopped(
    story: Story,
    at: float,
    bot: str,
    symbol: str,
    price: str,
    how: str = "order.accepted",
    number: int = 1,
) -> None:
    """Let a bot say something of the stop of a position."""
    values: dict[str, Any] = {
        "order.id": f"s{number}-{bot}-{symbol}",
        "order.type": "stop_market",
        "order.side": "sell",
        "order.stop_price": price,
        "position.id": f"p-{bot}-{symbol}",
        "symbol": symbol,
    }
    if how == "order.rejected":
        values["error.type"] = "invalid_order"
    story.say(at, how, values, bot=bot)


def well(end: float = 4 * HOUR) -> Story:
    """Three bots, each position with its stop; the third waits for its market."""
    story = Story(mode="live")
    work(story, "grid-1", until=end, stages=(("market.bar", MINUTE), ("market.mark", 5 * MINUTE)))
    bought(story, 10, "grid-1", "BTC/USDT", "0.5", "90000", "USDT")
    stopped(story, 11, "grid-1", "BTC/USDT", "88000")
    work(story, "maps-kr", until=end, symbol="005930.KS", stages=())
    bought(story, 12, "maps-kr", "005930.KS", "20", "71000", "KRW")
    stopped(story, 13, "maps-kr", "005930.KS", "69000")
    work(story, "llm-swing", until=end, symbol="ETH/USDT", stages=(("market.bar", 5 * MINUTE),))
    signals(story, "llm-swing", end)
    return story


def signals(story: Story, bot: str, end: float) -> None:
    """Let a bot have signals of which most stop at a gate and few are filled."""
    for number in range(int(end / (10 * MINUTE))):
        at = 30 + number * 10 * MINUTE
        story.say(at, "signal.generated", {"symbol": "ETH/USDT", "signal.id": f"g{number}"}, bot=bot)
        if number % 4:
            refused = {"symbol": "ETH/USDT", "filter": "confidence", "value": 0.41, "threshold": 0.6}
            story.say(at + 1, "signal.filtered", refused, bot=bot)
            continue
        order = {"order.id": f"o{number}", "symbol": "ETH/USDT", "order.type": "limit"}
        story.say(at + 2, "order.submitted", order, bot=bot)
        story.say(at + 3, "order.filled", order, bot=bot)


def busy(end: float = 4 * HOUR) -> Story:
    """The same day with a refused stop, a feed that fell silent and a key in the log."""
    story = well(end)
    stopped(story, end - 6 * MINUTE, "grid-1", "BTC/USDT", "88000", "order.canceled")
    stopped(story, end - 5 * MINUTE, "grid-1", "BTC/USDT", "88000.00417", "order.rejected", number=2)
    return story
