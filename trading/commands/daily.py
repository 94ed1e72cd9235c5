"""The daily run: `python -m trading daily`.

Made for cron: called as often as one likes, it does its work once for each session of the exchange, after the
close, and says why when there is nothing to do.
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import date, datetime
from pathlib import Path

from trading.logs import open_to_listeners

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (default: trading.toml here)")
    parser.add_argument(
        "--as-of", type=_day, metavar="DATE", help="a session day, not the newest one whose close has passed"
    )
    parser.add_argument(
        "--now", type=_moment, metavar="TIME", help="reckon as if it were this time, ISO 8601 with zone"
    )
    parser.add_argument(
        "--again",
        action="store_true",
        help="do finished sessions again: rows and reports are replaced, messages are not sent twice",
    )


def run(options: argparse.Namespace) -> int:
    """Do what is due; return the exit code."""
    from trading.daily.running import run_daily
    from trading.settings import load_settings

    settings = load_settings(options.config)
    open_to_listeners()

    def clock() -> int:
        return options.now if options.now is not None else time.time_ns()

    return run_daily(settings, clock, _say, as_of=options.as_of, again=options.again)


def _say(line: str) -> None:
    # Whole lines at once: a log that is followed shows each step as it ends.
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day: write it as 2026-11-20") from None


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: write it as 2026-11-20T15:40+09:00") from None
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} has no zone: write it as {text}+09:00, say")
    return int(moment.timestamp()) * 1_000_000_000
