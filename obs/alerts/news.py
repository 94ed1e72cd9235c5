"""What is news of an issue to a channel, given what the channel was told of it before. Pure.

An end is told only when it has lasted: somebody who was told that it is over must not sleep while it burns
again. An issue that keeps coming back has to stay over for longer each time, so a flapping one is told less
and less often and never as over while it is not.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from obs.alerts.plan import HOUR_NS, Plan, elapsed
from obs.snapshot import Issue, IssueStatus

__all__ = ["ENDED", "OPEN", "QUIET", "Memory", "News", "end_of", "is_active", "news_of", "over_after"]

FRESH_NS = 24 * HOUR_NS
"""What was last seen longer ago is no news at the first look."""
GROWN = 5
"""Money at risk that is so many times what was told is news."""
OPEN, ENDED, QUIET = "open", "ended", "quiet"
"""What a channel believes: that it goes on, that it is over (told, or about to be), nothing."""
_GOES_ON = (IssueStatus.NEW, IssueStatus.ONGOING, IssueStatus.ESCALATING, IssueStatus.REGRESSED)

_ENDS = ("ended", "crash-loop")
"""Rules of a process that ended: whoever owns it wants to hear of that, also where its cause was told."""


class Memory(NamedTuple):
    """What a channel was last told of an issue."""

    severity: int
    """Rank, the gravest."""
    told: int
    """Unix ns."""
    state: str = OPEN
    returns: int = 0
    """How often it came back within a day of its end."""
    money: str = ""
    """Money at risk that was told: `97771.80 USDT`, several with a comma between."""


class News(NamedTuple):
    """What is to be done about an issue on a channel."""

    kind: str
    """Of a note (`new`, `worse`, `again`, `still`, `over`), or empty when nothing is told."""
    memory: Memory
    takes_back: bool = False
    """Whether an end that waits to be told is not one."""


def is_active(issue: Issue) -> bool:
    """Whether it goes on and stands for itself."""
    stands = issue.cause is None or issue.rule in _ENDS
    return issue.status in _GOES_ON and issue.trend != "quiet" and stands


def over_after(returns: int, plan: Plan) -> int:
    """Return for how many ns an issue must have been over that came back so often."""
    return min(plan.over_after << min(returns, 10), max(plan.over_after, plan.again_after))


def news_of(
    issue: Issue, memory: Memory | None, plan: Plan, now: int, *, end_waits: bool = False
) -> News | None:
    """Return what is new of an issue that goes on; None for nothing.

    Args:
        issue: Which.
        memory: What the channel knows of it.
        plan: With the times.
        now: Unix ns.
        end_waits: Whether its end waits to be told.
    """
    rank = issue.severity.rank
    if memory is None:
        fresh = Memory(rank, now, money=_money(issue))
        return News("new", fresh) if now - issue.last_seen < FRESH_NS else None
    past = elapsed(memory.told, now)
    gravest = max(rank, memory.severity)
    if memory.state == ENDED and not end_waits:
        returns = memory.returns + 1 if past < FRESH_NS else 1
        return News("again", Memory(rank, now, OPEN, returns, _money(issue)))
    if rank > memory.severity and memory.state != QUIET:
        return News("worse", Memory(rank, now, OPEN, memory.returns, _money(issue)), takes_back=end_waits)
    if memory.state == ENDED:
        return News(
            "", memory._replace(severity=gravest, state=OPEN, returns=memory.returns + 1), takes_back=True
        )
    if memory.state == QUIET:
        is_news = rank > memory.severity or past >= plan.again_after
        return News("again", Memory(rank, now, OPEN, memory.returns, _money(issue))) if is_news else None
    if _has_grown(issue, memory):
        return News("worse", Memory(gravest, now, OPEN, memory.returns, _money(issue)))
    if plan.remind_after and plan.is_urgent(issue.severity) and past >= plan.remind_after:
        return News("still", Memory(gravest, now, OPEN, memory.returns, _money(issue)))
    return None


def end_of(issue: Issue, memory: Memory | None, now: int) -> News | None:
    """Return what is new of an issue that no longer goes on, or is a symptom now; None for nothing."""
    if memory is None or memory.state == ENDED:
        return None
    if issue.status is IssueStatus.RESOLVED:
        return News("over", memory._replace(told=now, state=ENDED))
    return News("", memory._replace(state=QUIET)) if memory.state == OPEN else None


def _money(issue: Issue) -> str:
    return ",".join(f"{money.amount} {money.currency}" for money in issue.money_at_risk or ())


def _has_grown(issue: Issue, memory: Memory) -> bool:
    """Whether far more money is at risk than was told; where none was told, it is not known to have grown."""
    known = {
        text.partition(" ")[2]: Decimal(text.partition(" ")[0]) for text in memory.money.split(",") if text
    }
    return any(
        0 < known.get(money.currency, Decimal(0)) * GROWN <= money.amount
        for money in issue.money_at_risk or ()
    )
