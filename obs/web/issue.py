"""One issue in full: what to do, what led to it, what shows it, what money stands behind it, its life."""

from __future__ import annotations

from collections.abc import Sequence

from obs.briefing import render, tokens
from obs.snapshot import Issue, IssueStatus, Snapshot
from obs.web.evidence import quoted, story
from obs.web.incident import incident
from obs.web.model import Fact, IssueView, MergedRow, Quoted, Rich, Span, Style
from obs.web.numbers import ms
from obs.web.plans import minutes, steps
from obs.web.reader import Reader
from obs.web.rows import row
from obs.web.stakes import stakes
from obs.web.tail import visible

__all__ = ["view"]

FOREIGN = 120
COPIED = 2_000
"""Tokens of the text that is copied for an agent, at most."""


def view(snapshot: Snapshot, issue_id: str, *, lang: str = "en", zone: str = "UTC") -> IssueView | None:
    """Return everything about one issue; None when there is none of that id. A merged one is its whole.

    Args:
        snapshot: The picture, its prose in English.
        issue_id: Its id, `I-…`.
        lang: `en` or `ko`.
        zone: IANA name of the time zone in which times are shown.

    Raises:
        ValueError: If the language is none of ours.
    """
    issue = next((one for one in snapshot.issues if one.id == issue_id or _is_part(one, issue_id)), None)
    if issue is None:
        return None
    reader = Reader(lang, zone, snapshot.taken_at)
    known = {one.fingerprint: one for one in snapshot.issues}
    evidence = quoted(issue, reader)
    return IssueView(
        row=row(issue, snapshot, reader, known),
        category=str(issue.category),
        severity=reader.say(f"severity.{issue.severity}"),
        minutes=reader.say("plan.in_all", minutes=minutes(issue.expected_minutes, reader))
        if issue.expected_minutes
        else "",
        explanation=_explanation(issue, reader),
        steps=steps(issue, snapshot, reader),
        do_not=reader.prose(issue.do_not),
        story=story(issue, reader),
        story_note=reader.say("issue.story_note", n=len(issue.story)) if issue.story else "",
        evidence=evidence,
        evidence_note=_evidence_note(issue, evidence, reader),
        money=stakes(issue, snapshot, reader),
        before=(Span(_sentence(reader.prose(issue.follows))),) if issue.follows else (),
        life=_life(issue, reader),
        grouped=_grouped(issue, snapshot, reader),
        effects=tuple(map(reader.prose, issue.effects)),
        not_known=tuple(map(reader.prose, issue.not_known)),
        merged=tuple(
            MergedRow(
                id=part.id,
                title=reader.prose(part.title) or part.id,
                count=part.count,
                last=ms(part.last_seen),
                decided=reader.prose(part.decided),
            )
            for part in issue.merged
        ),
        incident=incident(issue, snapshot, reader),
        tokens=_tokens(snapshot, issue, lang),
    )


def _is_part(issue: Issue, issue_id: str) -> bool:
    return any(part.id == issue_id for part in issue.merged)


def _explanation(issue: Issue, reader: Reader) -> Rich:
    told = [reader.prose(issue.explanation)] if issue.explanation else []
    if issue.fix_in:
        place = reader.place(issue.fix_in)
        told.append(reader.say("issue.fix_in", place=place))
    return (Span(" ".join(told)),) if told else ()


def _evidence_note(issue: Issue, evidence: Sequence[Quoted], reader: Reader) -> str:
    """How many records are quoted, and of how many: what is found in facts counts once, its records more."""
    quotes = len(evidence) - bool(issue.traceback)
    if not quotes:
        return ""
    if issue.count > quotes:
        return reader.say("issue.evidence_note", k=quotes, n=issue.count, id=issue.id)
    return reader.say("issue.evidence_all", k=quotes, id=issue.id)


def _life(issue: Issue, reader: Reader) -> tuple[tuple[int, Rich], ...]:
    """What happened to it, oldest first; the proof of a fix last."""
    found: list[tuple[int, Rich]] = []
    if issue.first_seen:
        found.append((ms(issue.first_seen), reader.say.rich("lived.first")))
    if issue.count > 1 and issue.last_seen > issue.first_seen:
        found.append((ms(issue.last_seen), reader.say.rich("lived.last", n=issue.count)))
    if issue.status is IssueStatus.REGRESSED:
        found.append((0, reader.say.rich("lived.regressed")))
    if issue.decided:
        found.append((0, (Span(reader.prose(issue.decided), Style.PLAIN),)))
    found.append((0, _proof(issue, reader)))
    return tuple(found)


def _proof(issue: Issue, reader: Reader) -> Rich:
    """What would show that it is mended, and how much of that was seen: not tried is not fixed."""
    if issue.succeeded_since:
        return reader.say.rich("lived.works", n=issue.succeeded_since)
    if issue.status is IssueStatus.RESOLVED:
        return reader.say.rich("lived.untried")
    key = f"fixed.{issue.rule.replace('-', '_').replace('.', '_')}"
    if key in reader.say:
        return reader.say.rich(key)
    return reader.say.rich("lived.until" if "." in issue.rule else "lived.facts")


def _grouped(issue: Issue, snapshot: Snapshot, reader: Reader) -> tuple[Fact, ...]:
    facts = []
    if issue.grouped_by:
        # What a rule was about may be the log's own words.
        why, about, foreign = issue.grouped_by.partition(" names about ")
        facts.append(
            Fact(
                label=reader.say("grouped.by"),
                value=(Span(reader.prose(f"{why} names" if about else why)),),
                detail=(Span(visible(foreign)[:FOREIGN], Style.FOREIGN),) if foreign else (),
            )
        )
    if issue.rule:
        facts.append(Fact(label=reader.say("grouped.rule"), value=(Span(issue.rule, Style.CODE),)))
    if "code_file" in issue.values:
        place = f"{issue.values['code_file']}:{issue.values.get('code_line', '?')}"
        facts.append(Fact(label=reader.say("grouped.frame"), value=(Span(place, Style.CODE),)))
    cause = next((one for one in snapshot.issues if one.fingerprint == issue.cause), None)
    if cause is not None:
        value = (Span(reader.prose(cause.title), link=cause.id),)
        detail = (Span(reader.prose(issue.linked_by)),) if issue.linked_by else ()
        facts.append(Fact(label=reader.say("grouped.symptom_of"), value=value, detail=detail))
    facts.append(Fact(label=reader.say("grouped.key"), value=(Span(issue.fingerprint, Style.CODE),)))
    return tuple(facts)


def _tokens(snapshot: Snapshot, issue: Issue, lang: str) -> int:
    """Of the text that is copied: the same page that the command prints."""
    return tokens(render(snapshot, budget=COPIED, lang=lang, template="incident", issue=issue.id))


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?")) else f"{text}."
