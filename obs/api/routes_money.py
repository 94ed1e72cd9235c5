"""What trading and language models earned and cost: now, over time, by agent and by model."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from obs.api.context import Context, context_of
from obs.api.envelope import ApiError
from obs.api.parameters import Days, Hours
from obs.api.telling import tell, told
from obs.history.ledger import StoredLedger
from obs.history.queries import HistoryError
from obs.money.figures import (
    AgentDetail,
    AgentPerformance,
    Efficiency,
    History,
    LlmUsageReport,
    RealTimeMetrics,
)
from obs.money.metrics import DAY_NS, MAX_DAYS, PerformanceMetricsCalculator

__all__ = ["router"]

router = APIRouter(tags=["money"])


class AgentDay(msgspec.Struct, frozen=True, kw_only=True):
    """What one agent brought and cost on one day for one bot: its part in trades, or one of its models."""

    day: str
    """Of the configured zone."""
    service: str
    model: str = ""
    """Empty: its part in trades."""
    currency: str = ""
    trades: int = 0
    wins: int = 0
    contribution: str = "0"
    calls: int = 0
    failed: int = 0
    unpriced: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: str = "0"


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """The agents by what they brought for what they cost."""

    window_days: int
    agents: tuple[AgentPerformance, ...] = ()
    """Ranked ones first; one without a rank says why."""


@router.get("/api/metrics/realtime", responses=told(RealTimeMetrics))
async def realtime(request: Request) -> Response:
    """Return the figures of today, the last 24 hours and the last 30 days; never from a cache."""
    context = context_of(request)
    known = context.board.snapshot.money
    if known is not None:
        return await context.offload(tell, known)
    return await _figure(request, lambda calculator: calculator.realtime())


@router.get("/api/metrics/history", responses=told(History))
async def history(request: Request, hours: Hours = 24) -> Response:
    """Return trades, results and LLM cost by the hour, the running one included."""
    return await _figure(request, lambda calculator: calculator.history(hours), days=hours / 24)


@router.get("/api/agents/ranking", responses=told(Ranking))
async def ranking(request: Request, days: Days = 7) -> Response:
    """Return the agents, ordered by what they surely brought for each unit of LLM cost."""
    return await _figure(
        request, lambda calculator: Ranking(window_days=days, agents=calculator.ranking(days)), days=days
    )


@router.get(
    "/api/agents/{agent_name:path}/performance",
    responses=told(AgentDetail) | {404: {"description": "Nobody of that name."}},
)
async def agent(
    request: Request,
    agent_name: Annotated[str, Path(max_length=200, description="As `/api/agents/ranking` names it.")],
    days: Days = 30,
) -> Response:
    """Return one agent in detail: its part in each trade, its models, its days."""

    def found(calculator: PerformanceMetricsCalculator) -> AgentDetail:
        detail = calculator.agent(agent_name, days)
        if detail is None:
            raise ApiError(
                404, "No agent of that name was seen in these days; /api/agents/ranking lists them."
            )
        return detail

    return await _figure(request, found, days=days)


@router.get(
    "/api/agents/{agent_name:path}/days",
    responses=told(list[AgentDay]) | {404: {"description": "Nobody has such a name."}},
)
async def agent_days(
    request: Request,
    agent_name: Annotated[str, Path(max_length=200, description="As `/api/agents/ranking` names it.")],
    days: Days = 30,
) -> Response:
    """Return what one agent contributed and cost day by day, as it is stored; the oldest first."""
    context = context_of(request)
    history = context.history
    if history is None:
        raise ApiError(503, "No history is kept here.")
    today = datetime.fromtimestamp(time.time(), ZoneInfo(context.settings.timezone)).date()
    first = (today - timedelta(days=days - 1)).isoformat()
    if "\x00" in agent_name:
        return tell([])

    def found() -> Response:
        rows = history.agent_days(first=first, agent=agent_name)
        names = AgentDay.__struct_fields__
        return tell([AgentDay(**{name: row[name] for name in names}) for row in rows])

    try:
        return await context.offload(found)
    except HistoryError as error:
        raise ApiError(503, "The history cannot be read now; ask again, or for less.") from error


@router.get("/api/llm/usage", responses=told(LlmUsageReport))
async def llm_usage(request: Request, days: Days = 7) -> Response:
    """Return what each language model did and cost."""
    return await _figure(request, lambda calculator: calculator.llm_usage(days), days=days)


@router.get("/api/cost/efficiency", responses=told(Efficiency))
async def efficiency(request: Request, days: Days = 7) -> Response:
    """Return ROI, cost per trade and break-even."""
    return await _figure(request, lambda calculator: calculator.efficiency(days), days=days)


async def _figure(
    request: Request, make: Callable[[PerformanceMetricsCalculator], object], *, days: float = 0
) -> Response:
    """Answer with a figure of the book, or of the store when the window reaches further back."""
    context = context_of(request)
    calculator = await context.desk.calculator()

    def told() -> Response:
        if days <= MAX_DAYS:
            return tell(context.desk.ask(lambda: make(calculator)))
        return tell(make(_reaching(context, calculator, days)))

    try:
        return await context.offload(told)
    except HistoryError as error:
        raise ApiError(503, "The history cannot be read so far back; ask for less.") from error


def _reaching(
    context: Context, calculator: PerformanceMetricsCalculator, days: float
) -> PerformanceMetricsCalculator:
    if context.history is None:
        raise ApiError(503, f"No history is kept here; ask for at most {MAX_DAYS} days.")
    history, now = context.history, time.time_ns()
    # A day more on either side: days begin where the configured zone says so.
    return calculator.reaching(lambda: StoredLedger(history, int(now - (days + 2) * DAY_NS), now + DAY_NS))
