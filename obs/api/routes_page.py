"""What the live page reads: the whole page as data, one issue in full."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from obs.api.context import context_of
from obs.api.envelope import answer, described
from obs.api.pages import View, joined
from obs.api.parameters import Lang
from obs.api.routes_views import UNKNOWN, IssueId, the_issue
from obs.api.telling import tell_json
from obs.web.issue import view
from obs.web.model import IssueView, Page

__all__ = ["router"]

router = APIRouter(tags=["page"])


@router.get("/api/page", responses=described(Page, description="Every section of the page."))
async def page(
    request: Request,
    lang: Lang = None,
    bot: Annotated[str, Query(max_length=200, description="Show one bot alone.")] = "",
    since: Annotated[
        int, Query(ge=0, le=2**53, description="Unix ms at which the reader looked last; 0: 12 hours ago.")
    ] = 0,
) -> Response:
    """Return everything the live page shows, in words and figures that are ready to be drawn."""
    context = context_of(request)
    view = View(lang or context.settings.lang, bot, since)
    return tell_json(joined(await request.app.state.pages.sections(context.board.picture, view)))


@router.get("/api/page/issues/{id}", responses=described(IssueView) | UNKNOWN)
async def one_issue(request: Request, id: IssueId, lang: Lang = None) -> Response:  # noqa: A002
    """Return everything about one issue, ready to be drawn."""
    context = context_of(request)
    snapshot = context.board.snapshot
    found = the_issue(snapshot, id)
    zone = context.settings.timezone
    shown = await context.offload(view, snapshot, found.id, lang=lang or context.settings.lang, zone=zone)
    return answer(shown)
