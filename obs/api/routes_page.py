"""What the live page reads: the whole page as data."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from obs.api.context import context_of
from obs.api.envelope import described
from obs.api.pages import View, joined
from obs.api.parameters import Lang
from obs.api.telling import tell_json
from obs.web.model import Page

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
