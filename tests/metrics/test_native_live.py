"""Native histograms of a real sidecar in a real Prometheus with our rules, over a kill of the sidecar."""

from __future__ import annotations

import random
import signal
from pathlib import Path

from obs.scale import ERROR
from tests.builders import REPO
from tests.metrics.live import Prometheus, free_port, prometheus, sidecar, until
from tests.spool_lines import Bot


def test_a_real_prometheus_knows_quantiles_of_native_histograms_as_near_as_promised(tmp_path: Path) -> None:
    """Also those of what came before the sidecar was killed."""
    port, chance = free_port(), random.Random(7)
    bot = Bot(tmp_path / "o")
    waited = [round(chance.lognormvariate(4, 1.2), 3) for _ in range(400)]

    def order(number: int, latency: float) -> None:
        values = {"order.id": f"o-{number}", "latency_ms": latency, "run.mode": "paper"}
        bot.say("submitted", event_name="order.submitted", attributes=values)

    def known(seen: Prometheus, count: int) -> None:
        until(lambda: seen.series(f"histogram_count(trading_order_latency_seconds) == {count}"))

    rules = REPO / "grafana" / "rules" / "recording.yml"
    with prometheus(tmp_path / "p", port, "native-histograms", rules=rules) as seen:
        for number in range(200):
            order(number, waited[number])
        with sidecar(tmp_path / "o", port) as process:
            known(seen, 200)
            process.send_signal(signal.SIGKILL)
        for number in range(200, 400):
            order(number, waited[number])
        with sidecar(tmp_path / "o", port):
            known(seen, 400)
            found = {
                share: seen.number(f"histogram_quantile({share}, trading_order_latency_seconds)")
                for share in (0.25, 0.5, 0.9, 0.99)
            }
            # The rule sees what came since the first scrape, whatever that already had.
            until(lambda: seen.number("bot:trading_order_latency_seconds:p95_5m") > 0)
            recorded = seen.number("bot:trading_order_latency_seconds:p95_5m")
            marks = seen.exemplars("trading_order_latency_seconds")
            classic = seen.series('{__name__=~"trading_order_latency_seconds_.+"}')
    bot.end()

    for share, near in found.items():
        true = sorted(waited)[int(share * len(waited)) - 1] / 1_000
        assert abs(near / true - 1) <= ERROR, (share, near, true)
    assert sorted(waited)[int(0.85 * len(waited))] < 1_000 * recorded < max(waited)
    assert all(one["labels"]["order"].startswith("o-") for series in marks for one in series["exemplars"])
    assert marks
    # Prometheus keeps one kind of a histogram: rules and panels have to ask for both.
    assert classic == []
