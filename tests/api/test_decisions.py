"""Decisions over HTTP: stored beside a running sidecar, refused without the token or without a reason."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from obs import looking
from obs.api.app import application
from obs.api.context import Context
from obs.keeping.store import Store
from obs.sidecar import Sidecar
from tests.api.conftest import CONTROL
from tests.spool_lines import Bot


@pytest.fixture
def watched(context: Context) -> Context:
    """A context over the picture of a real sidecar's directory, which is let go of again."""
    directory = context.settings.dir
    Bot(directory).say("order 42 rejected: insufficient balance", "ERROR")
    with Sidecar(directory) as sidecar:
        sidecar.flush()
        context.board.publish(sidecar.snapshot())
    return context


def decided(directory: Path) -> list[tuple[str, str, int]]:
    with Store(directory / "obs.db") as store:
        return [(one.status, one.why, one.expires) for one in store.load().lifecycle.values()]


def test_an_issue_is_resolved_archived_and_reopened(watched: Context) -> None:
    directory = watched.settings.dir
    issue = watched.board.snapshot.issues[0].id
    with (
        Sidecar(directory) as sidecar,
        TestClient(application(watched), base_url="http://127.0.0.1:8080", headers=CONTROL) as client,
    ):

        def decide(verb: str, **body: str) -> int:
            status = client.post(f"/api/issues/{issue}/{verb}", json=body).status_code
            sidecar.vault._look_at = 0.0
            sidecar.step()
            watched.board.publish(sidecar.snapshot())
            return status

        assert decide("resolve", why="paid in") == 200
        assert watched.board.snapshot.issues[0].status == "resolved"
        assert decide("resolve") == 409
        assert decide("reopen") == 200
        assert decide("archive", why="known", **{"for": "2h"}) == 200
        assert watched.board.snapshot.issues[0].status == "archived"

    ((status, why, expires),) = decided(directory)
    assert (status, why) == ("archived", "known")
    assert 7_100e9 < expires - time.time_ns() < 7_200e9


@pytest.mark.parametrize(
    ("verb", "body", "status"),
    [
        ("archive", {}, 422),
        ("archive", {"why": "x", "for": "soon"}, 422),
        ("archive", {"why": "x" * 501}, 422),
        ("resolve", {"why": 3}, 422),
        ("resolve", {"no": "such"}, 422),
        ("destroy", {}, 422),
        ("resolve", [1], 422),
    ],
)
def test_what_cannot_be_decided_is_refused(watched: Context, verb: str, body: object, status: int) -> None:
    client = TestClient(application(watched), base_url="http://127.0.0.1:8080", headers=CONTROL)
    issue = watched.board.snapshot.issues[0].id

    answered = client.post(f"/api/issues/{issue}/{verb}", json=body)

    assert (answered.status_code, answered.json()["success"]) == (status, False)
    assert decided(watched.settings.dir) == []


def test_an_issue_that_is_not_there_is_a_404_and_broken_json_a_400(watched: Context) -> None:
    client = TestClient(application(watched), base_url="http://127.0.0.1:8080", headers=CONTROL)
    deep = b"[" * 20_000

    assert client.post("/api/issues/I-000000/resolve", json={}).status_code == 404
    for content in (b"{", b"\xff", deep, b'{"why": NaN}'):
        answered = client.post(
            f"/api/issues/{watched.board.snapshot.issues[0].id}/resolve",
            content=content,
            headers={"content-type": "application/json"},
        )
        assert answered.status_code in (400, 422), content[:9]


def test_issues_are_merged_and_split(watched: Context) -> None:
    directory = watched.settings.dir
    bot = Bot(directory, pid=4712)
    bot.say("the flux part is broken", "ERROR", logger="bot.flux")
    bot.end()
    watched.board.publish(looking.current(directory))
    whole, part = (issue.id for issue in watched.board.snapshot.issues)
    client = TestClient(application(watched), base_url="http://127.0.0.1:8080", headers=CONTROL)

    def post(name: str, verb: str, **body: str) -> int:
        status = client.post(f"/api/issues/{name}/{verb}", json=body).status_code
        watched.board.publish(looking.current(directory))
        return status

    assert post(part, "merge") == 422
    assert post(part, "resolve", into=whole) == 422
    assert post(part, "merge", into="I-000000") == 404
    assert post(part, "merge", into=part) == 409
    assert post(part, "split") == 409
    assert post(part, "merge", into=whole, why="one box") == 200
    assert [one.id for one in watched.board.snapshot.issues] == [whole]
    assert client.get(f"/api/issues/{part}").json()["data"]["id"] == whole
    assert post(part, "split") == 200
    assert sorted(one.id for one in watched.board.snapshot.issues) == sorted((whole, part))
