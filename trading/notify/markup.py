"""Marked text: the little language that messages are written in, and how each kind of channel shows it.

`*bold*` and `` `code` `` within one line; a backslash makes the next character plain; everything else is
itself. A marker without its partner in the same line is itself too. Foreign text (names, reasons, errors)
goes through `escape` before it enters a message, so it can neither style nor address anybody.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from typing import Literal, NamedTuple

__all__ = [
    "Span",
    "escape",
    "is_heading",
    "marked",
    "spans",
    "to_html",
    "to_plain",
    "to_slack",
    "to_telegram",
]

Style = Literal["", "bold", "code"]


class Span(NamedTuple):
    """A stretch of one line in one style; its text is plain."""

    text: str
    style: Style


_BACKSLASHED = r"\\\1"
_OWN = re.compile(r"([\\*`])")
_MARKS = {"*": "bold", "`": "code"}
_TELEGRAM = re.compile(r"([_*\[\]()~`>#+\-=|{}.!\\])")
_TELEGRAM_CODE = re.compile(r"([`\\])")
_SLACK_MARK = re.compile(r"([*_~`])")
_ZERO_WIDTH = "\u200b"


def escape(text: object) -> str:
    """Return foreign text as one line of marked text that shows exactly it.

    Line breaks become spaces; control characters, and those that turn the direction of writing, are dropped;
    half a surrogate pair becomes U+FFFD.
    """
    return _escaped("".join(map(_shown, str(text))))


def spans(line: str) -> list[Span]:
    """Return the styled stretches of one line of marked text; neighbours differ in style, none is empty."""
    found: list[Span] = []
    for span in _scanned(line):
        if found and found[-1].style == span.style:
            found[-1] = Span(found[-1].text + span.text, span.style)
        elif span.text:
            found.append(span)
    return found


def marked(stretches: list[Span]) -> str:
    """Return the line of marked text that `spans` reads as these stretches."""
    mark = {"": "", "bold": "*", "code": "`"}
    return "".join(f"{mark[style]}{_escaped(text)}{mark[style]}" for text, style in stretches)


def is_heading(block: str) -> bool:
    """Whether a block is one bold line: it introduces what follows."""
    found = spans(block) if "\n" not in block else []
    return len(found) == 1 and found[0].style == "bold"


def to_plain(text: str) -> str:
    """Return marked text without its marks."""
    return "\n".join("".join(span.text for span in spans(line)) for line in text.split("\n"))


def to_telegram(text: str) -> str:
    """Return marked text in Telegram's MarkdownV2.

    Source: core.telegram.org/bots/api#markdownv2-style: outside of code each of ``_*[]()~`>#+-=|{}.!`` and
    the backslash is escaped, inside only backtick and backslash.
    """
    return "\n".join("".join(map(_telegram, spans(line))) for line in text.split("\n"))


def to_slack(text: str) -> str:
    """Return marked text in Slack's mrkdwn.

    Slack knows no escape for its marks: a character of no width before each keeps it from styling anything.
    `&`, `<` and `>` become entities, so no text can address a person or a channel.
    """
    return "\n".join("".join(map(_slack, spans(line))) for line in text.split("\n"))


def to_html(text: str) -> str:
    """Return marked text as HTML for an e-mail: a paragraph for each block, indents kept."""
    blocks = ("<br>\n".join(map(_html_line, block.split("\n"))) for block in text.split("\n\n"))
    return "\n".join(f"<p>{block}</p>" for block in blocks)


def _scanned(line: str) -> Iterator[Span]:
    place, plain = 0, ""
    while place < len(line):
        letter = line[place]
        if letter == "\\" and place + 1 < len(line):
            plain += line[place + 1]
            place += 2
        elif letter in _MARKS and (end := _partner(line, place)) is not None:
            yield Span(plain, "")
            plain = ""
            yield Span(re.sub(r"\\(.)", r"\1", line[place + 1 : end]), _MARKS[letter])  # type: ignore[arg-type]
            place = end + 1
        else:
            plain += letter
            place += 1
    yield Span(plain, "")


def _partner(line: str, start: int) -> int | None:
    place = start + 1
    if line[place : place + 1] == line[start]:
        return None
    while place < len(line):
        if line[place] == "\\":
            place += 2
        elif line[place] == line[start]:
            return place
        else:
            place += 1
    return None


def _escaped(text: str) -> str:
    return _OWN.sub(_BACKSLASHED, text)


def _shown(letter: str) -> str:
    kind = unicodedata.category(letter)
    if letter.isspace():
        return " "
    if kind == "Cs":
        return "\ufffd"
    # A joiner (Cf) may belong to an emoji or a script; marks of direction could make a figure read backwards.
    turns = letter in "\u200e\u200f\u061c" or "\u202a" <= letter <= "\u202e" or "\u2066" <= letter <= "\u2069"
    return "" if kind == "Cc" or turns else letter


def _telegram(span: Span) -> str:
    if span.style == "code":
        return "`" + _TELEGRAM_CODE.sub(_BACKSLASHED, span.text) + "`"
    text = _TELEGRAM.sub(_BACKSLASHED, span.text)
    return f"*{text}*" if span.style == "bold" else text


def _slack(span: Span) -> str:
    text = html.escape(span.text, quote=False)
    if span.style == "code":
        # A backtick within code would end it; the prime looks alike.
        return f"`{text.replace('`', '′')}`"
    text = _SLACK_MARK.sub(rf"{_ZERO_WIDTH}\1", text)
    if span.style != "bold" or not (core := text.strip()):
        return text
    # A mark beside a space is none, so spaces stand outside.
    start, _, end = text.partition(core)
    return f"{start}*{core}*{end}"


def _html_line(line: str) -> str:
    indent = len(line) - len(line.lstrip(" "))
    # Not <code>: what makes the plain twin of an e-mail takes that for a block of its own.
    tags = {"": "{}", "bold": "<b>{}</b>", "code": "<samp>{}</samp>"}
    words = "".join(tags[style].replace("{}", html.escape(text)) for text, style in spans(line[indent:]))
    return "&nbsp;" * indent + words
