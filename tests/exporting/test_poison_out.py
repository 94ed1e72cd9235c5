"""One poisoned thing among many costs at most itself: from a real bot over a real collector to a receiver."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx2
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

from tests.builders import REPO
from tests.exporting.collector import Collector, attributes, collecting, until
from tests.exporting.poisoned_bot import KINDS, MANY, NAMES, PLACE, POISONED
from tests.exporting.test_collectors import Up, up
from tests.otlp.programs import collector as rotel
from tests.otlp.test_poison import WIRE, spliced

RECORDS = len(KINDS) * MANY + 60 * len(POISONED) + 2 * len(NAMES) + 1
"""Of severity INFO or above: requests are told at DEBUG."""
DECISIONS = 20 * len(POISONED)
SPANS = 3 * DECISIONS + len(NAMES) * 2 + 1


class Came(NamedTuple):
    """What the receiver behind the collector has."""

    seen: Collector
    sidecar: Up


@pytest.fixture(scope="module")
def came(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Came]:
    folder = tmp_path_factory.mktemp("poison")
    (folder / "bot.jsonl").write_bytes(
        # In a followed file: half a line, no JSON, bytes that are no UTF-8, and a whole one.
        b'{"body": "half a li\n\xff\xfe\xfd\n[1, 2\n{"body": "whole", "severity": "INFO"}\n'
    )
    with (
        collecting() as seen,
        rotel(seen.url) as endpoint,
        up(folder / "obs", endpoint, folder / "bot.jsonl", OTEL_METRIC_EXPORT_INTERVAL="1000") as sidecar,
    ):
        bot = subprocess.run(
            [sys.executable, "-m", "tests.exporting.poisoned_bot", str(folder / "obs")],
            cwd=REPO,
            env={**os.environ, "PYTHONPATH": str(REPO)},
            capture_output=True,
            check=False,
            timeout=100,
        )
        assert bot.returncode == 0, bot.stderr.decode()
        assert json.loads(bot.stdout) == list(KINDS)
        assert until(lambda: len(seen.spans) >= SPANS and len(seen.records) >= RECORDS), sidecar.metrics()
        yield Came(seen, sidecar)


def test_of_512_records_with_a_poisoned_one_all_come_out_whatever_the_poison(came: Came) -> None:
    bodies = Counter(came.seen.bodies)

    for kind, name in enumerate(KINDS):
        wanted = {f"line {number} of kind {kind}" for number in range(MANY) if number != PLACE}
        assert {body for body in wanted if bodies[body] != 1} == set(), name
    told = [body for body in came.seen.bodies if body.startswith(("poisoned", "[a log record"))]
    # The empty one has no body by which to know it; all of a kind have the same id of their own.
    assert len(told) == len(KINDS) - 1
    ids = Counter(attributes(record.attributes)["log.record.uid"] for record in came.seen.records)
    assert set(ids.values()) == {1}
    assert bodies["whole"] == 1


def test_what_is_poisoned_is_said_in_a_form_that_everybody_reads(came: Came) -> None:
    said = [attributes(record.attributes) for record in came.seen.records]
    numbers = next(one for one in said if "big" in one)
    ids = [one.get("trace_id") for one in said if "event_name" not in one and "decision.id" not in one]

    assert "poisoned \\udcff\\udcfe" in came.seen.bodies
    assert "poisoned \\ud800 in the midst" in came.seen.bodies
    assert (numbers["big"], numbers["least"]) == (str(2**70), str(-(2**63) - 1))
    assert ids.count("short") == 1
    assert all(record.trace_id == b"" or len(record.trace_id) == 16 for record in came.seen.records)


def test_a_poisoned_order_costs_no_span_of_another(came: Came) -> None:
    ids = {(span.trace_id, span.span_id) for span in came.seen.spans}
    kinds = Counter(span.name.partition(" ")[0] for span in came.seen.spans)

    assert len(ids) == len(came.seen.spans) == SPANS
    assert kinds.pop("chat") == SPANS - 3 * DECISIONS
    assert kinds == {"decision": DECISIONS, "order": DECISIONS, "fill": DECISIONS}


def test_poisoned_names_and_numbers_cost_no_other_metric(came: Came) -> None:
    def exchanges() -> dict[str, float]:
        return {
            str(attributes(point.attributes)["exchange"]): point.as_double
            for metric in newest(came.seen)
            if metric.name == "trading_api_requests_total"
            for point in metric.sum.data_points
        }

    assert until(lambda: exchanges().get("good") == len(NAMES) + 1), exchanges()
    names = {metric.name for metric in newest(came.seen)}
    assert {"obs_events_total", "trading_llm_calls_total", "trading_orders_total"} <= names
    assert sum(exchanges().values()) >= 2 * len(NAMES)


def newest(seen: Collector) -> list[Any]:
    """The newest set of metrics; the collector may part it over several requests."""
    parts = [request.resource_metrics for request in seen.metrics[-1:]]
    return [
        metric
        for part in parts
        for owner in part
        for scope in owner.scope_metrics
        for metric in scope.metrics
    ]


def test_the_books_are_exact(came: Came) -> None:
    assert came.sidecar.books("logs") == (RECORDS + 1, RECORDS + 1, 0, 0)
    assert came.sidecar.books("traces") == (SPANS, SPANS, 0, 0)


@pytest.mark.slow
def test_what_others_send_in_poisoned_goes_out_without_the_poison_costing_a_neighbour(came: Came) -> None:
    """Every kind of poison that the door knows, as one record of 512, in and out again."""
    lost: dict[str, int] = {}
    for kind, (name, poison) in enumerate(WIRE.items()):
        # The same words in each batch would count once: the length stays, as it stands before them.
        body = spliced(poison()).replace(b"order ", b"ord%02d " % kind)
        answer = httpx2.post(
            f"{came.sidecar.url}/v1/logs",
            content=body,
            headers={"Content-Type": "application/x-protobuf"},
            timeout=60,
        )
        assert answer.status_code == 200, name
        told = ExportLogsServiceResponse.FromString(answer.content).partial_success
        lost[name] = int(told.rejected_log_records)
    wanted = {f"ord{kind:02d} {n} filled" for kind in range(len(WIRE)) for n in range(MANY) if n != PLACE}

    assert until(lambda: wanted <= set(came.seen.bodies)), sorted(wanted - set(came.seen.bodies))[:5]
    assert max(lost.values()) == 1
    counts = Counter(body for body in came.seen.bodies if body in wanted)
    assert set(counts.values()) == {1}
    taken, sent, dropped, waiting = came.sidecar.books("logs")
    assert taken == sent + dropped + waiting
    assert dropped == 0
