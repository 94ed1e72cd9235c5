"""What an issue did, counted: calls failed of all, orders placed since, messages lost; until when it lasts.

Derived from `State` when a Snapshot is made, for causes only: a symptom's effects are those of its cause.
Our words, with numbers and validated names.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from obs.healthrows import clock
from obs.quoting import plain
from obs.snapshot import Category, Issue, IssueSeverity, IssueStatus
from obs.state import IssueFacts, State

if TYPE_CHECKING:
    from obs.books import BotFacts, Calls
    from obs.rules.pack import Rule

__all__ = ["told"]

SECOND_NS = 1_000_000_000
SLACK_NS = 5 * SECOND_NS
LONGEST_WAIT_NS = 30 * 86_400 * SECOND_NS
"""An end further away than this is no end of a ban, but some other number."""
FEW = 4
"""So many names of one kind are told, the most frequent first."""
FEW_CALLS = 100
"""So few calls before a ban do not explain it."""

_TRADES_ON = frozenset(Category) - {Category.SYSTEM, Category.TRADING, Category.UI}
"""Faults beside which going on trading is worth a word."""
_REMOTE = (Category.NETWORK, Category.EXCHANGE, Category.PERFORMANCE)
_URL = re.compile(r"(?:https?|wss?)://([a-z0-9][a-z0-9.-]{1,58}(?::\d{2,5})?)(?![a-z0-9.@:-])")
_POOL = re.compile(r"host='([a-z0-9][a-z0-9.-]{2,58})', port=(\d{2,5})")
_TRADE = re.compile(r"\bTrade\(id=(\d{1,9}), pair=([A-Z0-9]{1,12}/[A-Z0-9]{1,12}(?::[A-Z0-9]{1,12})?)[,)]")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC")
_RAW_UNTIL = re.compile(r" until (?:[\d-]+ [\d:]+ UTC|(?:at least )?\d+ untils \([^)]*\))")
"""The end of a ban in a title; pages tell the latest of several, once."""
_LOOPBACK = re.compile(r"(?:127\.\d+\.\d+\.\d+|localhost)(?::(\d+))?")


def told(issues: Iterable[Issue], state: State, rules: Mapping[str, Rule]) -> list[Issue]:
    """Return the issues with what each did, what its records name and what they cannot tell.

    Args:
        issues: The issues, linked and ranked; their order stays.
        state: The facts.
        rules: Rules by id.
    """
    known = list(issues)
    by_fingerprint = {issue.fingerprint: issue for issue in known}
    bots_of = _Bots(state.books.bots)
    said: set[str] = set()
    return [_told(issue, by_fingerprint, state, rules.get(issue.rule), bots_of, said) for issue in known]


class _Bots:
    """The bots that an issue is about, in the order in which all of them stand."""

    def __init__(self, bots: Mapping[str, BotFacts]) -> None:
        self._bots = bots
        self._places = {name: place for place, name in enumerate(bots)}

    def of(self, issue: Issue) -> Mapping[str, BotFacts]:
        if not issue.services:
            return self._bots
        # By what is asked for: to look through all bots for each issue is the square of a fleet.
        names = {name for name in issue.services if name in self._places}
        return {name: self._bots[name] for name in sorted(names, key=self._places.__getitem__)}


def _told(
    issue: Issue,
    others: Mapping[str, Issue],
    state: State,
    rule: Rule | None,
    bots_of: _Bots,
    said: set[str],
) -> Issue:
    """One issue; an effect that a higher ranked one has told already (`said`) is not told again."""
    facts = state.issues.get(issue.fingerprint)
    if issue.cause is not None:
        return issue
    until = _until(facts)
    symptoms = [others[s] for s in issue.symptoms if s in others]
    bots = bots_of.of(issue)
    notable = not issue.is_side and issue.severity.rank >= IssueSeverity.WARNING.rank
    effects = (*_named(issue, facts), *_by_hand(issue))
    effects += tuple(_effects(issue, symptoms, bots)) if notable and bots else ()
    effects = tuple(effect for effect in effects if effect not in said)
    said.update(effects)
    issue = msgspec.structs.replace(
        issue,
        title=_RAW_UNTIL.sub("", issue.title) if until else issue.title,
        until=until,
        effects=issue.effects + effects,
        not_known=issue.not_known + (rule.not_known if rule is not None else ()),
    )
    return _with_endpoint(issue, symptoms) if notable else issue


def _until(facts: IssueFacts | None) -> int:
    """The latest end of a ban or pause that its records name, as Unix ns; 0 when none does."""
    ends = [0]
    for exhibit in (*facts.first.values(), *facts.last) if facts is not None else ():
        seen = exhibit.order[0]
        named, pause = exhibit.values.get("until", ""), exhibit.values.get("retry_after", "")
        if moment := _MOMENT.fullmatch(named):
            ends.append(int(datetime.fromisoformat(f"{moment[1]}+00:00").timestamp()) * SECOND_NS)
        elif pause.isdecimal() and len(pause) < 8:
            ends.append(seen + int(pause) * SECOND_NS)
        if not seen <= ends[-1] <= seen + LONGEST_WAIT_NS:
            ends[-1] = 0
    return max(ends)


def _effects(issue: Issue, symptoms: list[Issue], bots: Mapping[str, BotFacts]) -> Iterator[str]:
    if issue.rule.startswith(("notify.", "notifier")):
        # What other peers answered says nothing of a messenger.
        yield from _lost_messages(issue, bots)
        return
    if issue.category in _REMOTE or any(symptom.category in _REMOTE for symptom in symptoms):
        yield from _failed_calls(issue, bots)
    if issue.category is Category.DB or any(symptom.category is Category.DB for symptom in symptoms):
        yield from _unsaved(issue, symptoms)
    is_over = issue.status in (IssueStatus.RESOLVED, IssueStatus.ARCHIVED)
    if issue.category in _TRADES_ON and issue.first_seen and not is_over:
        yield from _went_on(issue, bots)


def _named(issue: Issue, facts: IssueFacts | None) -> Iterator[str]:
    """What its records name most often, when they name several: commands, symbols."""
    counts: dict[str, list[tuple[int, str]]] = {}
    for key, count in facts.named.items() if facts is not None else ():
        name, _, value = key.partition("=")
        counts.setdefault(name, []).append((count, plain(value)))
    commands = sorted(counts.get("command", ()), reverse=True)
    if commands:
        told = ", ".join(f"{count} {value}" for count, value in commands[:FEW])
        clients = sorted(value for _, value in counts.get("client", ()))
        sender = f", from {', '.join(clients[:FEW])}" if clients else ""
        yield f"{sum(count for count, _ in commands)} commands refused ({told}){sender}; none executed."
    symbols = sorted(counts.get("symbol", ()), key=lambda one: (-one[0], one[1]))
    if len(symbols) > 1:
        told = ", ".join(f"{value} {count}×" for count, value in symbols[:FEW])
        more = f" and {len(symbols) - FEW} more" if len(symbols) > FEW else ""
        yield f"Symbols: {told}{more}."


def _by_hand(issue: Issue) -> Iterator[str]:
    """That the failing line of the bot's own code is a `raise`: nothing broke there, somebody wrote it so."""
    line = issue.values.get("code_line", "")
    for frame, source in itertools.pairwise(issue.evidence):
        if f", line {line}, in " in frame.text and source.text.lstrip().startswith("raise "):
            yield f"Line {line} is itself a `raise` statement ({source.id}): learn why it is reached."
            return


def _failed_calls(issue: Issue, bots: Mapping[str, BotFacts]) -> Iterator[str]:
    found: list[tuple[int, bool, str, Calls, BotFacts]] = []
    for bot in bots.values():
        for path, calls in bot.calls.items():
            meets = (
                calls.failed.first <= issue.last_seen + SLACK_NS
                and calls.failed.last >= issue.first_seen - SLACK_NS
            )
            if calls.failed.count and meets:
                found.append((calls.failed.count, bool(_most(calls.reasons)), path, calls, bot))
    if not found or issue.rule == "outage":
        return
    count, _, path, calls, bot = max(found, key=lambda one: one[:3])
    since = max((other.ok.last for other in bot.calls.values()), default=0)
    good = calls.ok.since(calls.failed.first) if calls.ok.last > calls.failed.first else 0
    reasons = [f"{n}× HTTP {r}" if r.isdecimal() else f"{n}× {plain(r)}" for r, n in _most(calls.reasons)]
    text = f"{count:,} of {count + good:,} calls to {plain(path)} failed"
    if "." not in path and ":" not in path:
        text = f"{count:,} of {count + good:,} {plain(path)} calls failed"
    text += f" ({', '.join(reasons)})" if reasons else ""
    if since and since < calls.failed.first:
        text += f", none good after {clock(since)}"
    yield f"{text}."
    before = sum(c.ok.count for c in bot.calls.values() if c.ok.last <= calls.failed.first)
    is_ban = "ban" in issue.rule.rsplit(".", 1)[-1].split("-")
    if is_ban and before < FEW_CALLS and "429" not in calls.reasons:
        yield (
            f"Not shown by this log that this bot used the weight: before it only {before} answered calls, "
            "no HTTP 429."
        )


def _lost_messages(issue: Issue, bots: Mapping[str, BotFacts]) -> Iterator[str]:
    for bot in bots.values():
        for channel, calls in sorted(bot.notifications.items()):
            if not calls.failed.count or not issue.rule.startswith(f"notify.{channel}"):
                continue
            all_told = calls.failed.count + calls.ok.count
            yield f"{calls.failed.count} of {all_told} messages lost."
            if not calls.ok.count and calls.failed.count > 1:
                yield "None arrived, so a quiet spell is no recovery: nothing was sent."


def _unsaved(issue: Issue, symptoms: list[Issue]) -> Iterator[str]:
    """The trade a failed write was about, when the lines before it or beside it name one."""
    named = {
        (found[1], found[2])
        for one in (issue, *symptoms)
        if one.category is Category.DB
        for item in (*one.story[-3:], *one.evidence[:3])
        if (found := _TRADE.search(item.text)) is not None
    }
    for number, pair in sorted(named)[:3]:
        yield f"The update of trade {number} ({pair}) was not saved."


def _went_on(issue: Issue, bots: Mapping[str, BotFacts]) -> Iterator[str]:
    """What the bot did all the same: orders placed, heartbeats that said all is well."""
    placed = beats = 0
    state = ""
    for bot in bots.values():
        for order in bot.orders.values():
            refused = order.last.name in ("order.rejected", "order.denied")
            if order.values.get("order.slot") != "exit" and order.began > issue.first_seen and not refused:
                placed += max(order.said.get("order.submitted", 0), 1)
        if bot.heartbeats.last > issue.first_seen + SLACK_NS:
            beats = max(beats, bot.heartbeats.last)
            state = plain(bot.heartbeat.values.get("bot.state") or "alive")
    if placed:
        order_s = "order was" if placed == 1 else "orders were"
        yield f"The bot traded on: {placed} {order_s} placed after the first failure."
    elif beats and issue.category in _REMOTE:
        yield f"It kept reporting {state}, last {clock(beats)}."


def _with_endpoint(issue: Issue, symptoms: list[Issue]) -> Issue:
    """Name the address a network fault is about, and begin with whether it answers."""
    if issue.category is not Category.NETWORK or issue.rule in ("notifier", "outage"):
        return issue
    endpoint = _endpoint((issue, *symptoms))
    if not endpoint:
        return issue
    step = f"[read] Does {endpoint} answer a read-only request from the bot's host?"
    place = issue.fix_in
    if found := _LOOPBACK.fullmatch(endpoint):
        port = f"port {found[1]}" if found[1] else endpoint
        place += f" ({endpoint} is a loopback address: what listens on {port} of this host)"
    elif endpoint not in place:
        place += f" ({endpoint})"
    return msgspec.structs.replace(
        issue,
        actions=(step, *issue.actions),
        fix_in=place,
        values={**issue.values, "endpoint": endpoint},
    )


def _endpoint(issues: Iterable[Issue]) -> str:
    """The address that the lines of an issue or its symptoms name, with its port when they print it."""
    for issue in issues:
        for item in (*issue.evidence, *issue.story[-2:]):
            if found := _POOL.search(item.text):
                return plain(f"{found[1]}:{found[2]}")
            if found := _URL.search(item.text):
                return plain(found[1])
        if issue.values.get("host"):
            return plain(issue.values["host"])
    return ""


def _most(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(((r, n) for r, n in counts.items() if r != "error"), key=lambda i: (-i[1], i[0]))[:3]
