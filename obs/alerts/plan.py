"""Who is told what and when, as the settings say it: routes, quiet hours, limits. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import NamedTuple
from zoneinfo import ZoneInfo

from obs.money.amounts import Money
from obs.snapshot import Issue, IssueSeverity

__all__ = ["Plan", "Quiet", "Route", "Silence", "amount_of", "quiet_of", "room_at"]

SECOND_NS = 1_000_000_000
HOUR_NS = 3_600 * SECOND_NS
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


class Route(NamedTuple):
    """Which issues go to which channels."""

    name: str
    severity: IssueSeverity
    """The least."""
    bots: tuple[str, ...]
    """Globs; an issue without a bot fits `*` only."""
    money: Money | None
    """The least money at risk; None: whatever it is."""
    channels: tuple[str, ...]
    fallback: tuple[str, ...] = ()
    """Channels that are told when one of the others fails."""
    resolved: bool = True
    """Whether the end is told."""
    also: bool = False
    """Whether later routes are asked too."""

    def fits(self, issue: Issue) -> bool:
        """Whether an issue goes this way."""
        if issue.severity.rank < self.severity.rank:
            return False
        if not any(fnmatchcase(bot, glob) for bot in issue.services or ("",) for glob in self.bots):
            return False
        if self.money is None:
            return True
        return any(
            at_risk.currency == self.money.currency and at_risk.amount >= self.money.amount
            for at_risk in issue.money_at_risk or ()
        )


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
        return int(datetime.combine(day, self.end, tzinfo=self.zone).timestamp()) * SECOND_NS


class Silence(NamedTuple):
    """What a person wants to hear nothing of for a while."""

    number: int
    bot: str
    """Glob."""
    component: str
    """Glob."""
    severity: IssueSeverity
    """The gravest that is silenced."""
    until: int
    """Unix ns."""
    by: str = ""
    why: str = ""

    def holds(self, issue: Issue, now: int) -> bool:
        """Whether it silences an issue; one of several bots only when it silences all of them."""
        return (
            now < self.until
            and issue.severity.rank <= self.severity.rank
            and fnmatchcase(issue.component, self.component)
            and all(fnmatchcase(bot, self.bot) for bot in issue.services or ("",))
        )


class Plan(NamedTuple):
    """All of it."""

    routes: tuple[Route, ...] = ()
    quiet: Quiet | None = None
    urgent: IssueSeverity = IssueSeverity.CRITICAL
    """From this severity on quiet hours hold nothing back, and a part of a channel's limit is kept free."""
    group_wait: int = 10 * SECOND_NS
    """How long what belongs together is waited for."""
    again_after: int = 4 * HOUR_NS
    """What came back is told again after so long."""
    per_hour: int = 20
    """Messages that a channel may carry in any hour."""
    zone: ZoneInfo = ZoneInfo("UTC")
    lang: str = "en"

    def routes_of(self, issue: Issue) -> tuple[Route, ...]:
        """Return the ways an issue goes: the first that fits, and on while a route says `also`."""
        found = []
        for route in self.routes:
            if route.fits(issue):
                found.append(route)
                if not route.also:
                    break
        return tuple(found)

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
    within = [at for at in sent if at > now - HOUR_NS]
    return within[-room] + HOUR_NS if len(within) >= room else now


def amount_of(text: str) -> Money | None:
    """Return an amount written as `100 USDT`; None for an empty text.

    Raises:
        ValueError: If it is none.
    """
    if not text:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s+([A-Za-z]{2,10})", text)
    if found is None:
        raise ValueError('is no amount: write it with its currency, e.g. "100 USDT"')
    return Money(Decimal(found[1]), found[2].upper())
