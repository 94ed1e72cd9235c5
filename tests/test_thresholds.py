"""The ten thresholds: each bound as the trade words it, over raw events, mergeable and bounded."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obs.analysis import Analyzer
from obs.config import Thresholds
from obs.events import Event, Severity
from obs.rules import RuleSet
from obs.snapshot import Issue, IssueSeverity, IssueStatus, Money, Snapshot
from obs.watch.expectations import Expectations
from obs.watch.tape import KEPT_TRADES, Answers, Bar, BookShare, Funding, Tapes
from obs.watch.thresholds import (
    Limits,
    book_holds,
    daily_losses,
    error_rates,
    funding_extremes,
    price_moves,
    volume_spikes,
)
from tests.builders import START, event

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
Told = tuple[float, str, Mapping[str, Any]]


def story(*told: Told, expected: Expectations | None = None, bot: str = "grid-1") -> Snapshot:
    analyzer = Analyzer(RuleSet(()), expected=expected)
    for number, (at, name, values) in enumerate(told):
        one = event(
            name, at=at, name=name, bot=bot, attributes={"run.mode": "live", **values}, uid=f"p-{number}"
        )
        analyzer.feed(one)
    return analyzer.snapshot()


def raised(snapshot: Snapshot, kind: str) -> list[Issue]:
    return [issue for issue in snapshot.issues if issue.rule == kind]


def fills(count: int, apart: float, **more: Any) -> list[Told]:
    return [
        (n * apart, "order.filled", {"order.id": f"o{n}", "symbol": "BTC/USDT", **more}) for n in range(count)
    ]


def trades(*results: str) -> list[Told]:
    return [
        (60.0 * n, "trade.closed", {"trade.id": f"t{n}", "pnl.net": pnl, "currency": "USDT"})
        for n, pnl in enumerate(results)
    ]


def calls(*codes: int, apart: float = 1.0) -> list[Told]:
    return [
        (n * apart, "api.requested", {"exchange.id": "upbit", "http.response.status_code": code})
        for n, code in enumerate(codes)
    ]


def bars(*closes: str, volumes: Iterable[str] = (), apart: float = 60, interval: str = "1m") -> list[Told]:
    amounts = list(volumes) or ["1"] * len(closes)
    return [
        (
            n * apart,
            "market.bar",
            {"symbol": "SOL/USDT", "interval": interval, "close": close, "volume": amounts[n]},
        )
        for n, close in enumerate(closes)
    ]


@pytest.mark.parametrize(
    ("count", "apart", "found"),
    [(20, 31, True), (19, 1, False), (20, 600 / 19, False), (20, 599.9 / 19, True)],
)
def test_twenty_trades_within_600_seconds_are_too_many(count: int, apart: float, found: bool) -> None:
    assert bool(raised(story(*fills(count, apart)), "trade_frequency")) is found


def test_many_fills_of_one_order_are_one_trade_and_learnt_ones_are_none() -> None:
    one_order = [(at, name, {**values, "order.id": "same"}) for at, name, values in fills(30, 1)]

    assert raised(story(*one_order), "trade_frequency") == []
    assert raised(story(*fills(30, 1, reconciliation=True)), "trade_frequency") == []


@pytest.mark.parametrize(
    ("results", "found"),
    [
        (["-1"] * 7 + ["1"] * 3, True),
        (["-1"] * 6 + ["1"] * 4, False),
        (["-1"] * 6 + ["0"] + ["1"] * 3, False),
        (["-1"] * 9, False),
        (["1"] * 5 + ["-1"] * 7 + ["2"] * 2, True),
    ],
)
def test_seven_losses_of_the_last_ten_closed_trades_are_a_streak(results: list[str], found: bool) -> None:
    assert bool(raised(story(*trades(*results)), "losing_streak")) is found


def test_a_streak_that_has_ended_is_resolved_by_the_trades_since() -> None:
    (issue,) = raised(story(*trades(*["-1"] * 7, *["1"] * 8)), "losing_streak")

    assert issue.status is IssueStatus.RESOLVED
    assert issue.succeeded_since == 5


def test_a_trade_told_twice_counts_once() -> None:
    twice = [one for one in trades(*["-1"] * 5) for _ in range(2)]

    assert raised(story(*twice), "losing_streak") == []


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"slippage.ratio": "0.005"}, False),
        ({"slippage.ratio": "0.0050001"}, True),
        ({"slippage.ratio": -0.02}, False),
        ({"fill.price": "100.5", "order.reference_price": "100", "order.side": "buy"}, False),
        ({"fill.price": "100.51", "order.reference_price": "100", "order.side": "buy"}, True),
        ({"fill.price": "99.4", "order.reference_price": "100", "order.side": "sell"}, True),
        ({"fill.price": "99.4", "order.reference_price": "100", "order.side": "buy"}, False),
    ],
)
def test_slippage_is_too_much_above_half_a_percent(values: Mapping[str, Any], found: bool) -> None:
    assert bool(raised(story(*fills(1, 1, **values)), "slippage")) is found


def test_bad_fills_are_over_after_five_good_ones_and_bad_calls_after_ten() -> None:
    bad, good = {"slippage.ratio": "0.02"}, {"slippage.ratio": "0"}
    told = [(float(n), "order.filled", {"order.id": f"o{n}", **(good if n else bad)}) for n in range(6)]

    assert [issue.status for issue in raised(story(*told[:5]), "slippage")] == [IssueStatus.NEW]
    assert [issue.status for issue in raised(story(*told), "slippage")] == [IssueStatus.RESOLVED]
    answered = [raised(story(*calls(*[503] * 20, *[200] * n, apart=20)), "api_errors") for n in (9, 60)]
    assert [issue.succeeded_since > 0 for (issue,) in answered] == [False, True]


@pytest.mark.parametrize(
    ("codes", "found"),
    [
        ([200] * 7 + [503] * 3, True),
        ([200] * 8 + [503] * 3, False),
        ([503] * 9, False),
        ([503] * 10, True),
        ([429, 200, 200] * 4, True),
    ],
)
def test_three_of_ten_calls_that_fail_within_five_minutes_are_too_many(codes: list[int], found: bool) -> None:
    issues = story(*calls(*codes)).issues

    assert any(issue.rule == "api_errors" for issue in issues) is found


def test_calls_that_ended_five_minutes_ago_count_no_more() -> None:
    seconds = {0: Answers(8, 8, "a"), 299: Answers(1, 1, "b"), 300: Answers(1, 1, "c")}

    assert [hit.time for hit in error_rates({**seconds, 299: Answers(2, 2, "b")}, Limits())] == [299 * SECOND]
    assert error_rates(seconds, Limits()) == []


@pytest.mark.parametrize(
    ("closes", "found"),
    [
        (["100", "105"], True),
        (["100", "104.99999"], False),
        (["100", "95"], True),
        (["100", "95.00001"], False),
        (["0.1", "0.105"], True),
        (["1.1", "1.155"], True),
    ],
)
def test_five_percent_from_one_minute_to_the_next_is_a_jump(closes: list[str], found: bool) -> None:
    assert bool(raised(story(*bars(*closes)), "price_move")) is found


def test_a_jump_over_more_than_a_minute_is_none() -> None:
    assert raised(story(*bars("100", "120", apart=120)), "price_move") == []
    assert raised(story(*bars("100", "120", interval="1h")), "price_move") == []


@pytest.mark.parametrize(("volume", "found"), [("10", True), ("9.999999", False), ("0", False)])
def test_ten_times_the_mean_volume_of_the_sixty_bars_before_is_a_spike(volume: str, found: bool) -> None:
    volumes = ["1"] * 60 + [volume]

    assert bool(raised(story(*bars(*["5"] * 61, volumes=volumes)), "volume_spike")) is found


def test_sixty_bars_must_stand_before_a_volume_spike_and_must_have_traded() -> None:
    few = bars(*["5"] * 60, volumes=["1"] * 59 + ["100"])
    dead = bars(*["5"] * 61, volumes=["0"] * 60 + ["100"])

    assert raised(story(*few), "volume_spike") == []
    assert raised(story(*dead), "volume_spike") == []


@pytest.mark.parametrize(("rate", "found"), [("0.001", False), ("0.00101", True), ("-0.0011", True)])
def test_funding_is_extreme_beyond_a_tenth_of_a_percent(rate: str, found: bool) -> None:
    told = (0, "market.funding", {"symbol": "XRP/USDT", "funding.rate": rate, "funding.interval_h": 8})

    assert bool(raised(story(told), "funding")) is found


@pytest.mark.parametrize(
    ("shares", "found"),
    [
        ([0.70] * 11, True),
        ([0.70] * 10, False),
        ([0.699] * 20, False),
        ([0.30] * 11, True),
        ([0.301] * 20, False),
        ([0.8] * 6 + [0.5] + [0.8] * 6, False),
        ([0.8] * 6 + [0.2] * 6, False),
    ],
)
def test_a_book_is_lopsided_when_it_leans_to_one_side_for_ten_seconds(
    shares: list[float], found: bool
) -> None:
    told: list[Told] = [
        (float(n), "market.book", {"symbol": "ETH", "bid_share": share, "levels": 10})
        for n, share in enumerate(shares)
    ]

    assert bool(raised(story(*told), "book_imbalance")) is found


def test_a_book_of_other_levels_or_looked_at_too_seldom_gives_no_verdict() -> None:
    looks = [BookShare(n * SECOND, "ETH", 5, 0.9, "") for n in range(30)]
    seldom = [BookShare(n * 61 * SECOND, "ETH", 10, 0.9, "") for n in range(30)]

    assert book_holds(looks, Limits()) == []
    assert book_holds(seldom, Limits()) == []


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"equity": "900", "equity.day_start": "1000"}, True),
        ({"equity": "900.01", "equity.day_start": "1000"}, False),
        ({"equity": "950", "equity.day_start": "1000", "pnl.day": "-100"}, True),
        ({"equity": "900", "equity.day_start": "900"}, False),
    ],
)
def test_a_tenth_of_the_account_lost_within_the_day_is_the_limit(
    values: Mapping[str, Any], found: bool
) -> None:
    told = (0, "equity.measured", {"currency": "KRW", **values})

    assert bool(raised(story(told), "daily_loss")) is found


def test_without_the_days_start_its_first_equity_is_the_base_and_each_day_stands_alone() -> None:
    hour = START // (3_600 * SECOND) * 3_600 * SECOND

    def day(*values: str, at: int) -> list[Told]:
        begin = (hour - START) / SECOND + at * 86_400
        return [
            (begin + n * 600, "equity.measured", {"equity": value, "currency": "KRW"})
            for n, value in enumerate(values)
        ]

    overnight = story(*day("1000", "950", at=0), *day("900", "890", at=1))
    within = story(*day("1000", "950", at=0), *day("900", "810", at=1))

    assert raised(overnight, "daily_loss") == []
    (issue,) = raised(within, "daily_loss")
    assert issue.severity is IssueSeverity.CRITICAL
    assert "10 %" in issue.title


def test_the_trading_day_is_that_of_the_bots_exchange() -> None:
    tapes = Tapes()
    for at, value in ((0, "1000"), (6 * 3_600, "899")):
        one = event("", at=at, name="equity.measured", attributes={"equity": value})
        tapes.add(one, "kr", "x")
    hours = tapes.bots["kr"].equity

    # 10:00 and 16:00 UTC: one day in London, two in Seoul (19:00 and 01:00).
    assert len(daily_losses(hours, Limits(), "UTC")) == 1
    assert daily_losses(hours, Limits(), "Asia/Seoul") == []


def test_a_breaker_that_did_not_trip_is_said_and_one_that_did_too() -> None:
    lost: Told = (60, "equity.measured", {"equity": "850", "equity.day_start": "1000", "currency": "USDT"})
    tripped: Told = (61, "circuit_breaker.tripped", {"loss.ratio": "0.15"})

    (silent,) = raised(story(lost), "daily_loss")
    (seen,) = raised(story(lost, tripped), "daily_loss")

    assert "No circuit breaker was seen to trip" in silent.explanation
    assert "circuit breaker tripped" in seen.explanation


def test_the_loss_of_a_day_names_what_is_still_open() -> None:
    held: Told = (
        1,
        "position.opened",
        {
            "position.id": "p", "symbol": "ETH/USDT", "position.quantity": "2", "currency": "USDT",
            "position.average_price": "1500",
        },
    )  # fmt: skip
    lost: Told = (60, "equity.measured", {"equity": "850", "equity.day_start": "1000", "currency": "USDT"})

    (issue,) = raised(story(held, lost), "daily_loss")

    assert issue.money_at_risk == (Money(Decimal(3000), "USDT"),)


def test_a_backtest_never_passes_a_threshold() -> None:
    told = [
        *fills(30, 1, **{"run.mode": "backtest", "slippage.ratio": "0.5"}),
        *[(at, name, {**values, "run.mode": "backtest"}) for at, name, values in trades(*["-1"] * 10)],
        (0.0, "equity.measured", {"equity": "1", "equity.day_start": "1000", "run.mode": "backtest"}),
    ]

    assert story(*told).issues == ()


def test_what_two_bots_see_of_one_market_is_one_issue_of_both() -> None:
    analyzer = Analyzer(RuleSet(()))
    for bot in ("a", "b"):
        for number, (at, name, values) in enumerate(bars("100", "110")):
            one = event("", at=at, name=name, bot=bot, attributes=values, uid=f"{bot}-{number}")
            analyzer.feed(one)

    (issue,) = raised(analyzer.snapshot(), "price_move")

    assert issue.services == ("a", "b")
    assert issue.count == 1
    assert "+10 %" in issue.title


def test_a_limit_of_the_settings_holds() -> None:
    strict = Expectations(limits=Limits(trades=3, slippage=Decimal("0.0001")))

    assert raised(story(*fills(3, 1), expected=strict), "trade_frequency")
    assert raised(story(*fills(1, 1, **{"slippage.ratio": "0.0002"}), expected=strict), "slippage")


def test_the_settings_have_the_limits_and_their_defaults() -> None:
    assert Limits(**Thresholds.model_validate({}).model_dump()) == Limits()
    assert tuple(Thresholds.model_fields) == Limits.__struct_fields__


# The tape is a monoid: any split of a stream keeps the same rows.

small = st.sampled_from(("a", "b", "c"))
words: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "market.bar": st.fixed_dictionaries(
        {"symbol": small, "close": st.sampled_from(("1", "1.05", "2", "x"))}, optional={"volume": small}
    ),
    "market.book": st.fixed_dictionaries({"symbol": small, "bid_share": st.sampled_from((0.1, 0.7, 2))}),
    "market.funding": st.fixed_dictionaries(
        {"symbol": small, "funding.rate": st.sampled_from(("0.1", "-0"))}
    ),
    "order.filled": st.fixed_dictionaries({"order.id": small}, optional={"slippage.ratio": small}),
    "trade.closed": st.fixed_dictionaries({"trade.id": small, "pnl.net": st.sampled_from(("1", "-1"))}),
    "api.requested": st.fixed_dictionaries({"exchange.id": small}, optional={"error.type": small}),
    "equity.measured": st.fixed_dictionaries(
        {"equity": st.integers(1, 99)}, optional={"equity.day_start": st.integers(1, 99)}
    ),
    "anomaly.detected": st.fixed_dictionaries({"anomaly.kind": st.sampled_from(("slippage", "no such"))}),
    "circuit_breaker.tripped": st.just({}),
}


@st.composite
def streams(draw: st.DrawFn) -> list[Event]:
    names = draw(st.lists(st.sampled_from(sorted(words)), max_size=30))
    return [
        event(
            name=name,
            at=draw(st.integers(0, 5) | st.integers(0, 9_000)),
            bot=draw(small),
            attributes=draw(words[name]),
            uid=f"p-{number}",
            severity=Severity.INFO,
        )
        for number, name in enumerate(names)
    ]


def fold(stream: Iterable[Event]) -> Tapes:
    tapes = Tapes()
    for one in stream:
        tapes.add(one, one.service, one.uid)
    return tapes


@settings(max_examples=60, deadline=None)
@given(streams(), st.integers(0, 30), st.randoms(use_true_random=False))
def test_any_split_and_order_of_a_stream_keeps_the_same_tape(
    stream: list[Event], cut: int, random: Any
) -> None:
    whole = fold(stream)
    mixed = list(stream)
    random.shuffle(mixed)

    left, right = fold(mixed[cut:]), fold(mixed[:cut])
    left.merge(right)

    assert msgspec.to_builtins(left) == msgspec.to_builtins(whole)


def test_a_tape_is_bounded_and_keeps_the_newest_in_any_order() -> None:
    many = [
        event(name="trade.closed", at=n, attributes={"trade.id": str(n), "pnl.net": "1"}, uid=str(n))
        for n in range(2 * KEPT_TRADES)
    ]
    forward, halves = fold(many), fold(many[::-2])
    halves.merge(fold(many[::2]))

    rows = forward.bots["bot-1"].trades
    assert [row.trade for row in rows] == [str(n) for n in range(KEPT_TRADES, 2 * KEPT_TRADES)]
    assert rows == halves.bots["bot-1"].trades


# Real prices and rates, against results that other people's libraries computed.


def real_bars(path: Path, day: str) -> list[Bar]:
    midnight = int(datetime.strptime(f"{day} +0000", "%Y%m%d %z").timestamp()) * SECOND
    archive = zipfile.ZipFile(path)
    rows = [line.split(",") for name in archive.namelist() for line in archive.read(name).decode().split()]
    return [
        Bar(midnight + int(row[0]) * 1_000_000, "X", "1m", float(row[5]), float(row[4]), 0, "")
        for row in rows
    ]


def shown(times: Iterable[int]) -> list[str]:
    return [datetime.fromtimestamp(time // SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S") for time in times]


@pytest.mark.corpus
def test_jumps_and_volume_spikes_of_real_days_are_those_of_the_reference(corpus: Path) -> None:
    kept = json.loads((corpus / "market/reference/market_anomalies.json").read_text())
    days = {
        name: corpus / "market/lean" / place / f"{name[-8:]}_trade.zip"
        for name, place in (
            (row["name"], "crypto_bybit_minute/btcusdt")
            if row["name"].startswith("bybit")
            else (row["name"], f"crypto_coinbase_minute/{row['name'].split('_')[1].lower()}")
            for row in kept
        )
    }

    for row in kept:
        day = real_bars(days[row["name"]], row["name"][-8:])
        spikes = volume_spikes(day, Limits())
        assert shown(hit.time for hit in spikes) == row["volume_ge_10x_mean_of_previous_60_bars"]
        for move in ("0.01", "0.02", "0.05"):
            jumps = price_moves(day, Limits(price_move=Decimal(move)))
            assert shown(hit.time for hit in jumps) == row[f"close_to_close_ge_{move}"]


@pytest.mark.corpus
def test_extreme_funding_of_real_rates_is_counted_as_in_the_reference(corpus: Path) -> None:
    kept = json.loads((corpus / "market/reference/funding.json").read_text())
    checked = 0
    for row in kept:
        (path,) = (corpus / "market/lean/funding").rglob(row["name"])
        rates = [line.split(",")[1] for line in path.read_text().splitlines() if line[:1].isdigit()]
        rows = [Funding(number, "X", rate, "") for number, rate in enumerate(rates)]
        for limit, name in (("0.001", "n_abs_gt_0_001"), ("0.0005", "n_abs_gt_0_0005")):
            assert len(funding_extremes(rows, Limits(funding=Decimal(limit)))) == row[name], row["name"]
            checked += 1
    assert checked


@pytest.mark.corpus
def test_real_books_lean_at_five_levels_and_at_ten_they_do_not(corpus: Path) -> None:
    path = corpus / "market/reference/order_book_imbalance_hyperliquid.csv"
    rows = [line.split(",") for line in path.read_text().splitlines()[1:]]
    looks = [BookShare(int(row[0]), "BTC", int(row[1]), float(row[4]), "") for row in rows]

    def leaning(levels: int) -> int:
        return len(book_holds(looks, Limits(book_levels=levels, book_hold_s=0)))

    assert (leaning(5), leaning(10), leaning(20)) == (11, 0, 23)
