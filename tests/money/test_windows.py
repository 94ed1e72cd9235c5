"""What one hour or day had, by currency."""

from __future__ import annotations

from decimal import Decimal

from obs.money.quarters import Results
from obs.money.windows import Sums


def test_results_of_each_currency_count_their_own_trades_and_wins() -> None:
    sums = Sums()
    sums.results("USDT", Results(settled=2, won=1, lost=1, pnl=Decimal(5)))
    other = Sums()
    other.results("KRW", Results(settled=3, won=2, lost=1, pnl=Decimal(900)))
    other.results("USDT", Results(settled=1, won=1, lost=0, pnl=Decimal(1)))

    sums.plus(other)

    assert sums.settled_in == {"USDT": 3, "KRW": 3}
    assert sums.won_in == {"USDT": 2, "KRW": 2}
    assert (sums.settled, sums.won) == (6, 4)
