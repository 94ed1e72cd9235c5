"""Options that `backtest` and `search` share: which bars, which account, which parameters."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trading.backtest.loading import Data
    from trading.backtest.running import Terms
    from trading.logs import BotLog
    from trading.settings import TradingSettings
    from trading.signals.params import Params

__all__ = ["add_shared", "day", "day_of", "learned_warning", "loaded", "params_of", "terms_of"]
__all__ += ["unfit_warnings"]

YEARS = 10


def add_shared(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (default: trading.toml here)")
    parser.add_argument(
        "--symbols", type=_names, default=[], metavar="A,B", help="which (default: the universe)"
    )
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="read CSV, Parquet or LEAN files there")
    parser.add_argument(
        "--interval", choices=["1m", "5m", "15m", "1h", "1d"], default="1d", help="length of a bar"
    )
    parser.add_argument(
        "--bars",
        choices=["1m", "5m", "15m", "1h"],
        help="length of the bars that are read, if shorter than --interval: they are joined within sessions",
    )
    parser.add_argument(
        "--from", dest="first", type=day, metavar="DATE", help="first day (default: 10 years back)"
    )
    parser.add_argument(
        "--to", dest="last", type=day, metavar="DATE", help="last day (default: the newest closed session)"
    )
    parser.add_argument(
        "--params", type=Path, metavar="FILE", help="parameters of maps (default: [signals] params)"
    )
    parser.add_argument("--cash", type=float, help="what to start with (default: [account] cash)")
    parser.add_argument("--fee", type=float, help="fraction of each fill (default: [account] fee)")
    parser.add_argument("--slippage", type=float, help="fraction of each price (default: [account] slippage)")
    parser.add_argument("--risk-free", type=float, default=0.0, metavar="RATE", help="annual, a fraction")
    parser.add_argument(
        "--no-limits", action="store_true", help="without stop-loss and the other limits of [account]"
    )
    parser.add_argument("--seed", type=int, default=0, help="same seed, same result")


def loaded(
    options: argparse.Namespace, settings: TradingSettings, log: BotLog, now: Callable[[], int] = time.time_ns
) -> Data:
    """Return the bars that the options ask for; without a last day, to the exchange's newest closed session.

    Args:
        options: What was asked for.
        settings: Which market.
        log: Who tells what was wrong with the bars.
        now: Unix ns.
    """
    from trading.backtest.loading import load
    from trading.sessions import load_sessions

    sessions = load_sessions(settings.market.calendar, settings.market.overrides)
    last = options.last or sessions.last_closed(now())
    first = options.first or last - timedelta(days=round(YEARS * 365.25))
    return load(
        settings,
        log=log,
        symbols=options.symbols,
        folder=options.data,
        first=first,
        last=last,
        interval=options.interval,
        made_of=options.bars,
    )


def terms_of(options: argparse.Namespace, settings: TradingSettings) -> Terms:
    """Return the account that the options ask for."""
    from trading.backtest.loading import year_of
    from trading.backtest.running import Terms
    from trading.daily.book import limits_of

    account = settings.account

    def chosen(name: str) -> Any:
        given = getattr(options, name)
        return getattr(account, name) if given is None else given

    return Terms(
        cash=chosen("cash"),
        fee=chosen("fee"),
        slippage=chosen("slippage"),
        limits=None if options.no_limits else limits_of(account),
        band=account.band,
        periods_per_year=year_of(settings.market.calendar, options.interval),
        risk_free=options.risk_free,
    )


def params_of(options: argparse.Namespace, settings: TradingSettings) -> tuple[Params, Path | None]:
    """Return the parameters of the signal engine, and their file; `None` for the defaults."""
    from trading.backtest.loading import year_of
    from trading.signals.params import default_params, load_params

    year = year_of(settings.market.calendar, options.interval)
    path = options.params or settings.signals.params
    if options.params is None and not path.is_file():
        return default_params(year), None
    return load_params(path, year=year), path


def unfit_warnings(options: argparse.Namespace, settings: TradingSettings, params: Params) -> tuple[str, ...]:
    """Return what of the parameters was made for another market than that of the settings."""
    from trading.backtest.loading import year_of
    from trading.signals.fitting import unfit

    calendar = settings.market.calendar
    path = options.params or settings.signals.params
    return tuple(each.text for each in unfit(params, calendar, year_of(calendar, options.interval), path))


def learned_warning(path: Path | None, first: date) -> str:
    """Return what is to be said of parameters that were found in the period they are tested in, or nothing.

    Args:
        path: The file of the parameters; `None` for the defaults, which were found nowhere.
        first: First day of the backtest.
    """
    if path is None:
        return ""
    about = json.loads(path.read_text(encoding="utf-8")).get("about") or {}
    try:
        learned_from, learned_to = about["period"]
        held_back = (about.get("out_of_sample") or {}).get("from")
        is_seen = first < date.fromisoformat(held_back or learned_to)
    except (KeyError, TypeError, ValueError):
        # Notes of a person; nothing is known of how the parameters were found.
        return ""
    if not is_seen:
        return ""
    return (
        f"the parameters were found on sessions from {learned_from} to {held_back or learned_to}: "
        "what happened there says nothing about the future"
    )


def day(text: str) -> date:
    """Return a day; for argparse."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day: write it as 2026-11-20") from None


def day_of(time: int) -> date:
    """Return the day of a bar's time."""
    return datetime.fromtimestamp(time // 1_000_000_000, UTC).date()


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
