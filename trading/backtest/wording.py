"""A backtest in lines for a terminal; the report page says more."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from trading import amounts
from trading.backtest.facts import held_equally
from trading.backtest.loading import Data
from trading.backtest.results import BacktestResult, PortfolioResult
from trading.backtest.robustness import Perturbed, Quantiles, Shuffled
from trading.backtest.search import Found
from trading.backtest.walkforward import WalkForward
from trading.bars import day_of, time_of
from trading.performance import Summary, summary
from trading.scales import date_text

__all__ = ["columns", "data_lines", "found_lines", "result_lines", "robustness_lines", "walk_lines"]

MOST_FINDINGS = 8


def data_lines(data: Data) -> list[str]:
    """Return what is tested on, and what was wrong with it."""
    times = data.times
    bars = sum(bar.time >= data.start for each in data.series.values() for bar in each)
    some = ", ".join(data.symbols[:10]) + (f" … +{len(data.symbols) - 10}" if len(data.symbols) > 10 else "")
    lines = [
        f"Data: {some}; {date_text(times[0])} to {date_text(times[-1])}, {bars:,} bars of {data.interval}, "
        f"source {data.source}."
    ]
    for symbol in data.refused:
        why = next(
            (str(finding) for finding in data.findings if finding.symbol == symbol), f"{symbol}: no bar"
        )
        lines.append(f"  Left out: {why}")
    lines += [f"  Prices: {data.returns}."] if data.returns else []
    lines += [f"  Sales pay {line}." for line in data.duties.lines(day_of(times[0]))]
    told = [finding for finding in data.findings if finding.symbol not in data.refused]
    lines += [f"  {finding}" for finding in told[:MOST_FINDINGS]]
    if len(told) > MOST_FINDINGS:
        kinds = Counter(finding.fault for finding in told[MOST_FINDINGS:])
        rest = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
        lines.append(f"  … and {len(told) - MOST_FINDINGS} more findings ({rest}): see `trading data check`.")
    return lines


def result_lines(result: BacktestResult | PortfolioResult, data: Data) -> list[str]:
    """Return the figures beside those of holding, and what was traded."""
    times = [time_of(time) for time in result.times]
    held = summary(
        held_equally(data.series, times, result.cash),
        start=result.cash,
        periods_per_year=result.periods_per_year,
        risk_free=result.risk_free,
    )
    lines = columns(
        ["", "strategy", "held in equal parts"],
        _figures(result.statistics, result.total_return),
        _figures(held),
    )
    lines.append("")
    final = amounts.amount(result.final_equity, data.currency, "en")
    opened = len(result.trades) - len(result.closed)
    wins = amounts.percent(result.win_rate, 0) if result.win_rate is not None else "-"
    lines.append(
        f"Ends with {final}. Trades closed {len(result.closed):,}, won {wins}; still open {opened}; "
        f"fees {amounts.amount(result.fees, data.currency, 'en')}; "
        f"invested {amounts.percent(result.exposure, 0)} of the time."
    )
    if isinstance(result, PortfolioResult):
        stopped = ", ".join(f"{gate} {count:,}" for gate, count in sorted(result.filtered.items()))
        reasons = Counter(trade.reason for trade in result.closed)
        sold = ", ".join(f"{reason} {count:,}" for reason, count in reasons.most_common())
        lines.append(f"Signals that passed {result.signals:,}; stopped by gates: {stopped or 'none'}.")
        lines.append(f"Closed by: {sold or '-'}. Turnover {result.turnover:.1f} a year.")
    return lines


def walk_lines(walk: WalkForward) -> list[str]:
    """Return how each window fared."""
    rows = [["test", "Sharpe in training", "Sharpe in test", "return in test"]]
    for step in walk.steps:
        first, last = date_text(step.window.test_first), date_text(step.window.test_last)
        rows.append(
            [f"{first} to {last}", _bare(step.train_score), _bare(step.test_score), _share(step.test_return)]
        )
    return [
        *_aligned(rows),
        "",
        f"Walk-forward efficiency {_share(walk.efficiency, 0)}: what the tests kept of the Sharpe learned.",
    ]


def found_lines(found: Found) -> list[str]:
    """Return what a search found, beside what it began with."""
    tests = found.test and found.before_test
    rows = [["", "Sharpe before", "Sharpe now", "return before", "return now"]]
    rows.append(
        [
            "in training",
            _bare(found.before.sharpe),
            _bare(found.train.sharpe),
            _share(found.before.total_return),
            _share(found.train.total_return),
        ]
    )
    if tests and found.test and found.before_test:
        rows.append(
            [
                "held back",
                _bare(found.before_test.sharpe),
                _bare(found.test.sharpe),
                _share(found.before_test.total_return),
                _share(found.test.total_return),
            ]
        )
    counted = f"{found.trials} trials with a score, {found.skipped} without (never traded, or contradictory)"
    lines = [f"{counted}; the best is number {found.best.number}."]
    lines += _aligned(rows)
    lines.append("")
    lines += [f"  {name} = {value:.6g}" for name, value in sorted(found.best.parameters.items())]
    lines += [f"Look out: {warning}." for warning in found.warnings]
    return lines


def robustness_lines(shuffled: Shuffled | None, perturbed: Perturbed | None) -> list[str]:
    """Return how far the figures could have been from what they are."""
    rows = [["", "5 %", "half", "95 %"]]
    if shuffled:
        rows.append(["total return", *_spread(shuffled.total_return, _share)])
        rows.append(["Sharpe", *_spread(shuffled.sharpe, _bare)])
        rows.append(["max drawdown", *_spread(shuffled.max_drawdown, _share)])
    if perturbed:
        rows.append(["Sharpe, parameters moved", *_spread(perturbed.sharpe, _bare)])
    if len(rows) == 1:
        return ["Too few bars to say how robust this is."]
    lines = _aligned(rows)
    if shuffled:
        lines.append(
            f"Its returns drawn again in blocks, {shuffled.runs:,} times: "
            f"{_share(shuffled.losing, 0)} end with a loss."
        )
    if perturbed:
        lines.append(
            f"Its parameters moved by up to {_share(perturbed.share, 0)}, {perturbed.runs} times: "
            f"{_share(perturbed.worse_than_half, 0)} have less than half its "
            f"Sharpe {_bare(perturbed.original)}."
        )
    return lines


def columns(heads: Sequence[str], *figures: Iterable[tuple[str, str]]) -> list[str]:
    """Return named figures of several results side by side."""
    sides = [list(each) for each in figures]
    rows = [list(heads)]
    rows += [[names[0][0], *(value for _, value in names)] for names in zip(*sides, strict=True)]
    return _aligned(rows)


def _figures(figures: Summary, total: float | None = None) -> list[tuple[str, str]]:
    return [
        ("total return", _share(figures.total_return if total is None else total)),
        ("yearly (CAGR)", _share(figures.cagr)),
        ("volatility", _share(figures.volatility)),
        ("Sharpe", _bare(figures.sharpe)),
        ("Sortino", _bare(figures.sortino)),
        ("max drawdown", _share(figures.max_drawdown)),
        ("Calmar", _bare(figures.calmar)),
    ]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  "
        + "  ".join(
            cell.ljust(w) if c == 0 else cell.rjust(w)
            for c, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def _spread(values: Quantiles, word: object) -> list[str]:
    return [word(value) for value in values]  # type: ignore[operator]


def _share(value: float, places: int = 2) -> str:
    return amounts.percent(value, places) if math.isfinite(value) else "-"


def _bare(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "-"
