"""How a record that speaks in attributes is quoted."""

from __future__ import annotations

from obs.events import Event, Severity
from obs.exhibits import spoken

BUY = {"symbol": "BTC/USDT", "order.id": "o3", "order.side": "buy"}


def test_an_event_without_a_text_is_quoted_by_its_name() -> None:
    event = Event(timestamp=1, severity=Severity.INFO, body="", event_name="order.submitted", attributes=BUY)

    assert spoken(event) == "order.submitted symbol=BTC/USDT order.id=o3 order.side=buy"


def test_a_text_stands_for_the_name() -> None:
    event = Event(
        timestamp=1,
        severity=Severity.INFO,
        body="buy BTC/USDT",
        event_name="order.submitted",
        attributes=BUY,
    )

    assert spoken(event) == "buy BTC/USDT order.id=o3 order.side=buy"
