"""The Snapshot for programs: what the files say, HTTP says."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from fastapi.testclient import TestClient

from obs import dashboard
from obs.api.context import Context


def test_the_picture_is_that_of_the_file(client: TestClient, context: Context) -> None:
    data = _data(client, "/api/snapshot")

    assert data == json.loads(context.board.snapshot.to_json())
    jsonschema.validate(data, dashboard.schema())


def test_issues_components_and_funnel_are_parts_of_the_picture(client: TestClient) -> None:
    picture = _data(client, "/api/snapshot")

    assert _data(client, "/api/issues") == picture["issues"] != []
    assert _data(client, "/api/components") == picture["components"] != {}
    assert _data(client, "/api/funnel") == {"funnel": picture["funnel"], "passages": picture["passages"]}


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("open=true", 1),
        ("open=false", 0),
        ("severity=info", 1),
        ("severity=critical", 0),
        ("category=TRADING", 0),
        ("component=nowhere", 0),
        ("service=nobody", 0),
        ("limit=1", 1),
    ],
)
def test_issues_can_be_narrowed(client: TestClient, query: str, count: int) -> None:
    assert len(_data(client, f"/api/issues?{query}")) == count


def test_an_issue_is_found_by_id_fingerprint_and_start(client: TestClient) -> None:
    (issue,) = _data(client, "/api/issues")

    for name in (issue["id"], issue["id"].lower(), issue["fingerprint"], issue["id"][:4]):
        assert _data(client, f"/api/issues/{name}") == issue


@pytest.mark.parametrize("name", ["I-ffffff", "nothing", "I-", "%3Cscript%3E", "..", "%00"])
def test_an_unknown_issue_is_a_404_in_the_envelope(client: TestClient, name: str) -> None:
    answered = client.get(f"/api/issues/{name}")

    assert (answered.status_code, answered.json()["error"]["code"]) == (404, "not_found")
    assert "script" not in answered.text


def test_the_page_is_the_model_s(client: TestClient, context: Context) -> None:
    english = _data(client, "/api/page?lang=en")
    korean = _data(client, "/api/page?lang=ko")

    assert english["taken_at"] == context.board.snapshot.taken_at // 1_000_000
    assert (english["lang"], korean["lang"]) == ("en", "ko")
    assert [row["id"] for row in english["issues"]["rows"]] == [_data(client, "/api/issues")[0]["id"]]


def _data(client: TestClient, path: str) -> Any:
    answered = client.get(path)
    assert answered.status_code == 200, answered.text
    body = answered.json()
    assert (body["success"], list(body)) == (True, ["success", "data", "timestamp"])
    return body["data"]
