"""What a person decides about an issue: resolve, archive, reopen, merge, split; with the control token."""

from __future__ import annotations

import sqlite3
import time
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Body, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from obs import deciding
from obs.api.context import Context, context_of
from obs.api.envelope import CODES, ApiError
from obs.api.routes_views import IssueId, the_issue
from obs.api.telling import tell, told
from obs.keeping.store import StoreError
from obs.snapshot import Issue

__all__ = ["router"]

router = APIRouter(tags=["control"])
Verb = Literal["resolve", "archive", "reopen", "merge", "split"]
_ERROR = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}


class DecisionRequest(BaseModel):
    """Why, and for how long."""

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)

    why: str = Field("", max_length=500, description="The reason; an archived issue must have one.")
    duration: str = Field(
        deciding.ARCHIVED_FOR,
        alias="for",
        pattern=r"^([0-9]{1,5}[smhd]|ever|worse)$",
        description="How long an issue is archived: `30m`, `2h`, `7d`, `ever`, or `worse`: until there is "
        "more of it than before. Other verbs take none.",
    )
    into: str = Field(
        "",
        max_length=40,
        description="`merge`: the issue that this one becomes a part of. Other verbs take none.",
    )


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided."""

    id: str
    verb: str
    wakes: int
    """Unix ns at which an archived issue wakes; 0: never, or it was not archived."""


@router.post(
    "/api/issues/{id}/{verb}",
    responses={
        **told(Decided),
        **{status: {"description": CODES[status][1], "content": _ERROR} for status in (404, 409, 413, 415)},
    },
)
async def decide(
    request: Request,
    id: IssueId,  # noqa: A002 - so it is called in the address
    verb: Annotated[Verb, Path(description="What is to become of it.")],
    wanted: Annotated[DecisionRequest | None, Body(description="Why.")] = None,
) -> Response:
    """Resolve, archive or reopen an issue, make it a part of another, or let merged ones stand alone again.

    The page shows it within two seconds.
    """
    context = context_of(request)
    return tell(
        await context.offload(_apply, context, id, verb, wanted or DecisionRequest.model_validate({}))
    )


def _apply(context: Context, wanted: str, verb: Verb, decision: DecisionRequest) -> Decided:
    snapshot = context.board.snapshot
    issue = the_issue(snapshot, wanted)
    now = time.time_ns()
    if verb == "archive" and not decision.why.strip():
        raise ApiError(422, "why: an archived issue must have a reason.")
    if (verb == "merge") is not bool(decision.into):
        raise ApiError(422, "into: `merge` names the issue that this one becomes a part of; others none.")
    wakes = deciding.wakes_at(verb, decision.duration if verb == "archive" else None, None, now)
    directory, store = context.settings.dir.absolute(), context.settings.store
    try:
        if verb == "merge":
            into = the_issue(snapshot, decision.into).fingerprint
            part = [issue.fingerprint]
            deciding.merge(directory, snapshot, into, part, now=now, why=decision.why, store=store)
        elif verb == "split":
            deciding.split(directory, snapshot, [wanted], now=now, store=store)
        else:
            deciding.apply(
                directory,
                snapshot,
                verb,
                [issue.fingerprint],
                now=now,
                why=decision.why,
                expires=wakes,
                until_worse=verb == "archive" and decision.duration == deciding.WORSE,
                store=store,
            )
    except (StoreError, OSError, sqlite3.Error):
        raise ApiError(503, "The decision cannot be stored now.", headers={"Retry-After": "2"}) from None
    except ValueError:
        raise ApiError(409, _refusal(verb, issue)) from None
    return Decided(id=issue.id, verb=verb, wakes=wakes)


def _refusal(verb: Verb, issue: Issue) -> str:
    if verb == "merge":
        return "Both are one issue already."
    if verb == "split":
        return "Nothing was merged into this issue."
    return f"The issue is {issue.status} and cannot become that."
