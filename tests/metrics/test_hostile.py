"""Whatever bots say, every format of a scrape can be read, is bounded, and counts upwards."""

from __future__ import annotations

import math
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from obs.analysis import Analyzer
from obs.events import Event, Severity
from obs.metrics import MAX_SERIES, TABLE, Inner, exposition
from obs.rules import RuleSet
from obs.snapshot import Snapshot
from tests.builders import START
from tests.metrics.families import TYPES, buckets, labels, read
from tests.metrics.test_scrape import NAMES
from tests.servers import missing

WORDS = (
    'quo"te', "back\\slash", "line\nbreak", "\r\n", "tab\there", "}{", 'a="b",c', "# EOF", "#", " ", "",
    "🚀🔥", "한국어", "e\u0301", "\u202eevil", "\u2028", "\x00", "\x1b[31m", "\ud800", "\x1f", "other",
    "+Inf", "NaN", "le", "x" * 10_000, "🚀" * 3_000, "__name__", "quantile", "a\x1fb", "I-000000",
)  # fmt: skip
NUMBERS = (
    "NaN", "Infinity", "-Infinity", "-5", "-0", "0", "1e308", "1E+999999", "1e-400", "9" * 400, "0x10", "1,5",
    "", float("nan"), float("inf"), -float("inf"), -7.5, 10**400, -(10**30), True, None, "١٢", "1_000", [1],
    {"a": 1},
)  # fmt: skip
NAMED = (
    "currency", "filter", "reason", "channel", "exchange.id", "gen_ai.agent.name", "gen_ai.request.model",
    "anomaly.kind", "anomaly.severity", "anomaly.id", "order.id", "decision.id", "account.id", "error.type",
    "fill.fee_currency", "llm.cost_currency", "service.version", "git.commit", "symbol", "run.mode",
    "bot.state", "agent.name", "trade.id", "component",
)  # fmt: skip
COUNTED = (
    "latency_ms", "duration_ms", "slippage.ratio", "fill.price", "fill.quantity", "fill.fee", "equity",
    "equity.peak", "pnl.day", "drawdown.ratio", "exposure.ratio", "clock.offset_ms", "process.memory.usage",
    "orders.open", "loop.duration_ms", "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "llm.cost",
    "contribution", "order.remaining", "order.reference_price", "position.quantity",
    "http.response.status_code",
)  # fmt: skip
EVENTS = (
    *NAMES, "bot.started", "attribution.computed", "position.opened", "notification.sent", "anomaly.cleared",
    "trade.closed", "process.exited", "no.such.event", 'x"\n',
)  # fmt: skip

VALUES = st.dictionaries(st.sampled_from(NAMED), st.sampled_from(WORDS), max_size=8)
FIGURES = st.dictionaries(st.sampled_from(COUNTED), st.sampled_from(NUMBERS), max_size=8)
EVENT = st.builds(
    lambda name, bot, words, figures, severity, time: (name, bot, {**words, **figures}, severity, time),
    st.sampled_from(EVENTS),
    st.one_of(st.sampled_from(WORDS), st.text(max_size=30)),
    VALUES,
    FIGURES,
    st.sampled_from(list(Severity)),
    st.sampled_from((0, START, START + 10**9, 2**62)),
)


def picture(told: Iterable[tuple[Any, ...]]) -> Snapshot:
    analyzer = Analyzer(RuleSet(()))
    for number, (name, bot, values, severity, time) in enumerate(told):
        analyzer.feed(
            Event(
                timestamp=time,
                severity=severity,
                body=f"{name} {bot}",
                event_name=name,
                logger=str(bot),
                uid=f"p-{number}",
                resource={"service.name": bot},
                attributes=values,
                trace_id=str(bot)[:32],
            )
        )
    return analyzer.snapshot()


def samples(snapshot: Snapshot, inner: Inner | None = None) -> Iterator[tuple[str, list[Any]]]:
    """The families of both texts; raises where a parser does not understand one."""
    readers: tuple[tuple[Any, Callable[[str], Iterable[Metric]]], ...] = (
        ("text", prometheus),
        ("openmetrics", openmetrics),
    )
    for form, parse in readers:
        text = exposition(snapshot, inner, form=form).decode("utf-8")
        for family in parse(text):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            yield name, family.samples


def check(snapshot: Snapshot, inner: Inner | None = None) -> None:
    seen: Counter[str] = Counter()
    for name, found in samples(snapshot, inner):
        assert len(found) <= TABLE[name].most, name
        seen.update(name for _ in found)
        keys = Counter((one.name, *sorted(one.labels.items())) for one in found)
        assert max(keys.values(), default=1) == 1, name
        for one in found:
            # What a bot says of itself may be any number, but a number.
            assert not math.isnan(one.value), one
            if TABLE[name].kind != "gauge":
                assert 0 <= one.value < math.inf, one
            for value in one.labels.values():
                assert len(value) <= 80
                assert value.isprintable()
            if one.exemplar is not None:
                assert sum(len(key) + len(value) for key, value in one.exemplar.labels.items()) <= 128
    assert seen.total() / 2 <= MAX_SERIES
    for family in read(exposition(snapshot, inner, form="protobuf")):
        for metric in family.metric:
            assert set(labels(metric)) == set(TABLE[family.name].labels)
            if TYPES[family.type] == "histogram":
                told = metric.histogram
                assert told.zero_count + sum(buckets(told).values()) == told.sample_count
                assert math.isfinite(told.sample_sum)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(EVENT, max_size=25))
def test_any_words_and_numbers_give_a_scrape_that_everybody_reads(told: list[tuple[Any, ...]]) -> None:
    check(picture(told))


@pytest.fixture(scope="module")
def flood() -> Snapshot:
    """Every event with every word and number somewhere, of 1,000 bots in 500 currencies."""
    told = []
    for number in range(1_500):
        values: dict[str, Any] = {
            key: WORDS[(number + place) % len(WORDS)] for place, key in enumerate(NAMED)
        }
        values |= {key: NUMBERS[(number + place) % len(NUMBERS)] for place, key in enumerate(COUNTED)}
        if number % 3 == 0:
            values |= {key: str(number) for key in COUNTED} | {
                "currency": f"C{number % 500}",
                "run.mode": "live",
            }
        bot = f"{WORDS[number % len(WORDS)][:60]}{number % 1_000}"
        severity = list(Severity)[number % len(Severity)]
        told.append((EVENTS[number % len(EVENTS)], bot, values, severity, START + number * 10**6))
    return picture(told)


def test_a_flood_of_names_currencies_and_impossible_numbers_is_bounded_and_whole(flood: Snapshot) -> None:
    check(
        flood, Inner(version='1"\n', cache_hits=dict.fromkeys(WORDS, 1), cache_misses=dict.fromkeys(WORDS, 2))
    )

    currencies = {
        one.labels["currency"]
        for name, found in samples(flood)
        if "currency" in TABLE[name].labels
        for one in found
    }
    assert 5 < len(currencies) < 100


def test_promtool_has_nothing_to_say_of_it(flood: Snapshot) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        missing("promtool")
        return

    done = subprocess.run(
        [promtool, "check", "metrics"], input=exposition(flood), capture_output=True, timeout=60, check=False
    )

    assert (done.returncode, done.stdout + done.stderr) == (0, b"")
