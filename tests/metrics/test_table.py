"""The table of metrics: bounded, named by the rules, and the page that shows it."""

from __future__ import annotations

import pytest

from obs.metrics.table import MAX_SERIES, TABLE
from scripts import write_metrics
from tests.builders import REPO


def test_all_metrics_together_never_have_more_series_than_a_scrape_may() -> None:
    assert sum(family.most for family in TABLE.values()) <= MAX_SERIES


@pytest.mark.parametrize("name", TABLE)
def test_a_name_tells_type_and_unit(name: str) -> None:
    family = TABLE[name]

    assert name.startswith(("obs_", "trading_"))
    assert name.endswith("_total") == (family.kind == "counter")
    assert not name.endswith(("_ms", "_percent", "_count", "_sum", "_bucket"))
    assert len(set(family.labels)) == len(family.labels)


def test_the_page_shows_the_table() -> None:
    page = (REPO / "docs" / "metrics.md").read_text(encoding="utf-8")

    assert page == write_metrics.text(page), "run python -m scripts.write_metrics"
