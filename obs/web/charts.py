"""What trading earned and what the models cost, by the hour and by the day: one currency at a time.

An hour of which nothing was heard is a gap, not 0. What a figure leaves out (unpriced calls, trades without a
result) is said beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

from obs.money.amounts import Money
from obs.money.figures import RealTimeMetrics, TrendPoint
from obs.money.forecast import forecast
from obs.page.telling import is_bad
from obs.quoting import plain
from obs.snapshot import Snapshot
from obs.web.changes import release_of
from obs.web.exposure import by_currency
from obs.web.figures import cost_currency
from obs.web.model import Amount, Flag, LlmCost, LlmPoint, Pnl, PnlPoint, Rich, Window
from obs.web.numbers import NONE, UNKNOWN, ms
from obs.web.reader import Reader
from obs.web.rows import causes, mark_of

__all__ = ["llm", "pnl"]

TOP = 3
"""Agents that have a colour of their own; the rest is `other`."""
MOST_FLAGS = 12
REPORT = 'obs.event("llm.called", …)'


def pnl(snapshot: Snapshot, reader: Reader) -> Pnl:
    """Return the result of each hour and day, by currency."""
    money = snapshot.money
    if money is None:
        return Pnl(empty=reader.say.rich("pnl.unknown"))
    hours, days = money.hourly_trends, money.daily_trends
    currencies = _currencies(snapshot, days, hours)
    if not currencies:
        return Pnl(empty=_no_result(money, reader))
    return Pnl(
        currencies=tuple(map(plain, currencies)),
        hours={
            plain(currency): _window(hours, currency, money, currencies, reader) for currency in currencies
        },
        days={plain(currency): _window(days, currency, money, currencies, reader) for currency in currencies},
        flags=_flags(snapshot, min((point.time for point in days), default=0), reader),
        note=reader.say("pnl.simulated" if money.is_simulated else "pnl.note"),
    )


def llm(snapshot: Snapshot, reader: Reader) -> LlmCost:
    """Return what the models cost, by agent."""
    money = snapshot.money
    hours, days = (money.hourly_trends, money.daily_trends) if money is not None else ((), ())
    currency = cost_currency((*hours, *days))
    calls = sum(point.calls for point in days)
    if money is None or not (currency or calls):
        return LlmCost(empty=reader.say.rich("llm.empty", line=REPORT))
    names = _agents((*hours, *days), currency)
    shown, rest = names[:TOP], names[TOP:]
    agents = (*(plain(name) for name in shown), *((reader.say("llm.other"),) if rest else ()))
    budget = money.budget if money.budget is not None and money.budget.currency == currency else None
    return LlmCost(
        currency=currency or "USD",
        agents=agents,
        hours=_points(hours, shown, rest, currency),
        days=_points(days, shown, rest, currency),
        amount_hours=_total(hours, currency, reader),
        amount_days=_total(days, currency, reader),
        text_hours=_forecast(money, currency, budget, reader),
        text_days=_days_text(budget, reader),
        budget=float(budget.amount) if budget is not None else None,
        note=_note(money, days, currency, reader),
        flags=tuple(_llm_flags(snapshot, hours, reader)),
    )


def _currencies(snapshot: Snapshot, *windows: Sequence[TrendPoint]) -> tuple[str, ...]:
    """Currencies with a result: those in which most is held first, then those of most settled hours."""
    held = list(by_currency(snapshot.held))
    counts: dict[str, int] = {}
    for point in (point for window in windows for point in window):
        for amount in point.pnl:
            counts[amount.currency] = counts.get(amount.currency, 0) + 1

    def key(currency: str) -> tuple[int, int, str]:
        place = held.index(currency) if currency in held else len(held)
        return place, -counts[currency], currency

    return tuple(sorted(counts, key=key))


def _window(
    points: Sequence[TrendPoint],
    currency: str,
    money: RealTimeMetrics,
    currencies: Sequence[str],
    reader: Reader,
) -> Window:
    total = Decimal(0)
    shown: list[PnlPoint] = []
    settled = won = 0
    for point in points:
        here = [amount.amount for amount in point.pnl if amount.currency == currency]
        value = sum(here, Decimal(0))
        total += value
        of_it = [one for one in point.by_currency if one.currency == currency]
        settled += sum(one.settled for one in of_it)
        won += sum(one.won for one in of_it)
        known = point.has_data or bool(here)
        shown.append(
            PnlPoint(
                ms(point.time),
                float(value) if known else None,
                float(total) if known else None,
                sum(one.settled for one in of_it),
            )
        )
    if not any(amount.currency == currency for point in points for amount in point.pnl):
        return Window(points=tuple(shown), amount=Amount(NONE, currency), text=reader.say("pnl.none_settled"))
    text = reader.say("pnl.text", n=settled, won=won)
    # Open trades are counted over all currencies: of several none can call them its own.
    if money.open_trades and len(currencies) == 1:
        text += reader.say("pnl.open", n=money.open_trades)
    return Window(points=tuple(shown), amount=reader.amount(total, currency, sign=True), text=text)


def _no_result(money: RealTimeMetrics, reader: Reader) -> Rich:
    if money.open_trades:
        return reader.say.rich("pnl.only_open", n=money.open_trades)
    return reader.say.rich("pnl.empty")


def _flags(snapshot: Snapshot, since: int, reader: Reader) -> tuple[Flag, ...]:
    """Releases on the axis: what may have changed the curve."""
    found = [
        Flag(at=ms(moment.time), text=f"{plain(moment.service)} {release}")
        for moment in snapshot.timeline
        if moment.time >= since and (release := release_of(moment))
    ]
    return tuple(found[-MOST_FLAGS:])


def _llm_flags(snapshot: Snapshot, hours: Sequence[TrendPoint], reader: Reader) -> Iterator[Flag]:
    start = hours[0].time if hours else snapshot.taken_at
    for issue in causes(snapshot):
        if issue.category == "LLM" and is_bad(issue) and issue.first_seen >= start:
            yield Flag(at=ms(issue.first_seen), text=issue.id, mark=mark_of(issue), issue=issue.id)


def _agents(points: Sequence[TrendPoint], currency: str) -> list[str]:
    """The agents, the costliest first."""
    sums: dict[str, Decimal] = {}
    for point in points:
        for name, amounts in point.cost_by_agent.items():
            for amount in amounts:
                if amount.currency == currency:
                    sums[name] = sums.get(name, Decimal(0)) + amount.amount
    return sorted(sums, key=lambda name: (-sums[name], name))


def _points(
    points: Sequence[TrendPoint], shown: Sequence[str], rest: Sequence[str], currency: str
) -> tuple[LlmPoint, ...]:
    def cost(point: TrendPoint, name: str) -> Decimal:
        each = (a.amount for a in point.cost_by_agent.get(name, ()) if a.currency == currency)
        return sum(each, Decimal(0))

    found = []
    for point in points:
        parts = [float(cost(point, name)) for name in shown]
        if rest:
            parts.append(float(sum((cost(point, name) for name in rest), Decimal(0))))
        found.append(LlmPoint(ms(point.time), tuple(round(part, 6) for part in parts)))
    return tuple(found)


def _total(points: Sequence[TrendPoint], currency: str, reader: Reader) -> Amount:
    amounts = [a.amount for point in points for a in point.cost if a.currency == currency]
    if amounts:
        return reader.amount(sum(amounts, Decimal(0)), currency)
    calls, unpriced = (sum(getattr(point, name) for point in points) for name in ("calls", "unpriced"))
    # Calls that nobody priced did not cost nothing.
    return Amount(UNKNOWN if unpriced else NONE if not calls else "0.00", currency)


def _forecast(money: RealTimeMetrics, currency: str, budget: Money | None, reader: Reader) -> str:
    """What today will have come to at the rate of the last hour, or when the budget will be spent."""
    limit = budget.amount if budget is not None else None
    spent, rate, total, ends = forecast(money, currency, limit, reader.now)
    shown: Callable[[Decimal], str] = lambda value: reader.amount(value, currency).text  # noqa: E731
    today = reader.say("llm.today", spent=shown(spent))
    if budget is None:
        return f"{today}{reader.say('llm.at_rate', amount=shown(total))}" if rate else today
    if spent >= budget.amount:
        return reader.say("llm.over", spent=shown(spent), budget=shown(budget.amount))
    of = reader.say("llm.of", spent=shown(spent), budget=shown(budget.amount))
    if not rate:
        return of
    if ends:
        return of + reader.say("llm.ends", time=reader.clock(ends))
    return of + reader.say("llm.at_rate", amount=shown(total))


def _days_text(budget: Money | None, reader: Reader) -> str:
    if budget is None:
        return reader.say("llm.days")
    return reader.say("llm.days_budget", budget=reader.amount(budget.amount, budget.currency).text)


def _note(money: RealTimeMetrics, days: Sequence[TrendPoint], currency: str, reader: Reader) -> str:
    """What the bars leave out: models without a price, other currencies."""
    told = []
    unpriced = [usage for usage in money.llm_usage_stats if usage.unpriced]
    calls = sum(point.unpriced for point in days)
    if unpriced:
        told.append(reader.say("llm.unpriced_models", n=len(unpriced)))
    elif calls:
        told.append(reader.say("figure.unpriced", n=calls))
    others = sorted({a.currency for point in days for a in point.cost} - {currency})
    if others:
        told.append(reader.say("llm.others", currencies=", ".join(map(plain, others))))
    return ", ".join(told)
