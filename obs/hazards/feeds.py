"""Alive and blind: a bot that says RUNNING on old data."""

from __future__ import annotations

from collections.abc import Iterator

from obs.books import BotFacts, decimal
from obs.hazards.making import SECOND_NS, issue, shown
from obs.quoting import plain
from obs.snapshot import Category, Issue, IssueSeverity

__all__ = ["stale"]

STALE_CANDLE_S = 300


def stale(name: str, bot: BotFacts) -> Iterator[Issue]:
    values = bot.heartbeat.values
    age = decimal(values.get("candle.age_s") or values.get("tick.age_s"))
    closed = values.get("market.open") is False
    if age is None or age < STALE_CANDLE_S or closed:
        return
    due = bot.heartbeat.time - int(age * SECOND_NS)
    state = plain(str(values.get("bot.state") or "running"))
    yield issue(
        ("stale-feed", name),
        Category.TRADING,
        IssueSeverity.ERROR,
        "Alive but without data: the price feed stopped",
        name,
        first=due,
        last=bot.heartbeat.time,
        count=bot.heartbeats.count,
        trend="worse",
        explanation=f"The bot reports {state}, yet its last candle was {int(age)} s old at its "
        "last heartbeat. "
        "Signals and exits computed since then stand on old prices.",
        fix_in="outside or the feed's reconnect code",
        actions=(
            "[read] Does the feed deliver to another client? When did its connection last open?",
            "[ask] Should the bot hold open positions while it is blind?",
            "[restart] Reconnect the feed; candles must arrive within one interval.",
        ),
        do_not="trust RUNNING: the loop lives, the data does not",
        minutes=10,
        evidence=[shown(bot.heartbeat)],
        grouped_by=f"heartbeats of {plain(name)} whose data is too old",
    )
