"""The very requests that Slack, SMS providers, Telegram, Discord, ntfy and others get, as users write it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from obs.alerts.channels import channel_of
from obs.alerts.fitting import MOST_SEGMENTS, Form, cut, segments
from obs.alerts.hearing import Receipt
from obs.alerts.opening import channels_of
from obs.alerts.plan import SECOND_NS
from obs.alerts.wording import message, note_of
from obs.config import load
from tests.alerts.desktop import NOON, S, issue
from tests.alerts.relay import Relay

KEY = "0123456789abcdef0123456789abcdef"
ADDRESSES = {
    "slack": "slack://T1JJ3T3L2/A1BRTD4JD/${SLACK_TOKEN}/#alerts",
    "slackbot": "slack://${SLACK_BOT_TOKEN}/#alerts",
    "twilio": "twilio://AC" + KEY + ":${TWILIO_TOKEN}@15551234567/15557654321",
    "vonage": "vonage://abcdefgh:${VONAGE_SECRET}@15551234567/15557654321",
    "telegram": "tgram://${TELEGRAM_TOKEN}/12345/",
    "discord": "discord://123456789012345678/${DISCORD_TOKEN}",
    "ntfy": "ntfys://${NTFY_TOKEN}@ntfy.sh/my-topic?auth=token",
    "pushover": "pover://${PUSHOVER_USER}@${PUSHOVER_TOKEN}",
    "hook": "jsons://hooks.example.com/obs/${HOOK_KEY}",
}
SECRETS = {
    "SLACK_TOKEN": "TIiajkdnlazkcOXrIdevi7FQ",
    "SLACK_BOT_TOKEN": "xoxb-1234-1234-4ddbc191d40ee098cbaae6f3523ada2d",
    "TWILIO_TOKEN": "f" * 32,
    "VONAGE_SECRET": "ABCDEFGHIJKLMNOP",
    "TELEGRAM_TOKEN": "123456789:AAFabcdefghijklmnopqrstuvwxyz0123456",
    "DISCORD_TOKEN": "abcdefghijklmnopqrstuvwxyz",
    "NTFY_TOKEN": "tk_AgQdq7mVBoFD37zQVN29RhuMzNIz2",
    "PUSHOVER_USER": "u" * 30,
    "PUSHOVER_TOKEN": "t" * 30,
    "HOOK_KEY": "h00ks3cr3t",
}
TITLE, TEXT = "obs: ERROR · grid-1", "a <b> & *c* _d_ `e` @everyone <!channel>"
MANY = [note_of(issue(f"{n:02}", S.CRITICAL), "new", at=NOON) for n in range(40)]


class Phone:
    """Channels as a user's `obs.toml` has them."""

    def __init__(self, folder: Path, relay: Relay) -> None:
        rows = "\n".join(f'{name} = "{address}"' for name, address in ADDRESSES.items())
        (folder / "obs.toml").write_text(f"[alerts.channels]\n{rows}\n")
        self._makers, self.relay = channels_of(load(folder=folder).settings), relay

    def send(self, name: str, title: str = TITLE, text: str = TEXT) -> Receipt:
        return self._makers[name]().send(title, text)

    def form(self, name: str) -> Form:
        return self._makers[name]().form

    def tell(self, name: str, lang: str = "en") -> Receipt:
        title, text = message(MANY, lang=lang, zone=ZoneInfo("UTC"), form=self.form(name))
        return self.send(name, title, text)


@pytest.fixture
def phone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Phone]:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    relay = Relay(tmp_path)
    relay.answers = {
        "slack.com": (200, b'{"ok": true, "channel": "C1"}'),
        "api.twilio.com": (201, b'{"sid": "SM1", "status": "queued"}'),
        "rest.nexmo.com": (200, b'{"message-count": "1", "messages": [{"status": "0"}]}'),
        "api.telegram.org": (200, b'{"ok": true, "result": {}}'),
        "discord.com": (204, b""),
        "ntfy.sh": (200, b'{"id": "x"}'),
        "api.pushover.net": (200, b'{"status": 1}'),
    }
    with relay.open(monkeypatch):
        yield Phone(tmp_path, relay)


def test_slack_s_webhook_gets_text_that_nothing_in_it_can_turn_into_a_mention(phone: Phone) -> None:
    receipt = phone.send("slack")

    came = phone.relay.only
    assert receipt.verdict == "taken"
    assert (came.host, came.method) == ("hooks.slack.com", "POST")
    assert came.path == f"/services/T1JJ3T3L2/A1BRTD4JD/{SECRETS['SLACK_TOKEN']}"
    parts: Any = came.said["attachments"]
    (part,) = parts
    assert part["title"] == TITLE
    assert "a ‹b› &amp; *c*" in part["text"]
    assert "<" not in part["text"]
    assert came.said["mrkdwn"] is False


def test_slack_s_bot_says_its_token_in_the_header_and_a_word_of_refusal_is_heard(phone: Phone) -> None:
    taken = phone.send("slackbot")
    phone.relay.answers["slack.com"] = (200, b'{"ok": false, "error": "not_in_channel"}')
    refused = phone.send("slackbot")
    phone.relay.answers["slack.com"] = (200, b'{"ok": false, "error": "ratelimited"}')
    limited = phone.send("slackbot")

    came = phone.relay.requests[0]
    assert (came.host, came.path) == ("slack.com", "/api/chat.postMessage")
    assert came.headers["authorization"] == f"Bearer {SECRETS['SLACK_BOT_TOKEN']}"
    assert taken.verdict == "taken"
    assert refused[:2] == ("refused", "not_in_channel")
    assert limited[:2] == ("again", "ratelimited")


def test_twilio_gets_one_short_text_spelled_for_a_phone(phone: Phone) -> None:
    receipt = phone.tell("twilio")

    came = phone.relay.only
    assert receipt.verdict == "taken"
    assert (came.host, came.path) == ("api.twilio.com", f"/2010-04-01/Accounts/AC{KEY}/Messages.json")
    secret = base64.b64encode(f"AC{KEY}:{SECRETS['TWILIO_TOKEN']}".encode()).decode()
    assert came.headers["authorization"] == f"Basic {secret}"
    assert came.form["From"].endswith("15551234567")
    assert came.form["To"].endswith("15557654321")
    text = came.form["Body"]
    assert text.startswith("obs CRITICAL - grid-1 - Position without a stop 00, at risk 97,771.80 USDT")
    assert "+3" in text
    assert segments(text) <= MOST_SEGMENTS
    assert len(text) <= 459


def test_korean_by_sms_fits_the_segments_that_unicode_leaves(phone: Phone) -> None:
    assert phone.tell("twilio", "ko").verdict == "taken"

    text = phone.relay.only.form["Body"]
    assert "위험 금액" in text
    assert segments(text) <= MOST_SEGMENTS
    assert len(text) <= 201


@pytest.mark.parametrize(
    ("status", "answer", "verdict"),
    [
        (400, b'{"code": 21610, "message": "unsubscribed"}', "refused"),
        (401, b'{"code": 20003}', "refused"),
        (429, b'{"code": 20429}', "again"),
        (500, b"", "again"),
    ],
)
def test_what_twilio_refuses_is_told_by_its_status(
    phone: Phone, status: int, answer: bytes, verdict: str
) -> None:
    phone.relay.answers["api.twilio.com"] = (status, answer)

    assert phone.send("twilio", "", "text")[:2] == (verdict, f"HTTP {status}")


def test_vonage_s_refusal_with_status_200_is_no_delivery(phone: Phone) -> None:
    taken = phone.tell("vonage")
    phone.relay.answers["rest.nexmo.com"] = (200, b'{"messages": [{"status": "9", "error-text": "quota"}]}')
    refused = phone.tell("vonage")

    came = phone.relay.requests[0]
    assert taken.verdict == "taken"
    assert (came.host, came.path) == ("rest.nexmo.com", "/sms/json")
    assert came.form["to"] == "15557654321"
    assert segments(came.form["text"]) <= MOST_SEGMENTS
    assert refused[:2] == ("refused", "the service refused it with status 9")


def test_telegram_gets_all_of_it_within_its_limit(phone: Phone) -> None:
    assert phone.send("telegram").verdict == "taken"
    assert phone.tell("telegram", "ko").verdict == "taken"

    came, many = phone.relay.requests
    assert came.path == f"/bot{SECRETS['TELEGRAM_TOKEN']}/sendMessage"
    assert "a ‹b›" in str(came.said["text"])
    assert len(str(many.said["text"])) <= 4096
    assert "외 32건" in str(many.said["text"])


def test_discord_gets_one_message_within_its_limit_that_mentions_nobody(phone: Phone) -> None:
    assert phone.tell("discord").verdict == "taken"
    assert phone.send("discord").verdict == "taken"

    many, came = phone.relay.requests
    assert came.path.startswith(f"/api/webhooks/123456789012345678/{SECRETS['DISCORD_TOKEN']}")
    assert len(many.body.decode()) < 2_600
    assert "more: " in many.body.decode()
    assert "@" not in str(came.said["content"])


def test_ntfy_gets_a_message_that_it_does_not_turn_into_a_file(phone: Phone) -> None:
    assert phone.send("ntfy", TITLE, "가" * 3_000).verdict == "taken"

    came = phone.relay.only
    assert came.host == "ntfy.sh"
    assert came.headers["authorization"] == f"Bearer {SECRETS['NTFY_TOKEN']}"
    assert len(str(came.said["message"]).encode()) <= 4_096


def test_pushover_gets_title_and_text_within_its_limits(phone: Phone) -> None:
    assert phone.tell("pushover").verdict == "taken"

    came = phone.relay.only
    assert came.host == "api.pushover.net"
    assert len(came.form["message"]) <= 1_024
    assert len(came.form["title"]) <= 250


def test_a_webhook_of_one_s_own_gets_title_and_text_as_json(phone: Phone) -> None:
    assert phone.send("hook").verdict == "taken"

    came = phone.relay.only
    assert (came.host, came.path.rstrip("/")) == ("hooks.example.com", f"/obs/{SECRETS['HOOK_KEY']}")
    assert came.said["title"] == TITLE
    assert "a ‹b› & *c*" in str(came.said["message"])


def test_of_two_numbers_one_that_fails_is_told_apart_from_one_that_has_it(phone: Phone) -> None:
    channel = channel_of("two", ADDRESSES["twilio"] + "/15557654322", environment=SECRETS)
    phone.relay.turns["api.twilio.com"] = [(500, b""), (201, b"{}")]
    first = channel.send("", "text")
    phone.relay.turns["api.twilio.com"] = [(201, b"{}"), (503, b"")]
    second = channel.send("", "text")

    assert (first.verdict, first.why, first.is_partly) == ("again", "HTTP 500", True)
    assert (second.verdict, second.why, second.is_partly) == ("again", "HTTP 503", True)


@pytest.mark.parametrize("name", ADDRESSES)
def test_no_receipt_says_a_secret(phone: Phone, name: str) -> None:
    for host in ("hooks.slack.com", *phone.relay.answers, "hooks.example.com"):
        answer = ('{"error": "bad ' + " ".join(SECRETS.values()) + '"}').encode()
        phone.relay.answers[host] = (403, answer)

    receipt = phone.send(name)

    assert receipt.verdict == "refused"
    assert all(secret not in str(receipt) for secret in SECRETS.values())


def test_a_certificate_that_nobody_vouches_for_is_certainly_no_delivery(
    phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")

    assert phone.send("hook")[:2] == ("again", "its certificate is not accepted")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 153 * 3, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("가" * 70, 1),
        ("가" * 71, 2),
        ("😀" * 35, 1),
        ("a" * 160 + "가", 3),
    ],
)
def test_segments_are_counted_as_they_are_paid(text: str, count: int) -> None:
    assert segments(text) == count


@pytest.mark.parametrize("form", [Form(limit=100), Form(limit=100, is_bytes=True), Form(is_sms=True)])
@pytest.mark.parametrize("text", ["a" * 2_000, "가" * 2_000, "😀" * 2_000, "short"])
def test_what_is_cut_fits_and_says_so(form: Form, text: str) -> None:
    shown = cut(text, form)

    assert form.takes(shown)
    assert shown == text or shown.endswith(("…", "..."))


def test_a_wait_is_never_longer_than_an_hour(phone: Phone) -> None:
    phone.relay.answers["api.telegram.org"] = (429, b'{"ok": false, "parameters": {"retry_after": 86400}}')

    assert phone.send("telegram").wait_seconds * SECOND_NS == 3_600 * SECOND_NS
