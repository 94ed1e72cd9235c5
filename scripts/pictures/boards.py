"""A whole dashboard in Grafana's grid, and all of them into the docs."""

from __future__ import annotations

import time
import urllib.request
from html import escape
from pathlib import Path
from typing import Any

from scripts.pictures import panels
from scripts.pictures.asking import Line, Span, lines_of, marks_of, rows_of
from scripts.pictures.drawing import box, text, width_of
from scripts.pictures.panels import Box
from tests.grafana.boards import boards
from tests.grafana.stack import Stack

__all__ = ["draw"]

IMAGES = Path(__file__).parents[2] / "docs" / "images"
WIDE, CELL, GAP, MARGIN, HEAD = 1_440, 30, 8, 16, 84
NOTE = (
    "Drawn by obs from what a real Prometheus answered while the demo's bots ran, in Grafana's grid. "
    "Not a picture of Grafana."
)


def draw(stack: Stack, start: float) -> None:
    """Draw each dashboard as Prometheus answers for the time since `start`, Unix seconds."""
    span = Span(start, time.time())
    for name, board in boards().items():
        (IMAGES / f"{name}.svg").write_text(_whole(stack, board, span), encoding="utf-8")


def _whole(stack: Stack, board: dict[str, Any], span: Span) -> str:
    bottom = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board["panels"])
    height = HEAD + bottom * (CELL + GAP) + 30
    marks = marks_of(stack, board, span)
    title = escape(f"{board['title']}: {NOTE}")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {height}" role="img" '
        f'font-family="Inter, Helvetica, Arial, sans-serif"><title>{title}</title>',
        box(0, 0, WIDE, height, "canvas"),
        *_head(board),
    ]
    for panel in board["panels"]:
        place = _place(panel["gridPos"])
        if panel["type"] == "row":
            parts.append(text(place.x + 4, place.y + 20, f"⌄  {panel['title']}", size=14, weight=600))
        else:
            parts.append(panels.frame(place, panel["title"]) + _filled(stack, panel, place, span, marks))
    parts.append(text(MARGIN, height - 12, NOTE, color="dim"))
    return "\n".join(parts) + "</svg>\n"


def _head(board: dict[str, Any]) -> list[str]:
    parts = [text(MARGIN, 28, board["title"], size=18, weight=600)]
    parts.append(text(WIDE - MARGIN, 28, "obs dashboards · Live page", color="link", anchor="end"))
    x = float(MARGIN)
    for one in board["templating"]["list"]:
        if one.get("hide") == 2:
            continue
        value = one.get("current", {}).get("text", "Prometheus")
        name = width_of(one["label"], 12) + 20
        parts += [box(x, 44, name, 28, "#22252b", radius=2), text(x + 10, 63, one["label"])]
        parts += [
            box(x + name, 44, 92, 28, "canvas", stroke="border", radius=2),
            text(x + name + 10, 63, value, room=80),
        ]
        x += name + 104
    return parts


def _place(grid: dict[str, int]) -> Box:
    column = (WIDE - 2 * MARGIN + GAP) / 24
    return Box(
        round(MARGIN + grid["x"] * column, 1),
        HEAD + grid["y"] * (CELL + GAP),
        round(grid["w"] * column - GAP, 1),
        grid["h"] * (CELL + GAP) - GAP,
    )


def _filled(
    stack: Stack, panel: dict[str, Any], place: Box, span: Span, marks: list[tuple[float, str]]
) -> str:
    if panel["type"] == "text":
        return panels.page(place, _briefing(stack))
    if panel["type"] == "table":
        return panels.rows(place, panel, rows_of(stack, panel))
    found: list[Line] = lines_of(stack, panel, span)
    if panel["type"] == "stat":
        # An instant question: what has ended is not shown.
        return panels.number(place, panel, [one for one in found if one.points[-1][0] > span.end - 2])
    if panel["type"] == "state-timeline":
        return panels.bands(place, panel, found, span)
    return panels.graph(place, panel, found, span, marks)


def _briefing(stack: Stack) -> str:
    with urllib.request.urlopen(
        f"http://127.0.0.1:{stack.obs}/api/briefing?budget=1000", timeout=10
    ) as answer:
        told: str = answer.read().decode()
    return told
