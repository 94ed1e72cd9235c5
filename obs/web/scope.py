"""The picture of one bot alone: its issues, positions, rhythm and signals, as if there were no other."""

from __future__ import annotations

import msgspec

from obs.components import health_of, health_score
from obs.money.figures import RealTimeMetrics
from obs.quoting import plain
from obs.snapshot import Issue, Snapshot

__all__ = ["named", "scoped"]


def scoped(snapshot: Snapshot, bot: str, money: RealTimeMetrics | None = None) -> Snapshot:
    """Return the part of a picture that is about one bot; the whole for an empty name.

    What is said of no bot, such as a full disk, concerns each of them.

    Args:
        snapshot: The whole.
        bot: Name of the bot.
        money: What this bot alone earned and spent; None leaves the figures of all.
    """
    if not bot:
        return snapshot
    bot = named(snapshot, bot)
    causes = {issue.fingerprint for issue in snapshot.issues if _concerns(issue, bot)}
    issues = tuple(
        issue for issue in snapshot.issues if issue.fingerprint in causes or (issue.cause or "") in causes
    )
    health, reason = health_of(issues)
    return msgspec.structs.replace(
        snapshot,
        bots=(bot,),
        money=money if money is not None else snapshot.money,
        issues=issues,
        health=health,
        health_reason=reason,
        health_score=health_score(issues),
        held=tuple(one for one in snapshot.held if one.service == bot),
        standings=tuple(one for one in snapshot.standings if one.name == bot),
        # What was checked of all bots together holds for each; counts of all would not be true of one.
        checks=tuple(check for check in snapshot.checks if not check.of),
        passages=tuple(
            msgspec.structs.replace(one, service="") for one in snapshot.passages if one.service == bot
        ),
        timeline=tuple(moment for moment in snapshot.timeline if moment.service == bot),
        ends=tuple(end for end in snapshot.ends if end.service == bot),
    )


def named(snapshot: Snapshot, shown: str) -> str:
    """Return the name of the bot that a page shows so: it leaves out what could be taken for markup."""
    return next((name for name in snapshot.bots if plain(name) == shown), shown)


def _concerns(issue: Issue, bot: str) -> bool:
    return bot in issue.services or not issue.services
