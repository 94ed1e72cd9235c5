"""The door for Alertmanager's webhook: alerts become events, on disk before they are confirmed."""

from __future__ import annotations

import time

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from obs.alerts import alertmanager
from obs.api.context import Context, context_of
from obs.api.envelope import ApiError
from obs.api.telling import tell, told
from obs.keeping.inbox import Inbox, InboxFullError

__all__ = ["router"]

router = APIRouter(tags=["alerts"])
RETRY_SECONDS = 5
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["alerts"],
                    "properties": {"alerts": {"type": "array"}},
                }
            }
        },
    }
}


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a notification."""

    alerts: int
    """That could be read."""
    doubles: int
    """Sent again, and counted before."""
    unreadable: int
    """Counted as lost."""


@router.post("/api/alerts/webhook", responses=told(Received), openapi_extra=_BODY)
async def webhook(request: Request) -> Response:
    """Take in what Alertmanager sends; each alert is an issue while it fires."""
    context = context_of(request)
    inbox = _inbox(context)
    body = await request.body()
    try:
        taken = await context.offload(alertmanager.receive, body, inbox, time.time_ns())
    except alertmanager.WebhookError as error:
        raise ApiError(400, f"{error}.") from None
    except InboxFullError:
        # Alertmanager sends again what was answered with 5xx.
        raise ApiError(503, headers={"Retry-After": str(RETRY_SECONDS)}) from None
    return tell(Received(**taken._asdict()))


def _inbox(context: Context) -> Inbox:
    if context.inbox is None:
        raise ApiError(503, "This sidecar takes nothing in.")
    assert isinstance(context.inbox, Inbox)
    return context.inbox
