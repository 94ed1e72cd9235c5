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
from tests.grafana.sink import taking
from tests.servers import missing

REPO = FOLDER.parent
START_SECONDS = 60.0
TOKEN, READ_TOKEN = "the-token-that-may-decide", "the-token-that-may-read"
SETTINGS = """\
dir = "obs"
host = "{host}"
port = {port}
token = "the-token-that-may-decide"
read_token = "the-token-that-may-read"
llm_daily_budget = "1 USD"

[otlp]
endpoint = "http://127.0.0.1:{taker}"
interval_s = 1

[alerts]
group_wait = "0s"
alertmanager = "http://127.0.0.1:{alertmanager}"
alertmanager_every = "1s"

[alerts.channels]
desk = "json://127.0.0.1:{taker}/"
pager = "json://127.0.0.1:{closed}/"

[[alerts.routes]]
channels = ["desk", "pager"]
"""
"""Everything on that has metrics; the pager's line is dead."""


class Stack:
    """Where everything listens, and what Prometheus answers."""

    def __init__(self, folder: Path, host: str) -> None:
        self.folder = folder
        self.host = host
        self.logs = folder / "extra.jsonl"
        self.obs, self.prometheus, self.alertmanager = free_ports(3)

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

    def offered(self, query: str) -> list[str]:
        """Return what Grafana offers for `label_values(SELECTOR, LABEL)`."""
        found = re.fullmatch(r"label_values\((.*), (\w+)\)", query)
        assert found is not None, query
        match = urllib.parse.urlencode({"match[]": found[1].replace("$instance", ".*")})
        values: list[str] = self.get(self.prometheus, f"/api/v1/label/{found[2]}/values?{match}")["data"]
        return values

    def get(self, port: int, path: str) -> Any:
        """Return what Prometheus, Alertmanager or obs answers; obs wants a token where it is elsewhere."""
        host = self.host if port == self.obs else "127.0.0.1"
        asked = urllib.request.Request(
            f"http://{host}:{port}{path}", headers={"Authorization": f"Bearer {READ_TOKEN}"}
        )
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return json.loads(answer.read())

    def say(self, *lines: dict[str, Any]) -> None:
        """Let another program write records into the log that the sidecar follows."""
        with self.logs.open("a", encoding="utf-8") as log:
            for line in lines:
                log.write(json.dumps({"timestamp": time.time_ns(), **line}) + "\n")


def wait_for(what: str, held: Callable[[], object], seconds: float = START_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, urllib.error.URLError):
            if held():
                return
        time.sleep(0.2)
    raise TimeoutError(what)


@contextlib.contextmanager
def running(folder: Path, *, host: str = "127.0.0.1", features: str = "exemplar-storage") -> Iterator[Stack]:
    """Start all three with what `obs grafana export` writes; only ports and waiting times are the test's.

    Args:
        folder: Where all of it lies.
        host: Where obs listens; elsewhere than on 127.0.0.1 the others need tokens.
        features: Of Prometheus.
    """
    for program in ("prometheus", "prometheus-alertmanager"):
        if shutil.which(program) is None:
            missing(f"{program} (Debian's package of that name)")
    with taking() as taker:
        yield from _running(Stack(folder, host), taker, features)


def _running(stack: Stack, taker: int, features: str) -> Iterator[Stack]:
    folder = stack.folder
    stack.logs.touch()
    _configured(stack)
    (folder / "obs.toml").write_text(
        SETTINGS.format(
            host=stack.host,
            port=stack.obs,
            taker=taker,
            alertmanager=stack.alertmanager,
            closed=free_ports(1)[0],
        ),
        encoding="utf-8",
    )
    commands = (
        [sys.executable, "-m", "obs", "up", str(stack.logs)],
        [
            "prometheus",
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{stack.prometheus}",
            f"--enable-feature={features}",
        ],
        [
            "prometheus-alertmanager",
            f"--config.file={folder / 'alertmanager.yml'}",
            f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address=127.0.0.1:{stack.alertmanager}",
            "--cluster.listen-address=",
        ],
    )
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for number, command in enumerate(commands):
            with (folder / f"{number}.log").open("wb") as log:
                processes.append(subprocess.Popen(command, cwd=folder, stdout=log, stderr=log))
        up = 'up{job="obs"} == 1'
        wait_for("a scrape", lambda: _all_run(processes, folder) and stack.ask(up, step=1))
        yield stack
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(START_SECONDS)


def _all_run(processes: list[subprocess.Popen[bytes]], folder: Path) -> bool:
    for number, process in enumerate(processes):
        if process.poll() is not None:
            raise RuntimeError(
                (folder / f"{number}.log").read_text(encoding="utf-8", errors="replace")[-2_000:]
            )
    return True


def _configured(stack: Stack) -> None:
    """Take what is exported, with the ports of this run, everything each second, and no waiting."""
    written, secrets = stack.folder / "export", stack.folder / "secrets"
    command = [sys.executable, "-m", "obs", "grafana", "export", str(written)]
    subprocess.run([*command, "--obs", f"{stack.host}:{stack.obs}"], check=True, capture_output=True)
    secrets.mkdir()
    (secrets / "token").write_text(TOKEN, encoding="utf-8")
    (secrets / "read-token").write_text(READ_TOKEN, encoding="utf-8")
    shutil.copytree(written / "rules", stack.folder / "rules")
    for file in (stack.folder / "rules").glob("*.yml"):
        text = file.read_text(encoding="utf-8").replace("interval: 30s", "interval: 1s")
        file.write_text(re.sub(r"(?m)^ +for: .*\n", "", text), encoding="utf-8")
    for name in ("prometheus", "alertmanager"):
        text = (written / name / f"{name}.yml").read_text(encoding="utf-8").replace(": 15s", ": 1s")
        text = text.replace("127.0.0.1:9093", f"127.0.0.1:{stack.alertmanager}")
        text = text.replace("group_wait: 10s", "group_wait: 0s").replace("interval: 1m", "interval: 1s")
        # Where the compose files mount the tokens.
        text = text.replace("/etc/prometheus/obs-token", str(secrets / "read-token"))
        text = text.replace("/etc/alertmanager/obs-token", str(secrets / "token"))
        (stack.folder / f"{name}.yml").write_text(text, encoding="utf-8")


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        taken = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in taken:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in taken]
