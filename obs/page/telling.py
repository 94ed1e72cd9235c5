"""One issue in a line: when, how often, what money, and what is known of its end.

Words come from the page's language; names and numbers are validated before they stand in prose.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from obs.quoting import plain
from obs.series import MINUTE_NS
from obs.snapshot import Health, Issue, IssueSeverity, IssueStatus, Snapshot

__all__ = [
    "at",
    "brief_step",
    "deciding",
    "fixed_where",
    "is_bad",
    "life",
    "risk",
    "risk_word",
    "services",
    "span",
    "symptoms",
    "times",
    "until",
    "when",
]

SIMULATED = ("dry run", "backtest")
QUIET_MINUTES = 5
"""Silence this long is worth a word: quiet is not fixed."""
FEW = 4
"""So many symptoms are named; the rest is counted."""
FEW_SERVICES = 3
_GATE = re.compile(r"(\[\w+\] )(.*)", re.S)
_REASON = re.compile(r"(?:[.;] |: |, (?:and|so|as|then) | \().*", re.S)
_PLACES = {"outside": "outside the bot", "host": "the host", "person": "a person"}


def is_bad(issue: Issue) -> bool:
    """Whether an issue decides the verdict: open, above info, no side matter."""
    minor = issue.severity is IssueSeverity.INFO or issue.is_side
    return not minor and issue.status not in (IssueStatus.RESOLVED, IssueStatus.ARCHIVED)


def deciding(snapshot: Snapshot) -> Issue | None:
    """Return the issue that decides the verdict of every page, or None when nothing does.

    Where nothing bad was seen, but the end of the run neither, that decides it.
    """
    causes = [i for i in snapshot.issues if i.cause is None and i.status is not IssueStatus.ARCHIVED]
    top = next((issue for issue in causes if is_bad(issue)), None)
    if top is None and snapshot.health is Health.UNKNOWN:
        top = next((issue for issue in causes if issue.rule == "stopped-short"), None)
    return top


def at(time: int) -> datetime:
    """Return Unix ns as a datetime in UTC."""
    return datetime.fromtimestamp(time / 1_000_000_000, UTC)


def when(time: int, snapshot: Snapshot, *, fine: bool = True) -> str:
    """Return a time of day, with its date when the page spans several days, with milliseconds when `fine`."""
    moment = at(time)
    text = f"{moment:%H:%M:%S}" + (f".{time // 1_000_000 % 1000:03d}" if fine else "")
    same_day = at(snapshot.first_event).date() == at(snapshot.last_event).date()
    return text if same_day else f"{moment:%Y-%m-%d} {text}"


def until(issue: Issue, snapshot: Snapshot, words: Mapping[str, str]) -> str:
    """Return until when waiting is all that helps, rounded up to the second; empty when nothing says so."""
    if not issue.until:
        return ""
    whole = -(-issue.until // 1_000_000_000) * 1_000_000_000
    return words["until"].format(time=when(whole, snapshot, fine=False))


def times(issue: Issue, words: Mapping[str, str]) -> str:
    """Return how often; for one thing that lasts, how long."""
    if issue.count > 1:
        return words["times"].format(n=f"{issue.count:,}")
    minutes = (issue.last_seen - issue.first_seen) // MINUTE_NS
    return words["for_minutes"].format(n=f"{minutes:,}") if minutes else words["once"]


def span(issue: Issue, snapshot: Snapshot, words: Mapping[str, str], *, fine: bool) -> str:
    """Return first and last time, count, rate and trend; without rate and milliseconds unless `fine`."""
    often = f"{issue.count:,}×" if issue.count != 1 else times(issue, words)
    if not issue.first_seen:
        return often
    begin, end = (when(time, snapshot, fine=fine) for time in (issue.first_seen, issue.last_seen))
    text = f"{begin} → {end}, {often}" if begin != end else f"{begin}, {often}"
    seconds = (issue.last_seen - issue.first_seen) / 1e9
    if fine and issue.count >= 10 and seconds >= 1 and issue.status is not IssueStatus.RESOLVED:
        per = issue.count / seconds
        text += f", {per:.1f}/s" if per >= 1 else f", {per * 60:.1f}/min"
    tells = issue.count > 5 and fine and issue.status is not IssueStatus.RESOLVED
    return text + (f", {words[issue.trend]}" if tells or issue.trend == "worse" else "")


def life(issue: Issue, snapshot: Snapshot, words: Mapping[str, str]) -> str:
    """Return what is known of its end: resolved, regressed, not exercised since; empty when it goes on."""
    if issue.status is IssueStatus.RESOLVED:
        good = issue.succeeded_since
        return words["resolved"].format(n=f"{good:,}") if good else issue.decided or words["resolved_by"]
    if issue.status in (IssueStatus.REGRESSED, IssueStatus.ARCHIVED):
        return words[issue.status] + (f" ({issue.decided})" if issue.decided else "")
    quiet = (snapshot.taken_at - issue.last_seen) // MINUTE_NS if issue.last_seen else 0
    # What happened once is over, and nobody waits for it to happen again.
    if quiet >= QUIET_MINUTES and issue.count > 1 and issue.severity is not IssueSeverity.INFO:
        return words["quiet_for"].format(n=quiet)
    return ""


def symptoms(issue: Issue, known: Mapping[str, Issue], words: Mapping[str, str]) -> tuple[str, int]:
    """Return its symptoms, the most frequent first, each with its count; and how many kinds there are."""
    counts: dict[str, int] = {}
    for fingerprint in issue.symptoms:
        if fingerprint in known:
            title = known[fingerprint].title
            counts[title] = counts.get(title, 0) + known[fingerprint].count
    told = ", ".join(f"{count:,}× {title}" for title, count in list(counts.items())[:FEW])
    if len(counts) > FEW:
        told += words["and_more"].format(n=len(counts) - FEW)
    return told, len(counts)


def services(names: Sequence[str], words: Mapping[str, str]) -> str:
    """Return the names of services, of many the first and how many they are."""
    shown = ", ".join(plain(name) for name in names[:FEW_SERVICES])
    if len(names) <= FEW_SERVICES:
        return shown
    return f"{words['bots'].format(n=len(names))}: {shown}, …"


def risk_word(snapshot: Snapshot, words: Mapping[str, str]) -> str:
    """Return the words that stand before money at risk."""
    return words["at_risk_simulated"] if snapshot.mode in SIMULATED else words["at_risk"]


def risk(issue: Issue) -> str:
    """Return the money at risk, currency by currency."""
    return ", ".join(f"{round(m.amount, 2):,f} {plain(m.currency)}" for m in issue.money_at_risk or ())


def brief_step(step: str) -> str:
    """Return a step's gate and verb; its reason is left out."""
    found = _GATE.match(step)
    if found is None:
        return step
    short = _REASON.sub("", found[2]).rstrip(".")
    return found[1] + (short if len(short) > 3 else found[2].rstrip("."))


def fixed_where(place: str) -> str:
    """Return where to mend it, as a reader says it: `outside: the peer` -> `outside the bot: the peer`."""
    first = re.match(r"\w+", place)
    if first is None or first[0] not in _PLACES or place.startswith(_PLACES[first[0]]):
        return place
    return _PLACES[first[0]] + place[first.end() :]
