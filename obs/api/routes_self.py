"""What tells how the sidecar and its bots are: /health, /ready, /metrics, /api/briefing."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query, Request
from starlette.responses import PlainTextResponse, Response

import obs
from obs import briefing
from obs.api.context import Context, context_of
from obs.api.envelope import ApiError, answer, described
from obs.keeping.caching import SHARED
from obs.keeping.memory import resident_bytes
from obs.metrics import CONTENT_TYPES, Exported, Form, Inner, exposition, negotiated
from obs.snapshot import Snapshot
from obs.web.scope import scoped

__all__ = ["lasting", "router"]

MOST_TOKENS = 100_000
STARTED = time.time()
"""Unix seconds at which this process began to serve."""
router = APIRouter()


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How the sidecar is, and how it finds the bots."""

    status: Literal["ok", "fault"]
    fault: str
    bots: str
    reason: str
    score: int
    events: int
    pending_bytes: int


_TEXT = {"text/plain": {"schema": {"type": "string"}}}


@router.get(
    "/health",
    tags=["self"],
    responses={
        200: {
            "description": "The sidecar works.",
            "content": {"application/json": {"schema": msgspec.json.schema(Health)}},
        },
        503: {
            "description": "It cannot store or show.",
            "content": {"application/json": {"schema": msgspec.json.schema(Health)}},
        },
    },
)
async def health(request: Request) -> Response:
    """Return whether the sidecar works, and what it thinks of the bots; for whoever watches the watcher."""
    picture = context_of(request).board.picture
    snapshot = picture.snapshot
    body = Health(
        status="fault" if picture.fault else "ok",
        fault=picture.fault,
        bots=snapshot.health.value,
        reason=snapshot.health_reason,
        score=snapshot.health_score,
        events=snapshot.events,
        pending_bytes=picture.pending_bytes,
    )
    return Response(msgspec.json.encode(body), 503 if picture.fault else 200, media_type="application/json")


@router.get("/ready", tags=["self"], responses={200: {"description": "It answers.", "content": _TEXT}})
async def ready() -> Response:
    """Return a word as soon as requests are answered."""
    return PlainTextResponse("ready\n")


@router.get(
    "/metrics",
    tags=["self"],
    responses={
        200: {
            "description": "Prometheus text; for who accepts it OpenMetrics with exemplars, or protobuf with "
            "native histograms.",
            "content": {
                **_TEXT,
                "application/openmetrics-text": {"schema": {"type": "string"}},
                "application/vnd.google.protobuf": {"schema": {"type": "string", "format": "binary"}},
            },
        }
    },
)
async def metrics(request: Request) -> Response:
    """Return the metrics, in the format that is asked for."""
    context = context_of(request)
    form = negotiated(request.headers.get("accept", ""))
    streams = request.app.state.streams.open
    text = await context.offload(_exposition, context, streams, form)
    return Response(text, headers={"Content-Type": CONTENT_TYPES[form], "Vary": "Accept"})


class Briefing(msgspec.Struct, frozen=True, kw_only=True):
    """A briefing and its size, for whoever asks for JSON."""

    text: str
    """Markdown."""
    tokens: int
    budget: int
    """Most tokens that were allowed."""
    since: int
    """Unix ms of the earlier look that it is compared with; 0: none."""
    taken_at: int
    """Unix ms of the picture it tells."""


@router.get(
    "/api/briefing",
    tags=["views"],
    responses={
        200: {
            "description": "The page.",
            "content": {
                "text/markdown": {"schema": {"type": "string"}},
                **described(Briefing)[200]["content"],
            },
        },
        404: {"description": "There is no issue of that id."},
    },
)
async def page(
    request: Request,
    budget: Annotated[int | None, Query(ge=50, le=1_000_000, description="Most tokens.")] = None,
    lang: Annotated[Literal["en", "ko"] | None, Query(description="Language.")] = None,
    since: Annotated[
        int, Query(ge=0, le=32_503_680_000_000, description="Unix ms: tell what changed since as well.")
    ] = 0,
    bot: Annotated[str, Query(max_length=200, description="Of this bot alone.")] = "",
    issue: Annotated[str, Query(max_length=100, description="Of this issue alone, by id.")] = "",
    form: Annotated[
        Literal["md", "json"], Query(alias="format", description="Markdown, or JSON with its tokens.")
    ] = "md",
) -> Response:
    """Return the briefing of this moment."""
    context = context_of(request)
    settings = context.settings
    snapshot = context.board.snapshot
    if issue and all(one.id != issue for one in snapshot.issues):
        raise ApiError(404, "There is no issue of that id.")
    most = min(budget or settings.budget, MOST_TOKENS)
    try:
        text = await context.offload(
            briefing.render,
            scoped(snapshot, bot),
            budget=most,
            since=since * 1_000_000 or None,
            lang=lang or settings.lang,
            templates=settings.templates,
            template="incident" if issue else "status",
            issue=issue,
        )
    except ValueError as error:
        raise ApiError(422, "The page cannot be made with these values.") from error
    whole = text.encode("utf-8", "backslashreplace")
    if form == "md":
        return Response(whole, media_type="text/markdown; charset=utf-8")
    size = briefing.tokens(text)
    taken = snapshot.taken_at // 1_000_000
    return answer(Briefing(text=whole.decode(), tokens=size, budget=most, since=since, taken_at=taken))


def _exposition(context: Context, streams: int, form: Form) -> bytes:
    board = context.board
    picture = board.picture
    counts = SHARED.statistics()
    store, free = _places(context)
    inner = Inner(
        version=obs.__version__,
        fault=picture.fault,
        started=STARTED,
        cpu_seconds=time.process_time(),
        resident_bytes=resident_bytes(),
        queue_events=context.sidecar.waiting_events if context.sidecar is not None else 0,
        pending_bytes=picture.pending_bytes,
        streams=streams,
        cache_hits={name: count.hits for name, count in counts.items()},
        cache_misses={name: count.misses for name, count in counts.items()},
        exports=_exported(context),
        alerts=context.alerter.numbers if context.alerter is not None else None,
        store_bytes=store,
        disk_free_bytes=free,
    )
    return exposition(lasting(picture.snapshot, board.kept), inner, form=form)


def _exported(context: Context) -> dict[str, Exported]:
    exporter = context.sidecar.exporter if context.sidecar is not None else None
    if exporter is None:
        return {}
    return {
        signal: Exported(books.counts.taken, books.counts.sent, books.counts.waiting, books.counts.dropped)
        for signal, books in exporter.books().items()
    }


def lasting(newest: Snapshot, kept: Snapshot) -> Snapshot:
    """Return the newest picture with only such counts as are stored: a kill takes none of them back."""
    readings = msgspec.structs.replace(
        kept.readings,
        latest=newest.readings.latest,
        results=newest.readings.results,
        releases=newest.readings.releases,
        agents=newest.readings.agents,
    )
    return msgspec.structs.replace(
        newest, by_severity=kept.by_severity, leaks=kept.leaks, losses=kept.losses, readings=readings
    )


def _places(context: Context) -> tuple[int, int | None]:
    """Bytes of the store's files, and free on its disk, None where that cannot be told."""
    directory = Path(context.settings.dir)
    try:
        files = () if context.settings.store else tuple(directory.glob("obs.db*"))
        return sum(one.stat().st_size for one in files), shutil.disk_usage(directory).free
    except OSError:
        # A file that went meanwhile, a folder that is gone: the sidecar itself tells of that.
        return 0, None
