"""A minute of a bad collector by gRPC: nothing waits, memory has a bound, the books are exact."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tests.exporting.collector import until
from tests.exporting.grpc_collector import collecting_grpc
from tests.exporting.test_collectors import _write, up

SECONDS, RATE = 60, 5_000


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("trouble", ["stopped", "hung", "refusing", "slow"])
def test_a_minute_of_a_bad_collector_costs_nothing(tmp_path: Path, trouble: str) -> None:
    log = tmp_path / "bot.jsonl"
    log.touch()
    with collecting_grpc() as seen:
        seen.code = "UNAVAILABLE" if trouble == "refusing" else "OK"
        # Longer than a request may take; not so long that the collector would keep the test from ending.
        seen.seconds = {"hung": 15.0, "slow": 1.0}.get(trouble, 0.0)
        endpoint = "http://127.0.0.1:9" if trouble == "stopped" else seen.url
        with up(
            tmp_path / "obs",
            endpoint,
            log,
            OTEL_EXPORTER_OTLP_PROTOCOL="grpc",
            OBS_OTLP__QUEUE="32MiB",
        ) as sidecar:
            writer = threading.Thread(target=_write, args=(log, SECONDS, RATE))
            writer.start()
            largest = 0.0
            while writer.is_alive():
                largest = max(largest, sidecar.metrics()["obs_sidecar_resident_memory_bytes"])
                time.sleep(1)
            assert until(lambda: sidecar.books()[0] == SECONDS * RATE, 120), sidecar.books()
            taken, sent, dropped, waiting = sidecar.books()
            began = time.monotonic()
            sidecar.stop()
            ended = time.monotonic() - began

    print(
        f"{trouble}: {taken:.0f} = {sent:.0f} + {dropped:.0f} + {waiting:.0f}, "
        f"{largest / 2**20:.0f} MiB, ended in {ended:.1f} s"
    )
    assert taken == sent + dropped + waiting
    assert largest < 400 * 2**20
    assert sum(path.stat().st_size for path in tmp_path.glob("obs/outbox/logs/*")) < 40 * 2**20
    assert ended < 20
