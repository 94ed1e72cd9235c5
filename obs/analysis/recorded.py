"""Recorded input in one go, by the same code as the running sidecar's."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from obs import rules, sources
from obs.analysis.analyzer import Analyzer
from obs.doubles import Doubles
from obs.logs import formats
from obs.snapshot import Snapshot, Source
from obs.watch.expectations import Expectations

__all__ = ["analyze", "letters"]


def analyze(
    lines_or_paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    now: int | datetime | None = None,
    timezone: str = "UTC",
    ruleset: rules.RuleSet | None = None,
    expected: Expectations | None = None,
    progress: Callable[[int], None] | None = None,
) -> Snapshot:
    """Return the Snapshot of recorded input, by the same code as the sidecar's.

    Args:
        lines_or_paths: An `os.PathLike` is a file, each `str` of an iterable a line, a bare `str` is text.
        now: Aware datetime or Unix ns; None is the newest event time, so that a recording is never silent.
        timezone: IANA name of the zone in which times without one are read.
        ruleset: The rules; the packs that ship with the product when None.
        expected: Limits, rhythms and session tables; the defaults when None.
        progress: Called with the number of bytes read since the last call.

    Raises:
        SourceError: If a file cannot be read at all; the message names it and the mend.
    """
    if isinstance(lines_or_paths, str):
        paths, lines = [], lines_or_paths.splitlines()
    elif isinstance(lines_or_paths, os.PathLike):
        paths, lines = [Path(lines_or_paths)], []
    else:
        items = list(lines_or_paths)
        paths = [Path(item) for item in items if not isinstance(item, str)]
        lines = [item for item in items if isinstance(item, str)]
    analyzer = Analyzer(ruleset, expected=expected or Expectations(timezone=timezone))
    doubles = Doubles()
    read: list[Source] = []
    for letter, path in zip(letters(), paths, strict=False):
        reader = sources.read(path, letter=letter, timezone=timezone, progress=progress)
        for event in reader:
            if not doubles.is_double(event):
                analyzer.feed(event, service=path.name.split(".", 1)[0])
        read.append(reader.info)
    if lines:
        letter = letters()[len(paths)]
        for event in formats.parse(lines, letter=letter, timezone=timezone):
            if not doubles.is_double(event):
                analyzer.feed(event)
        read.append(Source(letter=letter, name="text", lines=len(lines), records=analyzer.state.events))
    return analyzer.snapshot(now=now, read=read, doubles=doubles.dropped)


def letters() -> list[str]:
    """Return the letters of recorded sources, in the order in which they are named."""
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    return [*alphabet, *(a + b for a in alphabet for b in alphabet)]
