"""Programs of their own: the sidecar as `obs up` starts it, and a real collector."""

from __future__ import annotations

import contextlib
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
from typing import Any

import httpx2

from tests.builders import REPO
from tests.servers import missing

START_SECONDS = 30.0


class Running:
    """One `obs up`."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self.folder = folder
        self._log = folder.with_suffix(".log")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "obs", "up", *arguments],
                cwd=REPO,
                env={**os.environ, "OBS_DIR": str(folder), "OBS_PORT": "0", **environment},
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        self.address = self._heard().rstrip("/")

    @property
    def grpc(self) -> str:
        """Where it takes gRPC in."""
        found = re.search(r"by gRPC at (http://\S+)", self._log.read_text())
        assert found is not None, self._log.read_text()
        return found[1]

    def url(self, signal_name: str) -> str:
        return f"{self.address}/v1/{signal_name}"

    def data(self, path: str) -> Any:
        return httpx2.get(self.address + path, timeout=20).json()["data"]

    def until(self, path: str, seen: Any, seconds: float = 15.0) -> Any:
        """Ask until what is answered is as it should be; return the last answer."""
        deadline = time.monotonic() + seconds
        while not seen(found := self.data(path)) and time.monotonic() < deadline:
            time.sleep(0.1)
        return found

    def stop(self, number: int = signal.SIGTERM) -> None:
        self._process.send_signal(number)
        self._process.wait(20)

    def _heard(self) -> str:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            if found := re.search(r"(http://[^\s,]+?)/?[,\s]", self._log.read_text()):
                with contextlib.suppress(httpx2.HTTPError):
                    httpx2.get(f"{found[1]}/ready", timeout=5)
                    return found[1]
            time.sleep(0.05)
        raise TimeoutError(self._log.read_text())


@contextmanager
def running(folder: Path, *arguments: str, **environment: str) -> Iterator[Running]:
    """A sidecar of its own in a folder."""
    sidecar = Running(folder, *arguments, **environment)
    try:
        yield sidecar
    finally:
        with contextlib.suppress(ProcessLookupError):
            sidecar.stop(signal.SIGKILL)


@contextmanager
def collector(target: str) -> Iterator[str]:
    """A real collector (rotel) that sends on what it gets, all over HTTP; gives its address."""
    with relaying(target, "http") as (http, _):
        yield http


@contextmanager
def relaying(target: str, protocol: str) -> Iterator[tuple[str, str]]:
    """A real collector (rotel) that sends on what it gets; gives its addresses for HTTP and for gRPC."""
    try:
        import rotel  # type: ignore[import-untyped]
    except ImportError:
        missing("rotel")
    program = Path(str(rotel.__file__)).with_name("rotel-agent")
    http, grpc = _free_port(), _free_port()
    process = subprocess.Popen(
        [
            *(str(program), "start", "--otlp-http-endpoint", f"127.0.0.1:{http}"),
            *("--otlp-grpc-endpoint", f"127.0.0.1:{grpc}", "--exporter", "otlp"),
            *("--otlp-exporter-endpoint", target, "--otlp-exporter-protocol", protocol),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", http), 1):
                break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{http}", f"http://127.0.0.1:{grpc}"
    finally:
        process.terminate()
        process.wait(20)


def briefing(sidecar: Running) -> str:
    """The page for an agent, as text."""
    return httpx2.get(f"{sidecar.address}/api/briefing?budget=6000", timeout=20).text


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def python(program: str, *arguments: str, **environment: str) -> None:
    """Run a program of its own that knows nothing of us."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()
