"""A real sidecar, Prometheus and Alertmanager on loopback, with our own configurations, for one test run."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.grafana.rules import FOLDER
from tests.servers import missing

REPO = FOLDER.parent
START_SECONDS = 30.0


class Stack:
    """Where everything listens, and what Prometheus answers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs = folder / "extra.jsonl"
        self.obs, self.prometheus, self.alertmanager = _ports(3)

    def ask(self, expression: str, *, seconds: float = 240.0, step: float = 5.0) -> list[dict[str, Any]]:
        """Return the series of an expression over the last minutes, those with a number in them."""
        now = time.time()
        query = {"query": expression, "start": now - seconds, "end": now, "step": step}
        answer = self.get(self.prometheus, f"/api/v1/query_range?{urllib.parse.urlencode(query)}")
        return [
            {**series, "values": shown}
            for series in answer["data"]["result"]
            if (shown := [(when, value) for when, value in series["values"] if value != "NaN"])
        ]

    def get(self, port: int, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return json.loads(answer.read())

    def say(self, *lines: dict[str, Any]) -> None:
        """Let another program write records into the log that the sidecar follows."""
        with self.logs.open("a", encoding="utf-8") as log:
            for line in lines:
                log.write(json.dumps({"timestamp": time.time_ns(), **line}) + "\n")

    def play(self) -> None:
        """Play the demo's day under `obs run`, watched by the sidecar that runs."""
        command = [sys.executable, "-m", "obs", "run", "--dir", str(self.folder / "obs"), "--"]
        bot = [sys.executable, "-m", "trading", "run", "--paper", "--faults", "demo"]
        done = subprocess.run([*command, *bot], cwd=REPO, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def wait_for(what: str, held: Callable[[], object], seconds: float = START_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, urllib.error.URLError):
            if held():
                return
        time.sleep(0.2)
    raise TimeoutError(what)


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Stack]:
    """Start all three with the configurations of `grafana/`; only ports and waiting times are the test's."""
    for program in ("prometheus", "prometheus-alertmanager"):
        if shutil.which(program) is None:
            missing(f"{program} (Debian's package of that name)")
    stack = Stack(folder)
    stack.logs.touch()
    _configured(stack)
    sidecar = [sys.executable, "-m", "obs", "up", "--dir", str(folder / "obs"), "--port", str(stack.obs)]
    commands = (
        [*sidecar, str(stack.logs)],
        [
            "prometheus",
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{stack.prometheus}",
            "--enable-feature=exemplar-storage",
        ],
        [
            "prometheus-alertmanager",
            f"--config.file={folder / 'alertmanager.yml'}",
            f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address=127.0.0.1:{stack.alertmanager}",
            "--cluster.listen-address=",
        ],
    )
    processes = []
    try:
        for number, command in enumerate(commands):
            with (folder / f"{number}.log").open("wb") as log:
                processes.append(subprocess.Popen(command, cwd=REPO, stdout=log, stderr=log))
        up = 'up{job="obs"} == 1'
        wait_for(f"no scrape; logs lie in {folder}", lambda: stack.ask(up, step=1))
        yield stack
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(START_SECONDS)


def _configured(stack: Stack) -> None:
    """Our own files, with the ports of this run, everything each second, and no waiting before an alert."""
    shutil.copytree(FOLDER / "rules", stack.folder / "rules")
    for file in (stack.folder / "rules").glob("*.yml"):
        text = file.read_text(encoding="utf-8").replace("interval: 30s", "interval: 1s")
        file.write_text(re.sub(r"(?m)^ +for: .*\n", "", text), encoding="utf-8")
    for name in ("prometheus", "alertmanager"):
        text = (FOLDER / name / f"{name}.yml").read_text(encoding="utf-8")
        text = text.replace("127.0.0.1:8080", f"127.0.0.1:{stack.obs}").replace(": 15s", ": 1s")
        text = text.replace("127.0.0.1:9093", f"127.0.0.1:{stack.alertmanager}")
        text = text.replace("group_wait: 10s", "group_wait: 0s").replace("interval: 1m", "interval: 1s")
        (stack.folder / f"{name}.yml").write_text(text, encoding="utf-8")


def _ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        taken = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in taken:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in taken]
