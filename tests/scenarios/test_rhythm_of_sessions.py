"""A share bot by day, by night and on a holiday: alive but useless, or merely closed."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from obs.snapshot import IssueStatus
from tests.builders import SECOND, START
from tests.scenarios.playing import Story, causes, verdict

MINUTE = 60


def seoul(text: str) -> float:
    """Return the seconds from the story's start to a moment in Seoul."""
    at = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Seoul"))
    return at.timestamp() - START / SECOND


def trading_day(
    day: str, *, feed_until: str = "15:30", alive_until: str = "15:40", story: Story | None = None
) -> Story:
    """A bot on Korean ETFs: beats each 30 s, a candle a minute while the feed lives, a signal each ten."""
    story = story or Story("kr-etf")
    opens, ends = seoul(f"{day}T09:00:00"), seoul(f"{day}T{feed_until}:00")
    at = seoul(f"{day}T08:50:00")
    story.say(at, "bot.started", {"bot.state": "running"})
    while at < seoul(f"{day}T{alive_until}:00"):
        at += 30
        story.say(at, "heartbeat", {"bot.state": "running"})
        if opens <= at < ends and at % MINUTE == 0:
            story.say(at + 1, "market.bar", candle(35_000))
        if opens <= at < ends and at % (10 * MINUTE) == 0:
            story.say(at + 2, "signal.generated", {"symbol": "069500", "signal.action": "hold"})
    return story


def candle(close: int) -> dict[str, object]:
    return {
        "symbol": "069500", "exchange.id": "krx", "interval": "1m", "close": str(close), "volume": "900",
        "currency": "KRW",
    }  # fmt: skip


def test_a_feed_that_died_on_a_trading_day_is_alive_but_useless_with_the_money_behind_it() -> None:
    story = trading_day("2025-11-20", feed_until="10:18", alive_until="13:30")
    held = {
        "position.id": "p1",
        "symbol": "069500",
        "position.quantity": "100",
        "position.average_price": "35000",
        "currency": "KRW",
    }
    story.say(seoul("2025-11-20T09:30:00"), "position.opened", held)
    noon = seoul("2025-11-20T13:30:00")

    (issue,) = causes(story.picture(noon))
    page = story.page(noon)

    assert "no candle for 3 h 12 min" in verdict(page)
    assert "3,500,000.00 KRW" in verdict(page)
    assert "reports running" in verdict(page)
    assert "usually one every 60 s while XKRX is open" in page
    assert "Restart: kr-etf **no**: open positions" in page
    assert issue.first_seen == START + int((seoul("2025-11-20T10:17:00") + 1 + MINUTE) * SECOND)
    assert issue.actions[0].startswith("[read]")


def test_a_missing_candle_or_two_is_no_stale_feed() -> None:
    story = trading_day("2025-11-20", feed_until="10:18", alive_until="10:21")

    assert causes(story.picture(seoul("2025-11-20T10:21:00"))) == []


def test_a_holiday_explains_the_silence_of_the_feed() -> None:
    """2025-10-03 to 10-09: foundation day and Chuseok. The bot beats on, no candle comes for a week."""
    story = trading_day("2025-10-02")
    trading_day("2025-10-07", feed_until="09:00", alive_until="15:40", story=story)

    chuseok = seoul("2025-10-07T13:00:00")
    picture = story.picture(chuseok)

    assert causes(picture) == []
    assert any("opens 2025-10-10 00:00 UTC" in seen for _, seen, _ in picture.facts)


def test_the_same_silence_on_the_next_trading_day_is_a_fault() -> None:
    story = trading_day("2025-10-02")
    trading_day("2025-10-10", feed_until="09:00", alive_until="10:00", story=story)

    (issue,) = causes(story.picture(seoul("2025-10-10T10:00:00")))

    assert "no candle for 60 min" in issue.title or "no candle for 1 h" in issue.title


def test_the_exam_day_begins_an_hour_later_and_nothing_is_missing_before() -> None:
    story = trading_day("2025-11-12")
    trading_day("2025-11-13", feed_until="09:00", alive_until="10:20", story=story)

    assert causes(story.picture(seoul("2025-11-13T09:55:00"))) == []
    assert causes(story.picture(seoul("2025-11-13T10:20:00"))) != []


def test_a_bot_that_sleeps_at_night_is_not_unresponsive_and_one_that_sleeps_on_is() -> None:
    story = trading_day("2025-11-20")

    assert causes(story.picture(seoul("2025-11-21T03:00:00"))) == []
    assert causes(story.picture(seoul("2025-11-21T09:14:59"))) == []
    (issue,) = causes(story.picture(seoul("2025-11-21T09:15:00")))
    assert issue.rule == "unresponsive"
    assert "15 min" in issue.title
    assert "of open market (XKRX)" in issue.explanation


def test_a_crypto_bot_is_unresponsive_at_any_hour_with_what_it_holds() -> None:
    story = Story("grid-1")
    for beat in range(60):
        story.say(30 * beat, "heartbeat", {"bot.state": "running"})
    held = {
        "position.id": "p1",
        "symbol": "BTC/USDT",
        "position.quantity": "0.5",
        "position.average_price": "90000",
        "currency": "USDT",
    }
    story.say(1_770, "position.opened", held)

    assert causes(story.picture(1_770 + 899)) == []
    (issue,) = causes(story.picture(1_770 + 900))
    page = story.page(1_770 + 900)

    assert issue.rule == "unresponsive"
    assert "CRITICAL" in verdict(page)
    assert "45,000.00 USDT" in verdict(page)
    assert "Do not: start a second one beside it" in page


def test_what_failed_by_day_is_not_exercised_at_night_and_never_called_fixed() -> None:
    story = trading_day("2025-11-20", alive_until="23:00")
    refused = {"symbol": "069500", "order.side": "buy", "currency": "KRW", "reason": "insufficient deposit"}
    for number in range(4):
        at = seoul(f"2025-11-20T14:{30 + number}:00")
        story.say(at, "order.submitted", {**refused, "order.id": f"o{number}"})
        story.say(at + 1, "order.rejected", {**refused, "order.id": f"o{number}", "error.type": "invalid"})

    night = seoul("2025-11-20T23:00:00")
    (issue,) = causes(story.picture(night))
    page = story.page(night)

    assert issue.status is not IssueStatus.RESOLVED
    assert "not exercised" in page
    assert "resolved" not in page
    assert "market XKRX" in page
    assert "closed since 06:30 UTC, opens 2025-11-21 00:00 UTC" in page


def test_nothing_wrong_at_all_is_said_in_three_lines() -> None:
    story = trading_day("2025-11-20", alive_until="15:00")
    held = {"position.id": "p1", "symbol": "069500", "position.quantity": "100", "currency": "KRW"}
    sold = {"position.id": "p1", "trade.id": "t1", "symbol": "069500", "pnl.net": "12000", "currency": "KRW"}
    story.say(seoul("2025-11-20T10:00:00"), "position.opened", {**held, "position.average_price": "35000"})
    story.say(seoul("2025-11-20T11:00:00"), "trade.closed", sold)
    page = story.page(seoul("2025-11-20T15:00:00"))

    said, *lines = page.split("\n\n")[1].split("\n")

    assert said == "**OK: no fault found.**"
    assert [line.split(":")[0] for line in lines] == ["- Money", "- Restart"]
    assert "1 closed trade, 1 won, 12,000.00 KRW" in lines[0]
    assert "flat, safe" in lines[1]
    assert "## Issues" not in page
    assert len(page) < 1_000
