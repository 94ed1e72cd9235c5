"""Search parameters of the signal engine: `python -m trading search`.

Tries many in the first part of the period, then the best one once on the part held back, and writes it to
`best_params.json` with both figures. Interrupted, it goes on where it was when it is run again.
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trading.commands.asking import add_shared, loaded, params_of, terms_of, unfit_warnings
from trading.commands.progress import Progress
from trading.errors import TradingError

if TYPE_CHECKING:
    from trading.backtest.loading import Data
    from trading.backtest.search import Found, Span

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_shared(parser)
    parser.add_argument("--trials", type=int, default=100, help="how many to try in all (default: 100)")
    parser.add_argument("--only", default="", metavar="A,B", help="parameters to search (default: all 13)")
    parser.add_argument(
        "--hold-back",
        type=float,
        default=0.3,
        metavar="SHARE",
        help="of the sessions, for the test (default: 0.3)",
    )
    parser.add_argument(
        "--regime",
        choices=["bull", "bear", "sideways", "volatile"],
        help="search what holds in that kind of market only; the rest stays as it is",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write (default: [signals] params)")
    parser.add_argument(
        "--journal", type=Path, metavar="FILE", help="what was tried (default: [paths] store)"
    )
    parser.add_argument("--dry-run", action="store_true", help="print, and write no parameters")


def run(options: argparse.Namespace) -> int:
    """Search; return the exit code (1: interrupted, and to be continued)."""
    from trading.backtest.search import search
    from trading.backtest.wording import data_lines, found_lines
    from trading.logs import BotLog, open_to_listeners
    from trading.settings import load_settings

    open_to_listeners()
    settings = load_settings(options.config)
    space = _space(options.only, options.regime)
    if not 0 <= options.hold_back < 1:
        raise TradingError(f"--hold-back {options.hold_back}: write a share, 0 or more and below 1.")
    base, source = params_of(options, settings)
    terms = terms_of(options, settings)
    within = f" in a {options.regime} market" if options.regime else ""
    _say(f"Search of {', '.join(space)}{within}; it begins with {source or 'the defaults'}.")
    for warning in unfit_warnings(options, settings, base):
        _say(f"Look out: {warning}.")
    data = loaded(options, settings, BotLog("search", "maps", mode="backtest"))
    for line in data_lines(data):
        _say(line)
    split = _split(data.times, options.hold_back)
    _say(_period_line(data, split))
    journal = options.journal or settings.paths.store / "search.journal"
    began = time.perf_counter()
    try:
        with Progress("Search", options.trials) as progress:
            found = search(
                data.series,
                base,
                trials=options.trials,
                seed=options.seed,
                space=space,
                regime=options.regime,
                start=data.start,
                split=split,
                journal=journal,
                told=lambda done, best: progress.at(done, f"best Sharpe {best:.2f}"),
                **terms.portfolio(data),
            )
    except KeyboardInterrupt:
        _say(f"Interrupted. The same command goes on from {journal}.")
        return 1
    for line in found_lines(found):
        _say(line)
    _say(f"Took {time.perf_counter() - began:.1f} s.")
    if options.dry_run:
        return 0
    return _write(options, options.out or settings.signals.params, found, data, space)


def _write(options: argparse.Namespace, path: Path, found: Found, data: Data, space: dict[str, Span]) -> int:
    from trading.signals.params import save_params

    if path.is_file():
        kept = path.with_name(f"{path.stem}.before{path.suffix}")
        path.replace(kept)
        _say(f"What stood there is kept as {kept}.")
    save_params(path, found.params, _about(options, found, data, space))
    _say(f"Written: {path}")
    return 0


def _about(options: argparse.Namespace, found: Found, data: Data, space: dict[str, Span]) -> dict[str, Any]:
    from trading.scales import date_text

    held_back = None
    if found.test is not None and found.split is not None:
        held_back = {
            "from": date_text(found.split),
            "sharpe": _rounded(found.test.sharpe),
            "return": _rounded(found.test.total_return),
            "max_drawdown": _rounded(found.test.max_drawdown),
        }
    return {
        "found": datetime.now(UTC).date().isoformat(),
        "searched": {name: [span.low, span.high] for name, span in space.items()},
        "regime": options.regime,
        "trials": found.trials,
        "seed": options.seed,
        "symbols": list(data.symbols),
        "period": [date_text(data.times[0]), date_text(data.times[-1])],
        "data_hash": data.hash,
        "in_sample": {
            "sharpe": _rounded(found.train.sharpe),
            "return": _rounded(found.train.total_return),
            "max_drawdown": _rounded(found.train.max_drawdown),
        },
        "out_of_sample": held_back,
        "luck": _rounded(found.luck),
        "warnings": list(found.warnings),
    }


def _space(names: str, regime: str | None) -> dict[str, Span]:
    from trading.backtest.search import SPACE
    from trading.signals.params import PER_REGIME

    every = [name for name in SPACE if regime is None or name in PER_REGIME]
    wanted = [name.strip() for name in names.split(",") if name.strip()] or every
    for name in wanted:
        if name not in SPACE:
            raise TradingError(f'--only: "{name}" cannot be searched; use some of {", ".join(SPACE)}.')
    return {name: SPACE[name] for name in wanted}


def _split(times: list[int], share: float) -> int | None:
    """Return the first session held back; none when nothing is."""
    held = round(len(times) * share)
    if held == 0:
        return None
    if len(times) - held < 2 or held < 2:
        raise TradingError(
            f"{len(times)} sessions are too few to train and to hold some back: take a longer period."
        )
    return times[-held]


def _period_line(data: Data, split: int | None) -> str:
    from trading.scales import date_text

    if split is None:
        return "Nothing is held back: no figure here says anything about the future."
    held = sum(time >= split for time in data.times)
    trained = len(data.times) - held
    return f"Training on {trained:,} sessions, then one test on the {held:,} from {date_text(split)} on."


def _rounded(value: float) -> float | None:
    return round(value, 6) if abs(value) < float("inf") else None


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
