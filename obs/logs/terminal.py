"""A line as a terminal shows it: without colours, overwritten text and NULs, and never of giant length."""

from __future__ import annotations

import re
from collections.abc import Callable

from obs.redaction import redact

__all__ = ["MAX_LINE", "clean", "cut", "is_progress", "plain"]

MAX_LINE = 18_432
"""Longer lines are cut before any regular expression sees them: 16 Ki from the head, 2 Ki from the end."""
_KEEP_HEAD, _KEEP_TAIL = 16_384, 2_048

_ANSI = re.compile(r"\x1b(?:\[[0-9;:?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
_PROGRESS = re.compile(r"\d+%\s*\||\b(?:it/s|s/it)\b|\d/\d+ \[|[█▏▎▍▌▋▊▉━╸]{3}")
_POWERSHELL = re.compile(r"py(?:thon(?:w|[\d.]*))?(?:\.exe)? : (?=\S)")
"""What PowerShell puts before the first line that a program writes to stderr."""


def clean(line: str, is_head: Callable[[str], bool]) -> str:
    """Return what is shown of a line in the end.

    Args:
        line: A line without its line feed, no longer than `MAX_LINE` (see `cut`).
        is_head: Whether a text begins with a record's head: it wins over what overwrites it.
    """
    if "\x1b" in line:
        line = _ANSI.sub("", line)
    if "\x00" in line:
        line = line.replace("\x00", "")
    if "\r" in line:
        line = line.rstrip("\r")
        if "\r" in line:
            segments = [segment for segment in line.split("\r") if segment.strip()]
            heads = (segment for segment in reversed(segments) if is_head(segment))
            line = next(heads, segments[-1] if segments else "")
    if line.startswith("py") and (shell := _POWERSHELL.match(line)):
        line = line[shell.end() :]
    return line


def plain(line: str) -> str:
    """Return the begin of a line, clean enough to learn its layout from."""
    return _ANSI.sub("", line[:1024]).replace("\x00", "").rstrip("\r").rpartition("\r")[2]


def cut(line: str) -> str:
    """Return a giant line with its middle cut out; shorter ones as they are.

    The secrets of the whole line are masked first: a cut through one would leave a piece of it.
    """
    if len(line) <= MAX_LINE:
        return line
    line = redact(line)
    dropped = len(line) - _KEEP_HEAD - _KEEP_TAIL
    if len(line) <= MAX_LINE:
        return line
    return f"{line[:_KEEP_HEAD]}[{dropped} characters cut]{line[-_KEEP_TAIL:]}"


def is_progress(line: str) -> bool:
    """Whether a line holds a progress bar, to which the next record may be glued."""
    return ("%" in line or "it/s" in line) and _PROGRESS.search(line) is not None
