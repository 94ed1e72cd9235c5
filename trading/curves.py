"""The layout of an equity chart: where a time, a value and a text lie, and what is said of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from functools import cached_property
from itertools import pairwise
from typing import Literal, NamedTuple

from trading import drawing
from trading.amounts import amount, grouped, percent, signed_amount, signed_percent
from trading.scales import Point, date_text, drawdowns, nice_ticks, segments, thinned, time_ticks

__all__ = ["EquityDrawing", "Language", "Mark", "empty"]

Language = Literal["en", "ko"]


class Mark(NamedTuple):
    """A trade's beginning or end."""

    time: int
    """Unix ns."""
    kind: Literal["entry", "exit"]
    profit: float = 0.0
    """Of an exit: more than zero is drawn as a gain, less as a loss."""


_WORDS: Mapping[str, Mapping[Language, str]] = {
    "equity": {"en": "Equity", "ko": "자산"},
    "drawdown": {"en": "Drawdown", "ko": "낙폭"},
    "benchmark": {"en": "Held in equal parts", "ko": "동일 비중 보유"},
    "entry": {"en": "entry", "ko": "진입"},
    "gain": {"en": "exit, gain", "ko": "청산 이익"},
    "loss": {"en": "exit, loss", "ko": "청산 손실"},
    "title": {"en": "Equity and drawdown, {first} to {last}", "ko": "자산과 낙폭, {first} ~ {last}"},
    "empty": {"en": "No figure to draw yet", "ko": "아직 그릴 수치가 없습니다"},
    "desc": {
        "en": "From {start} to {end} ({change}). Highest {top} on {top_day}. Largest fall {fall}{fall_day}. "
        "Marked: entries {entries}, exits {exits}.",
        "ko": "{start}에서 {end} ({change}). 최고 {top} ({top_day}). 최대 낙폭 {fall}{fall_day}. "
        "진입 {entries}회, 청산 {exits}회 표시.",
    },
}
_HEIGHT, _FALL_HEIGHT, _LANE, _FOOT, _LEFT = 230.0, 92.0, 30.0, 26.0, 8.0


@dataclass(frozen=True)
class EquityDrawing:
    """The layout of one equity chart: where a time and a value lie."""

    equity: tuple[Point, ...]
    currency: str
    marks: tuple[Mark, ...]
    benchmark: tuple[Point, ...]
    start: float | None
    language: Language
    width: int
    zone: tzinfo

    @cached_property
    def known(self) -> list[Point]:
        return [point for point in self.equity if math.isfinite(point[1])]

    @cached_property
    def began(self) -> float:
        """What it started with; the first value where nobody said."""
        return self.known[0][1] if self.start is None else self.start

    @cached_property
    def span(self) -> tuple[int, int]:
        return self.equity[0][0], self.equity[-1][0]

    @cached_property
    def range(self) -> tuple[float, float]:
        values = [value for _, value in (*self.known, *self.benchmark) if math.isfinite(value)]
        values.append(self.began)
        low, high = min(values), max(values)
        room = (high - low) * 0.06 or abs(high) * 0.01 or 1.0
        return low - room, high + room

    @cached_property
    def ticks(self) -> tuple[list[float], int]:
        """Values on the axis, and the digits after the point that tell them apart."""
        ticks = nice_ticks(*self.range, 6)
        step = ticks[1] - ticks[0] if len(ticks) > 1 else abs(ticks[0])
        return ticks, min(
            max(0, -math.floor(math.log10(step) + 1e-9) + (f"{step:.1e}"[2] == "5")), 12
        ) if step else 0

    @cached_property
    def right(self) -> float:
        """Where the plot ends and the numbers of the axes begin."""
        ticks, decimals = self.ticks
        labels = [grouped(tick, decimals) for tick in ticks] + [self.last_text, "-100.0%"]
        return self.width - max(drawing.text_width(label, bold=True) for label in labels) - 14

    @cached_property
    def last_text(self) -> str:
        return drawing.minus(
            grouped(self.known[-1][1], max(self.ticks[1], 0 if self.range[1] >= 1000 else 2))
        )

    @cached_property
    def least_step(self) -> float:
        """Seconds between the closest two points: the axis names no hours between daily closes."""
        times = [time for time, _ in self.equity]
        return min((b - a for a, b in pairwise(times) if b > a), default=1) / 1e9

    @cached_property
    def head(self) -> float:
        """Height of the heading; a legend that does not fit beside it has rows of its own."""
        return 30.0 + 18 * max((row for _, row, _, _ in self.signs), default=0)

    @cached_property
    def heading(self) -> str:
        return f"{self._word('equity')} ({self.currency})" if self.currency else self._word("equity")

    @cached_property
    def signs(self) -> list[tuple[float, int, str, str]]:
        """The legend: where each sign stands (x, row), its words and its style."""
        exits = {mark.profit < 0 for mark in self.marks if mark.kind == "exit"}
        wanted = [
            ("benchmark", "other", bool(self.benchmark)),
            ("entry", "entry", any(mark.kind == "entry" for mark in self.marks)),
            ("gain", "gain", False in exits),
            ("loss", "loss", True in exits),
        ]
        words = [(self._word(word), style) for word, style, is_there in wanted if is_there]
        widths = [drawing.text_width(word) + (48 if style == "other" else 32) for word, style in words]
        x, row = self.right - sum(widths), 0
        if x < _LEFT + drawing.text_width(self.heading, bold=True) + 24:
            x, row = _LEFT, 1
        placed = []
        for (word, style), width in zip(words, widths, strict=True):
            if x > _LEFT and x + width > self.width:
                x, row = _LEFT, row + 1
            placed.append((x, row, word, style))
            x += width
        return placed

    def x(self, time: int) -> float:
        first, last = self.span
        if last <= first:
            return (_LEFT + self.right) / 2
        return _LEFT + (time - first) / (last - first) * (self.right - _LEFT)

    def y(self, value: float) -> float:
        low, high = self.range
        return self.head + (high - value) / (high - low) * _HEIGHT

    def svg(self) -> str:
        falls = drawdowns(self.equity, self.began)
        lane = _LANE if self.marks else 0.0
        fall_top = self.head + _HEIGHT + lane + 34
        bottom = fall_top + _FALL_HEIGHT
        parts = [
            self._time_axis(self.head, bottom),
            self._value_axis(),
            self._lines(),
            self._lane(self.head + _HEIGHT + 6),
            self._falls(falls, fall_top),
            self._legend(),
            self._hovers(falls, bottom),
        ]
        first, last = (date_text(time, self.zone) for time in self.span)
        title = self._word("title").format(first=first, last=last)
        return drawing.svg(self.width, bottom + _FOOT, title, self._description(falls), "".join(parts))

    def _word(self, key: str) -> str:
        return _WORDS[key][self.language]

    def _time_axis(self, top: float, bottom: float) -> str:
        parts = []
        free = -math.inf
        for time, label in time_ticks(*self.span, self.right - _LEFT, self.zone, self.least_step):
            x, half = self.x(time), drawing.text_width(label) / 2
            parts.append(drawing.line(x, top, x, bottom, "grid"))
            # A label at the edge is pushed inwards; one that would touch the label before is left out.
            x = min(max(x, half), self.width - half - 2)
            if x - half > free + 4:
                parts.append(drawing.text(x, bottom + 17, label, anchor="middle"))
                free = x + half
        return "".join(parts)

    def _value_axis(self) -> str:
        ticks, decimals = self.ticks
        last = self._apart(self.y(self.known[-1][1]))
        parts = []
        for tick in ticks:
            y = self.y(tick)
            parts.append(drawing.line(_LEFT, y, self.right, y, "grid"))
            if abs(y - last) > 15:
                parts.append(drawing.text(self.right + 8, y + 4, drawing.minus(grouped(tick, decimals))))
        start = self.y(self.began)
        parts.append(drawing.line(_LEFT, start, self.right, start, "start"))
        parts.append(drawing.text(self.right + 8, last + 4, self.last_text, "tc-strong"))
        return "".join(parts)

    def _apart(self, y: float) -> float:
        return min(max(y, self.head + 4), self.head + _HEIGHT - 4)

    def _lines(self) -> str:
        parts = []
        for points, style in ((self.benchmark, "other"), (self.equity, "line")):
            for part in segments(points):
                if len(part) == 1:
                    parts.append(drawing.dot(self.x(part[0][0]), self.y(part[0][1]), "dot"))
                else:
                    thin = thinned(part, lambda time: int(self.x(time)))
                    path = " ".join(f"{self.x(time):.1f},{self.y(value):.1f}" for time, value in thin)
                    parts.append(f'<polyline class="tc-{style}" points="{path}"/>')
        time, value = self.known[-1]
        parts.append(drawing.dot(self.x(time), self.y(value), "dot"))
        return "".join(parts)

    def _lane(self, top: float) -> str:
        """Draw the trades in two rows: entries, then exits; what would touch is one sign and counted."""
        first, last = self.span
        parts = []
        for kind, y in (("entry", top + 6), ("exit", top + 19)):
            groups: list[list[Mark]] = []
            for mark in sorted(m for m in self.marks if m.kind == kind and first <= m.time <= last):
                if groups and self.x(mark.time) - self.x(groups[-1][0].time) < 10:
                    groups[-1].append(mark)
                else:
                    groups.append([mark])
            parts += [self._sign(group, y) for group in groups]
        return "".join(parts)

    def _sign(self, group: Sequence[Mark], y: float) -> str:
        profit = sum(mark.profit for mark in group)
        style = "entry" if group[0].kind == "entry" else "loss" if profit < 0 else "gain"
        says = f"{date_text(group[0].time, self.zone)}: {self._word(style)}"
        if style != "entry":
            says += f" {signed_amount(profit, self.currency, self.language)}"
        if len(group) > 1:
            says += f" × {len(group)}"
        sign = drawing.triangle(self.x(group[0].time), y, style, up=style == "entry")
        return f"<g><title>{drawing.clean(says)}</title>{sign}</g>"

    def _falls(self, falls: Sequence[Point], top: float) -> str:
        known = [point for point in falls if math.isfinite(point[1])]
        low = min((value for _, value in known), default=0.0)
        depth = low * 1.08 or -0.01

        def y(value: float) -> float:
            return top + value / depth * _FALL_HEIGHT

        parts = [drawing.text(_LEFT, top - 10, self._word("drawdown"), "tc-strong")]
        ticks = nice_ticks(depth, 0.0, 4)
        step = -ticks[0] / max(len(ticks) - 1, 1) * 100
        places = 0 if abs(step - round(step)) < 1e-6 else 1 if step > 0.1 else 2
        for tick in ticks:
            parts.append(drawing.line(_LEFT, y(tick), self.right, y(tick), "axis" if tick == 0 else "grid"))
            parts.append(drawing.text(self.right + 8, y(tick) + 4, drawing.minus(percent(tick, places))))
        for part in segments(falls):
            if len(part) == 1:
                parts.append(drawing.dot(self.x(part[0][0]), y(part[0][1]), "fall-dot"))
                continue
            thin = thinned(part, lambda time: int(self.x(time)))
            path = " ".join(f"{self.x(time):.1f},{y(value):.1f}" for time, value in thin)
            ends = f"{self.x(part[-1][0]):.1f},{top:.1f} {self.x(part[0][0]):.1f},{top:.1f}"
            parts.append(f'<polygon class="tc-fall" points="{path} {ends}"/>')
            parts.append(f'<polyline class="tc-fall-line" points="{path}"/>')
        if low < 0:
            time = next(time for time, value in known if value == low)
            label = f"{drawing.minus(percent(low))} · {date_text(time, self.zone)}"
            parts.append(drawing.dot(self.x(time), y(low), "fall-dot"))
            parts.append(drawing.text(self.right, top - 10, label, anchor="end"))
        return "".join(parts)

    def _legend(self) -> str:
        parts = [drawing.text(_LEFT, 18, self.heading, "tc-strong")]
        for x, row, word, style in self.signs:
            y = 18 + row * 18
            if style == "other":
                parts.append(f'<polyline class="tc-other" points="{x:.1f},{y - 4} {x + 24:.1f},{y - 4}"/>')
            else:
                parts.append(drawing.triangle(x + 5, y - 4, style, up=style == "entry"))
            parts.append(drawing.text(x + (30 if style == "other" else 14), y, word))
        return "".join(parts)

    def _hovers(self, falls: Sequence[Point], bottom: float) -> str:
        """Lay a strip over each stretch of about 8 pixels that tells its last figures."""
        strips: dict[int, tuple[Point, float]] = {}
        for point, (_, fall) in zip(self.equity, falls, strict=True):
            if math.isfinite(point[1]):
                strips[int(self.x(point[0]) // 8)] = (point, fall)
        parts = []
        for column, ((time, value), fall) in strips.items():
            says = f"{date_text(time, self.zone)}: {amount(value, self.currency, self.language)}"
            if math.isfinite(fall):
                says += f", {self._word('drawdown')} {percent(fall)}"
            says = drawing.clean(drawing.minus(says, dates=True))
            parts.append(
                f'<rect class="tc-hover" x="{column * 8}" y="{self.head:.0f}" width="8" '
                f'height="{_HEIGHT:.0f}"><title>{says}</title></rect>'
            )
        return "".join(parts)

    def _description(self, falls: Sequence[Point]) -> str:
        known, fallen = self.known, [point for point in falls if math.isfinite(point[1])]
        start, end = self.began, known[-1][1]
        top_time, top = max(known, key=lambda point: point[1])
        low_time, low = min(fallen, key=lambda point: point[1], default=(0, math.nan))
        return self._word("desc").format(
            start=amount(start, self.currency, self.language),
            end=amount(end, self.currency, self.language),
            change=signed_percent(end / start - 1) if start > 0 else "?",
            top=amount(top, self.currency, self.language),
            top_day=date_text(top_time, self.zone),
            fall=percent(low) if math.isfinite(low) else "?",
            fall_day=f" ({date_text(low_time, self.zone)})" if low < 0 else "",
            entries=sum(mark.kind == "entry" for mark in self.marks),
            exits=sum(mark.kind == "exit" for mark in self.marks),
        )


def empty(width: float, language: Language) -> str:
    """Return a chart that says that there is nothing to draw."""
    words = _WORDS["empty"][language]
    return drawing.svg(width, 64, words, words, drawing.text(width / 2, 37, words, anchor="middle"))
