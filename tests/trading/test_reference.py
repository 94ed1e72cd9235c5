"""Our figures equal those of independent libraries, and the table that says so can also say no."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from scripts import reference


@pytest.mark.corpus
def test_every_figure_equals_the_independent_ones(corpus: Path) -> None:
    found = list(reference.rows(corpus / "market"))

    assert reference.failed(found) == []
    assert {row.quantity.partition(" ")[0] for row in found} == {
        *("SPY_1d", "AAPL_1d", "EEM_1d", "BTCUSD_1d"),
        *("us10_2010_2018", "us3_2008_2009_negative_means", "us5_2014_2016"),
        *("SPY_sma20_60", "BTCUSD_sma10_30", "SPY_sma20_60_nofee"),
        *("credit", "XKRX"),
    }
    assert sum(row.compared for row in found) > 70_000


@pytest.mark.parametrize(
    ("difference", "compared"),
    [(2e-9, 5), (math.nan, 5), (0.0, 0)],
    ids=["too far apart", "a value that only one side has", "nothing compared"],
)
def test_the_table_tells_what_differs(difference: float, compared: int) -> None:
    same = reference.Row("SPY rsi", "TA-Lib", 5, 1e-10, 1e-9, "relative")
    other = reference.Row("SPY sma", "TA-Lib", compared, difference, 1e-9, "relative")

    assert reference.failed([same, other]) == [other]
    assert reference.table([same, other]).splitlines()[-1].endswith("DIFFERS")
    assert reference.table([same, other]).splitlines()[-2].endswith("equal")


def test_without_data_it_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OBS_CORPUS_DIR", str(tmp_path))

    code = reference.main()

    assert code == 2
    assert "set OBS_CORPUS_DIR" in capsys.readouterr().err
