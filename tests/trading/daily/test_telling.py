"""What a daily run says, read by a listener: its money is the store's, its steps hang together by ids."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from obs import analyze
from obs.snapshot import Snapshot
from tests.trading.daily.conftest import Run
from tests.trading.daily.stage import Stage, closes, event, store_of
from tests.trading.paper.test_books import line_of

FIRST, LAST = date(2024, 12, 16), date(2025, 1, 10)


@pytest.fixture
def records(run: Run) -> list[Any]:
    """A first session, then all later ones caught up at once: told long after they happened."""
    return [record for day in (FIRST, LAST) for record in run(closes(day)).records]


def test_results_of_sessions_that_were_caught_up_are_counted_once(stage: Stage, records: list[Any]) -> None:
    """Told at one moment, though entered and left on different days."""
    seen: Snapshot = analyze([line_of(record) for record in records])

    with store_of(stage) as store:
        trades, positions = store.ledger.trades(), store.ledger.positions(LAST)
    assert len(trades) >= 2
    booked = sum(Decimal(str(trade["profit"])) for trade in trades)
    (result,) = seen.readings.results
    assert (result.settled, result.won) == (len(trades), sum(trade["profit"] > 0 for trade in trades))
    assert abs(result.pnl - booked) < Decimal("0.01")
    assert {one.symbol: float(one.quantity or 0) for one in seen.held} == {
        row["symbol"]: row["quantity"] for row in positions
    }
    assert all(one.value for one in seen.held)


def test_every_step_from_signal_to_trade_names_its_cause(records: list[Any]) -> None:
    events = [vars(record) for record in records if event(record)]
    by_uid = {one["log.record.uid"]: one for one in events if "log.record.uid" in one}
    trades = [one for one in events if one["event_name"] == "trade.closed"]
    signals = [one for one in events if one["event_name"] == "signal.generated"]

    def path_of(one: dict[str, Any]) -> list[str]:
        path = [one["event_name"]]
        while "cause.id" in one:
            one = by_uid[one["cause.id"]]
            path.append(one["event_name"])
        return path

    by_signal = [one for one in trades if one["exit.reason"] == "signal"]
    assert by_signal
    for one in by_signal:
        steps = ["trade.closed", "order.filled", "order.submitted", "decision.made", "signal.generated"]
        assert path_of(one) == steps
        opened = by_uid[f"daily:{one['decision.id']}"]
        assert (opened["symbol"], opened["position.target"] > 0) == (one["symbol"], True)
        assert opened["signal.ids"] in {signal["signal.id"] for signal in signals}
    credited = {
        one["trade.id"]: one["contribution"] for one in events if event_is(one, "attribution.computed")
    }
    assert credited == {one["trade.id"]: one["pnl.net"] for one in trades}


def event_is(one: dict[str, Any], name: str) -> bool:
    return bool(one["event_name"] == name)


def test_a_fill_slips_by_what_the_settings_say_and_a_drawdown_is_no_negative_number(
    records: list[Any],
) -> None:
    events = [vars(record) for record in records if event(record)]
    fills = [one for one in events if event_is(one, "order.filled")]

    assert fills
    for one in fills:
        sign = 1 if one["order.side"] == "buy" else -1
        worse = sign * (one["fill.price"] / one["order.reference_price"] - 1)
        assert worse == pytest.approx(one["slippage.ratio"], abs=1e-8)
        assert one["slippage.ratio"] > 0
    falls = [one["drawdown.ratio"] for one in events if event_is(one, "equity.measured")]
    assert min(falls) == 0
    assert max(falls) > 0
