"""Parameter search: many backtests in a training stretch, and one look at the stretch that follows it.

Optuna (extra `search`) proposes parameters; the best by Sharpe ratio in training is then run once over the
sessions held back. Only that second figure says anything about the future, so it is always told with the
first, and a warning when the two are far apart.

The same seed gives the same search. Each trial is seeded by how many were finished before it, so a search
that was interrupted and is run again ends where it would have ended.
"""

from __future__ import annotations

import hashlib
import json
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import NormalDist, stdev
from typing import Any, NamedTuple

from trading.backtest.portfolio import run_portfolio
from trading.backtest.results import PortfolioResult
from trading.backtest.single import BacktestError
from trading.bars import Bar
from trading.errors import MissingExtraError, TradingError
from trading.regime import Regime
from trading.signals.engine import SignalEngine
from trading.signals.params import PER_REGIME, Params

__all__ = ["SPACE", "Found", "Span", "Trial", "hash_of", "overfit_of", "search"]

GAP = 0.5
"""In-sample Sharpe ratio above the out-of-sample one from which a search is said to overfit."""


class Span(NamedTuple):
    """The values that one parameter may take."""

    low: float
    high: float
    is_whole: bool = False


SPACE: Mapping[str, Span] = {
    "fast": Span(5, 40, is_whole=True),
    "slow": Span(45, 200, is_whole=True),
    "rsi": Span(5, 30, is_whole=True),
    "momentum": Span(10, 120, is_whole=True),
    "volatility": Span(10, 60, is_whole=True),
    "trend_share": Span(0.0, 1.0),
    "momentum_share": Span(0.05, 1.0),
    "rsi_share": Span(0.0, 1.0),
    "entry": Span(0.5, 5.0),
    "exit": Span(-3.0, 0.5),
    "min_confidence": Span(0.50, 0.80),
    "max_volatility": Span(0.30, 1.00),
    "max_weight": Span(0.05, 0.40),
}
"""Parameters of the signal engine that are searched, unless fewer are named."""


class Trial(NamedTuple):
    """One set of parameters that was tried."""

    number: int
    parameters: dict[str, float | int]
    score: float
    """Sharpe ratio in training."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """The best parameters, and what they are worth."""

    params: Params
    best: Trial
    train: PortfolioResult
    test: PortfolioResult | None
    """Over the sessions held back; `None` when none were."""
    before: PortfolioResult
    """The parameters that the search began with, in training."""
    before_test: PortfolioResult | None
    """The same, over the sessions held back."""
    trials: int
    """Trials that traded and so have a score."""
    skipped: int
    """Trials without a score: they never traded, or their parameters contradict each other."""
    luck: float
    """Sharpe ratio that the best of so many trials would have if all were equally worthless."""
    warnings: tuple[str, ...]
    split: int | None
    """Unix ns of the first session held back."""


def search(
    series: Mapping[str, Sequence[Bar]],
    base: Params,
    *,
    trials: int,
    seed: int = 0,
    space: Mapping[str, Span] = SPACE,
    regime: Regime | None = None,
    start: int | None = None,
    split: int | None = None,
    end: int | None = None,
    journal: Path | None = None,
    told: Callable[[int, float], None] = lambda done, best: None,
    **account: Any,
) -> Found:
    """Return the parameters with the best Sharpe ratio before `split`, and how they fare after it.

    Args:
        series: Symbol to bars, oldest first.
        base: Parameters that are not searched stay as they are here; it is tried first.
        trials: How many to try in all, those of an earlier, interrupted run included.
        seed: The same one gives the same search.
        space: What is searched.
        regime: Search what holds while the market is of that kind, the rest staying as it is.
        start: Unix ns of the first session that is traded.
        split: Unix ns of the first session held back; `None`: none.
        end: Unix ns of the first session that is left out.
        journal: File that keeps the trials, so that an interrupted search goes on; `None`: memory only.
        told: Called after each trial with how many are done and the best score so far.
        account: Cash, fee, limits and the rest; as for `run_portfolio`.

    Raises:
        TradingError: If a parameter is unknown, or not one trial traded.
        MissingExtraError: If optuna is not installed.
    """
    _check(trials, space, regime)
    account = {"periods_per_year": base.periods_per_year, **account}
    symbols = sorted(series)

    def scored(params: Params) -> PortfolioResult:
        return run_portfolio(series, SignalEngine(params, symbols), **account, start=start, end=split or end)

    # Another search must not go on from these trials: all that decides a score is in the name.
    name = _name_of(series, base, space, regime, seed, (start, split, end), account)
    study = _study(name, journal)
    finished = _finished(study)
    if not finished:
        known = {key: getattr(base.within(regime), key) for key in space}
        if all(span.low <= known[key] <= span.high for key, span in space.items()):
            study.enqueue_trial(known)
    for done in range(len(finished), trials):
        _try(study, lambda values: _with(base, values, regime), space, scored, _mixed(seed, done))
        told(done + 1, _best_score(study))
    params = _with(base, study.best_trial.params, regime) if _scores(study) else None
    return _found(study, series, base, params, scored, start=split, end=end, account=account)


def overfit_of(train: float, test: float, *, luck: float = 0.0, before: float = math.nan) -> list[str]:
    """Return what is to be said about a best score in training beside the one after it.

    Args:
        train: Sharpe ratio in training.
        test: Sharpe ratio of the sessions held back; `nan` when there is none.
        luck: See `Found.luck`.
        before: Sharpe ratio over the sessions held back of what the search began with.
    """
    told = []
    gap = train - test
    if gap > GAP:
        told.append(
            f"the search overfits: Sharpe {train:.2f} in training, {test:.2f} on the sessions held back "
            f"(difference {gap:.2f}, {GAP} is much)"
        )
    if before > test:
        told.append(
            f"what the search began with was better on the sessions held back: Sharpe {before:.2f}, "
            f"not {test:.2f}"
        )
    if luck > 0 and train <= luck:
        told.append(
            f"luck alone explains it: the best of so many trials without any skill would reach "
            f"Sharpe {luck:.2f} in training, the best one has {train:.2f}"
        )
    return told


def _check(trials: int, space: Mapping[str, Span], regime: Regime | None) -> None:
    if trials < 1:
        raise TradingError(f"trials = {trials}: try 1 or more.")
    for name in space if regime else ():
        if name not in PER_REGIME:
            some = ", ".join(each for each in SPACE if each in PER_REGIME)
            raise TradingError(f'"{name}" is the same in every regime: use some of {some}.')
    for name in space:
        if name not in SPACE:
            raise TradingError(f'"{name}" cannot be searched: use some of {", ".join(SPACE)}.')


def _study(name: str, journal: Path | None) -> Any:
    try:
        import optuna
        from optuna.storages.journal import JournalFileBackend
    except ModuleNotFoundError as error:
        raise MissingExtraError("A parameter search", "search") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = None
    if journal is not None:
        journal.parent.mkdir(parents=True, exist_ok=True)
        storage = optuna.storages.JournalStorage(JournalFileBackend(str(journal)))
    study = optuna.create_study(study_name=name, storage=storage, direction="maximize", load_if_exists=True)
    # What a killed run was at is tried again; its half trial must not count.
    for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    return study


def _finished(study: Any) -> list[Any]:
    return [trial for trial in study.get_trials(deepcopy=False) if trial.state.name in ("COMPLETE", "PRUNED")]


def _try(
    study: Any,
    made: Callable[[Mapping[str, float]], Params],
    space: Mapping[str, Span],
    scored: Callable[[Params], PortfolioResult],
    seed: int,
) -> None:
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study.sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True)
        trial = study.ask()
        values = {
            name: trial.suggest_int(name, int(span.low), int(span.high))
            if span.is_whole
            else trial.suggest_float(name, span.low, span.high)
            for name, span in space.items()
        }
    try:
        result = scored(made(values))
    except BacktestError:
        raise
    except TradingError:
        # Parameters that contradict each other, such as an exit above the entry.
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        return
    if result.trades and math.isfinite(result.sharpe):
        study.tell(trial, result.sharpe)
    else:
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)


def _mixed(seed: int, done: int) -> int:
    # Added up, one seed's trials would be those of the next seed, one later.
    return int.from_bytes(hashlib.sha256(f"{seed}/{done}".encode()).digest()[:4], "big")


def _best_score(study: Any) -> float:
    return max(_scores(study), default=math.nan)


def _scores(study: Any) -> list[float]:
    return [trial.value for trial in _finished(study) if trial.state.name == "COMPLETE"]


def _with(base: Params, values: Mapping[str, Any], regime: Regime | None) -> Params:
    if regime is None:
        return replace(base, **values)
    mine = {**base.regimes.get(regime, {}), **values}
    return replace(base, regimes={**base.regimes, regime: mine})


def _found(
    study: Any,
    series: Mapping[str, Sequence[Bar]],
    base: Params,
    params: Params | None,
    scored: Callable[[Params], PortfolioResult],
    *,
    start: int | None,
    end: int | None,
    account: Mapping[str, Any],
) -> Found:
    finished, scores = _finished(study), _scores(study)
    if params is None:
        raise TradingError(
            f"not one of {len(finished)} trials traded: take a longer period, more symbols or a wider space."
        )
    best = study.best_trial

    def tested(candidate: Params) -> PortfolioResult | None:
        if start is None:
            return None
        return run_portfolio(series, SignalEngine(candidate, sorted(series)), **account, start=start, end=end)

    train, test, before_test = scored(params), tested(params), tested(base)
    luck = _luck(scores)
    return Found(
        params=params,
        best=Trial(best.number, dict(best.params), best.value),
        train=train,
        test=test,
        before=scored(base),
        before_test=before_test,
        trials=len(scores),
        skipped=len(finished) - len(scores),
        luck=luck,
        warnings=tuple(
            overfit_of(
                train.sharpe,
                test.sharpe if test else math.nan,
                luck=luck,
                before=before_test.sharpe if before_test else math.nan,
            )
        ),
        split=start,
    )


def _luck(scores: Sequence[float]) -> float:
    """Return the best score that so many worthless trials would be expected to have.

    Source: Bailey and López de Prado, "The Deflated Sharpe Ratio", 2014: the expected largest of N draws.
    """
    n = len(scores)
    if n < 2:
        return 0.0
    gamma = 0.5772156649015329
    normal = NormalDist()
    largest = (1 - gamma) * normal.inv_cdf(1 - 1 / n) + gamma * normal.inv_cdf(1 - 1 / (n * math.e))
    return stdev(scores) * largest


def _name_of(
    series: Mapping[str, Sequence[Bar]],
    base: Params,
    space: Mapping[str, Span],
    regime: Regime | None,
    seed: int,
    times: tuple[int | None, int | None, int | None],
    account: Mapping[str, Any],
) -> str:
    told = {
        "base": asdict(base),
        "space": {name: tuple(span) for name, span in space.items()},
        "regime": regime,
        "seed": seed,
        "times": times,
        "account": {key: repr(value) for key, value in sorted(account.items())},
        "data": hash_of(series),
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def hash_of(series: Mapping[str, Sequence[Bar]]) -> str:
    """Return the SHA-256 of bars: the same for the same bars, whatever order the symbols come in."""
    digest = hashlib.sha256()
    for symbol in sorted(series):
        digest.update(f"{symbol}\n".encode())
        for bar in series[symbol]:
            digest.update(
                f"{bar.time},{bar.open!r},{bar.high!r},{bar.low!r},{bar.close!r},{bar.volume!r}\n".encode()
            )
    return digest.hexdigest()
