"""Which issue comes first: by what stands to be lost, then by severity, spread and count.

Money is what the bot's own events say is open in the market. Where no bot tells, severity and the role of the
issue decide, and the page says that no money is known. Simulated money never raises a rank.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from obs.books import BotFacts
from obs.hazards.positions import exposure
from obs.insight.incidents import Standing
from obs.snapshot import Category, Issue, IssueSeverity, IssueStatus, Money

__all__ = ["Stake", "ranked", "stake_of", "with_money"]

UNMANAGED = frozenset(
    {"ended", "crash-loop", "stale-feed", "outage", "key-refused", "network-dead", "second-writer"}
    | {"foreign-orders", "exit-refused", "unresponsive", "silent-stage"}
)
"""Hazards that leave open positions without anyone who can act on them as intended."""
_BYSTANDERS = (Category.UI, Category.LLM)
"""Trouble that no open position waits for."""
_PAST = (IssueStatus.RESOLVED, IssueStatus.ARCHIVED)


class Stake(enum.IntEnum):
    """What stands to be lost while an issue lasts; the greater, the sooner it is told."""

    NONE = 0
    SPENDING = 1
    """Money is being spent now: on a model that talks to itself, or beyond the day's budget."""
    SECRET = 2
    """Somebody else may hold a key."""
    UNMANAGED = 3
    """Open positions whose manager does not work."""
    UNPROTECTED = 4
    """Open positions without a stop."""


def with_money(issues: Iterable[Issue], bots: Mapping[str, BotFacts]) -> list[Issue]:
    """Return the issues with the money that waits for each: what its bots hold open.

    Only causes that keep a bot from its work carry it; a lost message or a display risks none by itself.
    """
    found = []
    # Many issues are of the same bots: what those hold is added up once.
    known: dict[tuple[str, ...], tuple[Money, ...] | None] = {}
    for issue in issues:
        if issue.money_at_risk is None and _weighs(issue):
            if issue.services not in known:
                known[issue.services] = exposure(*(bots[name] for name in issue.services if name in bots))
            held = known[issue.services]
            found.append(msgspec.structs.replace(issue, money_at_risk=held) if held else issue)
        else:
            found.append(issue)
    return found


def stake_of(issue: Issue) -> Stake:
    """Return what stands to be lost while an issue lasts."""
    exposed = any(money.amount > 0 for money in issue.money_at_risk or ())
    if exposed and issue.rule == "unprotected":
        return Stake.UNPROTECTED
    if exposed and (issue.rule in UNMANAGED or issue.severity is IssueSeverity.CRITICAL):
        return Stake.UNMANAGED
    if issue.rule == "leak" and issue.severity is IssueSeverity.CRITICAL:
        return Stake.SECRET
    is_spending = issue.rule == "llm-loop" or (
        issue.rule == "llm-budget" and issue.severity.rank >= IssueSeverity.ERROR.rank
    )
    return Stake.SPENDING if is_spending else Stake.NONE


def ranked(
    issues: Iterable[Issue], standings: Mapping[str, Standing], *, simulated: bool = False
) -> list[Issue]:
    """Return the issues in the order in which they matter.

    Ongoing before past, cause before symptom, what stands to be lost, real trouble before side services,
    severity, how it was logged, amount, how specific the rule is, spread, count; the fingerprint decides the
    rest, so each run agrees.
    """

    def key(issue: Issue) -> tuple[object, ...]:
        standing = standings.get(issue.fingerprint, Standing())
        stake = stake_of(issue)
        if simulated and stake in (Stake.UNMANAGED, Stake.UNPROTECTED):
            stake = Stake.NONE
        amounts = () if simulated else issue.money_at_risk or ()
        risk = max((money.amount for money in amounts), default=Decimal(0))
        return (
            issue.status in _PAST,
            issue.cause is not None,
            -stake,
            standing.is_side,
            -issue.severity.rank,
            standing.calm,
            -risk,
            -standing.weight,
            -len(issue.services),
            -issue.count,
            issue.fingerprint,
        )

    return sorted(issues, key=key)


def _weighs(issue: Issue) -> bool:
    if issue.is_side or issue.cause is not None or issue.status in _PAST:
        return False
    if issue.rule in ("leak", "llm-loop") or issue.rule.startswith("notify"):
        return False
    return issue.severity.rank >= IssueSeverity.ERROR.rank and issue.category not in _BYSTANDERS
