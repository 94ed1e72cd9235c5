"""What happens while the stack runs: the demo's day, and by another bot what its bots do not say."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import Any

from tests.grafana.stack import REPO, Stack, wait_for

SPEED = 450
"""45 minutes in six seconds: slow enough for scrapes to see counters move, each second."""
ROUND_SECONDS = 2.5
BOT = {"bot.id": "late-1"}
COST = {"gen_ai.provider.name": "openai", "gen_ai.agent.name": "news", "duration_ms": 900, **BOT}


def play(stack: Stack, speed: float = SPEED) -> None:
    """Play until all that was said has reached Prometheus."""
    command = [sys.executable, "-m", "obs", "run", "--dir", str(stack.folder / "obs"), "--"]
    bots = [sys.executable, "-m", "trading", "run", "--paper", "--faults", "demo", "--speed", str(speed)]
    with (stack.folder / "bots.log").open("w+b") as log:
        process = subprocess.Popen([*command, *bots], cwd=REPO, stdout=log, stderr=log)
        try:
            stack.say(*troubles())
            while process.poll() is None:
                stack.say(*words())
                time.sleep(ROUND_SECONDS)
        finally:
            process.kill()
            process.wait()
    assert process.returncode == 0, (stack.folder / "bots.log").read_text(encoding="utf-8")
    stack.say(*words())
    wait_for("the demo's bots in Prometheus", lambda: len(stack.ask("trading_bot_info", step=1)) > 5)
    # What is recorded follows what is scraped: all rules once more after the last scrape.
    heard = datetime.now(UTC)
    wait_for("rules after the last word", lambda: _evaluated(stack) > heard)


def _evaluated(stack: Stack) -> datetime:
    """Return when the group of rules was evaluated that waits longest."""
    groups = stack.get(stack.prometheus, "/api/v1/rules")["data"]["groups"]
    return min(datetime.fromisoformat(group["lastEvaluation"]) for group in groups)


def troubles() -> list[dict[str, Any]]:
    """What happens to a bot once: an anomaly that lasts, and its breaker trips."""
    return [
        {
            "event_name": "anomaly.detected",
            "severity": "ERROR",
            "body": "price moved",
            "attributes": {
                "anomaly.id": "a1",
                "anomaly.kind": "price_move",
                "anomaly.severity": "high",
                "symbol": "BTC/USD",
                "value": 0.2,
                "threshold": 0.1,
                **BOT,
            },
        },
        {
            "event_name": "circuit_breaker.tripped",
            "severity": "FATAL",
            "body": "breaker",
            "attributes": {"loss.ratio": 0.06, "threshold": 0.05, "currency": "USD", **BOT},
        },
    ]


def words() -> list[dict[str, Any]]:
    """What is said again and again, and not by the demo's bots: an unknown model, an attribution."""
    return [
        {
            "event_name": "heartbeat",
            "severity": "DEBUG",
            "body": "alive",
            "attributes": {"bot.state": "running", "clock.offset_ms": 12, "process.memory.usage": 9e7, **BOT},
        },
        {
            "event_name": "llm.called",
            "severity": "INFO",
            "body": "asked",
            "attributes": {
                "gen_ai.request.model": "nobody-knows-1",
                "gen_ai.usage.input_tokens": 900,
                "gen_ai.usage.output_tokens": 90,
                **COST,
                # What an agent brings for its cost is not known when a price is missing.
                "gen_ai.agent.name": "scout",
            },
        },
        {
            "event_name": "attribution.computed",
            "severity": "INFO",
            "body": "credited",
            "attributes": {
                "agent.name": "news",
                "trade.id": f"t{time.time_ns()}",
                "contribution": "12.5",
                "contribution.method": "shapley",
                "currency": "USD",
                **BOT,
            },
        },
        {
            "event_name": "llm.called",
            "severity": "INFO",
            "body": "asked",
            "attributes": {
                "gen_ai.request.model": "gpt-5-mini",
                "gen_ai.usage.input_tokens": 9_000,
                "gen_ai.usage.output_tokens": 900,
                **COST,
            },
        },
    ]
