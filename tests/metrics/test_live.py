"""A real `obs up`: scraped by a real Prometheus, and killed between two scrapes."""

from __future__ import annotations

import signal
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.metrics.live import OPENMETRICS, fetched, free_port, prometheus, sidecar, until
from tests.spool_lines import Bot

Counters = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def trade(bot: Bot, number: int) -> None:
    values = {
        "run.mode": "paper", "currency": "USDT", "symbol": "BTC/USDT", "order.id": f"o-{number}",
        "decision.id": f"d-{number}",
    }  # fmt: skip
    bot.say("submitted", event_name="order.submitted", attributes={**values, "latency_ms": 40})
    bot.say(
        "filled",
        event_name="order.filled",
        attributes={**values, "fill.price": "100", "fill.quantity": "0.5", "fill.fee": "0.05",
                    "slippage.ratio": 0.0003},
    )  # fmt: skip
    bot.say("rejected", "ERROR", event_name="order.rejected", attributes={**values, "error.type": "invalid"})
    bot.say("worth", event_name="equity.measured", attributes={**values, "equity": "1000.5"})
    bot.say("beat", "DEBUG", event_name="heartbeat", attributes={**values, "orders.open": 1})


def counters(text: str) -> Counters:
    found = {}
    for family in text_string_to_metric_families(text):  # type: ignore[no-untyped-call]
        if family.type in ("counter", "histogram"):
            for sample in family.samples:
                if not sample.name.startswith(("obs_cache", "obs_sidecar_cpu")):
                    found[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    return found


@pytest.mark.slow
def test_no_counter_goes_back_when_the_sidecar_is_killed_between_two_scrapes(tmp_path: Path) -> None:
    """In small and with every kind of end `test_processes` shows it."""
    port = free_port()
    address = f"http://127.0.0.1:{port}/metrics"
    bots = [Bot(tmp_path), Bot(tmp_path, "dca-2", 4712)]
    seen: list[Counters] = []
    numbers = iter(range(1_000_000))

    def scraped(times: int) -> bool:
        for _ in range(10):
            for bot in bots:
                trade(bot, next(numbers))
        seen.append(counters(fetched(address, OPENMETRICS)))
        return len(seen) >= times

    for life in (1, 2, 3):
        with sidecar(tmp_path, port) as process:
            until(partial(scraped, life * 9))
            process.send_signal(signal.SIGKILL)
    for bot in bots:
        bot.end()
    said = next(numbers)

    def told(name: str) -> float:
        seen.append(counters(fetched(address, OPENMETRICS)))
        return sum(value for (one, _), value in seen[-1].items() if one == name)

    with sidecar(tmp_path, port):
        # Each trade is three orders, of each the fate and the time of the first is told.
        until(lambda: told("trading_orders_total") == 3 * said)
        assert told("trading_order_latency_seconds_count") == said

    for before, after in pairwise(seen):
        for key, value in before.items():
            assert after.get(key, 0) >= value, key
    assert seen[-1]["trading_orders_total", (("bot", "grid-1"), ("outcome", "rejected"))] > 0
    assert seen[-1]["obs_fold_lag_seconds_count", ()] > 0


def test_a_real_prometheus_reads_everything_exemplars_too(tmp_path: Path) -> None:
    port = free_port()
    bot = Bot(tmp_path / "o")
    for number in range(30):
        trade(bot, number)

    with sidecar(tmp_path / "o", port), prometheus(tmp_path / "p", port) as seen:
        until(lambda: seen.number("sum(trading_orders_total)") == 90)
        assert seen.number("up") == 1
        assert seen.number("scrape_samples_scraped") <= 2_000
        assert seen.number("trading_equity") == 1000.5
        assert seen.number("sum(trading_volume_total)") == 1500
        # Half of all orders were answered within 40 ms: the bucket is known.
        half = seen.number("histogram_quantile(0.5,trading_order_latency_seconds_bucket)")
        assert 0.025 < half <= 0.05
        found = seen.exemplars("trading_orders_total")
    bot.end()
    rejected = next(one for one in found if one["seriesLabels"]["outcome"] == "rejected")
    assert rejected["exemplars"][-1]["labels"]["order"] == "o-29"
    assert rejected["exemplars"][-1]["labels"]["decision"] == "d-29"
    assert rejected["exemplars"][-1]["labels"]["issue"].startswith("I-")
