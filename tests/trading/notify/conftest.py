"""Channels against stand-ins on this machine; only the services' addresses are replaced."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.trading.conftest import collected
from tests.trading.notify.standins import ACCOUNT, HOOK, SMS_TOKEN, TOKEN, Standin, standing
from trading.logs import BotLog
from trading.notify.message import Message, Severity
from trading.notify.notifier import Notifier, Rules
from trading.notify.outbox import Outbox
from trading.notify.posting import posts_of
from trading.notify.secret import read_secrets

START_NS = 1_795_183_200 * 1_000_000_000
"""2026-11-20 14:00:00 UTC, 23:00 in Seoul."""

CHANNELS = {
    "telegram": f'{{type: telegram, token: "{TOKEN}", chat: 4711}}',
    "slack": f"{{type: slack, webhook: https://hooks.slack.com/services/{'/'.join(HOOK)}}}",
    "sms": f'{{account: {ACCOUNT}, token: {SMS_TOKEN}, from: "+15551234567", to: "+821012345678"}}',
}


@pytest.fixture
def telegram(monkeypatch: pytest.MonkeyPatch) -> Iterator[Standin]:
    from apprise.plugins.telegram import NotifyTelegram

    with standing("telegram") as standin:
        monkeypatch.setattr(NotifyTelegram, "notify_url", f"{standin.url}/bot")
        yield standin


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Standin]:
    from apprise.plugins.slack import NotifySlack

    with standing("slack") as standin:
        monkeypatch.setattr(NotifySlack, "webhook_url", standin.url)
        yield standin


@pytest.fixture
def twilio(monkeypatch: pytest.MonkeyPatch) -> Iterator[Standin]:
    from apprise.plugins.twilio import NotifyTwilio

    with standing("twilio") as standin:
        url = f"{standin.url}/2010-04-01/Accounts/{{sid}}/Messages.json"
        monkeypatch.setattr(NotifyTwilio, "notify_sms_url", url)
        yield standin


def secret_file(folder: Path, *names: str, **more: str) -> Path:
    """Write a secret file with these channels."""
    entries = {**{name: CHANNELS[name] for name in names}, **more}
    path = folder / "config.yaml"
    path.write_text("channels:\n" + "".join(f"  {name}: {entry}\n" for name, entry in entries.items()))
    path.chmod(0o600)
    return path


@dataclass
class Desk:
    """A notifier with a clock of its own."""

    folder: Path
    secret: Path
    rules: Rules = Rules(pause_s=0)  # noqa: RUF009 - a frozen tuple
    timeout_s: float = 0.3
    now_ns: int = START_NS
    waits: list[float] = field(default_factory=list)
    notifiers: list[Notifier] = field(default_factory=list)

    def open(self) -> Notifier:
        """Open the outbox, as a process does at its start."""
        secrets = read_secrets(self.secret)
        self.notifiers.append(
            Notifier(
                Outbox(self.folder),
                posts_of(secrets, timeout_s=self.timeout_s),
                log=BotLog("daily", "maps"),
                now=lambda: self.now_ns,
                rules=self.rules,
                secrets=secrets.values,
                sleep=self._sleep,
            )
        )
        return self.notifiers[-1]

    def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now_ns += int(seconds * 1e9)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def make(*names: str, **more: str) -> Desk:
        made.append(Desk(tmp_path, secret_file(tmp_path, *names, **more)))
        return made[-1]

    yield make
    for one in made:
        for notifier in one.notifiers:
            notifier.close()


@pytest.fixture
def records() -> Iterator[list[logging.LogRecord]]:
    with collected() as found:
        yield found


def told(records: list[logging.LogRecord], name: str) -> list[tuple[str, str | None]]:
    """Return (channel, error.type) of the events of that name."""
    return [
        (vars(record)["channel"], vars(record).get("error.type"))
        for record in records
        if getattr(record, "event_name", None) == name
    ]


def message(
    key: str = "daily:2026-11-20", severity: Severity = "info", body: str = "", **more: str
) -> Message:
    text = body or "*[장마감] 매매 신호 알림*\n\n1. `069500` (KODEX 200)\n   • 신뢰도: 75.3% | 비중: 15.0%"
    return Message(kind="daily", key=key, title="매매 신호", body=text, severity=severity, **more)  # type: ignore[arg-type]
