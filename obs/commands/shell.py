"""What every command shares: its options, its settings, its errors, its way to print.

Light: nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from obs.config import Effective
    from obs.events import Severity

__all__ = ["BAD_INPUT", "UNHEALTHY", "Dir", "Zone", "chosen", "configured", "say", "severity", "told"]

BAD_INPUT = 2
UNHEALTHY = 3

Dir = Annotated[Path | None, typer.Option("--dir", help="Folder of the spool and the views [OBS_DIR, .obs].")]
Zone = Annotated[str | None, typer.Option("--timezone", help="Zone of times that print none [UTC].")]


@contextmanager
def told() -> Iterator[None]:
    """Turn what the user can mend into one line on stderr and exit code 2."""
    try:
        yield
    except typer.Exit:
        raise
    except Exception as error:
        # A reader that goes away (`obs tail | head`) is no fault of anybody: `main` ends quietly.
        if isinstance(error, BrokenPipeError):
            raise
        # Our own error types and those of files say what to mend; anything else is a fault of ours.
        if not isinstance(error, (ValueError, OSError)) and not type(error).__module__.startswith("obs."):
            raise
        message = " ".join(str(error).split()) or type(error).__name__
        typer.echo(f"obs: {message}", err=True)
        raise typer.Exit(BAD_INPUT) from None


def configured(**arguments: Any) -> Effective:
    """Return the settings in force, the given arguments first.

    Raises:
        ConfigError: If a file cannot be read or a value is wrong.
    """
    from obs.config import load

    return load(arguments)


def say(text: str) -> None:
    """Print a text at once, whatever characters the terminal knows."""
    sys.stdout.buffer.write((text.rstrip("\n") + "\n").encode("utf-8", "backslashreplace"))
    sys.stdout.flush()


def chosen(value: str, option: str, *allowed: str) -> str:
    """Return a word that must be one of several.

    Raises:
        ValueError: If it is none of them; the message names all.
    """
    if value not in allowed:
        raise ValueError(f"{option} {value}: is unknown: use {', '.join(allowed[:-1])} or {allowed[-1]}")
    return value


def severity(word: str) -> Severity | None:
    """Return the severity that a word in any common spelling means; None for no word.

    Raises:
        ValueError: If it means none.
    """
    from obs.events import Severity, severity_of

    if not word:
        return None
    found = severity_of(word)
    if found is Severity.UNSPECIFIED:
        raise ValueError(f"--severity {word}: is unknown: use trace, debug, info, warn, error or fatal")
    return found
