"""One panel of each kind, drawn from its answer into a box of its size."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from scripts.pictures.asking import Line, Span
from scripts.pictures.drawing import COLORS, LINES, box, cut, line, text, width_of
from scripts.pictures.units import ticks, told

__all__ = ["Box", "bands", "frame", "graph", "number", "page", "rows"]

NOTHING = "no series in this run"
TOP, FOOT = 34, 24
GAP_SECONDS = 2.5


class Box(NamedTuple):
    """Where a panel stands, in pixels."""

    x: float
    y: float
    w: float
    h: float


def frame(place: Box, title: str) -> str:
    """Return the box and the heading of a panel."""
    return box(*place, "panel", stroke="border", radius=2) + text(
        place.x + 10, place.y + 21, title, size=13, weight=500, room=place.w - 20
    )


def graph(
    place: Box, panel: dict[str, Any], found: Sequence[Line], span: Span, marks: Sequence[tuple[float, str]]
) -> str:
    """Return lines over time, with limits and marks."""
    if not found:
        return _nothing(place)
    defaults = panel["fieldConfig"]["defaults"]
    is_stacked = defaults["custom"].get("stacking", {}).get("mode") == "normal"
    lines = _stacked(found) if is_stacked else [list(one.points) for one in found]
    low, high = _reach([value for points in lines for _, value in points], defaults["custom"])
    inner = Box(place.x + 62, place.y + TOP, place.w - 74, place.h - TOP - FOOT - 22)

    def at(when: float, value: float) -> tuple[float, float]:
        return (
            inner.x + inner.w * (when - span.start) / (span.end - span.start),
            inner.y + inner.h * (high - value) / (high - low),
        )

    parts = [*_grid(inner, low, high, span, defaults["unit"], at), *_limits(defaults, inner, low, high, at)]
    parts += [line([at(when, low), at(when, high)], color, dash="4 3") for when, color in marks]
    order = range(len(lines))
    for number in reversed(order) if is_stacked else order:
        color = LINES[number % len(LINES)]
        points = [at(when, value) for when, value in lines[number]]
        if is_stacked:
            foot = at(span.start, max(low, 0.0))[1]
            area = " ".join(
                f"{x:.1f},{y:.1f}" for x, y in [(points[0][0], foot), *points, (points[-1][0], foot)]
            )
            parts.append(f'<polygon points="{area}" fill="{color}" fill-opacity="0.3"/>')
        for part in _unbroken(lines[number]):
            places = [at(when, value) for when, value in part]
            x, y = places[0]
            parts.append(
                line(places, color, width=1.4) if len(places) > 1 else box(x - 2, y - 2, 4, 4, color)
            )
    return "".join(parts) + _legend(place, [(one.name, one.points[-1][1]) for one in found], defaults["unit"])


def number(place: Box, panel: dict[str, Any], found: Sequence[Line]) -> str:
    """Return the newest numbers in large letters, coloured by their limits."""
    defaults = panel["fieldConfig"]["defaults"]
    if not found:
        return text(
            place.x + place.w / 2, place.y + place.h / 2 + 14, "none", size=26, anchor="middle", color="green"
        )
    parts, width = [], (place.w - 16) / len(found)
    middle = place.y + (TOP + place.h) / 2
    for at, one in enumerate(found):
        word, color = _said(defaults, one.points[-1][1])
        name = one.name
        if panel["options"]["textMode"] == "name":
            word, name = name, ""
        x = place.x + 8 + at * width
        if panel["options"]["colorMode"] == "background":
            parts.append(box(x, place.y + TOP - 4, width - 4, place.h - TOP - 4, color, radius=2))
        size = min(28.0, 0.9 * width / max(1.0, width_of(word, 1)))
        y = middle + (2 if name else 10)
        parts.append(text(x + width / 2, y, word, size=size, anchor="middle", weight=600, color="#fff"))
        if name:
            parts.append(
                text(x + width / 2, middle + 24, cut(name, width, 12), anchor="middle", color="#fff")
            )
    return "".join(parts)


def bands(place: Box, panel: dict[str, Any], found: Sequence[Line], span: Span) -> str:
    """Return a band for each name, coloured by what its value means."""
    if not found:
        return _nothing(place)
    defaults = panel["fieldConfig"]["defaults"]
    inner = Box(place.x + 150, place.y + TOP, place.w - 160, place.h - TOP - FOOT)
    tall = min(24.0, inner.h / len(found))
    parts = []
    for at, one in enumerate(found):
        y = inner.y + at * tall
        parts.append(
            text(
                inner.x - 6,
                y + tall * 0.65,
                one.name,
                size=min(11, tall * 0.8),
                anchor="end",
                room=140,
                color="dim",
            )
        )
        ends = [when for when, _ in one.points[1:]] + [span.end]
        begun: tuple[float, str] | None = None
        for (when, value), end in zip(one.points, ends, strict=True):
            color = _said(defaults, value)[1]
            if begun is None or begun[1] != color:
                begun = (when, color)
                parts.append("")
            x0, x1 = (
                inner.x + inner.w * (one_end - span.start) / (span.end - span.start)
                for one_end in (begun[0], end)
            )
            parts[-1] = box(x0, y + tall * 0.1, max(1.0, x1 - x0), tall * 0.8, color)
    words = [
        (word["text"], COLORS.get(word["color"], word["color"]))
        for word in defaults["mappings"][0]["options"].values()
    ]
    x = inner.x
    for word, color in words:
        parts += [
            box(x, place.y + place.h - 15, 10, 4, color),
            text(x + 14, place.y + place.h - 9, word, size=11, color="dim"),
        ]
        x += 26 + width_of(word, 11)
    return "".join(parts)


def rows(place: Box, panel: dict[str, Any], found: Sequence[dict[str, Any]]) -> str:
    """Return a table, in the columns that the panel chooses."""
    if not found:
        return _nothing(place)
    columns = [
        (one["matcher"]["options"], {each["id"]: each["value"] for each in one["properties"]})
        for one in panel["fieldConfig"]["overrides"]
    ]
    first = columns[0][0]
    found = sorted(found, key=lambda row: str(row.get(first, "")))
    width, tall = (place.w - 20) / len(columns), 26
    most = int((place.h - TOP - 30) // tall)
    parts = []
    for at, (field, column) in enumerate(columns):
        x = place.x + 10 + at * width
        parts.append(
            text(x, place.y + TOP + 14, column["displayName"], weight=600, color="link", room=width - 8)
        )
        for number, row in enumerate(found[:most]):
            value = row.get(field, "")
            word, color = _said(column, value) if value != "" else ("", "text")
            color = "link" if "links" in column else color if "custom.cellOptions" in column else "text"
            parts.append(text(x, place.y + TOP + 40 + number * tall, word, color=color, room=width - 8))
    for number in range(min(most, len(found))):
        y = place.y + TOP + 22 + number * tall
        parts.insert(0, line([(place.x + 10, y), (place.x + place.w - 10, y)], "grid"))
    if len(found) > most:
        parts.append(
            text(
                place.x + place.w - 10,
                place.y + place.h - 6,
                f"{len(found) - most} more",
                anchor="end",
                color="dim",
                size=11,
            )
        )
    return "".join(parts)


def page(place: Box, words: str) -> str:
    """Return the first lines of a text, as a frame shows them."""
    most = int((place.h - TOP - 10) // 15)
    shown = words.splitlines()[:most]
    parts = [box(place.x + 8, place.y + TOP - 4, place.w - 16, place.h - TOP - 4, "#ffffff")]
    parts += [
        text(place.x + 16, place.y + TOP + 12 + number * 15, one, size=11, color="#222222", room=place.w - 40)
        for number, one in enumerate(shown)
    ]
    return "".join(parts)


def _nothing(place: Box) -> str:
    return text(place.x + place.w / 2, place.y + place.h / 2 + 8, NOTHING, anchor="middle", color="dim")


def _said(defaults: dict[str, Any], value: float | str) -> tuple[str, str]:
    """Return what a value is shown as, and its colour."""
    words = next(iter(defaults.get("mappings", ())), {}).get("options", {})
    known = words.get(value if isinstance(value, str) else f"{value:g}")
    if known is not None:
        return known["text"], known["color"]
    if isinstance(value, str):
        return value, "text"
    color = "text"
    for step in defaults.get("thresholds", {"steps": ()})["steps"]:
        if step["value"] is None or value >= step["value"]:
            color = step["color"]
    return told(value, defaults["unit"]), color


def _unbroken(points: Sequence[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    """Return the parts of a line between which nothing was known."""
    parts: list[list[tuple[float, float]]] = []
    for when, value in points:
        if not parts or when - parts[-1][-1][0] > GAP_SECONDS:
            parts.append([])
        parts[-1].append((when, value))
    return parts


def _stacked(found: Sequence[Line]) -> list[list[tuple[float, float]]]:
    """Return lines that stand on one another; where one has no value it adds nothing."""
    under: dict[float, float] = {}
    lines = []
    for one in found:
        points = []
        for when, value in one.points:
            under[when] = under.get(when, 0.0) + value
            points.append((when, under[when]))
        lines.append(points)
    return lines


def _reach(values: Sequence[float], custom: dict[str, Any]) -> tuple[float, float]:
    """Return the ends of the axis: with 0 where the panel asks for it, and a little room."""
    low, high = min(values), max(values)
    if "axisSoftMin" in custom or custom.get("stacking", {}).get("mode") == "normal":
        low, high = min(low, 0.0), max(high, 0.0)
    if high == low:
        high = low + (abs(low) or 1)
    room = (high - low) * 0.05
    return (low - room if low else 0.0), (high + room if high else 0.0)


def _grid(inner: Box, low: float, high: float, span: Span, unit: str, at: Any) -> list[str]:
    parts = []
    shown = ticks(low, high, 4, unit)
    # As many digits as tell them apart.
    digits = next(
        (many for many in (3, 4, 5) if len({told(one, unit, many) for one in shown}) == len(shown)), 6
    )
    for value in shown:
        _, y = at(span.start, value)
        parts += [line([(inner.x, y), (inner.x + inner.w, y)], "grid")]
        parts += [
            text(inner.x - 6, y + 4, told(value, unit, digits), size=10.5, anchor="end", color="dim", room=58)
        ]
    for part in range(4):
        when = span.start + (span.end - span.start) * (part + 0.5) / 4
        x, _ = at(when, low)
        word = time.strftime("%H:%M:%S", time.gmtime(when))
        parts += [line([(x, inner.y), (x, inner.y + inner.h)], "grid")]
        parts += [text(x, inner.y + inner.h + 14, word, size=10.5, anchor="middle", color="dim")]
    return parts


def _limits(defaults: dict[str, Any], inner: Box, low: float, high: float, at: Any) -> list[str]:
    if defaults["custom"].get("thresholdsStyle", {}).get("mode") != "dashed":
        return []
    steps = [
        step
        for step in defaults["thresholds"]["steps"]
        if step["value"] is not None and low <= step["value"] <= high
    ]
    return [
        line(
            [(inner.x, at(0, step["value"])[1]), (inner.x + inner.w, at(0, step["value"])[1])],
            step["color"],
            dash="8 5",
        )
        for step in steps
    ]


def _legend(place: Box, names: Sequence[tuple[str, float]], unit: str) -> str:
    x, y = place.x + 12, place.y + place.h - 10
    parts = []
    for number, (name, value) in enumerate(names):
        words = f"{name}  {told(value, unit)}" if name else told(value, unit)
        left = len(names) - number
        wide = width_of(words, 11) + 26
        if x + wide > place.x + place.w - (64 if left > 1 else 8):
            parts.append(text(x, y, f"{left} more", size=11, color="dim"))
            break
        parts += [
            box(x, y - 6, 10, 4, LINES[number % len(LINES)]),
            text(x + 14, y, words, size=11, color="text"),
        ]
        x += wide
    return "".join(parts)
