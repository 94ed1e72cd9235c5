"""What tells an exchange's outage from a dead network, a refused key from an outage, an own bug from both.

The tell-tale is what went well meanwhile: other peers, other bots, other calls of the same key. It is said in
our words with the numbers, so that the reader can judge the verdict.
"""

from __future__ import annotations

from collections.abc import Iterator

from obs.insight.hosts import is_local, is_same_place
from obs.insight.routes import OK
from obs.insight.tallies import parted
from obs.quoting import plain
from obs.series import MINUTE_NS, Series
from obs.snapshot import Category, Issue, IssueSeverity
from obs.state import State

__all__ = ["proof"]

KEY_RULES = ("exchange.key-rejected",)
NAMED = 2


def proof(issue: Issue, state: State, unanswered: frozenset[str]) -> tuple[str, ...]:
    """Return the sentences that prove what kind of trouble a cause is; none where nothing tells.

    Args:
        issue: A cause, with the services of its symptoms.
        state: What went well, and which bots there are.
        unanswered: Rules that say that a peer did not answer.
    """
    if not issue.first_seen or issue.severity.rank < IssueSeverity.WARNING.rank:
        return ()
    if issue.rule in unanswered or issue.rule == "outage":
        return tuple(_of_outage(issue, state))
    if issue.rule in KEY_RULES:
        return tuple(_of_key(issue, state))
    if issue.category is Category.CODE and issue.fix_in.startswith("code:"):
        return tuple(_of_bug(issue, state))
    return ()


def _of_outage(issue: Issue, state: State) -> Iterator[str]:
    if len(issue.services) > 1:
        yield f"{len(issue.services)} of {_bots(state)} bots failed at it at the same time."
    others: dict[str, int] = {}
    for name, series in state.routes.series.items():
        peer, _, kind, _ = parted(name)
        foreign = peer and not is_local(peer) and not (issue.place and is_same_place(peer, issue.place))
        if kind == OK and foreign and (count := _between(series, issue)):
            others[peer] = others.get(peer, 0) + count
    if others and issue.place:
        told = ", ".join(f"{plain(peer)} {count}×" for peer, count in sorted(others.items())[:NAMED])
        yield f"Other peers answered meanwhile ({told}): the network works, {issue.place} does not."


def _of_key(issue: Issue, state: State) -> Iterator[str]:
    good = 0
    for name, series in state.routes.series.items():
        peer, service, kind, _ = parted(name)
        same = not issue.place or is_same_place(peer, issue.place)
        if kind == OK and service in issue.services and same and not is_local(peer):
            good += _between(series, issue)
    if good:
        yield f"{good} other calls succeeded meanwhile: exchange and network are well, the key is not."


def _of_bug(issue: Issue, state: State) -> Iterator[str]:
    if _bots(state) > 1 and len(issue.services) == 1:
        rest = _bots(state) - 1
        yield f"It is raised in this bot's own code; {rest} other bot(s) at the same time had nothing of it."


def _bots(state: State) -> int:
    return len(state.services) - ("" in state.services)


def _between(series: Series, issue: Issue) -> int:
    """Calls of the minutes in which the issue lasted; its last minute counts when it is not the first."""
    first, last = issue.first_seen // MINUTE_NS, issue.last_seen // MINUTE_NS
    return sum(count for minute, count in series.minutes.items() if first < minute <= last)
