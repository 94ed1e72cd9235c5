"""Signs of life: pings while pictures are fresh, and one message a day."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from obs.alerts.alerter import Alerter
from obs.alerts.heartbeat import Heartbeat, Pulse, ping
from obs.alerts.plan import SECOND_NS, Plan
from obs.snapshot import Health, Snapshot
from tests.alerts.desktop import NOON, Desktop, S, issue
from tests.alerts.standins import Service


@pytest.fixture
def chat() -> Iterator[Service]:
    with Service().open() as service:
        yield service


class Monitor:
    """Takes pings."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.came = threading.Event()
        self.status = 200
        monitor = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                monitor.paths.append(self.path)
                self.send_response(monitor.status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"OK")
                monitor.came.set()

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}/${{PING_KEY}}"


@pytest.fixture
def monitor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Monitor]:
    monkeypatch.setenv("PING_KEY", "uuid-1")
    made = Monitor()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def test_pings_go_out_while_pictures_are_fresh_and_stop_with_them(tmp_path: Path, monitor: Monitor) -> None:
    desktop = Desktop(tmp_path, {})
    heart = Heartbeat(Pulse(monitor.address, every_seconds=0.0))

    heart.step(desktop.desk, Snapshot(taken_at=NOON - 300 * SECOND_NS), Plan(), NOON)
    is_early = monitor.came.wait(0.2)
    heart.step(desktop.desk, Snapshot(taken_at=NOON - SECOND_NS), Plan(), NOON)

    assert not is_early
    assert monitor.came.wait(20)
    assert set(monitor.paths) == {"/uuid-1"}


def test_what_is_wrong_with_a_ping_is_said_without_its_address(
    monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitor.status = 404
    refused = ping(monitor.address)
    away = ping("http://127.0.0.1:9/s3cr3t")
    monkeypatch.delenv("PING_KEY")
    unset = ping(monitor.address)

    assert (refused, away) == ("HTTP 404", "no answer")
    assert unset == "alerts.heartbeat: the variable PING_KEY is not set"


def test_a_message_each_day_says_who_is_watched_and_how_it_stands(tmp_path: Path, chat: Service) -> None:
    desktop = Desktop(tmp_path, {"chat": chat.address}, zone=ZoneInfo("Asia/Seoul"), routes=())
    pulse = Pulse(daily=time(9, 0), channels=("chat",))
    desktop.alerter = Alerter(
        tmp_path,
        desktop.wiring()._replace(pulse=pulse),
        lambda: Snapshot(
            taken_at=desktop.now,
            live=True,
            bots=("grid-1", "arb-2"),
            health=Health.ERROR,
            health_score=61,
            last_event=desktop.now - 30 * SECOND_NS,
            issues=(issue("1", S.CRITICAL), issue("2")),
        ),
        clock=lambda: desktop.now,
    )

    for _ in range(72):
        desktop.step(after=3600)

    assert len(chat.taken) == 3
    assert chat.texts[0].startswith(
        "obs watches: 2 bots: grid-1, arb-2\n2 open: 1 CRITICAL, 1 ERROR · health"
    )
    assert "silence of this message" in chat.texts[0]


def test_the_daily_message_is_said_once_also_over_a_restart_and_a_clock_change(
    tmp_path: Path, chat: Service
) -> None:
    zone = ZoneInfo("America/New_York")
    pulse = Pulse(daily=time(2, 30), channels=("chat",))
    desktop = Desktop(tmp_path, {"chat": chat.address}, zone=zone, routes=())
    heart = Heartbeat(pulse)
    days: list[str] = []
    for begin in (datetime(2026, 3, 7, 12, tzinfo=UTC), datetime(2026, 10, 31, 12, tzinfo=UTC)):
        for quarter in range(48 * 4):
            moment = begin + timedelta(minutes=15 * quarter)
            if quarter % 7 == 0:
                heart = Heartbeat(pulse)
            before = len(desktop.desk.latest(100))
            heart.step(
                desktop.desk,
                Snapshot(taken_at=NOON),
                desktop.plan,
                int(moment.timestamp()) * SECOND_NS,
            )
            if len(desktop.desk.latest(100)) > before:
                days.append(f"{moment.astimezone(zone):%m-%d}")

    assert days == ["03-08", "03-09", "10-31", "11-01", "11-02"]
