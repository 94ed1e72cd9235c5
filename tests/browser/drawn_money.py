"""The drawn money: profit and loss, LLM cost, agents and the funnel of a day."""

from __future__ import annotations

from collections.abc import Sequence

from obs.web.model import (
    AgentRow,
    Agents,
    Amount,
    Badge,
    Flag,
    Funnel,
    FunnelStage,
    LlmCost,
    LlmPoint,
    Mark,
    Pnl,
    PnlPoint,
    Span,
    Window,
)
from tests.browser.spans import at, code, plain, strong

__all__ = ["agents", "funnel", "llm", "no_funnel", "no_llm", "no_pnl", "pnl"]

HOUR, DAY = 3_600_000, 86_400_000
WON = (2.0, 4.1, -1.2, -0.9, 6.0, 3.1, -4.2, -1.0, 2.2, 3.6, 4.1, 1.0, 0.9, 6.1, 8.1, -2.2, 2.6, 4.7, 6.9)
HOURS = (*WON, -1.3, 5.4, 8.0, 6.2, -7.0)
KRW = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3_200, -9_100, -6_500)


def pnl(now: int, *, calm: bool = False) -> Pnl:
    """Gains and losses by the hour and by the day."""
    start = now - now % HOUR - 23 * HOUR
    hours = [value * 0.4773 for value in HOURS] if calm else list(HOURS)
    days = [(-1) ** (at % 5 == 3) * (11 + at * 17 % 29) for at in range(29)]
    days = [*map(float, days), 706.4 - sum(days)]
    text = "17 trades, 11 won, 4 open"
    total = "+27.30" if calm else "+57.20"
    first = now - 29 * DAY
    flags = () if calm else (Flag(at=at("11:24:12"), text="grid-1 0.4.3"),)
    return Pnl(
        currencies=("USDT", "KRW"),
        hours={
            "USDT": Window(points=_points(start, HOUR, hours), amount=Amount(total, "USDT"), text=text),
            "KRW": Window(
                points=_points(start, HOUR, KRW),
                amount=Amount("−12,400", "KRW"),
                text="3 trades, 1 won, 1 open",
            ),
        },
        days={
            "USDT": Window(
                points=_points(first, DAY, days), amount=Amount("+706.40", "USDT"), text="388 trades, 217 won"
            ),
            "KRW": Window(
                points=_points(first, DAY, [None if at < 9 else at * 900.0 - 9_000 for at in range(30)]),
                amount=Amount("+141,300", "KRW"),
                text="41 trades, 24 won",
            ),
        },
        flags=(*flags, Flag(at=first + 7 * DAY, text="grid-1 0.4.0")),
        note="after fees and LLM cost",
    )


def llm(now: int, *, calm: bool = False) -> LlmCost:
    """What the three agents cost; in the drawn trouble one repeats itself since 11:12."""
    start = now - now % HOUR - 23 * HOUR
    hours = [(0.08 + at % 3 * 0.01, 0.02 + at % 4 * 0.02, 0.08 + at * 7 % 5 * 0.02) for at in range(24)]
    if not calm:
        hours[22:] = [(0.09, 0.03, 0.60), (0.10, 0.02, 1.50)]
    days = [(1.2 + at % 4 * 0.1, 0.2 if at < 10 else 1.1, 1.0 + at * 11 % 7 * 0.15) for at in range(30)]
    return LlmCost(
        agents=("trend-agent", "risk-agent", "news-agent"),
        hours=tuple(LlmPoint(start + place * HOUR, parts) for place, parts in enumerate(hours)),
        days=tuple(LlmPoint(now - (29 - place) * DAY, parts) for place, parts in enumerate(days)),
        amount_hours=Amount("1.12" if calm else "4.86", "USD"),
        amount_days=Amount("103.57", "USD"),
        text_hours="of 6.00 today; 3.20 at this rate"
        if calm
        else "of 6.00 today; ends at 11:54 at this rate",
        text_days="30 days; dashed is the 6.00 a day budget",
        budget=6.0,
        note="1 model unpriced",
        flags=()
        if calm
        else (Flag(at=at("11:12:04"), text="iss-e5d0", mark=Mark.WARNING, issue="iss-e5d0"),),
    )


def agents() -> Agents:
    """Three that rank, one that costs nothing, one whose model has no price."""
    return Agents(
        rows=(
            _agent("1", "trend-agent", "gpt-5-mini", "42 59.5% +212.40 6.12 +3,371% 0.15", 1.0),
            _agent("2", "risk-agent", "claude-sonnet-4-5", "38 52.6% +41.85 18.90 +121% 0.50", 0.4),
            _agent("3", "news-agent", "claude-sonnet-4-5", "12 41.7% −18.20 24.35 −175% 2.03", -0.4),
            AgentRow(
                rank="–",
                name="regime-agent",
                model="qwen3-32b",
                badge=Badge("local"),
                trades="31",
                won="54.8%",
                pnl="+64.10",
                cost="0.00",
                roi="no cost",
                per_trade="0.00",
                spark=_spark(0.6),
                note="runs locally: no cost to divide by",
            ),
            AgentRow(
                rank="–",
                name="kr-analyst",
                model="exaone-4.0-32b",
                badge=Badge("unpriced", is_loud=True),
                pnl="2 pending",
                cost="?",
                note="no price for exaone-4.0-32b",
            ),
        ),
        currency="USDT",
        text="7 days, by return on LLM cost; 1 USDT = 1.000 USD, 11:30",
    )


def funnel() -> tuple[Funnel, ...]:
    """Why 184 signals became 5 trades; and a bot without any signal."""
    stages = (
        FunnelStage(label="Signals", left=184),
        FunnelStage(label="Confidence", left=61, stopped=123, why="123 below 0.60"),
        FunnelStage(label="Volatility", left=40, stopped=21, why="21 above 0.045"),
        FunnelStage(label="Regime", left=22, stopped=18, why="18 in sideways"),
        FunnelStage(label="Risk checks", left=9, stopped=13, why="13 over the cap"),
        FunnelStage(label="Exchange", left=6, stopped=3, why="3 timed out"),
        FunnelStage(label="Filled", left=5, stopped=1, why="1 still open"),
    )
    sentence = (
        strong("184 signals became 5 trades."),
        plain(" Two in three stopped at confidence below 0.60."),
    )
    return (
        Funnel(sentence=sentence, stages=stages),
        Funnel(bot="grid-1", sentence=sentence, stages=stages),
        no_funnel(),
    )


def no_funnel() -> Funnel:
    """A bot that gave no signal, and why."""
    return Funnel(
        bot="maps-kr",
        sentence=(
            strong("maps-kr gave no signal in 24 h."),
            plain(" No candle has arrived since 09:18, so nothing was decided. "),
            Span("Open iss-2c91", link="iss-2c91"),
        ),
        is_empty=True,
    )


def no_pnl() -> Pnl:
    """No settled trade."""
    return Pnl(
        empty=(
            strong("No settled trade in 24 h."),
            plain(
                " 2 positions are open, so there is no win rate yet. It appears with the first trade.closed."
            ),
        )
    )


def no_llm() -> LlmCost:
    """No LLM call was ever seen."""
    return LlmCost(
        empty=(
            strong("No LLM call has been seen."),
            plain(" If a bot uses one, one line reports it: "),
            code('obs.event("llm.called", …)'),
        )
    )


def _points(start: int, step: int, values: Sequence[float | None]) -> tuple[PnlPoint, ...]:
    points, total = [], 0.0
    for place, value in enumerate(values):
        total += value or 0.0
        known = None if value is None else round(value, 2)
        points.append(PnlPoint(start + place * step, known, None if value is None else round(total, 2), 1))
    return tuple(points)


def _agent(rank: str, name: str, model: str, figures: str, slope: float) -> AgentRow:
    trades, won, gained, cost, roi, each = figures.split()
    return AgentRow(
        rank=rank,
        name=name,
        model=model,
        trades=trades,
        won=won,
        pnl=gained,
        cost=cost,
        roi=roi,
        per_trade=each,
        spark=_spark(slope),
    )


def _spark(slope: float) -> tuple[float, ...]:
    return tuple(round(day * slope + day * 37 % 11 * 0.6, 2) for day in range(30))
