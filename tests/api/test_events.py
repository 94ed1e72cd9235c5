"""Search over HTTP: stored events, newest first, page by page."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from obs.api.app import application
from obs.api.context import Context
from obs.config import Settings
from obs.history.queries import History
from obs.sidecar import Sidecar

BEGAN = (time.time_ns() // 1_000_000_000 - 3_600) * 1_000_000_000


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sidecar's folder in which 12 events are stored, five minutes apart."""
    folder = tmp_path_factory.mktemp("stored")
    file = folder / "bot.jsonl"
    file.write_text(
        "".join(
            json.dumps(
                {
                    "timestamp": BEGAN + number * 300_000_000_000,
                    "severity": "ERROR" if number % 4 == 0 else "WARN",
                    "logger": "desk.orders" if number % 2 else "desk.feed",
                    "body": f"order {number} <b>refused</b> by the exchange",
                    "event_name": "order.rejected" if number % 2 else "",
                    "attributes": {"order.id": str(number)},
                    "resource": {"service.name": "grid-1" if number < 6 else "grid-2"},
                }
            )
            + "\n"
            for number in range(12)
        )
    )
    with Sidecar(folder / ".obs", follow=[file]) as sidecar:
        sidecar.flush()
    return folder / ".obs"


@pytest.fixture
def client(directory: Path, context: Context) -> Iterator[TestClient]:
    settings = Settings.model_validate({"dir": directory})
    held = dataclasses.replace(context, settings=settings, history=History(directory / "obs.db"))
    with TestClient(application(held), base_url="http://127.0.0.1:8080") as client:
        yield client


def test_the_newest_come_first_and_each_once_over_all_pages(client: TestClient) -> None:
    seen, before = [], None
    for _ in range(9):
        page = _found(client, limit=5, **({"before": before} if before else {}))
        seen += [_number(one) for one in page["events"]]
        before = page["next"]
        if before is None:
            break

    assert seen == list(range(11, -1, -1))


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({"text": "refused 7"}, [7]),
        ({"text": "nowhere"}, []),
        ({"text": "refused -7", "service": "grid-2"}, [11, 10, 9, 8, 6]),
        ({"service": "grid-1"}, [5, 4, 3, 2, 1, 0]),
        ({"component": "desk.feed", "service": "grid-1"}, [4, 2, 0]),
        ({"severity": "ERROR"}, [8, 4, 0]),
        ({"event_name": "order.rejected", "limit": 2}, [11, 9]),
        ({"event_name": "order.*", "limit": 2}, [11, 9]),
        ({"since": str((BEGAN + 2_700_000_000_000) // 1_000_000)}, [11, 10, 9]),
        ({"until": str((BEGAN + 600_000_000_000) // 1_000_000)}, [1, 0]),
        ({"since": "1s"}, []),
        ({"since": "2h", "limit": 1}, [11]),
        ({"text": "\x00"}, []),
        ({"service": "a\x00b"}, []),
    ],
)
def test_they_can_be_narrowed(client: TestClient, query: dict[str, Any], numbers: list[int]) -> None:
    assert [_number(one) for one in _found(client, **query)["events"]] == numbers


def test_an_event_is_shown_as_the_tail_shows_it_and_its_issue_can_be_asked_for(client: TestClient) -> None:
    (newest,) = _found(client, severity="ERROR", limit=1)["events"]

    assert newest["at"] == (BEGAN + 8 * 300_000_000_000) // 1_000_000
    assert (newest["severity"], newest["mark"]) == ("ERROR", "error")
    assert (newest["service"], newest["component"]) == ("grid-2", "desk.feed")
    # Markup is text like any other; only the page decides how text is drawn.
    assert newest["text"][0]["text"] == "order 8 <b>refused</b> by the exchange"
    assert newest["issue"].startswith("I-")
    same = _found(client, issue=newest["issue"])["events"]
    assert 8 in map(_number, same)


@pytest.mark.parametrize(
    "query", [{"since": "yesterday"}, {"limit": 0}, {"limit": 1001}, {"severity": "LOUD"}, {"issue": "x"}]
)
def test_what_makes_no_sense_is_a_422(client: TestClient, query: dict[str, Any]) -> None:
    assert client.get("/api/events", params=query).status_code == 422


def test_a_store_that_cannot_be_read_is_a_503(client: TestClient, context: Context, tmp_path: Path) -> None:
    held = dataclasses.replace(context, history=History(tmp_path / "none.db"))
    with TestClient(application(held), base_url="http://127.0.0.1:8080") as lost:
        answered = lost.get("/api/events")

    assert (answered.status_code, answered.json()["error"]["code"]) == (503, "unavailable")
    assert str(tmp_path) not in answered.text


def _found(client: TestClient, **query: Any) -> Any:
    answered = client.get("/api/events", params=query)
    assert answered.status_code == 200, answered.text
    return answered.json()["data"]


def _number(event: Any) -> int:
    return int(event["text"][0]["text"].split()[1])
