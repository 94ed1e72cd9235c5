"""Who is told what and when, as the settings say it: routes, quiet hours, limits. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import NamedTuple
from zoneinfo import ZoneInfo

from obs.money.amounts import Money
from obs.money.rates import Rates
from obs.snapshot import Issue, IssueSeverity

__all__ = ["Plan", "Quiet", "Route", "amounts_of", "clock_of", "elapsed", "quiet_of", "room_at"]

SECOND_NS = 1_000_000_000
HOUR_NS = 3_600 * SECOND_NS
JITTER_NS = 60 * SECOND_NS
"""A clock that is set back by less than this is merely being kept right."""
FOREVER_NS = 10 * 365 * 24 * HOUR_NS
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s+([A-Za-z]{2,10})")
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


class Route(NamedTuple):
    """Which issues go to which channels."""

    name: str
    severity: IssueSeverity
    """The least."""
    bots: tuple[str, ...]
    """Globs; an issue without a bot fits `*` only."""
    money: tuple[Money, ...]
    """The least money at risk, any of these; none: whatever it is."""
    channels: tuple[str, ...]
    fallback: tuple[str, ...] = ()
    """Channels that are told when one of the others fails."""
    resolved: bool = True
    """Whether the end is told."""
    also: bool = False
    """Whether later routes are asked too."""

    def fits(self, issue: Issue, rates: Rates, now: int) -> bool:
        """Whether an issue goes this way.

        Args:
            issue: Which.
            rates: By which amounts are compared.
            now: Unix ns.
        """
        if issue.severity.rank < self.severity.rank:
            return False
        if not any(fnmatchcase(bot, glob) for bot in issue.services or ("",) for glob in self.bots):
            return False
        return not self.money or _is_enough(issue.money_at_risk or (), self.money, rates, now)


class Quiet(NamedTuple):
    """A stretch of each day in which only what is urgent goes out."""

    begin: time
    end: time
    """Not after `begin` when the stretch goes past midnight."""
    zone: ZoneInfo

    def until(self, now: int) -> int:
        """Return Unix ns at which the stretch ends that `now` lies in; 0 outside of it."""
        here = datetime.fromtimestamp(now // SECOND_NS, UTC).astimezone(self.zone)
        clock, past_midnight = here.time().replace(tzinfo=None), self.end <= self.begin
        late, early = clock >= self.begin, clock < self.end
        if not ((late or early) if past_midnight else (late and early)):
            return 0
        day = here.date() + timedelta(days=past_midnight and late)
        # Where clocks go back, an hour comes twice: of its second pass the end is the second one.
        end = datetime.combine(day, self.end, tzinfo=self.zone).replace(fold=here.fold)
        return max(int(end.timestamp()) * SECOND_NS, now + 1)


class Plan(NamedTuple):
    """All of it."""

    routes: tuple[Route, ...] = ()
    quiet: Quiet | None = None
    urgent: IssueSeverity = IssueSeverity.CRITICAL
    """From this severity on quiet hours hold nothing back, reminders follow, and a part of a channel's limit
    is kept free."""
    group_wait: int = 10 * SECOND_NS
    """How long what belongs together is waited for."""
    over_after: int = 300 * SECOND_NS
    """An issue must be over for so long before its end is told; twice as long each time it came back."""
    again_after: int = 4 * HOUR_NS
    """What went quiet, and was not told as over, is told again after so long; an end waits no longer."""
    remind_after: int = 4 * HOUR_NS
    """What is urgent and stays open is told again after so long; 0: never."""
    per_hour: int = 20
    """Messages that a channel may carry in any hour."""
    zone: ZoneInfo = ZoneInfo("UTC")
    lang: str = "en"
    rates: Rates = Rates()
    """By which money at risk is compared with what a route asks for."""

    def channels_of(self, issue: Issue, now: int) -> dict[str, Route]:
        """Return which channels an issue goes to, each with the route that leads there.

        The first route that fits, and on while a route says `also`; of two to one channel the first.

        Args:
            issue: Which.
            now: Unix ns.
        """
        found: dict[str, Route] = {}
        for route in self.routes:
            if route.fits(issue, self.rates, now):
                for channel in route.channels:
                    found.setdefault(channel, route)
                if not route.also:
                    break
        return found

    def told(self) -> tuple[str, ...]:
        """Return all channels to which routes lead, in their order."""
        return tuple(dict.fromkeys(channel for route in self.routes for channel in route.channels))

    def channels_named(self, route: str) -> tuple[str, ...]:
        """Return the channels of a route, by its name; none when there is no such route."""
        return next((each.channels for each in self.routes if each.name == route), ())

    def fallbacks(self, routes: Iterable[str]) -> tuple[str, ...]:
        """Return the channels that step in for those of some routes, by their names."""
        wanted = set(routes)
        return tuple(
            dict.fromkeys(
                channel for route in self.routes if route.name in wanted for channel in route.fallback
            )
        )

    def is_urgent(self, severity: IssueSeverity) -> bool:
        """Whether quiet hours do not hold it back."""
        return severity.rank >= self.urgent.rank

    def held_until(self, severity: IssueSeverity, now: int) -> int:
        """Return Unix ns until which quiet hours hold it back; 0: not at all."""
        return 0 if self.quiet is None or self.is_urgent(severity) else self.quiet.until(now)


def quiet_of(text: str, zone: ZoneInfo) -> Quiet | None:
    """Return quiet hours written as `23:00-07:00`; None for an empty text.

    Raises:
        ValueError: If it is no stretch of a day.
    """
    if not text:
        return None
    found = _HOURS.fullmatch(text)
    if found is None or found.group(1, 2) == found.group(3, 4):
        raise ValueError('is no stretch of a day: write it as "23:00-07:00"')
    return Quiet(time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4])), zone)


def clock_of(text: str) -> time | None:
    """Return a time of day written as `09:00`; None for an empty text.

    Raises:
        ValueError: If it is none.
    """
    if not text:
        return None
    found = _HOURS.fullmatch(f"{text}-{text}")
    if found is None:
        raise ValueError('is no time of day: write it as "09:00"')
    return time(int(found[1]), int(found[2]))


def elapsed(then: int, now: int) -> int:
    """Return the ns since `then`; very many when the clock went back since, so that nothing waits for it."""
    return FOREVER_NS if then > now + JITTER_NS else max(0, now - then)


def room_at(sent: Sequence[int], now: int, most: int, *, urgent: bool) -> int:
    """Return Unix ns at which a channel may carry one more message in its hour; `now` when it may at once.

    A fifth of the limit is kept for what is urgent: a flood of small news must not use it up.

    Args:
        sent: When it carried its last messages, oldest first.
        now: Unix ns.
        most: Messages in any hour.
        urgent: Whether the one that waits is.
    """
    room = most if urgent else max(1, most - most // 5)
    within = [at for at in sent if elapsed(at, now) < HOUR_NS]
    return max(now, within[-room] + HOUR_NS) if len(within) >= room else now


def amounts_of(text: str) -> tuple[Money, ...]:
    """Return amounts written as `100 USDT` or `100 USDT, 140000 KRW`; none for an empty text.

    Raises:
        ValueError: If one is none, or a currency comes twice.
    """
    amounts = []
    for part in text.split(",") if text.strip() else ():
        found = _AMOUNT.fullmatch(part.strip())
        if found is None:
            raise ValueError(
                'is no amount: write it with its currency, e.g. "100 USDT" or "100 USDT, 140000 KRW"'
            )
        amounts.append(Money(Decimal(found[1]), found[2].upper()))
    if len({money.currency for money in amounts}) != len(amounts):
        raise ValueError("names a currency twice: write one amount of each")
    return tuple(amounts)


def _is_enough(at_risk: Iterable[Money], least: Sequence[Money], rates: Rates, now: int) -> bool:
    """Whether the money at risk reaches one of the least amounts; what no rate compares counts as enough.

    An owner whose bot trades in a currency that nobody thought of must be told rather than not.
    """
    for wanted in least:
        converted = (
            rates.convert(money.amount, money.currency, wanted.currency, at=now) for money in at_risk
        )
        if sum(each.amount for each in converted if each is not None) >= wanted.amount:
            return True
    return any(
        all(rates.convert(money.amount, money.currency, wanted.currency, at=now) is None for wanted in least)
        for money in at_risk
        if money.amount > 0
    )
