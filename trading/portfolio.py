"""Weights of several bots or shares: least variance, best Sharpe ratio or highest return within bounds.

μ is the arithmetic mean of the simple returns × N, Σ their sample covariance (ddof 1) × N:

* conservative: min wᵀΣw
* moderate: max (wᵀμ − r)/√(wᵀΣw)
* aggressive: max wᵀμ, which is the lower bound for each and the rest to the best, up to the upper bound

each with Σw = 1 and lower ≤ w ≤ upper. Where there is no answer, `Allocation.infeasible` says why, and nobody
should trade: bounds that cannot be met (5 %..40 % needs 3 to 20 of them), fewer than 60 common observations,
or a Σ that is singular (two that move as one, one that never moves).

Needs numpy and scipy (extra `portfolio`); they are loaded when something is optimised, not before.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from trading.errors import MissingExtraError, TradingError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["Allocation", "Covariance", "RiskLevel", "optimize"]

RiskLevel = Literal["conservative", "moderate", "aggressive"]
Covariance = Literal["sample", "ledoit_wolf"]

LEAST_OBSERVATIONS = 60
"""Fewer common returns say too little about a covariance."""

_SLACK = 1e-9
_LEAST_EIGENVALUE = 1e-10
"""Of the correlation matrix; below it, some mix of the columns does not move at all."""


@dataclass(frozen=True, kw_only=True)
class Allocation:
    """Weights, or why there are none."""

    risk_level: RiskLevel
    weights: dict[str, float] = field(default_factory=dict)
    """Name to share, within the bounds, together 1; empty when `infeasible` says something."""
    infeasible: str | None = None
    """Why there is no answer, in plain words; `None` when there is one."""
    reason: Literal["infeasible", "data"] | None = None
    """The word for `infeasible` in the event `rebalance.skipped`: bounds, or data."""
    expected_return: float = math.nan
    """Annual, a fraction, of the columns that have a history, at these weights."""
    volatility: float = math.nan
    """Annual, likewise."""
    sharpe: float = math.nan
    equal_sharpe: float = math.nan
    """Sharpe ratio of equal weights over the same observations: what there is to gain."""
    observations: int = 0
    """Rows in which every column with a history has a return."""
    without_history: tuple[str, ...] = ()
    """Names without one return: they get the lower bound."""
    shrinkage: float = 0.0
    """How far Σ was drawn to the mean variance, 0..1; only with `ledoit_wolf`."""


class _NoAnswer(Exception):  # noqa: N818 - not an error: an outcome that `Allocation` reports
    def __init__(self, reason: Literal["infeasible", "data"], text: str) -> None:
        super().__init__(text)
        self.reason = reason


def optimize(
    returns: Mapping[str, Sequence[float]],
    risk_level: str,
    *,
    lower: float = 0.05,
    upper: float = 0.40,
    risk_free: float = 0.0,
    periods_per_year: float = 252,
    covariance: Covariance = "sample",
) -> Allocation:
    """Return the weights that suit a risk level best.

    Args:
        returns: Name to simple returns, oldest first. Plain sequences must be of the same bars: equally long,
            `nan` where there is none. Mappings and pandas series of date to return are aligned by date.
            Only rows in which all have a return count; a name without any return gets `lower`.
        risk_level: conservative, moderate or aggressive.
        lower: The least weight of each.
        upper: The largest weight of each.
        risk_free: Annual rate r.
        periods_per_year: N: 252 for shares by day, 365 for coins by day.
        covariance: `sample`, or `ledoit_wolf`, which is never singular while there is any movement.

    Raises:
        TradingError: If the risk level is unknown or the bounds are no bounds.
        MissingExtraError: If numpy or scipy is not installed.
    """
    level = _level_of(risk_level)
    if not 0 <= lower <= upper <= 1:
        raise TradingError(f"bounds {lower}..{upper}: use 0 <= lower <= upper <= 1.")
    try:
        # A data frame counts its rows, and iterates over its names.
        _check_bounds(len(list(returns)), lower, upper)
        return _solved(returns, level, lower, upper, risk_free, periods_per_year, covariance)
    except _NoAnswer as why:
        return Allocation(risk_level=level, infeasible=str(why), reason=why.reason)


def _level_of(word: str) -> RiskLevel:
    for level in get_args(RiskLevel):
        if word == level:
            return level  # type: ignore[no-any-return]
    raise TradingError(f'risk level "{word}" is unknown: use {", ".join(get_args(RiskLevel))}.')


def _check_bounds(n: int, lower: float, upper: float) -> None:
    if n * upper < 1 - _SLACK:
        raise _NoAnswer(
            "infeasible",
            f"{n} at no more than {_percent(upper)} each make {_percent(n * upper)}, less than the whole: "
            f"{math.ceil(1 / upper - _SLACK) if upper else 'no number'} or more are needed",
        )
    if n * lower > 1 + _SLACK:
        raise _NoAnswer(
            "infeasible",
            f"{n} at no less than {_percent(lower)} each make {_percent(n * lower)}, more than the whole: "
            f"{math.floor(1 / lower + _SLACK)} or fewer fit",
        )


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"


def _solved(
    returns: Mapping[str, Sequence[float]],
    level: RiskLevel,
    lower: float,
    upper: float,
    risk_free: float,
    periods_per_year: float,
    covariance: Covariance,
) -> Allocation:
    np = _numpy()
    names, columns, blank = _table(returns)
    total = 1 - lower * len(blank)
    if len(names) * upper < total - _SLACK:
        raise _NoAnswer("data", f"without any return, and so left at {_percent(lower)}: {', '.join(blank)}")
    rows = np.isfinite(columns).all(axis=1)
    data = columns[rows]
    _check_observations(names, columns, len(data))
    mean = data.mean(axis=0) * periods_per_year
    shrunk = 0.0
    if covariance == "ledoit_wolf":
        sigma, shrunk = _ledoit_wolf(data)
    else:
        sigma = np.atleast_2d(np.cov(data, rowvar=False, ddof=1))
    sigma = sigma * periods_per_year
    _check_regular(names, sigma)
    excess = mean - risk_free
    if level == "conservative":
        weights = _least_variance(sigma, lower, upper, total)
    elif level == "moderate":
        weights = _best_sharpe(excess, sigma, lower, upper, total)
    else:
        weights = _highest(mean, lower, upper, total)
    found = dict(zip(names, (float(weight) for weight in weights), strict=True))
    spread = math.sqrt(float(weights @ sigma @ weights))
    equal = np.full(len(names), 1 / len(names))
    return Allocation(
        risk_level=level,
        weights={name: found.get(name, lower) for name in returns},
        expected_return=float(weights @ mean),
        volatility=spread,
        sharpe=float(weights @ excess) / spread,
        equal_sharpe=float(equal @ excess) / math.sqrt(float(equal @ sigma @ equal)),
        observations=len(data),
        without_history=tuple(blank),
        shrinkage=shrunk,
    )


def _table(returns: Mapping[str, Sequence[float]]) -> tuple[list[str], Floats, list[str]]:
    """Return the names with a history, their returns (one column each), and the names without."""
    np = _numpy()
    dated = {name: dict(values.items()) for name, values in _columns(returns) if hasattr(values, "items")}
    if dated and len(dated) < len(list(returns)):
        plain = next(name for name in returns if name not in dated)
        raise _NoAnswer(
            "data", f"{plain} has no dates and {next(iter(dated))} has: give all with or all without"
        )
    if dated:
        days = sorted(set().union(*dated.values()))
        table = {name: [float(values.get(day, math.nan)) for day in days] for name, values in dated.items()}
    else:
        table = {name: [float(value) for value in values] for name, values in _columns(returns)}
    blank = [name for name, values in table.items() if not any(map(math.isfinite, values))]
    kept = {name: values for name, values in table.items() if name not in blank}
    if not kept:
        raise _NoAnswer("data", "none has a return")
    lengths = {len(values) for values in kept.values()}
    if len(lengths) > 1:
        told = ", ".join(f"{name} {len(values)}" for name, values in kept.items())
        raise _NoAnswer(
            "data", f"of different length, so no one knows which belong together ({told}): give dates, or nan"
        )
    return list(kept), np.array(list(kept.values()), dtype=np.float64).T, blank


def _columns(returns: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(name, returns[name]) for name in returns]


def _check_observations(names: Sequence[str], columns: Floats, common: int) -> None:
    if common >= LEAST_OBSERVATIONS:
        return
    counts = [sum(map(math.isfinite, column)) for column in columns.T]
    least = min(range(len(names)), key=counts.__getitem__)
    raise _NoAnswer(
        "data",
        f"{common} common observations, {LEAST_OBSERVATIONS} are needed "
        f"({names[least]} has the fewest: {counts[least]})",
    )


def _check_regular(names: Sequence[str], sigma: Floats) -> None:
    np = _numpy()
    variances = np.diag(sigma)
    # A constant column keeps the rounding of its mean as variance; against the others it is none.
    still = [name for name, value in zip(names, variances, strict=True) if value <= variances.max() * 1e-20]
    if still:
        raise _NoAnswer("data", f"never moved, so the covariance is singular: {', '.join(still)}")
    scale = np.sqrt(variances)
    correlation = sigma / np.outer(scale, scale)
    values, vectors = np.linalg.eigh(correlation)
    if values[0] < _LEAST_EIGENVALUE:
        part = [name for name, share in zip(names, vectors[:, 0], strict=True) if abs(share) > 1e-3]
        raise _NoAnswer("data", f"move as one, so the covariance is singular: {', '.join(part)}")


def _ledoit_wolf(data: Floats) -> tuple[Floats, float]:
    """Return the covariance drawn towards the mean variance, and how far.

    Source: Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", 2004.
    """
    np = _numpy()
    rows, n = data.shape
    centred = data - data.mean(axis=0)
    sample = centred.T @ centred / rows
    target = np.trace(sample) / n * np.eye(n)
    distance = float(((sample - target) ** 2).sum())
    noise = float(((centred**2).T @ (centred**2)).sum() / rows - (sample**2).sum()) / rows
    shrunk = min(noise / distance, 1.0) if distance > 0 else 1.0
    return shrunk * target + (1 - shrunk) * sample, shrunk


def _highest(mean: Floats, lower: float, upper: float, total: float) -> Floats:
    np = _numpy()
    weights = np.full(len(mean), lower)
    left = total - lower * len(mean)
    for index in np.argsort(-mean, kind="stable"):
        weights[index] += min(upper - lower, max(left, 0.0))
        left -= upper - lower
    return weights  # type: ignore[no-any-return]


def _least_variance(sigma: Floats, lower: float, upper: float, total: float) -> Floats:
    np = _numpy()
    scaled = sigma / np.trace(sigma) * len(sigma)
    start = np.full(len(sigma), total / len(sigma))
    return _minimum(lambda w: float(w @ scaled @ w), lambda w: 2 * scaled @ w, [start], lower, upper, total)


def _best_sharpe(excess: Floats, sigma: Floats, lower: float, upper: float, total: float) -> Floats:
    """Return the best ratio from several starts: with negative means there may be more than one peak."""
    np = _numpy()

    def loss(w: Floats) -> float:
        return -float(w @ excess) / math.sqrt(float(w @ sigma @ w))

    def slope(w: Floats) -> Floats:
        variance = float(w @ sigma @ w)
        return (sigma @ w * (float(w @ excess) / variance) - excess) / math.sqrt(variance)

    deviation = np.sqrt(np.diag(sigma))
    starts = [np.full(len(excess), total / len(excess))]
    orders = (excess, excess / deviation, -deviation, deviation)
    starts += [_highest(order, lower, upper, total) for order in orders]
    return _minimum(loss, slope, starts, lower, upper, total)


def _minimum(
    loss: Callable[[Floats], float],
    slope: Callable[[Floats], Floats],
    starts: Sequence[Floats],
    lower: float,
    upper: float,
    total: float,
) -> Floats:
    """Return the best weights that the solver comes to, from any of the starts, made to keep the bounds."""
    np = _numpy()
    try:
        from scipy.optimize import minimize
    except ModuleNotFoundError as error:
        raise MissingExtraError("An optimised portfolio", "portfolio") from error
    ends = list(starts)
    ones = np.ones(len(starts[0]))
    for start in starts:
        result = minimize(
            loss,
            start,
            jac=slope,
            method="SLSQP",
            bounds=[(lower, upper)] * len(start),
            constraints={"type": "eq", "fun": lambda w: w.sum() - total, "jac": lambda w: ones},
            options={"ftol": 1e-16, "maxiter": 500},
        )
        if np.isfinite(result.x).all():
            ends.append(_clipped(result.x, lower, upper, total))
    return min(ends, key=loss)


def _clipped(weights: Floats, lower: float, upper: float, total: float) -> Floats:
    """Return weights within the bounds that sum to the total; what is within rounding of a bound is on it."""
    np = _numpy()
    weights = np.clip(weights, lower, upper)
    weights = np.where(weights - lower < _SLACK, lower, np.where(upper - weights < _SLACK, upper, weights))
    for _ in range(len(weights)):
        rest = total - weights.sum()
        if abs(rest) < 1e-15:
            break
        room = upper - weights if rest > 0 else weights - lower
        # Weights that are already between the bounds take the rest; those on a bound only when no other can.
        inner = np.where((weights > lower) & (weights < upper), room, 0.0)
        room = inner if inner.sum() >= abs(rest) else room
        weights = np.clip(weights + rest * room / max(room.sum(), 1e-300), lower, upper)
    return weights


def _numpy() -> Any:
    try:
        import numpy as np
    except ModuleNotFoundError as error:
        raise MissingExtraError("An optimised portfolio", "portfolio") from error
    return np
