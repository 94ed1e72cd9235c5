"""Silences archive, whoever made them: ours, and those of a real Alertmanager."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from obs.alerts.folding import of_alert
from obs.alerts.mirror import MirrorError, Source, asked, read
from obs.alerts.plan import HOUR_NS
from obs.alerts.silences import Matcher, Silence, own
from obs.snapshot import Issue
from tests.alerts.desktop import NOON, S, issue
from tests.alerts.standins import Service
from tests.builders import REPO
from tests.servers import missing

LATER = "2026-11-20T14:00:00.000Z"


def foreign(*matchers: Matcher, alerts: tuple[str, ...] = ()) -> Silence:
    return Silence(
        key="ab",
        matchers=matchers,
        until=NOON + HOUR_NS,
        alerts=frozenset(alerts),
        is_foreign=True,
    )


@pytest.mark.parametrize(
    ("matchers", "holds"),
    [
        ([Matcher("bot", "grid-1")], True),
        ([Matcher("bot", "grid-.*", is_regex=True)], True),
        # As Alertmanager has it, an expression is of the whole value.
        ([Matcher("bot", "grid", is_regex=True)], False),
        ([Matcher("bot", "grid-2", is_equal=False), Matcher("component", "bot.orders")], True),
        ([Matcher("issue", "I-afffff")], True),
        ([Matcher("component", "bot.orders"), Matcher("severity", "error")], True),
        ([Matcher("component", "bot.orders"), Matcher("severity", "warning")], False),
        # Said of all that Alertmanager watches, or of something that we do not have.
        ([Matcher("severity", "error")], False),
        ([Matcher("bot", "grid-2", is_equal=False)], False),
        ([Matcher("bot", ".*", is_regex=True)], False),
        ([Matcher("bot", "grid-1"), Matcher("alertname", "BotDead")], False),
        ([Matcher("bot", "grid-1"), Matcher("instance", "x", is_equal=False)], False),
    ],
)
def test_a_silence_of_alertmanagers_holds_our_issues_by_our_labels(
    matchers: list[Matcher], holds: bool
) -> None:
    assert foreign(*matchers).holds(issue(), NOON) is holds


def test_an_issue_of_several_bots_is_silenced_only_with_all_of_them() -> None:
    both = issue(services=("grid-1", "arb-1"))

    assert not own(1, "grid-*", "*", "critical", NOON + 1, "", "").holds(both, NOON)
    assert own(1, "*", "bot.*", "critical", NOON + 1, "", "").holds(both, NOON)


@pytest.mark.parametrize(
    ("changed", "holds"),
    [
        ({}, True),
        ({"severity": S.CRITICAL}, False),
        ({"services": ("arb-1",)}, False),
        ({"services": ()}, False),
    ],
)
def test_our_own_silence_holds_bots_up_to_a_severity_until_its_end(
    changed: dict[str, Any], holds: bool
) -> None:
    silence = own(1, "grid-*", "*", "error", NOON + HOUR_NS, "me", "maintenance")
    found: Issue = issue(**changed)

    assert silence.holds(found, NOON) is holds
    assert not silence.holds(found, NOON + HOUR_NS)


def told(**changed: Any) -> dict[str, Any]:
    made = {
        "id": "ab",
        "status": {"state": "active"},
        "endsAt": LATER,
        "createdBy": "jane",
        "comment": "known",
        "matchers": [{"name": "alertname", "value": "BotDead", "isRegex": False, "isEqual": True}],
    }
    return {**made, **changed}


def test_what_alertmanager_silences_is_known_by_the_alerts_it_names() -> None:
    silenced = {"fingerprint": "f1", "status": {"silencedBy": ["ab"], "state": "suppressed"}}

    (silence,) = read([told()], [silenced])

    assert silence.alerts == {of_alert("f1")}
    assert (silence.by, silence.why, silence.is_foreign) == ("jane", "known", True)


@pytest.mark.parametrize(
    "poison",
    [
        3,
        None,
        {},
        told(id=None),
        told(status="active"),
        told(status={"state": "expired"}),
        told(status={"state": "pending"}),
        told(endsAt="tomorrow"),
        told(endsAt=None),
    ],
)
def test_what_is_no_silence_in_force_costs_only_itself(poison: object) -> None:
    assert [silence.key for silence in read([poison, told(id="cd")], [3, {"status": 5}])] == ["cd"]


@pytest.mark.parametrize("matchers", [[{"name": "bot", "value": "(", "isRegex": True}], [3], [{}], []])
def test_a_silence_that_cannot_be_understood_silences_nothing_by_itself(matchers: list[Any]) -> None:
    (silence,) = read([told(matchers=matchers)], [])

    assert not silence.holds(issue(), NOON)


def test_who_does_not_answer_as_alertmanager_is_said_without_its_address(monkeypatch: Any) -> None:
    with Service().open() as service:
        source = Source(f"http://jane:s3cr3t@127.0.0.1:{service.port}")
        with pytest.raises(MirrorError) as refused:
            asked(source)
        monkeypatch.delenv("NOT_THERE", raising=False)
        with pytest.raises(MirrorError, match="NOT_THERE is not set"):
            asked(Source("http://${NOT_THERE}:9093"))
    with pytest.raises(MirrorError) as away:
        asked(source)

    assert "HTTP 501" in str(refused.value)
    assert "no connection" in str(away.value)
    assert "s3cr3t" not in str(refused.value) + str(away.value)


def locked_line() -> str:
    moment = datetime.now(UTC) - timedelta(seconds=1)
    return f"{moment:%Y-%m-%d %H:%M:%S},000 ERROR bot.db: sqlite3.OperationalError: database is locked\n"


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@contextmanager
def running(*command: str, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(REPO)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.wait(30)


def awaited(look: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not look():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


class Watched:
    """A sidecar of its own, asked over HTTP."""

    def __init__(self, port: int) -> None:
        self._port = port

    def issues(self) -> dict[str, dict[str, Any]]:
        try:
            said = httpx2.get(f"http://127.0.0.1:{self._port}/api/issues", timeout=10).json()
        except (httpx2.HTTPError, OSError):
            return {}
        return {found["title"]: found for found in said["data"]}

    def is_told(self, title: str, status: str) -> bool:
        archived = self.issues().get(title, {}).get("status") == "archived"
        return title in self.issues() and archived is (status == "archived")


def test_silences_of_a_real_alertmanager_archive_and_their_end_opens_again(tmp_path: Path) -> None:
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    amtool = shutil.which("amtool")
    if program is None or amtool is None:
        missing("alertmanager")
        return
    port, own_port = free_port(), free_port()
    manager = f"http://127.0.0.1:{own_port}"
    (tmp_path / "alertmanager.yml").write_text(
        "route: {receiver: obs, group_wait: 0s, group_interval: 1s, repeat_interval: 1h}\n"
        "receivers: [{name: obs, webhook_configs: "
        f"[{{url: 'http://127.0.0.1:{port}/api/alerts/webhook', send_resolved: true}}]}}]\n"
    )
    (tmp_path / "obs.toml").write_text(
        f'port = {port}\n[alerts]\nalertmanager = "{manager}"\nalertmanager_every = "1s"\n'
    )
    (tmp_path / "bot.log").write_text(locked_line())

    def silence(*arguments: str) -> str:
        done = subprocess.run(
            [amtool, f"--alertmanager.url={manager}", "silence", *arguments],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        return done.stdout.strip()

    with (
        running(
            *(program, "--config.file=alertmanager.yml", "--storage.path=am", "--cluster.listen-address="),
            f"--web.listen-address=127.0.0.1:{own_port}",
            cwd=tmp_path,
        ),
        running(sys.executable, "-m", "obs", "up", "bot.log", cwd=tmp_path),
    ):
        watched = Watched(port)
        fires, locked = "Alert `BotDead` fires", "Database is locked"
        labels = {"alertname": "BotDead", "bot": "grid-1", "severity": "critical"}

        def tell() -> bool:
            try:
                answer = httpx2.post(f"{manager}/api/v2/alerts", json=[{"labels": labels}])
                return answer.status_code == 200 and {fires, locked} <= set(watched.issues())
            except (httpx2.HTTPError, OSError):
                return False

        awaited(tell, "the alert came")

        by_alert = silence("add", "alertname=BotDead", "-d", "1h", "-c", "known", "-a", "jane")
        awaited(lambda: watched.is_told(fires, "archived"), "the alert's issue is archived")
        decided = watched.issues()[fires]["decided"]
        untouched = watched.issues()[locked]["status"]
        by_issue = silence(
            "add", f"issue={watched.issues()[locked]['id']}", "-d", "1h", "-c", "x", "-a", "jane"
        )
        awaited(lambda: watched.is_told(locked, "archived"), "our own issue is archived")
        silence("expire", by_alert)
        awaited(lambda: watched.is_told(fires, "open"), "the alert's issue is open again")
        still = watched.issues()[locked]["status"]
        silence("expire", by_issue)
        awaited(lambda: watched.is_told(locked, "open"), "our own issue is open again")

    assert re.search(r"archived .* by Alertmanager.*known", decided)
    assert (untouched != "archived", still) == (True, "archived")


@pytest.mark.slow
def test_our_own_silence_archives_what_comes_while_it_lasts_and_opens_it_when_it_ends(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "obs.toml").write_text(f"port = {port}\n")
    log = tmp_path / "bot.log"
    log.touch()

    def obs(*arguments: str) -> None:
        subprocess.run(
            [sys.executable, "-m", "obs", "alert", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(REPO)},
            check=True,
            timeout=60,
            capture_output=True,
        )

    with running(sys.executable, "-m", "obs", "up", "bot.log", cwd=tmp_path):
        watched = Watched(port)
        obs("silence", "--bot", "b*", "--for", "1h", "--reason", "maintenance")
        with log.open("a") as file:
            file.write(locked_line())
        awaited(lambda: watched.is_told("Database is locked", "archived"), "it is archived")
        obs("silence", "--end", "1")
        awaited(lambda: watched.is_told("Database is locked", "open"), "it is open again")
