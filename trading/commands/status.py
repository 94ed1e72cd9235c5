"""How an unattended core stands: `python -m trading status`. Exit code 1 when somebody must look."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from trading.bars import time_of
from trading.commands.lines import printed
from trading.settings import load_settings

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--config", type=Path, help="the settings (trading.toml)")
    parser.add_argument("--now", type=time_of, help="as if it were this time")


def run(options: argparse.Namespace) -> int:
    """Print the lines; return 1 when one of them is red."""
    from trading.unattended.status import standing

    now = options.now if options.now is not None else time.time_ns()
    return printed(standing(load_settings(options.config), now))
