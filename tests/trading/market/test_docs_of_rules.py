"""The table of rules in the guide has every fault, and the figures of the code."""

from __future__ import annotations

import re
from typing import get_args

from tests.conftest import REPO
from trading.market import gaps, halts, opening, splits, zones
from trading.market.findings import Fault

SECTION = (
    (REPO / "docs" / "trading.md")
    .read_text(encoding="utf-8")
    .partition("## Data and its rules")[2]
    .partition("\n## ")[0]
)


def test_every_fault_has_its_rule_in_the_guide_and_no_other() -> None:
    cells = re.findall(r"^\| ((?:`\w+` ?)+)\|", SECTION, re.MULTILINE)
    told = {word for cell in cells for word in re.findall(r"`(\w+)`", cell)}

    assert told == set(get_args(Fault))


def test_the_figures_of_the_guide_are_those_of_the_code() -> None:
    figures = [
        f"{zones.CREDIBLE:.0%}".replace("%", " %"),
        f"{zones.SURE:.0%}".replace("%", " %"),
        f"{gaps.FOREIGN:.0%}".replace("%", " %"),
        f"{halts.STUCK_BARS['1d']} daily bars",
        f"at least {splits.SPIKE:g} times",
        f"{splits.BAD_OPEN:g} times away from the last close",
        f"within {splits.NEIGHBOURS:g}",
        f"opens {splits.SUSPICIOUS:g} times away",
        f"{splits.JUMP:g} times up or down",
        f"more than {opening.OLD_NEWS_DAYS} days back",
    ]

    assert [figure for figure in figures if figure not in SECTION] == []
