"""From a spike in a real Prometheus to the issue, the trace, the decision and the very line: one chain."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.builders import REPO
from tests.metrics.live import Prometheus, fetched, free_port, prometheus, sidecar, until
from tests.spool_lines import Bot

ORDERS = 12
SLOW_MS = 7_300
WHY = "margin is insufficient"


def trace_of(number: int) -> str:
    return f"{number + 1:032x}"


def order_of(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-0123456789ab"


def order(bot: Bot, number: int) -> None:
    """An order that the exchange refuses, late; with ids as long as they come."""
    values = {
        "order.id": order_of(number), "decision.id": f"d-{number}",
        "symbol": "BTC/USDT", "currency": "USDT", "run.mode": "live",
    }  # fmt: skip
    of = {"trace_id": trace_of(number), "span_id": f"{number + 1:016x}"}
    bot.say("signal taken", event_name="decision.made", attributes=values, **of)
    bot.say("sent", event_name="order.submitted", attributes=values, **of)
    bot.say(
        f"order {number} rejected: {WHY}",
        "ERROR",
        event_name="order.rejected",
        attributes={**values, "latency_ms": SLOW_MS, "error.type": "invalid"},
        **of,
    )


def shown(directory: Path, *ids: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "obs", "show", "--dir", str(directory), *ids],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def newest(found: list[Any]) -> dict[str, str]:
    """The ids of the newest exemplar of an answer."""
    marks = [mark for series in found for mark in series["exemplars"]]
    return dict(max(marks, key=lambda mark: mark["timestamp"])["labels"])


def test_a_spike_leads_to_its_issue_its_trace_its_decision_and_the_very_line(tmp_path: Path) -> None:
    directory, port = tmp_path / "o", free_port()
    bot = Bot(directory)
    for number in range(ORDERS):
        order(bot, number)

    def asked(path: str) -> Any:
        return json.loads(fetched(f"http://127.0.0.1:{port}{path}"))["data"]

    with sidecar(directory, port), prometheus(tmp_path / "p", port) as seen:
        spike = 'trading_orders_total{outcome="rejected"}'
        until(lambda: seen.number(spike) == ORDERS and found_in(seen, spike))

        ids = newest(seen.exemplars(spike))

        last = ORDERS - 1
        assert ids["trace_id"] == trace_of(last)
        assert (ids["decision"], ids["order"]) == (f"d-{last}", order_of(last))
        line = f"order {last} rejected: {WHY}"
        # To the issue, by REST and at the command line.
        issue = asked(f"/api/issues/{ids['issue']}")
        assert issue["count"] == ORDERS
        assert WHY in str(issue["evidence"])
        assert WHY in shown(directory, ids["issue"])
        # To the line: the one of this order and this trace, no other of the same issue.
        rows = {row["id"]: row for row in asked(f"/api/events?severity=ERROR&text={last}")["events"]}
        assert rows[ids["evidence"]]["text"] == [{"text": line}]
        record = shown(directory, ids["evidence"])
        assert line in record
        assert f"trace_id={ids['trace_id']}" in record
        assert f"decision.id={ids['decision']}" in record
        assert f"order.id={ids['order']}" in record
        # What was slow leads to the same line, by its bucket.
        slow = newest(seen.exemplars('trading_order_latency_seconds_bucket{le="10.0"}'))
        assert slow["evidence"] == ids["evidence"]
        # For decisions stands a record that belongs to no issue; by its trace it is of this order.
        made = newest(seen.exemplars("trading_decisions_total"))
        assert (made["decision"], made["trace_id"], "issue" in made) == (f"d-{last}", trace_of(last), False)
        assert "signal taken" in shown(directory, made["evidence"])
    bot.end()


def found_in(seen: Prometheus, expression: str) -> bool:
    return bool(seen.exemplars(expression))
