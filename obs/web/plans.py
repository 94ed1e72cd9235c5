"""The steps of a plan as the page shows them: what, how long, and what each touches."""

from __future__ import annotations

import re

from obs.snapshot import Category, Issue, Snapshot
from obs.web.model import Rich, Span, Step, Style
from obs.web.reader import Reader
from obs.web.words import tidy

__all__ = ["first_step", "minutes", "step_text", "steps", "todo"]

_GATE = re.compile(r"\[(\w+)\] (.*)", re.S)
_QUESTION = re.compile(
    r"(Does|Is|Are|Did|Do|Was|Were|Which|Who|Why|How|Where|What|When|Has|Have)\b.*\?", re.S
)
_VERB = re.compile(r"(Compare|Copy|Look|Read|Count|Nothing|If|Wait|Ask|Try|Run|Check|Find|Watch)\b")
_FIRST = re.compile(r"(.+?)\.?(?:(?<=[.?]) .*|$)", re.S)
"""A text's first sentence, its full stop left out."""
_SENTENCE = re.compile(r"((?:`[^`]*`|[^`])+?[.?:])(?= )", re.S)
_TICKED = re.compile(r"`([^`]+)`")
_COMMAND = re.compile(
    r"(obs|git|docker|systemctl|journalctl|du|df|ls|ps|top|kill|pip|python3?|curl|ping|dig|chronyc|timedatectl"
    r"|sqlite3|ulimit|nslookup|openssl|freqtrade|grep|tail|free|lsof|ss|ip|npm|uv|py-spy)\b"
)
_TOUCHES = {"ask": "person", "restart": "restart", "code": "code", "config": "config"}
_MARKETS = (Category.TRADING, Category.EXCHANGE)
_MONEY = re.compile(r"\b(position|positions|stop|stops|close|sell|buy|order|orders|funds|hedge)\b")
_OPERATOR = re.compile(r"^(?:Operator|운영자): (\w)")


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


def steps(issue: Issue, snapshot: Snapshot, reader: Reader) -> tuple[Step, ...]:
    """Return the whole plan, safest first, each step with what it touches.

    A step that restarts a bot says whether that is safe now: what is open decides it, not the step.
    """
    return tuple(_step(text, issue, snapshot.restart, reader) for text in issue.actions)


def _step(text: str, issue: Issue, restart: str, reader: Reader) -> Step:
    found = _GATE.fullmatch(text)
    kind = found[1] if found else ""
    touches = _TOUCHES.get(kind, "")
    if kind == "ask" and issue.category in _MARKETS and _MONEY.search(text):
        touches = "money"
    said = _spans(step_text(text, reader))
    if touches == "restart" and restart:
        safe = reader.say("plan.restart", verdict=reader.prose(restart).replace("**", ""))
        said = (*said, Span(f" {safe}", Style.QUIET))
    return Step(
        text=said,
        gate=reader.say(f"gate.{touches}") if touches else "",
        is_grave=touches == "money",
        command=next((code for code in _TICKED.findall(text) if _COMMAND.match(code)), ""),
    )


def _spans(text: str) -> Rich:
    """A step as runs: its first sentence strong, what stands in backticks as code."""
    first = _SENTENCE.match(text)
    head = first[1] if first else text
    out: list[Span] = []
    for part, style in ((head, Style.STRONG), (text[len(head) :], Style.PLAIN)):
        for place, piece in enumerate(part.split("`")):
            out.append(Span(piece, Style.CODE if place % 2 else style))
    return tidy(out)


def first_step(issue: Issue, reader: Reader) -> str:
    """Return the first step in short, without its reason and full stop; empty when there is no plan."""
    if not issue.actions:
        return ""
    return _FIRST.match(step_text(issue.actions[0], reader))[1]  # type: ignore[index]


def step_text(step: str, reader: Reader) -> str:
    """Return a step as a sentence that begins with what to do; its gate is told elsewhere."""
    found = _GATE.fullmatch(step)
    gate, text = (found[1], found[2]) if found else ("", step)
    # The reader is the operator: nobody need be called.
    told = _OPERATOR.sub(lambda one: one[1].upper(), reader.prose(text))
    if gate != "read" or _QUESTION.match(text) or _VERB.match(text):
        return told
    # Steps of looking name what to look at.
    is_name = text[:2].isupper() or (len(text) > 1 and not text[1].islower())
    what = told if is_name or reader.lang != "en" else told[:1].lower() + told[1:]
    return reader.say("plan.look", what=what)


def minutes(count: int, reader: Reader) -> str:
    """Return how long it takes a person; empty when nobody said."""
    return reader.length(count * 60_000_000_000) if count else ""
