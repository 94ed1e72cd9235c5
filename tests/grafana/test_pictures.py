"""Pictures of what Prometheus answered: numbers as Grafana writes them, one of each dashboard."""

from __future__ import annotations

from html import escape

import pytest

from scripts.pictures.boards import IMAGES, NOTE
from scripts.pictures.drawing import cut, width_of
from scripts.pictures.units import ticks, told
from tests.grafana.boards import boards
from tests.grafana.rules import FOLDER


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        (0.0753 / 100, "percentunit", "0.0753%"),
        (14.7, "percentunit", "1470%"),
        (0.0705, "s", "70.5 ms"),
        (60, "s", "1 min"),
        (2_094, "s", "34.9 mins"),
        (0, "s", "0 s"),
        (199 * 2**20, "bytes", "199 MiB"),
        (40_507.18, "locale", "40,507.18"),
        (-3, "locale", "-3"),
        (15_000_000, "cpm", "15M c/m"),
        (1_234, "short", "1.23 K"),
        (999, "short", "999"),
        (float("nan"), "short", "NaN"),
    ],
)
def test_numbers_are_written_as_grafana_does(value: float, unit: str, written: str) -> None:
    assert told(value, unit) == written


def test_an_axis_has_round_numbers_of_its_unit() -> None:
    assert ticks(0, 1, 4, "percentunit") == [0, 0.25, 0.5, 0.75, 1]
    assert ticks(0, 45 * 60, 4, "s") == [0, 900, 1_800, 2_700]
    assert ticks(0, 200 * 2**20, 4, "bytes") == [0, 2**26, 2**27, 3 * 2**26]
    assert ticks(-25, 260, 4, "locale") == [0, 100, 200]


def test_a_text_is_cut_to_the_room_it_has() -> None:
    words = "TradingPositionUnprotected"

    assert cut(words, 1_000, 12) == words
    assert cut(words, 100, 12).endswith("…")
    assert width_of(cut(words, 100, 12), 12) <= 100


def test_each_dashboard_has_a_picture_in_the_docs_which_says_what_it_is() -> None:
    page = (FOLDER.parent / "docs" / "operations.md").read_text(encoding="utf-8")

    for name, board in boards().items():
        drawn = (IMAGES / f"{name}.svg").read_text(encoding="utf-8")
        assert f"(images/{name}.svg)" in page
        assert escape(NOTE) in drawn
        for panel in board["panels"]:
            # The beginning: a long title may be cut.
            assert escape(panel["title"][:8]) in drawn, (name, panel["title"])
