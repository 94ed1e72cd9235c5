"""What was looked at and is as it should be: silence must be proven.

A check is told only when there was something to look at and it held; what fails is an issue, not a check, and
what nothing tells of is neither. Pure functions of `State`, the open issues, `Expectations` and `now`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from obs.books import BotFacts, decimal
from obs.healthrows import waiting
from obs.insight.tallies import parted
from obs.insight.trends import Gauge, reaches, theil_sen
from obs.series import MINUTE_NS
from obs.snapshot import Issue, IssueStatus
from obs.standing import BotStanding, Check, Holding
from obs.state import State
from obs.watch.expectations import Expectations

__all__ = ["checks"]

DAY_NS = 24 * 60 * MINUTE_NS
FRESH_NS = 15 * MINUTE_NS
"""Samples older than this say nothing of the present."""
OLD_ORDER_NS = 10 * MINUTE_NS
CLOCK_MS = 1_000.0
WEIGHT = 0.8
CADENCES = ("heartbeats", "ticks", "candles", "signals", "answers")


def checks(
    state: State,
    issues: Sequence[Issue],
    held: Sequence[Holding],
    bots: Sequence[BotStanding],
    expected: Expectations,
    now: int,
) -> tuple[Check, ...]:
    """Return the checks that passed at `now` (Unix ns).

    Args:
        state: The facts.
        issues: All issues; what an open one says is no passed check.
        held: Open positions.
        bots: How each bot stands.
        expected: Limits and session tables.
        now: Unix ns.
    """
    past = (IssueStatus.RESOLVED, IssueStatus.ARCHIVED)
    rules = {issue.rule for issue in issues if issue.status not in past}
    found: list[Check] = []
    found += _stops(held)
    found += _accounts(state, rules)
    found += _losses(state.books.bots, expected, now)
    found += _orders(state.books.bots, now)
    found += _cadences(bots)
    found += _answers(state.books.bots, rules, now)
    found += _calendars(bots)
    found += _gauges(state, rules, now)
    if state.events and not state.leaks:
        found.append(Check(name="secrets", value=0.0, unit="count"))
    return tuple(found)


def _stops(held: Sequence[Holding]) -> Iterator[Check]:
    guarded = sum(one.protection == "stop" for one in held)
    if held and guarded == len(held):
        yield Check(name="stops", good=guarded, of=len(held))


def _accounts(state: State, rules: set[str]) -> Iterator[Check]:
    accounts = {parted(name)[:2] for name in state.writers.series}
    if accounts and not rules & {"second-writer", "foreign-orders"}:
        yield Check(name="writers", good=len(accounts), of=len(accounts))


def _losses(bots: Mapping[str, BotFacts], expected: Expectations, now: int) -> Iterator[Check]:
    worst: Decimal | None = None
    for bot in bots.values():
        start = decimal(bot.equity.values.get("equity.day_start"))
        equity = decimal(bot.equity.values.get("equity"))
        if start and equity is not None and now - bot.equity.time < DAY_NS:
            lost = max(Decimal(0), (start - equity) / start)
            worst = lost if worst is None else max(worst, lost)
    limit = expected.limits.daily_loss
    if worst is not None and worst < limit:
        yield Check(name="daily_loss", value=float(worst), limit=float(limit), unit="ratio")


def _orders(bots: Mapping[str, BotFacts], now: int) -> Iterator[Check]:
    resting = [order for bot in bots.values() for order in waiting(bot)]
    if resting and all(now - order.began < OLD_ORDER_NS for order in resting):
        yield Check(name="orders", value=float(len(resting)), limit=float(OLD_ORDER_NS), unit="count")


def _cadences(bots: Sequence[BotStanding]) -> Iterator[Check]:
    for stage in CADENCES:
        kept = [p for bot in bots for p in bot.pulses if p.stage == stage and p.every and p.state != "off"]
        # A closed market is waited for: that, too, is as it should be.
        good = sum(pulse.state in ("on_time", "closed") for pulse in kept)
        if kept and good == len(kept):
            yield Check(name=f"cadence.{stage}", good=good, of=len(kept))


def _answers(bots: Mapping[str, BotFacts], rules: set[str], now: int) -> Iterator[Check]:
    calls = sum(llm.calls.since(now - DAY_NS) for bot in bots.values() for llm in bot.llm.values())
    if calls and not rules & {"llm-loop", "llm-cut"}:
        yield Check(name="answers", value=float(calls), unit="count")


def _calendars(bots: Sequence[BotStanding]) -> Iterator[Check]:
    known = [bot for bot in bots if bot.market]
    if not known or len(known) < len(bots):
        return
    ahead = min((bot for bot in known if bot.opens_at), key=lambda bot: bot.opens_at, default=None)
    yield Check(
        name="calendars",
        good=len(known),
        of=len(bots),
        about=ahead.market if ahead is not None else "",
        until=ahead.opens_at if ahead is not None else 0,
    )


def _gauges(state: State, rules: set[str], now: int) -> Iterator[Check]:
    fresh: dict[str, list[Gauge]] = {}
    for measures in state.gauges.of.values():
        for measure, gauge in measures.items():
            if gauge.minutes and now - max(gauge.minutes) * MINUTE_NS < FRESH_NS:
                fresh.setdefault(measure.partition(" ")[0], []).append(gauge)
    offset = max(map(_newest, fresh.get("clock", ())), key=abs, default=None)
    if offset is not None and abs(offset) < CLOCK_MS:
        yield Check(name="clock", value=offset, limit=CLOCK_MS, unit="ms")
    shares = [_newest(gauge) / gauge.limit[1] for gauge in fresh.get("weight", ()) if gauge.limit[1]]
    if shares and max(shares) < WEIGHT:
        yield Check(name="weight", value=max(shares), limit=WEIGHT, unit="ratio")
    if fresh.get("disk") and "disk-fills" not in rules:
        gauge = fresh["disk"][0]
        yield Check(name="disk", value=_newest(gauge), unit="bytes", until=_full(gauge))
    memory = [_newest(g) / g.limit[1] for g in fresh.get("memory", ()) if g.limit[1]]
    if memory and "memory-growth" not in rules and max(memory) < WEIGHT:
        yield Check(name="memory", value=max(memory), limit=WEIGHT, unit="ratio")


def _newest(gauge: Gauge) -> float:
    low, high = gauge.minutes[max(gauge.minutes)]
    return low if abs(low) > abs(high) else high


def _full(gauge: Gauge) -> int:
    """Unix ns at which the disk is full if it goes on so; 0 when it does not fill."""
    line = theil_sen(gauge.lows())
    met = reaches(line, 0.0) if line is not None and line.high < 0 else None
    return met.at if met is not None else 0
