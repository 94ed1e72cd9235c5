"""Issues that no line of text shows: what the bot's own event words mean when they are put together.

A position without a stop, an exchange that stopped answering, a feed that fell silent while the bot says
RUNNING, an agent that talks to itself, a secret in the log, a process that died. Pure functions of `State`,
one module for each kind of danger.
"""

from __future__ import annotations

from obs.adapters import PROGRAM
from obs.books import BotFacts, Calls
from obs.hazards import agents
from obs.hazards.bursts import bursts
from obs.hazards.checks import bad_data
from obs.hazards.growth import growing
from obs.hazards.intruders import foreign_orders, second_writers
from obs.hazards.leaks import leaks
from obs.hazards.outages import Answers, answers_by_exchange, limited, lost_notices, outage, refused_key
from obs.hazards.positions import (
    mark_price,
    open_positions,
    protection,
    unguarded,
    unprotected,
)
from obs.hazards.prices import misreported
from obs.hazards.processes import crash_loop, ended
from obs.hazards.refusals import denied_orders, refused_orders
from obs.hazards.reversals import losses_since
from obs.hazards.slips import slips
from obs.hazards.stops import missed_stops
from obs.snapshot import Issue
from obs.state import State

__all__ = ["find", "mark_price", "open_positions", "protection"]


def find(state: State, now: int) -> list[Issue]:
    """Return the issues that the facts of all bots show at `now` (Unix ns)."""
    found: list[Issue] = []
    bots = {
        name: bot
        for name, bot in sorted(state.books.bots.items())
        if bot.mode.values.get("run.mode") != "backtest"
    }
    for name, bot in bots.items():
        found += unprotected(name, bot)
        found += unguarded(name, bot)
        found += agents.loops(name, bot)
        found += agents.cut_off(name, bot)
        found += lost_notices(name, bot)
        found += refused_orders(name, bot)
        found += denied_orders(name, bot)
        found += bad_data(name, bot)
        found += foreign_orders(name, bot)
        found += ended(name, bot)
        found += crash_loop(name, bot, state.timeline, now)
    answers = answers_by_exchange(state.routes)
    for exchange, by_bot in sorted(_calls(bots).items()):
        for kind in (outage, refused_key, limited):
            found += kind(exchange, answers.get(exchange, Answers()), by_bot)
    found += bursts(state, now)
    found += growing(state.gauges, state.timeline, now)
    found += second_writers(state.writers, bots)
    found += leaks(state)
    found += slips(state.beats)
    found += misreported(state.money)
    found += missed_stops(bots, state.tapes, now)
    found += losses_since(bots, state.tapes, state.timeline)
    return found


def _calls(bots: dict[str, BotFacts]) -> dict[str, dict[str, Calls]]:
    """Exchange -> bot -> its calls, but for those read from a program's text: its rules know more of them."""
    exchanges: dict[str, dict[str, Calls]] = {}
    for name, bot in bots.items():
        for exchange, calls in bot.calls.items():
            if PROGRAM not in calls.last_failure.values:
                exchanges.setdefault(exchange, {})[name] = calls
    return exchanges
