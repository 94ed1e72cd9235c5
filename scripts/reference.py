"""Our figures beside those of independent libraries: `make reference`.

Indicators, statistics, portfolio weights, backtests, agents' credit and sessions.

Reads the market data and the reference results of a data folder (`OBS_CORPUS_DIR`, or `../shared/data`) and
prints one line for each quantity: how many values were compared, the largest difference, how much is allowed,
and whether that holds. Ends with 1 when one does not, and with 2 when there is no data.
"""

from __future__ import annotations

import csv
import json
import math
import os
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from trading import performance
from trading.attribution import Opinion, shapley, value_of
from trading.backtest import BacktestResult, run
from trading.indicators import ema, momentum, rsi, sma, volatility
from trading.portfolio import RiskLevel, optimize
from trading.sessions import load_sessions
from trading.strategies import sma_cross

__all__ = ["Row", "failed", "main", "rows", "table"]

ROOT = Path(__file__).resolve().parents[1]

Bars = tuple[tuple[str, float, float, float, float, float], ...]

INDICATORS: dict[str, Callable[[list[float], int], list[float]]] = {
    "sma20": lambda closes, year: sma(closes, 20),
    "sma60": lambda closes, year: sma(closes, 60),
    "ema20": lambda closes, year: ema(closes, 20),
    "rsi14": lambda closes, year: rsi(closes, 14),
    "mom20_pct": lambda closes, year: momentum(closes, 20),
    "vol20_ann": lambda closes, year: volatility(closes, 20, periods_per_year=year),
}
LEVELS: dict[str, RiskLevel] = {
    "min_variance": "conservative",
    "max_sharpe": "moderate",
    "max_return": "aggressive",
}
# skfolio stops early: its weights are off by up to 3e-4 from those on which the others agree to 1e-8.
EXACT_SOLVERS = ("pypfopt", "scipy", "greedy_exact")
FILES = {"SPY": "spy", "AAPL": "aapl", "EEM": "eem"}
LIBRARIES = {"a": "TA-Lib, pandas", "b": "talipp, polars"}


class Row(NamedTuple):
    """One quantity, ours against theirs."""

    quantity: str
    against: str
    compared: int
    """How many values."""
    difference: float
    """The largest one; `nan` when one had a value where the other had none."""
    allowed: float
    unit: str
    """relative, absolute, or dates (how many differ)."""

    @property
    def is_equal(self) -> bool:
        """Whether the difference is allowed; nothing compared is no proof."""
        return self.compared > 0 and self.difference <= self.allowed


def rows(market: Path) -> Iterator[Row]:
    """Yield every comparison that a folder of market data has references for."""
    reference = market / "reference"
    for path in sorted(reference.glob("indicators_*.csv")):
        yield from _indicators(path)
    for case in _json(reference / "performance.json"):
        yield from _statistics(case, market)
    for path in sorted(reference.glob("portfolio_*.json")):
        yield from _weights(_json(path), market)
    for case in _json(reference / "backtests.json"):
        yield from _backtest(case, market)
    for case in _json(reference / "attribution_shapley.json"):
        yield _shapley(case)
    yield from _sessions(_json(reference / "xkrx_sessions_2024_2025.json"))


def failed(found: Iterable[Row]) -> list[Row]:
    """Return the rows that are not equal."""
    return [row for row in found if not row.is_equal]


def table(found: Sequence[Row]) -> str:
    """Return the rows as a table for people."""
    lines: list[tuple[str, ...]] = [
        ("quantity", "against", "compared", "largest difference", "allowed", "verdict")
    ]
    for row in found:
        verdict = "equal" if row.is_equal else "DIFFERS"
        if row.unit == "dates":
            told, allowed = f"{row.difference:.0f} dates differ", "0"
        else:
            told, allowed = f"{row.difference:.1e} {row.unit}", f"{row.allowed:.0e}"
        lines.append((row.quantity, row.against, f"{row.compared:,}", told, allowed, verdict))
    widths = [max(len(line[column]) for line in lines) for column in range(6)]
    lines.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        "  ".join(
            cell.rjust(w) if c == 2 else cell.ljust(w)
            for c, (cell, w) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def main() -> int:
    """Print the table; return the exit code."""
    market = Path(os.environ.get("OBS_CORPUS_DIR", ROOT.parent / "shared" / "data")) / "market"
    if not (market / "reference").is_dir():
        print(
            f"no reference results at {market}: set OBS_CORPUS_DIR to the folder that holds market/",
            file=sys.stderr,
        )
        return 2
    found = list(rows(market))
    print(table(found))
    wrong = failed(found)
    compared = sum(row.compared for row in found)
    print(f"\n{len(found) - len(wrong)} of {len(found)} quantities equal, {compared:,} values compared.")
    return 1 if wrong else 0


def _indicators(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    symbol = path.stem.removeprefix("indicators_")
    closes = [float(line["close"]) for line in lines]
    for name, values in INDICATORS.items():
        ours = values(closes, 365 if symbol.startswith("BTC") else 252)
        for column, library in LIBRARIES.items():
            theirs = [float(line[f"{name}_{column}"] or "nan") for line in lines]
            yield Row(f"{symbol} {name}", library, len(ours), _furthest(ours, theirs), 1e-9, "relative")


def _statistics(case: dict[str, Any], market: Path) -> Iterator[Row]:
    closes = [bar[4] for bar in _bars(market, case["name"], case["start"], case["end"])]
    returns = performance.returns_of(closes)
    year = case["periods_per_year"]
    ours = {
        "total_return": performance.total_return(returns),
        "cagr": performance.cagr(returns, periods_per_year=year),
        "vol_ann": performance.volatility(returns, periods_per_year=year),
        "sharpe": performance.sharpe(returns, periods_per_year=year, risk_free=case["risk_free"]),
        "sortino": performance.sortino(returns, periods_per_year=year, risk_free=case["risk_free"]),
        "max_drawdown": performance.max_drawdown(closes),
        "calmar": performance.calmar(returns, periods_per_year=year),
    }
    for library, theirs in case["libs"].items():
        # ffn counts years by the calendar, the others (and we) by bars.
        names = [name for name in ours if not (library.startswith("ffn") and name in ("cagr", "calmar"))]
        far = _furthest([ours[name] for name in names], [theirs[name] for name in names])
        yield Row(f"{case['name']} statistics", library, len(names), far, 1e-9, "relative")


def _weights(case: dict[str, Any], market: Path) -> Iterator[Row]:
    returns = _returns(market, case)
    lower, upper = case["bounds"]
    for objective, level in LEVELS.items():
        ours = optimize(
            returns,
            level,
            lower=lower,
            upper=upper,
            risk_free=case["rf_annual"],
            periods_per_year=case["periods_per_year"],
        )
        for solver, theirs in case["portfolios"][objective].items():
            if solver not in EXACT_SOLVERS:
                continue
            far = max(
                abs(ours.weights.get(name, math.inf) - share) for name, share in theirs["weights"].items()
            )
            what = f"{case['name']} {level}"
            yield Row(f"{what} weights", solver, len(theirs["weights"]), far, 1e-4, "absolute")
            sharpe = abs(ours.sharpe - theirs["sharpe"])
            yield Row(f"{what} Sharpe", solver, 1, sharpe, 1e-6, "absolute")


def _backtest(case: dict[str, Any], market: Path) -> Iterator[Row]:
    name = case["name"]
    fast, slow = _windows(name)
    result = run(
        _bars(market, name, case["start"], case["end"]), sma_cross(fast, slow), fee=case["fee_per_side"]
    )
    trades = _csv(market / "reference" / f"backtest_{name}_trades.csv")
    equity = _csv(market / "reference" / f"backtest_{name}_equity.csv")
    yield Row(f"{name} trades", "backtesting.py", len(trades), _dates(result, trades, ""), 0, "dates")
    yield Row(f"{name} trades", "vectorbt", len(trades), _dates(result, trades, "vectorbt_"), 0, "dates")
    ours = [trade.return_ratio for trade in result.trades]
    theirs = [float(trade["vectorbt_return_pct"]) / 100 for trade in trades]
    yield Row(
        f"{name} trade returns",
        "vectorbt",
        len(theirs),
        _furthest(ours, theirs, floor=1e-2),
        1e-6,
        "relative",
    )
    # The one library sells what is left at the last bar's open; we value it at the close, as the other does.
    for library, last in (("backtesting_py", -1), ("vectorbt", None)):
        wanted = [float(line[f"equity_{library}"]) for line in equity[:last]]
        far = _furthest(result.equity[:last], wanted)
        yield Row(f"{name} equity", library.replace("_py", ".py"), len(wanted), far, 1e-6, "relative")
    # The library counts the open trade as won or lost; our `win_rate` counts closed ones alone.
    won = sum(trade.pnl > 0 for trade in result.trades) / len(result.trades) if result.trades else 0.0
    figures = _furthest(
        [result.final_equity, result.max_drawdown, won],
        [case["final_equity_vectorbt"], case["max_drawdown_vectorbt"], case["win_rate"]],
    )
    yield Row(f"{name} end, drawdown, wins", "vectorbt", 3, figures, 1e-9, "relative")


def _shapley(case: dict[str, Any]) -> Row:
    opinions = [Opinion(a["name"], a["direction"], a["confidence"], a["weight"]) for a in case["agents"]]
    value = value_of(
        opinions, case["threshold"], asset_return=case["asset_return"], notional=case["notional"]
    )
    ours = shapley(value, [opinion.agent for opinion in opinions])
    far = max(abs(ours[name] - share) for name, share in case["shapley"].items())
    return Row(f"credit {case['case']}", case["checked_with"], len(ours), far, 1e-4, "absolute")


def _sessions(case: dict[str, Any]) -> Iterator[Row]:
    sessions = load_sessions(case["calendar"])
    for year, days in case["sessions"].items():
        first, last = date(int(year), 1, 1), date(int(year), 12, 31)
        ours = {day.isoformat() for day in sessions.between(first, last)}
        what = f"{case['calendar']} sessions {year}"
        yield Row(what, case["library"], len(days), len(ours ^ set(days)), 0, "dates")


def _dates(result: BacktestResult, trades: Sequence[dict[str, str]], prefix: str) -> float:
    ours = [(str(trade.entry_time), str(trade.exit_time)) for trade in result.trades]
    theirs = [(trade[f"{prefix}entry_time"][:10], trade[f"{prefix}exit_time"][:10]) for trade in trades]
    return abs(len(ours) - len(theirs)) + sum(a != b for a, b in zip(ours, theirs, strict=False))


def _furthest(ours: Sequence[float], theirs: Sequence[float], floor: float = 0.0) -> float:
    """Return the largest relative difference; `nan` if one has a value where the other has none.

    Args:
        ours: One sequence.
        theirs: The other.
        floor: Values below it are compared as if they were as large, since they were written with few digits.
    """
    if len(ours) != len(theirs):
        return math.nan
    furthest = 0.0
    for a, b in zip(ours, theirs, strict=True):
        if math.isnan(a) and math.isnan(b):
            continue
        if math.isnan(a) or math.isnan(b):
            return math.nan
        furthest = max(furthest, abs(a - b) / (max(abs(b), floor) or 1.0))
    return furthest


def _windows(name: str) -> tuple[int, int]:
    words = name.removesuffix("_nofee").split("_")
    return int(words[1].removeprefix("sma")), int(words[2])


def _bars(market: Path, name: str, start: str, end: str) -> Bars:
    symbol = name.partition("_")[0]
    path, scale = (
        ("lean/crypto_coinbase_daily/btcusd_trade.zip", 1.0)
        if symbol == "BTCUSD"
        else (f"lean/equity_usa_daily/{FILES[symbol]}.zip", 10_000.0)
    )
    return tuple(bar for bar in _zipped(market / path, scale) if start[:10] <= bar[0] <= end[:10])


@cache
def _zipped(path: Path, scale: float) -> Bars:
    with zipfile.ZipFile(path) as archive:
        lines = archive.read(archive.namelist()[0]).decode().split("\n")
    found = []
    for line in filter(None, map(str.strip, lines)):
        day, first, high, low, close, volume = line.split(",")
        date = f"{day[:4]}-{day[4:6]}-{day[6:8]}"
        prices = (float(first) / scale, float(high) / scale, float(low) / scale, float(close) / scale)
        found.append((date, *prices, float(volume)))
    return tuple(found)


def _returns(market: Path, case: dict[str, Any]) -> dict[str, list[float]]:
    lines = _csv(market / "pyportfolioopt" / "stock_prices.csv")
    day = next(iter(lines[0]))
    chosen = [line for line in lines if case["start"] <= line[day][:10] <= case["end"]]
    return {name: performance.returns_of([float(line[name]) for line in chosen]) for name in case["assets"]}


@cache
def _csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    sys.exit(main())
