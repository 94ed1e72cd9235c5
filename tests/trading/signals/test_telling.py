"""A verdict becomes events of the vocabulary, each filtered signal with its gate."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from tests.trading.conftest import collected
from tests.trading.signals.markets import DAY_NS, QUICK, market, played
from tests.trading.test_vocabulary import PLAIN
from trading.logs import COMMON, EVENTS, BotLog
from trading.regime import MarketState
from trading.signals.signal import Filtered, Signal, Verdict
from trading.signals.telling import signal_id, tell

LOG = BotLog("daily", "maps")
BULL = MarketState("bull", 0.0312345678, 0.08, 0.12)
BUY = Signal("buy", 0.7615, "MAPS=5.2, RSI=45", "069500", weight=0.15, score=5.23, close=30_500, rsi=45.0)


def told(verdict: Verdict, **about: Any) -> list[tuple[str, dict[str, Any]]]:
    with collected() as records:
        tell(LOG, verdict, **about)
    return [
        (
            vars(record)["event_name"],
            {
                key: value
                for key, value in vars(record).items()
                if key not in PLAIN | {"event_name"} and key not in COMMON
            },
        )
        for record in records
    ]


def test_a_signal_is_told_with_its_figures() -> None:
    events = told(Verdict(20_000 * DAY_NS, (BUY,), (), None))

    assert events == [
        (
            "signal.generated",
            {
                "signal.id": "s-20241004-069500",
                "agent.name": "rule",
                "symbol": "069500",
                "signal.action": "buy",
                "signal.confidence": 0.7615,
                "signal.weight": 0.15,
                "signal.score": 5.23,
                "indicator.rsi": 45.0,
                "bar.time": 20_000 * DAY_NS,
                "reason": "MAPS=5.2, RSI=45",
            },
        )
    ]


def test_a_filtered_signal_is_told_with_gate_value_and_threshold() -> None:
    stopped = Filtered(replace(BUY, weight=None), "correlation", 0.912345678, 0.85)

    names = told(Verdict(20_000 * DAY_NS, (), (stopped,), None))

    assert [name for name, _ in names] == ["signal.generated", "signal.filtered"]
    assert names[1][1] == {
        "signal.id": "s-20241004-069500",
        "symbol": "069500",
        "filter": "correlation",
        "value": 0.912346,
        "threshold": 0.85,
    }


def test_a_regime_is_told_when_it_changes() -> None:
    verdict = Verdict(DAY_NS, (), (), BULL)

    assert told(verdict, before=BULL._replace(trend=0.5)) == []
    ((name, about),) = told(verdict, before=BULL._replace(regime="sideways"), market="069500")
    assert name == "regime.changed"
    assert about == {
        "symbol": "069500",
        "regime": "bull",
        "regime.previous": "sideways",
        "trend": 0.031235,
        "momentum": 0.08,
        "volatility": 0.12,
    }
    assert not {"regime.previous", "symbol"} & told(verdict)[0][1].keys()


def test_whole_markets_are_told_in_words_of_the_vocabulary() -> None:
    for verdict in played(market(11), replace(QUICK, max_correlation=0.3)):
        for name, about in told(verdict):
            assert set(about) <= EVENTS[name].attributes
            assert all(isinstance(value, str | int | float) for value in about.values())


def test_the_same_bar_told_twice_is_the_same_signal() -> None:
    noon = 20_000 * DAY_NS + DAY_NS // 2

    assert signal_id("BTC/KRW", noon) == signal_id("BTC/KRW", noon) == "s-20241004T120000-BTC/KRW"
    assert signal_id("BTC/KRW", noon) != signal_id("BTC/KRW", noon + 60 * 10**9)


def test_events_are_information() -> None:
    with collected() as records:
        tell(LOG, Verdict(DAY_NS, (BUY,), (Filtered(BUY, "halted", 1, 1),), BULL))

    assert {record.levelno for record in records} == {logging.INFO}
