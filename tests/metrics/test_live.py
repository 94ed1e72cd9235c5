"""A real `obs up`: scraped by a real Prometheus, and killed between two scrapes."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.builders import REPO
from tests.servers import missing
from tests.spool_lines import Bot

OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextlib.contextmanager
def running(*words: object, cwd: Path = REPO) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        list(map(str, words)), cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(20)


def sidecar(directory: Path, port: int) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    return running(sys.executable, "-m", "obs", "up", "--dir", directory, "--port", port)


def fetched(address: str, accept: str = "") -> str:
    request = urllib.request.Request(address, headers={"Accept": accept} if accept else {})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return str(answer.read().decode())


def until(wanted: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if wanted():
                return
        time.sleep(0.1)
    raise AssertionError("it never came")


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


def counters(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    found = {}
    for family in text_string_to_metric_families(text):  # type: ignore[no-untyped-call]
        if family.type in ("counter", "histogram"):
            for sample in family.samples:
                if not sample.name.startswith(("obs_cache", "obs_sidecar_cpu")):
                    found[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    return found


def test_no_counter_goes_back_when_the_sidecar_is_killed_between_two_scrapes(tmp_path: Path) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}/metrics"
    bot = Bot(tmp_path)
    seen: list[dict[tuple[str, tuple[tuple[str, str], ...]], float]] = []
    numbers = iter(range(1_000_000))

    def scraped(times: int) -> bool:
        for _ in range(20):
            trade(bot, next(numbers))
        seen.append(counters(fetched(address, OPENMETRICS)))
        return len(seen) >= times

    for life in (1, 2, 3):
        with sidecar(tmp_path, port) as process:
            until(partial(scraped, life * 9))
            process.send_signal(signal.SIGKILL)
    bot.end()

    for before, after in pairwise(seen):
        for key, value in before.items():
            assert after.get(key, 0) >= value, key
    assert seen[-1]["trading_orders_total", (("bot", "grid-1"), ("outcome", "rejected"))] > 0
    assert seen[-1]["obs_fold_lag_seconds_count", ()] > 0


def test_a_real_prometheus_reads_everything_exemplars_too(tmp_path: Path) -> None:
    program = shutil.which("prometheus")
    if program is None:
        missing("prometheus")
        return
    port, own = free_port(), free_port()
    settings = tmp_path / "prometheus.yml"
    settings.write_text(
        "global: {scrape_interval: 1s}\nscrape_configs:\n  - job_name: obs\n"
        f"    static_configs: [{{targets: ['127.0.0.1:{port}']}}]\n"
    )
    bot = Bot(tmp_path / "o")
    for number in range(30):
        trade(bot, number)
    base = f"http://127.0.0.1:{own}/api/v1"

    def asked(path: str) -> Any:
        return json.loads(fetched(f"{base}/{path}"))["data"]

    def number_of(query: str) -> float:
        found = asked(f"query?query={query}")["result"]
        return float(found[0]["value"][1]) if found else -1.0

    with (
        sidecar(tmp_path / "o", port),
        running(
            program,
            f"--config.file={settings}",
            f"--storage.tsdb.path={tmp_path / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{own}",
            "--enable-feature=exemplar-storage",
        ),
    ):
        until(lambda: number_of("sum(trading_orders_total)") == 90, 40)
        assert number_of("up") == 1
        assert number_of("scrape_samples_scraped") <= 2_000
        assert number_of("trading_equity") == 1000.5
        assert number_of("sum(trading_volume_total)") == 1500
        # Half of all orders were answered within 40 ms: the bucket is known.
        assert 0.025 < number_of("histogram_quantile(0.5,trading_order_latency_seconds_bucket)") <= 0.05
        found = asked("query_exemplars?query=trading_orders_total&start=0&end=9999999999")
    bot.end()
    rejected = next(one for one in found if one["seriesLabels"]["outcome"] == "rejected")
    assert rejected["exemplars"][-1]["labels"]["order"] == "o-29"
    assert rejected["exemplars"][-1]["labels"]["decision"] == "d-29"
    assert rejected["exemplars"][-1]["labels"]["issue"].startswith("I-")
