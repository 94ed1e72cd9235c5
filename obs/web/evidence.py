"""What led to an issue and what shows it: foreign text, escaped, in the order of time."""

from __future__ import annotations

from collections.abc import Sequence

from obs.snapshot import Evidence, Issue
from obs.web.model import Badge, Quoted, Rich, Span, StoryRow, Style
from obs.web.numbers import ms
from obs.web.reader import Reader
from obs.web.tail import shown, visible

__all__ = ["quoted", "story"]

MOST = 12
"""Pieces of evidence that are shown."""
LINE = 400
AFTER = 4
"""Records after the first sign that the story goes on with."""
SAME_NS = 1_000_000_000
"""A record so near to the first sign of an issue is that sign."""
TRACEBACK = 24


def story(issue: Issue, reader: Reader) -> tuple[StoryRow, ...]:
    """Return what led to the first occurrence, that one among it, and what came after it."""
    first = issue.first_seen
    rows = {item.id: item for item in issue.story}
    near = (item for item in issue.evidence if abs(item.time - first) < SAME_NS)
    shown_it = next(near, None)
    if not rows or not first:
        return ()
    told = [
        _row(item, first, reader, is_it=False)
        for item in rows.values()
        if shown_it is None or item.id != shown_it.id
    ]
    if shown_it is not None:
        told.append(_row(shown_it, first, reader, is_it=True))
    later = [item for item in issue.evidence if item.time > first and item is not shown_it]
    told += [_row(item, first, reader, is_it=False) for item in later[:AFTER] if item.id not in rows]
    return tuple(sorted(told, key=lambda row: (row.at, row.is_it)))


def _row(item: Evidence, first: int, reader: Reader, *, is_it: bool) -> StoryRow:
    changed = " bot.started" in f" {item.source}" or "bot.configured" in item.source
    return StoryRow(
        at=ms(item.time),
        offset=0 if is_it else (item.time - first) // 1_000_000,
        text=_text(item, reader),
        id=item.id,
        badge=Badge(reader.say("issue.changed"), is_loud=True) if changed else None,
        is_it=is_it,
    )


def quoted(issue: Issue, reader: Reader) -> tuple[Quoted, ...]:
    """Return the pieces of evidence, the lines of one record together, then the traceback."""
    found: list[Quoted] = []
    groups = _records(issue.evidence)
    for lines in groups[:MOST]:
        head = lines[0]
        foreign = "hostile" in issue.rule
        kind = "foreign" if foreign else "event" if _is_event(head) else "log"
        found.append(
            Quoted(
                id=head.id,
                at=ms(head.time),
                kind=Badge(reader.say(f"issue.kind_{kind}"), is_foreign=True),
                lines=tuple(_line(item, reader) for item in lines),
            )
        )
    if issue.traceback:
        head_id = issue.evidence[0].id if issue.evidence else issue.id
        lines_of = tuple(visible(line)[:LINE] for line in issue.traceback[:TRACEBACK])
        kind_of = Badge(reader.say("issue.kind_traceback"), is_foreign=True)
        found.append(Quoted(id=head_id, at=ms(issue.first_seen), kind=kind_of, lines=lines_of))
    return tuple(found)


def _records(evidence: Sequence[Evidence]) -> list[list[Evidence]]:
    """Lines without a time of their own stand inside the record before them."""
    groups: list[list[Evidence]] = []
    for item in evidence:
        if groups and not item.time:
            groups[-1].append(item)
        else:
            groups.append([item])
    return groups


def _is_event(item: Evidence) -> bool:
    """Whether its source names an event beside service and logger."""
    return item.source.count(" ") >= 2


def _line(item: Evidence, reader: Reader) -> str:
    """A line as it is shown; what was masked in it stands in brackets."""
    spans = shown(item.text, reader.lang, limit=LINE)
    return "".join(f"[{span.text}]" if span.style is Style.FOREIGN else span.text for span in spans)


def _text(item: Evidence, reader: Reader) -> Rich:
    text = shown(item.text, reader.lang, limit=LINE)
    if item.severity.upper() in ("ERROR", "FATAL", "CRITICAL", "WARN", "WARNING"):
        return (Span(f"{item.severity} ", Style.QUIET), *text)
    return text
