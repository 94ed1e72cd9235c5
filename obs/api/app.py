"""The ASGI app: routers put together, errors in their envelope, an OpenAPI that tells the truth."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

import obs
from obs.api import static
from obs.api.context import Context
from obs.api.envelope import CODES, ApiError, components, refusal
from obs.api.guard import Guard
from obs.api.pages import Pages
from obs.api.stream import Streams
from obs.api.telling import parts

__all__ = ["ROUTES", "application"]

ROUTES = (
    "obs.api.routes_self",
    "obs.api.routes_control",
    "obs.api.routes_money",
    "obs.api.routes_views",
    "obs.api.routes_decisions",
    "obs.api.routes_events",
    "obs.api.routes_page",
    "obs.api.routes_stream",
    "obs.api.routes_otlp",
    "obs.api.routes_alerts",
    "obs.api.routes_outside",
)
"""Modules with a `router`, in the order of the documentation."""
EVERYWHERE = (400, 401, 403, 422, 429, 503)
"""Answers that any operation may give."""


def application(context: Context) -> FastAPI:
    """Return the app over a context; it serves until the context is closed."""
    app = _App(
        title="obs",
        version=obs.__version__,
        summary="What your trading bots are doing, and why.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
    )
    app.state.context = context
    app.state.pages = Pages(context)
    app.state.streams = Streams(context, app.state.pages)
    for router in _routers():
        app.include_router(router)
    app.router.routes.extend(static.routes())
    app.add_exception_handler(ApiError, _refused)
    app.add_exception_handler(HTTPException, _not_served)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(Exception, _failed)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]
    return app


class _App(FastAPI):
    """The framework's app behind our guard, which sees its errors too."""

    def build_middleware_stack(self) -> ASGIApp:
        """Put the guard before everything."""
        return Guard(super().build_middleware_stack(), self.state.context)


def _routers() -> Iterable[APIRouter]:
    for name in ROUTES:
        yield importlib.import_module(name).router


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return refusal(error)


async def _not_served(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refusal(ApiError(error.status_code, headers=error.headers))


async def _not_valid(_: Request, error: Exception) -> Response:
    """Say which parameter is wrong: 400 when it cannot be read at all, 422 when it is out of range."""
    assert isinstance(error, RequestValidationError)
    first: Any = next(iter(error.errors()), {})
    kind = str(first.get("type", ""))
    place = ".".join(str(part) for part in first.get("loc", ()) if isinstance(part, str))
    if kind.startswith("json") or kind.endswith("_parsing") or kind in ("missing", "dict_type", "model_type"):
        return refusal(ApiError(400, f"{place or 'the request'}: cannot be read."))
    return refusal(ApiError(422, f"{place or 'a value'}: is not among the values allowed."))


async def _failed(_: Request, __: Exception) -> Response:
    return refusal(ApiError(500))


def _described(app: FastAPI) -> dict[str, Any]:
    """OpenAPI with our own errors at every operation in place of the framework's."""
    if app.openapi_schema:
        return app.openapi_schema
    made = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        routes=app.routes,
        separate_input_output_schemas=False,
    )
    schemas = made.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas.update(components() | parts())
    made["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    for path in made.get("paths", {}).values():
        for operation in path.values():
            if isinstance(operation, dict) and "responses" in operation:
                _with_errors(operation)
    app.openapi_schema = made
    return made


def _with_errors(operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    answers.pop("422", None)
    declared = {int(status) for status in answers if status.isdecimal() and int(status) >= 400}
    for status in sorted({*EVERYWHERE, *declared}):
        known = answers.get(str(status))
        if known is None or not known.get("content"):
            answers[str(status)] = {
                "description": (known or {}).get("description") or CODES[status][1],
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
            }
    operation.setdefault("security", [{}, {"token": []}])
