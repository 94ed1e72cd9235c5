"""The briefing over HTTP: Markdown to read, JSON with its size; of one issue or bot, since a look."""

from __future__ import annotations

from fastapi.testclient import TestClient

from obs.api.context import Context
from obs.briefing import tokens


def test_as_json_it_is_the_same_text_with_its_tokens_and_budget(client: TestClient) -> None:
    text = client.get("/api/briefing?budget=600").text

    data = client.get("/api/briefing?budget=600&format=json").json()["data"]

    assert (data["text"], data["tokens"], data["budget"], data["since"]) == (text, tokens(text), 600, 0)


def test_since_a_moment_it_tells_what_changed(client: TestClient, context: Context) -> None:
    before = context.board.snapshot.taken_at // 1_000_000 - 60_000

    told = client.get(f"/api/briefing?since={before}").text

    assert told != client.get("/api/briefing").text
    assert client.get("/api/briefing?since=32503680000000").status_code == 200


def test_of_one_issue_it_is_about_that_issue_and_of_no_issue_it_is_not_found(
    client: TestClient, context: Context
) -> None:
    issue = context.board.snapshot.issues[0]

    about = client.get(f"/api/briefing?issue={issue.id}")

    assert (about.status_code, issue.id in about.text) == (200, True)
    assert client.get("/api/briefing?issue=I-none").status_code == 404
