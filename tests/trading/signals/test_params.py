"""`best_params.json`: what it may hold, and what is said of what it may not."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPO
from trading.regime import RegimeRules
from trading.signals.params import PER_REGIME, Params, ParamsError, load_params, params_of, save_params


def document(**params: Any) -> dict[str, Any]:
    return {"version": 1, "params": params}


def test_what_is_left_out_has_its_default() -> None:
    assert params_of({"version": 1}) == Params()
    assert params_of(document(entry=3)) == Params(entry=3)


def test_what_is_saved_is_loaded_again(tmp_path: Path) -> None:
    params = Params(
        entry=2.5,
        closed_regimes=("bear", "volatile"),
        market=RegimeRules(trend=100, volatile_from=0.3),
        market_symbol="069500",
        regimes={"bear": {"min_confidence": 0.8, "max_total": 0.5}},
    )
    file = tmp_path / "deep" / "best_params.json"

    save_params(file, params, {"찾은 날": "2026-11-20"})

    assert load_params(file) == params
    assert json.loads(file.read_text(encoding="utf-8"))["about"] == {"찾은 날": "2026-11-20"}
    assert "찾은 날" in file.read_text(encoding="utf-8")
    assert [each.name for each in file.parent.iterdir()] == ["best_params.json"]


def test_a_regime_changes_only_what_it_names() -> None:
    params = Params(regimes={"bear": {"entry": 4.0, "max_total": 0.4}})

    assert params.within("bear") == replace(params, entry=4.0, max_total=0.4, regimes={})
    assert params.within("bull") is params
    assert params.within(None) is params


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "the document = [] is no object"),
        ({"params": {}}, "version = None: this core reads version 1"),
        ({"version": 2}, "version = 2: this core reads version 1"),
        ({"version": 1, "parms": {}}, "parms is no parameter here: did you mean 'params'?"),
        (document(min_confidnce=0.7), "min_confidnce is no parameter here: did you mean 'min_confidence'?"),
        (document(zzz=1), "params.zzz is no parameter here: known are score, fast"),
        (document(fast="20"), "params.fast = '20' is no number"),
        (document(fast=True), "params.fast = True is no number"),
        (document(fast=20.5), "params.fast = 20.5 counts bars: write a whole number"),
        (document(score=5), "params.score = 5 is no text"),
        (document(closed_regimes=["bare"]), "params.closed_regimes = ['bare']: write a list of bull, bear"),
        (document(closed_regimes="bear"), "params.closed_regimes = 'bear': write a list of bull, bear"),
        (document(market={"trends": 5}), "params.market.trends is no parameter here: did you mean 'trend'?"),
        (document(market={"trend": 0}), "params.market.trend = 0: use 1 bar or more"),
        (document(market={"calm_below": 0.5}), "write 0 < calm_below <= volatile_from"),
        (document(min_confidence=75.3), "min_confidence = 75.3: use 0 to 1"),
        (document(max_total=1.2), "max_total = 1.2: use 0 to 1"),
        (document(fast=90), "fast = 90 is above slow = 60"),
        (document(exit=3), "exit = 3 is above entry = 2.0"),
        (document(volatility=1), "volatility = 1: use 2 or more"),
        (document(trend_share=0, momentum_share=0, rsi_share=0), "give one of them a share"),
        (document(periods_per_year=0), "a year has more than 0 bars"),
        ({"version": 1, "regimes": {"bear": {"fast": 5}}}, "bear.fast is no parameter here: known are entry"),
        ({"version": 1, "regimes": {"boom": {}}}, "regimes.boom is no parameter here: known are bull"),
        ({"version": 1, "regimes": {"bear": {"max_total": 7}}}, "regimes.bear: max_total = 7: use 0 to 1"),
        ({"version": 1, "regimes": {"bear": 7}}, "regimes.bear = 7 is no object"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named_with_its_mend(given: object, said: str) -> None:
    with pytest.raises(ParamsError) as caught:
        params_of(given)

    assert said in str(caught.value)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("key", [each.name for each in fields(Params) if isinstance(each.default, float)])
def test_a_number_that_is_none_is_refused(tmp_path: Path, key: str, value: str) -> None:
    file = tmp_path / "best_params.json"
    file.write_text(f'{{"version": 1, "params": {{"{key}": {value}}}}}')

    with pytest.raises(ParamsError, match=key):
        load_params(file)


def test_a_market_without_a_bound_is_refused() -> None:
    with pytest.raises(ParamsError, match=r"params\.market\.volatile_from = inf is no number"):
        params_of(document(market={"volatile_from": float("inf")}))


def test_the_file_is_named_in_what_is_said_of_it(tmp_path: Path) -> None:
    file = tmp_path / "best_params.json"
    with pytest.raises(ParamsError, match=r"best_params\.json: no such file"):
        load_params(file)

    file.write_text("{")
    with pytest.raises(ParamsError, match=r"best_params\.json: no JSON .*line 1"):
        load_params(file)

    file.write_text('{"version": 1, "params": {"slow": 0}}')
    with pytest.raises(ParamsError, match=r"best_params\.json: slow = 0: use 1 or more"):
        load_params(file)


def test_a_year_is_as_long_for_the_market_as_for_its_symbols() -> None:
    coins = params_of(document(periods_per_year=365))
    apart = params_of(document(periods_per_year=365, market={"periods_per_year": 252}))

    assert (coins.periods_per_year, coins.market.periods_per_year) == (365, 365)
    assert apart.market.periods_per_year == 252


def test_the_file_that_the_guide_shows_can_be_loaded() -> None:
    page = (REPO / "docs" / "trading.md").read_text(encoding="utf-8")
    shown = page.partition("### Parameters")[2].partition("```json")[2].partition("```")[0]

    params = params_of(json.loads(shown))

    assert params.within("volatile").max_total == 0.5


def test_every_parameter_of_a_regime_is_one_of_the_engine() -> None:
    assert set(PER_REGIME) <= {each.name for each in fields(Params)}
