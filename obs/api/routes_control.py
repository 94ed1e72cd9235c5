"""How the whole stands, and two commands: export a snapshot, start or stop the data pipeline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Body, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

import obs
from obs.api.context import Context, context_of
from obs.api.envelope import ApiError
from obs.api.telling import tell, told
from obs.money.figures import DayFigures
from obs.refreshing.files import MOST_NAME, ExportError
from obs.refreshing.pipeline import DashboardDataPipeline, PipelineStatus
from obs.snapshot import Health, IssueSeverity, IssueStatus, Money

__all__ = ["router"]

router = APIRouter(tags=["system"])
CLOSED = (IssueStatus.RESOLVED, IssueStatus.ARCHIVED)


class HealthView(msgspec.Struct, frozen=True, kw_only=True):
    """How the sidecar is, and how it finds the bots."""

    status: Literal["ok", "fault"]
    """Of the sidecar itself."""
    fault: str
    health: Health
    """Of the bots: the worst of their components."""
    reason: str
    score: int
    bots: tuple[str, ...]
    open_issues: int
    events: int
    last_event: int
    pending_bytes: int
    pipeline: PipelineStatus | None
    """None: this sidecar has none."""
    version: str


class OverviewLlm(msgspec.Struct, frozen=True, kw_only=True):
    """The language models of today."""

    providers: tuple[str, ...]
    calls: int
    cost: tuple[Money, ...]
    unpriced: int
    """Calls that no price is known for; their cost is not in `cost`."""


class OverviewTrading(DayFigures, frozen=True, kw_only=True):
    """The trades of today."""

    open_trades: int
    is_simulated: bool


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """The whole system at one glance."""

    taken_at: int
    health: Health
    health_reason: str
    health_score: int
    bots: tuple[str, ...]
    mode: str
    phase: str
    restart: str
    components: dict[str, Health]
    issues: dict[IssueSeverity, int]
    """Open causes by severity; symptoms are not counted."""
    worst_issue: str
    """Id and title of the first open one; empty when there is none."""
    trading: OverviewTrading | None
    """None while nothing was said of trades or models."""
    llm: OverviewLlm | None
    best_agent: str
    """The first of the ranking; empty while nobody has a rank."""
    money_lines: tuple[str, ...]
    first_event: int
    last_event: int
    events: int


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot that was written."""

    file: str
    """Its path in the sidecar's folder."""
    bytes: int


class Controlled(msgspec.Struct, frozen=True, kw_only=True):
    """What a command did."""

    action: Literal["start", "stop", "refresh"]
    changed: bool
    """False: it was so already, or there was nothing to refresh from."""
    pipeline: PipelineStatus


class ExportRequest(BaseModel):
    """What to write."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(
        "",
        max_length=MOST_NAME,
        json_schema_extra={"pattern": r"^([^\W_]([\w. -]*[\w-])?)?$"},
        description="Name of the file: letters, digits, '-', '_', '.' and spaces. Empty: the time.",
    )


class ControlRequest(BaseModel):
    """What the data pipeline should do."""

    model_config = ConfigDict(extra="forbid", strict=True)

    action: Literal["start", "stop", "refresh"]


@router.get("/api/health", responses=told(HealthView))
async def health(request: Request) -> Response:
    """Return how sidecar and bots are; `/health` says the same to probes, by its status."""
    context = context_of(request)
    picture = context.board.picture
    snapshot = picture.snapshot
    pipeline = await context.offload(context.pipeline.status) if context.pipeline is not None else None
    return tell(
        HealthView(
            status="fault" if picture.fault else "ok",
            fault=picture.fault,
            health=snapshot.health,
            reason=snapshot.health_reason,
            score=snapshot.health_score,
            bots=snapshot.bots,
            open_issues=sum(one.cause is None and one.status not in CLOSED for one in snapshot.issues),
            events=snapshot.events,
            last_event=snapshot.last_event,
            pending_bytes=picture.pending_bytes,
            pipeline=pipeline,
            version=obs.__version__,
        )
    )


@router.get("/api/system/overview", responses=told(Overview))
async def overview(request: Request) -> Response:
    """Return the whole system at one glance: health, issues, trades, models."""
    return tell(_overview(context_of(request)))


@router.post("/api/export/snapshot", responses=told(Exported))
async def export(
    request: Request, wanted: Annotated[ExportRequest | None, Body(description="May be missing.")] = None
) -> Response:
    """Write the picture of now into `dashboards/exports` of the sidecar's folder."""
    context = context_of(request)
    pipeline = _pipeline(context)
    try:
        path = await context.offload(pipeline.export_snapshot, wanted.name if wanted else "")
    except ExportError as error:
        raise ApiError(422, f"{_sentence(error)}.") from None
    except OSError as error:
        raise ApiError(503, f"The file cannot be written: {error.strerror}.") from None
    return tell(Exported(file=path.relative_to(pipeline.directory).as_posix(), bytes=path.stat().st_size))


@router.post("/api/pipeline/control", responses=told(Controlled))
async def control(request: Request, wanted: Annotated[ControlRequest, Body()]) -> Response:
    """Start, stop or refresh what feeds subscribers and history files; what is so already stays so."""
    context = context_of(request)
    pipeline = _pipeline(context)
    does = {"start": pipeline.start, "stop": _stops(pipeline), "refresh": pipeline.refresh}[wanted.action]
    changed = await context.offload(does)
    status = await context.offload(pipeline.status)
    return tell(Controlled(action=wanted.action, changed=changed, pipeline=status))


def _stops(pipeline: DashboardDataPipeline) -> Callable[[], bool]:
    def stop() -> bool:
        ran = pipeline.is_running
        pipeline.stop()
        return ran

    return stop


def _pipeline(context: Context) -> DashboardDataPipeline:
    pipeline = context.pipeline
    if pipeline is None:
        raise ApiError(503, "This sidecar has no data pipeline.")
    assert isinstance(pipeline, DashboardDataPipeline)
    return pipeline


def _sentence(error: Exception) -> str:
    text = str(error)
    return text[:1].upper() + text[1:]


def _overview(context: Context) -> Overview:
    snapshot = context.board.snapshot
    money = snapshot.money
    causes = [one for one in snapshot.issues if one.cause is None and one.status not in CLOSED]
    trading = llm = None
    best = ""
    if money is not None:
        trading = OverviewTrading(
            trades=money.total_trades_today,
            settled=money.settled,
            pending=money.pending,
            won=money.won,
            lost=money.lost,
            win_rate=money.win_rate_today,
            pnl=money.total_pnl_today,
            open_trades=money.open_trades,
            is_simulated=money.is_simulated,
        )
        llm = OverviewLlm(
            providers=tuple(sorted({one.provider for one in money.llm_usage_stats if one.provider})),
            calls=money.calls_today,
            cost=money.total_cost_today,
            unpriced=money.unpriced_today,
        )
        best = next((one.agent for one in money.agent_performance if one.rank == 1), "")
    return Overview(
        taken_at=snapshot.taken_at,
        health=snapshot.health,
        health_reason=snapshot.health_reason,
        health_score=snapshot.health_score,
        bots=snapshot.bots,
        mode=snapshot.mode,
        phase=snapshot.phase,
        restart=snapshot.restart,
        components={name: one.status for name, one in snapshot.components.items()},
        issues={level: sum(one.severity is level for one in causes) for level in IssueSeverity},
        worst_issue=f"{causes[0].id} {causes[0].title}" if causes else "",
        trading=trading,
        llm=llm,
        best_agent=best,
        money_lines=snapshot.money_lines,
        first_event=snapshot.first_event,
        last_event=snapshot.last_event,
        events=snapshot.events,
    )
