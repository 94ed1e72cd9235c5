"""What is expected of the bots: where they trade, how often each stage shows, which limits hold.

Made once from the settings and handed to the analyzer; all derivations read it, none change it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from obs.money.amounts import Money, Rate
from obs.money.pricing import STANDARD, Prices
from obs.watch import sessions
from obs.watch.beats import BotBeats
from obs.watch.sessions import Calendar, Calendars
from obs.watch.thresholds import Limits

__all__ = ["Expectations"]

ANY = "*"
"""The bot of a setting that holds for every bot."""


class Expectations(msgspec.Struct, frozen=True, kw_only=True):
    """Limits, session tables, prices, and what was set for single bots and components."""

    limits: Limits = Limits()
    calendars: Calendars = msgspec.field(default_factory=sessions.load)
    markets: Mapping[str, str] = {}
    """Bot, or `*` -> the name of a session table."""
    cadence: Mapping[str, int] = {}
    """Stage or component, or `bot stage` -> ns between two of it; 0: none is expected."""

    timezone: str = "UTC"
    """IANA name of the zone whose days money is counted by."""
    prices: Prices = STANDARD
    rates: tuple[Rate, ...] = ()
    llm_daily_budget: Money | None = None

    def calendar(self, bot: str, beats: BotBeats | None) -> Calendar | None:
        """Return when the markets of a bot are open, or None when nothing tells which they are."""
        told = self.markets.get(bot) or self.markets.get(ANY)
        if told:
            return self.calendars.get(told)
        names = {self._market(hint) for hint in (beats.hints if beats else ())} - {""}
        return self.calendars.get(*names) if names else None

    def expected(self, bot: str, what: str) -> int | None:
        """Return the ns between two of a stage or component as set: 0 expects none, None is not set."""
        for key in (f"{bot} {what}", what, f"{bot} {ANY}"):
            if key in self.cadence:
                return self.cadence[key]
        return None

    def zone(self, calendars: Iterable[Calendar | None]) -> str:
        """Return the zone of the trading day: that of the one exchange with sessions, else UTC."""
        zones = {calendar.zone for calendar in calendars if calendar is not None}
        return zones.pop() if len(zones) == 1 else "UTC"

    def _market(self, hint: str) -> str:
        kind, _, name = hint.partition(" ")
        if kind == "symbol":
            symbol, _, currency = name.partition(" ")
            return self.calendars.market_of(symbol=symbol, currency=currency)
        if kind == "exchange":
            return self.calendars.market_of(exchange=name)
        return self.calendars.market_of(program=name)
