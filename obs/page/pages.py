"""What a briefing says: the typed context of its templates, made from a Snapshot at one level of detail.

The page decides an action: how bad, what money, where to fix it, may I restart, what first. All foreign text
is quoted evidence; everything else is our own prose with validated names and numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from obs.changes import CLASSES, Change, changes, is_unchanged
from obs.page import telling
from obs.page.omissions import left_out
from obs.page.phrasebook import words_of
from obs.page.telling import at, is_bad
from obs.quoting import plain, shorten
from obs.snapshot import Evidence, Health, Issue, IssueSeverity, IssueStatus, Snapshot

__all__ = ["Detail", "Entry", "Page", "entry_of", "is_well", "page", "quoted_line"]

MINOR = 3
"""Minor findings that a healthy page names."""
_ENDINGS = ("system.terminated",)
"""Rules that only say that the run was ended."""


class Detail(msgspec.Struct, frozen=True, kw_only=True):
    """How much a page shows; the rungs of a ladder from rich to poor."""

    issues: int = 40
    resolved: bool = True
    """Whether past issues are listed, not only counted."""
    evidence: int = 14
    """Evidence lines of the first issue."""
    side_evidence: int = 7
    """Evidence lines of each other issue."""
    quote: int = 1_200
    """Characters of a quoted line."""
    health: bool = True
    """The table of what was seen and expected, beside issues."""
    effects: int = 9
    """Sentences on what the first issue did."""
    prose: bool = True
    """Explanations and symptoms in words."""
    cause: bool = True
    """The first issue's likely cause in the verdict."""
    code_steps: bool = True
    reasons: bool = True
    """Steps with their reasons, not only gate and verb."""
    steps: int = 8
    headings: bool = True
    """Section headings and one step a line; else everything run together."""
    sources: bool = True
    """One line for each source; else the ledger in its shortest form."""
    funnel: bool = True
    """The line on how far signals came."""
    money: int = 600
    """Characters of the lines on money together."""
    line: int = 600
    """Characters of any other line of prose."""
    unknown: int = 9
    """Lines on what is not known."""


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
    effects: str
    """What it did, counted; empty for the first issue, whose effects stand in the verdict."""
    symptoms: str
    life: str
    """What is known of its end: resolved, not exercised since."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """The typed context of the template `status`: all it may use."""

    title: str
    verdict: str
    consequence: str
    """What it did, what follows, and how the run ended; may be empty."""
    fix_in: str
    money: tuple[str, ...]
    funnel: str
    """How far signals came, in one line; empty when no bot tells of its decisions, or there is no room."""
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
    seen: str
    """The health rows in one line, for a page without trouble; else empty."""
    minor: str
    """The minor findings in one line, for a page without trouble; else empty."""
    changes: tuple[Change, ...]
    more_changes: str
    """How many changes found no room; may be empty."""
    unchanged: str
    """The kinds of change that did not happen."""
    nothing_new: bool
    """Whether nothing a reader would act on differs from the earlier look."""
    since: str
    """The reader's cursor, or empty."""
    not_known: tuple[str, ...]
    not_exercised: str
    left_out: tuple[str, ...]
    headings: bool
    prose: bool
    words: dict[str, str]
    """Headings and labels in the page's language."""


def is_well(snapshot: Snapshot) -> bool:
    """Whether nothing decides a verdict: no open issue above info but side matters, and the end was seen."""
    if not snapshot.events or snapshot.health is Health.UNKNOWN:
        return False
    return not any(i.cause is None and is_bad(i) for i in snapshot.issues)


def page(
    snapshot: Snapshot, detail: Detail, *, since: Snapshot | int | None = None, lang: str = "en"
) -> Page:
    """Return the context of one page at one level of detail.

    Args:
        snapshot: What to tell, its prose already in the page's language.
        detail: How much of it.
        since: An earlier look to compare with.
        lang: The language of headings and labels.
    """
    words = words_of(lang)
    causes = [i for i in snapshot.issues if i.cause is None and i.status is not IssueStatus.ARCHIVED]
    top = telling.deciding(snapshot)
    listed = [
        i
        for i in causes
        if (detail.resolved or i.status is not IssueStatus.RESOLVED)
        # How the run ended stands in the verdict already.
        and not (top is not None and snapshot.phase and i.rule in _ENDINGS)
    ]
    shown = listed[: detail.issues]
    calm = top is None
    nothing_new = since is not None and is_unchanged(snapshot, since)
    changed = changes(snapshot, since, words) if since is not None else ()
    if since is not None:
        # The reader has seen the rest: only what moved is quoted, and the table stands for the list.
        moved = {change.id for change in changed if change.kind in ("new", "worse", "regressed")}
        shown = [issue for issue in shown if issue.id in moved]
    quoted, lines = _evidence(listed if calm else shown or listed[:1], detail, snapshot, calm=calm)
    steps = _steps(listed[: detail.issues] or listed[:1], detail) if not calm else ()
    return Page(
        title=_title(snapshot, words),
        verdict=_verdict(snapshot, top, words),
        consequence=_consequence(snapshot, top, words, detail),
        fix_in=_cut(telling.fixed_where(top.fix_in), detail.line) if top else "",
        money=_money(snapshot, detail.money),
        funnel=funnel_of(snapshot, words) if detail.funnel and _tells_decisions(snapshot) else "",
        restart=_cut(snapshot.restart, detail.line),
        first="" if steps and not detail.headings else _first(top, detail),
        entries=tuple(entry_of(n, i, snapshot, detail, words) for n, i in enumerate(shown, 1))
        if not calm and since is None
        else (),
        more=_more(listed, shown, words) if not calm and since is None else "",
        ranking=_ranking(snapshot, causes, words),
        steps=steps,
        do_not=_do_not(listed[: detail.issues] or listed[:1], detail),
        evidence=tuple(lines),
        health=snapshot.facts if detail.health and not calm and since is None else (),
        seen=_seen(snapshot, detail) if calm else "",
        minor=_minor(causes, snapshot, words, detail) if calm else "",
        changes=tuple(
            msgspec.structs.replace(change, kind=words[f"kind_{change.kind}"])
            for change in changed[: detail.issues]
        ),
        more_changes=words["and_more"].format(n=len(changed) - detail.issues).strip()
        if len(changed) > detail.issues
        else "",
        unchanged=", ".join(
            words[f"kind_{kind}"] for kind in CLASSES if all(change.kind != kind for change in changed)
        )
        if since is not None
        else "",
        nothing_new=nothing_new,
        since=_cursor(since),
        not_known=_not_known(snapshot, shown, detail, calm=calm),
        not_exercised=_cut(", ".join(snapshot.not_exercised), detail.line),
        left_out=left_out(snapshot, quoted, words, terse=not detail.sources, calm=calm or nothing_new),
        headings=detail.headings and not calm,
        prose=detail.prose,
        words=words,
    )


def _title(snapshot: Snapshot, words: Mapping[str, str]) -> str:
    names = [plain(name) for name in snapshot.bots]
    scope = snapshot.program or (
        names[0] if len(names) == 1 else words["bots"].format(n=len(names)) if names else ""
    )
    mode = words.get(f"mode_{snapshot.mode.replace(' ', '_')}", snapshot.mode)
    parts = [words["title"], scope or words["log"], mode]
    if snapshot.first_event:
        begin, end = at(snapshot.first_event), at(snapshot.last_event)
        if begin.date() == end.date():
            parts.append(f"{begin:%Y-%m-%d %H:%M:%S}–{end:%H:%M:%S} UTC")
        else:
            parts.append(f"{begin:%Y-%m-%d %H:%M}–{end:%Y-%m-%d %H:%M} UTC")
    if snapshot.live:
        parts.append(words["as_of"].format(time=f"{at(snapshot.taken_at):%H:%M:%S}"))
    return " · ".join(part for part in parts if part)


def _verdict(snapshot: Snapshot, top: Issue | None, words: Mapping[str, str]) -> str:
    health = words.get(f"health_{snapshot.health}", str(snapshot.health))
    if not snapshot.events:
        return f"**{words.get('health_UNKNOWN', Health.UNKNOWN)}: {words['nothing_seen']}**"
    if top is None:
        return f"**{health}: {words['no_fault']}**"
    running = words["ongoing"] if snapshot.phase in ("", words["running"]) else words["at_end"]
    phase = running if snapshot.live else words["unresolved"]
    since = words["since"].format(
        time=telling.when(top.first_seen, snapshot, fine=False) if top.first_seen else words["unknown_time"]
    )
    services = telling.services(top.services, words)
    who = f" ({services})" if len(snapshot.bots) > 1 and top.services else ""
    facts = [f"{top.title}{who}", telling.until(top, snapshot, words), since, telling.times(top, words)]
    risk = f" · {telling.risk_word(snapshot, words)} {telling.risk(top)}." if top.money_at_risk else ""
    return f"**{health}, {phase}: {', '.join(fact for fact in facts if fact)}.**{risk}"


def _consequence(snapshot: Snapshot, top: Issue | None, words: Mapping[str, str], detail: Detail) -> str:
    parts: list[str] = []
    if top is not None:
        parts += top.effects[: detail.effects]
        if detail.cause and top.explanation:
            parts.append(top.explanation)
    if snapshot.phase and snapshot.phase != words["running"]:
        parts.append(words["phase"].format(phase=snapshot.phase))
    return " ".join(parts)


def entry_of(
    number: int, issue: Issue, snapshot: Snapshot, detail: Detail, words: Mapping[str, str]
) -> Entry:
    """Return one issue as a page shows it at one level of detail."""
    known = {i.fingerprint: i for i in snapshot.issues}
    told, kinds = telling.symptoms(issue, known, words)
    where = [telling.services(issue.services, words)] if len(snapshot.bots) > 1 and issue.services else []
    if issue.component and plain(issue.component) not in where:
        where.append(plain(issue.component))
    is_first = number == 1
    # That no rule knows it stands in its title already.
    explanation = issue.explanation if issue.rule else ""
    # One exposure behind several issues is one amount: it stands with the first.
    ahead = snapshot.issues[: snapshot.issues.index(issue)]
    is_told = any(other.money_at_risk == issue.money_at_risk and other.cause is None for other in ahead)
    return Entry(
        number=number,
        id=issue.id,
        title=issue.title,
        category=issue.category,
        severity=words.get(f"severity_{issue.severity}", str(issue.severity)),
        status=issue.status,
        where=", ".join(where) if detail.prose else "",
        money=f"{telling.risk_word(snapshot, words)} {telling.risk(issue)}"
        if issue.money_at_risk and not is_told
        else "",
        when=telling.span(issue, snapshot, words, fine=detail.prose),
        explanation=explanation if detail.prose and not is_first else "",
        effects=" ".join(issue.effects[: detail.effects]) if detail.prose and not is_first else "",
        symptoms=told if detail.prose else (words["n_symptoms"].format(n=kinds) if kinds else ""),
        life=telling.life(issue, snapshot, words),
    )


def _first(top: Issue | None, detail: Detail) -> str:
    if top is None or not top.actions:
        return ""
    return _cut(top.actions[0] if detail.reasons else telling.brief_step(top.actions[0]), detail.line)


def _more(causes: Sequence[Issue], shown: Sequence[Issue], words: Mapping[str, str]) -> str:
    rest = [issue for issue in causes if issue not in shown]
    if not rest:
        return ""
    grave = sum(1 for i in rest if i.severity.rank >= IssueSeverity.ERROR.rank)
    past = sum(1 for i in rest if i.status is IssueStatus.RESOLVED)
    return words["more"].format(n=len(rest), grave=grave, past=past)


def _ranking(snapshot: Snapshot, issues: Sequence[Issue], words: Mapping[str, str]) -> str:
    if snapshot.mode in telling.SIMULATED:
        return words["no_real_money"]
    return words["by_money"] if any(issue.money_at_risk for issue in issues) else words["by_severity"]


def _steps(issues: Sequence[Issue], detail: Detail) -> tuple[str, ...]:
    """The steps of the first issue, then the first step of each other that is nearly as grave."""
    bad = [issue for issue in issues if is_bad(issue)] or list(issues[:1])
    found: dict[str, None] = {}
    for issue in bad[:1]:
        for step in issue.actions:
            if detail.code_steps or not step.startswith("[code]"):
                found.setdefault(step if detail.reasons else telling.brief_step(step))
    for issue in bad[1:]:
        # To read its lines is all there is to say of what no rule knows, and that is said once.
        if issue.rule and issue.actions and issue.severity.rank >= bad[0].severity.rank - 1:
            step = issue.actions[0] if detail.reasons else telling.brief_step(issue.actions[0])
            if step not in found:
                found.setdefault(f"{step} ({issue.id})")
    return tuple(found)[: detail.steps] if detail.steps > 1 else ()


def _do_not(issues: Sequence[Issue], detail: Detail) -> str:
    told = next((i.do_not for i in issues if i.do_not and is_bad(i)), "").rstrip(".")
    return _cut(told[:1].lower() + told[1:] if told[1:2].islower() else told, detail.line)


def _evidence(
    issues: Sequence[Issue], detail: Detail, snapshot: Snapshot, *, calm: bool
) -> tuple[set[str], list[str]]:
    many = len(snapshot.bots) > 1
    lines: list[str] = []
    quoted: set[str] = set()
    if calm:
        # The first of the minor findings is shown when there is room for a line.
        issues = [i for i in issues if not i.is_side and i.rule not in _ENDINGS][:1]
    for position, issue in enumerate(issues):
        wanted = detail.evidence if position == 0 else detail.side_evidence
        for item in _chosen(issue.evidence, wanted):
            if item.id not in quoted:
                quoted.add(item.id)
                lines.append(quoted_line(item, detail.quote, many=many))
    return quoted, lines


def _chosen(evidence: Sequence[Evidence], wanted: int) -> list[Evidence]:
    """The lines that prove the point first: a matched line inside a record before its heading."""
    if wanted >= len(evidence):
        return list(evidence)
    proving = [e for e in evidence if e.focus != (0, 0)]
    order = {e.id: n for n, e in enumerate(evidence)}
    preferred = [*proving[:1], *(e for e in evidence if e not in proving[:1])]
    return sorted(preferred[:wanted], key=lambda e: order[e.id])


def quoted_line(item: Evidence, limit: int, *, many: bool) -> str:
    """Return a line of evidence ready for a fence: id, time, level, with several bots its source, text."""
    time = f"{at(item.time):%H:%M:%S}.{item.time // 1_000_000 % 1000:03d}" if item.time else ""
    source = plain(item.source.replace(" ", "/"), 80) if many else ""
    parts = [item.id, time, plain(item.severity, 12), source, shorten(item.text, limit, item.focus)]
    return " ".join(part for part in parts if part)


def _money(snapshot: Snapshot, limit: int) -> tuple[str, ...]:
    lines: list[str] = []
    for line in snapshot.money_lines:
        if room := limit - sum(map(len, lines)):
            lines.append(_cut(line, room) if room < len(line) else line)
        if sum(map(len, lines)) >= limit * 0.8:
            break
    return tuple(lines)


def funnel_of(snapshot: Snapshot, words: Mapping[str, str]) -> str:
    """Return how far signals came, and what stopped how many; empty when nothing is known of it."""
    if snapshot.funnel is None:
        return ""
    told = " → ".join(
        words.get(f"stage_{stage}", f"{{n}} {stage}").format(n=f"{count:,}")
        for stage, count in snapshot.funnel.stages
    )
    stopped = ", ".join(
        f"{words.get(f'stopped_{reason}', reason)} {count:,}×"
        for reason, count in snapshot.funnel.stopped[:6]
    )
    return told + (f" · {stopped}" if stopped else "")


def _tells_decisions(snapshot: Snapshot) -> bool:
    """Whether the line says more than the table of what was seen, which serves for other programs."""
    return snapshot.funnel is not None and any(name == "decisions" for name, _ in snapshot.funnel.stages)


def _seen(snapshot: Snapshot, detail: Detail) -> str:
    """The health rows in one line, what the bot traded first; rows that do not fit are left out whole."""
    rows = sorted(
        snapshot.facts, key=lambda row: not row[0].endswith(("entries", "exits", "orders", "heartbeats"))
    )
    told = [f"{what} {seen}" for what, seen, _ in rows]
    while len(told) > 1 and len("; ".join(told)) > detail.line:
        told.pop()
    return _cut("; ".join(told), detail.line)


def _minor(causes: Sequence[Issue], snapshot: Snapshot, words: Mapping[str, str], detail: Detail) -> str:
    found = [i for i in causes if i.status is not IssueStatus.RESOLVED]
    # What a person may have to look at comes before what is merely told.
    found.sort(key=lambda issue: (-issue.severity.rank, -issue.count))
    told = [f"{i.id} {i.title}, {i.count:,}×" for i in found]
    kept = told[: min(MINOR, detail.issues)]
    more = words["and_more"].format(n=len(told) - len(kept)) if len(told) > len(kept) else ""
    return "; ".join(kept) + more


def _not_known(snapshot: Snapshot, shown: Sequence[Issue], detail: Detail, *, calm: bool) -> tuple[str, ...]:
    of_issues = [line for issue in shown if is_bad(issue) for line in issue.not_known]
    # A page without trouble says first what it does not cover, and last what a dead process would tell.
    lines = dict.fromkeys([*of_issues, *(reversed(snapshot.not_known) if calm else snapshot.not_known)])
    return tuple(_cut(line, detail.line) for line in list(lines)[: detail.unknown])


def _cut(line: str, limit: int) -> str:
    return line if len(line) <= limit else f"{line[: limit - 2].rsplit(' ', 1)[0]} …"


def _cursor(since: Snapshot | int | None) -> str:
    if since is None:
        return ""
    return f"{at(since if isinstance(since, int) else since.taken_at):%Y-%m-%d %H:%M:%S} UTC"
