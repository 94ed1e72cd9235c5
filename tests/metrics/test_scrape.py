"""A scrape: bounded, readable by Prometheus and OpenMetrics parsers, true to the Snapshot."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterable
from decimal import Decimal

import pytest
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from obs.analysis import Analyzer
from obs.events import Event, Severity
from obs.meters import Meters
from obs.meters.telling import tell
from obs.metrics import MAX_SERIES, TABLE, Form, Inner, SnapshotCollector, exposition, negotiated
from obs.money.entries import llm_call_of
from obs.rules import RuleSet
from obs.snapshot import ComponentStatus, Health, Snapshot
from obs.standing import BotStanding, Holding, Pulse
from tests.builders import START
from tests.servers import missing

NAMES = (
    "order.submitted", "order.rejected", "order.filled", "order.denied", "equity.measured", "signal.filtered",
    "heartbeat", "llm.called", "anomaly.detected", "api.requested", "notification.failed",
    "circuit_breaker.tripped", "signal.generated", "decision.made",
)  # fmt: skip
STAGES = ("heartbeats", "ticks", "candles", "signals", "orders", "answers")


def said(name: str, number: int) -> Event:
    """One event of bot `number`, whose every name is its own."""
    return Event(
        timestamp=START + number,
        event_name=name,
        uid=f"{number}-{name}",
        resource={"service.name": f'bot{number}"}}\n1\\'},
        attributes={
            "currency": f"C{number % 50}", "order.id": f"o{number}", "decision.id": f"d{number}",
            "latency_ms": number % 900, "slippage.ratio": number % 70 / 1e4, "fill.price": "10",
            "fill.quantity": "2", "fill.fee": "0.1", "equity": "1000", "equity.peak": "1001", "pnl.day": "3",
            "drawdown.ratio": 0.1, "exposure.ratio": 0.5, "filter": f"gate {number}",
            "gen_ai.agent.name": f"agent {number}", "gen_ai.request.model": f"model {number}",
            "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 3, "llm.cost": "0.1",
            "llm.cost_currency": f"C{number % 50}", "duration_ms": number, "anomaly.kind": f"kind {number}",
            "anomaly.id": f"a{number}", "exchange.id": f"exchange {number}", "channel": f"channel {number}",
            "run.mode": ("live", "paper")[number % 2], "reason": f"reason {number}",
        },
    )  # fmt: skip


@pytest.fixture(scope="module")
def hostile() -> Snapshot:
    return hostile_fleet()


def hostile_fleet() -> Snapshot:
    """What 10,000 bots with names of their own for everything would give."""
    meters = Meters()
    for number in range(10_000):
        event = said(NAMES[number % len(NAMES)], number)
        tell(meters, event, event.service, issue="0" * 16, evidence="e1", call=llm_call_of(event, ""))
    pulses = tuple(Pulse(stage=stage, state="late", last=START, missing=9) for stage in STAGES)
    return Snapshot(
        taken_at=START + 10**12,
        components={f"part {number}": ComponentStatus(Health.OK) for number in range(1_000)},
        by_severity={severity.name: 3 for severity in Severity},
        leaks={f"kind {number}": 1 for number in range(300)},
        readings=meters.readings(),
        standings=tuple(
            BotStanding(name=f"bot{number}", last=START, tells_positions=True, pulses=pulses)
            for number in range(10_000)
        ),
        held=tuple(
            Holding(
                service=f"bot{number}",
                symbol=f"S{number}",
                value=Decimal(2),
                unrealized=Decimal(1),
                currency=f"C{number % 60}",
                protection="none",
            )
            for number in range(500)
        ),
    )


def series(text: bytes) -> list[str]:
    return [line for line in text.decode().splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("form", ["text", "openmetrics"])
def test_10_000_bots_give_a_bounded_scrape_of_known_metrics(hostile: Snapshot, form: Form) -> None:
    many = {f"cache {number}": 1 for number in range(500)}
    text = exposition(hostile, Inner(cache_hits=many, cache_misses=many, version="1"), form=form)

    assert 1_200 < len(series(text)) <= MAX_SERIES
    parse: Callable[[str], Iterable[Metric]] = openmetrics if form == "openmetrics" else prometheus
    for family in parse(text.decode()):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        assert len(family.samples) <= TABLE[name].most, name


@pytest.mark.parametrize("form", ["text", "openmetrics"])
def test_the_text_is_byte_for_byte_that_of_the_prometheus_client(hostile: Snapshot, form: Form) -> None:
    registry = CollectorRegistry()
    registry.register(SnapshotCollector(lambda: hostile))
    write: Callable[[CollectorRegistry], bytes] = {"openmetrics": generate_openmetrics}.get(
        form, generate_latest
    )

    assert exposition(hostile, form=form) == write(registry)


def test_what_finds_no_series_of_its_own_is_counted_in_other(hostile: Snapshot) -> None:
    found = {family.name: family for family in prometheus(exposition(hostile).decode())}

    orders = found["trading_orders"].samples
    asked = sum(name.startswith("order.") for name in NAMES)
    whole = sum(NAMES[number % len(NAMES)].startswith("order.") for number in range(10_000))
    assert asked
    assert sum(sample.value for sample in orders) == whole
    assert any(sample.labels["bot"] == "other" for sample in orders)
    folded = {sample.labels["label"]: sample.value for sample in found["obs_labels_folded"].samples}
    assert folded["bot"] > 100


def test_money_of_two_currencies_or_modes_is_never_one_number(hostile: Snapshot) -> None:
    for family in prometheus(exposition(hostile).decode()):
        for sample in family.samples:
            if family.name in ("trading_equity", "trading_exposure", "trading_fees"):
                assert sample.labels["currency"] != "other", sample
                assert sample.labels["mode"] in ("live", "simulated", "unknown")


def test_promtool_finds_nothing_to_complain_of(hostile: Snapshot) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        missing("promtool")
        return

    done = subprocess.run(
        [promtool, "check", "metrics"], input=exposition(hostile), capture_output=True, timeout=20
    )

    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_from_a_spike_to_its_issue_to_the_line_that_shows_it() -> None:
    analyzer = Analyzer(RuleSet(()))
    for number in range(20):
        analyzer.feed(
            Event(
                timestamp=START + number * 10**9,
                severity=Severity.ERROR,
                body=f"order {number} rejected: margin is insufficient",
                event_name="order.rejected",
                resource={"service.name": "grid-1"},
                attributes={"order.id": f"o-{number}", "latency_ms": 2_000, "error.type": "invalid"},
                uid=f"p-{number}",
                trace_id=f"{number:032x}",
            )
        )
    snapshot = analyzer.snapshot()

    text = exposition(snapshot, form="openmetrics").decode()

    read: Callable[[str], Iterable[Metric]] = openmetrics
    spike = next(
        sample
        for family in read(text)
        for sample in family.samples
        if sample.name == "trading_orders_total" and sample.labels["outcome"] == "rejected"
    )
    assert spike.value == 20
    assert spike.exemplar is not None
    ids = spike.exemplar.labels
    issue = next(issue for issue in snapshot.issues if issue.id == ids["issue"])
    assert "rejected" in issue.title
    assert "margin is insufficient" in issue.evidence[0].text
    # The newest record itself: its trace, its order and its line.
    assert (ids["trace_id"], ids["order"]) == (f"{19:032x}", "o-19")
    assert ids["evidence"] in {line.id for lines in snapshot.recent.values() for line in lines}


def test_an_error_s_exemplar_names_the_issue_that_its_line_shows() -> None:
    analyzer = Analyzer(RuleSet(()))
    analyzer.feed(
        Event(timestamp=START, severity=Severity.ERROR, body="feed lost", logger="bot.feed", uid="p-1")
    )
    snapshot = analyzer.snapshot()

    text = exposition(snapshot, form="openmetrics").decode()

    line = next(line for line in text.splitlines() if line.startswith('obs_events_total{severity="ERROR"}'))
    assert f'issue="{snapshot.issues[0].id}"' in line
    assert f'evidence="{snapshot.issues[0].evidence[0].id}"' in line


OF_PROMETHEUS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding="


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", "text"),
        ("*/*", "text"),
        ("text/plain", "text"),
        (OF_PROMETHEUS, "openmetrics"),
        ("application/openmetrics-text; version=1.0.0; q=0.2, text/plain; q=0.9", "text"),
        ("application/openmetrics-text;q=0", "text"),
        ("application/openmetrics-text;q=x", "text"),
        # Prometheus with native histograms asks like this; others like text more, or another protobuf.
        (f"{PROTOBUF}delimited,{OF_PROMETHEUS}", "protobuf"),
        (f'{PROTOBUF}"delimited";q=0.4,{OF_PROMETHEUS}', "openmetrics"),
        (f"{PROTOBUF}compact-text,{OF_PROMETHEUS}", "openmetrics"),
        ("application/vnd.google.protobuf", "text"),
        ("application/vnd.google.protobuf;proto=some.Other;encoding=delimited,text/plain;q=0.1", "text"),
    ],
)
def test_the_format_is_what_the_reader_prefers(accept: str, wanted: Form) -> None:
    assert negotiated(accept) == wanted


def test_exemplars_are_in_openmetrics_only(hostile: Snapshot) -> None:
    assert b"# {" not in exposition(hostile)
    assert b"# {" in exposition(hostile, form="openmetrics")
