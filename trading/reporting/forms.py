"""A page as Markdown, and as one HTML file that needs nothing else: no script, no font, no picture beside it.

Foreign text (names, reasons, errors) stays text in both: signs are escaped, addresses do not become links,
characters that nobody sees are shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from trading.drawing import seen
from trading.reporting.page import Block, Page

__all__ = ["html", "markdown"]

_FOLDER = Path(__file__).with_name("templates")
_MARKS = re.compile(r"([\\`*_\[\]<>|#$@]|&(?=#|\w+;)|~(?=\S)|(?<=\S)~)")
_LINKS = re.compile(r"(?i)(://|\bwww\.)")


def markdown(page: Page, files: Mapping[str, str] | None = None) -> str:
    """Return a page as Markdown (GitHub's tables).

    Args:
        page: What to write.
        files: Name of a picture to its file beside the report; pictures without a file are left out.
    """
    text = _templates("md").get_template("page.md.j2").render(page=page, files=files or {})
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def html(page: Page) -> str:
    """Return a page as HTML that stands alone."""
    style = Markup((_FOLDER / "page.css").read_text(encoding="utf-8").strip())
    return _templates("html").get_template("page.html.j2").render(page=page, style=style) + "\n"


@cache
def _templates(form: Literal["md", "html"]) -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=form == "html",
        undefined=jinja2.StrictUndefined,
        finalize=_escaped if form == "md" else _seen,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(kind=_kind, drawing=Markup, address=lambda name: Markup(quote(name)), marks=Markup)
    return made


def _kind(block: Block) -> str:
    return type(block).__name__


def _escaped(value: object) -> object:
    """Escape what a template inserts into Markdown, unless it is marked as ours."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    flat = " ".join(seen(value).split())
    return _LINKS.sub(_broken, _MARKS.sub(r"\\\1", flat))


def _broken(found: re.Match[str]) -> str:
    # Bare addresses become links in GitHub's Markdown; an escape in the middle prevents it.
    return found[0].replace(":", "\\:").replace(".", "\\.")


def _seen(value: object) -> object:
    return seen(value) if isinstance(value, str) and not isinstance(value, Markup) else value
