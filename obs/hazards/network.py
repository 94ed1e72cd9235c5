"""Dead network: many peers fail at one time and none answers, so it is this machine and no exchange."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping

from obs.hazards.making import issue
from obs.insight.hosts import is_local, site_of
from obs.insight.routes import OK
from obs.insight.tallies import parted
from obs.quoting import plain
from obs.series import MINUTE_NS, Series
from obs.snapshot import Category, Issue
from obs.state import State

__all__ = ["dead_network"]

LEAST_SITES = 3
LEAST_SITES_NAMELESS = 2
"""So few are enough when every one of them fails at its name or its road, before any peer is reached."""
NO_ROAD = ("network.dns", "network.unreachable")
WINDOW_NS = 2 * MINUTE_NS
MOST_ROOTS = 50
"""Of very many names that do not resolve the first tell enough."""


def dead_network(issues: Iterable[Issue], hosts: Mapping[str, str], state: State) -> Iterator[Issue]:
    """Yield one issue when this machine's network, not a peer, is what fails.

    Args:
        issues: All issues so far.
        hosts: Fingerprint -> the host the issue names.
        state: Holds which calls succeeded meanwhile.
    """
    failing = [
        one
        for one in issues
        if one.category is Category.NETWORK
        and one.first_seen
        and hosts.get(one.fingerprint)
        and not is_local(hosts[one.fingerprint])
    ]
    roots = heapq.nsmallest(MOST_ROOTS, failing, key=lambda one: (one.rule not in NO_ROAD, one.first_seen))
    for root in (one for one in roots if one.rule in NO_ROAD):
        together = [one for one in failing if _touch(root, one)]
        sites = {site_of(hosts[one.fingerprint]) for one in together}
        nameless = all(one.rule in NO_ROAD for one in together)
        if len(sites) < (LEAST_SITES_NAMELESS if nameless else LEAST_SITES):
            continue
        first = min(one.first_seen for one in together)
        last = max(one.last_seen for one in together)
        if _answered(state, first, last):
            continue
        yield _dead(together, sorted(sites), first, last)
        return


def _dead(together: list[Issue], sites: list[str], first: int, last: int) -> Issue:
    names = ", ".join(plain(site) for site in sites[:3]) + (", …" if len(sites) > 3 else "")
    gravest = max(together, key=lambda one: one.severity.rank)
    return issue(
        ("network-dead", *sites),
        Category.NETWORK,
        gravest.severity,
        f"No network: {len(sites)} sites cannot be reached ({names})",
        "network",
        services=tuple(sorted({name for one in together for name in one.services})),
        first=first,
        last=last,
        count=sum(one.count for one in together),
        explanation=f"{len(sites)} unrelated sites failed at the same time and nothing outside answered "
        "meanwhile: this machine's name service or network is the cause, not one exchange.",
        fix_in="host: name service, network, VPN or firewall",
        actions=(
            "[read] From this machine: does `getent hosts` find a name, does the default route answer?",
            "[read] Positions at the exchange from another network: the bot is blind and cannot act.",
            "[wait] When the network is back, see that orders and positions are read again.",
        ),
        do_not="change keys, endpoints or the strategy: nothing of them was reached",
        minutes=15,
        evidence=[one.evidence[0] for one in together if one.evidence],
        grouped_by="failures to reach unrelated sites in the same minutes",
    )


def _touch(a: Issue, b: Issue) -> bool:
    return a.first_seen - WINDOW_NS <= b.last_seen and b.first_seen <= a.last_seen + WINDOW_NS


def _answered(state: State, first: int, last: int) -> bool:
    """Whether any call to the outside succeeded between two times."""
    for name, series in state.routes.series.items():
        exchange, _, kind, _ = parted(name)
        if kind == OK and not is_local(exchange) and _falls_between(series, first, last):
            return True
    return False


def _falls_between(series: Series, first: int, last: int) -> bool:
    # The minutes at both ends may hold calls from before and after.
    return any(first // MINUTE_NS < minute < last // MINUTE_NS for minute in series.minutes) or (
        first < series.first <= last
    )
