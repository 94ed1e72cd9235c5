"""What is news: ends that last, flapping, reminders, quiet hours over clock changes, any currency."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from obs.alerts.plan import HOUR_NS, SECOND_NS, amounts_of, quiet_of
from obs.alerts.wording import message, note_of
from obs.money.amounts import Money, Rate
from obs.money.rates import Rates
from obs.snapshot import Issue, IssueStatus
from obs.standing import BotStanding
from tests.alerts.desktop import NOON, Desktop, S, issue, route
from tests.alerts.standins import Service

OVER = IssueStatus.RESOLVED
MINUTE = 60.0


@pytest.fixture
def chat() -> Iterator[Service]:
    with Service().open() as service:
        yield service


@pytest.fixture
def desktop(tmp_path: Path, chat: Service) -> Desktop:
    return Desktop(tmp_path, {"chat": chat.address}, over_after=300 * SECOND_NS, remind_after=4 * HOUR_NS)


def titles(chat: Service) -> list[str]:
    return [said["title"] for said in chat.taken]


def test_an_end_is_told_only_when_it_has_lasted(desktop: Desktop, chat: Service) -> None:
    desktop.step(issue())
    desktop.step(issue(status=OVER))
    desktop.step(issue(status=OVER), after=4 * MINUTE)
    early = len(chat.taken)
    desktop.step(issue(status=OVER), after=1.1 * MINUTE)

    assert early == 1
    assert titles(chat)[1].startswith("obs: over: ERROR")


def test_a_flapping_issue_is_never_told_as_over_while_it_burns_and_tells_less_and_less(
    desktop: Desktop, chat: Service
) -> None:
    quick, slow = issue("1"), issue("2")
    for minute in range(8 * 60):
        desktop.step(
            msgspec.structs.replace(quick, status=OVER if minute % 4 else IssueStatus.REGRESSED),
            msgspec.structs.replace(slow, status=OVER if minute % 30 else IssueStatus.REGRESSED),
            after=MINUTE,
        )

    assert sum("stop 1" in text for text in chat.texts) == 1
    assert 4 <= sum("stop 2" in text for text in chat.texts) <= 8


def test_what_came_back_after_its_end_was_told_is_told_at_once(desktop: Desktop, chat: Service) -> None:
    desktop.step(issue())
    for _ in range(8):
        desktop.step(issue(status=OVER), after=MINUTE)
    desktop.step(issue(status=IssueStatus.REGRESSED))

    assert [title.split(" · ")[0] for title in titles(chat)] == [
        "obs: ERROR",
        "obs: over: ERROR",
        "obs: back: ERROR",
    ]
    assert "came back 1× in a day" in chat.texts[2]


def test_what_is_urgent_and_stays_open_is_told_again(desktop: Desktop, chat: Service) -> None:
    for _ in range(9):
        desktop.step(issue("1", S.CRITICAL), issue("2"), after=HOUR_NS / SECOND_NS)

    assert [title.split(" · ")[0] for title in titles(chat)][1:] == ["obs: still: CRITICAL"] * 2
    assert all("stop 2" not in text for text in chat.texts[1:])


def test_a_clock_that_is_set_back_holds_nothing_up_and_tells_nothing_twice(
    desktop: Desktop, chat: Service
) -> None:
    desktop.step(issue("1"))
    desktop.step(issue("1"), issue("2"), after=-24 * 3600)
    for _ in range(5):
        desktop.step(issue("1"), issue("2"))
    desktop.step(issue("1"), issue("2", status=OVER))
    desktop.step(issue("1"), issue("2", status=OVER), after=6 * MINUTE)

    assert len(chat.taken) == 3
    assert "stop 2" in chat.texts[1]
    assert "over: ERROR" in chat.texts[2]


def test_retries_do_not_wait_for_a_clock_that_was_set_back(desktop: Desktop, chat: Service) -> None:
    chat.status = 503
    desktop.step(issue())
    chat.status = 200
    desktop.step(issue(), after=-5 * 3600)

    assert len(chat.taken) == 1


def test_an_end_of_quiet_hours_is_ahead_on_every_minute_of_a_year() -> None:
    quiet = quiet_of("23:30-02:30", ZoneInfo("America/New_York"))
    assert quiet is not None
    for day in (datetime(2026, 3, 8, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)):
        for minute in range(-600, 24 * 60):
            moment = day + timedelta(minutes=minute)
            now = int(moment.timestamp()) * SECOND_NS
            until = quiet.until(now)
            here = moment.astimezone(quiet.zone).time()

            assert bool(until) is (here >= quiet.begin or here < quiet.end)
            if until:
                assert 0 < until - now <= 4 * HOUR_NS


@given(st.integers(0, 365 * 24 * 60), st.sampled_from(["Asia/Seoul", "Europe/Berlin", "Australia/Lord_Howe"]))
def test_quiet_hours_end_within_a_day(minute: int, zone: str) -> None:
    quiet = quiet_of("22:00-06:15", ZoneInfo(zone))
    now = NOON + minute * 60 * SECOND_NS

    assert quiet is not None
    until = quiet.until(now)

    assert until == 0 or now < until <= now + 9 * HOUR_NS + 900 * SECOND_NS


def at_risk(*amounts: tuple[int, str]) -> Issue:
    return issue(money_at_risk=tuple(Money(Decimal(amount), currency) for amount, currency in amounts))


@pytest.mark.parametrize(
    ("amounts", "fits"),
    [
        ([(999, "USDT")], False),
        ([(1000, "USDT")], True),
        ([(1_399_999, "KRW")], False),
        ([(1_400_000, "KRW")], True),
        ([(600, "USDT"), (500, "EUR")], True),
        ([(600, "USDT"), (100, "EUR")], False),
        # No rate tells what this is worth, so its owner is told.
        ([(1, "BTC")], True),
        ([(0, "BTC")], False),
        ([], False),
    ],
)
def test_money_of_any_currency_is_compared_by_rates_or_told(
    amounts: list[tuple[int, str]], fits: bool
) -> None:
    rates = Rates.of([Rate(NOON - HOUR_NS, "EUR/USDT", Decimal(1))])
    rich = route(money=amounts_of("1000 USDT, 1400000 KRW"))

    assert rich.fits(at_risk(*amounts), rates, NOON) is fits


@pytest.mark.parametrize("text", ["100", "USDT 100", "100 USDT 5", "100 USDT, 200 usdt", "-1 USDT"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"amount|twice"):
        amounts_of(text)


def test_fifty_at_once_are_one_message_that_counts_the_rest(desktop: Desktop, chat: Service) -> None:
    desktop.step(*(issue(f"{n:02}", services=(f"bot-{n}",)) for n in range(50)))

    (text,) = chat.texts
    assert text.startswith("obs: 50 issues, worst ERROR · bot-0 · Position")
    assert "and 42 more" in text


def test_two_routes_to_one_channel_tell_an_issue_once(tmp_path: Path, chat: Service) -> None:
    desktop = Desktop(
        tmp_path, {"chat": chat.address}, route("a", also=True), route("b", also=True), route("c")
    )

    desktop.step(issue())

    assert len(chat.taken) == 1


def test_money_at_risk_that_grew_fivefold_is_told_and_less_is_not(desktop: Desktop, chat: Service) -> None:
    desktop.step(at_risk((1_000, "USDT")))
    desktop.step(at_risk((4_999, "USDT")))
    before = len(chat.taken)
    desktop.step(at_risk((5_000, "USDT")))
    desktop.step(at_risk((20_000, "USDT"), (1, "BTC")))

    assert before == 1
    assert len(chat.taken) == 2
    assert chat.texts[1].startswith("obs: worse: ERROR · grid-1")
    assert "at risk 5,000.00 USDT" in chat.texts[1]


def test_money_of_a_bot_that_only_plays_is_said_to_be_simulated() -> None:
    real, paper = issue("1"), issue("2", services=("paper-1",))
    standing = BotStanding(name="paper-1", mode="paper")

    told = [note_of(one, "new", modes={standing.name: standing.mode}) for one in (real, paper)]

    assert [note.is_simulated for note in told] == [False, True]
    assert "97,771.80 USDT, simulated" in message(told[1:], lang="en", zone=ZoneInfo("UTC"))[1]
    assert "97,771.80 USDT(모의)" in message(told[1:], lang="ko", zone=ZoneInfo("UTC"))[1]


def test_the_end_of_a_bot_is_told_also_where_its_cause_was(desktop: Desktop, chat: Service) -> None:
    cause = issue("1", S.CRITICAL)
    end = issue(
        "2", S.CRITICAL, rule="ended", cause=cause.fingerprint, title="The bot ended with exit code 1"
    )
    symptom = issue("3", S.CRITICAL, cause=cause.fingerprint)

    desktop.step(cause)
    desktop.step(cause, end, symptom)
    desktop.step(cause, end, symptom)

    assert len(chat.taken) == 2
    assert titles(chat)[1] == "obs: CRITICAL · grid-1 · The bot ended with exit code 1"


def test_a_message_has_the_tone_of_what_it_tells(tmp_path: Path, chat: Service) -> None:
    desktop = Desktop(tmp_path, {"chat": chat.address}, route(severity=S.WARNING))

    desktop.step(issue("1", S.CRITICAL))
    desktop.step(issue("1", S.CRITICAL), issue("2", S.WARNING))
    desktop.step(issue("1", S.CRITICAL, status=OVER), issue("2", S.WARNING), after=MINUTE)

    assert [said["type"] for said in chat.taken] == ["failure", "warning", "success"]


def test_limits_and_waits_of_a_clock_that_was_ahead_hold_nothing_up(tmp_path: Path, chat: Service) -> None:
    desktop = Desktop(tmp_path, {"chat": chat.address}, per_hour=1, group_wait=10 * SECOND_NS)
    desktop.step(issue("1"))
    desktop.step(issue("1"), after=11)
    desktop.step(issue("1"), issue("2"))
    desktop.step(issue("1"), issue("2"), after=-24 * 3600)

    assert len(chat.taken) == 2


def test_of_an_hour_that_comes_twice_the_second_end_is_meant() -> None:
    quiet = quiet_of("23:30-01:30", ZoneInfo("America/New_York"))
    assert quiet is not None
    # 06:15 UTC is 01:15 for the second time: clocks went back at 06:00 UTC.
    now = int(datetime(2026, 11, 1, 6, 15, tzinfo=UTC).timestamp()) * SECOND_NS

    assert quiet.until(now) - now == 15 * 60 * SECOND_NS
