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

from obs.handler import SidecarHandler

ENTRY = struct.Struct("<Q")
"""Number of the record, times two, plus one for a WARNING."""
WARNING_EVERY = 25
BURST_SECONDS = 0.005


def payload_of(life: str, number: int) -> str:
    """What record `number` of this life has to carry."""
    return hashlib.blake2b(f"{life}:{number}".encode(), digest_size=8).hexdigest()


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
            is_warning = number % WARNING_EVERY == 0
            more = {"soak.life": life, "soak.number": number, "soak.payload": payload_of(life, number)}
            logger.log(logging.WARNING if is_warning else logging.INFO, "record %d", number, extra=more)
            # Only now the record is owed: its call has returned.
            os.write(ledger, ENTRY.pack(number * 2 + is_warning))
        time.sleep(BURST_SECONDS)


if __name__ == "__main__":
    main()
