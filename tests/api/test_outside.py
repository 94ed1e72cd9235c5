"""Channels, silences and OpenTelemetry on the page; silences are made and ended there, with the token."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from obs.alerts.desk import Desk
from obs.api.app import application
from obs.api.board import Board
from obs.api.context import Context
from obs.api.tokens import Tokens
from obs.config import Settings
from obs.keeping.inbox import Inbox
from obs.otlp.receiving import Receiver
from obs.web.model import Mark, Outside
from obs.web.outside import Arrived, Channel, Facts, Hush, Sent, outside
from obs.web.reader import Reader
from tests.api.conftest import CONTROL, TOKEN, drawn
from tests.web.days import text

NOW = 1_763_632_800_000_000_000
MINUTE = 60_000_000_000


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    told = {"dir": tmp_path / ".obs", "alerts": {"channels": {"pager": "json://127.0.0.1:1/x"}}}
    inbox = Inbox(tmp_path / "inbox")
    yield Context(
        settings=Settings.model_validate(told),
        board=Board(drawn()),
        tokens=Tokens(control=TOKEN),
        receiver=Receiver(inbox, clock=lambda: NOW),
        inbox=inbox,
    )
    inbox.close()


@pytest.fixture
def client(context: Context) -> Iterator[TestClient]:
    base = "http://127.0.0.1:8080"
    with TestClient(application(context), base_url=base, headers=CONTROL) as client:
        yield client


def page(client: TestClient, lang: str = "en") -> dict[str, Any]:
    answer: dict[str, Any] = client.get("/api/page", params={"lang": lang}).json()["data"]["outside"]
    return answer


def test_a_silence_made_on_the_page_is_the_one_that_the_command_lists_and_ends(
    client: TestClient, context: Context
) -> None:
    made = client.post(
        "/api/silences", json={"bot": "grid-*", "severity": "error", "for": "2h", "why": "move"}
    )

    assert made.status_code == 200, made.text
    number = made.json()["data"]["number"]
    (shown,) = page(client)["silences"]
    assert (shown["number"], shown["text"]) == (number, "grid-*, up to Error")
    assert shown["detail"].endswith('"move"')
    desk = Desk(context.settings.dir.absolute())
    (own,) = desk.silences.own(NOW)
    assert (own.bot, own.component, own.severity, own.why) == ("grid-*", "*", "error", "move")
    desk.close()

    assert client.post(f"/api/silences/{number}/end", json={}).status_code == 200
    assert page(client)["silences"] == []
    assert client.post(f"/api/silences/{number}/end", json={}).status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"why": "  "}, 422),
        ({"why": "x", "for": "ever"}, 422),
        ({"why": "x", "severity": "loud"}, 422),
        ({"why": "x", "bot": "a\x00b"}, 422),
        ({"why": "x", "no": "such"}, 422),
    ],
)
def test_what_cannot_be_silenced_is_refused(client: TestClient, body: object, status: int) -> None:
    assert client.post("/api/silences", json=body).status_code == status
    assert page(client)["silences"] == []


def test_without_the_token_nothing_is_silenced(context: Context) -> None:
    with TestClient(application(context), base_url="http://127.0.0.1:8080") as client:
        assert client.post("/api/silences", json={"why": "x"}).status_code == 401
        assert client.post("/api/silences/1/end", json={}).status_code == 401


def test_a_channel_that_is_set_is_shown_before_it_carried_anything(client: TestClient) -> None:
    (channel,) = page(client)["channels"]

    assert channel["label"] == "pager"
    assert channel["value"][0]["text"] == "nothing sent yet"


def test_what_came_by_opentelemetry_is_counted_on_the_page(client: TestClient) -> None:
    assert [one["label"] for one in page(client)["telemetry"]] == ["OpenTelemetry out", "OpenTelemetry in"]

    record = {"timeUnixNano": str(NOW), "body": {"stringValue": "hello"}}
    body = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record, record]}]}]}
    assert client.post("/v1/logs", json=body).status_code == 200
    client.app.state.pages.refresh()  # type: ignore[attr-defined]

    arrived = client.get("/api/outside").json()["data"]["arrived"]
    assert [(one["signal"], one["requests"], one["records"]) for one in arrived] == [("logs", 1, 2)]


def view(lang: str = "en", **facts: Any) -> Outside:
    return outside(Facts(**facts), Reader(lang, "UTC", NOW))


def test_a_channel_says_since_when_it_fails_and_why_and_what_waits() -> None:
    failing = Channel(
        name="pager", sent=3, failed=2, waiting=4, held=1, last_sent=NOW, failing_since=NOW - 9 * MINUTE,
        why="HTTP 500",
    )  # fmt: skip

    (shown,) = view(channels=(failing,)).channels
    (works,) = view(channels=(Channel(name="mail", sent=3, last_sent=NOW - MINUTE),)).channels

    assert (shown.mark, text(shown.value)) == (Mark.ERROR, "failing for <age>")
    assert text(shown.detail) == ("3 sent, 2 failed, 4 waiting, 1 of them until quiet hours end. HTTP 500")
    assert (works.mark, text(works.value)) == (Mark.OK, "last <age> ago")


def test_opentelemetry_out_tells_what_was_taken_sent_dropped_and_waits() -> None:
    sent = Sent(signal="logs", taken=10, sent=6, waiting=3, dropped=1, fault="connection refused")
    came = Arrived(signal="traces", requests=2, records=5, refused=1, last=NOW)

    out, into = view(sent=(sent,), arrived=(came,)).telemetry

    assert (out.label, out.mark, text(out.value)) == ("Logs out", Mark.ERROR, "6 sent")
    assert text(out.detail) == "of 10 taken, 3 waiting, 1 dropped, connection refused"
    assert (into.label, into.mark, text(into.value)) == ("Traces in", Mark.WARNING, "5, last <age> ago")
    assert text(into.detail) == "2\u00a0requests since the start, 1 could not be read"


def test_where_nobody_is_told_the_page_says_how_and_in_korean_too() -> None:
    english, korean = (
        view(),
        view("ko", alertmanager=0, silences=(Hush(until=NOW), Hush(number=1, severity="error"))),
    )

    assert "Nobody is told." in text(english.no_channel)
    assert "알림을 받는 곳이 없습니다" in text(korean.no_channel)
    assert korean.alertmanager.startswith("Alertmanager가 응답하지 않음")
    assert [row.text for row in korean.silences] == ["Alertmanager의 무음", "모든 봇, 오류 이하"]
