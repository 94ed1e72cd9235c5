"""A trace's whole story in order: log lines, a span and the issue they made, by API and command line."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path

from fastapi.testclient import TestClient

from obs.api.app import application
from obs.api.board import Board
from obs.api.context import Context
from obs.config import Settings
from obs.history.queries import History
from obs.keeping.inbox import Inbox
from obs.otlp.receiving import Receiver
from obs.sidecar import Sidecar
from tests.api.conftest import drawn
from tests.test_deciding import obs

TRACE, OTHER = "4bf92f3577b34da6a3ce929d0e0e4736", "00000000000000000000000000000abc"
BEGAN = (time.time_ns() // 1_000_000_000 - 600) * 1_000_000_000


def line(at: int, body: str, trace: str, service: str, severity: str = "INFO", **more: object) -> str:
    row = {
        "timestamp": BEGAN + at * 1_000_000_000,
        "severity": severity,
        "logger": "desk",
        "body": body,
        "trace_id": trace,
        "resource": {"service.name": service},
    }
    return json.dumps({**row, **more}) + "\n"


def stored(folder: Path) -> Path:
    """Lines of two services, told out of order, one of another trace, and a span that came by OTLP."""
    file, directory = folder / "bots.jsonl", folder / ".obs"
    file.write_text(
        line(9, "the order desk exploded", TRACE, "desk-1", "ERROR")
        + line(1, "signal said buy", TRACE, "agent-1", event_name="signal.generated")
        + line(2, "about another order", OTHER, "agent-1", event_name="signal.generated")
        + line(3, f"a text that only names {TRACE}", OTHER, "agent-1", "WARN")
        + line(5, "order sent", TRACE, "desk-1", event_name="order.submitted")
    )
    span = {
        "traceId": TRACE,
        "spanId": "00f067aa0ba902b7",
        "name": "POST /orders",
        "startTimeUnixNano": str(BEGAN + 6_000_000_000),
        "endTimeUnixNano": str(BEGAN + 7_000_000_000),
        "status": {"code": 2, "message": "refused"},
    }
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    inbox = Inbox(directory / "inbox")
    answer = Receiver(inbox).receive("traces", "application/json", "", json.dumps(body).encode())
    inbox.close()
    assert answer.status == 200
    with Sidecar(directory, follow=[file]) as sidecar:
        sidecar.flush()
    return directory


def test_a_trace_is_told_in_order_over_all_services_with_its_span_and_issue(
    tmp_path: Path,
) -> None:
    directory = stored(tmp_path)
    settings = Settings.model_validate({"dir": directory})
    context = Context(settings=settings, board=Board(drawn()))
    held = dataclasses.replace(context, history=History(directory / "obs.db"))

    with TestClient(application(held), base_url="http://127.0.0.1:8080") as client:
        found = client.get("/api/events", params={"trace": TRACE.upper()}).json()["data"]["events"]
        assert client.get("/api/events", params={"trace": "nothex"}).status_code == 422

    times = [row["at"] for row in found]
    assert times == sorted(times)
    told = ["".join(span["text"] for span in row["text"]) for row in found]
    assert [told[0], told[1], told[-1]] == ["signal said buy", "order sent", "the order desk exploded"]
    assert any("POST /orders" in one for one in told)
    assert {row["trace"] for row in found} == {TRACE}
    assert found[-1]["issue"].startswith("I-")

    printed = obs(directory, "search", "--trace", TRACE).stdout
    assert printed.index("signal said buy") < printed.index("order sent") < printed.index("exploded")
    assert "another order" not in printed
    assert "only names" not in printed
    assert found[-1]["issue"] in printed
    refused = obs(directory, "search", "--trace", "4bf9")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
