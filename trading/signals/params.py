"""The parameters of the signal engine, and the file `best_params.json` that keeps the best ones found.

```json
{
  "version": 1,
  "params": {"entry": 2.0, "min_confidence": 0.65, "market": {"symbol": "069500"}},
  "regimes": {"bear": {"min_confidence": 0.75, "max_total": 0.5}},
  "about": {"found": "2026-11-20", "sharpe": 0.91}
}
```

What is left out has its default. `regimes` holds what differs while the market is of that kind. `about` is
for people and is never read. Unknown keys are errors: a parameter misspelt must not silently be its default.
"""

from __future__ import annotations

import difflib
import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, cast

from trading.errors import TradingError
from trading.regime import REGIMES, Regime, RegimeRules

__all__ = ["PER_REGIME", "VERSION", "Params", "ParamsError", "default_params", "load_params", "params_of"]
__all__ += ["save_params"]

MOST = 1_000_000
"""No parameter is larger: no window is longer than two years of minutes."""
VERSION = 1

PER_REGIME = (
    "entry",
    "exit",
    "min_confidence",
    "max_volatility",
    "max_correlation",
    "max_weight",
    "max_total",
)
"""Parameters that may differ from regime to regime. Windows may not: they would have to be filled anew."""


class ParamsError(TradingError):
    """Parameters that cannot be used; the message names the key, the value and the mend."""


@dataclass(frozen=True)
class Params:
    """How scores are made, which signals pass, and what weight they get."""

    score: str = "maps"
    """Name of the score in `trading.signals.maps.SCORES`."""
    fast: int = 20
    """Closes in the shorter moving average."""
    slow: int = 60
    """Closes in the longer moving average."""
    rsi: int = 14
    """Changes in Wilder's RSI."""
    momentum: int = 20
    """Bars over which the rate of change is taken."""
    volatility: int = 20
    """Returns in the volatility that everything is measured by."""
    trend_share: float = 0.5
    """Share of the trend in the score; the three shares are divided by their sum."""
    momentum_share: float = 0.3
    """Share of the momentum in the score."""
    rsi_share: float = 0.2
    """Share of the RSI in the score."""
    entry: float = 2.0
    """A symbol that is not held is bought above this score."""
    exit: float = 0.0
    """A symbol that is held is sold below this score."""
    min_confidence: float = 0.65
    """Gate: the least confidence of a buy."""
    max_volatility: float = 0.60
    """Gate: the highest annualised volatility of a symbol that is bought."""
    max_correlation: float = 0.85
    """Gate: the highest correlation of a buy with what is held or bought already; 1 switches it off."""
    correlation_window: int = 60
    """Sessions whose returns are correlated."""
    correlation_least: int = 30
    """Common returns without which no correlation is told, so that the gate stands open."""
    halted_bars: int = 1
    """Gate: bars in a row without any movement that mark a halted share; such a share is not bought."""
    closed_regimes: tuple[Regime, ...] = ()
    """Gate: kinds of market in which nothing is bought, for example `["bear", "volatile"]`."""
    max_weight: float = 0.15
    """Largest weight of one position."""
    max_total: float = 0.95
    """Largest sum of all weights; the rest stays cash, for fees and for opens above the close."""
    gone_after: int = 10
    """Sessions without a bar after which a held symbol is to be sold."""
    periods_per_year: float = 252.0
    """Bars in a year: 252 for shares by day, 365 for coins; left out of a file: those of the calendar."""
    market_symbol: str = ""
    """Symbol whose closes tell the regime; empty: the mean return of all symbols."""
    market: RegimeRules = field(default_factory=RegimeRules)
    """Windows and thresholds of the regime."""
    regimes: Mapping[Regime, Mapping[str, float]] = field(default_factory=dict)
    """What differs in a regime; keys as in `PER_REGIME`."""

    def __post_init__(self) -> None:
        _check(self)

    @property
    def score_sessions(self) -> int:
        """Sessions that a symbol needs before it has a score."""
        return max(self.fast, self.slow, self.rsi + 1, self.momentum + 1, self.volatility + 1)

    @property
    def market_sessions(self) -> int:
        """Sessions that the market needs before its regime is known."""
        rules = self.market
        return max(rules.trend, rules.momentum + 1, rules.volatility + 1)

    def within(self, regime: Regime | None) -> Params:
        """Return the parameters that hold in a regime."""
        changes = self.regimes.get(regime, {}) if regime else {}
        return replace(self, regimes={}, **cast(dict[str, Any], changes)) if changes else self


def default_params(year: float = Params.periods_per_year) -> Params:
    """Return the defaults for a market of so many bars a year."""
    return params_of({"version": VERSION}, year=year)


def load_params(path: Path, *, year: float = Params.periods_per_year) -> Params:
    """Return the parameters of a file.

    Args:
        path: The file.
        year: Bars in a year, for a file that does not say.

    Raises:
        ParamsError: If the file is missing, is no JSON, has another version, an unknown key or a value out of
            its range.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParamsError(f"{path}: no such file. Write one, or leave it out for the defaults.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ParamsError(f"{path}: no JSON ({error}). Mend it, or move it away for the defaults.") from error
    try:
        return params_of(document, year=year)
    except ParamsError as error:
        raise ParamsError(f"{path}: {error}") from None


def params_of(document: object, *, year: float = Params.periods_per_year) -> Params:
    """Return the parameters of a document of the form above.

    Args:
        document: As JSON has it.
        year: Bars in a year, for a document that does not say.

    Raises:
        ParamsError: As for `load_params`.
    """
    top = _mapping("the document", document)
    _known("", top, ("version", "params", "regimes", "about"))
    if top.get("version") != VERSION:
        raise ParamsError(f"version = {top.get('version')!r}: this core reads version {VERSION}.")
    given = dict(_mapping("params", top.get("params", {})))
    _known("params.", given, (each.name for each in fields(Params) if each.name != "regimes"))
    rules = dict(_mapping("params.market", given.pop("market", {})))
    _known("params.market.", rules, (each.name for each in fields(RegimeRules)))
    _typed("params.market.", rules, RegimeRules())
    _typed("params.", given, Params())
    if year != Params.periods_per_year:
        given.setdefault("periods_per_year", year)
    if "periods_per_year" in given:
        rules.setdefault("periods_per_year", given["periods_per_year"])
    if "closed_regimes" in given:
        given["closed_regimes"] = tuple(given["closed_regimes"])
    try:
        market = RegimeRules(**rules)
    except TradingError as error:
        raise ParamsError(f"params.{error}") from None
    return Params(**given, market=market, regimes=_overrides(top.get("regimes", {})))


def save_params(path: Path, params: Params, about: Mapping[str, object] | None = None) -> None:
    """Write the parameters to a file, whole or not at all.

    Args:
        path: The file; its folder is made.
        params: What to write; values that are defaults are written too, so that the file stands for itself.
        about: Notes for people: when and how they were found.
    """
    values = asdict(params)
    regimes = values.pop("regimes")
    document = {"version": VERSION, "params": values, "regimes": regimes, "about": dict(about or {})}
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)


def _overrides(given: object) -> dict[Regime, dict[str, float]]:
    found: dict[Regime, dict[str, float]] = {}
    regimes = _mapping("regimes", given)
    _known("regimes.", regimes, REGIMES)
    for regime, changes in regimes.items():
        changes = _mapping(f"regimes.{regime}", changes)
        _known(f"regimes.{regime}.", changes, PER_REGIME)
        _typed(f"regimes.{regime}.", changes, Params())
        found[cast(Regime, regime)] = dict(changes)
    return found


def _mapping(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ParamsError(f"{name} = {value!r} is no object: write {{...}}.")
    return value


def _known(place: str, given: Iterable[str], known: Iterable[str]) -> None:
    names = list(known)
    for key in given:
        if key not in names:
            near = difflib.get_close_matches(key, names, 1)
            mend = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(names)}."
            raise ParamsError(f"{place}{key} is no parameter here: {mend}")


def _typed(place: str, given: Mapping[str, object], default: object) -> None:
    for key, value in given.items():
        wanted = getattr(default, key)
        if isinstance(wanted, tuple):
            if not (isinstance(value, list) and all(each in REGIMES for each in value)):
                raise ParamsError(f"{place}{key} = {value!r}: write a list of {', '.join(REGIMES)}.")
        elif isinstance(wanted, str):
            if not isinstance(value, str):
                raise ParamsError(f"{place}{key} = {value!r} is no text: write it in quotes.")
        elif isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= MOST:
            raise ParamsError(
                f"{place}{key} = {value!r} is no number that means anything here: use a smaller one."
            )
        elif isinstance(wanted, int) and not isinstance(value, int):
            raise ParamsError(f"{place}{key} = {value!r} counts bars: write a whole number.")


def _check(params: Params) -> None:
    for each in fields(params):
        value = getattr(params, each.name)
        if isinstance(value, float) and not math.isfinite(value):
            raise ParamsError(f"{each.name} = {value} is no number.")
    _least(params, 1, "fast", "slow", "rsi", "momentum", "halted_bars", "gone_after")
    _least(params, 2, "volatility", "correlation_least")
    _least(params, 0, "trend_share", "momentum_share", "rsi_share", "max_volatility")
    _between(params, 0, 1, "min_confidence", "max_weight", "max_total")
    _between(params, -1, 1, "max_correlation")
    _between(params, -10, 10, "entry", "exit")
    if not params.periods_per_year > 0:
        raise ParamsError(f"periods_per_year = {params.periods_per_year}: a year has more than 0 bars.")
    if params.trend_share + params.momentum_share + params.rsi_share <= 0:
        raise ParamsError("trend_share, momentum_share and rsi_share are all 0: give one of them a share.")
    _ordered(params, "fast", "slow")
    _ordered(params, "exit", "entry")
    _ordered(params, "correlation_least", "correlation_window")
    for regime in params.regimes:
        try:
            params.within(regime)
        except ParamsError as error:
            raise ParamsError(f"regimes.{regime}: {error}") from None


def _least(params: Params, least: float, *names: str) -> None:
    for name in names:
        if not getattr(params, name) >= least:
            raise ParamsError(f"{name} = {getattr(params, name)}: use {least} or more.")


def _between(params: Params, least: float, most: float, *names: str) -> None:
    for name in names:
        if not least <= getattr(params, name) <= most:
            raise ParamsError(f"{name} = {getattr(params, name)}: use {least} to {most}.")


def _ordered(params: Params, low: str, high: str) -> None:
    if getattr(params, low) > getattr(params, high):
        raise ParamsError(
            f"{low} = {getattr(params, low)} is above {high} = {getattr(params, high)}: swap or change them."
        )
