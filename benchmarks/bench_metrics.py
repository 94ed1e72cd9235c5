"""A scrape of 10,000 bots with names of their own for everything: what Prometheus waits for.

The bound: 50 ms and 2,000 series, in each format. What one event costs the fold is measured beside it.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from obs.meters import Meters
from obs.meters.telling import tell
from obs.metrics import MAX_SERIES, Form, Inner, exposition
from obs.snapshot import Snapshot
from tests.metrics.test_scrape import NAMES, hostile_fleet, said, series

MAX_SCRAPE_SECONDS = 0.05
SLACK = float(os.environ.get("OBS_BENCH_SLACK", "1.3"))


@pytest.fixture(scope="module")
def fleet() -> Snapshot:
    return hostile_fleet()


@pytest.mark.parametrize("form", ["text", "openmetrics", "protobuf"])
def test_a_scrape_of_a_hostile_fleet(benchmark: Any, fleet: Snapshot, form: Form) -> None:
    text = benchmark.pedantic(lambda: exposition(fleet, Inner(), form=form), rounds=25, warmup_rounds=2)

    if form != "protobuf":
        assert len(series(text)) <= MAX_SERIES
    assert benchmark.stats.stats.median <= MAX_SCRAPE_SECONDS * SLACK


def test_counting_an_event_of_a_usual_fleet(benchmark: Any) -> None:
    events = [said(name, number % 8) for number in range(100) for name in NAMES if name != "llm.called"]

    def fold() -> None:
        meters = Meters()
        for event in events:
            tell(meters, event, event.service, evidence="e1", call=None)

    benchmark.pedantic(fold, rounds=10, warmup_rounds=1)
    benchmark.extra_info["us_per_event"] = benchmark.stats.stats.median / len(events) * 1e6

    assert benchmark.extra_info["us_per_event"] < 60 * SLACK
