"""gRPC between real programs: `obs up`, the SDK's own exporters, a real collector; and without the extra."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import grpc  # type: ignore[import-untyped]
import httpx2
import pytest

from obs.otlp.grpc_library import SERVICES
from tests.builders import REPO
from tests.exporting.collector import collecting, until
from tests.exporting.grpc_collector import collecting_grpc
from tests.exporting.test_collectors import decision_lines, lines
from tests.otlp.programs import briefing, python, relaying, running
from tests.otlp.requests import log, logs_request
from tests.otlp.test_full_picture import BOT, EVENTS

GRPC_BOT = BOT.replace("exporter.otlp.proto.http", "exporter.otlp.proto.grpc")


def without_grpc(folder: Path) -> dict[str, str]:
    """The environment of a Python that has not got the extra."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text("import sys\nsys.modules['grpc'] = None\n")
    return {"PYTHONPATH": str(folder)}


def test_the_sdks_own_exporters_give_the_whole_picture_by_grpc(tmp_path: Path) -> None:
    with running(tmp_path / "obs", "--grpc", "0") as sidecar:
        python(
            GRPC_BOT,
            OTEL_SERVICE_NAME="grid-1",
            OTEL_EXPORTER_OTLP_ENDPOINT=sidecar.grpc,
            OTEL_EXPORTER_OTLP_COMPRESSION="gzip",
        )
        health = sidecar.until("/api/health", lambda health: health["events"] >= EVENTS)
        overview = sidecar.data("/api/system/overview")
        page = briefing(sidecar)
        status = subprocess.run(
            [sys.executable, "-m", "obs", "status", "--dir", str(tmp_path / "obs")],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        ).stdout
        door = sidecar.grpc
        sidecar.stop()

    assert f"by gRPC at {door}" in " ".join(status.split())
    assert health["events"] == EVENTS
    assert overview["llm"]["cost"] == [{"amount": "0.00065", "currency": "USD"}]
    assert overview["trading"]["settled"] == 1
    assert "Secret in the log" in page
    assert "abcdef0123456789" not in page


def test_whoever_uses_no_grpc_loads_none() -> None:
    python("import obs.api.serve, obs.exporting.exporter, sys; assert 'grpc' not in sys.modules")


def test_a_real_collector_hands_on_to_us_by_grpc(tmp_path: Path) -> None:
    with running(tmp_path / "obs", "--grpc", "0") as sidecar, relaying(sidecar.grpc, "grpc") as (_, door):
        python(GRPC_BOT, OTEL_SERVICE_NAME="grid-1", OTEL_EXPORTER_OTLP_ENDPOINT=door)
        found = sidecar.until("/api/health", lambda health: health["events"] >= EVENTS, 30)
        overview = sidecar.data("/api/system/overview")

    assert found["events"] == EVENTS
    assert overview["trading"]["settled"] == 1


def test_we_hand_on_to_a_real_collector_by_grpc_and_nothing_changes(tmp_path: Path) -> None:
    followed = tmp_path / "bot.jsonl"
    followed.write_text(decision_lines() + lines(0, 40))

    with (
        collecting() as seen,
        relaying(seen.url, "http") as (_, door),
        running(
            tmp_path / "obs",
            str(followed),
            OTEL_EXPORTER_OTLP_ENDPOINT=door,
            OTEL_EXPORTER_OTLP_PROTOCOL="grpc",
        ) as sidecar,
    ):
        assert until(lambda: len(seen.spans) == 6 and len(seen.records) == 46 and seen.metrics, 20)
        assert "OpenTelemetry" not in briefing(sidecar)

    assert len({span.trace_id for span in seen.spans}) == 1
    assert sorted(body for body in seen.bodies if body.startswith("line")) == sorted(
        f"line {number}" for number in range(40)
    )


@pytest.mark.slow
def test_what_was_confirmed_by_grpc_survives_a_kill_and_counts_once(tmp_path: Path) -> None:
    batches = [logs_request(log(100 * batch + number) for number in range(100)) for batch in range(20)]

    def send(door: str, bodies: list[bytes]) -> None:
        with grpc.insecure_channel(door.removeprefix("http://")) as channel:
            for body in bodies:
                channel.unary_unary(SERVICES["logs"])(body, timeout=20)

    with running(tmp_path / "obs", "--grpc", "0") as first:
        killer = threading.Timer(0.3, lambda: first.stop(signal.SIGKILL))
        killer.start()
        # Some are confirmed, one is cut off; whatever it was, all come again.
        with contextlib.suppress(grpc.RpcError):
            send(first.grpc, batches * 50)
        killer.join()
    with running(tmp_path / "obs", "--grpc", "0") as second:
        send(second.grpc, batches)
        found = second.until("/api/health", lambda health: health["events"] >= 2_000)
        second.stop()

    assert found["events"] == 2_000


@pytest.mark.slow
def test_an_endpoint_that_is_the_sidecars_own_door_gets_nothing(tmp_path: Path) -> None:
    followed = tmp_path / "bot.jsonl"
    followed.write_text(lines(0, 10))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])

    with running(
        tmp_path / "obs",
        *("--grpc", port, str(followed)),
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://localhost:{port}",
        OTEL_EXPORTER_OTLP_PROTOCOL="grpc",
    ) as sidecar:
        found = sidecar.until("/api/health", lambda health: health["events"] >= 10)
        page = briefing(sidecar)

    assert found["events"] == 10
    assert "this sidecar itself" in page


@pytest.mark.slow
def test_without_the_extra_what_was_to_go_by_grpc_waits_and_goes_when_it_is_there(tmp_path: Path) -> None:
    followed = tmp_path / "bot.jsonl"
    followed.write_text(lines(0, 30))
    with collecting_grpc() as seen:
        there = {"OTEL_EXPORTER_OTLP_ENDPOINT": seen.url, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}

        with running(
            tmp_path / "obs", str(followed), **there, **without_grpc(tmp_path / "without")
        ) as sidecar:
            assert until(lambda: "obs-sidecar[otlp-grpc]" in briefing(sidecar), 20)
            page = briefing(sidecar)
            assert seen.asked == 0
            sidecar.stop()
        with running(tmp_path / "obs", str(followed), **there):
            assert until(lambda: len(seen.records) == 30, 20)

    assert "until then everything waits" in page
    assert "30 records wait" in page
    assert sorted(seen.bodies) == sorted(f"line {number}" for number in range(30))


@pytest.mark.slow
def test_a_door_that_cannot_be_had_is_said_in_one_line_and_nothing_starts(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = str(other.getsockname()[1])
        errors = [
            refused(tmp_path, "--grpc", taken),
            refused(tmp_path, "--grpc", "0", **without_grpc(tmp_path / "without")),
            refused(tmp_path, "--grpc", "somewhere"),
        ]

    assert f"port {taken} on 127.0.0.1" in errors[0]
    assert "pip install 'obs-sidecar[otlp-grpc]'" in errors[1]
    assert "over HTTP is taken in all the same" in errors[1]
    assert "otlp.grpc = 'somewhere'" in errors[2]
    assert all(error.count("\n") == 1 for error in errors)


def refused(folder: Path, *arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "obs", "up", *arguments],
        cwd=REPO,
        env={**os.environ, "OBS_DIR": str(folder / "obs"), "OBS_PORT": "0", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    return done.stderr


@pytest.mark.slow
def test_a_sidecar_that_a_bot_starts_works_without_the_door_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "obs.toml").write_text("page = true\nport = 0\n[otlp]\ngrpc = 0\n")
    bot = "import obs, sys; obs.attach(directory=sys.argv[1]); print('ready', flush=True); sys.stdin.read()"

    process = subprocess.Popen(
        [sys.executable, "-c", bot, str(tmp_path / "obs")],
        cwd=tmp_path,
        env={**os.environ, **without_grpc(tmp_path / "without")},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    try:
        place = tmp_path / "obs" / "address.json"
        assert until(place.exists, 30)
        address = json.loads(place.read_text())
        page = httpx2.get(f"{address['url']}api/briefing?budget=6000", timeout=20).text
        # It would wait a minute for another bot.
        os.kill(address["pid"], signal.SIGTERM)
    finally:
        process.communicate(timeout=30)

    assert "grpc" not in address
    assert "OpenTelemetry by gRPC is not taken in" in page
    assert "obs-sidecar[otlp-grpc]" in page
