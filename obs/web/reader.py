"""For whom a page is made: language and time zone, and what follows from them for words, money and times."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from obs.page.phrasebook import say
from obs.page.telling import fixed_where
from obs.snapshot import Money
from obs.web import numbers
from obs.web.model import Amount
from obs.web.words import Words, words

__all__ = ["Reader"]

_CLOCK = re.compile(
    r"(?<![\d:])(?:(\d{4}-\d\d-\d\d) )?([01]\d|2[0-3]):([0-5]\d)(:[0-5]\d(?:\.\d+)?)?( UTC)?(?![\d:])"
)


class Reader:
    """One reader of the page.

    Args:
        lang: `en` or `ko`.
        zone: IANA name of the time zone in which times are shown.
        now: Unix ns, to know how far the zone is from UTC.

    Raises:
        ValueError: If the language is none of ours.
        ZoneInfoNotFoundError: If there is no such zone.
    """

    def __init__(self, lang: str, zone: str, now: int) -> None:
        self.lang = lang
        self.say: Words = words(lang)
        self.now = now
        self.zone = ZoneInfo(zone)
        here = self.at(now)
        offset = here.utcoffset()
        self.offset_minutes = int(offset.total_seconds()) // 60 if offset else 0
        self.zone_name = here.tzname() or zone

    def at(self, time: int) -> datetime:
        """Return Unix ns as a moment of the reader's zone."""
        return datetime.fromtimestamp(time // 1_000_000_000, self.zone)

    def midnight(self) -> int:
        """Return Unix ns at which the reader's day began."""
        start = self.at(self.now).replace(hour=0, minute=0, second=0, microsecond=0)
        return int(start.timestamp()) * 1_000_000_000

    def clock(self, time: int, *, fine: bool = False) -> str:
        """Return the time of day, to the minute unless `fine`; with its date on another day."""
        here = self.at(time)
        text = f"{here:%H:%M:%S}" if fine else f"{here:%H:%M}"
        if here.date() == self.at(self.now).date():
            return text
        day = f"{here.month}월 {here.day}일" if self.lang == "ko" else f"{here.day} {here:%b}"
        return f"{day} {text}"

    def market(self, code: str) -> str:
        """Return a market as people call it: `KRX`; one of the user's own by its name."""
        return "/".join(self.say.get(f"market.{one}", one) for one in code.split("+"))

    def length(self, ns: int) -> str:
        """Return a length of time in words."""
        return numbers.length(ns, self.lang)

    def amount(self, value: Decimal | None, currency: str, *, sign: bool = False) -> Amount:
        """Return an amount as it is shown."""
        return numbers.amount(value, currency, self.lang, sign=sign)

    def money(self, *amounts: Money, sign: bool = False) -> str:
        """Return amounts in running text, one for each currency, never added up."""
        shown = (self.amount(one.amount, one.currency, sign=sign) for one in amounts)
        return " + ".join(map(numbers.joined, shown))

    def prose(self, text: str) -> str:
        """Return one of our own English sentences in the reader's language and time zone."""
        return self.local(say(text, self.lang))

    def place(self, text: str) -> str:
        """Return where something is to be mended, as people say it."""
        return self.local(fixed_where(say(text, self.lang)))

    def local(self, text: str) -> str:
        """Return our own prose with its times of day in the reader's zone: it is made in UTC."""
        return _CLOCK.sub(self._moved, text) if self.offset_minutes else text.replace(" UTC", "")

    def _moved(self, found: re.Match[str]) -> str:
        day, hour, minute, rest, _ = found.groups()
        today = datetime.fromtimestamp(self.now // 1_000_000_000, UTC)
        date = datetime.fromisoformat(f"{day}+00:00") if day else today
        moment = date.replace(hour=int(hour), minute=int(minute)) + timedelta(minutes=self.offset_minutes)
        return (f"{moment:%Y-%m-%d} " if day else "") + f"{moment:%H:%M}{rest or ''}"
