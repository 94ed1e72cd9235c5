"""What we credit agents with of trades that are over is stored once, by trade and by day."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from fastapi.testclient import TestClient

from obs.api.app import application
from obs.api.board import Board
from obs.api.context import Context
from obs.config import Settings
from obs.events import Event
from obs.history.queries import History
from obs.money.settled import Settled
from obs.sidecar import Sidecar
from tests.api.conftest import drawn
from tests.builders import SECOND, START
from tests.money.telling import calculator, opened, say
from tests.money.test_crediting import DECISION, VOTES, result

NOW = START + 3_600 * SECOND
DAY = (*VOTES, DECISION, opened("p-1", 10, position__side="long"), result("-15000", position__side="long"))
SHARES = {"technical": "-12500", "news": "-5000", "macro": "2500"}


def lines(events: Sequence[Event]) -> str:
    rows = [
        {
            "timestamp": one.timestamp,
            "severity": "INFO",
            "body": one.body,
            "event_name": one.event_name,
            "attributes": {**one.attributes, "log.record.uid": one.uid},
            "resource": dict(one.resource),
        }
        for one in events
    ]
    return "".join(json.dumps(row, default=str) + "\n" for row in rows)


def watched(folder: Path, events: Sequence[Event], times: int = 3, now: int = NOW) -> History:
    """What is stored after so many lives of a sidecar over the same day."""
    file = folder / "day.jsonl"
    file.write_text(lines(events))
    for _ in range(times):
        with Sidecar(folder / ".obs", follow=[file], clock=lambda: now) as sidecar:
            sidecar.flush()
    return History(folder / ".obs" / "obs.db")


def normal(amount: Any) -> str:
    return f"{Decimal(amount).normalize() + 0:f}"


def test_the_parts_of_a_trade_are_stored_once_whatever_restarts(tmp_path: Path) -> None:
    history = watched(tmp_path, DAY)

    (trade,) = history.trades()
    days = history.agent_days()
    history.close()

    stored = {row["agent"]: normal(row["amount"]) for row in trade["contributions"]}
    assert stored == SHARES
    assert {row["method"] for row in trade["contributions"]} == {"shapley"}
    assert {row["agent"]: normal(row["contribution"]) for row in days if not row["model"]} == SHARES
    assert {row["day"] for row in days} == {"2025-11-20"}


def test_what_a_bot_credits_itself_is_not_credited_again(tmp_path: Path) -> None:
    own = say(
        "attribution.computed", 70, trade__id="t-1", agent__name="news", contribution="7", currency="USDT",
        contribution__method="shapley",
    )  # fmt: skip
    history = watched(tmp_path, (*DAY, own))

    (trade,) = history.trades()
    history.close()

    assert [(row["agent"], row["amount"]) for row in trade["contributions"]] == [("news", "7")]


def test_a_trade_settles_before_it_is_credited_for_good_and_is_told_once() -> None:
    settled, fresh = Settled(), START + 120 * SECOND
    ledger = calculator(*DAY, now=NOW).ledger

    assert list(settled.credits(ledger, fresh)) == []
    assert {one.agent: normal(one.amount) for one in settled.credits(ledger, NOW)} == SHARES
    assert list(settled.credits(ledger, NOW)) == []


def test_an_agent_s_days_are_told_over_http(tmp_path: Path) -> None:
    by = time.time_ns() - NOW
    today = [msgspec.structs.replace(one, timestamp=one.timestamp + by) for one in DAY]
    history = watched(tmp_path, today, times=2, now=NOW + by)
    settings = Settings.model_validate({"dir": tmp_path / ".obs"})
    context = dataclasses.replace(Context(settings=settings, board=Board(drawn())), history=history)

    with TestClient(application(context), base_url="http://127.0.0.1:8080") as client:
        (day,) = client.get("/api/agents/macro/days", params={"days": 2}).json()["data"]
        nobody = client.get("/api/agents/nobody/days").json()["data"]

    history.close()
    assert (day["service"], day["trades"], normal(day["contribution"])) == ("bot-1", 1, "2500")
    assert nobody == []
