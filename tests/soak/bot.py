"""A victim: a bot that logs numbered records at load, and notes each call that returned in a ledger.

    python -m tests.soak.bot DIRECTORY LEDGER LIFE RATE

Each record carries its number and a payload made from it, so nothing can be lost, doubled, mixed or invented
unseen. The ledger is written with one system call a record: it survives `kill -9`.
"""

from __future__ import annotations

import hashlib
import logging
import os
import signal
import struct
import sys
import time
from decimal import Decimal
from typing import Any

from obs.handler import SidecarHandler

ENTRY = struct.Struct("<Q")
"""Number of the record, times four, plus its kind."""
INFO, WARNING, TRADE, CALL = range(4)
FAULT_EVERY = 100
"""Every so many records the WARNING is an ERROR, and all of these are one issue."""
FAULT = "soak-fault"
WARNING_EVERY = 25
TRADE_EVERY = 40
CALL_EVERY = 15
BURST_SECONDS = 0.005


def payload_of(life: str, number: int) -> str:
    """What record `number` of this life has to carry."""
    return hashlib.blake2b(f"{life}:{number}".encode(), digest_size=8).hexdigest()


def kind_of(number: int) -> int:
    """What record `number` is."""
    if number % WARNING_EVERY == 0:
        return WARNING
    if number % TRADE_EVERY == 0:
        return TRADE
    return CALL if number % CALL_EVERY == 0 else INFO


def amount_of(number: int) -> Decimal:
    """What the trade with this number earned, or the call cost: no two sums of them are alike by chance."""
    sign = -1 if number % (3 * TRADE_EVERY) == 0 else 1
    return sign * (Decimal(number) / 1000 + Decimal("0.00000001"))


def currency_of(number: int) -> str:
    """What the trade with this number was made in."""
    return "USDT" if number % (2 * TRADE_EVERY) else "KRW"


def level_of(number: int) -> int:
    """How grave record `number` is."""
    if number % FAULT_EVERY == 0:
        return logging.ERROR
    return logging.WARNING if number % WARNING_EVERY == 0 else logging.INFO


def name_of(life: str, number: int) -> str:
    """The id of the trade, or of the decision a call was made for."""
    return f"{life}-{number}"


def words_of(life: str, number: int) -> dict[str, Any]:
    """The attributes of a record that is of an issue or tells of money."""
    kind = kind_of(number)
    if number % FAULT_EVERY == 0:
        return {"fingerprint": FAULT}
    if kind == TRADE:
        return {
            "event_name": "trade.closed",
            "trade.id": name_of(life, number),
            "position.id": name_of(life, number),
            "symbol": "BTC/USDT",
            "pnl.net": str(amount_of(number)),
            "currency": currency_of(number),
        }
    if kind == CALL:
        return {
            "event_name": "llm.called",
            "gen_ai.agent.name": f"agent-{number % 7}",
            "gen_ai.provider.name": "own",
            "gen_ai.request.model": "soak-model",
            "decision.id": name_of(life, number),
            "llm.cost": str(abs(amount_of(number))),
            "llm.cost_currency": "USD",
        }
    return {}


def main() -> None:
    directory, ledger_path, life, rate = sys.argv[1:5]
    logger = logging.getLogger("soak.bot")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(SidecarHandler(directory, service="soak"))
    ledger = os.open(ledger_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))

    began, number = time.monotonic(), 0
    while not told:
        due = int((time.monotonic() - began) * float(rate))
        while number < due and not told:
            number += 1
            more = {"soak.life": life, "soak.number": number, "soak.payload": payload_of(life, number)}
            more |= words_of(life, number)
            logger.log(level_of(number), "record %d", number, extra=more)
            # Only now the record is owed: its call has returned.
            os.write(ledger, ENTRY.pack(number * 4 + kind_of(number)))
        time.sleep(BURST_SECONDS)


if __name__ == "__main__":
    main()
