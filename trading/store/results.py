"""A backtest's result as it is kept: its figures as columns, all of it as JSON, and back again."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from trading.bars import time_of

if TYPE_CHECKING:
    from trading.backtest.results import BacktestResult, PortfolioResult

__all__ = ["Kept", "packed", "unpacked"]

_TIMES = frozenset({"times", "entry_time", "exit_time", "time"})


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a completed backtest; `None` is undefined (no trade, no deviation)."""

    backtest_id: str
    total_return: float
    trades: int
    """How many, the open ones included."""
    cagr: float | None
    volatility: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    max_drawdown: float | None
    """Negative."""
    win_rate: float | None
    fees: float | None
    currency: str
    data_hash: str
    duration_ms: float | None
    result: str
    """All of it, as JSON."""
    made_ns: int

    def load(self) -> BacktestResult | PortfolioResult:
        """Return the result as the backtest gave it; times are Unix ns."""
        return unpacked(self.result)


def packed(result: BacktestResult | PortfolioResult) -> str:
    """Return a result as JSON, times as Unix ns."""
    kind = "portfolio" if hasattr(result, "fills") else "single"
    return msgspec.json.encode({"kind": kind, "result": _plain(result)}).decode()


def unpacked(text: str) -> BacktestResult | PortfolioResult:
    """Return the result that `packed` wrote."""
    # Only who looks into a result pays for this import.
    from trading.backtest.results import BacktestResult, PortfolioResult

    row = msgspec.json.decode(text)
    result = _opened(row["result"])
    if row["kind"] == "portfolio":
        return msgspec.convert(result, PortfolioResult)
    return msgspec.convert(result, BacktestResult)


def _plain(value: Any, name: str = "") -> Any:
    if isinstance(value, msgspec.Struct):
        return {key: _plain(getattr(value, key), key) for key in value.__struct_fields__}
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name), field.name) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, name) for item in value]
    if name in _TIMES:
        return time_of(value)
    if hasattr(value, "item"):
        value = value.item()
    # JSON knows no such numbers.
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _opened(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _opened(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_opened(item) for item in value]
    return float(value) if value in ("nan", "inf", "-inf") else value
