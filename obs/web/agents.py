"""The agents by their return on LLM cost; what cannot be ranked says why, what is not known is `?`."""

from __future__ import annotations

from decimal import Decimal

from obs.money.amounts import Money
from obs.money.figures import AgentPerformance, LlmUsage, RealTimeMetrics
from obs.quoting import plain
from obs.snapshot import Snapshot
from obs.web.model import AgentRow, Agents, Badge
from obs.web.numbers import NONE, UNKNOWN, money, price, signed
from obs.web.reader import Reader

__all__ = ["agents"]

MOST = 50
UNRANKED = "–"


def agents(snapshot: Snapshot, reader: Reader) -> Agents:
    """Return the ranking of the last seven days."""
    figures = snapshot.money
    if figures is None:
        return Agents(empty=reader.say.rich("agents.empty"))
    # Of one bot alone, its own agents.
    known = set(snapshot.bots)
    rows = tuple(one for one in figures.agent_performance if not one.services or known & {*one.services})
    rows = rows[:MOST]
    if not rows:
        return Agents(empty=reader.say.rich("agents.empty"))
    currency = _main([one.currency for one in rows] or [""]) or _main(
        [amount.currency for one in rows for amount in (*one.contribution, *one.provisional)]
    )
    cost_currency = _main([amount.currency for one in rows for amount in one.cost]) or "USD"
    usage = {agent: stats for stats in figures.llm_usage_stats for agent in stats.agents}
    return Agents(
        rows=tuple(_row(one, currency, cost_currency, usage.get(one.agent), reader) for one in rows),
        currency=currency,
        cost_currency=cost_currency,
        text=_text(figures, rows, reader),
    )


def _main(currencies: list[str]) -> str:
    known = [one for one in currencies if one]
    return max(sorted(set(known)), key=known.count, default="")


def _row(
    one: AgentPerformance, currency: str, cost_currency: str, usage: LlmUsage | None, reader: Reader
) -> AgentRow:
    cost = next((a.amount for a in one.cost if a.currency == cost_currency), None)
    is_free = not one.unpriced and one.calls > 0 and not any(a.amount for a in one.cost)
    return AgentRow(
        rank=str(one.rank) if one.rank is not None else UNRANKED,
        name=plain(one.agent),
        model=", ".join(plain(model) for model in one.models[:2]),
        badge=_badge(one, is_free=is_free, reader=reader),
        trades=f"{one.trades:,}",
        won=f"{one.win_rate:.1f}%" if one.win_rate is not None else NONE,
        pnl=_result(one, currency, reader),
        cost=_cost(one, cost, cost_currency, is_free=is_free),
        roi=_roi(one, is_free=is_free, reader=reader),
        per_trade=_per_trade(one, is_free=is_free),
        spark=tuple(_running(one.daily)),
        note=_note(one, reader),
    )


def _badge(one: AgentPerformance, *, is_free: bool, reader: Reader) -> Badge | None:
    if one.unpriced:
        return Badge(reader.say("agents.unpriced"), is_loud=True)
    if is_free:
        return Badge(reader.say("agents.local"))
    return Badge(reader.say("agents.provisional")) if one.method in ("confidence", "mixed") else None


def _result(one: AgentPerformance, currency: str, reader: Reader) -> str:
    """What its part came to; where nothing has settled, how many trades are still open."""
    main = next((a for a in one.contribution if a.currency == currency), None)
    others = [a for a in one.contribution if a.currency != currency]
    if main is None and not others:
        return reader.say("agents.pending", n=one.open_trades) if one.open_trades else NONE
    told = [signed(main.amount, currency)] if main is not None else []
    return " ".join([*told, *(reader.money(other, sign=True) for other in others[:1])])


def _cost(one: AgentPerformance, cost: Decimal | None, currency: str, *, is_free: bool) -> str:
    if cost is not None:
        # What is unpriced comes on top, nobody knows how much.
        return money(cost, currency) + (f" + {UNKNOWN}" if one.unpriced else "")
    if one.unpriced:
        return UNKNOWN
    return money(Decimal(0), currency) if is_free else NONE


def _roi(one: AgentPerformance, *, is_free: bool, reader: Reader) -> str:
    if one.roi is not None:
        return f"{one.roi:+,.0f}%".replace("-", "\u2212")
    return reader.say("agents.no_cost") if is_free else NONE


def _per_trade(one: AgentPerformance, *, is_free: bool) -> str:
    if one.cost_per_trade is not None:
        return money(one.cost_per_trade.amount, one.cost_per_trade.currency)
    return money(Decimal(0), "USD") if is_free and one.trades else NONE


def _running(daily: tuple[float, ...]) -> list[float]:
    total, found = 0.0, []
    for value in daily:
        total += value
        found.append(round(total, 4))
    return found if any(found) else []


def _note(one: AgentPerformance, reader: Reader) -> str:
    told = []
    if one.reason:
        told.append(reader.say.get(f"agents.why_{one.reason}", one.reason))
    if one.provisional:
        amounts = ", ".join(reader.money(Money(a.amount, a.currency), sign=True) for a in one.provisional)
        told.append(reader.say("agents.of_open", money=amounts))
    return "; ".join(told)


def _text(figures: RealTimeMetrics, rows: tuple[AgentPerformance, ...], reader: Reader) -> str:
    """How it is ranked, and by which exchange rates."""
    used = {(rate.pair, rate.time): rate for one in rows for rate in one.rates}
    newest = sorted(used.values(), key=lambda rate: -rate.time)[:2]
    told = []
    for rate in newest:
        base, _, quoted = rate.pair.partition("/")
        when = reader.clock(rate.time) if rate.time else UNKNOWN
        told.append(f"1 {plain(base)} = {price(rate.rate)} {plain(quoted)}, {when}")
    parts = [reader.say("agents.text"), *told]
    if figures.is_simulated:
        parts.append(reader.say("figure.simulated"))
    return "; ".join(parts)
