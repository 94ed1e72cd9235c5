"""The sidecar as a program of its own: `python -m obs.sidecar DIRECTORY`."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence
from pathlib import Path

from obs.keeping.stopping import flags_of_signals
from obs.keeping.store import StoreError
from obs.rules import RuleError
from obs.sidecar.sidecar import Sidecar
from obs.spool_reader import SpoolBusyError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sidecar of one directory until a signal or its idle time ends it; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m obs.sidecar", description="Run the sidecar of a directory."
    )
    parser.add_argument("directory", help="the OBS_DIR")
    parser.add_argument("--idle-exit", type=float, default=0.0, metavar="SECONDS", help="0: never")
    parser.add_argument(
        "--for", dest="folder", metavar="FOLDER", help="started by a bot in this folder, whose settings count"
    )
    options = parser.parse_args(arguments)
    try:
        if options.folder is not None:
            from obs.ondemand import run

            return run(Path(options.directory).absolute(), Path(options.folder), options.idle_exit)
        _serve(options.directory, options.idle_exit)
    except (SpoolBusyError, StoreError, RuleError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except OSError as error:
        why = error.strerror or error
        sys.stderr.write(f"{options.directory}: {why}. Give a directory that can be written\n")
        return 2
    return 0


def _serve(directory: str, idle_exit: float) -> None:
    # Before anything is opened: a signal that comes while we start is answered like any other.
    stop, hurry = flags_of_signals()
    with Sidecar(directory) as sidecar:
        # What is loaded now stays; the collector need not look at it again.
        gc.freeze()
        sidecar.work(stop, hurry=hurry, idle_exit=idle_exit)


if __name__ == "__main__":
    sys.exit(main())
