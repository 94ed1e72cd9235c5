"""The words of the messages: the layout people know, in two languages, whatever names and figures hold."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trading.notify.standins import read_markdown_v2
from trading import amounts
from trading.notify import messages
from trading.notify.channels import TELEGRAM, pages
from trading.notify.markup import to_plain
from trading.notify.messages import Language
from trading.reporting.facts import (
    NONE,
    ActionFacts,
    ClosedDay,
    DailyFacts,
    DayFacts,
    FailureFacts,
    FilteredFacts,
    SessionHours,
    SignalFacts,
    WeeklyFacts,
)

KODEX = SignalFacts(
    symbol="069500",
    name="KODEX 200",
    action="buy",
    confidence=0.753,
    weight=0.15,
    price=30500.0,
    score=5.23,
    rsi=45.0,
    reason="MAPS=5.2, RSI=45",
)
DAY = DailyFacts(as_of=date(2025, 11, 2), currency="KRW", calendar="XKRX", signals=(KODEX,) * 5)

SEED = """*[장마감] 매매 신호 알림*

📅 날짜: 2025-11-02
📊 총 신호: 5개
   • 매수: 5개
   • 매도: 0개
   • 유지: 0개

*🟢 매수 신호*

1. `069500` (KODEX 200)
   • 신뢰도: 75.3% | 비중: 15.0%
   • 가격: 30,500원
   • MAPS: 5.23 | RSI: 45
   • 사유: MAPS=5.2, RSI=45
"""

ENGLISH = """*[Market close] Trading signals*

📅 Date: 2025-11-02
📊 Signals: 5
   • Buy: 5
   • Sell: 0
   • Hold: 0

*🟢 Buy*

1. `069500` (KODEX 200)
   • Confidence: 75.3% | Weight: 15.0%
   • Price: 30,500 KRW
   • MAPS: 5.23 | RSI: 45
   • Why: MAPS=5.2, RSI=45
"""

ACTIONS = """*🔄 리밸런싱 안내*

📅 기준일: 2025-11-02 종가
⏰ 실행: 2025-11-03 시가
📊 변경: 2건 | 유지: 1건

*🟢 신규 매수*

1. `069500` (KODEX 200)
   • 수량: 49 매수 (약 1,494,500원)
   • 비중: 0.0% → 15.0%
   • 종가: 30,500원
   • 사유: 신호

*🔴 전량 매도*

1. `BTC`
   • 수량: 0.015 매도
   • 비중: 20.0% → 0.0%
   • 종가: ?
   • 사유: 손절매

*⚪ 유지*

   • `A` 10.0%"""

LANGUAGES: tuple[Language, ...] = ("ko", "en")


@pytest.mark.parametrize(("language", "expected"), [("ko", SEED), ("en", ENGLISH)])
def test_the_daily_message_has_the_layout_people_know(language: Language, expected: str) -> None:
    message = messages.daily(DAY, language)

    assert message.body.startswith(expected)
    assert message.body.count("`069500`") == 5
    assert message.key == "daily:XKRX:2025-11-02"
    assert message.title.endswith("2025-11-02")


def test_sells_and_holds_have_parts_of_their_own_and_ask_for_no_weight() -> None:
    sell = msgspec.structs.replace(KODEX, action="sell", weight=NONE, score=None)
    hold = msgspec.structs.replace(KODEX, action="hold")

    body = messages.daily(msgspec.structs.replace(DAY, signals=(hold, sell, KODEX)), "ko").body

    assert [line for line in body.split("\n") if line.startswith("*")][1:] == [
        "*🟢 매수 신호*",
        "*🔴 매도 신호*",
        "*⚪ 유지 신호*",
    ]
    assert "   • 신뢰도: 75.3%\n   • 가격: 30,500원\n   • MAPS: ? | RSI: 45" in body


def test_a_day_without_signals_says_so_and_why() -> None:
    filtered = FilteredFacts(symbol="1", action="buy", filter="volatility")
    facts = DailyFacts(as_of=date(2025, 11, 2), currency="KRW", filtered=(filtered, filtered))

    body = messages.daily(facts, "ko").body

    assert body.endswith("오늘은 신호가 없습니다.\n\n🚧 걸러진 신호: 2개 (변동성 2)")


def test_what_failed_on_the_way_is_in_the_daily_message() -> None:
    facts = msgspec.structs.replace(
        DAY, failures=(FailureFacts(step="report", error="disk full"),), without_bar=("000660",)
    )

    message = messages.daily(facts, "en")

    assert message.body.endswith("*⚠️ Look at*\n\n   • No price: 000660\n   • report: disk full")
    assert message.severity == "warning"


def test_actions_tell_quantity_and_weights_before_and_after() -> None:
    facts = msgspec.structs.replace(
        DAY,
        next_session=date(2025, 11, 3),
        actions=(
            ActionFacts(
                symbol="069500",
                name="KODEX 200",
                kind="open",
                quantity=49.0,
                price=30500.0,
                weight_before=0.0,
                weight_after=0.15,
                reason="signal",
            ),
            ActionFacts(
                symbol="BTC",
                kind="close",
                quantity=0.015,
                weight_before=0.2,
                weight_after=0.0,
                reason="stop loss",
            ),
            ActionFacts(symbol="A", kind="keep", quantity=0.0, weight_before=0.1),
        ),
    )

    assert messages.rebalancing(facts, "ko").body == ACTIONS
    assert "   • Quantity: sell 0.015\n   • Weight: 20.0% → 0.0%" in messages.rebalancing(facts, "en").body


def test_an_error_says_what_where_why_what_was_done_and_what_to_do_but_no_trace() -> None:
    trace = "Traceback (most recent call last):\n  File \"/x/y.py\", line 3, in f\n    f(1)\nKeyError: '종가'"

    message = messages.error(
        "Prices did not come.",
        where="3 signals",
        at_ns=1_762_070_400 * 10**9,
        as_of=date(2025, 11, 2),
        why=trace,
        done="Nothing was sent.",
        mend="Check KRX_ID.",
        language="en",
    )

    assert message.body == (
        "*❌ Error*\n\n📅 As of: 2025-11-02\n⏰ At: 2025-11-02 17:00:00 (Asia/Seoul)\n📍 Where: 3 signals\n\n"
        "*What failed*\n\nPrices did not come.\n   • Cause: KeyError: '종가'\n\n"
        "*What was done*\n\nNothing was sent.\n\n*What to do*\n\nCheck KRX_ID."
    )
    assert message.severity == "error"


def test_the_same_failure_has_one_key_and_another_another() -> None:
    def key(why: str, where: str = "a", day: int = 2) -> str:
        return messages.error("x", where=where, why=why, at_ns=0, as_of=date(2025, 11, day)).key

    assert key("one") == key("one")
    assert len({key("one"), key("two"), key("one", "b"), key("one", "a", 3)}) == 4


def test_a_week_tells_its_days_its_trades_and_the_week_to_come() -> None:
    facts = WeeklyFacts(
        first=date(2025, 11, 3),
        last=date(2025, 11, 9),
        as_of=date(2025, 11, 7),
        currency="KRW",
        week_return=0.0123,
        week_profit=123_000.4,
        total_return=-0.02,
        days=(
            DayFacts(day=date(2025, 11, 3), equity=1.0, day_return=0.0, signals=3, positions=2),
            DayFacts(day=date(2025, 11, 4)),
        ),
        wins=0,
        settled=0,
        next_sessions=(SessionHours(day=date(2025, 11, 13), opens="10:00", closes="16:30", note="수능"),),
        closed_days=(ClosedDay(day=date(2025, 11, 14)),),
    )

    body = messages.weekly(facts, "ko").body

    assert "   • 주간 수익률: +1.23% (+123,000원)\n   • 누적 수익률: -2.00%\n" in body
    assert "   • 2025-11-03: 0.00% | 신호 3 | 포지션 2\n   • 2025-11-04: 기록 없음" in body
    assert "   • 누적 승률: - (0/0)" in body
    assert body.endswith("   • 거래일: 1일\n   • 2025-11-13 10:00~16:30: 수능\n   • 2025-11-14 휴장")


ANY = st.text(st.characters(exclude_categories=()), max_size=30) | st.text(
    "*_`[]()~>#+-=|{}.!\\<&\ud800\udfff\n", max_size=20
)
FIGURE = st.floats() | st.none() | st.just(NONE)


@given(st.sampled_from(LANGUAGES), ANY, ANY, ANY, FIGURE, FIGURE, st.sampled_from(["KRW", "USD", "BTC"]))
def test_whatever_stands_in_names_and_figures_telegram_takes_it_and_shows_it(
    language: Language, symbol: str, name: str, reason: str, price: float, weight: float, currency: str
) -> None:
    signal = SignalFacts(symbol=symbol, name=name, action="buy", price=price, weight=weight, reason=reason)
    facts = DailyFacts(as_of=date(2025, 11, 2), currency=currency, signals=(signal,))

    message = messages.daily(facts, language)
    (page,) = pages(message, TELEGRAM)

    shown = "".join(span.text for span in read_markdown_v2(page))
    assert shown == to_plain(message.body)
    assert message.body.count("\n") == messages.daily(
        msgspec.structs.replace(facts, signals=(KODEX,)), language
    ).body.count("\n")


def test_hundreds_of_signals_come_as_pages_that_telegram_takes() -> None:
    signals = tuple(msgspec.structs.replace(KODEX, symbol=f"{n:06}", reason="a_b.c!" * 8) for n in range(200))

    found = pages(messages.daily(msgspec.structs.replace(DAY, signals=signals)), TELEGRAM)

    shown = ["".join(span.text for span in read_markdown_v2(page)) for page in found]
    assert all(len(text.encode("utf-16-le")) // 2 <= 4096 for text in shown)
    # Each signal is whole: its number, symbol and reason stand on one page.
    assert [text.count("(KODEX 200)") for text in shown] == [text.count("사유: ") for text in shown]
    assert sum(text.count("사유: ") for text in shown) == 200


@pytest.mark.parametrize(
    ("value", "currency", "language", "expected"),
    [
        (30500.0, "KRW", "ko", "30,500원"),
        (30500.6, "KRW", "ko", "30,501원"),
        (0.0123, "KRW", "ko", "0.0123원"),
        (30500.0, "KRW", "en", "30,500 KRW"),
        (1234.5, "USD", "ko", "1,234.50 USD"),
        (0.00001234, "USD", "en", "0.00001234 USD"),
        (-0.001, "USD", "en", "-0.001 USD"),
        (None, "KRW", "ko", "?"),
        (NONE, "KRW", "ko", "-"),
        (float("nan"), "KRW", "ko", "?"),
        (float("inf"), "USD", "ko", "?"),
    ],
)
def test_won_has_no_decimals_and_other_currencies_have(
    value: float, currency: str, language: str, expected: str
) -> None:
    assert amounts.amount(value, currency, language) == expected


def test_signs_are_shown_where_money_was_made_or_lost() -> None:
    assert [amounts.signed_amount(value, "KRW", "ko") for value in (1.0, -1.0, 0.0, 0.2, float("nan"))] == [
        "+1원",
        "-1원",
        "0원",
        "0원",
        "?",
    ]
    assert [amounts.signed_percent(value) for value in (0.01, -0.01, 0.0, 0.00001)] == [
        "+1.00%",
        "-1.00%",
        "0.00%",
        "0.00%",
    ]
