"""Candles of your own for a paper run: one-minute bars from CSV, Parquet or LEAN files, checked and aligned.

Reading and judging is `trading.market`'s affair; it is imported only when there is something to read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from trading.bars import Bar
from trading.logs import BotLog
from trading.paper.replay import MarketError, aligned, whole

if TYPE_CHECKING:
    from trading.market.findings import Finding

__all__ = ["OwnCandles", "read_candles"]


@dataclass(frozen=True)
class OwnCandles:
    """What was read."""

    bars: dict[str, list[Bar]]
    """By symbol, in the order they were asked for; all at the same minutes."""
    findings: tuple[Finding, ...]
    """What was wrong with the files."""

    @property
    def count(self) -> int:
        """How many bars each symbol has."""
        return len(next(iter(self.bars.values())))

    def report(self, log: BotLog) -> None:
        """Say what was wrong, one event each."""
        from trading.market.telling import report_findings

        report_findings(self.findings, log, source="files")


def read_candles(path: Path, symbols: Sequence[str]) -> OwnCandles:
    """Return the one-minute bars of a folder, or of one file.

    Missing minutes become flat bars; longer stretches without any, a night say, are left out.

    Args:
        path: A folder with a file for each symbol, or the file of one.
        symbols: Which; `BTC/KRW` is found in `btc-krw.csv`.

    Raises:
        SourceError: If a file is missing or cannot be read.
        MarketError: If no bar of a symbol can be believed, or the symbols share no minute.
    """
    from trading.market.checking import check
    from trading.market.files import FileSource, read_bars
    from trading.market.frames import Reading

    series: dict[str, list[Bar]] = {}
    findings: list[Finding] = []
    for symbol in symbols:
        if path.is_dir():
            raw = FileSource(path).bars(symbol, "1m", date.min, date.max)
        else:
            raw = read_bars(path, Reading(symbol, "1m"))
        checked = check(raw, symbol=symbol, interval="1m")
        findings += checked.findings
        if checked.refused or not checked.bars:
            why = " ".join(finding.text for finding in checked.findings if finding.action == "refused")
            raise MarketError(f"{path}: no usable candles of {symbol}. {why}".rstrip())
        series[symbol] = whole(checked.bars)
    return OwnCandles(aligned(series), tuple(findings))
