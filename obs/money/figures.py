"""The types of every money figure that is shown: frozen, ready for JSON; they hold no rules.

Three things differ everywhere: nothing (`()`, `0`), not defined (None, with its reason beside it) and not
known (counted in `unpriced`, `pending`). Percent is said in a field's name or docstring; other ratios are
fractions. Times are Unix ns.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from obs.money.amounts import Converted, Money, Rate

__all__ = [
    "AgentDetail",
    "AgentPerformance",
    "DayFigures",
    "Efficiency",
    "History",
    "LlmUsage",
    "LlmUsageReport",
    "RealTimeMetrics",
    "Settled",
    "TradeView",
    "TrendPoint",
]

Amounts = tuple[Money, ...]
"""One amount for each currency, the largest first; empty: none."""


class Settled(msgspec.Struct, frozen=True):
    """Trades with a result, of one currency."""

    currency: str
    settled: int
    won: int


class TrendPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One hour or one day."""

    time: int
    """Its start."""
    until: int
    """Its end, not included."""
    day: str = ""
    """`2026-11-20` in the configured time zone."""
    has_data: bool = True
    """Whether anything at all was heard then: a gap is no 0."""
    trades: int = 0
    """Distinct trades entered or closed then."""
    settled: int = 0
    pending: int = 0
    """Of `trades`, those whose result was not known then."""
    won: int = 0
    lost: int = 0
    pnl: Amounts = ()
    by_currency: tuple[Settled, ...] = ()
    """`settled` and `won` for each currency of `pnl`."""
    cost: Amounts = ()
    cost_by_agent: Mapping[str, Amounts] = {}
    calls: int = 0
    unpriced: int = 0


class LlmUsage(msgspec.Struct, frozen=True, kw_only=True):
    """One model of one provider."""

    provider: str
    model: str
    agents: tuple[str, ...] = ()
    calls: int = 0
    failed: int = 0
    cut: int = 0
    """Answers that ended because no more tokens were allowed."""
    input_tokens: int = 0
    """Cached ones included."""
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cost: Amounts = ()
    unpriced: int = 0
    """Calls whose cost is not known; they are not 0."""
    reported: int = 0
    """Calls whose cost is what the bot said, as no price is known."""
    p50_ms: float | None = None
    p95_ms: float | None = None
    """To about 5 %."""
    trades: int = 0
    """Closed trades that its agents had a part in."""
    cost_per_trade: Money | None = None
    hit_rate: float | None = None
    """Of its agents' signals that became trades: the share that was right about the direction."""
    judged: int = 0
    """Signals behind `hit_rate`."""


class AgentPerformance(msgspec.Struct, frozen=True, kw_only=True):
    """One agent over a window of days."""

    agent: str
    rank: int | None = None
    """None: no rank, `reason` says why."""
    reason: str = ""
    """`too_few_trades`, `no_trades`, `no_cost`, `unpriced`, `no_rate` or empty."""
    services: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    trades: int = 0
    """Closed trades it had a part in."""
    open_trades: int = 0
    won: int = 0
    """Of `trades`, those that closed with a gain."""
    win_rate: float | None = None
    """Percent."""
    contribution: Amounts = ()
    """What its part in closed trades and vetoes came to."""
    method: str = ""
    """`shapley`, `confidence`, `mixed`, or empty when nothing is credited."""
    provisional: Amounts = ()
    """Its confidence-weighted part in the unrealised result of open trades."""
    cost: Amounts = ()
    calls: int = 0
    unpriced: int = 0
    efficiency_score: float | None = None
    """Contribution for each unit of LLM cost, in one currency."""
    efficiency_low: float | None = None
    """Lower end of its 90 % bootstrap interval: the ranking goes by it."""
    roi: float | None = None
    """(contribution − cost) / cost, in percent."""
    cost_per_trade: Money | None = None
    hit_rate: float | None = None
    """Share of its judged signals that were right about the direction."""
    brier: float | None = None
    """Mean squared distance of its confidence from what came; 0 is perfect, 0.25 is a coin."""
    correlation: float | None = None
    """Pearson's, of signed confidence and the market's move; None below 3 judged signals."""
    judged: int = 0
    rates: tuple[Rate, ...] = ()
    daily: tuple[float, ...] = ()
    """Contribution of each of the last 30 days, in `currency`."""
    currency: str = ""
    """Of `daily`, of `efficiency_score` and of `roi`."""


class TradeView(msgspec.Struct, frozen=True, kw_only=True):
    """One trade."""

    trade: str
    service: str
    symbol: str = ""
    side: str = ""
    entered: int = 0
    left: int = 0
    """When it was closed; 0: it is open, or nobody said."""
    state: str = "open"
    """`open`, `settled`, or `closed` without a known result."""
    pnl: Money | None = None
    is_simulated: bool = False
    contributions: Mapping[str, Money] = {}
    method: str = ""
    is_provisional: bool = False


class DayFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One day of the money that is not the main figures' (simulated beside live)."""

    trades: int = 0
    settled: int = 0
    pending: int = 0
    won: int = 0
    lost: int = 0
    win_rate: float | None = None
    """Percent."""
    pnl: Amounts = ()


class RealTimeMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of now: the eight of the seed, and what makes them readable."""

    total_trades_today: int = 0
    """Distinct trades entered or closed today."""
    win_rate_today: float | None = None
    """Percent of today's settled trades that gained; None while nothing is settled."""
    total_pnl_today: Amounts = ()
    """Net of fees, of trades settled today; empty while nothing is settled."""
    total_cost_today: Amounts = ()
    """LLM cost, of live and simulated bots alike: the models are paid either way."""
    agent_performance: tuple[AgentPerformance, ...] = ()
    """Over 7 days, ranked ones first."""
    llm_usage_stats: tuple[LlmUsage, ...] = ()
    """Today, the costliest first."""
    hourly_trends: tuple[TrendPoint, ...] = ()
    """24 hours, the last one running, oldest first."""
    daily_trends: tuple[TrendPoint, ...] = ()
    """30 days, the last one today, oldest first."""
    settled: int = 0
    """Of today's trades, those with a known result."""
    pending: int = 0
    """Of today's trades, those without."""
    won: int = 0
    lost: int = 0
    open_trades: int = 0
    """Entered at any time and not closed."""
    calls_today: int = 0
    unpriced_today: int = 0
    """Calls of language models whose cost is not in `total_cost_today`, because no price is known."""
    is_simulated: bool = False
    """Whether the figures of trades are of simulated money, as no bot trades live."""
    simulated: DayFigures | None = None
    """Today's simulated trades, when the figures above are of live money."""
    day: str = ""
    """Today in `timezone`, `2026-11-20`."""
    timezone: str = "UTC"
    rates: tuple[Rate, ...] = ()
    """The newest rate of each pair that is known."""
    budget: Money | None = None
    """What the models may cost in a day, as set."""
    notes: tuple[str, ...] = ()
    """What the figures leave out, in our words."""


class AgentDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One agent in full."""

    performance: AgentPerformance
    usage: tuple[LlmUsage, ...] = ()
    days: tuple[TrendPoint, ...] = ()
    """Its own calls, cost and credited trades by day."""
    trades: tuple[TradeView, ...] = ()
    """The newest it had a part in, newest first."""
    window_days: int = 30


class LlmUsageReport(msgspec.Struct, frozen=True, kw_only=True):
    """What language models did and cost over a window of days."""

    window_days: int
    models: tuple[LlmUsage, ...] = ()
    providers: Mapping[str, Amounts] = {}
    """Cost by provider."""
    calls: int = 0
    failed: int = 0
    cost: Amounts = ()
    unpriced: int = 0
    unpriced_models: tuple[str, ...] = ()
    days: tuple[TrendPoint, ...] = ()


class Efficiency(msgspec.Struct, frozen=True, kw_only=True):
    """What trading brought for what the models cost; a figure without a value has its reason beside it."""

    window_days: int
    total_pnl: Amounts = ()
    """Of settled trades; open ones are counted in `pending` and are not 0."""
    total_cost: Amounts = ()
    net: Converted | None = None
    """P&L minus LLM cost."""
    roi: float | None = None
    """(P&L − cost) / cost, in percent."""
    roi_reason: str = ""
    settled: int = 0
    pending: int = 0
    cost_per_trade: Money | None = None
    """Cost by settled trades; calls that led to no trade count."""
    cost_per_trade_reason: str = ""
    break_even_pnl_per_trade: Money | None = None
    break_even_pnl_per_trade_reason: str = ""
    break_even_trades_per_day: float | None = None
    break_even_trades_per_day_reason: str = ""
    break_even_capital: Money | None = None
    break_even_capital_reason: str = ""
    rates: tuple[Rate, ...] = ()
    unpriced: int = 0
    is_simulated: bool = False
    currency: str = ""
    """Of every figure that needed one currency."""


class History(msgspec.Struct, frozen=True, kw_only=True):
    """The hours of a window."""

    hours: int
    points: tuple[TrendPoint, ...] = ()
