"""Alertmanager's notifications are issues while they fire: once each, whatever else is in the batch."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest

import obs
from obs.alerts import alertmanager
from obs.analysis import Analyzer
from obs.api.board import Board
from obs.api.context import Context
from obs.config import Settings
from obs.keeping.inbox import Inbox, InboxReader
from obs.snapshot import Health, Issue, IssueSeverity, IssueStatus, Snapshot
from obs.state import State
from tests.api.running import serving
from tests.servers import missing

NOW = int(datetime(2026, 11, 20, 12, 0, tzinfo=UTC).timestamp()) * 1_000_000_000
MINUTE = 60 * 1_000_000_000


def alert(name: str = "BotDead", status: str = "firing", **changed: Any) -> dict[str, Any]:
    made = {
        "status": status,
        "labels": {"alertname": name, "bot": "grid-1", "severity": "critical"},
        "annotations": {"summary": "insufficient balance ![x](http://evil.example/)"},
        "startsAt": "2026-11-20T11:59:00.123456789Z",
        "endsAt": "0001-01-01T00:00:00Z" if status == "firing" else "2026-11-20T12:04:00Z",
        "fingerprint": f"f-{name}",
    }
    return {**made, **changed}


def body(*alerts: object, **more: Any) -> bytes:
    return orjson.dumps({"version": "4", "status": "firing", "alerts": alerts, **more})


class Fold:
    """An inbox and what has been folded of it."""

    def __init__(self, folder: Path) -> None:
        self.inbox, self._reader = Inbox(folder), InboxReader(folder)
        self._analyzer = Analyzer()
        self.lost: dict[str, int] = {}

    def take(self, text: bytes, now: int = NOW) -> alertmanager.Taken:
        return alertmanager.receive(text, self.inbox, now)

    def picture(self, now: int = NOW) -> Snapshot:
        taken = self._reader.poll(1 << 30)
        for reason, count in taken.losses.items():
            self.lost[reason] = self.lost.get(reason, 0) + count
        for event in taken.events:
            self._analyzer.feed(event)
        return self._analyzer.snapshot(now=now, live=True)

    @property
    def state(self) -> State:
        return self._analyzer.state


@pytest.fixture
def fold(tmp_path: Path) -> Iterator[Fold]:
    made = Fold(tmp_path / "inbox")
    yield made
    made.inbox.close()


def only(picture: Snapshot) -> Issue:
    (issue,) = picture.issues
    return issue


def test_a_firing_alert_is_one_issue_and_its_end_resolves_it(fold: Fold) -> None:
    fold.take(body(alert()))
    burning = fold.picture()
    fold.take(body(alert(status="resolved")), NOW + 5 * MINUTE)
    over = fold.picture(NOW + 5 * MINUTE)

    issue = only(burning)
    assert (issue.severity, issue.services, issue.rule) == (
        IssueSeverity.CRITICAL,
        ("grid-1",),
        "alertmanager",
    )
    assert burning.health is Health.CRITICAL
    assert only(over).id == issue.id
    assert only(over).status is IssueStatus.RESOLVED
    assert over.health is Health.OK


def test_the_briefing_says_it_in_both_languages_and_quotes_what_the_alert_says(fold: Fold) -> None:
    fold.take(body(alert()))
    picture = fold.picture()

    page, korean = obs.briefing.render(picture), obs.briefing.render(picture, lang="ko")

    assert "Alert `BotDead` fires" in page
    assert "알림 `BotDead` 발생 중" in korean
    assert "http://evil.example" not in page


def test_an_alert_that_ended_fires_again_as_regressed(fold: Fold) -> None:
    fold.take(body(alert()))
    fold.take(body(alert(status="resolved")), NOW + 5 * MINUTE)
    fold.take(body(alert(startsAt="2026-11-20T12:30:00Z")), NOW + 31 * MINUTE)

    issue = only(fold.picture(NOW + 31 * MINUTE))

    assert issue.count == 2
    assert issue.status not in (IssueStatus.RESOLVED, IssueStatus.ARCHIVED)


def test_what_is_sent_again_counts_once_and_what_still_fires_is_seen_again(fold: Fold) -> None:
    fold.take(body(alert()))

    assert fold.take(body(alert()), NOW + 1_000).doubles == 1
    assert only(fold.picture()).count == 1
    fold.take(body(alert()), NOW + 60 * MINUTE)
    assert only(fold.picture(NOW + 60 * MINUTE)).count == 2


def test_an_alert_is_no_sign_of_life_of_the_bot_it_is_about(fold: Fold) -> None:
    fold.take(body(alert()))

    fold.picture()

    assert "grid-1" not in fold.state.services


def test_a_watchdog_is_no_issue(fold: Fold) -> None:
    fold.take(body(alert("Watchdog", labels={"alertname": "Watchdog", "severity": "none"})))

    assert fold.picture().issues == ()


@pytest.mark.parametrize(
    "poison",
    [
        3,
        None,
        [],
        {},
        {"labels": 5},
        alert(labels={}),
        alert(status="on fire"),
        alert(startsAt="yesterday"),
        alert(startsAt=None),
        alert(startsAt="2026-11-20T11:59:00"),
        alert(labels=[["alertname", "x"]]),
        {**alert(), "status": {}},
    ],
)
def test_a_poisoned_alert_costs_only_itself(fold: Fold, poison: object) -> None:
    alerts: list[object] = [alert(f"A{number}") for number in range(511)]
    alerts.insert(200, poison)

    taken = fold.take(body(*alerts))

    assert (taken.alerts, taken.unreadable) == (511, 1)
    assert len(fold.picture().issues) == 511
    assert fold.lost == {"alert_unreadable": 1}


def test_more_alerts_than_allowed_and_those_the_sender_cut_are_counted(fold: Fold) -> None:
    taken = fold.take(body(*(alert(f"A{n}") for n in range(1_003)), truncatedAlerts=7))

    assert taken.alerts == 1_000
    fold.picture()
    assert fold.lost == {"alert_unreadable": 3, "alert_cut_by_sender": 1}


def test_secrets_in_an_alert_do_not_reach_the_disk(fold: Fold, tmp_path: Path) -> None:
    secret = "123456789:AAF" + "x9Q" * 11 + "z"

    fold.take(body(alert(annotations={"summary": f"https://api.telegram.org/bot{secret}/sendMessage"})))

    assert all(secret.encode() not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


@pytest.fixture
def door(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    inbox = Inbox(tmp_path / "inbox")
    settings = Settings.model_validate({"dir": tmp_path / ".obs"})
    context = Context(settings=settings, board=Board(Snapshot(taken_at=1, live=True)), inbox=inbox)
    with serving(context) as port:
        yield port, tmp_path / "inbox"
    inbox.close()


def url(port: int) -> str:
    return f"http://127.0.0.1:{port}/api/alerts/webhook"


def post(port: int, text: bytes, **headers: str) -> httpx2.Response:
    return httpx2.post(url(port), content=text, headers={"Content-Type": "application/json", **headers})


def test_the_door_is_open_to_programs_of_this_machine_and_to_no_page(door: tuple[int, Path]) -> None:
    port, folder = door

    taken = post(port, body(alert()))
    page = post(port, body(alert()), Origin=f"http://127.0.0.1:{port}")
    relayed = post(port, body(alert()), **{"X-Forwarded-For": "10.0.0.1"})

    assert taken.json()["data"] == {"alerts": 1, "doubles": 0, "unreadable": 0}
    assert (page.status_code, relayed.status_code) == (401, 401)
    assert len(InboxReader(folder).poll(1 << 20).events) == 1


@pytest.mark.parametrize(
    ("text", "status"), [(b"{", 400), (b"[]", 400), (b'{"alerts": 3}', 400), (b" " * (1 << 20) + b"1", 413)]
)
def test_what_is_no_notification_is_refused(door: tuple[int, Path], text: bytes, status: int) -> None:
    answer = post(door[0], text)

    assert answer.status_code == status


def test_an_alert_that_the_disk_does_not_make_certain_is_not_confirmed(
    door: tuple[int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(descriptor: int) -> None:
        raise OSError("the disk fails")

    with monkeypatch.context() as patched:
        patched.setattr("obs.keeping.inbox.sync_file", failing)
        refused = post(door[0], body(alert()))
    again = post(door[0], body(alert()))

    assert (refused.status_code, again.status_code) == (503, 200)
    assert len(InboxReader(door[1]).poll(1 << 20).events) == 1


def test_a_full_inbox_asks_to_come_again(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox", most_bytes=10)
    settings = Settings.model_validate({"dir": tmp_path / ".obs"})
    with serving(
        Context(settings=settings, board=Board(Snapshot(taken_at=1, live=True)), inbox=inbox)
    ) as port:
        answer = post(port, body(alert()))
    inbox.close()

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_a_real_alertmanager_delivers_an_alert_and_its_end(door: tuple[int, Path], tmp_path: Path) -> None:
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if program is None:
        missing("alertmanager")
        return
    port, folder = door
    own = _free_port()
    config = tmp_path / "alertmanager.yml"
    config.write_text(
        "route: {receiver: obs, group_wait: 0s, group_interval: 1s, repeat_interval: 1h}\n"
        f"receivers: [{{name: obs, webhook_configs: [{{url: '{url(port)}', send_resolved: true}}]}}]\n"
    )
    process = subprocess.Popen(
        [
            *(program, f"--config.file={config}", f"--storage.path={tmp_path / 'am'}"),
            *(f"--web.listen-address=127.0.0.1:{own}", "--cluster.listen-address="),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        labels = {"alertname": "BotDead", "bot": "grid-1", "severity": "critical"}
        _tell(own, {"labels": labels, "annotations": {"summary": "no heartbeat"}})
        reader = InboxReader(folder)
        fires = _awaited(reader)
        past = datetime.now(UTC) - timedelta(seconds=1)
        _tell(own, {"labels": labels, "endsAt": past.isoformat()})
        ends = _awaited(reader)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()

    assert (fires.event_name, fires.service, fires.body) == (
        "alert.fired",
        "grid-1",
        "BotDead fires: no heartbeat",
    )
    assert (ends.event_name, ends.attributes["alert.id"]) == ("alert.ended", fires.attributes["alert.id"])


def _tell(port: int, told: dict[str, Any]) -> None:
    deadline = time.monotonic() + 15
    while True:
        try:
            httpx2.post(f"http://127.0.0.1:{port}/api/v2/alerts", json=[told]).raise_for_status()
            return
        except (httpx2.HTTPError, OSError):
            assert time.monotonic() < deadline
            time.sleep(0.1)


def _awaited(reader: InboxReader) -> Any:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        if events := reader.poll(1 << 20).events:
            return events[0]
        time.sleep(0.05)
    raise AssertionError("nothing came")


def _free_port() -> int:
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        return int(own.getsockname()[1])
