"""What leaves the sidecar and comes to it, and silences: made and ended with the control token."""

from __future__ import annotations

import sqlite3
import time
from typing import Annotated

import msgspec
from fastapi import APIRouter, Body, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from obs.alerts.desk import DeskError
from obs.alerts.silencebook import Own
from obs.api.context import Context, context_of
from obs.api.envelope import CODES, ApiError
from obs.api.outside import desk_of
from obs.api.telling import tell, told
from obs.deciding import user
from obs.looking import span_ns
from obs.snapshot import IssueSeverity
from obs.web.outside import Facts, Hush

__all__ = ["router"]

router = APIRouter(tags=["alerts"])
_ERROR = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
_REFUSALS: dict[int | str, dict[str, object]] = {
    status: {"description": CODES[status][1], "content": _ERROR} for status in (413, 415)
}


class SilenceRequest(BaseModel):
    """Who is not to be heard of, for how long and why."""

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)

    bot: str = Field("*", min_length=1, max_length=200, description="Bots, as a glob.")
    component: str = Field("*", min_length=1, max_length=200, description="Components, as a glob.")
    severity: str = Field(
        "critical", pattern="^(info|warning|error|critical)$", description="Up to this severity."
    )
    duration: str = Field(
        "2h", alias="for", pattern=r"^[0-9]{1,5}[smhd]$", description="How long: `30m`, `2h`, `7d`."
    )
    why: str = Field(max_length=500, min_length=1, description="The reason.")


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A silence that is over."""

    number: int


@router.get("/api/outside", responses=told(Facts))
async def outside(request: Request) -> Response:
    """Return which channels of messages are set and work, the silences, and OpenTelemetry's counts."""
    return tell(await context_of(request).offload(request.app.state.pages.outside.facts))


@router.post("/api/silences", responses={**told(Hush), **_REFUSALS})
async def silence(
    request: Request, wanted: Annotated[SilenceRequest, Body(description="Of what.")]
) -> Response:
    """Archive the issues of some bots or components for a while, also those that come meanwhile."""
    if not wanted.why.strip():
        raise ApiError(422, "why: a silence must have a reason.")
    if any("\x00" in text for text in (wanted.bot, wanted.component, wanted.why)):
        raise ApiError(422, "a name or reason holds a character that no text has.")
    context = context_of(request)
    made = await context.offload(_silenced, context, wanted)
    request.app.state.pages.refresh()
    return tell(made)


@router.post(
    "/api/silences/{number}/end",
    responses={**told(Ended), **_REFUSALS, 404: {"description": CODES[404][1], "content": _ERROR}},
)
async def end(
    request: Request,
    number: Annotated[int, Path(ge=1, le=2**53, description="As `/api/outside` numbers it.")],
) -> Response:
    """End a silence; Alertmanager's own are ended there."""
    context = context_of(request)
    if not await context.offload(_ended, context, number):
        raise ApiError(404, "There is no such silence; /api/outside lists them.")
    request.app.state.pages.refresh()
    return tell(Ended(number=number))


def _silenced(context: Context, wanted: SilenceRequest) -> Hush:
    until = time.time_ns() + span_ns(wanted.duration, option="for")
    severity = IssueSeverity(wanted.severity)
    own = Own(0, wanted.bot, wanted.component, severity, until, user(), wanted.why.strip())
    try:
        with desk_of(context.settings.dir.absolute()) as desk:
            number = desk.silences.add(own)
    except (DeskError, sqlite3.Error, UnicodeError):
        raise ApiError(503, "The silence cannot be stored now.", headers={"Retry-After": "2"}) from None
    return Hush(
        number=number,
        bot=own.bot,
        component=own.component,
        severity=own.severity,
        until=until,
        by=own.by,
        why=own.why,
    )


def _ended(context: Context, number: int) -> bool:
    try:
        with desk_of(context.settings.dir.absolute()) as desk:
            return desk.silences.end(number)
    except (DeskError, sqlite3.Error):
        raise ApiError(503, "The silence cannot be ended now.", headers={"Retry-After": "2"}) from None
