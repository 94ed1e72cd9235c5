"""Bars from crypto exchanges by ccxt, against a stand-in that speaks their formats."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from importlib.util import find_spec
from typing import Any

import pytest

from tests.trading.market.crypto_standin import DAY, MINUTE, ExchangeServer, Trouble, ms, prices
from trading.bars import Bar
from trading.errors import MissingExtraError
from trading.market import crypto
from trading.market.crypto import CryptoSource
from trading.market.source import EmptyAnswerError, SourceError

pytestmark = pytest.mark.skipif(find_spec("ccxt") is None, reason='the extra "crypto" is not installed')

SYMBOLS = {"binance": "BTC/USDT", "bybit": "BTC/USDT", "upbit": "BTC/KRW", "bithumb": "BTC/KRW"}
FIRST = date(2025, 3, 3)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ExchangeServer]:
    import ccxt
    import requests

    # What a test would wait for most: the pauses between two requests to a real exchange.
    monkeypatch.setattr(ccxt.Exchange, "throttle", lambda *_: None)
    request = requests.Session.request
    with ExchangeServer(listed=at("2025-03-01"), now=at("2025-03-05T12:00:30")) as running:

        def redirected(session: Any, method: str, url: str, **options: Any) -> Any:
            return request(session, method, running.standing_in(url), **options)

        monkeypatch.setattr(requests.Session, "request", redirected)
        yield running


def source(server: ExchangeServer, exchange: str, **options: Any) -> CryptoSource:
    return CryptoSource(exchange, clock=lambda: server.exchanges.now * 10**6, **options)


@pytest.mark.parametrize("exchange", SYMBOLS)
def test_two_days_of_minutes_come_in_pages_without_one_lost_or_twice(
    exchange: str, server: ExchangeServer
) -> None:
    bars = source(server, exchange).bars(SYMBOLS[exchange], "1m", FIRST, date(2025, 3, 4))

    times = ms(bar.time for bar in bars)
    assert times == list(range(at("2025-03-03"), at("2025-03-05"), MINUTE))
    assert bars[777] == Bar(times[777] * 10**6, *prices(times[777]))
    pages = {"binance": 3, "bybit": 3, "upbit": 15, "bithumb": 1}
    assert len(server.exchanges.asked) == pages[exchange]


@pytest.mark.parametrize("exchange", SYMBOLS)
def test_the_newest_bars_are_the_last_whole_ones_and_may_be_none(
    exchange: str, server: ExchangeServer
) -> None:
    bars = source(server, exchange).newest(SYMBOLS[exchange], "1m", 3)
    assert ms(bar.time for bar in bars) == [at(f"2025-03-05T11:{minute}") for minute in (57, 58, 59)]

    server.exchanges.halts.append((at("2025-03-05T11:50"), at("2025-03-05T12:01")))

    assert source(server, exchange).newest(SYMBOLS[exchange], "1m", 3) == []


@pytest.mark.parametrize("exchange", SYMBOLS)
def test_a_bar_that_is_still_open_is_never_given_out(exchange: str, server: ExchangeServer) -> None:
    minutes = source(server, exchange).bars(SYMBOLS[exchange], "1m", date(2025, 3, 5), date(2025, 3, 5))
    days = source(server, exchange).bars(SYMBOLS[exchange], "1d", FIRST, date(2025, 3, 9))

    # It is 12:00:30: the minute of 11:59 is the last whole one.
    assert ms([minutes[-1].time]) == [at("2025-03-05T11:59")]
    assert ms(bar.time for bar in days)[-1] == (at("2025-03-04"))


def test_a_clock_that_is_ahead_does_not_let_an_open_bar_pass(server: ExchangeServer) -> None:
    fast = CryptoSource("binance", clock=lambda: (server.exchanges.now + 10 * MINUTE) * 10**6)

    bars = fast.bars("BTC/USDT", "1m", date(2025, 3, 5), date(2025, 3, 5))

    assert ms([bars[-1].time]) == [at("2025-03-05T11:59")]


@pytest.mark.parametrize("exchange", ["binance", "bybit", "upbit"])
def test_days_before_the_listing_and_spans_without_a_trade_are_left_out_not_the_end(
    exchange: str, server: ExchangeServer
) -> None:
    server.exchanges.halts.append((at("2025-03-01T06:00"), at("2025-03-02T18:30")))

    bars = source(server, exchange).bars(SYMBOLS[exchange], "1m", date(2025, 2, 27), date(2025, 3, 2))

    morning = range(at("2025-03-01"), at("2025-03-01T06:00"), MINUTE)
    assert ms(bar.time for bar in bars) == [
        *morning,
        *range(at("2025-03-02T18:30"), at("2025-03-03"), MINUTE),
    ]


@pytest.mark.parametrize("exchange", SYMBOLS)
def test_a_daily_bar_has_midnight_utc_of_its_day(exchange: str, server: ExchangeServer) -> None:
    bars = source(server, exchange).bars(SYMBOLS[exchange], "1d", FIRST, date(2025, 3, 4))

    # Days at Bithumb begin at midnight in Seoul, and are dated by the day in which they end.
    opened = at("2025-03-02T15:00") if exchange == "bithumb" else at("2025-03-03")
    assert ms(bar.time for bar in bars) == [at("2025-03-03"), at("2025-03-04")]
    assert [bar[1:] for bar in bars] == [prices(opened), prices(opened + DAY)]


def test_the_exchanges_own_spelling_of_a_symbol_does_too(server: ExchangeServer) -> None:
    bars = source(server, "upbit").bars("KRW-BTC", "1h", FIRST, FIRST)

    assert len(bars) == 24


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (Trouble(status=500), "server"),
        (Trouble(status=429, body='{"code": -1003, "msg": "Too many requests."}'), "rate_limit"),
        (Trouble(status=418, body='{"code": -1003, "msg": "banned"}'), "rate_limit"),
        (Trouble(body='[[1,"2"' + " " * 99, is_half=True), "server"),
        (Trouble(delay_s=0.5), "timeout"),
    ],
)
def test_a_failure_that_may_pass_is_tried_again_and_told(
    trouble: Trouble,
    kind: str,
    server: ExchangeServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(crypto, "TIMEOUT_MS", 200)
    monkeypatch.setattr(crypto, "FIRST_WAIT_S", 0.0)
    server.exchanges.troubles.append(Trouble(**{**vars(trouble), "times": 2}))

    with caplog.at_level(logging.DEBUG, "trading"):
        bars = source(server, "binance").bars("BTC/USDT", "1h", FIRST, FIRST)

    told = [vars(record) for record in caplog.records if record.name == "trading.api"]
    assert len(bars) == 24
    assert [one["event_name"] for one in told] == ["api.requested"] * 4
    assert [one.get("error.type") for one in told] == [None, kind, kind, None]
    assert [one["levelname"] for one in told] == ["DEBUG", "WARNING", "WARNING", "DEBUG"]
    assert [one["retry.count"] for one in told] == [0, 0, 1, 2]
    assert {one["exchange.id"] for one in told} == {"binance"}
    assert told[-1]["http.route"] == "/api/v3/klines"
    assert told[-1]["http.response.status_code"] == 200


@pytest.mark.parametrize(
    ("trouble", "tries", "words"),
    [
        (Trouble(status=503, times=99), 5, "HTTP 503, ExchangeNotAvailable"),
        (Trouble(status=451, times=99), 1, "HTTP 451"),
        (Trouble(body="hello", times=99), 1, "The exchange or ccxt has changed"),
        (Trouble(body='{"some": "thing"}', times=99), 1, "The exchange or ccxt has changed"),
        (Trouble(status=400, body='{"code": -1100, "msg": "Illegal characters"}', times=99), 1, "Illegal"),
    ],
)
def test_a_failure_that_stays_is_one_error_with_its_mend(
    trouble: Trouble, tries: int, words: str, server: ExchangeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crypto, "FIRST_WAIT_S", 0.0)
    server.exchanges.troubles.append(Trouble(**vars(trouble)))

    with pytest.raises(SourceError) as raised:
        source(server, "binance").bars("BTC/USDT", "1m", FIRST, FIRST)

    assert words in str(raised.value)
    assert str(raised.value).startswith("binance: BTC/USDT from 2025-03-03 00:00: ")
    assert len(server.exchanges.asked) == tries


@pytest.mark.parametrize(
    ("exchange", "symbol", "interval", "words"),
    [
        ("binance", "NOSUCH/USDT", "1m", "Check the symbol in the universe"),
        ("upbit", "BTC/EUR", "1d", "Check the symbol in the universe"),
        ("bithumb", "BTC/KRW", "15m", "no bars of 15m. It has 1m, 3m, 5m"),
        ("krakatoa", "BTC/USD", "1d", "knows no such exchange. Write upbit, bithumb, binance, bybit"),
    ],
)
def test_what_an_exchange_does_not_have_is_an_error_with_its_mend(
    exchange: str, symbol: str, interval: str, words: str, server: ExchangeServer
) -> None:
    with pytest.raises(SourceError) as raised:
        source(server, exchange).bars(symbol, interval, FIRST, FIRST)  # type: ignore[arg-type]

    assert words in str(raised.value)


@pytest.mark.parametrize("exchange", SYMBOLS)
def test_an_empty_answer_is_an_error_never_no_trades(exchange: str, server: ExchangeServer) -> None:
    with pytest.raises(EmptyAnswerError, match="not one complete bar of 1d from 2025-02-01 to 2025-02-03"):
        source(server, exchange).bars(SYMBOLS[exchange], "1d", date(2025, 2, 1), date(2025, 2, 3))


def test_without_ccxt_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ccxt", None)

    with pytest.raises(MissingExtraError, match=r"trading-core\[crypto\]"):
        CryptoSource("upbit").bars("BTC/KRW", "1d", FIRST, FIRST)
