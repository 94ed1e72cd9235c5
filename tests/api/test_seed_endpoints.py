"""The ten endpoints against a running sidecar that read a recorded trading day.

What is expected comes from `tests.api.reckoned`, which knows the records alone.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from obs import dashboard
from tests.api import recorded
from tests.api.reckoned import DAY, Reckoned, Record
from tests.builders import REPO

MINUTE = 60_000_000_000
Prices = Mapping[str, tuple[str, str]]
DESKS = ("trend-desk", "news-desk")


class Running:
    """A sidecar in a process of its own."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self._port = folder, port

    def get(self, path: str, *, status: int = 200) -> Any:
        """Return the data of a good answer, the error of a bad one."""
        return self._asked(urllib.request.Request(self._address(path)), status)

    def post(self, path: str, body: object, *, status: int = 200, token: bool = True) -> Any:
        """Send a command."""
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = "Bearer " + (self.folder / ".obs" / "token").read_text().strip()
        request = urllib.request.Request(
            self._address(path), json.dumps(body).encode(), headers, method="POST"
        )
        return self._asked(request, status)

    def _address(self, path: str) -> str:
        return f"http://127.0.0.1:{self._port}{path}"

    def _asked(self, request: urllib.request.Request, status: int) -> Any:
        try:
            with urllib.request.urlopen(request, timeout=20) as answered:
                code, text = answered.status, answered.read()
        except urllib.error.HTTPError as error:
            code, text = error.code, error.read()
        assert code == status, text
        body = json.loads(text)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", body["timestamp"])
        assert body["success"] is (status == 200)
        return body["data"] if status == 200 else body["error"]


@contextmanager
def running(
    folder: Path, records: Sequence[Record], zone: str, prices: Prices = recorded.PRICES
) -> Iterator[Running]:
    """Start a sidecar on a free port that reads the records; end it at the end."""
    (folder / "day.jsonl").write_text(recorded.lines(records))
    (folder / "prices.toml").write_text(recorded.price_file(prices))
    (folder / "obs.toml").write_text(
        f'timezone = "{zone}"\nprices = "prices.toml"\n[pipeline]\nupdate_interval_seconds = 0.2\n'
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OBS_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "obs", "up", "--port", str(port), "day.jsonl"],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(REPO)},
        stderr=subprocess.PIPE,
    )
    sidecar = Running(folder, port)
    try:
        _until(lambda: _has_read(sidecar, len(records)))
        yield sidecar
    finally:
        process.terminate()
        _, told = process.communicate(timeout=30)
    assert process.returncode == 0, told


def late_zone() -> str:
    """A zone in which it is late in the evening now, so that most of a recorded day is today."""
    ahead = (22 - datetime.now(UTC).hour + 11) % 24 - 11
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


@pytest.fixture(scope="module")
def records() -> list[Record]:
    # At half minutes: what follows within milliseconds is never in another hour.
    end = (time.time_ns() // MINUTE) * MINUTE - MINUTE // 2
    return recorded.shifted(recorded.kept(), end=end)


@pytest.fixture(scope="module")
def zone() -> str:
    return late_zone()


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory: pytest.TempPathFactory, records: list[Record], zone: str) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("day"), records, zone) as started:
        yield started


@pytest.fixture(scope="module")
def expected(records: list[Record], zone: str) -> Reckoned:
    return _reckoned(records, zone)


def test_the_metrics_of_today(sidecar: Running, expected: Reckoned) -> None:
    _shows_today(sidecar.get("/api/metrics/realtime"), expected)


def test_the_last_24_hours_by_the_hour(sidecar: Running, expected: Reckoned) -> None:
    shown = sidecar.get("/api/metrics/history?hours=24")

    assert shown["hours"] == 24
    _shows_windows(shown["points"], expected.hours(24))
    assert shown["points"] == sidecar.get("/api/metrics/history")["points"]
    assert shown["points"] == sidecar.get("/api/metrics/realtime")["hourly_trends"]


def test_a_window_of_hours_is_as_long_as_was_asked_for(sidecar: Running, expected: Reckoned) -> None:
    _shows_windows(sidecar.get("/api/metrics/history?hours=3")["points"], expected.hours(3))
    _shows_windows(sidecar.get("/api/metrics/history?hours=200")["points"], expected.hours(200))


def test_the_ranking_of_agents(sidecar: Running, expected: Reckoned) -> None:
    shown = sidecar.get("/api/agents/ranking?days=7")

    assert (shown["window_days"], {one["agent"] for one in shown["agents"]}) == (7, set(DESKS))
    for one in shown["agents"]:
        _shows_agent(one, expected.agent(one["agent"], 7))
    assert [one["rank"] for one in shown["agents"]] == [1, 2]
    assert shown["agents"][0]["efficiency_low"] >= shown["agents"][1]["efficiency_low"]


@pytest.mark.parametrize("name", DESKS)
def test_one_agent_in_detail(sidecar: Running, expected: Reckoned, name: str) -> None:
    shown = sidecar.get(f"/api/agents/{name}/performance?days=30")

    _shows_agent(shown["performance"], expected.agent(name, 30))
    assert shown["window_days"] == len(shown["days"]) == 30
    closed = expected.settled(0, expected.now)
    newest = sorted(closed, key=lambda one: -one["left"])[:50]
    assert [one["trade"] for one in shown["trades"]] == [one["trade"] for one in newest]
    assert [_amount(one["pnl"]) for one in shown["trades"]] == [
        (one["currency"], one["pnl"]) for one in newest
    ]


def test_an_agent_nobody_knows_is_a_404(sidecar: Running) -> None:
    error = sidecar.get("/api/agents/nobody%2Fhere/performance", status=404)

    assert error["code"] == "not_found"
    assert "nobody" not in error["message"]


def test_what_the_models_did_and_cost(sidecar: Running, expected: Reckoned) -> None:
    shown = sidecar.get("/api/llm/usage?days=7")

    models = expected.models(expected.midnight() - 6 * DAY)
    assert {(one["provider"], one["model"]) for one in shown["models"]} == set(models)
    for one in shown["models"]:
        _shows_model(one, models[one["provider"], one["model"]])
    week = expected.window(expected.midnight() - 6 * DAY, expected.now + DAY)
    assert (shown["calls"], shown["unpriced"], _amounts(shown["cost"])) == (
        week["calls"],
        week["unpriced"],
        week["cost"],
    )


def test_what_trading_brought_for_what_the_models_cost(sidecar: Running, expected: Reckoned) -> None:
    shown = sidecar.get("/api/cost/efficiency")

    week = expected.window(expected.midnight() - 6 * DAY, expected.now + DAY)
    cost, pnl = week["cost"]["USD"], week["pnl"]["USD"]
    assert (shown["window_days"], shown["settled"], shown["pending"]) == (7, week["settled"], week["pending"])
    assert (_amounts(shown["total_pnl"]), _amounts(shown["total_cost"])) == (week["pnl"], week["cost"])
    assert Decimal(shown["net"]["amount"]) == pnl - cost
    assert shown["roi"] == pytest.approx(float((pnl - cost) / cost * 100), rel=1e-6)
    for name in ("cost_per_trade", "break_even_pnl_per_trade"):
        assert float(shown[name]["amount"]) == pytest.approx(float(cost / week["settled"]), rel=1e-6)
    assert shown["unpriced"] == 0


def test_health_and_overview(sidecar: Running, expected: Reckoned, records: list[Record]) -> None:
    health, overview = sidecar.get("/api/health"), sidecar.get("/api/system/overview")

    assert (health["status"], health["events"], health["bots"]) == ("ok", len(records), ["btc-1", "eth-1"])
    assert health["pipeline"]["is_running"] is True
    today = expected.window(expected.midnight(), expected.now + DAY)
    assert overview["trading"]["trades"] == today["trades"]
    assert _amounts(overview["trading"]["pnl"]) == today["pnl"]
    assert _amounts(overview["llm"]["cost"]) == today["cost"]
    assert overview["llm"]["providers"] == ["anthropic", "openai", "perplexity"]
    assert overview["best_agent"] == sidecar.get("/api/agents/ranking")["agents"][0]["agent"]


def test_a_snapshot_is_written_where_it_is_said(sidecar: Running) -> None:
    told = sidecar.post("/api/export/snapshot", {"name": "evening"})

    written = json.loads((sidecar.folder / ".obs" / told["file"]).read_text())
    assert told["file"] == "dashboards/exports/evening.json"
    jsonschema.validate(written, dashboard.schema())
    assert written["money"]["daily_trends"] == sidecar.get("/api/metrics/realtime")["daily_trends"]


def test_the_pipeline_stops_starts_and_refreshes_and_says_whether_it_did(sidecar: Running) -> None:
    def told(action: str) -> tuple[bool, bool]:
        answer = sidecar.post("/api/pipeline/control", {"action": action})
        return answer["changed"], answer["pipeline"]["is_running"]

    assert [told("stop"), told("stop"), told("start"), told("start")] == [
        (True, False),
        (False, False),
        (True, True),
        (False, True),
    ]
    before = sidecar.get("/api/health")["pipeline"]["updates"]
    assert told("refresh") == (True, True)
    after = sidecar.get("/api/health")["pipeline"]
    assert after["updates"] > before
    names = sorted((sidecar.folder / ".obs" / "dashboards" / "history").iterdir())
    assert len(names) >= 4
    kept = json.loads(names[-1].read_text())
    assert kept["metrics"]["total_trades_today"] == sidecar.get("/api/metrics/realtime")["total_trades_today"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/pipeline/control", {"action": "explode"}, 422),
        ("/api/pipeline/control", {}, 400),
        ("/api/export/snapshot", {"name": "../../etc/passwd"}, 422),
        ("/api/export/snapshot", {"name": "x", "folder": "/"}, 422),
    ],
)
def test_a_command_that_makes_no_sense_is_refused(
    sidecar: Running, path: str, body: object, status: int
) -> None:
    sidecar.post(path, body, status=status)


@pytest.mark.parametrize("path", ["/api/pipeline/control", "/api/export/snapshot"])
def test_a_command_without_a_token_is_refused(sidecar: Running, path: str) -> None:
    sidecar.post(path, {"action": "stop"}, status=401, token=False)


@pytest.mark.parametrize(
    "path",
    [
        "/api/metrics/history?hours=0",
        "/api/metrics/history?hours=8761",
        "/api/agents/ranking?days=0",
        "/api/agents/ranking?days=366",
        "/api/agents/news-desk/performance?days=-1",
        "/api/llm/usage?days=366",
        "/api/cost/efficiency?days=0",
    ],
)
def test_what_is_out_of_range_is_a_422(sidecar: Running, path: str) -> None:
    assert sidecar.get(path, status=422)["code"] == "out_of_range"


def test_a_day_without_a_trade(tmp_path: Path, records: list[Record], zone: str) -> None:
    calls = [one for one in records if one["event_name"].startswith("gen_ai")]
    with running(tmp_path, calls, zone) as sidecar:
        shown = sidecar.get("/api/metrics/realtime")
        efficiency = sidecar.get("/api/cost/efficiency")

    _shows_today(shown, _reckoned(calls, zone))
    assert (shown["total_trades_today"], shown["win_rate_today"], shown["total_pnl_today"]) == (0, None, [])
    assert (efficiency["roi"], efficiency["cost_per_trade"], efficiency["settled"]) == (None, None, 0)
    assert efficiency["roi_reason"]


def test_a_day_of_which_nothing_was_said(tmp_path: Path, zone: str) -> None:
    with running(tmp_path, [], zone) as sidecar:
        shown = sidecar.get("/api/metrics/realtime")
        usage = sidecar.get("/api/llm/usage")
        overview = sidecar.get("/api/system/overview")

    assert (shown["total_trades_today"], shown["win_rate_today"]) == (0, None)
    assert (shown["total_pnl_today"], shown["total_cost_today"]) == ([], [])
    assert (len(shown["hourly_trends"]), len(shown["daily_trends"])) == (24, 30)
    assert not any(one["has_data"] for one in shown["hourly_trends"])
    assert (usage["models"], usage["calls"]) == ([], 0)
    assert overview["health"] == "UNKNOWN"


def test_a_day_of_one_trade(tmp_path: Path, records: list[Record], zone: str) -> None:
    position = next(one for one in reversed(records) if one["event_name"] == "trade.closed")["attributes"]
    ids = {position["position.id"], position["trade.id"]}
    one_trade = [
        one
        for one in records
        if {one["attributes"].get("position.id"), one["attributes"].get("trade.id")} & ids
    ]
    with running(tmp_path, one_trade, zone) as sidecar:
        shown = sidecar.get("/api/metrics/realtime")
        efficiency = sidecar.get("/api/cost/efficiency")

    _shows_today(shown, _reckoned(one_trade, zone))
    assert (shown["total_trades_today"], shown["settled"]) == (1, 1)
    assert (efficiency["roi"], efficiency["roi_reason"] != "") == (None, True)


def test_a_day_of_open_trades_alone(tmp_path: Path, records: list[Record], zone: str) -> None:
    """As the seed has it: trades, P&L pending; that is no win rate of 0 and no loss."""
    opened = [one for one in records if one["event_name"] in ("position.opened", "order.filled")][-8:]
    with running(tmp_path, opened, zone) as sidecar:
        shown = sidecar.get("/api/metrics/realtime")

    expected = _reckoned(opened, zone)
    _shows_today(shown, expected)
    assert shown["pending"] == shown["total_trades_today"] == shown["open_trades"] > 0
    assert (shown["win_rate_today"], shown["total_pnl_today"]) == (None, [])


def test_a_day_in_two_currencies_adds_nothing_across_them(
    tmp_path: Path, records: list[Record], zone: str
) -> None:
    mixed = []
    for one in records:
        values = dict(one["attributes"])
        if values["bot.id"] == "eth-1" and "currency" in values:
            values["currency"] = "KRW"
        mixed.append({**one, "attributes": values})
    with running(tmp_path, mixed, zone) as sidecar:
        shown = sidecar.get("/api/metrics/realtime")
        efficiency = sidecar.get("/api/cost/efficiency")
        agents = sidecar.get("/api/agents/ranking")["agents"]

    expected = _reckoned(mixed, zone)
    _shows_today(shown, expected)
    assert set(_amounts(shown["total_pnl_today"])) == {"USD", "KRW"}
    assert set(_amounts(efficiency["total_pnl"])) == {"USD", "KRW"}
    # Won and dollars have no rate here: what would need one is not known, and says why.
    assert (efficiency["roi"], efficiency["roi_reason"]) == (None, "no_rate")
    for one in agents:
        assert _amounts(one["contribution"]) == expected.agent(one["agent"], 7)["contribution"]
        assert (one["roi"], one["efficiency_score"]) == (None, None)


def test_a_model_without_a_price_makes_no_figure_up(tmp_path: Path, records: list[Record], zone: str) -> None:
    prices = {"desk-large": recorded.PRICES["desk-large"], "desk-small": recorded.PRICES["desk-small"]}
    with running(tmp_path, records, zone, prices) as sidecar:
        shown = sidecar.get("/api/metrics/realtime")
        usage = sidecar.get("/api/llm/usage")
        efficiency = sidecar.get("/api/cost/efficiency")

    expected = _reckoned(records, zone, prices)
    _shows_today(shown, expected)
    week = expected.window(expected.midnight() - 6 * DAY, expected.now + DAY)
    assert usage["unpriced_models"] == ["desk-search"]
    assert usage["unpriced"] == efficiency["unpriced"] == week["unpriced"] > 0
    assert _amounts(efficiency["total_cost"]) == week["cost"]
    assert (efficiency["roi"], efficiency["roi_reason"]) == (None, "unpriced")


@pytest.mark.corpus
def test_a_day_made_anew_from_the_candles_is_the_kept_one(corpus: Path) -> None:
    made = recorded.shifted(recorded.of_corpus(corpus), end=DAY)

    assert made == recorded.kept()


def _reckoned(records: Sequence[Record], zone: str, prices: Prices = recorded.PRICES) -> Reckoned:
    return Reckoned(records, now=time.time_ns(), zone=zone, prices=prices)


def _shows_today(shown: Any, expected: Reckoned) -> None:
    """The eight fields of the seed's record."""
    today = expected.window(expected.midnight(), expected.now + DAY)
    rate = today["won"] / today["settled"] * 100 if today["settled"] else None
    assert shown["total_trades_today"] == today["trades"]
    assert shown["win_rate_today"] == (pytest.approx(rate, abs=1e-4) if rate is not None else None)
    assert _amounts(shown["total_pnl_today"]) == today["pnl"]
    assert _amounts(shown["total_cost_today"]) == today["cost"]
    for one in shown["agent_performance"]:
        _shows_agent(one, expected.agent(one["agent"], 7))
    models = expected.models(expected.midnight())
    assert {(one["provider"], one["model"]) for one in shown["llm_usage_stats"]} == set(models)
    for one in shown["llm_usage_stats"]:
        _shows_model(one, models[one["provider"], one["model"]])
    _shows_windows(shown["hourly_trends"], expected.hours(24))
    first = expected.midnight() - 29 * DAY
    days = [(start, expected.window(start, start + DAY)) for start in range(first, first + 30 * DAY, DAY)]
    _shows_windows(shown["daily_trends"], days)


def _shows_windows(points: Any, windows: Sequence[tuple[int, Record]]) -> None:
    assert [one["time"] for one in points] == [dashboard.rfc3339(start) for start, _ in windows]
    for point, (_, window) in zip(points, windows, strict=True):
        for name in ("trades", "settled", "pending", "won", "lost", "calls", "unpriced"):
            assert point[name] == window[name], (name, point, window)
        assert _amounts(point["pnl"]) == window["pnl"]
        assert _amounts(point["cost"]) == window["cost"]


def _shows_agent(shown: Any, own: Record) -> None:
    for name in ("trades", "won", "calls", "unpriced"):
        assert shown[name] == own[name], (name, shown, own)
    assert _amounts(shown["contribution"]) == own["contribution"]
    assert _amounts(shown["cost"]) == own["cost"]
    if own["unpriced"]:
        assert (shown["efficiency_score"], shown["roi"]) == (None, None)
    elif set(own["contribution"]) == {"USD"} and own["cost"].get("USD"):
        brought, cost = own["contribution"]["USD"], own["cost"]["USD"]
        assert shown["efficiency_score"] == pytest.approx(float(brought / cost), rel=1e-6)
        assert shown["roi"] == pytest.approx(float((brought - cost) / cost * 100), rel=1e-6)


def _shows_model(shown: Any, own: Record) -> None:
    for name in ("calls", "failed", "input_tokens", "output_tokens", "unpriced"):
        assert shown[name] == own[name], (name, shown, own)
    assert _amounts(shown["cost"]) == ({"USD": own["cost"]} if own["cost"] else {})


def _amounts(shown: Any) -> dict[str, Decimal]:
    return {one["currency"]: Decimal(one["amount"]) for one in shown}


def _amount(shown: Any) -> tuple[str, Decimal]:
    return shown["currency"], Decimal(shown["amount"])


def _has_read(sidecar: Running, events: int) -> bool:
    try:
        shown = sidecar.get("/api/health")
    except (OSError, AssertionError):
        return False
    return bool(shown["events"] == events and shown["pending_bytes"] == 0)


def _until(holds: Callable[[], bool], seconds: float = 40.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.1)


@pytest.mark.parametrize("path", ["/api/agents/ranking", "/api/llm/usage", "/api/cost/efficiency"])
def test_a_window_beyond_the_book_is_read_from_the_store_and_says_the_same(
    sidecar: Running, path: str
) -> None:
    """All of the recorded day lies within both windows."""
    near, far = sidecar.get(f"{path}?days=30"), sidecar.get(f"{path}?days=90")

    for shown in (near, far):
        shown.pop("window_days")
        shown.pop("days", None)
        for one in shown.get("agents", ()):
            # Of these the store keeps sums alone: no interval, so no rank.
            for name in ("rank", "reason", "efficiency_low", "daily"):
                one.pop(name)
    assert far == near


def test_hours_and_agents_beyond_the_book_are_those_of_the_store(
    sidecar: Running, expected: Reckoned
) -> None:
    _shows_windows(sidecar.get("/api/metrics/history?hours=800")["points"], expected.hours(800))
    shown = sidecar.get("/api/agents/news-desk/performance?days=120")
    _shows_agent(shown["performance"], expected.agent("news-desk", 120))
    assert len(shown["days"]) == 120


def test_changed_settings_of_the_pipeline_hold_at_once(tmp_path: Path, zone: str) -> None:
    with running(tmp_path, [], zone) as sidecar:
        history = tmp_path / ".obs" / "dashboards" / "history"
        _until(lambda: len(list(history.glob("*.json"))) >= 4)
        settings = (tmp_path / "obs.toml").read_text()
        (tmp_path / "obs.toml").write_text(settings + "max_cache_files = 2\n")

        _until(lambda: len(list(history.glob("*.json"))) == 2)
        (tmp_path / "obs.toml").write_text(settings + "max_cache_files = 0\n")
        time.sleep(1)

        assert sidecar.get("/api/health")["pipeline"]["files"] == 2
