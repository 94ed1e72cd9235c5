"""What one record is found to be: the issues it belongs to, the line that shows it, the place in the code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from obs import fingerprints, rules
from obs.alerts import folding as alerts
from obs.events import Event, Severity
from obs.logs.tracebacks import Frame
from obs.patterns import form
from obs.snapshot import Category

__all__ = ["Finding", "by_alert", "by_rule", "is_trouble", "telling", "without_rule"]


class Finding(msgspec.Struct, frozen=True):
    """What was found in a record: the line, and for the bot's own code the place."""

    offset: int
    line: str
    span: tuple[int, int] = (0, 0)
    values: Mapping[str, str] = {}
    context: tuple[tuple[int, str], ...] = ()


def telling(matches: Sequence[rules.Match]) -> list[rules.Match]:
    """The matches that say something of their own: a loose wording of a line that is named adds nothing."""
    return [
        match
        for match in matches
        if match is matches[0] or match.rule.role != "symptom" or match.offset != matches[0].offset
    ]


def by_rule(match: rules.Match, event: Event, frame: Frame | None) -> tuple[fingerprints.Group, Finding]:
    """The issue a rule names; the place in the bot's own code is shown with it, where a traceback tells."""
    values = dict(match.values)
    kind = form(match.line) if match.rule.per_form else ""
    if frame is None:
        group = fingerprints.by_rule(match.rule.id, values, kind)
        return group, Finding(match.offset, match.line, match.span, values)
    place = f"{frame.file}:{frame.function}" if match.rule.category is Category.CODE else kind
    group = fingerprints.by_rule(match.rule.id, values, place)
    return group, Finding(
        match.offset, match.line, match.span, {**values, **_place(frame)}, _frame_lines(event, frame)
    )


def by_alert(event: Event) -> Iterable[tuple[fingerprints.Group, Finding]]:
    """The issue of an alert that came from outside, while it fires."""
    found = alerts.fired(event)
    return [(found[0], Finding(0, event.body, values=found[1]))] if found is not None else []


def without_rule(event: Event, frame: Frame | None) -> Finding:
    """The record itself, and its first cause when it prints one."""
    place = _place(frame) if frame is not None else {}
    context = _frame_lines(event, frame) if frame is not None else ()
    blocks = fingerprints.unwrapped(event)
    wanted = f"{blocks[0].type}: {blocks[0].message}".split("\n", 1)[0].rstrip(": ") if blocks else ""
    for offset, line in event.lines():
        if wanted and wanted in line:
            return Finding(offset, line, values=place, context=context)
    return Finding(0, event.body, values=place, context=context)


def _place(frame: Frame) -> dict[str, str]:
    return {"code_file": frame.file, "code_line": str(frame.line), "code_function": frame.function}


def _frame_lines(event: Event, frame: Frame) -> tuple[tuple[int, str], ...]:
    """The two lines of the traceback that name the place and show its source."""
    wanted = f'"{frame.file}", line {frame.line}', f"{frame.file}:{frame.line}"
    lines = list(event.lines())
    for index, (_, line) in enumerate(lines):
        if wanted[0] in line or wanted[1] in line:
            return tuple(lines[index : index + (2 if frame.source else 1)])
    return ()


def is_trouble(event: Event) -> bool:
    if event.event_name:
        return False
    return event.severity >= Severity.ERROR or (
        event.exception is not None and (event.severity >= Severity.WARN or event.severity == 0)
    )
