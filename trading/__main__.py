"""The command line: `python -m trading COMMAND`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module

from trading.errors import TradingError

__all__ = ["main"]

COMMANDS: Mapping[str, str] = {
    "run": "run bots on paper",
    "data": "fetch, check and show prices",
    "backtest": "what a strategy would have done, with a report page",
    "search": "look for better parameters, and say whether they hold",
    "daily": "signals, account, report and message of the newest session; does each session once",
    "store": "back the databases up, bring a copy back, tell what is in them",
    "check": "what an installation still needs",
    "report": "the report of a session, of a week or of the whole account, from the store",
    "status": "how an unattended core stands",
    "notify": "try channels, see what became of messages, send what waits",
}
"""Name and what it does; the module `trading.commands.NAME` does it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code (2: it was used wrongly)."""
    parser = _parser()
    options, unknown = parser.parse_known_args(argv)
    if unknown:
        # The parser's own error would show the usage of all commands and not of the one that was meant.
        parts = (getattr(options, name, None) for name in ("command", "what", "part"))
        what = " ".join(["trading", *filter(None, parts)])
        parser.exit(
            2, f"trading: {' '.join(unknown)}: unknown. `python -m {what} --help` lists the options.\n"
        )
    command = import_module(f"trading.commands.{options.command}")
    try:
        return int(command.run(options))
    except TradingError as error:
        print(f"trading: {error}", file=sys.stderr)  # noqa: T201 - the command line speaks to a person
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever reads has enough (`| head`); what Python would flush at its end has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m trading", description="A small trading core.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, what in COMMANDS.items():
        import_module(f"trading.commands.{name}").configure(commands.add_parser(name, help=what))
    return parser


if __name__ == "__main__":
    sys.exit(main())
