"""The other pages beside the status: one incident in depth, a handover, a digest of the day.

Each template gets exactly the fields of its own struct here; like the status they are made from one Snapshot
at one level of detail, so any budget holds. Foreign text stays quoted.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from obs.page import telling
from obs.page.pages import Detail, Entry, Page, entry_of, funnel_of, page, quoted_line
from obs.page.phrasebook import words_of
from obs.quoting import quote
from obs.snapshot import Issue, IssueStatus, Snapshot

__all__ = ["PAPERS", "Digest", "Handover", "Incident", "digest", "handover", "incident"]

TRACEBACK_LINES = 12


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """The typed context of the template `incident`: one issue with all that hangs on it."""

    title: str
    """Scope, mode and window of the page."""
    head: str
    """Id and title of the issue."""
    facts: tuple[tuple[str, str], ...]
    """What is known of it: label, text."""
    cause: str
    effects: tuple[str, ...]
    symptoms: tuple[Entry, ...]
    """The issues that are symptoms of it."""
    money: tuple[str, ...]
    restart: str
    steps: tuple[str, ...]
    do_not: str
    story: tuple[str, ...]
    """Ready quoted lines: what led to it, oldest first."""
    traceback: tuple[str, ...]
    """Ready quoted lines: the folded traceback."""
    evidence: tuple[str, ...]
    not_known: tuple[str, ...]
    left_out: tuple[str, ...]
    words: dict[str, str]


class Handover(msgspec.Struct, frozen=True, kw_only=True):
    """The typed context of the template `handover`: what the next watch must know."""

    title: str
    verdict: str
    money: tuple[str, ...]
    restart: str
    open: tuple[Entry, ...]
    """Open issues above info."""
    more: str
    decided: tuple[str, ...]
    """What people decided: archived or resolved, by whom and why."""
    past: tuple[Entry, ...]
    """Resolved issues: what happened and is over."""
    next: tuple[str, ...]
    """Steps that are still to do, safest first."""
    do_not: str
    watch: tuple[str, ...]
    """What did not run, and what nobody knows: silence there proves nothing."""
    left_out: tuple[str, ...]
    words: dict[str, str]


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    """The typed context of the template `digest`: a day for people, to be read in a chat."""

    title: str
    verdict: str
    money: tuple[str, ...]
    health: tuple[tuple[str, str, str], ...]
    funnel: str
    """How far signals came, in one line; may be empty."""
    entries: tuple[Entry, ...]
    more: str
    counts: str
    """Records, by severity, and what was lost."""
    first: str
    words: dict[str, str]


def incident(snapshot: Snapshot, detail: Detail, *, issue: str = "", lang: str = "en") -> Incident:
    """Return one issue in depth.

    Args:
        snapshot: What to tell, its prose already in the page's language.
        detail: How much of it.
        issue: Its id or a unique prefix of it; empty: the first.
        lang: The language of headings and labels.

    Raises:
        ValueError: If there is no such issue.
    """
    words = words_of(lang)
    found = _found(snapshot, issue)
    frame = page(snapshot, detail, lang=lang)
    known = {one.fingerprint: one for one in snapshot.issues}
    many = len(snapshot.bots) > 1
    told = [known[s] for s in found.symptoms if s in known][: max(detail.issues, 1)]
    return Incident(
        title=frame.title,
        head=f"{found.id} {found.title}",
        facts=tuple(_facts(found, snapshot, known, words)),
        cause=found.explanation if detail.cause else "",
        effects=found.effects[: detail.effects],
        symptoms=tuple(entry_of(n, one, snapshot, detail, words) for n, one in enumerate(told, 1)),
        money=frame.money,
        restart=frame.restart,
        steps=tuple(found.actions[: detail.steps]),
        do_not=found.do_not.rstrip("."),
        story=tuple(quoted_line(item, detail.quote, many=many) for item in found.story[-detail.evidence :])
        if detail.evidence
        else (),
        traceback=tuple(map(quote, found.traceback[:TRACEBACK_LINES])) if detail.prose else (),
        evidence=tuple(
            quoted_line(item, detail.quote, many=many) for item in found.evidence[: detail.evidence]
        ),
        not_known=(*found.not_known, *frame.not_known)[: detail.unknown],
        left_out=frame.left_out,
        words=words,
    )


def handover(snapshot: Snapshot, detail: Detail, *, issue: str = "", lang: str = "en") -> Handover:
    """Return what the next watch must know."""
    words = words_of(lang)
    frame = page(snapshot, detail, lang=lang)
    causes = [one for one in snapshot.issues if one.cause is None]
    past = [one for one in causes if one.status is IssueStatus.RESOLVED]
    live = [one for one in causes if telling.is_bad(one)]
    return Handover(
        title=frame.title,
        verdict=frame.verdict,
        money=frame.money,
        restart=frame.restart,
        open=_entries(live, snapshot, detail, words),
        more=words["and_more"].format(n=len(live) - detail.issues).strip()
        if len(live) > detail.issues
        else "",
        decided=tuple(f"{one.id} {one.title}: {one.decided}" for one in causes if one.decided)[
            : detail.issues
        ],
        past=_entries(past, snapshot, detail, words) if detail.resolved else (),
        next=frame.steps or ((frame.first,) if frame.first else ()),
        do_not=frame.do_not,
        watch=tuple(x for x in (_unexercised(frame, words), *frame.not_known) if x),
        left_out=frame.left_out,
        words=words,
    )


def digest(snapshot: Snapshot, detail: Detail, *, issue: str = "", lang: str = "en") -> Digest:
    """Return the day in a page for people."""
    words = words_of(lang)
    frame = page(snapshot, detail, lang=lang)
    causes = [one for one in snapshot.issues if one.cause is None and one.status is not IssueStatus.ARCHIVED]
    by_severity = ", ".join(
        f"{count:,} {name}" for name, count in sorted(snapshot.by_severity.items()) if count
    )
    lost = sum(loss.count for loss in snapshot.losses)
    return Digest(
        title=frame.title,
        verdict=frame.verdict,
        money=frame.money,
        health=snapshot.facts if detail.health else snapshot.facts[: detail.steps],
        funnel=funnel_of(snapshot, words),
        entries=_entries(causes, snapshot, detail, words),
        more=words["and_more"].format(n=len(causes) - detail.issues).strip()
        if len(causes) > detail.issues
        else "",
        counts=f"{words['records'].format(n=f'{snapshot.events:,}')}: {by_severity}. "
        f"{words['lost'].format(n=f'{lost:,}')}.",
        first=frame.first or (frame.steps[0] if frame.steps else ""),
        words=words,
    )


PAPERS = {"incident": incident, "handover": handover, "digest": digest}
"""Template -> what makes its context."""


def _found(snapshot: Snapshot, wanted: str) -> Issue:
    if not snapshot.issues:
        raise ValueError("there is no issue here: `obs brief` tells how things stand")
    if not wanted:
        return next((one for one in snapshot.issues if one.cause is None), snapshot.issues[0])
    prefix = wanted.lower().removeprefix("i-")
    found = [one for one in snapshot.issues if one.fingerprint.startswith(prefix)]
    if len(found) != 1:
        what = "no such issue here" if not found else f"stands for {len(found)} issues: write more digits"
        raise ValueError(f"{wanted}: {what}: `obs brief` lists them")
    return found[0]


def _facts(
    issue: Issue, snapshot: Snapshot, known: Mapping[str, Issue], words: Mapping[str, str]
) -> list[tuple[str, str]]:
    rows = [
        (words["is"], f"{issue.category} · {words[f'severity_{issue.severity}']} · {issue.status}"),
        (words["seen"], telling.span(issue, snapshot, words, fine=True)),
        (words["life"], telling.life(issue, snapshot, words) or issue.decided),
        (words["fix_in"], telling.fixed_where(issue.fix_in)),
        (words["at_risk"], telling.risk(issue)),
        (words["follows"], issue.follows),
        (words["grouped"], issue.grouped_by),
        (words["symptom_of"], known[issue.cause].id if issue.cause and issue.cause in known else ""),
    ]
    return [(label, text) for label, text in rows if text]


def _entries(
    issues: list[Issue], snapshot: Snapshot, detail: Detail, words: Mapping[str, str]
) -> tuple[Entry, ...]:
    brief = msgspec.structs.replace(detail, prose=False)
    return tuple(entry_of(n, one, snapshot, brief, words) for n, one in enumerate(issues[: detail.issues], 1))


def _unexercised(frame: Page, words: Mapping[str, str]) -> str:
    return f"{words['not_exercised']}: {frame.not_exercised}." if frame.not_exercised else ""
