"""What trading brought for what the models cost, with each undefined case named.

Definitions: net P&L is the sum of results minus LLM cost; ROI is that by the cost, in percent; break-even is
the result a trade needs, the trades a day, and the capital at which the models pay for themselves. A figure
that needs two currencies in one has a dated rate or is not defined.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from obs.money.amounts import Converted, Money, Rate
from obs.money.figures import Efficiency
from obs.money.rates import Rates
from obs.money.windows import Sums, amounts_of, short

__all__ = ["Worth", "efficiency"]

YEAR_DAYS = 365

Figure = tuple[Decimal | None, str]
"""A value, or None with the reason."""


class Worth(msgspec.Struct, frozen=True):
    """The capital behind the trades."""

    capital: tuple[Money, ...] = ()
    """The newest equity of each account."""


def efficiency(
    sums: Sums, rates: Rates, *, now: int, days: int, elapsed: float, worth: Worth, is_simulated: bool
) -> Efficiency:
    """Return the figures of one window.

    Args:
        sums: Results and costs of one kind of money.
        rates: All rates that are known.
        now: Unix ns; later rates do not hold.
        days: The window's length as asked.
        elapsed: The days of it that there are data of, at least a part of one.
        worth: The capital, for the break-even capital.
        is_simulated: Which kind of money it is.
    """
    pnl, cost = amounts_of(sums.pnl), amounts_of(sums.cost())
    currency = _currency(sums, cost)
    whole_pnl, whole_cost = rates.total(pnl, currency, at=now), rates.total(cost, currency, at=now)
    own = rates.total(cost, cost[0].currency, at=now) if cost else None
    spent = whole_cost if whole_cost is not None else own
    net, roi = _net(whole_pnl, whole_cost), _roi(sums, whole_pnl, whole_cost)
    each = _each(sums, own, is_any=bool(cost))
    needed = _each(sums, spent, is_any=bool(cost))
    a_day = _a_day(sums, whole_pnl, whole_cost, elapsed)
    capital = _capital(
        sums, whole_pnl, whole_cost, elapsed, rates.total(worth.capital, currency, at=now), worth
    )
    return Efficiency(
        window_days=days,
        total_pnl=pnl,
        total_cost=cost,
        net=net,
        roi=float(roi[0]) if roi[0] is not None else None,
        roi_reason=roi[1],
        settled=sums.settled,
        pending=sums.pending,
        cost_per_trade=_money(each[0], own),
        cost_per_trade_reason=each[1],
        break_even_pnl_per_trade=_money(needed[0], spent),
        break_even_pnl_per_trade_reason=needed[1],
        break_even_trades_per_day=float(a_day[0]) if a_day[0] is not None else None,
        break_even_trades_per_day_reason=a_day[1],
        break_even_capital=_money(capital[0], whole_cost),
        break_even_capital_reason=capital[1],
        rates=_used(whole_pnl, whole_cost),
        unpriced=sums.unpriced,
        is_simulated=is_simulated,
        currency=currency,
    )


def _currency(sums: Sums, cost: tuple[Money, ...]) -> str:
    """The currency of most results, else of the greatest cost."""
    most = max(sums.settled_in.items(), key=lambda item: (item[1], item[0]), default=("", 0))[0]
    return most or (cost[0].currency if cost else "")


def _net(pnl: Converted | None, cost: Converted | None) -> Converted | None:
    if pnl is None or cost is None or not pnl.currency:
        return None
    return Converted(amount=short(pnl.amount - cost.amount), currency=pnl.currency, rates=_used(pnl, cost))


def _roi(sums: Sums, pnl: Converted | None, cost: Converted | None) -> Figure:
    if not sums.settled:
        return None, "nothing_settled"
    if sums.unpriced:
        return None, "unpriced"
    if pnl is None or cost is None:
        return None, "no_rate"
    if not cost.amount:
        return None, "no_cost"
    return (pnl.amount - cost.amount) / cost.amount * 100, ""


def _each(sums: Sums, cost: Converted | None, *, is_any: bool) -> Figure:
    if not sums.settled:
        return None, "nothing_settled"
    if sums.unpriced:
        return None, "unpriced"
    if not is_any:
        return None, "no_cost"
    if cost is None:
        return None, "no_rate"
    return cost.amount / sums.settled, ""


def _a_day(sums: Sums, pnl: Converted | None, cost: Converted | None, elapsed: float) -> Figure:
    """Daily cost by the mean result; a mean of 0 or less never pays."""
    if not sums.settled:
        return None, "nothing_settled"
    if sums.unpriced:
        return None, "unpriced"
    if pnl is None or cost is None:
        return None, "no_rate"
    if not cost.amount:
        return None, "no_cost"
    if pnl.amount <= 0:
        return None, "never"
    return cost.amount / Decimal(str(elapsed)) / (pnl.amount / sums.settled), ""


def _capital(
    sums: Sums,
    pnl: Converted | None,
    cost: Converted | None,
    elapsed: float,
    capital: Converted | None,
    worth: Worth,
) -> Figure:
    """Yearly cost by the yearly return on the capital that there is."""
    _, reason = _a_day(sums, pnl, cost, elapsed)
    if reason or pnl is None or cost is None:
        return None, reason
    if not worth.capital:
        return None, "no_equity"
    if capital is None:
        return None, "no_rate"
    if capital.amount <= 0:
        return None, "no_equity"
    a_year = Decimal(YEAR_DAYS) / Decimal(str(elapsed))
    return cost.amount * a_year / (pnl.amount / capital.amount * a_year), ""


def _money(amount: Decimal | None, whole: Converted | None) -> Money | None:
    return Money(short(amount), whole.currency) if amount is not None and whole is not None else None


def _used(*converted: Converted | None) -> tuple[Rate, ...]:
    rates: Iterable[Rate] = (rate for one in converted if one is not None for rate in one.rates)
    return tuple(sorted(set(rates)))
