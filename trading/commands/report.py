"""Reports from the store: `python -m trading report daily|weekly|performance`."""

from __future__ import annotations

import argparse
import re
import sys
import time
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from trading.errors import TradingError
from trading.logs import open_to_listeners

if TYPE_CHECKING:
    from trading.reporting.facts import DailyFacts, WeeklyFacts
    from trading.reporting.page import Page
    from trading.reporting.words import Language
    from trading.settings import TradingSettings
    from trading.store.store import Store

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (default: trading.toml here)")
    parser.add_argument(
        "what",
        choices=["daily", "weekly", "performance"],
        help="of one session, of Monday to Sunday, or of the account and its signals since the start",
    )
    parser.add_argument(
        "--date",
        type=_day,
        metavar="DATE",
        help="the session, or any day of the week (default: the newest session; the week of today)",
    )
    parser.add_argument("--language", choices=["ko", "en"], help="not the one of the settings")
    parser.add_argument(
        "--folder", type=Path, help="not reports/daily, reports/weekly or reports/performance"
    )
    parser.add_argument("--symbol", help="performance: signals and trades of this one only")
    parser.add_argument("--send", action="store_true", help="weekly: send its summary too, once")


def run(options: argparse.Namespace) -> int:
    """Write the report; return the exit code: 1 when its summary did not arrive."""
    from trading.reporting.writing import write_page, write_report
    from trading.settings import load_settings
    from trading.store.store import open_store

    settings = load_settings(options.config)
    open_to_listeners()
    if not settings.paths.store.is_dir():
        raise TradingError(
            f"{settings.paths.store}: no store there. Run `trading daily` first, or mend [paths] store."
        )
    folder = options.folder or settings.paths.reports / options.what
    language = options.language or settings.notify.language
    if options.what == "performance":
        page = _performance(settings, options.symbol, language)
        return _told(write_page(page, folder, _stem(options.symbol)))
    facts: DailyFacts | WeeklyFacts
    with open_store(settings.paths.store) as store:
        facts = (
            _daily(store, options.date) if options.what == "daily" else _weekly(store, settings, options.date)
        )
    _told(write_report(facts, folder, language))
    if options.send and options.what == "weekly":
        return _send(facts, settings, options.language)  # type: ignore[arg-type]
    return 0


def _told(paths: list[Path]) -> int:
    for path in paths:
        sys.stdout.write(f"{path}\n")
    return 0


def _stem(symbol: str | None) -> str:
    # A symbol of an exchange may have a slash: BTC/KRW.
    return f"performance-{re.sub(r'[^0-9A-Za-z._-]', '-', symbol)}" if symbol else "performance"


def _performance(settings: TradingSettings, symbol: str | None, language: Language) -> Page:
    from trading.reporting.history import performance_facts
    from trading.reporting.performance import performance_page
    from trading.sessions import load_sessions
    from trading.signals.fitting import chosen_params, year_of
    from trading.store.store import open_store

    params = chosen_params(settings.signals.params, year_of(settings.market.calendar))
    with open_store(settings.paths.store) as store:
        facts = performance_facts(
            store,
            load_sessions(settings.market.calendar, settings.market.overrides),
            currency=settings.market.currency,
            made=time.time_ns(),
            symbol=symbol,
            periods_per_year=params.periods_per_year,
        )
    if symbol and not (facts.symbols or facts.history):
        raise TradingError(f"{settings.paths.store}: nothing was ever said of {symbol}. Mend --symbol.")
    return performance_page(facts, language, symbol)


def _daily(store: Store, day: date | None) -> DailyFacts:
    import msgspec

    from trading.reporting.facts import DailyFacts

    found = store.signals.facts(day)
    if found is None:
        which = f"the session {day}" if day else "any session"
        again = f" --as-of {day}" if day else ""
        raise TradingError(
            f"{store.folder}: nothing was recorded for {which}. Run `trading daily{again}` first."
        )
    return msgspec.json.decode(found, type=DailyFacts)


def _weekly(store: Store, settings: TradingSettings, day: date | None) -> WeeklyFacts:
    from trading.reporting.tracker import weekly_facts
    from trading.sessions import load_sessions

    sessions = load_sessions(settings.market.calendar, settings.market.overrides)
    now = time.time_ns()
    return weekly_facts(
        store,
        sessions,
        day or datetime.fromtimestamp(now // 10**9, sessions.zone).date(),
        over=sessions.last_closed(now),
        currency=settings.market.currency,
        made=now,
    )


def _send(facts: WeeklyFacts, settings: TradingSettings, language: str | None) -> int:
    from trading.logs import BotLog
    from trading.notify import messages
    from trading.notify.notifier import open_notifier

    if not settings.notify.secret.exists():
        sys.stderr.write(f"trading: nobody to tell: {settings.notify.secret} is not there\n")
        return 1
    notifier = open_notifier(settings, log=BotLog("report", "none"))
    try:
        outcome = notifier.send(
            messages.weekly(facts, "en" if (language or settings.notify.language) == "en" else "ko")
        )
    finally:
        notifier.close()
    sys.stdout.write(f"message: {outcome.state}{' (sent before)' if outcome.duplicate else ''}\n")
    return 0 if outcome.ok else 1


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day: write it as 2026-11-20") from None
