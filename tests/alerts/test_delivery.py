"""Who is told what and when: never twice in silence, never lost in silence, never with a secret."""

from __future__ import annotations

import email
import io
import logging
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiosmtpd.controller import Controller

from obs.alerts.channels import ChannelError, channel_of
from obs.alerts.desk import Desk
from obs.alerts.plan import HOUR_NS, SECOND_NS, quiet_of, room_at
from obs.alerts.silencebook import Own
from obs.config import ConfigError, load
from obs.money.amounts import Money
from obs.snapshot import IssueStatus
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


def test_an_issue_is_told_once_with_what_matters_and_its_end_too(tmp_path: Path, chat: Service) -> None:
    desktop = Desktop(tmp_path, {"chat": chat.address})

    for _ in range(3):
        desktop.step(issue())
    desktop.step(issue(status=IssueStatus.RESOLVED))
    desktop.step(issue(status=IssueStatus.RESOLVED))

    told, over = chat.texts
    for fact in ("ERROR · grid-1", "I-afffff", "11-20 11:59 UTC", "97,771.80 USDT", "First: ", "obs show"):
        assert fact in told
    assert "over: " in over


def test_korean_is_spoken(tmp_path: Path, chat: Service) -> None:
    desktop = Desktop(tmp_path, {"chat": chat.address}, lang="ko", zone=ZoneInfo("Asia/Seoul"))

    desktop.step(issue())

    assert "위험 금액 97,771.80 USDT" in chat.texts[0]
    assert "11-20 20:59 KST부터" in chat.texts[0]


def test_nothing_is_told_again_after_a_restart(tmp_path: Path, chat: Service) -> None:
    desktop = Desktop(tmp_path, {"chat": chat.address})
    desktop.step(issue())

    desktop.desk.close()
    desktop.desk = Desk(tmp_path)
    desktop.start()
    desktop.step(issue())

    assert len(chat.taken) == 1


def test_what_gets_worse_is_told_and_what_comes_back_too_soon_is_not(tmp_path: Path, chat: Service) -> None:
    desktop = Desktop(tmp_path, {"chat": chat.address})
    desktop.step(issue())
    desktop.step(issue(severity=S.CRITICAL))
    desktop.step(issue(severity=S.CRITICAL, trend="quiet"))

    desktop.step(issue(severity=S.CRITICAL))
    soon = len(chat.taken)
    desktop.step(issue(severity=S.CRITICAL), after=4 * 3600)

    assert soon == 2
    assert "worse: ERROR → CRITICAL" in chat.texts[1]
    assert "back: CRITICAL" in chat.texts[2]


def test_what_comes_together_is_one_message_with_the_gravest_first(tmp_path: Path, chat: Service) -> None:
    desktop = Desktop(tmp_path, {"chat": chat.address}, group_wait=5 * SECOND_NS)

    desktop.step(*(issue(f"{n:02}") for n in range(11)))
    desktop.step(*(issue(f"{n:02}") for n in range(11)), issue("c", S.CRITICAL))
    early = len(chat.taken)
    desktop.step(after=5)

    (text,) = chat.texts
    assert early == 0
    assert text.startswith("obs: 12 issues, worst CRITICAL · grid-1 · Position without a stop c")
    assert "and 4 more" in text


def test_routes_go_by_severity_bot_and_money(tmp_path: Path, chat: Service, spare: Service) -> None:
    desktop = Desktop(
        tmp_path,
        {"chat": chat.address, "spare": spare.address},
        route("rich", money=(Money(Decimal(100_000), "USDT"),), channels=("spare",)),
        route("arb", severity=S.WARNING, bots=("arb-*",), channels=("spare",), also=True),
        route("rest"),
    )

    desktop.step(
        issue("1", services=("arb-2",), title="by bot"),
        issue("2", money_at_risk=(Money(Decimal(100_000), "USDT"),), title="by money"),
        issue("3", money_at_risk=None, title="no money"),
        issue("4", severity=S.WARNING, title="too small"),
        issue("5", cause="2" + "f" * 15, title="a symptom"),
    )

    assert sorted(t for t in ("by bot", "by money") if any(t in x for x in spare.texts)) == [
        "by bot",
        "by money",
    ]
    assert any("by bot" in text for text in chat.texts)
    assert any("no money" in text for text in chat.texts)
    for never in ("too small", "a symptom", "by money"):
        assert all(never not in text for text in chat.texts)


def test_quiet_hours_hold_back_all_but_what_is_urgent_and_one_digest_follows(
    tmp_path: Path, chat: Service
) -> None:
    desktop = Desktop(tmp_path, {"chat": chat.address}, quiet=quiet_of("11:00-13:00", ZoneInfo("UTC")))

    desktop.step(issue("1"), issue("2"), issue("3", S.CRITICAL))
    desktop.step(issue("1", status=IssueStatus.RESOLVED), issue("2"), issue("3", S.CRITICAL))
    at_night = chat.texts
    desktop.step(issue("2"), after=3600)

    assert len(at_night) == 1
    assert "stop 3" in at_night[0]
    assert "began and ended: ERROR" in chat.texts[1]
    assert "stop 2" in chat.texts[1]


@pytest.mark.parametrize(
    ("hours", "clock", "until"),
    [
        ("23:00-07:00", (23, 0), 8),
        ("23:00-07:00", (6, 59), 1),
        ("23:00-07:00", (7, 0), 0),
        ("12:00-13:00", (12, 59), 1),
        ("12:00-13:00", (13, 0), 0),
    ],
)
def test_a_stretch_of_the_day_ends_when_it_says(hours: str, clock: tuple[int, int], until: int) -> None:
    quiet = quiet_of(hours, ZoneInfo("Asia/Seoul"))
    now = int(datetime(2026, 11, 20, *clock, tzinfo=ZoneInfo("Asia/Seoul")).timestamp()) * SECOND_NS

    assert quiet is not None
    end = quiet.until(now)

    assert -(-max(0, end - now) // HOUR_NS) == until


def test_a_flood_becomes_a_digest_under_the_limit_and_room_is_kept_for_what_is_urgent(
    tmp_path: Path, chat: Service
) -> None:
    desktop = Desktop(tmp_path, {"chat": chat.address}, per_hour=5)
    flood = [issue(f"{n:02}") for n in range(30)]

    for count in range(1, 31):
        desktop.step(*flood[:count])
    before = len(chat.taken)
    desktop.step(*flood, issue("x", S.CRITICAL))
    desktop.step(*flood, after=3700)

    assert before == 4
    assert len(chat.taken) == 5 + (1 if len(chat.taken) > 5 else 0)
    told = "\n".join(chat.texts)
    assert "stop x" in told
    assert desktop.desk.waiting("chat") == []


def test_room_comes_back_an_hour_after_the_message_that_took_it() -> None:
    sent = [NOON + n for n in range(10)]

    assert room_at(sent, NOON + 20, 10, urgent=True) == NOON + HOUR_NS
    assert room_at(sent, NOON + 20, 11, urgent=True) == NOON + 20
    assert room_at(sent, NOON + 20, 11, urgent=False) == NOON + 1 + HOUR_NS


def test_a_refused_message_goes_by_the_other_channel_and_says_why(
    tmp_path: Path, chat: Service, spare: Service
) -> None:
    chat.status = 401
    services = {"chat": chat.address, "spare": spare.address}
    desktop = Desktop(tmp_path, services, route(fallback=("spare",)))

    desktop.step(issue())
    desktop.step(issue())

    assert desktop.states() == [("chat", "failed"), ("spare", "sent")]
    assert "Sent here because channel chat failed." in spare.texts[0]


def test_a_channel_that_is_away_is_tried_again_before_the_other_is_asked(
    tmp_path: Path, chat: Service, spare: Service
) -> None:
    chat.status = 503
    services = {"chat": chat.address, "spare": spare.address}
    desktop = Desktop(tmp_path, services, route(fallback=("spare",)))

    desktop.step(issue())
    chat.status = 200
    desktop.step(issue(), after=3)

    assert desktop.states() == [("chat", "sent")]
    assert spare.taken == []


def test_what_nobody_takes_is_said_and_tried_for_a_day(tmp_path: Path, chat: Service) -> None:
    chat.status = 500
    desktop = Desktop(tmp_path, {"chat": chat.address})

    for _ in range(5):
        desktop.step(issue(), after=40)
    early = desktop.states(), list(desktop.said)
    for _ in range(300):
        desktop.step(issue(), after=301)

    assert early[0] == [("chat", "queued")]
    assert "HTTP 500" in early[1][0]
    assert desktop.states() == [("chat", "failed")]
    assert desktop.desk.channels.of("chat").failing


def test_after_an_outage_what_waited_arrives_and_one_digest_with_the_rest(
    tmp_path: Path, chat: Service
) -> None:
    chat.status = 503
    desktop = Desktop(tmp_path, {"chat": chat.address})
    issues = [issue(f"{n:02}") for n in range(30)]
    for count in range(1, 31):
        desktop.step(*issues[:count], after=40)
    chat.status = 200
    for _ in range(3):
        desktop.step(*issues, after=301)

    # Those made before it was known to be down, and one digest.
    assert len(chat.taken) <= 5
    assert "stop 00" in chat.texts[0]
    assert "26 issues, worst ERROR" in chat.texts[-1]
    assert desktop.desk.waiting("chat") == []
    assert not desktop.desk.channels.of("chat").failing


def test_an_answer_that_does_not_come_is_not_known_and_a_repeat_is_marked(
    tmp_path: Path, chat: Service
) -> None:
    chat.pause = 2.0
    desktop = Desktop(tmp_path, {"chat": chat.address})

    desktop.step(issue())
    chat.pause = 0.0
    desktop.step(issue(), after=3)

    assert "Perhaps a repeat" not in chat.texts[0]
    assert "Perhaps a repeat" in chat.texts[1]


def test_a_silence_holds_until_it_ends_and_then_what_is_still_open_is_told(
    tmp_path: Path, chat: Service
) -> None:
    desktop = Desktop(tmp_path, {"chat": chat.address})
    desktop.desk.silences.add(Own(0, "grid-*", "*", "error", NOON + HOUR_NS, "me", "maintenance"))

    desktop.step(issue("1"), issue("2", services=("arb-1",)), issue("3", S.CRITICAL))
    in_silence = "\n".join(chat.texts)
    desktop.step(issue("1"), after=3600)

    assert "stop 1" not in in_silence
    assert "stop 2" in in_silence
    assert "stop 3" in in_silence
    assert "stop 1" in chat.texts[-1]


class Mailbox:
    def __init__(self) -> None:
        self.mails: list[str] = []

    async def handle_DATA(self, _server: object, _session: object, envelope: object) -> str:  # noqa: N802
        self.mails.append(envelope.content.decode())  # type: ignore[attr-defined]
        return "250 taken"


class Refusing:
    """A mail server that answers as it is told."""

    def __init__(self, answer: str, *, at: str) -> None:
        self.answer, self.at = answer, at

    async def handle_RCPT(  # noqa: N802
        self, _server: object, _session: object, envelope: Any, address: str, _options: object
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.answer if self.at == "RCPT" else "250 ok"

    async def handle_DATA(self, _server: object, _session: object, _envelope: object) -> str:  # noqa: N802
        return self.answer if self.at == "DATA" else "250 ok"


@pytest.mark.parametrize(
    ("answer", "at", "receipt"),
    [
        ("450 later", "RCPT", ("again", "SMTP 450")),
        ("550 nobody", "RCPT", ("refused", "SMTP 550")),
        ("451 later", "DATA", ("again", "SMTP 451")),
        ("554 no", "DATA", ("refused", "SMTP 554")),
    ],
)
def test_what_a_mail_server_refuses_is_told_by_its_code(
    answer: str, at: str, receipt: tuple[str, str]
) -> None:
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        port = own.getsockname()[1]
    server = Controller(Refusing(answer, at=at), hostname="127.0.0.1", port=port)
    server.start()
    try:
        channel = channel_of("mail", f"mailto://127.0.0.1:{port}/?from=obs@example.com&to=me@example.com")

        assert channel.send("obs: ERROR", "text")[:2] == receipt
    finally:
        server.stop()


def test_mail_arrives_at_a_real_server_and_a_server_that_is_away_is_certain(tmp_path: Path) -> None:
    box = Mailbox()
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        port = own.getsockname()[1]
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    channel = channel_of(
        "mail", f"mailto://127.0.0.1:{port}/?from=obs@example.com&to=me@example.com&format=text"
    )

    taken = channel.send("obs: ERROR", "a <b> & text")
    server.stop()
    away = channel.send("obs: ERROR", "text")

    assert (taken.verdict, away.verdict) == ("taken", "again")
    assert "a ‹b› & text" in email.message_from_string(box.mails[0]).get_payload(decode=True).decode()  # type: ignore[union-attr]


def test_telegram_gets_the_text_escaped(chat: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = channel_of("phone", "tgram://123456789:AAFabcdefghijklmnopqrstuvwxyz0123456/12345/")
    from apprise.plugins.telegram import NotifyTelegram

    monkeypatch.setattr(NotifyTelegram, "notify_url", f"http://127.0.0.1:{chat.port}/bot")

    receipt = channel.send("obs: ERROR", "a <b> *c* _d_")

    assert receipt.verdict == "taken"
    assert "sendMessage" in chat.paths[0]
    assert "a ‹b› *c* _d_" in chat.taken[0]["text"]


@pytest.mark.parametrize("status", [401, 500, 0])
def test_no_secret_is_logged_or_written_down(
    tmp_path: Path, chat: Service, status: int, capfd: pytest.CaptureFixture[str]
) -> None:
    root, logged = logging.getLogger(), io.StringIO()
    handler, level = logging.StreamHandler(logged), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    chat.status, address = status or 200, chat.address
    if not status:
        address = "json://127.0.0.1:9/hook-s3cr3tT0ken"
    desktop = Desktop(tmp_path, {"chat": address})

    try:
        desktop.step(issue())
        desktop.desk.close()
    finally:
        root.removeHandler(handler)
        root.setLevel(level)

    out, err = capfd.readouterr()
    assert "s3cr3tT0ken" not in out + err + logged.getvalue()
    assert all(b"s3cr3tT0ken" not in path.read_bytes() for path in tmp_path.iterdir())


def test_a_wrong_address_is_refused_without_being_quoted(tmp_path: Path) -> None:
    with pytest.raises(ChannelError) as wrong:
        channel_of("phone", "nonsense-s3cr3t://x")
    with pytest.raises(ChannelError, match="PHONE_TOKEN is not set"):
        channel_of("phone", "tgram://${PHONE_TOKEN}/1", environment={})
    (tmp_path / "obs.toml").write_text(
        '[alerts.channels]\nphone = "tgram://s3cr3t/1"\n[[alerts.routes]]\nchannels = ["fone"]\n'
    )
    with pytest.raises(ConfigError) as config:
        load(folder=tmp_path)

    for said in (str(wrong.value), str(config.value)):
        assert "s3cr3t" not in said
    assert "fone" in str(config.value)
    assert "there are phone" in str(config.value)


def test_a_kill_while_a_message_is_on_its_way_is_said_and_not_lost(tmp_path: Path, chat: Service) -> None:
    chat.pause = 30.0
    program = tmp_path / "sends.py"
    program.write_text(
        textwrap.dedent(
            f"""
            from pathlib import Path
            from tests.alerts.desktop import Desktop, issue
            Desktop(Path({str(tmp_path)!r}), {{"chat": {chat.address!r} + "?rto=60"}}).step(issue())
            """
        )
    )
    process = subprocess.Popen(
        [sys.executable, str(program)], cwd=REPO, env={**os.environ, "PYTHONPATH": str(REPO)}
    )
    deadline = time.monotonic() + 20
    while not chat.taken and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    chat.pause = 0.0

    desktop = Desktop(tmp_path, {"chat": chat.address})
    desktop.step(issue(), after=5)
    desktop.step(issue())

    assert len(chat.taken) == 2
    assert "Perhaps a repeat" in chat.texts[1]
    assert desktop.states() == [("chat", "sent")]
