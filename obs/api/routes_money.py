"""What trading and language models earned and cost: now, over time, by agent and by model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from obs.api.context import context_of
from obs.api.envelope import ApiError
from obs.api.parameters import Days, Hours
from obs.api.telling import tell, told
from obs.money.figures import (
    AgentDetail,
    AgentPerformance,
    Efficiency,
    History,
    LlmUsageReport,
    RealTimeMetrics,
)
from obs.money.metrics import PerformanceMetricsCalculator

__all__ = ["router"]

router = APIRouter(tags=["money"])


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
    return await _figure(request, lambda calculator: calculator.history(hours))


@router.get("/api/agents/ranking", responses=told(Ranking))
async def ranking(request: Request, days: Days = 7) -> Response:
    """Return the agents, ordered by what they surely brought for each unit of LLM cost."""
    return await _figure(
        request, lambda calculator: Ranking(window_days=days, agents=calculator.ranking(days))
    )


@router.get("/api/agents/{agent_name:path}/performance", responses=told(AgentDetail))
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

    return await _figure(request, found)


@router.get("/api/llm/usage", responses=told(LlmUsageReport))
async def llm_usage(request: Request, days: Days = 7) -> Response:
    """Return what each language model did and cost."""
    return await _figure(request, lambda calculator: calculator.llm_usage(days))


@router.get("/api/cost/efficiency", responses=told(Efficiency))
async def efficiency(request: Request, days: Days = 7) -> Response:
    """Return ROI, cost per trade and break-even."""
    return await _figure(request, lambda calculator: calculator.efficiency(days))


async def _figure(request: Request, make: Callable[[PerformanceMetricsCalculator], object]) -> Response:
    context = context_of(request)
    calculator = await context.desk.calculator()
    return await context.offload(lambda: tell(context.desk.ask(lambda: make(calculator))))
