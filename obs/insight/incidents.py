"""Incidents: one cause and its many symptoms, each link with the reason why it is drawn.

Found by what one record holds (an exception's first cause), by host or exchange, by time and by process. A
link is drawn only where something besides the time fits: two faults at different hosts stay two.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from obs.events import Severity
from obs.insight.hosts import is_local, is_same_place, labels_of
from obs.insight.proofs import proof
from obs.rules.pack import Rule
from obs.snapshot import Category, Issue, IssueSeverity, IssueStatus
from obs.state import IssueFacts, State

__all__ = ["UNANSWERED", "Standing", "link", "overlap", "standing_of"]

SECOND_NS = 1_000_000_000
END_WINDOW_NS = 10 * SECOND_NS
"""An error so shortly before the end of its process is taken for the reason of it."""
LINK_WINDOW_NS = 120 * SECOND_NS
"""A symptom may show this long after the last sign of its cause."""

UNANSWERED = frozenset(
    {
        *(f"network.{kind}" for kind in ("dns", "connection-refused", "connection-reset", "timeout", "tls")),
        *(f"network.{kind}" for kind in ("unreachable", "websocket", "http-5xx", "retrying", "call-failed")),
        *(f"exchange.{kind}" for kind in ("unavailable", "bad-response", "markets-not-loaded")),
        *(f"exchange.{kind}" for kind in ("data-load-failed", "ccxt-generic")),
        "network.timeout-generic",
    }
)
"""Rules that say that a peer did not answer as it should. Many of them at one host are one fault; a refusal
(a wrong key, a limit, an order) is another fault of the same host."""

_WORDS = """
account-locked duplicate-order-id insufficient-balance leverage-or-mode market-closed order-rejected
order-step order-too-small pair-removed position-limit post-only-or-fok price-limits reduce-only
symbol-restricted unknown-symbol
"""
REASONS = frozenset(f"exchange.{word}{ending}" for word in _WORDS.split() for ending in ("", "-wording"))
"""Rules that say why an exchange refused an order; the count of refused orders is then no news beside it."""


class Standing(msgspec.Struct, frozen=True):
    """What the rule behind an issue says of its place among others."""

    role: str = "cause"
    weight: int = 40
    is_side: bool = False
    host: str = ""
    """The host or exchange it names; two faults at different hosts are never cause and symptom."""
    calm: int = 0
    """How calmly its gravest record was logged: 0 as an error, 1 as a warning, 2 as no trouble at all.

    The calmer, the more it is the rule's reading of the text alone that says it is trouble.
    """


MOST_CAUSES = 200


class _Link(NamedTuple):
    cause: str
    """Fingerprint."""
    why: str


_Explains = Callable[[Issue, Issue, Mapping[str, Standing]], str]
"""Hazard, issue and standings -> why the one explains the other; empty when it does not."""


def standing_of(issue: Issue, rule: Rule | None, facts: IssueFacts | None) -> Standing:
    """Return the standing of an issue; one that no rule names is a cause of middling weight."""
    values = facts.values if facts is not None else {}
    host = values.get("host") or values.get("url_host") or issue.place
    if rule is None:
        return Standing(is_side=issue.severity is IssueSeverity.INFO and issue.rule == "ended", host=host)
    logged = facts.severity if facts is not None and facts.severity else Severity.ERROR
    calm = (logged < Severity.ERROR) + (logged < Severity.WARN)
    return Standing(rule.role, rule.weight, rule.is_side, host, calm)


def link(issues: Iterable[Issue], state: State, standings: Mapping[str, Standing]) -> list[Issue]:
    """Attach symptoms to their causes.

    A cause is as grave as the worst of its symptoms and began with the first of them.

    Args:
        issues: All issues.
        state: Holds which issue was found under which in one record.
        standings: Fingerprint -> what its rule says of it.
    """
    known = {issue.fingerprint: issue for issue in issues}
    around = _Around(known.values(), standings)
    links = {
        fingerprint: found
        for fingerprint, issue in known.items()
        if (found := _cause_of(issue, known, around, state)) is not None
    }
    roots = _to_roots(links)
    symptoms: dict[str, list[Issue]] = {}
    for fingerprint, cause in roots.items():
        symptoms.setdefault(cause, []).append(known[fingerprint])
    linked = [
        _with_symptoms(
            issue,
            symptoms.get(fingerprint, []),
            _Link(roots[fingerprint], links[fingerprint].why) if fingerprint in roots else None,
            is_side=standings[fingerprint].is_side,
        )
        for fingerprint, issue in known.items()
    ]
    return [
        _proven(one, known, state) if one.cause is None else _living_with(one, known[one.cause])
        for one in linked
    ]


def _living_with(symptom: Issue, cause: Issue) -> Issue:
    """The symptom, over or put away when its cause is: nobody should have to decide on each of them."""
    past = cause.status in (IssueStatus.RESOLVED, IssueStatus.ARCHIVED)
    return msgspec.structs.replace(symptom, status=cause.status) if past else symptom


def _proven(cause: Issue, known: Mapping[str, Issue], state: State) -> Issue:
    """The cause with what proves its kind, and with the loop that it makes of the bot's life."""
    loops = [f"{known[s].title}." for s in cause.symptoms if known[s].rule == "crash-loop"]
    return msgspec.structs.replace(cause, effects=(*cause.effects, *loops, *proof(cause, state, UNANSWERED)))


class _Hazards:
    """The hazards of one kind; each explains only issues of bots that it is about."""

    def __init__(self, hazards: list[Issue]) -> None:
        self._all = hazards
        self._of: dict[str, list[int]] = {}
        for place, hazard in enumerate(hazards):
            for name in hazard.services:
                self._of.setdefault(name, []).append(place)

    def near(self, issue: Issue) -> Iterable[Issue]:
        """Return those that may explain an issue, in their order; all, where it names no bot."""
        if not issue.services:
            return self._all
        places = {place for name in issue.services for place in self._of.get(name, ())}
        return [self._all[place] for place in sorted(places)]


class _Around:
    """The issues in the groups in which causes are looked for, so that many issues cost no squares."""

    def __init__(self, issues: Iterable[Issue], standings: Mapping[str, Standing]) -> None:
        self.standings = standings
        self.hazards: list[tuple[_Explains, _Hazards]] = []
        self.peers: dict[str, list[Issue]] = {}
        """Host -> the ways in which it failed to answer."""
        self.reasons: list[Issue] = []
        """Why orders were refused."""
        self.causes: list[Issue] = []
        by_rule: dict[str, list[Issue]] = {}
        for issue in issues:
            by_rule.setdefault(issue.rule, []).append(issue)
            standing = standings[issue.fingerprint]
            if standing.role != "cause":
                continue
            if issue.rule in REASONS:
                self.reasons.append(issue)
            if issue.severity.rank >= IssueSeverity.WARNING.rank:
                self.causes.append(issue)
            if issue.rule in UNANSWERED and standing.host:
                self.peers.setdefault(standing.host, []).append(issue)
        self._by_label: dict[str, list[str]] = {}
        for host in self.peers:
            for label in labels_of(host):
                self._by_label.setdefault(label, []).append(host)
        self.hazards = [
            (explains, _Hazards(by_rule[rule])) for rule, explains in _EXPLAINS.items() if rule in by_rule
        ]
        # Of very many causes the gravest are enough to explain the symptoms.
        self.causes = heapq.nlargest(MOST_CAUSES, self.causes, key=lambda one: (one.severity.rank, one.count))

    def failures_at(self, host: str) -> Iterator[Issue]:
        """Yield the ways in which a place failed to answer, by whichever of its names."""
        names = {host, *labels_of(host), *self._by_label.get(host.lower(), ())}
        for name in sorted(names & self.peers.keys()):
            yield from self.peers[name]


def _cause_of(issue: Issue, known: Mapping[str, Issue], around: _Around, state: State) -> _Link | None:
    for explains, hazards in around.hazards:
        for hazard in hazards.near(issue):
            if hazard is not issue and (why := explains(hazard, issue, around.standings)):
                return _Link(hazard.fingerprint, why)
    facts = state.issues.get(issue.fingerprint)
    inside = {c: n for c, n in (facts.causes if facts else {}).items() if c in known}
    if inside and sum(inside.values()) * 2 >= issue.count:
        cause = max(inside, key=lambda c: (inside[c], c))
        return _Link(cause, f"found under it in the same record, {inside[cause]} of {issue.count} times")
    if around.standings[issue.fingerprint].role == "symptom":
        return _cause_at_the_time(issue, around)
    if issue.rule == "rejected":
        return _reason_of(issue, around)
    if issue.rule in ("ended", "crash-loop") and issue.severity is IssueSeverity.CRITICAL:
        return _last_fault(issue, around)
    return _same_peer(issue, around)


def _to_roots(links: Mapping[str, _Link]) -> dict[str, str]:
    """Symptom -> the cause at the end of its chain; a circle has none and falls apart."""
    roots = {}
    for fingerprint in links:
        root, path = fingerprint, {fingerprint}
        while root in links and links[root].cause not in path:
            root = links[root].cause
            path.add(root)
        if root != fingerprint:
            roots[fingerprint] = root
    return roots


def _with_symptoms(issue: Issue, symptoms: list[Issue], link: _Link | None, *, is_side: bool) -> Issue:
    gravest = issue if is_side else max([issue, *symptoms], key=lambda one: one.severity.rank)
    starts = [one.first_seen for one in (issue, *symptoms) if one.first_seen]
    return msgspec.structs.replace(
        issue,
        severity=gravest.severity,
        is_side=is_side,
        services=tuple(sorted({name for one in (issue, *symptoms) for name in one.services})),
        first_seen=min(starts, default=0),
        last_seen=max(one.last_seen for one in (issue, *symptoms)),
        cause=link.cause if link is not None else None,
        linked_by=link.why if link is not None else "",
        symptoms=tuple(one.fingerprint for one in sorted(symptoms, key=lambda o: (-o.count, o.fingerprint))),
    )


def _same_peer(issue: Issue, around: _Around) -> _Link | None:
    """The gravest of the ways in which one host failed to answer at one time."""
    standings = around.standings
    host = standings[issue.fingerprint].host
    if issue.rule not in UNANSWERED or not host:
        return None

    def key(one: Issue) -> tuple[object, ...]:
        return one.severity.rank, standings[one.fingerprint].weight, one.count, one.fingerprint

    same = [other for other in around.failures_at(host) if overlap(other, issue)]
    best = max(same, key=key, default=issue)
    if best is issue or key(best) < key(issue):
        return None
    return _Link(best.fingerprint, f"another way in which {host} failed to answer, in the same minutes")


def _cause_at_the_time(issue: Issue, around: _Around) -> _Link | None:
    standings = around.standings
    own = standings[issue.fingerprint]

    def fits(other: Issue) -> bool:
        standing = standings[other.fingerprint]
        if other.fingerprint == issue.fingerprint:
            return False
        # What a log should not hold (a secret, orders to its reader) makes nothing fail.
        if other.rule == "leak" or other.rule.startswith("hostile."):
            return False
        if own.host and standing.host and not is_same_place(own.host, standing.host):
            return False
        # A side service explains only what names the same host.
        if standing.is_side and not (own.host and own.host == standing.host):
            return False
        return overlap(other, issue)

    def closeness(other: Issue) -> tuple[object, ...]:
        standing = standings[other.fingerprint]
        return (
            bool(own.host) and own.host == standing.host,
            other.severity.rank,
            standing.weight,
            other.count,
            other.fingerprint,
        )

    best = max(filter(fits, around.causes), key=closeness, default=None)
    if best is None:
        return None
    where = f" at {own.host}" if own.host and own.host == standings[best.fingerprint].host else ""
    return _Link(best.fingerprint, f"says that something failed, not why, in the same minutes{where}")


def _reason_of(refused: Issue, around: _Around) -> _Link | None:
    """The one reason that was said of the same bot as often as its orders were refused, at the same times."""
    fits = [
        other
        for other in around.reasons
        if other.services == refused.services
        and other.count >= refused.count
        and abs(other.first_seen - refused.first_seen) <= 2 * SECOND_NS
        and abs(other.last_seen - refused.last_seen) <= 2 * SECOND_NS
    ]
    if len(fits) != 1:
        return None
    return _Link(fits[0].fingerprint, "the orders that were refused for it")


def _last_fault(end: Issue, around: _Around) -> _Link | None:
    """The error of the same bot in the last seconds before its process ended by itself."""
    fits = [
        other
        for other in around.causes
        if other.fingerprint != end.fingerprint
        and other.severity.rank >= IssueSeverity.ERROR.rank
        and set(end.services) <= set(other.services)
        and other.rule not in ("ended", "crash-loop")
        and end.last_seen - END_WINDOW_NS <= other.last_seen <= end.last_seen + SECOND_NS
    ]
    best = max(fits, key=lambda o: (o.severity.rank, o.last_seen, o.fingerprint), default=None)
    if best is None:
        return None
    seconds = max(0, (end.last_seen - best.last_seen) // SECOND_NS)
    return _Link(best.fingerprint, f"the process ended {seconds} s after it")


def _is_part_of_outage(outage: Issue, issue: Issue, standings: Mapping[str, Standing]) -> str:
    """Network and exchange trouble, and refused orders, of the same bots while the exchange was away."""
    related = issue.category in (Category.NETWORK, Category.EXCHANGE) and issue.rule not in (
        "outage",
        "notifier",
    )
    if not related and issue.rule != "rejected":
        return ""
    host = standings[issue.fingerprint].host
    if host and outage.place and not is_same_place(host, outage.place):
        return ""
    if not issue.services or not set(issue.services) <= set(outage.services) or not overlap(outage, issue):
        return ""
    return f"of the same bots, while {outage.place or 'the exchange'} did not answer"


def _is_word_about(hazard: Issue, issue: Issue, _: Mapping[str, Standing]) -> str:
    """An error line that no rule knows, spoken by the same bot right after a line of the evidence."""
    if issue.rule or issue.services != hazard.services or not issue.first_seen:
        return ""
    near = any(
        item.time - SECOND_NS <= issue.first_seen and issue.last_seen <= item.time + 5 * SECOND_NS
        for item in hazard.evidence
    )
    return "said by the same bot within 5 s of the evidence" if near else ""


def _is_without_network(dead: Issue, issue: Issue, standings: Mapping[str, Standing]) -> str:
    """Whatever did not reach its peer while nothing was reached."""
    host = standings[issue.fingerprint].host
    unreached = issue.category is Category.NETWORK or issue.rule in UNANSWERED or issue.rule == "outage"
    if not unreached or is_local(host) or not overlap(dead, issue):
        return ""
    if not set(issue.services) <= set(dead.services):
        return ""
    return "a peer that was not reached while this machine had no network"


_REFUSED = ("rejected", "exit-refused", "api_errors", "exchange.key-rejected")
"""What a refused key does beside being refused."""


def _is_refused_with_key(refusal: Issue, issue: Issue, standings: Mapping[str, Standing]) -> str:
    """Refused orders and calls of the same bot at the same exchange while its key is refused."""
    if issue.rule not in _REFUSED and standings[issue.fingerprint].role != "symptom":
        return ""
    host = standings[issue.fingerprint].host
    if issue.category not in (Category.EXCHANGE, Category.NETWORK, Category.TRADING):
        return ""
    if (host and not is_same_place(host, refusal.place)) or not overlap(refusal, issue):
        return ""
    same = bool(issue.services) and set(issue.services) <= set(refusal.services)
    return f"of the same bot, while {refusal.place} refused its key" if same else ""


def _is_end_in_loop(loop: Issue, issue: Issue, _: Mapping[str, Standing]) -> str:
    if issue.rule not in ("ended", "stopped-short") or issue.services != loop.services:
        return ""
    return "the latest of the ends that make the loop"


def _is_order_of_other(writer: Issue, issue: Issue, _: Mapping[str, Standing]) -> str:
    if issue.rule not in ("foreign-orders", "exchange.duplicate-order-id"):
        return ""
    same = bool(set(issue.services) & set(writer.services))
    return "an order of the other writer on the same account" if same else ""


def _is_turned_away(limited: Issue, issue: Issue, standings: Mapping[str, Standing]) -> str:
    if issue.rule not in ("api_errors", "exchange.rate-limit", "wording.rate-limited", "exchange.ip-ban"):
        return ""
    host = standings[issue.fingerprint].host
    same = set(issue.services) <= set(limited.services) and (not host or is_same_place(host, limited.place))
    return f"calls that {limited.place} turned away" if same and overlap(limited, issue) else ""


def _is_limit_of_weight(weight: Issue, issue: Issue, standings: Mapping[str, Standing]) -> str:
    if issue.rule not in ("rate-limited", "exchange.rate-limit", "wording.rate-limited"):
        return ""
    host = standings[issue.fingerprint].host
    same = set(issue.services) <= set(weight.services) and (not host or is_same_place(host, weight.place))
    return "the answer to a request weight at its limit" if same and overlap(weight, issue) else ""


def _is_loss_of_change(change: Issue, issue: Issue, standings: Mapping[str, Standing]) -> str:
    same = issue.rule == "losing_streak" and set(issue.services) <= set(change.services)
    return "losses since the same change" if same and overlap(change, issue) else ""


def _is_of_silent_bot(silence: Issue, issue: Issue, standings: Mapping[str, Standing]) -> str:
    same = issue.rule in ("stale-feed", "silent-stage") and set(issue.services) <= set(silence.services)
    return "work of a bot that says nothing" if same else ""


_EXPLAINS: Mapping[str, _Explains] = {
    "network-dead": _is_without_network,
    "outage": _is_part_of_outage,
    "key-refused": _is_refused_with_key,
    "crash-loop": _is_end_in_loop,
    "second-writer": _is_order_of_other,
    "request-weight": _is_limit_of_weight,
    "rate-limited": _is_turned_away,
    "unprotected": _is_word_about,
    "losses-since": _is_loss_of_change,
    "unresponsive": _is_of_silent_bot,
}
"""Hazards that explain other issues, the strongest first."""


def overlap(cause: Issue, symptom: Issue) -> bool:
    """Whether the symptom showed while the cause lasted, or shortly after its last sign."""
    if not cause.first_seen or not symptom.first_seen:
        return True
    return (
        cause.first_seen - 5 * SECOND_NS <= symptom.last_seen
        and symptom.first_seen <= cause.last_seen + LINK_WINDOW_NS
    )
