"""Snapshot -> one page of Markdown that fits a prompt.

Facts leave in a fixed order when the budget shrinks, and what was left out is said. Templates are
in `briefings/`; each gets exactly the fields of `obs.page.pages.Page`, and a user's folder overrides by name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import msgspec
from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    FileSystemLoader,
    FunctionLoader,
    StrictUndefined,
    TemplateNotFound,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

from obs.definitions import definitions
from obs.page.pages import Detail, is_well, page
from obs.page.papers import PAPERS
from obs.page.phrasebook import LANGUAGES, translated
from obs.snapshot import Snapshot

__all__ = ["LADDER", "render", "tokens"]

_LESS: tuple[dict[str, int | bool], ...] = (
    {"issues": 30, "evidence": 10, "side_evidence": 5, "quote": 700},
    {"issues": 20, "evidence": 8, "side_evidence": 3, "quote": 420},
    {"issues": 12, "evidence": 7, "side_evidence": 2, "quote": 320},
    {"health": False},
    # Evidence of side faults and of what is past goes first; its line with id and count stays.
    {"issues": 10, "evidence": 6, "side_evidence": 1, "quote": 280},
    {"side_evidence": 0, "evidence": 5, "steps": 6},
    {"evidence": 4, "quote": 240},
    {"evidence": 3, "issues": 8},
    {"evidence": 2, "quote": 200},
    # Mechanisms, effects and symptoms.
    {"prose": False, "effects": 4},
    {"effects": 3, "line": 300},
    # How signals went is worth less than why a step is to be taken.
    {"funnel": False},
    # Steps in the code, reasons of steps.
    {"code_steps": False, "steps": 5},
    {"reasons": False, "line": 240},
    # Headings and the details of the sources.
    {"headings": False, "sources": False, "unknown": 4, "money": 400},
    {"quote": 160, "issues": 6, "unknown": 3},
    {"issues": 5, "money": 260, "effects": 2},
    # What is past, then issues from the bottom.
    {"resolved": False, "issues": 4},
    {"issues": 3, "steps": 4},
    {"cause": False, "money": 200, "unknown": 2},
    {"quote": 130, "evidence": 1, "line": 180},
    {"issues": 2, "unknown": 1},
    {"effects": 1, "steps": 3, "money": 160},
    {"issues": 1, "line": 140},
    {"quote": 90, "steps": 2},
    {"unknown": 0, "money": 120, "line": 110},
    {"effects": 0, "quote": 60, "steps": 1},
    {"evidence": 0, "quote": 40},
    {"issues": 0, "line": 80, "money": 90},
    {"line": 60, "money": 60},
    {"line": 40, "money": 40},
)
"""What goes first when the budget shrinks, step by step."""


_CALM = Detail(
    issues=4, evidence=1, quote=90, side_evidence=0, headings=False, sources=False, health=False, prose=False,
    funnel=False, money=300, line=320, unknown=4,
)  # fmt: skip
_CALM_LESS: tuple[dict[str, int | bool], ...] = (
    {"unknown": 2},
    {"issues": 3, "line": 260},
    {"issues": 2, "unknown": 1, "line": 200},
    {"issues": 3, "evidence": 0, "line": 260},
    {"money": 210},
    {"issues": 2, "line": 220},
    {"issues": 1, "line": 180, "money": 160},
    {"unknown": 0, "line": 140, "money": 120},
    {"line": 80, "money": 80},
    {"line": 40, "money": 40},
)
"""The same for a page without trouble, which is short at any budget."""


def _rungs(detail: Detail, steps: Iterable[dict[str, int | bool]]) -> Iterator[Detail]:
    yield detail
    for less in steps:
        detail = msgspec.structs.replace(detail, **less)
        yield detail


WELL_TOKENS = {"en": 245, "ko": 400}
"""Most tokens of a page without trouble, in a language that takes one for each character more."""

LADDER = tuple(_rungs(Detail(), _LESS))
"""From rich to poor: a page is the first that fits its budget."""
CALM_LADDER = tuple(_rungs(_CALM, _CALM_LESS))


def render(
    snapshot: Snapshot,
    *,
    budget: int = 2000,
    since: Snapshot | int | None = None,
    lang: str = "en",
    templates: Path | None = None,
    template: str = "status",
    issue: str = "",
) -> str:
    """Return the briefing.

    Args:
        snapshot: What to tell.
        budget: Most tokens of the page (ASCII characters / 4 + other characters).
        since: An earlier Snapshot or Unix ns: tell what changed since then as well.
        lang: `en` or `ko`.
        templates: A folder whose files replace ours of the same name.
        template: `status`, `incident`, `handover`, `digest`, or one of the user's own; without `.md.j2`.
        issue: Which issue an incident is about, by id; the first when empty.

    Raises:
        ValueError: If `lang`, `template` or `issue` is unknown or `budget` is not positive.
    """
    if lang not in LANGUAGES:
        raise ValueError(f"lang = {lang!r} is unknown: use one of {', '.join(LANGUAGES)}")
    if budget <= 0:
        raise ValueError(f"budget = {budget} tokens is too small: use 300 or more")
    ladder = LADDER
    if is_well(snapshot) and since is None and template == "status":
        # A page without trouble is short: the budget is a ceiling, not a wish.
        budget, ladder = min(budget, WELL_TOKENS[lang]), CALM_LADDER
    snapshot = translated(snapshot, lang, templates)
    try:
        source = _environment(templates).get_template(f"{template}.md.j2")
    except TemplateNotFound:
        ours = ", ".join(("status", *PAPERS))
        raise ValueError(
            f"template = {template!r} is unknown: use {ours}, or one of your own folder"
        ) from None
    text = ""
    for detail in ladder:
        context: msgspec.Struct
        if template in PAPERS:
            context = PAPERS[template](snapshot, detail, issue=issue, lang=lang)
        else:
            context = page(snapshot, detail, since=since, lang=lang)
        text = source.render({name: getattr(context, name) for name in context.__struct_fields__})
        text = _tidy(text)
        if tokens(text) <= budget:
            return text
    return _forced(text, budget)


def tokens(text: str) -> int:
    """Return an estimate of the tokens: ASCII characters / 4 and one for each other character."""
    others = sum(1 for character in text if ord(character) > 127)
    return math.ceil((len(text) - others) / 4) + others


def _forced(text: str, budget: int) -> str:
    """The poorest page, lines left out from below but for the ledger, then cut: a budget is a promise."""
    lines = [line for line in text.splitlines() if line]
    while len(lines) > 3 and tokens("\n".join(lines)) + 1 > budget:
        del lines[-2]
    text = "\n".join(lines) + "\n"
    while tokens(text) > budget:
        text = text[: int(len(text) * 0.9)].rstrip() + "\n"
    return text


def _tidy(text: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


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
