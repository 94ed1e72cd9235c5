"""Plot what a real Prometheus answers to each panel of the dashboards, as SVG into `docs/images`.

The demo's bots are played under a real sidecar, as in `tests/grafana`. These are not pictures of Grafana.

python -m scripts.write_panel_pictures
"""

from __future__ import annotations

import tempfile
import time
from html import escape
from pathlib import Path
from typing import Any

from tests.grafana.boards import boards, filled
from tests.grafana.playing import play
from tests.grafana.stack import Stack, running

IMAGES = Path(__file__).parent.parent / "docs" / "images"
PAGE = Path(__file__).parent.parent / "docs" / "operations.md"
START, END = "<!-- pictures -->", "<!-- end of pictures -->"
SECONDS = 45.0
COLUMNS, WIDE, TALL, MARGIN = 4, 300, 170, 12
MOST_LINES = 6
COLORS = ("#3274d9", "#56a64b", "#e0752d", "#a352cc", "#e02f44", "#8f8f8f")


def main() -> None:
    """Play, ask, draw."""
    with tempfile.TemporaryDirectory(prefix="obs-pictures-") as folder, running(Path(folder)) as stack:
        play(stack)
        draw(stack)


def draw(stack: Stack) -> None:
    """Draw each dashboard as Prometheus answers now, and name the pictures on the page."""
    lines = []
    for name, board in boards().items():
        (IMAGES / f"{name}.svg").write_text(_drawn(stack, board), encoding="utf-8")
        lines.append(f"![{board['title']}: answers of Prometheus](images/{name}.svg)\n")
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
    told = (
        "Below is what Prometheus answered to each panel over 45 seconds of such a run, in which 90 minutes\n"
        "of the demo were played: plotted by `scripts/write_panel_pictures.py`, not by Grafana.\n"
    )
    PAGE.write_text(
        "\n".join((f"{before}{START}", told, *lines, f"{END}{rest.partition(END)[2]}")), encoding="utf-8"
    )


def _drawn(stack: Stack, board: dict[str, Any]) -> str:
    panels = [panel for panel in board["panels"] if panel["type"] not in ("row", "text")]
    rows = -(-len(panels) // COLUMNS)
    width, height = COLUMNS * (WIDE + MARGIN) + MARGIN, rows * (TALL + MARGIN) + MARGIN + 28
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'font-family="sans-serif" font-size="11"><title>{escape(board["title"])}</title>',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="{MARGIN}" y="22" font-size="15" font-weight="bold">{escape(board["title"])}</text>',
    ]
    for number, panel in enumerate(panels):
        x = MARGIN + number % COLUMNS * (WIDE + MARGIN)
        y = 28 + MARGIN + number // COLUMNS * (TALL + MARGIN)
        parts.append(f'<g transform="translate({x} {y})">{_plotted(stack, panel)}</g>')
    return "".join(parts) + "</svg>\n"


def _plotted(stack: Stack, panel: dict[str, Any]) -> str:
    unit = panel["fieldConfig"]["defaults"]["unit"]
    lines = [
        (_legend(target.get("legendFormat", ""), series["metric"]), _points(series))
        for target in panel["targets"]
        for series in stack.ask(filled(target["expr"]), seconds=SECONDS, step=1)
    ]
    out = [
        f'<rect width="{WIDE}" height="{TALL}" fill="none" stroke="#ccc"/>',
        f'<text x="6" y="15" font-weight="bold">{escape(panel["title"])}</text>',
    ]
    if not lines:
        return "".join(out) + '<text x="6" y="70" fill="#777">no series in this run</text>'
    numbers = [value for _, points in lines for _, value in points]
    low, high = min(0.0, *numbers), max(numbers)
    high = high if high > low else low + 1
    end = time.time()
    for color, (legend, points) in zip(COLORS, lines[:MOST_LINES], strict=False):
        at = COLORS.index(color)
        places = " ".join(
            f"{6 + (WIDE - 12) * (1 - min(1, (end - when) / SECONDS)):.1f},"
            f"{105 - 75 * (value - low) / (high - low):.1f}"
            for when, value in points
        )
        out.append(f'<polyline points="{places}" fill="none" stroke="{color}" stroke-width="1.5"/>')
        x, y = 6 + at % 2 * (WIDE // 2), 125 + at // 2 * 14
        text = f"{legend[:14] or 'value'}: {points[-1][1]:.4g}"
        out.append(f'<text x="{x}" y="{y}" fill="{color}">{escape(text)}</text>')
    more = f" · {len(lines) - MOST_LINES} more" if len(lines) > MOST_LINES else ""
    out.append(
        f'<text x="{WIDE - 6}" y="{TALL - 5}" fill="#777" text-anchor="end">'
        f"{low:.3g} to {high:.3g}, {escape(unit)}{more}</text>"
    )
    return "".join(out)


def _points(series: dict[str, Any]) -> list[tuple[float, float]]:
    return [(when, float(value)) for when, value in series["values"]]


def _legend(form: str, labels: dict[str, str]) -> str:
    for name, value in labels.items():
        form = form.replace(f"{{{{{name}}}}}", value)
    return form


if __name__ == "__main__":
    main()
