"""Snapshot -> one page of Markdown that fits a prompt.

The page decides an action: how bad, what money, where to fix it, may I restart, what first. Facts leave in a
fixed order when the budget shrinks, and what was left out is said. Foreign text stands quoted in one fence.
Templates are in `briefings/`; each gets exactly the fields of `Page`, and a user's folder overrides by name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import msgspec
import orjson
from jinja2 import BaseLoader, ChoiceLoader, FileSystemLoader, FunctionLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from obs.changes import Change, changes
from obs.definitions import definitions
from obs.outlook import plain
from obs.quoting import shorten
from obs.snapshot import Evidence, Health, Issue, IssueSeverity, IssueStatus, Snapshot

__all__ = ["Detail", "Entry", "Page", "page", "render", "tokens"]

LANGUAGES = ("en", "ko")
SIMULATED = ("dry run", "backtest")
LEAST_BUDGET = 120
"""Below this not even the verdict and what first fit; smaller budgets are answered with the smallest page."""


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


LADDER = (
    Detail(40, 14, 7, 1200, True, True, 8),
    Detail(30, 10, 5, 700, True, True, 7),
    Detail(20, 8, 3, 420, True, True, 6),
    Detail(12, 6, 2, 300, True, True, 6),
    Detail(10, 5, 1, 260, True, True, 5),
    Detail(8, 4, 1, 220, True, True, 5),
    Detail(7, 3, 1, 200, True, True, 4),
    Detail(6, 3, 0, 190, True, True, 4),
    Detail(5, 2, 0, 180, True, True, 3),
    Detail(6, 2, 0, 170, False, False, 3),
    Detail(4, 2, 0, 160, False, False, 3),
    Detail(3, 1, 0, 160, False, False, 3),
    Detail(2, 1, 0, 140, False, False, 2),
    Detail(1, 1, 0, 110, False, False, 2),
    Detail(1, 1, 0, 60, False, False, 1),
    Detail(1, 0, 0, 40, False, False, 1),
)


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


def render(
    snapshot: Snapshot,
    *,
    budget: int = 2000,
    since: Snapshot | int | None = None,
    lang: str = "en",
    templates: Path | None = None,
    template: str = "status",
) -> str:
    """Return the briefing.

    Args:
        snapshot: What to tell.
        budget: Most tokens of the page (ASCII characters / 4 + other characters).
        since: An earlier Snapshot or Unix ns: tell what changed since then as well.
        lang: `en` or `ko`.
        templates: A folder whose files replace ours of the same name.
        template: Name of the template, without `.md.j2`.

    Raises:
        ValueError: If `lang` is unknown or `budget` is not positive.
    """
    if lang not in LANGUAGES:
        raise ValueError(f"lang = {lang!r} is unknown: use one of {', '.join(LANGUAGES)}")
    if budget <= 0:
        raise ValueError(f"budget = {budget} tokens is too small: use 300 or more")
    source = _environment(templates).get_template(f"{template}.md.j2")
    text = ""
    for detail in LADDER:
        context = page(snapshot, detail, since=since, lang=lang)
        text = source.render({name: getattr(context, name) for name in Page.__struct_fields__})
        text = _tidy(text)
        if tokens(text) <= budget:
            return text
    return text


def tokens(text: str) -> int:
    """Return an estimate of the tokens: ASCII characters / 4 and one for each other character."""
    others = sum(1 for character in text if ord(character) > 127)
    return math.ceil((len(text) - others) / 4) + others


def page(
    snapshot: Snapshot, detail: Detail, *, since: Snapshot | int | None = None, lang: str = "en"
) -> Page:
    """Return the context of one page at one level of detail."""
    words = _words(lang)
    open_issues = [i for i in snapshot.issues if i.cause is None and i.status is not IssueStatus.ARCHIVED]
    shown = open_issues[: detail.issues]
    top = next((i for i in shown if _is_bad(i)), None)
    quoted, lines = _evidence(shown, detail, snapshot)
    return Page(
        title=_title(snapshot, since, words),
        verdict=_verdict(snapshot, top, words),
        consequence=_consequence(snapshot, top, words),
        fix_in=top.fix_in if top else "",
        money=snapshot.money_lines,
        restart=snapshot.restart,
        first=top.actions[0] if top and top.actions else "",
        entries=tuple(_entry(n, i, snapshot, detail, words) for n, i in enumerate(shown, 1)),
        more=_more(open_issues[detail.issues :], words),
        ranking=_ranking(snapshot, open_issues, words),
        steps=_steps(shown, detail),
        do_not=next((i.do_not.rstrip(".") for i in shown if i.do_not and _is_bad(i)), ""),
        evidence=tuple(lines),
        health=snapshot.facts if detail.headings else snapshot.facts[:3],
        changes=changes(snapshot, since) if since is not None else (),
        since=_cursor(since),
        not_known=snapshot.not_known if detail.headings else snapshot.not_known[:1],
        not_exercised=", ".join(snapshot.not_exercised),
        left_out=_left_out(snapshot, quoted, words),
        headings=detail.headings,
        prose=detail.prose,
        words=words,
    )


def _is_bad(issue: Issue) -> bool:
    return issue.severity is not IssueSeverity.INFO and issue.status is not IssueStatus.RESOLVED


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
    return " · ".join(part for part in parts if part)


def _verdict(snapshot: Snapshot, top: Issue | None, words: dict[str, str]) -> str:
    if not snapshot.events:
        return f"**{Health.UNKNOWN}: {words['nothing_seen']}**"
    if top is None:
        minor = sum(1 for i in snapshot.issues if i.cause is None and i.status is not IssueStatus.RESOLVED)
        note = words["minor"].format(n=minor) if minor else ""
        return f"**{snapshot.health}: {words['no_fault']}**{note}"
    phase = words["ongoing"] if snapshot.live else words["unresolved"]
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
    told = ", ".join(f"{s.title} ({s.count:,}×)" for s in symptoms[:4])
    if len(symptoms) > 4:
        told += words["and_more"].format(n=len(symptoms) - 4)
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
        symptoms=told if detail.prose else (words["n_symptoms"].format(n=len(symptoms)) if symptoms else ""),
        life=_life(issue, words),
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


def _life(issue: Issue, words: dict[str, str]) -> str:
    if issue.status is IssueStatus.RESOLVED:
        return (
            words["resolved"].format(n=issue.succeeded_since)
            if issue.succeeded_since
            else words["resolved_by"]
        )
    if issue.status in (IssueStatus.REGRESSED, IssueStatus.ARCHIVED):
        return words[issue.status]
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
        if issue.actions and issue.severity.rank >= bad[0].severity.rank - 1:
            found.setdefault(issue.actions[0] + (f" ({issue.id})" if len(bad) > 1 else ""))
    return tuple(found)[: detail.steps]


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
    preferred = proving[:1] + evidence_without(evidence, proving[:1])
    return sorted(preferred[:wanted], key=lambda e: order[e.id])


def evidence_without(evidence: Iterable[Evidence], taken: Sequence[Evidence]) -> list[Evidence]:
    """Return the evidence lines that are not among `taken`."""
    ids = {e.id for e in taken}
    return [e for e in evidence if e.id not in ids]


def _line(item: Evidence, limit: int, *, many: bool) -> str:
    time = f"{_at(item.time):%H:%M:%S}.{item.time // 1_000_000 % 1000:03d}" if item.time else ""
    source = plain(item.source.replace(" ", "/"), 80) if many else ""
    parts = [item.id, time, plain(item.severity, 12), source, shorten(item.text, limit, item.focus)]
    return " ".join(part for part in parts if part)


def _left_out(snapshot: Snapshot, quoted: set[str], words: dict[str, str]) -> tuple[str, ...]:
    lines = [
        words["ledger"].format(left=f"{max(snapshot.events - len(quoted), 0):,}", all=f"{snapshot.events:,}")
    ]
    if snapshot.quiet_warnings:
        lines.append(
            words["quiet_warnings"].format(
                kinds=snapshot.quiet_warnings, n=f"{snapshot.quiet_warning_events:,}"
            )
        )
    for source in snapshot.sources:
        end = words["to_the_end"] if source.complete else words["incomplete"]
        bad = words["unreadable"].format(n=source.unreadable) if source.unreadable else ""
        lines.append(
            words["source"].format(
                letter=source.letter,
                name=plain(source.name.rsplit("/", 1)[-1], 80),
                lines=f"{source.lines:,}",
                records=f"{source.records:,}",
                end=end,
            )
            + bad
        )
    zones = sorted({source.zone for source in snapshot.sources if source.zone})
    if zones:
        lines.append(words["zone"].format(zone="; ".join(zones)))
    lost = sum(loss.count for loss in snapshot.losses)
    reasons = ", ".join(f"{loss.count:,} {plain(loss.reason)}" for loss in snapshot.losses[:4])
    lines.append(words["lost"].format(n=f"{lost:,}") + (f" ({reasons})" if lost else ""))
    if snapshot.leaks:
        kinds = ", ".join(f"{plain(kind)} {count}×" for kind, count in sorted(snapshot.leaks.items()))
        lines.append(words["masked"].format(kinds=kinds))
    return tuple(lines)


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


def _tidy(text: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


@cache
def _words(lang: str) -> dict[str, str]:
    text = (definitions("briefings") / f"words.{lang}.json").read_text(encoding="utf-8")
    words: dict[str, str] = orjson.loads(text)
    return words


@cache
def _environment(folder: Path | None) -> ImmutableSandboxedEnvironment:
    def shipped(name: str) -> str | None:
        entry = definitions("briefings") / name
        return entry.read_text(encoding="utf-8") if entry.is_file() else None

    loaders: list[BaseLoader] = [FileSystemLoader(folder)] if folder else []
    loaders.append(FunctionLoader(shipped))
    # Markdown, not HTML: foreign text is made safe by quoting, so HTML escaping would only spoil it.
    return ImmutableSandboxedEnvironment(
        loader=ChoiceLoader(loaders),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
