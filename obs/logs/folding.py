"""A traceback in few lines: the frame to blame first, then each exception with the way it came.

Frames of libraries are counted, not listed (`[12 frames of ccxt]`); those of the bot itself are named with
their source line. A chain says how one exception led to the next; what a retry raised again is counted. The
members of a group stand before the group. The text is foreign: whoever shows it must quote it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from obs.logs.tracebacks import Block, Frame, culprit

__all__ = ["folded"]

MAX_LINES = 16
MAX_TEXT = 200
MAX_OWN = 6
"""Frames of the bot itself that one exception lists; the innermost stay."""

_PACKAGE = re.compile(r"(?:site-packages|dist-packages|node_modules)[/\\]+(?P<name>@?[\w.-]+)")
_STANDARD = re.compile(r"[/\\][Ll]ib[/\\](?:python\d[\d.]*[/\\])?(?P<name>\w+)")
_DIGITS = re.compile(r"\d+")
_LED = {"cause": "raised from it", "context": "while that was handled"}


def folded(blocks: Sequence[Block]) -> tuple[str, ...]:
    """Return the lines that tell a traceback, at most `MAX_LINES`; () when there is nothing to tell."""
    lines = []
    blamed = culprit(blocks)
    if blamed is not None:
        lines.append(_place(blamed))
    kind = ""
    told: set[tuple[str, str]] = set()
    for block in blocks:
        named = f"{block.type}: {block.message}".split("\n", 1)[0].strip(": ")
        how = f"{_LED[kind]}: " if kind in _LED else ""
        again = (block.type, _DIGITS.sub("0", block.message))
        if again not in told:
            lines.append(how + (named or "an exception whose name was cut off"))
            lines += [f"  {line}" for line in _way(block, blamed)]
        told.add(again)
        kind = block.kind
    repeated = len(blocks) - len(told)
    if repeated:
        lines.append(f"[{repeated} exception{'' if repeated == 1 else 's'} of the chain raised again]")
    lines = [line if len(line) <= MAX_TEXT else f"{line[: MAX_TEXT - 1]}…" for line in lines]
    if len(lines) <= MAX_LINES:
        return tuple(lines)
    # The first cause explains, the last exception is what the bot met.
    left_out = len(lines) - MAX_LINES + 1
    half = MAX_LINES // 2
    return (*lines[:half], f"[{left_out} lines left out]", *lines[half + left_out :])


def _way(block: Block, blamed: Frame | None) -> Iterator[str]:
    """The frames an exception passed, innermost first."""
    own = 0
    for library, frames in groupby(reversed(block.frames), key=_library):
        group = list(frames)
        if library:
            yield f"[{len(group)} frame{'' if len(group) == 1 else 's'} of {library}]"
            continue
        for frame in group:
            own += 1
            if own <= MAX_OWN:
                yield "at the line above" if frame == blamed else _place(frame)
        if own > MAX_OWN:
            yield f"[{own - MAX_OWN} more frames of the bot]"
            return


def _place(frame: Frame) -> str:
    where = (
        f"{frame.file}:{frame.line} in {frame.function}" if frame.function else f"{frame.file}:{frame.line}"
    )
    return f"{where}: {frame.source}" if frame.source else where


def _library(frame: Frame) -> str:
    if frame.in_app:
        return ""
    found = _PACKAGE.search(frame.file) or _STANDARD.search(frame.file)
    return found["name"].removesuffix(".py") if found is not None else "the interpreter"
