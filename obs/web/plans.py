"""The steps of a plan as the page shows them: what, how long, and what each touches."""

from __future__ import annotations

import re

from obs.snapshot import Issue
from obs.web.reader import Reader

__all__ = ["first_step", "minutes", "step_text", "todo"]

_GATE = re.compile(r"\[(\w+)\] (.*)", re.S)
_QUESTION = re.compile(
    r"(Does|Is|Are|Did|Do|Was|Were|Which|Who|Why|How|Where|What|When|Has|Have)\b.*\?", re.S
)
_VERB = re.compile(r"(Compare|Copy|Look|Read|Count|Nothing|If|Wait|Ask|Try|Run|Check|Find|Watch)\b")
_FIRST = re.compile(r"(.+?)\.?(?:(?<=[.?]) .*|$)", re.S)
"""A text's first sentence, its full stop left out."""
_OPERATOR = re.compile(r"Operator: (\w)")


def todo(issue: Issue, reader: Reader) -> str:
    """Return the first step and how long the plan is: what stands after the arrow of a row."""
    step = first_step(issue, reader)
    if not step:
        return ""
    if len(issue.actions) < 2:
        return step
    return reader.say(
        "plan.short", step=step, n=len(issue.actions), minutes=minutes(issue.expected_minutes, reader)
    )


def first_step(issue: Issue, reader: Reader) -> str:
    """Return the first step in short, without its reason and full stop; empty when there is no plan."""
    if not issue.actions:
        return ""
    return _FIRST.match(step_text(issue.actions[0], reader))[1]  # type: ignore[index]


def step_text(step: str, reader: Reader) -> str:
    """Return a step as a sentence that begins with what to do; its gate is told elsewhere."""
    found = _GATE.fullmatch(step)
    gate, text = (found[1], found[2]) if found else ("", step)
    text = _OPERATOR.sub(lambda one: one[1].upper(), text)
    told = reader.prose(text)
    if gate != "read" or _QUESTION.match(text) or _VERB.match(text):
        return told
    # Steps of looking name what to look at.
    is_name = text[:2].isupper() or (len(text) > 1 and not text[1].islower())
    what = told if is_name or reader.lang != "en" else told[:1].lower() + told[1:]
    return reader.say("plan.look", what=what)


def minutes(count: int, reader: Reader) -> str:
    """Return how long it takes a person; empty when nobody said."""
    return reader.length(count * 60_000_000_000) if count else ""
