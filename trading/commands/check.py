"""What an installation still needs: `python -m trading check`. Exit code 1 when something is missing."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from trading.commands.lines import printed
from trading.settings import load_settings

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--config", type=Path, help="the settings (trading.toml)")


def run(options: argparse.Namespace) -> int:
    """Print the lines; return 1 when one of them is red."""
    from trading.unattended.checks import checkup

    return printed(checkup(load_settings(options.config), options.config, time.time_ns()))
