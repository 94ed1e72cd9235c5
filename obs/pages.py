"""What a briefing says: the typed context of its templates, made from a Snapshot at one level of detail.

The page decides an action: how bad, what money, where to fix it, may I restart, what first. All foreign text
is quoted evidence; everything else is our own prose with validated names and numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache

import msgspec
import orjson

from obs.changes import Change, changes
from obs.definitions import definitions
from obs.quoting import plain, shorten
from obs.series import MINUTE_NS
from obs.snapshot import Evidence, Health, Issue, IssueSeverity, IssueStatus, Snapshot, Source

__all__ = ["Detail", "Entry", "Page", "page"]

SIMULATED = ("dry run", "backtest")
QUIET_MINUTES = 5
"""Silence this long is worth a word: quiet is not fixed."""
SOURCE_NOTES = 3
"""Notes of a source that a page shows: what was odd about reading it."""
TERSE_LINE = 160
"""Characters of the one money line on the smallest pages."""


class Detail(msgspec.Struct, frozen=True):
    """How much a page shows; the rungs of a ladder from rich to poor."""

    issues: int
    evidence: int
    """Evidence lines of the first issue."""
    side_evidence: int
    """Evidence lines of each other issue."""
    quote: int
    """Characters of a quoted line."""
    prose: bool
    """Explanations, effects, symptoms."""
    headings: bool
    """Section headings and one step a line; else everything run together."""
    steps: int
    terse: bool = False
    """The ledger in its shortest form, one line of money."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One issue as a page shows it; every field is our own prose or a validated identifier."""

    number: int
    id: str
    title: str
    category: str
    severity: str
    status: str
    where: str
    """Services and component."""
    money: str
    when: str
    """First and last time, count, rate, trend."""
    explanation: str
    symptoms: str
    life: str
    """What is known of its end: resolved, not exercised since."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """The typed context of the briefing templates: all a template may use."""

    title: str
    verdict: str
    consequence: str
    """What follows from it, and how the run ended; may be empty."""
    fix_in: str
    money: tuple[str, ...]
    restart: str
    first: str
    entries: tuple[Entry, ...]
    more: str
    """What stands below the last entry shown; may be empty."""
    ranking: str
    steps: tuple[str, ...]
    do_not: str
    evidence: tuple[str, ...]
    """Ready lines: id, time, level, source, quoted text."""
    health: tuple[tuple[str, str, str], ...]
    changes: tuple[Change, ...]
    since: str
    """The reader's cursor, or empty."""
    not_known: tuple[str, ...]
    not_exercised: str
    left_out: tuple[str, ...]
    headings: bool
    prose: bool
    words: dict[str, str]
    """Headings and labels in the page's language."""


def page(
    snapshot: Snapshot, detail: Detail, *, since: Snapshot | int | None = None, lang: str = "en"
) -> Page:
    """Return the context of one page at one level of detail."""
    words = _words(lang)
    open_issues = [i for i in snapshot.issues if i.cause is None and i.status is not IssueStatus.ARCHIVED]
    shown = open_issues[: detail.issues]
    top = next((i for i in open_issues if _is_bad(i)), None)
    quoted, lines = _evidence(shown or open_issues[:1], detail, snapshot)
    return Page(
        title=_title(snapshot, since, words),
        verdict=_verdict(snapshot, top, words),
        consequence=_consequence(snapshot, top, words),
        fix_in=top.fix_in if top else "",
        money=tuple(_cut(line) for line in snapshot.money_lines[:1])
        if detail.terse
        else snapshot.money_lines,
        restart=snapshot.restart,
        first=top.actions[0] if top and top.actions else "",
        entries=tuple(_entry(n, i, snapshot, detail, words) for n, i in enumerate(shown, 1)),
        more=_more(open_issues[detail.issues :], words),
        ranking=_ranking(snapshot, open_issues, words),
        steps=_steps(shown or open_issues[:1], detail),
        do_not=next(
            (i.do_not.rstrip(".") for i in shown or open_issues[:1] if i.do_not and _is_bad(i)),
            "",
        ),
        evidence=tuple(lines),
        health=snapshot.facts if detail.headings else snapshot.facts[:3],
        changes=changes(snapshot, since) if since is not None else (),
        since=_cursor(since),
        not_known=snapshot.not_known if detail.headings else snapshot.not_known[: 0 if detail.terse else 1],
        not_exercised=", ".join(snapshot.not_exercised),
        left_out=_left_out(snapshot, quoted, words, terse=detail.terse),
        headings=detail.headings,
        prose=detail.prose,
        words=words,
    )


def _is_bad(issue: Issue) -> bool:
    minor = issue.severity is IssueSeverity.INFO or issue.is_side
    return not minor and issue.status is not IssueStatus.RESOLVED


def _title(snapshot: Snapshot, since: Snapshot | int | None, words: dict[str, str]) -> str:
    names = [plain(name) for name in snapshot.bots]
    scope = snapshot.program or (
        names[0] if len(names) == 1 else words["bots"].format(n=len(names)) if names else ""
    )
    parts = [words["title"], scope or words["log"], snapshot.mode]
    if snapshot.first_event:
        begin, end = _at(snapshot.first_event), _at(snapshot.last_event)
        day = end.date() if begin.date() == end.date() else None
        span = (
            f"{day} {begin:%H:%M:%S}–{end:%H:%M:%S}"
            if day
            else f"{begin:%Y-%m-%d %H:%M}–{end:%Y-%m-%d %H:%M}"
        )
        parts.append(f"{span} UTC")
    if snapshot.live:
        parts.append(words["as_of"].format(time=f"{_at(snapshot.taken_at):%H:%M:%S}"))
    return " · ".join(part for part in parts if part)


def _verdict(snapshot: Snapshot, top: Issue | None, words: dict[str, str]) -> str:
    if not snapshot.events:
        return f"**{Health.UNKNOWN}: {words['nothing_seen']}**"
    if top is None:
        minor = sum(1 for i in snapshot.issues if i.cause is None and i.status is not IssueStatus.RESOLVED)
        note = words["minor"].format(n=minor) if minor else ""
        return f"**{snapshot.health}: {words['no_fault']}**{note}"
    running = words["ongoing"] if snapshot.phase in ("", "running") else words["at_end"]
    phase = running if snapshot.live else words["unresolved"]
    risk = f" · {_risk_word(snapshot, words)} {_risk(top)}" if top.money_at_risk else ""
    begin = _when(top.first_seen, snapshot) if top.first_seen else words["unknown_time"]
    times = _times(top, words)
    who = (
        f" ({', '.join(plain(s) for s in top.services[:3])})"
        if len(snapshot.bots) > 1 and top.services
        else ""
    )
    return f"**{snapshot.health}, {phase}: {top.title}{who}, {words['since']} {begin}, {times}.**{risk}"


def _consequence(snapshot: Snapshot, top: Issue | None, words: dict[str, str]) -> str:
    parts = []
    if top is not None and top.explanation:
        parts.append(top.explanation)
    if snapshot.phase and snapshot.phase != "running":
        parts.append(words["phase"].format(phase=snapshot.phase))
    return " ".join(parts)


def _entry(number: int, issue: Issue, snapshot: Snapshot, detail: Detail, words: dict[str, str]) -> Entry:
    names = {i.fingerprint: i for i in snapshot.issues}
    symptoms = [names[s] for s in issue.symptoms if s in names]
    counts: dict[str, int] = {}
    for symptom in symptoms:
        counts[symptom.title] = counts.get(symptom.title, 0) + symptom.count
    told = ", ".join(f"{title} ({count:,}×)" for title, count in list(counts.items())[:4])
    if len(counts) > 4:
        told += words["and_more"].format(n=len(counts) - 4)
    where = [plain(s) for s in issue.services[:3]] if len(snapshot.bots) > 1 else []
    if issue.component and plain(issue.component) not in where:
        where.append(plain(issue.component))
    return Entry(
        number=number,
        id=issue.id,
        title=issue.title,
        category=issue.category,
        severity=issue.severity,
        status=issue.status,
        where=", ".join(where),
        money=f"{_risk_word(snapshot, words)} {_risk(issue)}" if issue.money_at_risk else "",
        when=_span(issue, snapshot, words, rate=detail.prose),
        explanation=issue.explanation if detail.prose else "",
        symptoms=told if detail.prose else (words["n_symptoms"].format(n=len(counts)) if counts else ""),
        life=_life(issue, snapshot, words),
    )


def _span(issue: Issue, snapshot: Snapshot, words: dict[str, str], *, rate: bool) -> str:
    times = f"{issue.count:,}×" if issue.count != 1 else _times(issue, words)
    if not issue.first_seen:
        return times
    begin, end = _when(issue.first_seen, snapshot), _when(issue.last_seen, snapshot)
    text = f"{begin} → {end}, {times}" if issue.count > 1 or begin != end else f"{begin}, {times}"
    seconds = (issue.last_seen - issue.first_seen) / 1e9
    if rate and issue.count >= 10 and seconds >= 1:
        per = issue.count / seconds
        text += f", {per:.1f}/s" if per >= 1 else f", {per * 60:.1f}/min"
    return text + (f", {words[issue.trend]}" if issue.count > 5 or issue.trend == "worse" else "")


def _times(issue: Issue, words: dict[str, str]) -> str:
    """How often; for one thing that lasts, how long."""
    if issue.count > 1:
        return words["times"].format(n=f"{issue.count:,}")
    seconds = (issue.last_seen - issue.first_seen) // 1_000_000_000
    if seconds < 60:
        return words["once"]
    return words["for_minutes"].format(n=f"{seconds // 60:,}")


def _risk_word(snapshot: Snapshot, words: dict[str, str]) -> str:
    return words["at_risk_simulated"] if snapshot.mode in SIMULATED else words["at_risk"]


def _life(issue: Issue, snapshot: Snapshot, words: dict[str, str]) -> str:
    if issue.status is IssueStatus.RESOLVED:
        return (
            words["resolved"].format(n=issue.succeeded_since)
            if issue.succeeded_since
            else issue.decided or words["resolved_by"]
        )
    if issue.status in (IssueStatus.REGRESSED, IssueStatus.ARCHIVED):
        return words[issue.status] + (f" ({issue.decided})" if issue.decided else "")
    quiet = (snapshot.taken_at - issue.last_seen) // MINUTE_NS if issue.last_seen else 0
    if quiet >= QUIET_MINUTES and issue.severity is not IssueSeverity.INFO:
        return words["quiet_for"].format(n=quiet)
    return ""


def _risk(issue: Issue) -> str:
    return ", ".join(f"{round(m.amount, 2):,f} {plain(m.currency)}" for m in issue.money_at_risk or ())


def _more(rest: Sequence[Issue], words: dict[str, str]) -> str:
    if not rest:
        return ""
    grave = sum(1 for issue in rest if issue.severity.rank >= IssueSeverity.ERROR.rank)
    return words["more"].format(n=len(rest), grave=grave)


def _ranking(snapshot: Snapshot, issues: Sequence[Issue], words: dict[str, str]) -> str:
    if snapshot.mode in SIMULATED:
        return words["no_real_money"]
    return words["by_money"] if any(issue.money_at_risk for issue in issues) else words["by_severity"]


def _steps(issues: Sequence[Issue], detail: Detail) -> tuple[str, ...]:
    """The steps of the gravest issues, first each one's first; the safest gate first within one issue."""
    bad = [issue for issue in issues if _is_bad(issue)] or list(issues[:1])
    # Side faults cost a line each only when the causes left room.
    found: dict[str, None] = {}
    for issue in bad[:1]:
        for step in issue.actions:
            found.setdefault(step)
    for issue in bad[1:]:
        if issue.actions and not issue.is_side and issue.severity.rank >= bad[0].severity.rank - 1:
            found.setdefault(issue.actions[0] + (f" ({issue.id})" if len(bad) > 1 else ""))
    # A single step stands above already, as the first thing to do.
    return tuple(found)[: detail.steps] if detail.steps > 1 else ()


def _evidence(issues: Sequence[Issue], detail: Detail, snapshot: Snapshot) -> tuple[set[str], list[str]]:
    many = len(snapshot.bots) > 1
    lines: list[str] = []
    quoted: set[str] = set()
    for position, issue in enumerate(issues):
        wanted = detail.evidence if position == 0 else detail.side_evidence
        for item in _chosen(issue.evidence, wanted):
            if item.id not in quoted:
                quoted.add(item.id)
                lines.append(_line(item, detail.quote, many=many))
    return quoted, lines


def _chosen(evidence: Sequence[Evidence], wanted: int) -> list[Evidence]:
    """The lines that prove the point first: a matched line inside a record before its heading."""
    if wanted >= len(evidence):
        return list(evidence)
    proving = [e for e in evidence if e.focus != (0, 0)]
    order = {e.id: n for n, e in enumerate(evidence)}
    preferred = [*proving[:1], *(e for e in evidence if e not in proving[:1])]
    return sorted(preferred[:wanted], key=lambda e: order[e.id])


def _line(item: Evidence, limit: int, *, many: bool) -> str:
    time = f"{_at(item.time):%H:%M:%S}.{item.time // 1_000_000 % 1000:03d}" if item.time else ""
    source = plain(item.source.replace(" ", "/"), 80) if many else ""
    parts = [item.id, time, plain(item.severity, 12), source, shorten(item.text, limit, item.focus)]
    return " ".join(part for part in parts if part)


def _cut(line: str) -> str:
    return line if len(line) <= TERSE_LINE else f"{line[: TERSE_LINE - 2].rsplit(' ', 1)[0]} …"


def _left_out(snapshot: Snapshot, quoted: set[str], words: dict[str, str], *, terse: bool) -> tuple[str, ...]:
    counts = {"left": f"{max(snapshot.events - len(quoted), 0):,}", "all": f"{snapshot.events:,}"}
    zones = sorted({source.zone for source in snapshot.sources if source.zone})
    lost = sum(loss.count for loss in snapshot.losses)
    if terse:
        return (
            words["ledger_terse"].format(**counts),
            *(f"{zone}." for zone in zones[:1]),
            words["lost"].format(n=f"{lost:,}"),
        )
    lines = [words["ledger"].format(**counts)]
    if snapshot.quiet_warnings:
        count = f"{snapshot.quiet_warning_events:,}"
        lines.append(words["quiet_warnings"].format(kinds=snapshot.quiet_warnings, n=count))
    lines += [_source(source, words) for source in snapshot.sources]
    archived = sum(1 for issue in snapshot.issues if issue.status is IssueStatus.ARCHIVED)
    if archived:
        lines.append(words["archived_n"].format(n=archived))
    if snapshot.doubles:
        lines.append(words["doubles"].format(n=f"{snapshot.doubles:,}"))
    if zones:
        lines.append(words["zone"].format(zone="; ".join(zones)))
    reasons = ", ".join(f"{loss.count:,} {plain(loss.reason)}" for loss in snapshot.losses[:4])
    lines.append(words["lost"].format(n=f"{lost:,}") + (f" ({reasons})" if lost else ""))
    if snapshot.leaks:
        kinds = ", ".join(f"{plain(kind)} {count}×" for kind, count in sorted(snapshot.leaks.items()))
        lines.append(words["masked"].format(kinds=kinds))
    return tuple(lines)


def _source(source: Source, words: dict[str, str]) -> str:
    line = words["source"].format(
        letter=source.letter,
        name=plain(source.name.rsplit("/", 1)[-1], 80),
        lines=f"{source.lines:,}",
        records=f"{source.records:,}",
        end=words["to_the_end"] if source.complete else words["incomplete"],
    )
    line += words["unreadable"].format(n=source.unreadable) if source.unreadable else ""
    return " ".join([line, *(f"{note.rstrip('.')}." for note in source.notes[:SOURCE_NOTES])])


def _cursor(since: Snapshot | int | None) -> str:
    if since is None:
        return ""
    return f"{_at(since if isinstance(since, int) else since.taken_at):%Y-%m-%d %H:%M:%S} UTC"


def _when(time: int, snapshot: Snapshot) -> str:
    at = _at(time)
    begin, end = _at(snapshot.first_event), _at(snapshot.last_event)
    fine = f"{at:%H:%M:%S}.{time // 1_000_000 % 1000:03d}"
    return fine if begin.date() == end.date() else f"{at:%Y-%m-%d} {fine}"


def _at(time: int) -> datetime:
    return datetime.fromtimestamp(time / 1_000_000_000, UTC)


@cache
def _words(lang: str) -> dict[str, str]:
    text = (definitions("briefings") / f"words.{lang}.json").read_text(encoding="utf-8")
    words: dict[str, str] = orjson.loads(text)
    return words
