"""The events of a backtest, in the words of `docs/events.md`; always with `run.mode=backtest`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from trading.backtest.results import BacktestResult, PortfolioResult
from trading.errors import TradingError
from trading.logs import BotLog, Value

__all__ = ["Telling", "Trigger", "error_type_of"]

Trigger = Literal["manual", "schedule", "chat"]


class Telling:
    """Tells of one backtest; each event carries whose it is and what it is of."""

    def __init__(
        self,
        backtest_id: str,
        strategy_id: str,
        *,
        symbols: Sequence[str],
        start: int | None = None,
        end: int | None = None,
        fee: float = 0.0,
        currency: str = "",
        trigger: Trigger = "manual",
        bot_id: str = "backtest",
    ) -> None:
        """Name the backtest.

        Args:
            backtest_id: Of this one.
            strategy_id: Of the strategy under test.
            symbols: What it is tested on.
            start: First time of the period, Unix ns.
            end: Last time.
            fee: Fraction of each fill's value.
            currency: Of amounts.
            trigger: Who asked for it.
            bot_id: Who runs it.
        """
        self.log = BotLog(bot_id, strategy_id, mode="backtest")
        self._about: dict[str, Value] = {
            "backtest.id": backtest_id,
            "strategy.id": strategy_id,
            "symbols": ",".join(symbols),
            "period.start": start,
            "period.end": end,
            "fee.ratio": fee,
            "currency": currency or None,
            "trigger": trigger,
        }

    def queued(self) -> None:
        """It waits."""
        self._tell("backtest.queued", {}, "backtest of %s queued", self._about["strategy.id"])

    def started(self, data_hash: str) -> None:
        """It runs, on these data."""
        self._tell(
            "backtest.started", {"data.hash": data_hash}, "backtest of %s started", self._about["strategy.id"]
        )

    def finished(self, result: BacktestResult | PortfolioResult, duration_s: float, data_hash: str) -> None:
        """It has a result; a figure that is undefined is left out."""
        figures: dict[str, Value] = {
            "total_return": _known(result.total_return),
            "sharpe": _known(result.sharpe),
            "max_drawdown": _known(result.max_drawdown),
            "trades": len(result.trades),
            "data.hash": data_hash,
            "duration_ms": round(duration_s * 1000, 3),
        }
        self._tell(
            "backtest.finished",
            figures,
            "backtest of %s finished: return %.2f %%, %d trades",
            self._about["strategy.id"],
            100 * result.total_return,
            len(result.trades),
        )

    def failed(self, error: BaseException, duration_s: float) -> None:
        """It has none, and why."""
        figures: dict[str, Value] = {
            "error.type": error_type_of(error),
            "duration_ms": round(duration_s * 1000, 3),
        }
        self._tell(
            "backtest.failed",
            figures,
            "backtest of %s failed: %s",
            self._about["strategy.id"],
            str(error) or type(error).__name__,
            error=None if isinstance(error, TradingError) else error,
        )

    def _tell(
        self, name: str, more: dict[str, Value], body: str, *args: object, error: BaseException | None = None
    ) -> None:
        self.log.event(name, {**self._about, **more}, body, *args, error=error)


def error_type_of(error: BaseException) -> str:
    """Return the word for an error: `timeout`, `invalid` (a person can mend it) or `server` (ours)."""
    if isinstance(error, TimeoutError):
        return "timeout"
    return "invalid" if isinstance(error, ValueError) else "server"


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
