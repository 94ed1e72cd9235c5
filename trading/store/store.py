"""The store of the core: one folder with two files, and the noun for each thing that is kept in them."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from trading.store.backtests import Backtests
from trading.store.database import Database
from trading.store.journal import Journal
from trading.store.ledger import Ledger
from trading.store.signals import SignalHistory

__all__ = ["PERFORMANCE", "SIGNALS", "Store", "open_store"]

SIGNALS = "signals.db"
PERFORMANCE = "performance.db"


class Store:
    """Both files, open."""

    journal: Journal
    """How far the run of each session is."""
    signals: SignalHistory
    """What was said."""
    ledger: Ledger
    """What came of it."""
    backtests: Backtests
    """Strategies, backtests and their results."""

    def __init__(self, folder: Path) -> None:
        """Open or make both files in `folder`.

        Raises:
            StoreError: If one of them cannot be used.
        """
        self.folder = folder
        self._files: list[Database] = []
        try:
            signals = self._opened(Database(folder / SIGNALS, "signals"))
            performance = self._opened(Database(folder / PERFORMANCE, "performance"))
        except BaseException:
            self.close()
            raise
        self.journal, self.signals = Journal(signals), SignalHistory(signals)
        self.ledger, self.backtests = Ledger(performance), Backtests(performance)

    def _opened(self, file: Database) -> Database:
        self._files.append(file)
        return file

    def close(self) -> None:
        """Let go of both files."""
        for file in self._files:
            file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_store(folder: Path) -> Store:
    """Return the store in a folder (`[paths] store`); its files are made when missing.

    Raises:
        StoreError: If one of them cannot be used.
    """
    return Store(folder)
