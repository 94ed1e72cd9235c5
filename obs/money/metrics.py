"""Every money figure, derived from the book: the one place that knows what a day, a rate or a rank is."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

import msgspec

from obs.money.accounts import Equity, results_of
from obs.money.agents import performances, tallies
from obs.money.amounts import Money, Rate
from obs.money.book import MoneyBook
from obs.money.days import HOUR_NS, day_edges, day_of, hour_edges
from obs.money.efficiency import Worth, efficiency
from obs.money.figures import (
    AgentDetail,
    AgentPerformance,
    DayFigures,
    Efficiency,
    History,
    LlmUsage,
    LlmUsageReport,
    RealTimeMetrics,
    Settled,
    TradeView,
    TrendPoint,
)
from obs.money.quarters import QUARTER_NS, joined, split
from obs.money.rates import Rates
from obs.money.usage import by_model, by_provider, joined_calls
from obs.money.windows import PAPER, Ledger, Listed, Memo, Sums, Window, amounts_of, short
from obs.series import Series

__all__ = [
    "AgentDetail",
    "AgentPerformance",
    "Efficiency",
    "History",
    "LlmUsage",
    "LlmUsageReport",
    "PerformanceMetricsCalculator",
    "RealTimeMetrics",
    "TrendPoint",
]

HOURS, DAYS, RANKED_DAYS = 24, 30, 7
MAX_DAYS = 30
"""The book holds 31 days: 30 of any time zone are whole."""
MOST_DAYS = 366
"""Of a ledger that reaches further back."""
SHOWN_TRADES = 50
DAY_NS = 86_400 * 1_000_000_000

T = TypeVar("T")


class PerformanceMetricsCalculator:
    """Computes the figures of trading and of language models.

    Args:
        book: What bots said; an empty book when None.
        now: Unix ns, an aware datetime, or what returns Unix ns; None: the newest event.
        timezone: IANA name of the zone whose days are meant.
        rates: Exchange rates from the settings; those that bots told are in the book.
        seen: When anything was heard at all, so that a gap is told from a quiet hour.
        budget: What the models may cost in a day.
        cache_seconds: For how long a figure that was computed stands; 0: each is computed anew.
        ledger: What is read in place of the book, and reaches further back.
        memo: What another calculator of the same book has read, to read only what is new.
    """

    def __init__(
        self,
        book: MoneyBook | None = None,
        *,
        now: int | datetime | Callable[[], int] | None = None,
        timezone: str = "UTC",
        rates: Iterable[Rate] = (),
        seen: Series | None = None,
        budget: Money | None = None,
        cache_seconds: float = 300,
        memo: Memo | None = None,
        ledger: Callable[[], Ledger] | None = None,
    ) -> None:
        self.book = book if book is not None else MoneyBook()
        self.timezone = timezone
        self.budget = budget
        self.cache_seconds = cache_seconds
        self._now = now
        self._given = tuple(rates)
        self._memo = memo if memo is not None else Memo()
        self._seen = seen
        self._ledger = ledger if ledger is not None else lambda: Ledger(self.book, self._memo)
        self._most_days = MAX_DAYS if ledger is None else MOST_DAYS
        self._cache: dict[tuple[object, ...], tuple[int, object]] = {}

    def realtime(self) -> RealTimeMetrics:
        """Return the figures of today, the hours of the last day and the days of the last month."""
        return self._cached(("realtime",), self._newest)

    def agents(self) -> Mapping[bool, tuple[AgentPerformance, ...]]:
        """Return the agents of the last days by whether their money is simulated; `realtime` tells one."""
        figures = self.realtime()
        return {figures.is_simulated: figures.agent_performance, not figures.is_simulated: self._memo.others}

    def ranking(self, days: int = RANKED_DAYS) -> tuple[AgentPerformance, ...]:
        """Return the agents by what they brought for what they cost over `days` days, today included.

        Raises:
            ValueError: If `days` is not in 1..30.
        """
        self._check(days)
        return self._cached(("ranking", days), lambda now: self._ranking(now, days))

    def agent(self, name: str, days: int = 30) -> AgentDetail | None:
        """Return one agent over `days` days; None when nobody of that name was seen in them.

        Raises:
            ValueError: If `days` is not in 1..30.
        """
        self._check(days)
        return self._cached(("agent", name, days), lambda now: self._agent(now, name, days))

    def llm_usage(self, days: int = RANKED_DAYS) -> LlmUsageReport:
        """Return what each model did and cost over `days` days.

        Raises:
            ValueError: If `days` is not in 1..30.
        """
        self._check(days)
        return self._cached(("llm", days), lambda now: self._usage(now, days))

    def efficiency(self, days: int = RANKED_DAYS) -> Efficiency:
        """Return ROI, cost per trade and break-even over `days` days.

        Raises:
            ValueError: If `days` is not in 1..30.
        """
        self._check(days)
        return self._cached(("efficiency", days), lambda now: self._efficiency(now, days))

    def history(self, hours: int = HOURS) -> History:
        """Return each of the last `hours` hours, the one that runs included.

        Raises:
            ValueError: If `hours` is not in 1..720.
        """
        if not 1 <= hours <= self._most_days * 24:
            raise ValueError(f"hours = {hours}: the book holds 1 to {self._most_days * 24} hours")
        return self._cached(
            ("history", hours), lambda now: History(hours=hours, points=self._hours(now, hours))
        )

    def of(self, bot: str) -> PerformanceMetricsCalculator:
        """Return one that computes the same of this moment from what one bot said; rates are everybody's.

        A day's budget is meant for all bots together: of one alone it says nothing.

        Args:
            bot: Name of the bot; of one that said nothing of money the book is empty.
        """
        book, account = self.book, self.book.accounts.get(bot)
        own = MoneyBook(
            accounts={bot: account} if account is not None else {},
            events=book.events,
            last=book.last,
            rates=book.rates,
        )
        return PerformanceMetricsCalculator(
            own,
            now=self._moment(),
            timezone=self.timezone,
            rates=self._given,
            seen=self._seen,
            cache_seconds=0,
        )

    @property
    def ledger(self) -> Ledger:
        """The book as it is read for all figures."""
        return self._ledger()

    def frozen(self) -> Callable[[], PerformanceMetricsCalculator]:
        """Return what makes a calculator like this one, of this moment, over a copy of the book.

        The book is only written down here; call the result in any thread, whatever the book does meanwhile.
        """
        now, zone, rates, budget = self._moment(), self.timezone, self._given, self.budget
        book = msgspec.msgpack.encode(self.book)
        seen = msgspec.msgpack.encode(self._seen)

        def thawed() -> PerformanceMetricsCalculator:
            return PerformanceMetricsCalculator(
                msgspec.msgpack.decode(book, type=MoneyBook),
                now=now,
                timezone=zone,
                rates=rates,
                seen=msgspec.msgpack.decode(seen, type=Series | None),
                budget=budget,
            )

        return thawed

    def _check(self, days: int) -> None:
        if not 1 <= days <= self._most_days:
            raise ValueError(f"days = {days}: the book holds 1 to {self._most_days} days")

    def reaching(self, ledger: Callable[[], Ledger]) -> PerformanceMetricsCalculator:
        """Return one that computes the same of this moment from a ledger that reaches further back."""
        return PerformanceMetricsCalculator(
            self.book,
            now=self._moment(),
            timezone=self.timezone,
            rates=self._given,
            seen=self._seen,
            budget=self.budget,
            cache_seconds=0,
            ledger=ledger,
        )

    def _moment(self) -> int:
        now = self._now
        if now is None:
            return self.book.last
        if isinstance(now, datetime):
            if now.tzinfo is None:
                raise ValueError(f"now = {now!r} has no time zone: use datetime.now(timezone.utc) or Unix ns")
            return int(now.timestamp() * 1_000_000) * 1_000
        return now if isinstance(now, int) else now()

    def _cached(self, key: tuple[object, ...], make: Callable[[int], T]) -> T:
        now = self._moment()
        known = self._cache.get(key)
        if known is not None and 0 <= now - known[0] < self.cache_seconds * 1_000_000_000:
            return known[1]  # type: ignore[return-value]
        made = make(now)
        if self.cache_seconds:
            self._cache[key] = now, made
        return made

    @property
    def _rates(self) -> Rates:
        return Rates.of((*self._given, *(rate for rates in self.book.rates.values() for rate in rates)))

    def _newest(self, now: int) -> RealTimeMetrics:
        """The figures as they were last made, while nothing was said of money and no hour has begun."""
        memo, seen = self._memo, self._seen
        memo.open(self.book)
        heard = (seen.first, seen.last // HOUR_NS) if seen is not None else None
        end = hour_edges(now, 1, self.timezone)[-1]
        made_from = self.book.events, end, self.timezone, self._given, self.budget, heard
        if memo.newest[0] == made_from and isinstance(memo.newest[1], RealTimeMetrics):
            return memo.newest[1]
        figures = self._realtime(now)
        memo.newest = made_from, figures
        return figures

    def _realtime(self, now: int) -> RealTimeMetrics:
        ledger, rates = self._ledger(), self._rates
        is_simulated = ledger.is_simulated
        today = day_of(now, self.timezone)
        days = ledger.windows(day_edges(today, DAYS, self.timezone))
        hours = ledger.windows(hour_edges(now, HOURS, self.timezone))
        sums, other = days[-1].of(is_simulated=is_simulated), days[-1].paper
        calls = joined_calls(days[-1].live, days[-1].paper)
        self._memo.others = self._ranked(ledger, now, RANKED_DAYS, days, is_simulated=not is_simulated)
        own = tallies(ledger, sums, days[-1].start, days[-1].end, is_simulated=is_simulated)
        return RealTimeMetrics(
            total_trades_today=sums.trades,
            win_rate_today=_percent(sums.won, sums.settled),
            total_pnl_today=amounts_of(sums.pnl),
            total_cost_today=amounts_of(_costs(days[-1])),
            agent_performance=self._ranked(ledger, now, RANKED_DAYS, days, is_simulated=is_simulated),
            llm_usage_stats=by_model(calls, own, rates, now=now),
            hourly_trends=self._points(hours, is_simulated=is_simulated),
            daily_trends=self._points(days, is_simulated=is_simulated),
            settled=sums.settled,
            pending=sums.pending,
            won=sums.won,
            lost=sums.lost,
            open_trades=len(ledger.open_trades(is_simulated=is_simulated)),
            calls_today=sum(one.calls for one in calls.values()),
            unpriced_today=sum(one.unpriced for one in calls.values()),
            is_simulated=is_simulated,
            simulated=_day(other) if not is_simulated and other.trades else None,
            day=today.isoformat(),
            timezone=self.timezone,
            rates=rates.newest(at=now),
            budget=self.budget,
            notes=_notes(
                sums,
                sum(one.unpriced for one in calls.values()),
                sum(one.reported for one in calls.values()),
            ),
        )

    def _ranking(self, now: int, days: int) -> tuple[AgentPerformance, ...]:
        ledger = self._ledger()
        month = ledger.windows(day_edges(day_of(now, self.timezone), max(DAYS, days), self.timezone))
        return self._ranked(ledger, now, days, month, is_simulated=ledger.is_simulated)

    def _ranked(
        self, ledger: Ledger, now: int, days: int, month: Sequence[Window], *, is_simulated: bool
    ) -> tuple[AgentPerformance, ...]:
        window = ledger.whole(month[-days:])
        found = tallies(
            ledger, window.of(is_simulated=is_simulated), window.start, window.end, is_simulated=is_simulated
        )
        daily = _daily(ledger, month[-DAYS:], is_simulated=is_simulated)
        return performances(found.values(), self._rates, now=now, daily=daily)

    def _agent(self, now: int, name: str, days: int) -> AgentDetail | None:
        ledger = self._ledger()
        is_simulated = ledger.is_simulated
        month = ledger.windows(day_edges(day_of(now, self.timezone), max(DAYS, days), self.timezone))
        ranked = self._ranked(ledger, now, days, month, is_simulated=is_simulated)
        found = {one.agent: one for one in ranked}
        if name not in found:
            return None
        window = ledger.whole(month[-days:])
        own = {
            key: calls for key, calls in window.of(is_simulated=is_simulated).llm.items() if key[0] == name
        }
        with_it = [
            listed
            for listed in ledger.listed
            if not listed.trip.is_open
            and (listed.mode == "paper") == is_simulated
            and window.start <= listed.trip.left < window.end
            and any(part.agent == name for part in ledger.parts(listed))
        ]
        with_it.sort(key=lambda listed: -listed.trip.left)
        return AgentDetail(
            performance=found[name],
            usage=by_model(own, {}, self._rates, now=now),
            days=_days_of(name, month[-days:], with_it, self.timezone, is_simulated=is_simulated),
            trades=tuple(_view(ledger, listed) for listed in with_it[:SHOWN_TRADES]),
            window_days=days,
        )

    def _usage(self, now: int, days: int) -> LlmUsageReport:
        ledger = self._ledger()
        is_simulated = ledger.is_simulated
        month = ledger.windows(day_edges(day_of(now, self.timezone), days, self.timezone))
        window = ledger.whole(month)
        calls = joined_calls(window.live, window.paper)
        found = tallies(
            ledger, window.of(is_simulated=is_simulated), window.start, window.end, is_simulated=is_simulated
        )
        models = by_model(calls, found, self._rates, now=now)
        return LlmUsageReport(
            window_days=days,
            models=models,
            providers=by_provider(calls),
            calls=sum(model.calls for model in models),
            failed=sum(model.failed for model in models),
            cost=amounts_of(_costs(window)),
            unpriced=sum(model.unpriced for model in models),
            unpriced_models=tuple(sorted({model.model or "?" for model in models if model.unpriced})),
            days=self._points(month, is_simulated=is_simulated),
        )

    def _efficiency(self, now: int, days: int) -> Efficiency:
        ledger = self._ledger()
        is_simulated = ledger.is_simulated
        edges = day_edges(day_of(now, self.timezone), days, self.timezone)
        window = ledger.windows((edges[0], edges[-1]))[0]
        first = self._seen.first if self._seen is not None and self._seen.first else _first(ledger)
        elapsed = (now - max(window.start, first or window.start)) / DAY_NS
        return efficiency(
            window.of(is_simulated=is_simulated),
            self._rates,
            now=now,
            days=days,
            elapsed=max(elapsed, 1.0),
            worth=_worth(self.book, is_simulated=is_simulated),
            is_simulated=is_simulated,
        )

    def _hours(self, now: int, hours: int) -> tuple[TrendPoint, ...]:
        ledger = self._ledger()
        windows = ledger.windows(hour_edges(now, hours, self.timezone))
        return self._points(windows, is_simulated=ledger.is_simulated)

    def _points(self, windows: Sequence[Window], *, is_simulated: bool) -> tuple[TrendPoint, ...]:
        heard = _heard(self._seen, windows)
        return tuple(
            _point(window, self.timezone, is_simulated=is_simulated, has_data=has_data)
            for window, has_data in zip(windows, heard, strict=True)
        )


def _point(window: Window, zone: str, *, is_simulated: bool, has_data: bool) -> TrendPoint:
    sums = window.of(is_simulated=is_simulated)
    by_agent: dict[str, dict[str, Decimal]] = {}
    for one in (window.live, window.paper):
        for agent, costs in one.cost_by_agent().items():
            own = by_agent.setdefault(agent, {})
            for currency, amount in costs.items():
                own[currency] = own.get(currency, Decimal(0)) + amount
    calls = window.live.calls + window.paper.calls
    return TrendPoint(
        time=window.start,
        until=window.end,
        day=day_of(window.start, zone).isoformat(),
        has_data=has_data or bool(sums.trades or calls),
        trades=sums.trades,
        settled=sums.settled,
        pending=sums.pending,
        won=sums.won,
        lost=sums.lost,
        pnl=amounts_of(sums.pnl),
        by_currency=tuple(
            Settled(currency, count, sums.won_in.get(currency, 0))
            for currency, count in sorted(sums.settled_in.items())
        ),
        cost=amounts_of(_costs(window)),
        cost_by_agent={agent: amounts_of(costs) for agent, costs in sorted(by_agent.items()) if costs},
        calls=calls,
        unpriced=window.live.unpriced + window.paper.unpriced,
    )


def _costs(window: Window) -> dict[str, Decimal]:
    """LLM cost of live and simulated bots: the models are paid either way."""
    whole = window.live.cost()
    for currency, amount in window.paper.cost().items():
        whole[currency] = whole.get(currency, Decimal(0)) + amount
    return whole


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 4) if whole else None


def _day(sums: Sums) -> DayFigures:
    return DayFigures(
        trades=sums.trades,
        settled=sums.settled,
        pending=sums.pending,
        won=sums.won,
        lost=sums.lost,
        win_rate=_percent(sums.won, sums.settled),
        pnl=amounts_of(sums.pnl),
    )


def _notes(sums: Sums, unpriced: int, reported: int) -> tuple[str, ...]:
    """What the figures of today leave out, in our words."""
    notes = []
    if sums.pending:
        notes.append(f"{_count(sums.pending, 'trade')} without a result yet: not in win rate and P&L")
    if "?" in sums.pnl:
        notes.append("some results name no currency")
    if unpriced:
        notes.append(f"{_count(unpriced, 'model call')} without a known price: not in the cost")
    if reported:
        notes.append(f"{_count(reported, 'model call')} priced by the bot's own word")
    return tuple(notes)


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _heard(seen: Series | None, windows: Sequence[Window]) -> list[bool]:
    """Whether anything was heard in each window; without a record of that, whether it is within the book."""
    if seen is None:
        return [False] * len(windows)
    edges = [window.start for window in windows]
    heard = [False] * len(windows)
    for time, _ in seen.over_time():
        index = bisect_right(edges, time) - 1
        if index >= 0 and time < windows[index].end:
            heard[index] = True
    return heard


def _first(ledger: Ledger) -> int:
    times = [time for listed in ledger.listed for time in (listed.trip.entered, listed.trip.left) if time]
    times += [min(account.quarters) * QUARTER_NS for account in ledger.accounts if account.quarters]
    return min(times, default=0)


def _daily(
    ledger: Ledger, month: Sequence[Window], *, is_simulated: bool
) -> dict[str, dict[str, list[float]]]:
    """Agent -> currency -> what it was credited with on each day."""
    found: dict[str, dict[str, list[float]]] = {}
    edges = [window.start for window in month]

    def add(agent: str, currency: str, index: int, amount: Decimal) -> None:
        days = found.setdefault(agent, {}).setdefault(currency, [0.0] * len(month))
        days[index] += float(amount)

    for listed in ledger.listed:
        left = listed.trip.left
        if (
            listed.trip.is_open
            or (listed.mode == PAPER) != is_simulated
            or not edges[0] <= left < month[-1].end
        ):
            continue
        for part in ledger.parts(listed):
            if part.amount is not None:
                add(part.agent, part.currency, bisect_right(edges, left) - 1, part.amount)
    for index, window in enumerate(month):
        for (agent, currency, _), credited in window.of(is_simulated=is_simulated).credits.items():
            add(agent, currency, index, credited.amount)
    for award in ledger.awards(edges[0], month[-1].end):
        if (award.mode == PAPER) == is_simulated:
            add(award.agent, award.currency, bisect_right(edges, award.time) - 1, award.credited.amount)
    return found


def _days_of(
    name: str, month: Sequence[Window], with_it: Sequence[Listed], zone: str, *, is_simulated: bool
) -> tuple[TrendPoint, ...]:
    """Its own calls, cost and trades of each day; results are of the trades, not its part in them."""
    own = [Window(window.start, window.end) for window in month]
    edges = [window.start for window in month]
    for window, whole in zip(own, month, strict=True):
        for mine, theirs in ((window.live, whole.live), (window.paper, whole.paper)):
            mine.llm = {key: calls for key, calls in theirs.llm.items() if key[0] == name}
    for listed in with_it:
        sums = own[bisect_right(edges, listed.trip.left) - 1].of(is_simulated=is_simulated)
        sums.trades += 1
        if (result := listed.trip.result) is not None:
            sums.results(result.currency, results_of(result))
    return tuple(
        _point(window, zone, is_simulated=is_simulated, has_data=bool(whole.live.calls or whole.live.trades))
        for window, whole in zip(own, month, strict=True)
    )


def _worth(book: MoneyBook, *, is_simulated: bool) -> Worth:
    """The newest equity of each account: bots that name the same account share it."""
    newest: dict[str, Equity] = {}
    for service, account in book.accounts.items():
        mode = account.mode_at(book.last)
        if mode == "backtest" or (mode == PAPER) != is_simulated:
            continue
        for key, equity in account.equity.items():
            named, currency = split(key)
            key = joined(named or service, currency)
            if key not in newest or newest[key].time < equity.time:
                newest[key] = equity
    return Worth(tuple(Money(equity.amount, equity.currency) for _, equity in sorted(newest.items())))


def _view(ledger: Ledger, listed: Listed) -> TradeView:
    trip, result = listed.trip, listed.trip.result
    parts = ledger.parts(listed)
    return TradeView(
        trade=trip.name,
        service=listed.service,
        symbol=trip.first("symbol"),
        side=trip.side,
        entered=trip.entered,
        left=trip.left,
        state="open" if trip.is_open else "settled" if result is not None else "closed",
        pnl=Money(result.pnl, result.currency) if result is not None and result.pnl is not None else None,
        is_simulated=listed.mode == PAPER,
        contributions={
            part.agent: Money(short(part.amount), part.currency) for part in parts if part.amount is not None
        },
        method=next((part.method for part in parts if part.method), ""),
    )
