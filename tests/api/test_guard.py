"""Only our own names are answered, only our own page may ask, and only a token may decide.

Faults 57 to 61: rebinding, forged hosts and origins, cross-site requests, token guesses, oversize bodies.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.testclient import TestClient
from starlette.responses import PlainTextResponse, Response

from obs.api.app import application
from obs.api.board import Board
from obs.api.context import Context
from obs.api.guard import MOST_BODY, POLICY, Guard
from obs.api.tokens import Tokens
from obs.config import Settings
from tests.api.conftest import CONTROL, TOKEN, drawn

READ = "r" * 43
OWN = ("127.0.0.1:8080", "localhost:8080", "[::1]:8080", "LOCALHOST", "127.0.0.1", "localhost:9999")

FORGED_HOSTS = (
    "evil.example",
    "evil.example:8080",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "evil.example#127.0.0.1",
    "127.0.0.1@evil.example",
    "evil.example/127.0.0.1",
    "127.0.0.1:8080@evil.example",
    "127.0.0.1:8080.evil.example",
    "127.0.0.1:80808080",
    "127.0.0.1:99999",
    "127.0.0.1:-1",
    "127.0.0.1:http",
    "127.0.0.1:",
    "127.0.0.1,evil.example",
    "127.0.0.1 evil.example",
    "localhost.",
    "localhost.localdomain",
    "0.0.0.0",
    "0.0.0.0:8080",
    "127.0.0.2",
    "127.1",
    "2130706433",
    "0x7f.1",
    "017700000001",
    "::1",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::1]evil.example",
    "[::1",
    "169.254.169.254",
    "10.0.0.1",
    "",
    ".",
    "*",
    "null",
    "%6cocalhost",
    "localhost%00.evil.example",
    "localhost\\evil",
    "loca1host",
    "ｌocalhost".encode().decode("latin-1"),
    "xn--lcalhost-n1a",
    "a" * 300,
    "rebind.network",
    "7f000001.rbndr.us",
    "http://127.0.0.1",
    "//127.0.0.1",
    "localhost;evil",
    "localhost\tevil",
    "<script>alert(1)</script>",
)

FORGED_ORIGINS = (
    "null",
    "http://evil.example",
    "https://evil.example",
    "http://evil.example:8080",
    "http://127.0.0.1.evil.example:8080",
    "http://localhost.evil.example:8080",
    "http://127.0.0.1:8081",
    "http://127.0.0.1",
    "http://localhost:8080",
    "http://[::1]:8080",
    "http://127.0.0.1:8080@evil.example",
    "http://evil.example#127.0.0.1:8080",
    "http://127.0.0.1:8080.evil.example",
    "http://127.0.0.1:8080/",
    "http://127.0.0.1:8080/path",
    "http://127.0.0.1:8080, http://evil.example",
    "http://127.0.0.1:8080 http://evil.example",
    "127.0.0.1:8080",
    "file://",
    "file://127.0.0.1:8080",
    "chrome-extension://abcdefghijklmnop",
    "moz-extension://127.0.0.1:8080",
    "data:text/html,x",
    "ftp://127.0.0.1:8080",
    "ws://127.0.0.1:8080",
    "javascript://127.0.0.1:8080",
    "http://",
    "http:127.0.0.1:8080",
    "//127.0.0.1:8080",
    "",
    "*",
    "http://2130706433:8080",
    "http://127.1:8080",
    "http://0.0.0.0:8080",
    "https://127.0.0.1",
    "<script>",
)
WAYS = (("GET", "/api/briefing"), ("POST", "/api/issues/I-abcdef/resolve"), ("GET", "/"), ("GET", "/metrics"))


class AskedError(Exception):
    """A request came through."""


@pytest.fixture
def guarded(context: Context) -> TestClient:
    """The guard before an app that must not be reached."""

    async def app(*_: object) -> None:
        raise AskedError

    return TestClient(Guard(app, context), base_url="http://127.0.0.1:8080")


FORGED = [
    *[(way, {"host": host}) for host, way in product(FORGED_HOSTS, WAYS[:2])],
    *[(way, {"origin": origin}) for origin, way in product(FORGED_ORIGINS, WAYS[:2])],
    *[(WAYS[0], {"x-forwarded-host": host}) for host in FORGED_HOSTS if host],
    *[(WAYS[0], {"forwarded": f"for=1.2.3.4;host={host}"}) for host in FORGED_HOSTS[:3]],
    *[(way, {"sec-fetch-site": site}) for site, way in product(("cross-site", "same-site"), WAYS)],
    *[(way, {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}) for way in WAYS[:2]],
    (WAYS[0], {"x-original-url": "/api/issues"}),
    (WAYS[0], {"x-http-method-override": "POST"}),
]


@pytest.mark.parametrize(("way", "headers"), FORGED, ids=lambda part: str(part)[:60])
def test_a_forged_host_or_origin_is_refused_before_any_work(
    guarded: TestClient, way: tuple[str, str], headers: dict[str, str]
) -> None:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in {**CONTROL, **headers}.items()]

    answered = guarded.request(*way, headers=raw)

    assert answered.status_code == 403
    assert answered.json()["error"]["code"] == "forbidden"
    assert "evil" not in answered.text
    assert "<" not in answered.text


def test_there_are_as_many_forgeries_as_promised() -> None:
    assert len(FORGED) >= 200


@pytest.mark.parametrize("host", OWN)
def test_our_own_names_are_answered(client: TestClient, host: str) -> None:
    origin = f"http://{host.lower()}"

    assert client.get("/ready", headers={"host": host}).status_code == 200
    assert client.get("/ready", headers={"host": host, "origin": origin}).status_code == 200


def test_two_hosts_or_none_are_refused(context: Context) -> None:
    from starlette.types import Message

    async def app(*_: object) -> None:
        raise AskedError

    async def ask(headers: list[tuple[bytes, bytes]]) -> int:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        scope = {"type": "http", "method": "GET", "path": "/", "headers": headers, "client": ("127.0.0.1", 1)}
        await Guard(app, context)(scope, receive, send)
        return int(sent[0]["status"])

    import asyncio

    own = (b"host", b"127.0.0.1:8080")
    assert asyncio.run(ask([])) == 403
    assert asyncio.run(ask([own, own])) == 403
    assert asyncio.run(ask([own, (b"host", b"evil.example")])) == 403
    assert asyncio.run(ask([own, (b"origin", b"http://127.0.0.1:8080"), (b"origin", b"null")])) == 403


def test_a_link_from_another_page_opens_ours_and_no_data(client: TestClient) -> None:
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}

    assert client.get("/", headers=link).status_code == 200
    assert client.get("/api/briefing", headers=link).status_code == 403


def test_a_page_that_is_allowed_may_link_to_text_and_show_it_in_a_frame(context: Context) -> None:
    origins = ("http://127.0.0.1:3000", "https://desk.example.com", "http://x; script-src *")
    context.settings = context.settings.model_copy(update={"allowed_origins": origins})
    link = {"sec-fetch-site": "same-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}

    with TestClient(application(context), base_url="http://127.0.0.1:8080") as client:
        shown = client.get("/api/briefing", headers=link)
        script = client.get("/api/briefing", headers={**link, "sec-fetch-mode": "no-cors"})
        page, data = client.get("/", headers=link), client.get("/api/issues", headers=link)

    assert shown.status_code == 200
    policy = shown.headers["content-security-policy"]
    assert policy.endswith("; frame-ancestors http://127.0.0.1:3000 https://desk.example.com")
    assert "x-frame-options" not in shown.headers
    # Nothing but that text: where one can decide, no frame may lay itself over it.
    assert (script.status_code, data.status_code, page.status_code) == (403, 403, 200)
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] == "DENY"


def test_a_socket_from_another_page_is_refused_before_it_opens(client: TestClient) -> None:
    from starlette.websockets import WebSocketDisconnect

    for headers in ({"origin": "http://evil.example"}, {"host": "evil.example"}, {"origin": "null"}):
        with (
            pytest.raises(WebSocketDisconnect),
            client.websocket_connect("ws://127.0.0.1:8080/api/ws", headers=headers),
        ):
            pass
    with client.websocket_connect(
        "ws://127.0.0.1:8080/api/ws", headers={"origin": "http://127.0.0.1:8080"}
    ) as socket:
        assert socket.receive_json()["type"] in ("page", "beat")


def test_deciding_needs_the_token_also_on_loopback(client: TestClient) -> None:
    way = "/api/issues/I-abcdef/resolve"

    none = client.post(way, json={})
    wrong = client.post(way, json={}, headers={"Authorization": "Bearer " + "x" * 43})
    query = client.post(f"{way}?token={TOKEN}", json={})
    right = client.post(way, json={}, headers=CONTROL)

    assert {none.status_code, wrong.status_code, query.status_code} == {401}
    assert none.headers["www-authenticate"].startswith("Bearer")
    assert right.status_code != 401


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_what_a_form_on_another_page_can_send_is_refused(client: TestClient, kind: str) -> None:
    answered = client.post(
        "/api/issues/I-abcdef/resolve", content=b"{}", headers={**CONTROL, "content-type": kind}
    )

    assert answered.status_code == 415


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[TestClient]:
    """A server that others can reach."""
    settings = Settings.model_validate(
        {
            "dir": tmp_path,
            "host": "0.0.0.0",
            "allowed_hosts": ["obs.example.com"],
            "allowed_origins": ["https://desk.example.com"],
        }
    )
    tokens = Tokens(control=TOKEN, read=READ, is_read_open=False)
    app = application(Context(settings=settings, board=Board(drawn()), tokens=tokens))
    with TestClient(app, base_url="http://obs.example.com", client=("203.0.113.9", 5)) as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_elsewhere_reading_needs_a_token_and_the_empty_page_does_not(elsewhere: TestClient) -> None:
    assert elsewhere.get("/").status_code == 200
    assert elsewhere.get("/ready").status_code == 200
    for path in ("/api/briefing", "/metrics", "/health", "/openapi.json", "/api/stream", "/no/such"):
        assert elsewhere.get(path).status_code == 401, path
    for token in (READ, TOKEN):
        assert elsewhere.get("/metrics", headers=bearer(token)).status_code == 200


def test_a_reading_token_may_not_decide(elsewhere: TestClient) -> None:
    way = "/api/issues/I-abcdef/resolve"

    assert elsewhere.post(way, json={}, headers=bearer(READ)).status_code == 403
    assert elsewhere.post(way, json={}, headers=bearer(TOKEN)).status_code not in (401, 403)


@pytest.mark.parametrize(
    "given",
    [
        TOKEN[:-1],
        TOKEN + "t",
        "",
        " ",
        "ü" * 43,
        "\x00",
        "Bearer " + TOKEN,
        TOKEN.upper(),
        "t" * 100_000,
    ],
    ids=range(9),
)
def test_no_other_token_is_taken(elsewhere: TestClient, given: str) -> None:
    headers = [(b"authorization", f"Bearer {given}".encode())]

    assert elsewhere.get("/metrics", headers=headers).status_code == 401


def test_guesses_from_elsewhere_soon_have_to_wait(elsewhere: TestClient) -> None:
    answers = [elsewhere.get("/health", headers=bearer(f"{n:043}")).status_code for n in range(30)]

    assert (answers[0], answers[-1]) == (401, 429)
    assert elsewhere.get("/health", headers=bearer(TOKEN)).headers["retry-after"]


def test_a_client_from_elsewhere_that_asks_too_often_has_to_wait(elsewhere: TestClient) -> None:
    answers = [elsewhere.get("/ready").status_code for _ in range(140)]

    assert (answers[0], answers[-1]) == (200, 429)


def test_a_page_that_the_settings_name_may_ask_and_no_other(elsewhere: TestClient) -> None:
    desk = {"origin": "https://desk.example.com"}
    asked = elsewhere.options(
        "/metrics", headers={**desk, "access-control-request-method": "GET", **bearer(READ)}
    )
    answered = elsewhere.get("/metrics", headers={**desk, **bearer(READ)})
    other = elsewhere.get("/metrics", headers={"origin": "https://evil.example", **bearer(READ)})

    assert asked.status_code == 204
    assert answered.headers["access-control-allow-origin"] == "https://desk.example.com"
    assert other.status_code == 403
    assert "access-control-allow-origin" not in other.headers


def test_every_answer_carries_the_headers_that_bind_a_browser(client: TestClient) -> None:
    for path in ("/", "/health", "/metrics", "/no/such", "/api/briefing?budget=x", "/openapi.json"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "access-control-allow-origin" not in headers
        assert headers["cache-control"] == ("no-cache" if path == "/" else "no-store")
        assert "server" not in headers
    assert client.get("/").headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY


@pytest.fixture
def echo(app: FastAPI) -> TestClient:
    """An app with a route that takes a body."""
    router = APIRouter()

    @router.post("/echo")
    async def said(request: Request) -> Response:
        return PlainTextResponse(str(len(await request.body())))

    app.include_router(router)
    return TestClient(app, base_url="http://127.0.0.1:8080")


JSON = {**CONTROL, "content-type": "application/json"}


def test_a_body_has_a_limit_whether_it_says_its_length_or_not(echo: TestClient) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(100):
            yield b"x" * 10_000

    whole = echo.post("/echo", content=b"x" * MOST_BODY, headers=JSON)
    large = echo.post("/echo", content=b"x" * (MOST_BODY + 1), headers=JSON)
    endless = echo.post("/echo", content=pieces(), headers=JSON)

    assert whole.text == str(MOST_BODY)
    assert (large.status_code, endless.status_code) == (413, 413)
    assert large.json()["error"]["code"] == "too_large"


def test_a_compressed_body_is_refused_unread(echo: TestClient) -> None:
    answered = echo.post("/echo", content=b"x", headers={**JSON, "content-encoding": "gzip"})

    assert answered.status_code == 415
