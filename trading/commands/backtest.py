"""Backtest a strategy: `python -m trading backtest`.

Prints its figures beside those of simply holding, writes a report page, and keeps the result in the store.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trading.commands.asking import (
    add_shared,
    day_of,
    learned_warning,
    loaded,
    params_of,
    terms_of,
    unfit_warnings,
)
from trading.commands.progress import Progress
from trading.errors import TradingError
from trading.logs import open_to_listeners

if TYPE_CHECKING:
    from trading.backtest.loading import Data
    from trading.backtest.naming import Subject
    from trading.backtest.results import BacktestResult, PortfolioResult
    from trading.backtest.running import Terms
    from trading.backtest.walkforward import Choice, WalkForward, Window
    from trading.settings import TradingSettings
    from trading.signals.params import Params
    from trading.store.backtests import Backtests

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--strategy",
        default="maps",
        metavar="NAME",
        help="maps (default), sma_cross:FAST,SLOW, hold, or module:function of your own",
    )
    add_shared(parser)
    parser.add_argument(
        "--walk-forward",
        type=_windows,
        metavar="TRAIN,TEST",
        help="sessions: choose parameters of maps in each training, trade them in the test after it",
    )
    parser.add_argument("--trials", type=int, default=20, help="of each training of the walk-forward")
    parser.add_argument(
        "--robust", action="store_true", help="also: returns in another order, parameters a little off"
    )
    parser.add_argument(
        "--report", type=Path, metavar="FOLDER", help="of the page (default: [paths] reports)"
    )
    parser.add_argument("--no-report", action="store_true", help="write no page")
    parser.add_argument("--no-store", action="store_true", help="keep nothing in the store")


def run(options: argparse.Namespace) -> int:
    """Run the backtest; return the exit code."""
    from trading.backtest.naming import subject_of
    from trading.backtest.wording import data_lines
    from trading.logs import BotLog
    from trading.settings import load_settings
    from trading.signals.params import default_params

    open_to_listeners()
    settings = load_settings(options.config)
    params, source = params_of(options, settings)
    terms = terms_of(options, settings)
    if options.walk_forward and options.params is None:
        # A file of parameters found on the whole period would tell each training what comes after it.
        params, source = default_params(terms.periods_per_year), None
    subject = subject_of(options.strategy, params)
    if options.walk_forward and subject.kind != "maps":
        raise TradingError(f"--walk-forward chooses parameters of maps; {subject.name} has none to choose.")
    given = f", parameters {source or 'as shipped'}" if subject.kind == "maps" else ""
    _say(f"Backtest of {subject.name}{given}.")
    data = loaded(options, settings, BotLog("backtest", subject.name, mode="backtest"))
    for line in data_lines(data):
        _say(line)
    warnings: list[str] = []
    if subject.kind == "maps":
        warnings += filter(None, [learned_warning(source, day_of(data.times[0]))])
        warnings += unfit_warnings(options, settings, params)
    for warning in warnings:
        _say(f"Look out: {warning}.")
    if options.no_store:
        _Job(options, settings, subject, params, data, terms, None, warnings).run()
    else:
        from trading.store.store import open_store

        with open_store(settings.paths.store) as store:
            _Job(options, settings, subject, params, data, terms, store.backtests, warnings).run()
    return 0


class _Job:
    """One backtest: told as events, kept in the store, printed, and written as a page."""

    def __init__(
        self,
        options: argparse.Namespace,
        settings: TradingSettings,
        subject: Subject,
        params: Params,
        data: Data,
        terms: Terms,
        kept: Backtests | None,
        warnings: list[str],
    ) -> None:
        from trading.backtest.telling import Telling

        self._options = options
        self._settings = settings
        self._subject = subject
        self._params = params
        self._data = data
        self._terms = terms
        self._kept = kept
        self._warnings = [f"{symbol}: no usable bars, left out" for symbol in data.refused]
        self._warnings += warnings
        self._id = self._queued()
        self._hash = data.hash
        self._telling = Telling(
            self._id,
            subject.name,
            symbols=data.symbols,
            start=data.times[0],
            end=data.times[-1],
            fee=terms.fee,
            currency=data.currency,
        )

    def run(self) -> None:
        """Do it all; what goes wrong is told, kept and raised."""
        self._telling.queued()
        if self._kept is not None:
            self._kept.start(self._id, time.time_ns())
        self._telling.started(self._hash)
        began = time.perf_counter()
        try:
            result, walk = self._result()
        except BaseException as error:
            self._failed(error, time.perf_counter() - began)
            raise
        seconds = time.perf_counter() - began
        self._telling.finished(result, seconds, self._hash)
        if self._kept is not None:
            self._kept.complete(
                self._id, result, time.time_ns(), currency=self._data.currency, data_hash=self._hash
            )
        self._print(result, walk, seconds)

    def _result(self) -> tuple[BacktestResult | PortfolioResult, WalkForward | None]:
        from trading.backtest.running import outcome_of

        if not self._options.walk_forward:
            return outcome_of(self._subject, self._data, self._terms), None
        walk = self._walked(*self._options.walk_forward)
        return walk.result, walk

    def _walked(self, train: int, test: int) -> WalkForward:
        from trading.backtest.search import search
        from trading.backtest.walkforward import Choice, walk_forward, windows_of
        from trading.signals.engine import SignalEngine

        data, terms, trials = self._data, self._terms.portfolio(self._data), self._options.trials
        series = {
            symbol: [bar for bar in bars if bar.time >= data.start] for symbol, bars in data.series.items()
        }
        windows = windows_of(data.times, train=train, test=test)
        with Progress("Walk-forward", len(windows) * trials) as progress:

            def choose(window: Window) -> Choice:
                before = windows.index(window) * trials
                found = search(
                    data.series,
                    self._params,
                    trials=trials,
                    seed=self._options.seed,
                    start=window.train_first,
                    end=window.test_first,
                    told=lambda done, best: progress.at(before + done),
                    **terms,
                )
                return Choice(
                    engine=SignalEngine(found.params, data.symbols),
                    score=found.train.sharpe,
                    parameters=found.best.parameters,
                )

            return walk_forward(series, choose, train=train, test=test, **terms)

    def _print(
        self, result: BacktestResult | PortfolioResult, walk: WalkForward | None, seconds: float
    ) -> None:
        from trading.backtest.wording import result_lines, walk_lines

        _say("")
        if walk is not None:
            for line in walk_lines(walk):
                _say(line)
            _say("")
        for line in result_lines(result, self._data):
            _say(line)
        if self._options.robust:
            self._print_robustness(result, walk)
        _say(f"Took {seconds:.2f} s." + ("" if self._kept is None else f" Kept as {self._id}."))
        if not self._options.no_report:
            _say(f"Report: {self._written(result, walk, seconds)}")

    def _print_robustness(self, result: BacktestResult | PortfolioResult, walk: WalkForward | None) -> None:
        from trading.backtest.naming import subject_of
        from trading.backtest.robustness import perturbed, shuffled
        from trading.backtest.running import outcome_of
        from trading.backtest.wording import robustness_lines

        moved = None
        if self._subject.kind == "maps" and walk is None:
            with Progress("Neighbours", 30) as progress:
                moved = perturbed(
                    self._params,
                    lambda params: outcome_of(subject_of("maps", params), self._data, self._terms).sharpe,
                    seed=self._options.seed,
                    told=progress.at,
                )
        _say("\nRobustness")
        for line in robustness_lines(shuffled(result, seed=self._options.seed), moved):
            _say(line)

    def _written(
        self, result: BacktestResult | PortfolioResult, walk: WalkForward | None, seconds: float
    ) -> Path:
        from trading.backtest.facts import facts_of
        from trading.reporting.writing import write_report

        facts = facts_of(
            result,
            self._subject,
            self._data,
            made=time.time_ns(),
            seconds=seconds,
            warnings=self._warnings,
            steps=walk.steps if walk else (),
        )
        folder = self._options.report or self._settings.paths.reports / "backtests"
        stem = f"{self._subject.name.replace(':', '-').replace(',', '-')}-{self._id[:8]}"
        paths = write_report(facts, folder, self._settings.notify.language, stem=stem)
        return next(path for path in paths if path.suffix == ".html")

    def _queued(self) -> str:
        if self._kept is None:
            # The same backtest has the same name: its report is written over, not beside.
            return self._data.hash[:24]
        from trading.store.backtests import Strategy

        subject, options = self._subject, self._options
        parameters = dict(subject.parameters)
        now = time.time_ns()
        self._kept.save_strategy(
            Strategy(id=subject.name, name=subject.name, kind=subject.kind, config=parameters), now
        )
        return self._kept.create(subject.name, _config(options, self._data, self._terms, parameters), now).id

    def _failed(self, error: BaseException, seconds: float) -> None:
        from trading.backtest.telling import error_type_of

        self._telling.failed(error, seconds)
        if self._kept is not None:
            told = str(error) or type(error).__name__
            self._kept.fail(self._id, time.time_ns(), error_type=error_type_of(error), error=told)


def _config(
    options: argparse.Namespace, data: Data, terms: Terms, parameters: dict[str, Any]
) -> dict[str, Any]:
    """Return all that is needed to run it again."""
    from trading.scales import date_text

    return {
        "symbols": list(data.symbols),
        "start": date_text(data.times[0]),
        "end": date_text(data.times[-1]),
        "interval": data.interval,
        "source": data.source,
        "cash": terms.cash,
        "fee": terms.fee,
        "slippage": terms.slippage,
        "risk_free": terms.risk_free,
        "has_limits": terms.limits is not None,
        "seed": options.seed,
        "walk_forward": list(options.walk_forward or ()),
        "parameters": parameters,
    }


def _windows(text: str) -> tuple[int, int]:
    try:
        train, test = (int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: write two numbers of sessions, e.g. 756,126") from None
    return train, test


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
