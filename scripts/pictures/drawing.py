"""SVG in the colours of Grafana's dark theme: text, boxes, lines; text is cut to the room it has."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

__all__ = ["COLORS", "LINES", "box", "cut", "line", "text", "width_of"]

COLORS = {
    "canvas": "#111217",
    "panel": "#181b1f",
    "border": "#2c2f36",
    "grid": "#26292f",
    "text": "#ccccdc",
    "dim": "#8e8e99",
    "link": "#6e9fff",
    "green": "#56a64b",
    "yellow": "#e0b400",
    "orange": "#ff780a",
    "red": "#e02f44",
    "blue": "#3274d9",
    "purple": "#a352cc",
}
LINES = (
    *("#73bf69", "#f2cc0c", "#5794f2", "#ff9830", "#f2495c", "#b877d9"),
    *("#37872d", "#e0b400", "#1f60c4", "#fa6400", "#c4162a", "#8f3bb8"),
)
"""Colours of lines, in the order in which names come."""


def text(
    x: float,
    y: float,
    words: str,
    *,
    size: float = 12,
    color: str = "text",
    anchor: str = "start",
    weight: int = 400,
    room: float | None = None,
) -> str:
    """Return a line of text, cut to `room` pixels."""
    shown = cut(words, room, size) if room is not None else words
    more = f' font-weight="{weight}"' if weight != 400 else ""
    more += f' text-anchor="{anchor}"' if anchor != "start" else ""
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size:.3g}"'
    return f'<text {place} fill="{COLORS.get(color, color)}"{more}>{escape(shown)}</text>'


def box(x: float, y: float, w: float, h: float, color: str, *, stroke: str = "", radius: float = 0) -> str:
    """Return a filled box."""
    more = f' stroke="{COLORS.get(stroke, stroke)}"' if stroke else ""
    more += f' rx="{radius:g}"' if radius else ""
    place = f'x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}"'
    return f'<rect {place} fill="{COLORS.get(color, color)}"{more}/>'


def line(points: Sequence[tuple[float, float]], color: str, *, width: float = 1, dash: str = "") -> str:
    """Return a line through points."""
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    pen = f'stroke="{COLORS.get(color, color)}" stroke-width="{width:g}"{dashed}'
    return f'<polyline points="{places}" fill="none" {pen}/>'


def cut(words: str, room: float, size: float) -> str:
    """Return as much of a text as `room` pixels hold."""
    if width_of(words, size) <= room:
        return words
    while words and width_of(f"{words}…", size) > room:
        words = words[:-1]
    return f"{words.rstrip()}…"


def width_of(words: str, size: float) -> float:
    """Return about how wide a text is, in pixels: no font is asked."""
    return (
        sum(
            0.34 if one in "iljtf.,:;|'()[] " else 0.72 if one.isupper() or one in "mw%" else 0.58
            for one in words
        )
        * size
    )
