"""What stands before every route: host, origin, rate, token, body; and the headers of every answer.

Only names of our own are answered, so a page that makes its own name point here gets nothing. A request that
says where it comes from must come from our own page, or from one that the settings name. What is refused is
refused before any work, and no refusal repeats what was sent.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from obs.api.context import Context
from obs.api.envelope import ApiError, refusal
from obs.api.limits import ELSEWHERE, GUESSES, LOOPBACK, RateLimit
from obs.api.tokens import Scope as Allowed
from obs.journal import journal

__all__ = ["POLICY", "Guard"]

MOST_BODY = 64 * 1024
MOST_TELEMETRY = 16 << 20
BODY_SECONDS = 10.0
NOTE_SECONDS = 10.0
OWN_NAMES = ("127.0.0.1", "localhost", "[::1]")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
BARE_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Of answers that are no page."""
SAFE = ("GET", "HEAD")
OPEN = ("/", "/ready", "/favicon.ico")
"""Without anything worth knowing, so they need no token even elsewhere; the page's own files too."""
TELEMETRY = ("/v1/logs", "/v1/traces", "/v1/metrics")
"""Where OpenTelemetry comes in: bodies may be large, packed and protobuf."""
WEBHOOK = "/api/alerts/webhook"
MOST_ALERTS = 1 << 20
"""Of one notification of Alertmanager's."""
LINKED = ("/api/briefing", "/api/events")
"""Where links of other pages may lead, and what those that `allowed_origins` names may show in a frame."""
OPEN_NEAR = (*TELEMETRY, WEBHOOK)
"""Take something in without a token from programs of this machine; not from a page, not through a proxy."""
_HOST = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(:[0-9]{1,5})?", re.ASCII)
_ORIGIN = re.compile(r"(https?)://(.{1,300})")
_FRAMER = re.compile(r"https?://[^\s;,'\"]{1,300}")
"""What can stand in a policy as it is."""
_FORWARDED = (
    b"x-forwarded-host",
    b"x-host",
    b"x-original-host",
    b"x-forwarded-server",
    b"x-http-host-override",
)
_REWRITES = (b"x-original-url", b"x-rewrite-url", b"x-http-method-override", b"x-method-override")
_HEADERS: Sequence[tuple[bytes, bytes]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)


class Guard:
    """ASGI around the app."""

    def __init__(self, app: ASGIApp, context: Context) -> None:
        self._app, self._context = app, context
        settings = context.settings
        own = settings.host.lower()
        names = {*OWN_NAMES, *(name.lower() for name in settings.allowed_hosts)}
        if own not in ("0.0.0.0", "::", ""):
            names.add(f"[{own}]" if ":" in own else own)
        self._names = frozenset(names)
        self._origins = frozenset(origin.lower().rstrip("/") for origin in settings.allowed_origins)
        self._frames = sorted(origin for origin in self._origins if _FRAMER.fullmatch(origin))
        self._near, self._far, self._guesses = RateLimit(LOOPBACK), RateLimit(ELSEWHERE), RateLimit(GUESSES)
        self._log = journal("api")
        self._failures, self._note_at = 0, 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = _Headers(scope["headers"])
        dressed = _Dressed(send, self._cors(headers), is_page=_is_page(scope), framers=self._framers(scope))
        try:
            self._check(scope, headers)
        except ApiError as error:
            await _refuse(scope, receive, dressed.send, error)
            return
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
        elif scope["method"] == "OPTIONS" and headers.get(b"access-control-request-method"):
            await _preflight(dressed.send)
        else:
            await self._let_in(scope, _Body(receive, _most_body(scope)), dressed)

    async def _let_in(self, scope: Scope, body: _Body, dressed: _Dressed) -> None:
        try:
            await self._app(scope, body.receive, dressed.send)
        except ApiError as error:
            if not dressed.has_begun:
                await refusal(error)(scope, body.receive, dressed.send)
        except Exception as error:
            self._note(error, scope)
            if not dressed.has_begun:
                await refusal(ApiError(500))(scope, body.receive, dressed.send)
            elif not dressed.has_ended:
                # Half an answer cannot be mended: the connection must end, and uvicorn does that.
                raise

    def _note(self, error: Exception, scope: Scope) -> None:
        """Write down a failure; not every one of many."""
        now = asyncio.get_running_loop().time()
        self._failures += 1
        if now >= self._note_at:
            self._note_at = now + NOTE_SECONDS
            self._log.error(
                "a request failed", kind=type(error).__name__, route=_route(scope), failures=self._failures
            )

    def _check(self, scope: Scope, headers: _Headers) -> None:
        self._check_host(headers)
        self._check_origin(scope, headers)
        client = str((scope.get("client") or ("",))[0])
        is_near = client in ("", "127.0.0.1", "::1", "testclient")
        wait = (self._near if is_near else self._far).take(client)
        if wait:
            raise _too_many(wait)
        self._check_token(scope, headers, client, is_near=is_near)
        if scope["type"] == "http":
            _check_body(scope, headers)

    def _check_host(self, headers: _Headers) -> None:
        hosts = headers.all(b"host")
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            raise ApiError(403, "This host is not served here; setting `allowed_hosts` names further ones.")
        for name in _FORWARDED:
            if any(not self._is_ours(value) for value in headers.all(name)):
                raise ApiError(403, "The forwarded host is not served here; see setting `allowed_hosts`.")
        for value in headers.all(b"forwarded"):
            if any(not self._is_ours(host) for host in re.findall(r'host="?([^";,]*)', value.lower())):
                raise ApiError(403, "The forwarded host is not served here; see setting `allowed_hosts`.")
        if any(headers.all(name) for name in _REWRITES):
            raise ApiError(403, "Address and method are those of the request line alone.")

    def _is_ours(self, host: str) -> bool:
        found = _HOST.fullmatch(host.lower())
        return found is not None and found[1] in self._names and int((found[2] or ":0")[1:]) <= 65_535

    def _check_origin(self, scope: Scope, headers: _Headers) -> None:
        origins = headers.all(b"origin")
        if origins:
            if len(origins) > 1 or not self._is_same(origins[0], headers):
                raise _elsewhere()
            return
        # A browser says so of pictures and scripts too, which carry no origin.
        if headers.get(b"sec-fetch-site") in ("cross-site", "same-site") and not (
            (_is_page(scope) or self._framers(scope)) and headers.get(b"sec-fetch-mode") == "navigate"
        ):
            raise _elsewhere()

    def _framers(self, scope: Scope) -> Sequence[str]:
        """Return the pages that may show this answer in a frame: it is text, which leads nobody to decide."""
        is_shown = scope["type"] == "http" and scope["method"] in SAFE and scope["path"] in LINKED
        return self._frames if is_shown else ()

    def _is_same(self, origin: str, headers: _Headers) -> bool:
        if origin.lower() in self._origins:
            return True
        found = _ORIGIN.fullmatch(origin.lower())
        if found is None:
            return False
        standard = ":443" if found[1] == "https" else ":80"
        return found[2].removesuffix(standard) == headers.get(b"host").lower().removesuffix(standard)

    def _check_token(self, scope: Scope, headers: _Headers, client: str, *, is_near: bool) -> None:
        tokens = self._context.tokens
        needed = Allowed.CONTROL
        if is_near and scope["path"] in OPEN_NEAR and not _is_relayed(headers):
            needed = Allowed.NONE
        elif scope["type"] == "websocket" or scope["method"] in (*SAFE, "OPTIONS"):
            is_open = tokens.is_read_open or _is_page(scope) or scope["path"] in OPEN
            needed = Allowed.NONE if is_open else Allowed.READ
        if needed is Allowed.NONE:
            return
        if not is_near and self._guesses.is_empty(client):
            raise _too_many(5.0)
        given = _token(scope, headers)
        allowed = tokens.scope_of(given)
        if allowed >= needed:
            return
        if allowed is Allowed.NONE:
            if given and not is_near:
                self._guesses.take(client)
            raise ApiError(401, headers={"WWW-Authenticate": 'Bearer realm="obs"'})
        raise ApiError(403, "This token allows reading only.")

    def _cors(self, headers: _Headers) -> list[tuple[bytes, bytes]]:
        origin = headers.get(b"origin")
        if origin and origin.lower() in self._origins:
            return [
                (b"access-control-allow-origin", origin.encode("latin-1")),
                (b"vary", b"Origin"),
                (b"cross-origin-resource-policy", b"cross-origin"),
            ]
        return []


class _Headers:
    """The headers of a request."""

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        self._raw = list(raw)

    def all(self, name: bytes) -> list[str]:
        return [value.decode("latin-1").strip() for key, value in self._raw if key.lower() == name]

    def get(self, name: bytes) -> str:
        return next(iter(self.all(name)), "")


class _Body:
    """A body that may be neither large nor slow."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self._most = receive, most
        self._taken = 0
        self._deadline: float | None = None
        self._is_whole = False

    async def receive(self) -> Message:
        if self._is_whole:
            # What comes now is the client's leaving, and that may take its time.
            return await self._receive()
        now = asyncio.get_running_loop().time()
        self._deadline = self._deadline or now + BODY_SECONDS
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, self._deadline - now))
        except TimeoutError:
            raise ApiError(400, "The body did not come in time.", headers={"Connection": "close"}) from None
        if message["type"] == "http.request":
            self._taken += len(message.get("body", b""))
            self._is_whole = not message.get("more_body", False)
            if self._taken > self._most:
                raise ApiError(413, headers={"Connection": "close"})
        return message


class _Dressed:
    """Puts the headers on an answer that every answer has."""

    def __init__(
        self,
        send: Send,
        more: Sequence[tuple[bytes, bytes]],
        *,
        is_page: bool,
        framers: Sequence[str] = (),
    ) -> None:
        self._send = send
        self._is_page = is_page
        self._framers = framers
        self._more = more
        self.has_begun = False
        self.has_ended = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_begun = True
            message = {**message, "headers": self._dressed(message.get("headers", ()))}
        elif message["type"] == "http.response.body" and not message.get("more_body", False):
            self.has_ended = True
        await self._send(message)

    def _dressed(self, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        given = [(name.lower(), value) for name, value in headers]
        names = {name for name, _ in given} | {name for name, _ in self._more}
        policy = POLICY if self._is_page else BARE_POLICY
        if self._framers:
            policy = policy.replace("frame-ancestors 'none'", f"frame-ancestors {' '.join(self._framers)}")
            # It knows no names, only all or none.
            names.add(b"x-frame-options")
        ours = [
            *_HEADERS,
            (b"content-security-policy", policy.encode()),
            (b"cache-control", b"no-store"),
        ]
        return [*given, *self._more, *((name, value) for name, value in ours if name not in names)]


def _check_body(scope: Scope, headers: _Headers) -> None:
    lengths = headers.all(b"content-length")
    if len(lengths) > 1 or any(not length.isdigit() for length in lengths):
        raise ApiError(400, headers={"Connection": "close"})
    if lengths and (len(lengths[0]) > 12 or int(lengths[0]) > _most_body(scope)):
        raise ApiError(413, headers={"Connection": "close"})
    if scope["path"] in TELEMETRY:
        # Form and packing are judged there; a page of another origin can send none of it without asking.
        return
    if headers.get(b"content-encoding") not in ("", "identity"):
        raise ApiError(415, "The body may not be compressed.", headers={"Connection": "close"})
    has_body = (lengths and int(lengths[0]) > 0) or headers.all(b"transfer-encoding")
    kind = headers.get(b"content-type").partition(";")[0].strip().lower()
    if scope["method"] not in SAFE and has_body and kind != "application/json":
        # What a form on another page can send without asking is none of ours.
        raise ApiError(415, headers={"Connection": "close"})


def _most_body(scope: Scope) -> int:
    if scope["path"] == WEBHOOK:
        return MOST_ALERTS
    return MOST_TELEMETRY if scope["path"] in TELEMETRY else MOST_BODY


def _is_relayed(headers: _Headers) -> bool:
    """Whether it was sent by a page, or comes through a proxy: then it is not a program of this machine."""
    names = (b"origin", b"sec-fetch-site", b"forwarded", b"x-forwarded-for", b"x-real-ip", b"via")
    return any(headers.all(name) for name in names)


def _token(scope: Scope, headers: _Headers) -> str:
    given = headers.all(b"authorization")
    if len(given) == 1 and given[0][:7].lower() == "bearer ":
        return given[0][7:].strip()
    if scope["type"] == "websocket":
        # A browser's WebSocket carries no headers of its own but this one.
        offered = headers.get(b"sec-websocket-protocol").split(",")
        return next((word.strip()[6:] for word in offered if word.strip().startswith("token.")), "")
    return ""


def _is_page(scope: Scope) -> bool:
    """Whether it is the page's own file: it holds nothing but the page."""
    path = scope["path"]
    is_file = path == "/" or path.startswith("/static/")
    return scope["type"] == "http" and scope["method"] in SAFE and is_file


def _elsewhere() -> ApiError:
    return ApiError(403, "Another page may not ask; setting `allowed_origins` names those that may.")


def _too_many(wait: float) -> ApiError:
    return ApiError(429, headers={"Retry-After": str(max(1, round(wait)))})


def _route(scope: Scope) -> str:
    """The route that failed, in our words: never what was asked."""
    found: Any = scope.get("route")
    return str(getattr(found, "path", ""))


async def _preflight(send: Send) -> None:
    headers = [
        (b"access-control-allow-methods", b"GET, POST"),
        (b"access-control-allow-headers", b"authorization, content-type, last-event-id"),
        (b"access-control-max-age", b"600"),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _refuse(scope: Scope, receive: Receive, send: Send, error: ApiError) -> None:
    if scope["type"] == "websocket":
        # Before it is accepted this is a plain 403.
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": ""})
        return
    await refusal(error)(scope, receive, send)
