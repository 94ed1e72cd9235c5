"""A bot that says 512 harmless things and one poisoned one among them, for each kind of poison.

Run as a program of its own, with the `OBS_DIR`. It prints the kinds, and dies if logging raises.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

MANY, PLACE = 512, 200


class Raising:
    """Cannot be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no")

    __str__ = __repr__


def nested(levels: int) -> Any:
    held: Any = "end"
    for _ in range(levels):
        held = [held]
    return held


def circle() -> dict[str, Any]:
    held: dict[str, Any] = {"order.id": "42"}
    held["self"] = held
    return held


def strange(**changes: Any) -> logging.LogRecord:
    record = logging.LogRecord("bot.orders", logging.INFO, __file__, 1, "poisoned", (), None)
    for name, value in changes.items():
        setattr(record, name, value)
    return record


log = logging.getLogger("bot.orders")


def say(text: str, *arguments: Any, **extra: Any) -> None:
    log.info(text, *arguments, extra=extra)


KINDS: dict[str, Callable[[], None]] = {
    "no UTF-8 in the body": lambda: say(b"poisoned \xff\xfe".decode("utf-8", "surrogateescape")),
    "half a character": lambda: say("poisoned \ud800 in the midst"),
    "no UTF-8 in a name": lambda: log.info("poisoned", extra={"symb\udcc3(": "BTC", "": "no name"}),
    "nested a thousand deep": lambda: say("poisoned", deep=nested(1_000)),
    "in a circle": lambda: say("poisoned", held=circle()),
    "not a record": lambda: log.handle(strange(msg=Raising(), args=(1, 2), levelname=None, name=None)),
    "wrong arguments": lambda: say("poisoned %d %s", "x"),
    "NUL and control characters": lambda: say("poisoned a\x00b\x1b[2J\x9bc\u202e"),
    "no number": lambda: say("poisoned", nan=float("nan"), much=float("inf"), big=2**70, least=-(2**63) - 1),
    "a time of no year": lambda: log.handle(strange(created=1e30)),
    "no time": lambda: log.handle(strange(created=float("nan"))),
    "ids of a wrong length": lambda: say("poisoned", trace_id="short", span_id="x" * 40),
    "a text of a megabyte": lambda: say("poisoned " + "x" * 1_000_000),
    "ten thousand attributes": lambda: say("poisoned", **{f"key{n}": n for n in range(10_000)}),
    "an empty record": lambda: log.info(""),
    "values of foreign kinds": lambda: say(
        "poisoned", raises=Raising(), raw=b"\xff\x00", when=datetime.max.replace(tzinfo=UTC), kinds={int, str}
    ),
}


def decide(name: str, **more: Any) -> None:
    """One decision with an order that is filled: three spans."""
    common: dict[str, Any] = {"decision.id": f"d-{name}", "symbol": "BTC/USDT"}
    log.info("decision", extra={"event_name": "decision.made", **common, **more})
    order = {**common, "order.id": f"o-{name}", "order.side": "buy", "order.quantity": "1"}
    log.info("submitted", extra={"event_name": "order.submitted", **order, **more})
    filled = {**order, "fill.id": f"f-{name}", "fill.quantity": "1", "fill.price": "100", "currency": "USDT"}
    log.info("filled", extra={"event_name": "order.filled", **filled, **more})


def call(exchange: Any, model: Any, **more: Any) -> None:
    """What becomes labels and values of metrics."""
    log.debug(
        "request", extra={"event_name": "api.requested", "exchange.id": exchange, "duration_ms": 5, **more}
    )
    asked = {"gen_ai.request.model": model, "gen_ai.usage.input_tokens": 5, "duration_ms": 5, **more}
    log.info("asked", extra={"event_name": "gen_ai.client.inference.operation.details", **asked})


POISONED: list[dict[str, Any]] = [
    {"symbol": "half \ud800 a character", "order.exchange_id": "\x00\x1b[2J"},
    {"symbol": float("nan"), "order.price": float("inf"), "fill.price": 2**70},
    {"decision.score": nested(1_000), "reason": Raising()},
    {"trace_id": "short", "span_id": "zz", "symbol": "x" * 1_000_000},
    {f"key{n}": n for n in range(10_000)},
]
"""What else an order may say of itself."""

NAMES: list[Any] = [
    "half \ud800",
    "\x00\x1b[2J",
    "x" * 1_000_000,
    nested(1_000),
    float("nan"),
    2**70,
    '"\n}',
    "",
]
"""Of exchanges and models."""


def main() -> None:
    import obs

    logging.raiseExceptions = False
    log.setLevel(logging.DEBUG)
    attached = obs.attach(sys.argv[1], service="grid-1", sidecar="never")
    assert attached.active, attached.problem
    for kind, speak in enumerate(KINDS.values()):
        for number in range(MANY):
            if number == PLACE:
                speak()
            else:
                log.info("line %d of kind %d", number, kind)
    for kind, poison in enumerate(POISONED):
        for number in range(20):
            decide(f"{kind}-{number}", **(poison if number == 10 else {}))
    for name in NAMES:
        call("good", "a-model")
        call(name, name)
    call("good", "a-model", duration_ms=float("nan"), **{"gen_ai.usage.input_tokens": 2**70})
    print(json.dumps(list(KINDS)))


if __name__ == "__main__":
    main()
