"""Market data on the command line: `python -m trading data fetch | check | show`.

`fetch` asks the source for what the cache does not have, `check` judges what is there by the rules for bad
data (a symbol, or a file that is not in use yet), `show` prints the bars that a strategy would be given.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from trading.logs import open_to_listeners

if TYPE_CHECKING:
    from trading.bars import Bar
    from trading.market.findings import Finding
    from trading.market.opening import Market
    from trading.market.source import Interval
    from trading.market.universe import Instrument
    from trading.settings import TradingSettings

__all__ = ["configure", "run"]

_INTERVALS = ("1m", "5m", "15m", "1h", "1d")
_ENDINGS = (".csv", ".csv.gz", ".parquet", ".zip", ".txt")
_MARKS = {"kept": "told    ", "adjusted": "mended  ", "dropped": "dropped ", "refused": "REFUSED "}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parts = parser.add_subparsers(dest="part", required=True, metavar="{fetch,check,show}")
    fetch = parts.add_parser("fetch", help="ask the source for what the cache does not have")
    check = parts.add_parser(
        "check", help="judge the bars, or a file, by the rules for bad data; exit 1: refused"
    )
    show = parts.add_parser("show", help="print the bars that a strategy would be given")
    for part in (fetch, check, show):
        part.add_argument("--config", type=Path, metavar="FILE", help="settings (default: trading.toml here)")
        part.add_argument(
            "--interval", choices=_INTERVALS, default="1d", help="length of a bar (default: 1d)"
        )
        part.add_argument("--calendar", metavar="NAME", help="instead of [market] calendar")
        part.add_argument(
            "--since",
            type=_day,
            metavar="DATE",
            help="first day (default: [data] days ago; of bars within a day: a week)",
        )
        part.add_argument(
            "--to", type=_day, metavar="DATE", help="last day (default: the newest closed session)"
        )
    fetch.add_argument("symbols", nargs="*", metavar="SYMBOL", help="default: the universe")
    check.add_argument("symbols", nargs="*", metavar="SYMBOL|FILE", help="default: the universe")
    show.add_argument("symbols", nargs=1, metavar="SYMBOL|FILE")
    show.add_argument("--last", type=int, default=20, metavar="N", help="how many bars (default: 20)")


def run(options: argparse.Namespace) -> int:
    """Do one part; return the exit code: 1 when a symbol is refused."""
    from msgspec.structs import replace

    from trading.settings import load_settings

    open_to_listeners()
    settings = load_settings(options.config)
    if options.calendar:
        its = replace(settings.market, calendar=options.calendar, overrides=None)
        settings = replace(settings, market=its)
    files = _files(options.symbols) if options.part != "fetch" else []
    if files:
        return _of_files(files, options, settings)
    opened = _market(settings, options.symbols)
    try:
        return _of_market(opened, options, settings)
    finally:
        opened.close()


def _files(names: Sequence[str]) -> list[Path]:
    """Return the files that were named, none when symbols were; what only looks like a file is an error."""
    from trading.errors import TradingError

    files = [Path(name) for name in names if Path(name).is_file()]
    others = [name for name in names if not Path(name).is_file()]
    lost = [name for name in others if name.lower().endswith(_ENDINGS)]
    if lost:
        raise TradingError(f"{lost[0]}: no such file. Name one that exists, or a symbol.")
    if files and others:
        raise TradingError(f"{files[0]} is a file and {others[0]} is none: ask for files or for symbols.")
    return files


def _within(bars: Sequence[Bar], options: argparse.Namespace) -> list[Bar]:
    from trading.bars import time_of

    # By nanoseconds: a time in a wrong unit may be no date at all.
    first = time_of(options.since) if options.since else -math.inf
    end = time_of(options.to + timedelta(days=1)) if options.to else math.inf
    return [bar for bar in bars if first <= bar.time < end]


def _of_market(market: Market, options: argparse.Namespace, settings: TradingSettings) -> int:
    from trading.errors import TradingError
    from trading.market.findings import counted

    last = options.to or market.sessions.last_closed(time.time_ns())
    first = options.since or last - timedelta(days=settings.data.days if options.interval == "1d" else 7)
    if first > last:
        raise TradingError(f"--since {first} lies after --to {last}. Swap them.")
    _say(f"{market.universe.name}: {options.interval} bars from {first} to {last}, {market.sessions.name}, "
         f"source {market.source.name}")  # fmt: skip
    refused = 0
    for instrument in market.universe:
        checked = market.checked(instrument, options.interval, first, last)
        refused += checked.refused
        _summed(instrument, checked.bars, options.interval, _way(market))
        if options.part == "show" and checked.bars:
            _shown(checked.bars[-options.last :], options.interval)
        if options.part != "fetch" or checked.refused:
            _told(checked.findings)
        elif checked.findings:
            _say(
                f"  {counted(checked.findings, 'finding')}: python -m trading data check {instrument.symbol}"
            )
    if refused:
        _say(f"{refused} of {len(market.universe)} refused")
    return int(refused > 0)


def _of_files(files: Sequence[Path], options: argparse.Namespace, settings: TradingSettings) -> int:
    from trading.market.checking import check
    from trading.market.files import read_bars
    from trading.market.frames import Reading
    from trading.market.universe import Instrument
    from trading.sessions import load_sessions

    sessions = load_sessions(settings.market.calendar, settings.market.overrides)
    refused = 0
    for path in files:
        symbol = path.name.split(".")[0]
        data = settings.data
        reading = Reading(symbol, options.interval, sessions.zone, data.decimal, data.adjusted)
        checked = check(
            _within(read_bars(path, reading), options),
            symbol=symbol,
            interval=options.interval,
            sessions=sessions,
            now=time.time_ns(),
        )
        refused += checked.refused
        _summed(Instrument(symbol), checked.bars, options.interval, sessions.name)
        if options.part == "show" and checked.bars:
            _shown(checked.bars[-options.last :], options.interval)
        _told(checked.findings)
    return int(refused > 0)


def _market(settings: TradingSettings, symbols: Sequence[str]) -> Market:
    from trading.logs import BotLog
    from trading.market.opening import open_market
    from trading.market.universe import Instrument, Universe, load_universe

    universe = None
    if symbols:
        path = settings.market.universe
        known = {one.symbol: one for one in load_universe(path)} if path.is_file() else {}
        universe = Universe("named symbols", tuple(known.get(name, Instrument(name)) for name in symbols))
    return open_market(settings, log=BotLog("data", "none"), universe=universe)


def _way(market: Market) -> str:
    from trading.market.cache import Cache

    if isinstance(market.source, Cache):
        return "from the cache" if market.source.was_hit else f"fetched from {market.source.name}"
    return "read"


def _summed(instrument: Instrument, bars: Sequence[Bar], interval: Interval, way: str) -> None:
    from trading.market.findings import shown

    name = (
        f"{instrument.symbol} {instrument.name}"
        if instrument.name not in ("", instrument.symbol)
        else instrument.symbol
    )
    if not bars:
        _say(f"{name}: no usable bar ({way})")
        return
    _say(f"{name}: {len(bars)} bars, {shown(bars[0].time, interval)} to {shown(bars[-1].time, interval)}, "
         f"newest close {bars[-1].close:,.10g} ({way})")  # fmt: skip


def _shown(bars: Sequence[Bar], interval: Interval) -> None:
    from trading.market.findings import shown

    rows: list[tuple[str, ...]] = [("time", "open", "high", "low", "close", "volume")]
    rows += [(shown(bar.time, interval), *(f"{value:,.10g}" for value in bar[1:])) for bar in bars]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        _say("  " + f"{row[0]:<{widths[0]}}  " + "  ".join(
            f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True)))  # fmt: skip


def _told(findings: Iterable[Finding]) -> None:
    for finding in findings:
        _say(f"  {_MARKS[finding.action]} {finding.fault}: {finding.text}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day: write it as 2026-11-20") from None
