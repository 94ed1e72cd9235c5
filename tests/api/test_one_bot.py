"""The page of one bot alone: what it earned and what its models cost, not what all did together."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from obs.api.app import application
from obs.api.board import Board
from obs.api.context import Context
from obs.api.desk import Desk
from obs.config import Settings
from obs.sidecar import Sidecar
from tests.builders import SECOND, START

NOW = START + 3_600 * SECOND


def records(bot: str, pnl: str, cost: str, agent: str) -> Iterator[dict[str, Any]]:
    money = {"currency": "USDT", "position.id": f"p-{bot}", "symbol": "BTC/USDT", "run.mode": "live"}
    call = {"gen_ai.request.model": "m", "llm.cost": cost, "llm.cost_currency": "USD", "agent.name": agent}
    for at, name, values in (
        (60, "position.opened", {**money, "position.quantity": "1"}),
        (120, "llm.called", {**call, "gen_ai.agent.name": agent}),
        (600, "trade.closed", {**money, "trade.id": f"t-{bot}", "pnl.net": pnl}),
    ):
        yield {
            "timestamp": START + at * SECOND,
            "severity": "INFO",
            "body": name,
            "event_name": name,
            "attributes": {**values, "log.record.uid": f"{bot}-{name}"},
            "resource": {"service.name": bot},
        }


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """The page over a sidecar at work in its thread, which lends its book."""
    told = [*records("winner", "40", "0.50", "bull"), *records("loser", "-15", "2.25", "bear")]
    file = tmp_path / "day.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in told))
    settings = Settings.model_validate({"dir": tmp_path / ".obs", "allowed_hosts": ["testserver"]})
    stop = threading.Event()
    with Sidecar(settings.dir, follow=[file], clock=lambda: NOW) as sidecar:
        sidecar.flush()
        board = Board(sidecar.snapshot(), clock=lambda: NOW)
        thread = threading.Thread(target=sidecar.work, args=(stop,))
        thread.start()
        try:
            context = Context(settings=settings, board=board, desk=Desk(sidecar, board))
            with TestClient(application(context)) as client:
                yield client
        finally:
            stop.set()
            thread.join()


def shown(client: TestClient, bot: str) -> tuple[dict[str, str], dict[str, Any]]:
    page = client.get("/api/page", params={"bot": bot}).json()["data"]
    return {one["key"]: f"{one['label']} {one['amount']['text']}" for one in page["figures"]}, page


def test_each_bot_s_page_has_its_own_result_and_cost(client: TestClient) -> None:
    winner, _ = shown(client, "winner")
    loser, page = shown(client, "loser")
    both, _ = shown(client, "")

    assert (winner["pnl"], winner["llm"]) == ("P&L today +40.00", "LLM cost today 0.50")
    assert (loser["pnl"], loser["llm"]) == ("P&L today −15.00", "LLM cost today 2.25")
    assert (both["pnl"], both["llm"]) == ("P&L today +25.00", "LLM cost today 2.75")
    assert page["pnl"]["hours"]["USDT"]["text"].startswith("1\u00a0trade, 0 won")
    assert page["llm"]["agents"] == ["bear"]
    assert [row["name"] for row in page["agents"]["rows"]] == ["bear"]
    assert "all bots" not in json.dumps(page["pnl"]) + json.dumps(page["llm"])


def test_a_bot_without_money_shows_none_and_not_that_of_others(client: TestClient) -> None:
    figures, page = shown(client, "no-such-bot")

    assert figures["pnl"] == "P&L today —"
    assert page["agents"].get("rows", []) == []
