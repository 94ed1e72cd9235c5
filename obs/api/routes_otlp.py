"""The door for OpenTelemetry: OTLP/HTTP, protobuf and JSON; open on loopback, bounded in memory."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from obs.api.context import Context, context_of
from obs.api.envelope import ApiError
from obs.otlp.answers import Answer, Form
from obs.otlp.receiving import MOST_BYTES, Receiver

__all__ = ["router"]

router = APIRouter(tags=["opentelemetry"])
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            Form.PROTOBUF.value: {"schema": {"type": "string", "format": "binary"}},
            Form.JSON.value: {"schema": {"type": "object"}},
        },
    }
}
_STATUS = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {"code": {"type": "integer"}, "message": {"type": "string"}},
}
"""What OTLP answers when it refuses: google.rpc.Status. The guard before it answers as everywhere."""


def _told(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "description": description,
        "content": {
            Form.JSON.value: {"schema": schema},
            Form.PROTOBUF.value: {"schema": {"type": "string", "format": "binary"}},
        },
    }


_REFUSED = {"anyOf": [_STATUS, {"$ref": "#/components/schemas/Error"}]}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: _told("Taken in; `partialSuccess` says what was not.", {"type": "object"}),
    400: _told("The request cannot be read.", _REFUSED),
    413: _told("The request is too large; send smaller batches.", _REFUSED),
    415: _told("Neither protobuf nor JSON, or packed otherwise.", _REFUSED),
    503: _told("Not now; send the same again after `Retry-After` seconds.", _REFUSED),
}


@router.post("/v1/logs", openapi_extra=_BODY, responses=_ANSWERS)
async def logs(request: Request) -> Response:
    """Take log records in, as the OpenTelemetry protocol sends them."""
    return await _received(request, "logs")


@router.post("/v1/traces", openapi_extra=_BODY, responses=_ANSWERS)
async def traces(request: Request) -> Response:
    """Take spans in, as the OpenTelemetry protocol sends them."""
    return await _received(request, "traces")


@router.post("/v1/metrics", openapi_extra=_BODY, responses=_ANSWERS)
async def metrics(request: Request) -> Response:
    """Take data points in, as the OpenTelemetry protocol sends them."""
    return await _received(request, "metrics")


async def _received(request: Request, signal: str) -> Response:
    context = context_of(request)
    receiver = _receiver(context)
    kind, packing = (request.headers.get(f"content-{name}", "") for name in ("type", "encoding"))
    length = request.headers.get("content-length", "")
    with receiver.holding(int(length) if length.isdecimal() else MOST_BYTES) as has_room:
        if not has_room:
            return _response(receiver.later(kind))
        body = await request.body()
        return _response(await context.take_in(receiver.receive, signal, kind, packing, body))


def _receiver(context: Context) -> Receiver:
    if context.receiver is None:
        raise ApiError(503, "This sidecar takes nothing in.")
    assert isinstance(context.receiver, Receiver)
    return context.receiver


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, headers=dict(answer.headers))
