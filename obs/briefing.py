"""Snapshot -> one page of Markdown that fits a prompt.

Facts leave in a fixed order when the budget shrinks, and what was left out is said. Templates are
in `briefings/`; each gets exactly the fields of `obs.pages.Page`, and a user's folder overrides by name.
"""

from __future__ import annotations

import math
import re
from functools import cache
from pathlib import Path

from jinja2 import BaseLoader, ChoiceLoader, FileSystemLoader, FunctionLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from obs.definitions import definitions
from obs.pages import Detail, Page, page
from obs.snapshot import Snapshot

__all__ = ["LADDER", "render", "tokens"]

LANGUAGES = ("en", "ko")

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
    Detail(3, 1, 0, 150, False, False, 3, terse=True),
    Detail(2, 1, 0, 140, False, False, 2, terse=True),
    Detail(1, 1, 0, 110, False, False, 2, terse=True),
    Detail(1, 1, 0, 60, False, False, 1, terse=True),
    Detail(0, 1, 0, 80, False, False, 1, terse=True),
    Detail(1, 0, 0, 40, False, False, 1, terse=True),
    Detail(0, 0, 0, 40, False, False, 1, terse=True),
)


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
