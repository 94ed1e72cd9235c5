"""Another destination while the sidecar runs: what waits goes there, nothing is lost, the books go on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from obs.exporting.destination import Destination
from obs.exporting.exporter import Exporter
from obs.exporting.outbox import Counts
from obs.sidecar import Sidecar
from tests.exporting.collector import Collector, collecting, until
from tests.exporting.test_exporting import counts, feed, going_to, is_empty, one_decision, said


@pytest.fixture
def first() -> Iterator[Collector]:
    with collecting() as found:
        yield found


@pytest.fixture
def second() -> Iterator[Collector]:
    with collecting() as found:
        yield found


def exporter_of(sidecar: Sidecar) -> Exporter:
    assert sidecar.exporter is not None
    return sidecar.exporter


def test_what_waits_for_one_collector_is_sent_to_the_next(
    tmp_path: Path, first: Collector, second: Collector
) -> None:
    # It asks for a pause that no test outlives: only the other destination ends it.
    first.status, first.retry_after = 503, "300"

    with Sidecar(tmp_path, destination=going_to(first.url, signals=("logs",))) as sidecar:
        feed(sidecar, [said(n) for n in range(10)])
        assert until(lambda: first.asked == 1)
        exporter_of(sidecar).redirect(going_to(second.url, signals=("logs",)))
        feed(sidecar, [said(n) for n in range(10, 20)])
        assert until(lambda: is_empty(sidecar))

        assert counts(sidecar) == Counts(taken=20, sent=20, waiting=0, dropped={})
        assert not any("OpenTelemetry" in line for line in sidecar.snapshot().not_known)
    assert sorted(second.bodies) == sorted(f"line {n}" for n in range(20))
    assert first.bodies == []


def test_a_destination_taken_away_lets_all_wait_until_there_is_one_again(
    tmp_path: Path, first: Collector, second: Collector
) -> None:
    first.status = 503

    with Sidecar(tmp_path, destination=going_to(first.url, signals=("logs",))) as sidecar:
        feed(sidecar, [said(n) for n in range(10)])
        assert until(lambda: first.asked)
        exporter_of(sidecar).redirect(None)
        feed(sidecar, [said(n) for n in range(10, 15)])
        assert counts(sidecar) == Counts(taken=10, sent=0, waiting=10, dropped={})
        assert not any("OpenTelemetry" in line for line in sidecar.snapshot().not_known)
        exporter_of(sidecar).redirect(going_to(second.url, signals=("logs",)))
        assert until(lambda: is_empty(sidecar))

    assert sorted(second.bodies) == sorted(f"line {n}" for n in range(10))


def test_a_signal_that_is_switched_off_keeps_what_waits_over_a_restart(
    tmp_path: Path, first: Collector
) -> None:
    first.status = 503
    with Sidecar(tmp_path, destination=going_to(first.url)) as sidecar:
        feed(sidecar, one_decision())
        assert counts(sidecar).waiting == 6
    first.status = 200

    with Sidecar(tmp_path, destination=going_to(first.url, signals=("traces",))) as sidecar:
        assert until(lambda: is_empty(sidecar, "traces"))
        assert counts(sidecar) == Counts(taken=6, sent=0, waiting=6, dropped={})
        assert first.records == []
        exporter_of(sidecar).redirect(going_to(first.url))
        assert until(lambda: is_empty(sidecar))

    assert len(first.records) == len(first.spans) == 6


def test_a_request_under_way_ends_as_it_would_have(
    tmp_path: Path, first: Collector, second: Collector
) -> None:
    first.seconds = 1.0

    with Sidecar(tmp_path, destination=going_to(first.url, signals=("logs",))) as sidecar:
        feed(sidecar, [said(1)])
        assert until(lambda: first.asked)
        exporter_of(sidecar).redirect(going_to(second.url, signals=("logs",)))
        feed(sidecar, [said(2)])
        assert until(lambda: is_empty(sidecar))

        assert counts(sidecar) == Counts(taken=2, sent=2, waiting=0, dropped={})
    assert (first.bodies, second.bodies) == (["line 1"], ["line 2"])


def test_metrics_go_to_the_new_place_at_once(tmp_path: Path, first: Collector, second: Collector) -> None:
    with Sidecar(tmp_path, destination=going_to(first.url, signals=("metrics",))) as sidecar:
        sidecar.step()
        assert until(lambda: first.metrics)
        exporter_of(sidecar).redirect(going_to(second.url, signals=("metrics",)))
        sidecar.step()
        assert until(lambda: second.metrics)
        exporter_of(sidecar).redirect(Destination({}))
        sidecar.step()

        assert counts(sidecar, "metrics") == Counts(taken=2, sent=2, waiting=0, dropped={})
