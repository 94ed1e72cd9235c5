"""What does not answer: an exchange for one or many bots, and the channel of the messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from obs.adapters import PROGRAM
from obs.books import BotFacts, Calls
from obs.hazards.making import issue, listed, shown
from obs.quoting import plain
from obs.snapshot import Category, Issue, IssueSeverity

__all__ = ["lost_notices", "outage"]

OUTAGE_FAILURES = 5
"""So many failed calls of one exchange make an outage, fewer are noise."""


def outage(exchange: str, by_bot: Mapping[str, Calls]) -> Iterator[Issue]:
    failing = {name: calls for name, calls in by_bot.items() if calls.failed.count}
    failed = sum(calls.failed.count for calls in failing.values())
    if failed < OUTAGE_FAILURES:
        return
    first = min(calls.failed.first for calls in failing.values())
    last = max(calls.failed.last for calls in failing.values())
    ok_since = sum(1 for calls in failing.values() if calls.first_ok_after.time > calls.last_failure.time)
    good = sum(calls.ok.since(calls.failed.last) for calls in failing.values())
    over = ok_since == len(failing)
    reasons = sorted({reason for calls in failing.values() for reason in calls.reasons})
    others = sorted(set(by_bot) - set(failing))
    spread = f"{len(failing)} bots" if len(failing) > 1 else plain(next(iter(failing)))
    yield issue(
        ("outage", exchange),
        Category.EXCHANGE,
        IssueSeverity.ERROR,
        f"{plain(exchange)} does not answer" if not over else f"{plain(exchange)} outage",
        "exchange",
        services=tuple(sorted(failing)),
        first=first,
        last=last,
        count=failed,
        succeeded=max(good, 1) if over else 0,
        place=plain(exchange),
        explanation=f"{failed} failed calls ({listed(reasons)}) in {spread}"
        + (f"; {', '.join(map(plain, others))} had none." if others else "."),
        fix_in="outside the bot",
        actions=(
            f"[wait] Until calls of {plain(exchange)} succeed again."
            if not over
            else "[read] Nothing: it is over.",
            "[read] The exchange's status page, and whether other hosts reach it.",
            "[code] Exits and stops must be retried until the exchange confirms them.",
        ),
        do_not="change the strategy because of the exchange",
        minutes=10,
        evidence=[
            *(shown(calls.first_failure) for calls in failing.values() if calls.first_failure is not None),
            *(shown(calls.last_failure) for calls in failing.values()),
            *(shown(calls.first_ok_after) for calls in failing.values() if over),
        ],
        grouped_by=f"failed calls to exchange {plain(exchange)}",
    )


def lost_notices(name: str, bot: BotFacts) -> Iterator[Issue]:
    for channel, calls in sorted(bot.notifications.items()):
        if not calls.failed.count or PROGRAM in calls.last_failure.values:
            continue
        over = calls.first_ok_after.time > calls.last_failure.time
        yield issue(
            ("notifier", name, channel),
            Category.NETWORK,
            IssueSeverity.WARNING,
            f"{plain(channel).capitalize()} messages are lost",
            name,
            first=calls.failed.first,
            last=calls.failed.last,
            count=calls.failed.count,
            succeeded=max(1, calls.ok.since(calls.failed.last)) if over else 0,
            explanation=f"{calls.failed.count} of {calls.failed.count + calls.ok.count} messages failed"
            f" ({listed(sorted(calls.reasons))}): the operator may not know.",
            fix_in="config or outside",
            actions=(
                "[read] The channel's answer in the evidence; is it a limit, a wrong address or an outage?",
                "[config] A second channel for alarms.",
            ),
            minutes=10,
            evidence=[shown(r) for r in (calls.first_failure, calls.last_failure) if r is not None],
            grouped_by=f"failed messages of channel {plain(channel)}",
        )
