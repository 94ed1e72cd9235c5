"""Run bots on paper: `python -m trading run --paper`.

Sets logging up, then runs each bot in a process of its own. The core itself names no listener:
whoever wants the records attaches to `logging` (`--log-config`, or `obs run -- python -m trading …`).
"""

from __future__ import annotations

import argparse
import json
import logging
import logging.config
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from trading import __version__
from trading.errors import TradingError
from trading.logs import TRACE, BotLog
from trading.paper.books import together
from trading.paper.clock import start_of
from trading.paper.faults import PLANS
from trading.paper.fleet import FLEET, LEAST_HISTORY, SYMBOLS, bundled, first_bar, run_bot, warm_up
from trading.paper.live import LiveFeed, open_live
from trading.paper.own_candles import OwnCandles, read_candles

__all__ = ["configure", "run"]

_USUAL_S = 2700.0
_LONGEST_S = 10 * 365 * 86_400.0
"""A live run goes on until it is ended."""
_PATIENCE_S = 20.0
"""How long bots may take to end in order."""
_MINUTE_NS = 60_000_000_000
_UNITS = {"s": 1, "m": 60, "h": 3600}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--paper", action="store_true", required=True, help="trade on paper (the only way)")
    parser.add_argument(
        "--bots", type=_bots, default=list(FLEET), help=f"which, by comma (all: {','.join(FLEET)})"
    )
    parser.add_argument(
        "--market",
        choices=["replay", "live"],
        default="replay",
        help="recorded candles, or an exchange's own now",
    )
    parser.add_argument(
        "--exchange", default="upbit", help="whose candles, as ccxt calls it (extra crypto; upbit)"
    )
    parser.add_argument("--faults", choices=sorted(PLANS), default="none", help="which incidents to plant")
    parser.add_argument("--speed", type=_speed, default=0.0, help="times the clock on the wall; 0: at once")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same run")
    parser.add_argument(
        "--duration",
        type=_duration,
        help="of the run's own clock, e.g. 24h (45m; own candles: all; live: until ended)",
    )
    parser.add_argument(
        "--candles", type=Path, help="folder (or file) of one-minute candles of your own: CSV, Parquet, LEAN"
    )
    parser.add_argument(
        "--symbols", type=_names, help=f"what your candles are of, by comma ({','.join(SYMBOLS)})"
    )
    parser.add_argument("--currency", default="USD", help="of symbols that do not tell theirs (USD)")
    parser.add_argument(
        "--start", type=int, help="Unix ns at which the run's clock starts (so that it ends now)"
    )
    parser.add_argument("--books", type=Path, help="file for the bots' own books at the end, as JSON")
    parser.add_argument("--log-config", type=_file, help="a dictConfig as JSON, e.g. trading/logging.json")


def run(options: argparse.Namespace) -> int:
    """Run the bots; return the exit code."""
    # What cannot be played or kept is refused once and before any bot starts.
    if options.books and not os.access(options.books.absolute().parent, os.W_OK):
        raise TradingError(
            f"--books {options.books}: its folder does not exist or cannot be written. Make it."
        )
    if options.books and options.books.is_dir():
        raise TradingError(f"--books {options.books} is a folder. Name a file in it.")
    if options.market == "live":
        return _run_live(options)
    candles = _candles(options)
    start_ns = options.start or start_of(time.time_ns(), options.duration, options.speed)
    if len(options.bots) > 1:
        return _run_children(options, start_ns)
    return _run_here(options, start_ns, candles)


def _run_live(options: argparse.Namespace) -> int:
    if not options.symbols or options.candles or options.speed not in (0.0, 1.0):
        raise TradingError("--market live needs --symbols, e.g. BTC/KRW,ETH/KRW; no --candles, no --speed.")
    options.speed, options.duration = 1.0, options.duration or _LONGEST_S
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, _end_in_order)
    if len(options.bots) > 1:
        # A symbol or an exchange that does not exist is said once, not by each bot.
        open_live(options.exchange, options.symbols, BotLog("data", "collector"), history=LEAST_HISTORY)
        return _run_children(options, 0)
    _set_up_logging(options.log_config)
    config = FLEET[options.bots[0]]
    log = BotLog(config.bot_id, config.strategy_name)
    feed = open_live(options.exchange, options.symbols, log, history=config.history)
    # Candles are of whole minutes, and so is the run.
    start_ns = (time.time_ns() // _MINUTE_NS + 1) * _MINUTE_NS
    time.sleep((start_ns - time.time_ns()) / 1e9)
    feed.start()
    try:
        return _run_here(options, start_ns, None, feed)
    finally:
        feed.stop()


def _candles(options: argparse.Namespace) -> OwnCandles | None:
    """Read the candles that were named and settle the duration; `None`: the bundled ones."""
    if options.candles is None:
        if options.symbols:
            raise TradingError("--symbols says what your own candles are of: name them with --candles.")
        options.duration = options.duration or _USUAL_S
        for bot_id in options.bots:
            bundled(FLEET[bot_id], options.duration)
        return None
    if not options.candles.exists():
        raise TradingError(f"--candles {options.candles}: no such file or folder.")
    if options.candles.is_file() and len(options.symbols or SYMBOLS) != 1:
        raise TradingError(
            f"--candles {options.candles} is one file: say whose with --symbols, e.g. BTC/KRW."
        )
    candles = read_candles(options.candles, options.symbols or SYMBOLS)
    first = warm_up(candles.count)
    options.duration = options.duration or max(candles.count - first - 1, 0) * 60.0
    first_bar(candles.count, options.duration or 60.0, usual=first)
    return candles


def _run_here(
    options: argparse.Namespace, start_ns: int, candles: OwnCandles | None, feed: LiveFeed | None = None
) -> int:
    if feed is None:
        _set_up_logging(options.log_config)
    config = FLEET[options.bots[0]]
    if candles is not None:
        candles.report(BotLog(config.bot_id, config.strategy_name))
    bot = run_bot(
        config,
        start_ns=start_ns,
        duration_s=options.duration,
        faults=PLANS[options.faults],
        seed=options.seed,
        speed=options.speed,
        bars=candles.bars if candles else None,
        quote=options.currency,
        feed=feed,
    )
    lasted = bot.clock.elapsed
    if options.books:
        _write(options.books, bot.told_books())
    earned = f"{bot.equity - bot.day_start:+.2f} {bot.config.currency}"
    # One write, so that the lines of several bots do not run into each other.
    sys.stdout.write(f"{bot.config.bot_id}: {earned} in {lasted / 60:.0f} min\n")
    sys.stdout.flush()
    return 0


def _run_children(options: argparse.Namespace, start_ns: int) -> int:
    command = [sys.executable, "-m", "trading", "run", "--paper", "--start", str(start_ns)]
    for name in ("market", "exchange", "faults", "speed", "seed"):
        command += [f"--{name}", str(getattr(options, name))]
    command += ["--duration", f"{options.duration:.0f}s"]
    if options.candles:
        command += ["--candles", str(options.candles)]
    if options.candles or options.market == "live":
        symbols = ",".join(options.symbols or SYMBOLS)
        command += ["--symbols", symbols, "--currency", options.currency]
    if options.log_config:
        command += ["--log-config", str(options.log_config)]
    parts = {bot_id: Path(f"{options.books}.{bot_id}.part") for bot_id in options.bots if options.books}
    children = [
        subprocess.Popen(
            [*command, "--bots", bot_id, *(["--books", str(parts[bot_id])] if parts else [])],
            env=_environment(bot_id),
        )
        for bot_id in options.bots
    ]
    try:
        code = _waited(children)
        if parts:
            _join_books(options, list(parts.values()))
        return code
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.wait()


def _end_in_order(*_: object) -> NoReturn:
    # Once: a second signal, as from a terminal and from the parent, must not cut the end short.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def _waited(children: list[subprocess.Popen[bytes]]) -> int:
    try:
        return max(child.wait() for child in children)
    except KeyboardInterrupt:
        # They end in order and write their books.
        for child in children:
            child.terminate()
        return max(child.wait(timeout=_PATIENCE_S) for child in children)


def _join_books(options: argparse.Namespace, parts: list[Path]) -> None:
    # A bot that failed has written none; its own error is on the screen already.
    found = [json.loads(part.read_text(encoding="utf-8")) for part in parts if part.is_file()]
    if found:
        _write(options.books, together(found))
    for part in parts:
        part.unlink(missing_ok=True)


def _write(path: Path, books: Mapping[str, object]) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        part.write_text(json.dumps(books, indent=1) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise TradingError(
            f"--books {path}: cannot be written ({error}). Name a folder that exists."
        ) from error


def _environment(bot_id: str) -> dict[str, str]:
    # Whoever listens asks the environment whose records these are. OpenTelemetry's variable says so; a
    # sidecar's own, inherited from around this process, would still give all bots one name.
    return {**os.environ, "OTEL_SERVICE_NAME": bot_id, "OBS_SERVICE": bot_id, **_release()}


def _release() -> dict[str, str]:
    """Return the variable that tells listeners which version runs, unless somebody has said it already."""
    said = os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    if "OBS_RELEASE" in os.environ or "service.version=" in said:
        return {}
    return {"OTEL_RESOURCE_ATTRIBUTES": ",".join(filter(None, [said, f"service.version={__version__}"]))}


def _set_up_logging(path: Path | None) -> None:
    logging.addLevelName(TRACE, "TRACE")
    if path is not None:
        logging.config.dictConfig(json.loads(path.read_text(encoding="utf-8")))
        return
    root = logging.getLogger()
    root.setLevel(TRACE)
    # Nothing on the console: records are for whoever listens, and it may be nobody.
    root.addHandler(logging.NullHandler())


def _bots(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in FLEET]
    if unknown or not names:
        raise argparse.ArgumentTypeError(
            f"unknown bot {', '.join(unknown) or text!r}: use {', '.join(FLEET)}"
        )
    return names


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names or len(names) != len(set(names)):
        raise argparse.ArgumentTypeError(f"{text!r} names no symbol, or one twice: use e.g. BTC/KRW,ETH/KRW")
    return names


def _duration(text: str) -> float:
    match = re.fullmatch(r"(\d+)([smh])", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} has no unit: write it with one, e.g. 45m")
    seconds = int(match[1]) * _UNITS[match[2]]
    if not seconds:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration: use 1s or more")
    return float(seconds)


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = -1.0
    if not 0 <= speed < float("inf"):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no speed: use 0 (as fast as possible), 1 (the wall's) or more"
        )
    return speed


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"{text}: no such file")
    return path
