"""Issues that no line of text shows: what the bot's own event words mean when they are put together.

A position without a stop, an exchange that stopped answering, a feed that fell silent while the bot says
RUNNING, an agent that talks to itself, a secret in the log, a process that died. Pure functions of `State`,
one module for each kind of danger.
"""

from __future__ import annotations

from obs.adapters import PROGRAM
from obs.books import Calls
from obs.hazards import agents, feeds
from obs.hazards.leaks import leaks
from obs.hazards.outages import lost_notices, outage
from obs.hazards.positions import mark_price, open_positions, protection, refused_orders, unprotected
from obs.hazards.processes import ended
from obs.snapshot import Issue
from obs.state import State

__all__ = ["find", "mark_price", "open_positions", "protection"]


def find(state: State, now: int) -> list[Issue]:
    """Return the issues that the facts of all bots show at `now` (Unix ns)."""
    found: list[Issue] = []
    exchanges: dict[str, dict[str, Calls]] = {}
    for name, bot in sorted(state.books.bots.items()):
        if bot.mode.values.get("run.mode") == "backtest":
            continue
        found += unprotected(name, bot)
        found += agents.loops(name, bot)
        found += feeds.stale(name, bot)
        found += lost_notices(name, bot)
        found += refused_orders(name, bot)
        found += ended(name, bot)
        for exchange, calls in bot.calls.items():
            if PROGRAM in calls.last_failure.values:
                # Read from a program's text, whose rules know more of the failure than that it failed.
                continue
            exchanges.setdefault(exchange, {})[name] = calls
    for exchange, by_bot in sorted(exchanges.items()):
        found += outage(exchange, by_bot)
    found += leaks(state)
    return found
