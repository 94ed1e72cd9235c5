"""Real programs: `obs up`, a real collector behind it, a kill in the midst, a minute of a bad collector."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.builders import REPO
from tests.exporting.collector import Collector, attributes, collecting, until
from tests.exporting.test_exporting import T0, one_decision
from tests.otlp.programs import collector as rotel
from tests.otlp.programs import running


class Up:
    """`obs up` that sends on, fed over its own OTLP door or a followed file."""

    def __init__(self, folder: Path, endpoint: str, log: Path, **environment: str) -> None:
        self.folder, told = folder, folder.with_suffix(".err")
        with told.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "obs", "up", str(log)],
                cwd=REPO,
                env={
                    **os.environ,
                    "OBS_DIR": str(folder),
                    "OBS_PORT": "0",
                    "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
                    **environment,
                },
                stdout=subprocess.DEVNULL,
                stderr=err,
            )
        assert until(lambda: re.search(r"http://\S+/", told.read_text()), 30), told.read_text()
        found = re.search(r"(http://\S+)/", told.read_text())
        assert found is not None
        self.url = found[1]

    def metrics(self) -> dict[str, float]:
        text = httpx2.get(f"{self.url}/metrics", timeout=30).text
        found = re.findall(
            r"^(obs_otlp_export_\S+?|obs_events_total\S+|obs_sidecar_resident\S+) (\S+)$", text, re.M
        )
        return {name: float(number) for name, number in found}

    def books(self, sort: str = "logs") -> tuple[float, float, float, float]:
        """Taken, sent, dropped, waiting."""
        found = self.metrics()

        def of(name: str) -> float:
            return sum(v for k, v in found.items() if k.startswith(f"obs_otlp_export_{name}{{") and sort in k)

        return of("taken_total"), of("sent_total"), of("dropped_total"), of("waiting")

    def stop(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        self.process.wait(30)


@contextmanager
def up(folder: Path, endpoint: str, log: Path, **environment: str) -> Iterator[Up]:
    sidecar = Up(folder, endpoint, log, **environment)
    try:
        yield sidecar
    finally:
        if sidecar.process.poll() is None:
            sidecar.stop(signal.SIGKILL)


def lines(first: int, last: int) -> str:
    rows = (
        {
            "timestamp": T0 + n * 1_000_000,
            "severity": "INFO",
            "body": f"line {n}",
            "attributes": {"log.record.uid": f"u-{n}"},
            "resource": {"service.name": "grid-1"},
        }
        for n in range(first, last)
    )
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def decision_lines() -> str:
    return "".join(
        json.dumps(
            {
                "timestamp": event.timestamp,
                "severity": "INFO",
                "body": event.event_name,
                "event_name": event.event_name,
                "attributes": dict(event.attributes),
                "resource": {"service.name": "grid-1"},
            }
        )
        + "\n"
        for event in one_decision()
    )


def test_a_real_collector_takes_logs_traces_and_metrics_and_another_sidecar_understands_them(
    tmp_path: Path,
) -> None:
    log = tmp_path / "bot.jsonl"
    log.write_text(decision_lines() + lines(0, 40))

    with (
        running(tmp_path / "second") as second,
        rotel(second.address) as endpoint,
        up(tmp_path / "first", endpoint, log),
    ):
        found = second.until("/api/events?limit=100", lambda data: "order.filled" in json.dumps(data), 60)

    assert "order.filled" in json.dumps(found)


def test_through_a_real_collector_nothing_changes(tmp_path: Path) -> None:
    log = tmp_path / "bot.jsonl"
    log.write_text(decision_lines() + lines(0, 40))

    with collecting() as seen, rotel(seen.url) as endpoint, up(tmp_path / "first", endpoint, log):
        assert until(lambda: len(seen.spans) == 6 and len(seen.records) == 46 and seen.metrics)

    assert len({span.trace_id for span in seen.spans}) == 1
    filled = [record for record in seen.records if record.event_name == "order.filled"]
    assert {attributes(record.attributes)["fill.id"] for record in filled} == {"f-1", "f-2"}


def test_a_killed_sidecar_sends_each_record_and_none_again(tmp_path: Path) -> None:
    log = tmp_path / "bot.jsonl"
    log.write_text(lines(0, 300))

    with collecting() as seen:
        with up(tmp_path / "obs", seen.url, log) as first:
            assert until(lambda: len(seen.records) == 300)
            assert until(lambda: first.books() == (300, 300, 0, 0))
            seen.status = 503
            with log.open("a") as more:
                more.write(lines(300, 500))
            assert until(lambda: first.books() == (500, 300, 0, 200))
            first.stop(signal.SIGKILL)
        seen.status = 200
        with up(tmp_path / "obs", seen.url, log) as second:
            assert until(lambda: second.books() == (500, 500, 0, 0))

    assert sorted(seen.bodies) == sorted(f"line {n}" for n in range(500))


def test_an_endpoint_that_is_the_sidecar_itself_gets_nothing(tmp_path: Path) -> None:
    log = tmp_path / "bot.jsonl"
    log.write_text(lines(0, 10))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])

    own = f"http://127.0.0.1:{port}"
    with up(tmp_path / "obs", own.replace("127.0.0.1", "localhost"), log, OBS_PORT=port) as sidecar:
        assert until(lambda: "this sidecar itself" in httpx2.get(f"{own}/api/briefing?budget=4000").text)
        assert until(lambda: sidecar.metrics().get('obs_events_total{severity="INFO"}') == 10)
        assert sidecar.books() == (0, 0, 0, 0)


def test_a_bot_and_its_books_do_not_feel_what_its_collector_does(tmp_path: Path) -> None:
    log = tmp_path / "none.jsonl"
    log.touch()

    with collecting() as seen, up(tmp_path / "obs", seen.url, log, OBS_OTLP__TIMEOUT_S="0.5") as sidecar:
        with _bot(tmp_path / "obs", seconds=3, rate=3_000) as bot:
            for trouble in ("alive", "refusing", "hung", "slow"):
                _spoil(seen, trouble)
                asked = seen.asked
                assert until(lambda asked=asked: seen.asked > asked or bot.poll() is not None)
            said = _said(bot)
        assert until(lambda: sidecar.books()[0] == said), sidecar.books()
        taken, sent, dropped, waiting = sidecar.books()
        assert taken == sent + dropped + waiting
        _spoil(seen, "alive")
        assert until(lambda: sidecar.books() == (said, said, 0, 0)), sidecar.books()

    assert len({attributes(record.attributes)["log.record.uid"] for record in seen.records}) == said


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("trouble", ["stopped", "hung", "refusing", "slow"])
def test_a_minute_of_a_bad_collector_costs_nothing(tmp_path: Path, trouble: str) -> None:
    log = tmp_path / "none.jsonl"
    log.touch()
    with collecting() as seen:
        _spoil(seen, trouble)
        endpoint = "http://127.0.0.1:9" if trouble == "stopped" else seen.url
        with up(tmp_path / "obs", endpoint, log, OBS_OTLP__QUEUE="32MiB") as sidecar:
            largest = 0.0
            with _bot(tmp_path / "obs", seconds=60, rate=5_000) as bot:
                while bot.poll() is None:
                    largest = max(largest, sidecar.metrics()["obs_sidecar_resident_memory_bytes"])
                    time.sleep(1)
                said = _said(bot)
            assert until(lambda: sidecar.books()[0] == said, 120), sidecar.books()
            taken, sent, dropped, waiting = sidecar.books()

    print(f"{trouble}: {taken:.0f} = {sent:.0f} + {dropped:.0f} + {waiting:.0f}, {largest / 2**20:.0f} MiB")
    assert taken == sent + dropped + waiting
    assert largest < 400 * 2**20
    assert sum(path.stat().st_size for path in tmp_path.glob("obs/outbox/logs/*")) < 40 * 2**20


@contextmanager
def _bot(folder: Path, seconds: int, rate: int) -> Iterator[subprocess.Popen[bytes]]:
    """A real bot that logs through the handler."""
    bot = subprocess.Popen(
        [sys.executable, "-m", "tests.exporting.paced_bot", str(folder), str(seconds), str(rate)],
        cwd=REPO,
        stdout=subprocess.PIPE,
    )
    try:
        yield bot
    finally:
        bot.kill()
        bot.wait(30)


def _said(bot: subprocess.Popen[bytes]) -> int:
    """How many records it said, once it has ended."""
    told, _ = bot.communicate(timeout=300)
    assert bot.returncode == 0
    return int(json.loads(told)["said"])


def _spoil(seen: Collector, trouble: str) -> None:
    seen.status = 503 if trouble == "refusing" else 200
    seen.seconds = {"hung": 3_600.0, "slow": 1.0}.get(trouble, 0.0)


def _write(log: Path, seconds: int, rate: int) -> None:
    began = time.monotonic()
    for tenth in range(seconds * 10):
        with log.open("a") as more:
            more.write(lines(tenth * rate // 10, (tenth + 1) * rate // 10))
        time.sleep(max(0.0, began + (tenth + 1) / 10 - time.monotonic()))
