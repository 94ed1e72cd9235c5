"""All features of `obs up` at once, killed at any moment: nothing is lost, doubled or taken back."""

from __future__ import annotations

import json
import os
import random
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from obs.sidecar import Sidecar
from tests.alerts.standins import Service
from tests.exporting.collector import Collector, attributes, collecting, until

BATCHES, BATCH = 60, 50
KILLS = 4
REPEAT = "Perhaps a repeat"


class Life:
    """`obs up` with everything switched on, started again after each kill."""

    def __init__(self, folder: Path, collector: Collector, service: Service) -> None:
        self.folder, self.directory = folder, folder / "o"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        (folder / "obs.toml").write_text(
            f'[otlp]\nendpoint = "{collector.url}"\nsignals = ["logs"]\n'
            f'[alerts]\ngroup_wait = "0s"\n[alerts.channels]\nteam = "{service.address}"\n'
            '[[alerts.routes]]\nchannels = ["team"]\n'
        )
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "obs", "up", "--dir", str(self.directory), "--port", str(self.port)]
        environment = {
            key: value for key, value in os.environ.items() if not key.startswith(("OBS_", "OTEL_"))
        }
        log = (self.folder / "errors").open("ab")
        with log:
            return subprocess.Popen(command, cwd=self.folder, env=environment, stderr=log)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)
        self.process = self.start()

    def ask(self, path: str, body: bytes | None = None) -> bytes | None:
        """The answer, or None while nobody answers."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", body, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                found: bytes = answer.read()
                return found
        except (OSError, urllib.error.URLError):
            return None


@contextmanager
def living(folder: Path, collector: Collector, service: Service) -> Iterator[Life]:
    life = Life(folder, collector, service)
    try:
        yield life
    finally:
        life.process.terminate()
        life.process.wait(60)


def batch(number: int) -> bytes:
    """Fifty records as a program would send them; the first of all is a fault worth a message."""
    base = time.time_ns()
    records = [
        {
            "timeUnixNano": str(base + place),
            "severityNumber": 17 if number == place == 0 else 9,
            "body": {
                "stringValue": "insufficient balance for order 42"
                if number == place == 0
                else f"line {number}-{place}"
            },
            "attributes": [{"key": "log.record.uid", "value": {"stringValue": f"u-{number}-{place}"}}],
        }
        for place in range(BATCH)
    ]
    named = {"attributes": [{"key": "service.name", "value": {"stringValue": "grid-1"}}]}
    return json.dumps(
        {"resourceLogs": [{"resource": named, "scopeLogs": [{"logRecords": records}]}]}
    ).encode()


def total(text: bytes) -> float:
    return sum(float(found) for found in re.findall(rb"^obs_events_total\{[^}]*\} (\S+)", text, re.MULTILINE))


@pytest.mark.slow
def test_everything_at_once_outlives_kills_with_exact_books(tmp_path: Path) -> None:
    dice, scrapes, is_over = random.Random(7), [0.0], threading.Event()
    service = Service()
    with service.open(), collecting() as collector, living(tmp_path, collector, service) as life:

        def scrape() -> None:
            while not is_over.wait(0.1):
                if (text := life.ask("/metrics")) is not None:
                    scrapes.append(total(text))

        def kill() -> None:
            for _ in range(KILLS):
                time.sleep(dice.uniform(3, 6))
                life.kill()

        threads = [threading.Thread(target=scrape), threading.Thread(target=kill)]
        for thread in threads:
            thread.start()
        for number in range(BATCHES):
            body = batch(number)
            # Sent again until it is confirmed, as any exporter does: what was lost is its answer at most.
            assert until(lambda body=body: life.ask("/v1/logs", body) is not None)
            time.sleep(0.25)
        threads[1].join()

        def uids() -> Counter[str]:
            found = (str(attributes(record.attributes).get("log.record.uid")) for record in collector.records)
            return Counter(uid for uid in found if uid.startswith("u-"))

        assert until(lambda: len(uids()) == BATCHES * BATCH, 120)
        assert until(lambda: bool(service.taken), 60)
        is_over.set()
        threads[0].join()
        sent, texts = uids(), [text for text in service.texts if "balance" in text]

    with Sidecar(life.directory) as sidecar:
        assert sidecar.state.services["grid-1"] == BATCHES * BATCH
    # A kill between a request and its answer sends that request once more, with the ids it had.
    assert max(sent.values()) <= 2
    assert sum(count - 1 for count in sent.values()) <= KILLS * 512
    assert len([text for text in texts if REPEAT not in text]) == 1
    assert scrapes == sorted(scrapes)


def test_a_library_that_is_broken_costs_what_it_is_for_and_nothing_else(tmp_path: Path) -> None:
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; sys.modules['google.protobuf'] = None\n"
            "from obs.events import Event\n"
            "from obs.exporting.destination import Destination\n"
            "from obs.sidecar import Sidecar\n"
            f"with Sidecar({str(tmp_path)!r}, destination=Destination({{}})) as sidecar:\n"
            "    sidecar.accept(Event(timestamp=1_763_632_800_000_000_000, body='tick'))\n"
            "    assert sidecar.flush()\n"
            "    print(sidecar.state.events, *sidecar.snapshot().not_known)\n",
        ],
        capture_output=True,
        text=True,
        check=True,
    )

    assert told.stdout.startswith("1 ")
    assert "nothing is sent by OpenTelemetry (ModuleNotFoundError" in told.stdout
