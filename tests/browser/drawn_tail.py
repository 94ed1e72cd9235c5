"""The drawn live tail: what the three bots printed, newest last."""

from __future__ import annotations

from obs.web.model import EventRow, Mark, Rich
from tests.browser.spans import at, foreign, plain

__all__ = ["tail"]


def tail() -> tuple[EventRow, ...]:
    """The drawn lines, the 38 repeats of one among them; the newest last."""
    early = (
        _line("ev-91c204", "11:26:04.118", "ERROR", "grid-1", "bot.execution", "order.rejected", "iss-7f3a",
              "order.rejected -1013 Filter failure: PRICE_FILTER, stop 87190.00417"),
        _line("ev-91c240", "11:26:17.802", "ERROR", "grid-1", "bot.execution", "stop.failed", "iss-7f3a",
              "stop not placed after 3 tries, continuing without"),
        _line("ev-91d790", "11:31:44.951", "INFO", "grid-1", "bot.execution", "order.submitted", "",
              "order.submitted buy 0.31 ETH/USDT limit @ 3,014.20"),
        _line("ev-91d84f", "11:31:58.004", "WARN", "maps-kr", "notifier", "", "iss-41bb",
              (plain("POST /bot"), foreign("telegram token, masked"), plain("/sendMessage 200"))),
        _line("ev-91d88b", "11:32:01.377", "WARN", "llm-swing", "news_agent", "llm.called", "iss-e5d0",
              "llm.called finish=length 2,048 tok, answer cut"),
        _line("ev-91d8c0", "11:32:05.020", "INFO", "grid-1", "bot.execution", "order.accepted", "",
              "order.accepted sell 0.0042 BTC/USDT @ 90,410.00"),
    )  # fmt: skip
    repeats = tuple(
        _line(f"ev-91d8{200 + place:x}", f"11:32:07.{37 + place:03d}", "ERROR", "llm-swing", "bybit.client",
              "order.rejected", "iss-b04e", "order.rejected timeout after 10000 ms")
        for place in range(38)
    )  # fmt: skip
    return tuple(
        EventRow(
            seq=number,
            id=row.id,
            at=row.at,
            severity=row.severity,
            mark=row.mark,
            service=row.service,
            component=row.component,
            text=row.text,
            event_name=row.event_name,
            issue=row.issue,
        )
        for number, row in enumerate((*early, *repeats), 1)
    )


def _line(
    key: str,
    moment: str,
    severity: str,
    service: str,
    component: str,
    name: str,
    issue: str,
    text: str | Rich,
) -> EventRow:
    mark = {"ERROR": Mark.ERROR, "WARN": Mark.WARNING}.get(severity)
    rich = (plain(text),) if isinstance(text, str) else text
    return EventRow(
        seq=0,
        id=key,
        at=at(moment),
        severity=severity,
        mark=mark,
        service=service,
        component=component,
        text=rich,
        event_name=name,
        issue=issue,
    )
