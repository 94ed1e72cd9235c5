"""Small makers of events and issues, so that a test says only what it is about."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from obs.events import Event, Origin, Severity

REPO = Path(__file__).resolve().parents[1]
SECOND = 1_000_000_000
START = 1_763_632_800 * SECOND
"""2025-11-20 10:00:00 UTC."""


def event(
    body: str = "",
    *,
    at: float = 0,
    severity: Severity = Severity.INFO,
    name: str = "",
    bot: str = "bot-1",
    logger: str = "bot.core",
    uid: str = "",
    line: int = 0,
    **more: Any,
) -> Event:
    """Return an event `at` seconds after START; `line` makes it one of a recorded file."""
    attributes: Mapping[str, Any] = more.pop("attributes", {})
    return Event(
        timestamp=START + int(at * SECOND),
        severity=severity,
        severity_text=severity.name,
        body=body,
        event_name=name,
        logger=logger,
        attributes=attributes,
        resource={"service.name": bot},
        uid=uid or f"test-{at}-{line}-{body[:20]}",
        origin=Origin("a", line) if line else None,
        **more,
    )


PACK = """
[[rule]]
id = "my.hedge-late"
category = "TRADING"
severity = "critical"
title = "Hedge late"
cause = "The second leg came after its limit."
fix_in = "code: hedging"
actions = ["[read] How long the first leg took."]
patterns = ['hedge for \\S+ took \\d+ ms']
weight = 90
[rule.examples]
match = ["hedge for BTC/USDT took 900 ms"]
"""
"""A rule pack as a user writes one."""
