"""What the steps of a run work with: settings, store, calendar, history and notifier, opened when needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

import msgspec

from trading.bars import Bar
from trading.daily.book import Book
from trading.daily.tape import Tape
from trading.logs import BotLog
from trading.notify.message import Message, Outcome
from trading.sessions import Sessions
from trading.settings import TradingSettings
from trading.store.store import Store

if TYPE_CHECKING:
    from trading.market.opening import Market
    from trading.notify.notifier import Notifier

__all__ = ["BOT", "Desk"]

BOT = "daily"
"""`bot.id` of the daily run."""


class Desk:
    """Everything a run may touch."""

    def __init__(
        self, settings: TradingSettings, store: Store, sessions: Sessions, clock: Callable[[], int]
    ) -> None:
        self.settings = settings
        self.store = store
        self.sessions = sessions
        self.clock = clock
        """Unix ns; the wall's clock, or one that the user set."""
        self.log = BotLog(BOT, "maps")
        self.chain: Sequence[date] = ()
        """The sessions of this run, oldest first."""
        self._market: Market | None = None
        self._tape: Tape | None = None
        self._notifier: Notifier | None = None

    @property
    def market(self) -> Market:
        """The market of the settings."""
        if self._market is None:
            # Polars and whatever a source brings are paid for only when prices are needed.
            from trading.market.opening import open_market

            self._market = open_market(self.settings, log=self.log, now=self.clock())
        return self._market

    @property
    def tape(self) -> Tape:
        """The history of all sessions of this run, fetched once."""
        if self._tape is None:
            first, last = self.chain[0], self.chain[-1]
            days = self.settings.data.days + (last - first).days
            self._tape = Tape({**self._given_up(last, days), **self.market.history(last, days)})
        return self._tape

    def _given_up(self, last: date, days: int) -> dict[str, list[Bar]]:
        """Return the bars of what is still held though the universe no longer names it: it must be sold."""
        from trading.market.universe import Instrument

        found = self.store.ledger.state_before(self.chain[0])
        held = msgspec.json.decode(found[1], type=Book).account.holdings if found else {}
        bars = {}
        for symbol in sorted(held.keys() - set(self.market.universe.symbols)):
            checked = self.market.checked(Instrument(symbol, symbol), "1d", last - timedelta(days=days), last)
            if checked.bars and not checked.refused:
                bars[symbol] = checked.bars
        return bars

    @property
    def has_channels(self) -> bool:
        """Whether anybody set up where messages go."""
        return self.settings.notify.secret.exists()

    def knows(self, key: str) -> bool:
        """Return whether a message of that key was ever given to the outbox."""
        from trading.notify.outbox import Outbox

        outbox = Outbox(self.settings.paths.store)
        try:
            return outbox.named(key) is not None
        finally:
            outbox.close()

    def send(self, message: Message) -> Outcome:
        """Give a message to the notifier."""
        return self._opened().send(message)

    def flush(self) -> list[Outcome]:
        """Send what waits in the outbox and is due now."""
        if not self.has_channels:
            return []
        from trading.notify.outbox import Outbox

        # Most calls find nothing that waits, and need no services for it.
        outbox = Outbox(self.settings.paths.store)
        try:
            waits = bool(outbox.entries("queued", "sending", due_ns=self.clock()))
        finally:
            outbox.close()
        return self._opened().flush() if waits else []

    def _opened(self) -> Notifier:
        if self._notifier is None:
            from trading.notify.notifier import open_notifier

            self._notifier = open_notifier(self.settings, log=self.log, now=self.clock)
        return self._notifier

    def say(self, level: int, text: str, *args: object, error: BaseException | None = None) -> None:
        """Log plain words."""
        self.log.line("daily", level, text, *args, error=error)

    def close(self) -> None:
        """Let go of what was opened."""
        if self._notifier is not None:
            self._notifier.close()
