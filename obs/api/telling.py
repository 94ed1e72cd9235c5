"""Answers that hold what `obs.dashboard` writes: times as RFC 3339, amounts as text, no lone surrogates.

The schema of such an answer comes from the same types, so that OpenAPI says what is sent.
"""

from __future__ import annotations

from typing import Any

import orjson
from starlette.responses import Response

from obs.api.envelope import timestamp
from obs.dashboard import SCHEMA, plain_json
from obs.shapes import properties_of, shape_of
from obs.snapshot import Snapshot

__all__ = ["parts", "tell", "tell_json", "told", "told_picture"]

_PLACE = "#/components/schemas/"
_parts: dict[str, Any] = {}


def tell(data: object) -> Response:
    """Return data in its envelope, written the way `obs.dashboard` writes it."""
    return tell_json(plain_json(data))


def tell_json(data: bytes) -> Response:
    """Return a JSON document that is ready in its envelope."""
    body = b'{"success":true,"data":' + data + b',"timestamp":' + orjson.dumps(timestamp()) + b"}"
    return Response(body, media_type="application/json")


def told(
    kind: Any = None, *, description: str = "The answer.", schema: dict[str, Any] | None = None
) -> dict[int | str, Any]:
    """Return FastAPI's `responses=` of a route that tells data of this type.

    Args:
        kind: A struct, a builtin, or a combination of them.
        description: What it is.
        schema: Of the data, when there is no type for it.
    """
    data = schema if schema is not None else shape_of(kind, _parts, place=_PLACE)
    body = {
        "type": "object",
        "additionalProperties": False,
        "required": ["success", "data", "timestamp"],
        "properties": {
            "success": {"const": True},
            "data": data,
            "timestamp": {"type": "string", "format": "date-time"},
        },
    }
    return {200: {"description": description, "content": {"application/json": {"schema": body}}}}


def told_picture(description: str) -> dict[int | str, Any]:
    """Return FastAPI's `responses=` of a route that tells the Snapshot as its file holds it."""
    body = properties_of(Snapshot, _parts, place=_PLACE)
    body["properties"] = {"schema": {"const": SCHEMA}, **body["properties"]}
    body["required"] = ["schema", *body["required"]]
    _parts["dashboard"] = body
    return told(schema={"$ref": f"{_PLACE}dashboard"}, description=description)


def parts() -> dict[str, Any]:
    """Return the schemas of the structs that routes tell, by name."""
    return dict(_parts)
