"""Short ways to write the sentences and times of a drawn day."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from obs.web.model import Rich, Span, Style

__all__ = ["ZONE", "ago", "at", "clock", "code", "foreign", "plain", "quiet", "strong", "until"]

ZONE = timezone(timedelta(hours=9))


def at(text: str, day: str = "2026-11-12") -> int:
    """Return `11:26:04` of the drawn day in Korea as Unix ms."""
    return int(datetime.fromisoformat(f"{day}T{text}").replace(tzinfo=ZONE).timestamp() * 1_000)


def plain(text: str) -> Span:
    return Span(text)


def strong(text: str) -> Span:
    return Span(text, Style.STRONG)


def quiet(text: str) -> Span:
    return Span(text, Style.QUIET)


def code(text: str) -> Span:
    return Span(text, Style.CODE)


def foreign(text: str) -> Span:
    return Span(text, Style.FOREIGN)


def ago(moment: int, style: Style = Style.PLAIN) -> Span:
    return Span(style=style, since=moment)


def until(moment: int, style: Style = Style.PLAIN) -> Span:
    return Span(style=style, until=moment)


def clock(moment: int, style: Style = Style.PLAIN) -> Span:
    return Span(style=style, clock=moment)


def only(text: str) -> Rich:
    """A sentence of one plain run."""
    return (Span(text),)
