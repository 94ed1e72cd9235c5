"""The form of every JSON answer, good and bad, and how OpenAPI describes it.

Good: `{"success": true, "data": ..., "timestamp": ...}`; bad: `{"success": false, "error": {"code": ...,
"message": ...}, "timestamp": ...}`. The message of an error is ours: it never repeats what was sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from starlette.responses import Response

__all__ = [
    "CODES",
    "ApiError",
    "answer",
    "components",
    "described",
    "encoded",
    "enveloped",
    "refusal",
    "timestamp",
]

CODES: Mapping[int, tuple[str, str]] = {
    400: ("bad_request", "The request cannot be read."),
    401: ("no_token", "A valid token is needed."),
    403: ("forbidden", "Not from this host, from this page or with this token."),
    404: ("not_found", "There is nothing of that name."),
    405: ("method_not_allowed", "Not with this method."),
    409: ("conflict", "What is asked for cannot be done now."),
    413: ("too_large", "The body is too large."),
    415: ("unsupported_media_type", "The body is not JSON."),
    422: ("out_of_range", "A value is not among those allowed."),
    429: ("too_many_requests", "Too many requests; wait a little."),
    500: ("failed", "The answer could not be made."),
    503: ("unavailable", "Not now."),
}
"""Status -> the code in the body, and its meaning."""

_ENCODER = msgspec.json.Encoder(decimal_format="string", order="deterministic")
_kinds: dict[Any, None] = {}


class ApiError(Exception):
    """A request that is refused.

    Args:
        status: HTTP status, one of `CODES`.
        message: What is wrong and how to mend it; never what was sent.
        code: A word for programs; that of the status when empty.
        headers: Further headers, e.g. `Retry-After`.
    """

    def __init__(
        self, status: int, message: str = "", *, code: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        known = CODES.get(status, CODES[500])
        super().__init__(message or known[1])
        self.status, self.code, self.headers = status, code or known[0], headers


def answer(data: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return data in its envelope: structs, mappings, dates and Decimals (as text) as msgspec writes them."""
    return enveloped(encoded(data), status=status, headers=headers)


def enveloped(data: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return data that is JSON already in its envelope."""
    body = b'{"success":true,"data":%s,"timestamp":"%s"}' % (data, timestamp().encode())
    return Response(body, status, media_type="application/json", headers=dict(headers or {}))


def encoded(data: object) -> bytes:
    """Return data as JSON; halves of characters, which no JSON may hold, as escapes."""
    try:
        return _ENCODER.encode(data)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(data, str_keys=True)).encode("ascii")


def refusal(error: ApiError) -> Response:
    """Return an error in its envelope."""
    body = {
        "success": False,
        "error": {"code": error.code, "message": str(error)},
        "timestamp": timestamp(),
    }
    return Response(
        encoded(body), error.status, media_type="application/json", headers=dict(error.headers or {})
    )


def timestamp() -> str:
    """Return the time now as ISO 8601 with six decimals and the zone."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def described(kind: Any, *, description: str = "The answer.", status: int = 200) -> dict[int | str, Any]:
    """Return FastAPI's `responses=` of a route whose data is of this type.

    Args:
        kind: A type msgspec can describe: a struct, `list[Struct]`, `dict[str, int]`, ...
        description: What it is.
        status: Of the good answer.
    """
    _kinds[kind] = None
    (schema,), _ = msgspec.json.schema_components((kind,), ref_template="#/components/schemas/{name}")
    body = {
        "type": "object",
        "required": ["success", "data", "timestamp"],
        "properties": {
            "success": {"const": True},
            "data": schema,
            "timestamp": {"type": "string", "format": "date-time"},
        },
    }
    return {status: {"description": description, "content": {"application/json": {"schema": body}}}}


def components() -> dict[str, Any]:
    """Return the schemas of all types that routes have described, by name, and that of errors."""
    _, found = msgspec.json.schema_components(tuple(_kinds), ref_template="#/components/schemas/{name}")
    error = {
        "type": "object",
        "required": ["success", "error", "timestamp"],
        "properties": {
            "success": {"const": False},
            "error": {
                "type": "object",
                "required": ["code", "message"],
                "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
            },
            "timestamp": {"type": "string", "format": "date-time"},
        },
    }
    return {**found, "Error": error}
