"""Answers and errors have one form, and OpenAPI tells the truth about them."""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient

from obs.api.context import Context
from obs.api.envelope import ApiError, answer
from tests.api.conftest import CONTROL


def test_what_watches_the_watcher_gets_its_words(client: TestClient) -> None:
    assert client.get("/ready").text == "ready\n"
    health = client.get("/health").json()
    assert (health["status"], health["events"], health["pending_bytes"]) == ("ok", 2, 0)
    assert 'obs_events_total{severity="ERROR"} 1.0' in client.get("/metrics").text


def test_the_briefing_is_that_of_the_newest_picture_in_the_language_asked_for(client: TestClient) -> None:
    english = client.get("/api/briefing?lang=en&budget=500")
    korean = client.get("/api/briefing?lang=ko")

    assert english.headers["content-type"] == "text/markdown; charset=utf-8"
    assert "insufficient balance" in english.text
    assert re.search("[가-힣]", korean.text)


def test_a_fault_of_the_store_is_a_503_with_its_words(client: TestClient, context: Context) -> None:
    context.board.publish(context.board.snapshot, fault="disk full")

    answered = client.get("/health")

    assert (answered.status_code, answered.json()["fault"]) == (503, "disk full")


def test_errors_have_an_envelope_and_never_repeat_what_was_sent(client: TestClient) -> None:
    for path, status, code in (
        ("/api/briefing?budget=<b>x", 400, "bad_request"),
        ("/api/briefing?budget=3", 422, "out_of_range"),
        ("/api/briefing?lang=<script>", 422, "out_of_range"),
        ("/no/<script>", 404, "not_found"),
    ):
        answered = client.get(path)
        body = answered.json()
        assert (answered.status_code, body["success"], body["error"]["code"]) == (status, False, code)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", body["timestamp"])
        assert "<" not in answered.text


def test_a_wrong_method_is_said_with_the_right_ones(client: TestClient) -> None:
    answered = client.post("/health", headers=CONTROL)

    assert (answered.status_code, answered.headers["allow"]) == (405, "GET")


def test_an_error_of_our_own_is_a_500_without_its_words(app: FastAPI) -> None:
    router = APIRouter()

    @router.get("/broken")
    async def broken() -> None:
        raise RuntimeError("secret inner words")

    @router.get("/refused")
    async def refused() -> None:
        raise ApiError(409, "Not while it runs.")

    app.include_router(router)
    client = TestClient(app, base_url="http://127.0.0.1:8080", raise_server_exceptions=False)

    assert client.get("/broken").json()["error"]["code"] == "failed"
    assert "secret" not in client.get("/broken").text
    assert client.get("/refused").json()["error"] == {"code": "conflict", "message": "Not while it runs."}


def test_an_answer_carries_amounts_as_text_and_the_time_with_its_zone() -> None:
    from decimal import Decimal

    body = bytes(answer({"amount": Decimal("0.10")}).body).decode()

    assert '"data":{"amount":"0.10"}' in body


def test_openapi_names_every_error_and_no_foreign_schema(client: TestClient) -> None:
    described: dict[str, Any] = client.get("/openapi.json").json()

    assert "HTTPValidationError" not in described["components"]["schemas"]
    for path in described["paths"].values():
        for operation in path.values():
            assert operation["summary"]
            assert {"400", "401", "403", "422", "429", "503"} <= set(operation["responses"])


def test_no_page_of_the_framework_is_served(client: TestClient) -> None:
    assert {client.get(path).status_code for path in ("/docs", "/redoc", "/docs/oauth2-redirect")} == {404}
