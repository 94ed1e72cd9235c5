"""A real sidecar and a real Prometheus on loopback, for one test each."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.builders import REPO
from tests.servers import missing

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


def until(wanted: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if wanted():
                return
        time.sleep(0.1)
    raise AssertionError("it never came")


class Prometheus:
    """One that runs, and what it answers."""

    def __init__(self, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}/api/v1"

    def ask(self, path: str, **query: object) -> Any:
        return json.loads(fetched(f"{self._base}/{path}?{urllib.parse.urlencode(query)}"))["data"]

    def series(self, expression: str) -> list[Any]:
        found: list[Any] = self.ask("query", query=expression)["result"]
        return found

    def number(self, expression: str) -> float:
        """Return the first number of an answer, -1 when there is none."""
        found = self.series(expression)
        return float(found[0]["value"][1]) if found else -1.0

    def exemplars(self, expression: str) -> list[Any]:
        found: list[Any] = self.ask("query_exemplars", query=expression, start=0, end=9_999_999_999)
        return found


@contextlib.contextmanager
def prometheus(folder: Path, scraped: int, *features: str, rules: Path | None = None) -> Iterator[Prometheus]:
    """Run one that scrapes a port of this machine each second; skip the test where there is no Prometheus.

    Args:
        folder: Where it keeps its things.
        scraped: The port.
        features: To be switched on.
        rules: A file of rules that are evaluated each second.
    """
    program = shutil.which("prometheus")
    if program is None:
        missing("prometheus")
        raise AssertionError
    folder.mkdir(parents=True)
    settings, port = folder / "prometheus.yml", free_port()
    if rules is not None:
        text = rules.read_text(encoding="utf-8").replace("interval: 30s", "interval: 1s")
        (folder / "rules.yml").write_text(text, encoding="utf-8")
    settings.write_text(
        "global: {scrape_interval: 1s}\n"
        + ("rule_files: [rules.yml]\n" if rules is not None else "")
        + "scrape_configs:\n  - job_name: obs\n"
        f"    static_configs: [{{targets: ['127.0.0.1:{scraped}']}}]\n"
    )
    with running(
        program,
        f"--config.file={settings}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
        f"--enable-feature={','.join(('exemplar-storage', *features))}",
    ):
        yield Prometheus(port)
