"""Runs of the whole fleet, made once, and what they logged."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from trading.paper.bot import Bot
from trading.paper.faults import PLANS
from trading.paper.fleet import FLEET, run_bot

START_NS = 1_795_183_200 * 1_000_000_000
"""2026-11-20 14:00:00 UTC."""


class ListHandler(logging.Handler):
    """Keeps every record as it came."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@contextmanager
def collected() -> Iterator[list[logging.LogRecord]]:
    """Collect all records, of whatever level."""
    root, handler = logging.getLogger(), ListHandler()
    level = root.level
    root.setLevel(1)
    root.addHandler(handler)
    try:
        yield handler.records
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


@dataclass(frozen=True)
class Run:
    """A finished run of all bots."""

    bots: dict[str, Bot]
    records: list[logging.LogRecord]

    def events(self, name: str, bot: str | None = None) -> list[dict[str, Any]]:
        """Return the attributes of the events of that name, oldest first, with `at`: seconds into the run."""
        return [
            {**vars(record), "at": record.created - START_NS / 1e9}
            for record in self.records
            if getattr(record, "event_name", None) == name and bot in (None, getattr(record, "bot.id", None))
        ]

    def lines(self, part: str) -> list[logging.LogRecord]:
        """Return the plain records of one part of the bots."""
        return [record for record in self.records if record.name == f"trading.{part}"]


def run_fleet(plan: str, *, seed: int = 0) -> Run:
    """Run every bot for 45 minutes of its clock."""
    with collected() as records:
        bots = {
            bot_id: run_bot(config, start_ns=START_NS, duration_s=2700, faults=PLANS[plan], seed=seed)
            for bot_id, config in FLEET.items()
        }
    return Run(bots, sorted(records, key=lambda record: record.created))


@pytest.fixture(scope="session")
def healthy() -> Run:
    return run_fleet("none")


@pytest.fixture(scope="session")
def faulty() -> Run:
    return run_fleet("demo")


@pytest.fixture(autouse=True)
def untouched_logger() -> Iterator[None]:
    """Commands run in this process open the core's logger; the next test finds it as it was."""
    logger = logging.getLogger("trading")
    level, handlers = logger.level, list(logger.handlers)
    yield
    logger.setLevel(level)
    logger.handlers[:] = handlers
