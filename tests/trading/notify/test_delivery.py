"""Delivery against stand-ins of the real services: what arrives, and what is known when nothing does."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.trading.notify.conftest import Desk, message, told
from tests.trading.notify.standins import ACCOUNT, SMS_TOKEN, TOKEN, Standin, standing
from trading.notify.message import Outcome
from trading.notify.pacing import HOUR_NS

MakeDesk = Callable[..., Desk]
Records = list[logging.LogRecord]


def test_telegram_shows_what_was_meant(telegram: Standin, desk: MakeDesk, records: Records) -> None:
    outcome = desk("telegram").open().send(message())

    assert outcome == Outcome("sent", "telegram")
    assert telegram.accepted == [
        "[장마감] 매매 신호 알림\n\n1. 069500 (KODEX 200)\n   • 신뢰도: 75.3% | 비중: 15.0%"
    ]
    said = telegram.requests[0].json
    assert (said["chat_id"], said["parse_mode"]) == (4711, "MarkdownV2")
    assert said["text"].startswith("*\\[장마감\\] 매매 신호 알림*\n\n1\\. `069500` \\(KODEX 200\\)\n   • ")
    assert told(records, "notification.sent") == [("telegram", None)]


def test_a_long_message_arrives_as_pages(telegram: Standin, desk: MakeDesk) -> None:
    signals = [f"{n}. `{n:06}` (name)\n   • 사유: {'가.' * 60}" for n in range(1, 60)]

    outcome = desk("telegram").open().send(message(body="\n\n".join(["*제목*", "*매수*", *signals])))

    assert outcome.ok
    assert len(telegram.accepted) == len(telegram.requests) > 2
    assert telegram.accepted[1].startswith(f"제목 (2/{len(telegram.accepted)})\n\n매수\n\n")
    assert sum(page.count("사유") for page in telegram.accepted) == len(signals)


def test_slack_gets_its_own_markup(slack: Standin, desk: MakeDesk) -> None:
    outcome = desk("slack").open().send(message(body="*bold* `code` a_b_c <!channel> & 2\\*3\\*4"))

    assert outcome == Outcome("sent", "slack")
    assert slack.accepted == ["*bold* `code` a\u200b_b\u200b_c &lt;!channel&gt; &amp; 2\u200b*3\u200b*4"]


def test_sms_gets_the_short_form(twilio: Standin, desk: MakeDesk) -> None:
    outcome = desk("sms").open().send(message(short="[장마감] 2026-11-20 매수 5, 매도 0, 유지 0"))

    assert outcome == Outcome("sent", "sms")
    assert twilio.accepted == ["[장마감] 2026-11-20 매수 5, 매도 0, 유지 0"]
    assert twilio.requests[0].form["To"] == "+821012345678"


def test_a_long_short_form_stays_within_four_segments(twilio: Standin, desk: MakeDesk) -> None:
    desk("sms").open().send(message(short="가" * 500))

    assert twilio.accepted == ["가" * 267 + "…"]


@pytest.mark.parametrize(
    ("fault", "error_type", "detail"),
    [("401", "auth", "401 Unauthorized"), ("400", "invalid", "400 Bad Request")],
)
def test_a_refusal_for_good_is_not_repeated(
    telegram: Standin, desk: MakeDesk, records: Records, fault: str, error_type: str, detail: str
) -> None:
    telegram.faults = [fault] * 3

    outcome = desk("telegram").open().send(message())

    assert (outcome.state, outcome.error_type, outcome.ok) == ("failed", error_type, False)
    assert len(telegram.requests) == 1
    assert told(records, "notification.failed") == [("telegram", error_type)]


def test_a_wrong_token_is_told_without_the_token(telegram: Standin, desk: MakeDesk) -> None:
    other = TOKEN[:-3] + "xyz"

    outcome = desk(telegram=f'{{token: "{other}", chat: 1}}').open().send(message())

    assert outcome.detail == "telegram: 401 Unauthorized"


def test_a_group_that_got_another_id_is_told_with_it(telegram: Standin, desk: MakeDesk) -> None:
    telegram.faults = ["moved"]

    outcome = desk("telegram").open().send(message())

    assert outcome.detail.endswith(
        "group chat was upgraded to a supergroup chat (write chat: -1001234567890)"
    )


def test_telegram_is_left_alone_for_as_long_as_it_asks(telegram: Standin, desk: MakeDesk) -> None:
    telegram.faults = ["429:7"]
    one = desk("telegram")

    outcome = one.open().send(message())

    assert (outcome.state, one.waits) == ("sent", [7.0])


@pytest.mark.parametrize("service", ["slack", "twilio"])
def test_the_header_retry_after_is_honoured(
    service: str, request: pytest.FixtureRequest, desk: MakeDesk
) -> None:
    standin: Standin = request.getfixturevalue(service)
    standin.faults = ["429:5"]
    one = desk({"slack": "slack", "twilio": "sms"}[service])

    outcome = one.open().send(message())

    assert (outcome.state, one.waits) == ("sent", [5.0])


def test_a_date_to_wait_for_is_understood(slack: Standin, desk: MakeDesk) -> None:
    slack.faults = [f"429:{format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)}"]
    one = desk("slack")

    assert one.open().send(message()).ok
    assert len(one.waits) == 1
    assert 25 <= one.waits[0] <= 31


def test_who_asks_for_too_long_gets_the_message_later(
    telegram: Standin, desk: MakeDesk, records: Records
) -> None:
    telegram.faults = ["429:900"]
    one = desk("telegram")
    notifier = one.open()

    outcome = notifier.send(message())

    assert (outcome.state, outcome.reason, outcome.error_type, outcome.ok) == (
        "queued",
        "retry",
        "rate_limit",
        False,
    )
    assert outcome.due_ns == one.now_ns + 900 * 10**9
    assert notifier.flush() == []
    one.now_ns = outcome.due_ns
    assert [each.state for each in notifier.flush()] == ["sent"]
    assert len(telegram.accepted) == 1


def test_a_broken_server_is_tried_again_with_growing_waits(telegram: Standin, desk: MakeDesk) -> None:
    telegram.faults = ["500", "500"]
    one = desk("telegram")

    outcome = one.open().send(message())

    assert (outcome.state, one.waits, len(telegram.accepted)) == ("sent", [1.0, 2.0], 1)


def test_nobody_listening_is_certain_not_to_have_arrived(
    telegram: Standin, desk: MakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apprise.plugins.telegram import NotifyTelegram

    monkeypatch.setattr(NotifyTelegram, "notify_url", "http://127.0.0.1:9/bot")

    outcome = desk("telegram").open().send(message())

    assert (outcome.state, outcome.reason, outcome.error_type) == ("queued", "retry", "server")


@pytest.mark.parametrize(
    ("fault", "error_type"),
    [("hang", "timeout"), ("reset", "server"), ("half", "server"), ("drip", "timeout")],
)
def test_without_an_answer_nobody_knows_and_nothing_is_sent_twice(
    telegram: Standin, desk: MakeDesk, records: Records, fault: str, error_type: str
) -> None:
    telegram.faults = [fault]
    notifier = desk("telegram").open()

    outcome = notifier.send(message())

    assert (outcome.state, outcome.error_type, outcome.ok) == ("unknown", error_type, False)
    assert told(records, "notification.failed") == [("telegram", error_type)]
    assert notifier.flush() == []
    assert notifier.send(message())._replace(detail="") == outcome._replace(duplicate=True, detail="")
    assert len(telegram.requests) == 1


def test_a_number_that_is_refused_is_told_in_the_services_words(twilio: Standin, desk: MakeDesk) -> None:
    sms = f'{{type: sms, account: {ACCOUNT}, token: {SMS_TOKEN}, from: "+15551234567", to: "+821000000000"}}'

    outcome = desk(sms=sms).open().send(message())

    assert (outcome.state, outcome.error_type) == ("failed", "invalid")
    assert outcome.detail == "sms: 400 Invalid 'To' Phone Number"


def test_the_second_channel_serves_when_the_first_fails(
    telegram: Standin, slack: Standin, desk: MakeDesk, records: Records
) -> None:
    telegram.faults = ["401"]

    outcome = desk("telegram", "slack").open().send(message(language="ko"))

    assert (outcome.state, outcome.channel, outcome.ok) == ("sent", "slack", True)
    assert slack.accepted[0].endswith("📮 다른 채널 전송 실패: telegram: 401 Bad Request")
    assert told(records, "notification.failed") == [("telegram", "auth")]
    assert told(records, "notification.sent") == [("slack", None)]


def test_an_error_whose_arrival_is_unknown_is_told_by_the_second_channel_too(
    telegram: Standin, slack: Standin, desk: MakeDesk
) -> None:
    telegram.faults = ["hang", "hang"]
    notifier = desk("telegram", "slack").open()

    small = notifier.send(message("small"))
    error = notifier.send(message("error", severity="error"))

    assert (small.state, small.channel) == ("unknown", "telegram")
    assert (error.state, error.channel, len(slack.accepted)) == ("sent", "slack", 1)


def test_of_two_recipients_the_one_not_reached_is_told(
    twilio: Standin, desk: MakeDesk, records: Records
) -> None:
    to = '["+821012345678", "+821000000000"]'
    sms = f'{{type: sms, account: {ACCOUNT}, token: {SMS_TOKEN}, from: "+15551234567", to: {to}}}'

    outcome = desk(sms=sms).open().send(message())

    assert (outcome.state, outcome.error_type, outcome.ok) == ("sent", "invalid", False)
    assert len(twilio.accepted) == 1
    assert told(records, "notification.failed") == [("sms", "invalid")]


def test_any_other_service_gets_plain_text_and_a_title(desk: MakeDesk) -> None:
    with standing("json") as standin:
        standin.faults = ["500"]
        one = desk(any=f'{{type: apprise, url: "json://127.0.0.1:{standin.port}/needleNEEDLE01"}}')

        outcome = one.open().send(message(body="*bold* `a*b` \\* <c>"))

    assert (outcome, one.waits) == (Outcome("sent", "any"), [1.0])
    assert standin.accepted == [("매매 신호", "bold a*b * <c>")]


def test_what_nobody_takes_for_a_day_has_failed(telegram: Standin, desk: MakeDesk, records: Records) -> None:
    telegram.faults = ["500"] * 9
    one = desk("telegram")
    notifier = one.open()
    notifier.send(message())

    one.now_ns += 23 * HOUR_NS
    waiting = notifier.flush()
    one.now_ns += 2 * HOUR_NS
    given_up = notifier.flush()

    assert [outcome.state for outcome in waiting + given_up] == ["queued", "failed"]
    assert told(records, "notification.failed") == [("telegram", "server")] * 3
    assert notifier.send(message()).state == "sent"


def test_a_topic_of_a_group_gets_its_own_messages(telegram: Standin, desk: MakeDesk) -> None:
    desk(telegram=f'{{token: "{TOKEN}", chat: "-1001234567890:42"}}').open().send(message())

    said = telegram.requests[0].json
    assert (said["chat_id"], said["message_thread_id"]) == (-1001234567890, 42)
