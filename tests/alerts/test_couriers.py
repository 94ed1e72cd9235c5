"""Each channel by itself: slow, hung, refusing or asking to wait, it costs no other channel anything."""

from __future__ import annotations

import os
import socketserver
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path

import pytest

from obs.alerts.alerter import Wiring
from obs.alerts.channels import channel_of
from obs.alerts.couriers import Couriers
from obs.alerts.folding import about_channel
from obs.alerts.hearing import Receipt
from obs.alerts.plan import HOUR_NS, SECOND_NS, Plan
from obs.analysis import Analyzer
from obs.events import Event
from obs.snapshot import Issue, IssueStatus
from tests.alerts.desktop import NOON, Desktop, S, issue, route
from tests.alerts.standins import Service
from tests.builders import REPO


@pytest.fixture
def chat() -> Iterator[Service]:
    with Service().open() as service:
        yield service


@pytest.fixture
def spare() -> Iterator[Service]:
    with Service().open() as service:
        yield service


def test_a_channel_that_hangs_holds_no_other_up(tmp_path: Path, chat: Service, spare: Service) -> None:
    chat.pause = 20.0
    desktop = Desktop(
        tmp_path, {"chat": chat.address, "spare": spare.address}, route(channels=("chat", "spare"))
    )

    for number in range(5):
        desktop.issues = [issue(str(n)) for n in range(number + 1)]
        desktop.now += SECOND_NS
        desktop.alerter.step(desktop.desk)
        deadline = time.monotonic() + 20
        while len(spare.taken) <= number and time.monotonic() < deadline:
            time.sleep(0.005)
            desktop.alerter.step(desktop.desk)
    chat.pause = 0.0

    assert len(spare.taken) == 5
    assert chat.asked == 1
    assert dict(desktop.states())["chat"] in ("sending", "queued")


@pytest.mark.parametrize("form", ["seconds", "date", "telegram", "discord"])
def test_a_channel_is_left_alone_for_as_long_as_it_asks(tmp_path: Path, chat: Service, form: str) -> None:
    chat.status = 429
    date = datetime(2020, 1, 1, tzinfo=UTC)
    match form:
        case "seconds":
            chat.headers = {"Retry-After": "40"}
        case "date":
            # By the service's own clock, which is years behind.
            later = format_datetime(date + timedelta(seconds=40), usegmt=True)
            chat.headers = {"Date": format_datetime(date, usegmt=True), "Retry-After": later}
        case "telegram":
            chat.answer = b'{"ok": false, "parameters": {"retry_after": 40}}'
        case "discord":
            chat.answer = b'{"message": "limited", "retry_after": 39.5}'
    desktop = Desktop(tmp_path, {"chat": chat.address})

    desktop.step(issue("1"))
    chat.status, chat.headers = 200, {}
    chat.answer = b'{"ok": true}'
    desktop.step(issue("1"), issue("2", S.CRITICAL), after=30)
    meanwhile = chat.asked
    desktop.step(issue("1"), issue("2", S.CRITICAL), after=11)

    assert meanwhile == 1
    assert len(chat.taken) == 2
    assert "stop 2" in chat.texts[0]


def test_a_service_that_asks_for_a_long_pause_is_not_waited_for_where_another_can_tell(
    tmp_path: Path, chat: Service, spare: Service
) -> None:
    chat.status, chat.headers = 503, {"Retry-After": "1800"}
    desktop = Desktop(tmp_path, {"chat": chat.address, "spare": spare.address}, route(fallback=("spare",)))

    desktop.step(issue(), after=1)

    assert len(spare.taken) == 1
    assert "channel chat failed" in spare.texts[0]


def folded(events: list[Event], now: int) -> tuple[Issue, ...]:
    analyzer = Analyzer()
    for event in events:
        analyzer.feed(event)
    return analyzer.snapshot(now=now, live=True).issues


def test_a_channel_that_fails_is_an_issue_until_it_works_and_is_told_by_the_others(
    tmp_path: Path, chat: Service, spare: Service
) -> None:
    chat.status = 403
    services = {"chat": chat.address, "spare": spare.address}
    desktop = Desktop(tmp_path, services, route(channels=("chat", "spare")))

    desktop.step(issue("1"))
    (failing,) = folded(desktop.told, desktop.now)
    desktop.step(failing)
    chat.status = 200
    desktop.step(issue("2"), after=60)
    desktop.step(after=1)
    (over,) = folded(desktop.told, desktop.now)

    assert failing.title == "Alerts do not reach channel `chat`"
    assert "HTTP 403" in failing.evidence[0].text
    assert about_channel("chat", failing.fingerprint)
    assert any("Alerts do not reach" in text for text in spare.texts)
    assert all("Alerts do not reach" not in text for text in chat.texts)
    assert over.status is IssueStatus.RESOLVED
    assert desktop.alerter.numbers.channels["chat"].failed == 1
    assert desktop.alerter.numbers.channels["chat"].failing_since == 0


def test_a_restart_tells_again_which_channel_fails(tmp_path: Path, chat: Service) -> None:
    chat.status = 403
    desktop = Desktop(tmp_path, {"chat": chat.address})
    desktop.step(issue())
    first = {event.uid for event in desktop.told}

    desktop.start()
    desktop.told.clear()
    desktop.step(issue())

    assert {event.uid for event in desktop.told} == first


def test_other_settings_are_in_force_at_the_next_look_and_nothing_waiting_is_lost(
    tmp_path: Path, chat: Service, spare: Service
) -> None:
    desktop = Desktop(tmp_path, {"chat": chat.address}, group_wait=3600 * SECOND_NS)
    desktop.step(issue("1"))

    desktop.services = {"spare": spare.address}
    desktop.plan = Plan(routes=(route("new", channels=("spare",)),), group_wait=0, over_after=0)
    desktop.alerter.adopt(desktop.wiring())
    desktop.step(issue("1"), issue("2"))
    desktop.step(issue("1"), issue("2"))

    assert chat.taken == []
    assert sum("stop 1" in text for text in spare.texts) == 1
    assert sum("stop 2" in text for text in spare.texts) == 1


def test_without_any_route_left_what_waits_is_kept_until_there_is_one(tmp_path: Path, chat: Service) -> None:
    desktop = Desktop(tmp_path, {"chat": chat.address}, group_wait=3600 * SECOND_NS)
    desktop.step(issue("1"))

    plan, desktop.plan = desktop.plan, Plan()
    desktop.alerter.adopt(desktop.wiring())
    desktop.step(issue("1"))
    desktop.plan = plan._replace(group_wait=0)
    desktop.alerter.adopt(desktop.wiring())
    desktop.step(issue("1"))

    assert "1 messages wait for channel chat" in desktop.said[0]
    assert len(chat.taken) == 1


KILLED = """
import os, signal, sys
from pathlib import Path
from obs.alerts.desk import Desk
from tests.alerts.desktop import Desktop, S, issue

folder, address, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
desktop = Desktop(folder, {"chat": address})
left = [count]

def look(statement):
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)

desktop.desk.database.set_trace_callback(look)
desktop.step(issue("1"))
desktop.step(issue("1"), issue("2", S.CRITICAL))
print("whole", count - left[0])
"""


@pytest.mark.slow
def test_a_kill_at_any_statement_loses_nothing_and_doubles_nothing_in_silence(
    tmp_path: Path, chat: Service
) -> None:
    program = tmp_path / "killed.py"
    program.write_text(textwrap.dedent(KILLED))
    places = range(1, 76, 3)
    repeats = kills = 0
    for place in places:
        folder = tmp_path / str(place)
        chat.taken.clear()
        done = subprocess.run(
            [sys.executable, str(program), str(folder), chat.address, str(place)],
            env={**os.environ, "PYTHONPATH": str(REPO)},
            capture_output=True,
            timeout=120,
            check=False,
        )
        kills += done.returncode != 0

        desktop = Desktop(folder, {"chat": chat.address})
        desktop.now = NOON + 60 * SECOND_NS
        for _ in range(4):
            desktop.step(issue("1"), issue("2", S.CRITICAL), after=5)
        desktop.desk.close()

        for name in ("stop 1", "stop 2"):
            told = [text for text in chat.texts if name in text]
            assert told, (place, name)
            assert all("Perhaps a repeat" in text for text in told[1:]), (place, told)
            repeats += len(told) - 1

    assert kills > 12
    assert repeats < kills


def test_what_is_settled_is_dropped_after_a_month(tmp_path: Path, chat: Service) -> None:
    desktop = Desktop(tmp_path, {"chat": chat.address})
    for number in range(20):
        desktop.step(issue(str(number)), after=3600)

    seen = desktop.now + 31 * 24 * HOUR_NS
    desktop.step(issue("new", last_seen=seen), after=31 * 24 * 3600)
    desktop.step(issue("new", last_seen=seen), after=7 * 3600)

    assert len(desktop.desk.latest(100)) == 1
    assert set(desktop.desk.memories("chat")) == {f"{'new':f<16}"}


def test_a_wiring_without_anything_is_not_needed() -> None:
    assert not Wiring(Plan(), {}).is_needed


class Dripping:
    """Answers byte by byte for ever, so that no timeout of a single read ever passes."""

    def __init__(self) -> None:
        self.is_over = threading.Event()
        dripping = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with suppress(OSError):
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Drip: ")
                    while not dripping.is_over.wait(0.05):
                        self.wfile.write(b"x")

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)


def test_an_answer_that_drips_is_given_up_and_a_channel_full_of_such_is_left_alone() -> None:
    dripping = Dripping()
    thread = threading.Thread(target=dripping.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    address = f"json://127.0.0.1:{dripping.server.server_address[1]}/"
    couriers = Couriers({"drip": partial(channel_of, "drip", address, wait_seconds=0.2)})

    found = []
    for _ in range(3):
        assert couriers.hand("drip", "title", "text") is None
        deadline = time.monotonic() + 30
        while not (receipts := couriers.receipts()) and time.monotonic() < deadline:
            time.sleep(0.01)
        found += receipts
    full = couriers.hand("drip", "title", "text")
    dripping.is_over.set()
    dripping.server.shutdown()
    thread.join()
    dripping.server.server_close()

    assert found == [("drip", Receipt("unknown", "no answer in time"))] * 3
    assert full == Receipt("again", "earlier messages hang")
