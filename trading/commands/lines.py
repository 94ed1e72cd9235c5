"""Lines of a status or a check on a terminal: mark, name, fact, and beneath it the mend."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trading.unattended.status import Line

__all__ = ["printed"]

_MARKS = {"ok": "ok  ", "warn": "look", "fail": "FAIL"}


def printed(lines: Sequence[Line]) -> int:
    """Print the lines; return the exit code: 1 when one of them is a failure."""
    width = max(len(line.name) for line in lines)
    for line in lines:
        sys.stdout.write(f"{_MARKS[line.state]}  {line.name:<{width}}  {line.text}\n")
        if line.mend and line.state != "ok":
            sys.stdout.write(f"      {'':<{width}}  → {line.mend}\n")
    return int(any(line.state == "fail" for line in lines))
