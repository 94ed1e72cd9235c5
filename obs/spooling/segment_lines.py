"""Take the lines out of a segment's bytes, and exactly the damaged ones not.

Pure: bytes in, lines and damage out. A line whose checksum does not fit is looked through for whole lines
inside it (a lost line feed joins two), so that damage costs the records it hit and no others.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from obs.spooling.segments import SUFFIX, unseal

__all__ = ["TOGETHER", "Damage", "Lines", "has_hole", "settled", "take_lines"]

TOGETHER = 8
"""Lines that a writer copies at one time, at most."""
_MAX_TRIES = 16
_BEGIN = re.compile(rb'\{"')


class Damage(NamedTuple):
    """A stretch that could not be read."""

    offset: int
    """Bytes from the start of what was given."""
    length: int
    records: int
    """How many records stood there, as far as their remains show; what they do not show is found as a gap."""
    is_torn: bool
    """Whether its end is missing: the writer died, or the disk was full, in the middle of the line."""


class Lines(NamedTuple):
    """What a stretch of a segment held."""

    lines: list[bytes]
    consumed: int
    """Bytes that need not be read again."""
    damage: list[Damage]


def settled(data: bytes) -> int:
    """Return how many bytes of a segment that still grows are final.

    They end in a line feed and have no zero byte, because the bytes of a copy may be seen out of order.
    Only one copy is under way at a time, of at most `TOGETHER` lines: when more line feeds than that stand
    behind a zero byte, the line with the zero is not under way any more but damaged, and the reader need not
    wait for it.
    """
    end = 0
    while True:
        zero = data.find(b"\0", end)
        if zero < 0:
            return data.rfind(b"\n", end) + 1 or end
        end = max(end, data.rfind(b"\n", end, zero) + 1)
        first = last = data.find(b"\n", zero)
        for _ in range(TOGETHER):
            if last < 0:
                return end
            last = data.find(b"\n", last + 1)
        if last < 0:
            return end
        end = first + 1


def has_hole(data: bytes) -> bool:
    """Whether something stands behind a zero byte: a copy under way, or damage, and not only unused room."""
    return data.rstrip(b"\0").find(b"\0") >= 0


def take_lines(data: bytes, room: int, *, is_last: bool) -> Lines:
    """Return up to about `room` lines from `data`, which must start where a line starts.

    Args:
        data: Final bytes: whole lines, and with `is_last` all that is left of the segment.
        room: How many lines are wanted.
        is_last: Whether nothing follows, so that a rest without a line feed is a torn line or unused room.
    """
    lines: list[bytes] = []
    damage: list[Damage] = []
    position, bad = 0, -1
    while len(lines) < room:
        end = data.find(b"\n", position)
        if end < 0:
            break
        line = unseal(data[position:end])
        if line is None:
            bad = position if bad < 0 else bad
        else:
            if bad >= 0:
                _recover(data, bad, position, lines, damage)
                bad = -1
            lines.append(line)
        position = end + 1
    if bad >= 0:
        _recover(data, bad, position, lines, damage)
    if is_last and data.find(b"\n", position) < 0:
        _take_rest(data, position, lines, damage)
        position = len(data)
    return Lines(lines, position, damage)


def _recover(data: bytes, start: int, end: int, lines: list[bytes], damage: list[Damage]) -> None:
    """Find whole lines between `start` and `end`, where the line feeds themselves cannot be trusted."""
    stretch = data[start:end]
    begin = 0
    for suffix in SUFFIX.finditer(stretch):
        line, at = _whole_line(stretch, begin, suffix.end())
        if line is not None:
            lines.append(line)
        lost = stretch[begin:at]
        if lost.strip(b"\0\n"):
            damage.append(Damage(start + begin, len(lost), _records_in(lost), is_torn=False))
        # One byte stands between two lines, whatever it is now.
        begin = suffix.end() + 1
    lost = stretch[begin:]
    if lost.strip(b"\0\n"):
        damage.append(Damage(start + begin, len(lost), _records_in(lost), is_torn=True))


def _whole_line(stretch: bytes, begin: int, end: int) -> tuple[bytes | None, int]:
    """Return a whole line that ends at `end` and where it begins; None and `end` when there is none."""
    starts = [match.start() for match in _BEGIN.finditer(stretch, begin, end)]
    for start in starts[:_MAX_TRIES] + starts[_MAX_TRIES:][-_MAX_TRIES:]:
        line = unseal(stretch[start:end])
        if line is not None:
            return line, start
    return None, end


def _records_in(lost: bytes) -> int:
    """Count what looks like the beginning of a line; at least one, unless it is nothing of ours."""
    fragments = [fragment.lstrip(b"\0") for fragment in lost.split(b"\n")]
    beginnings = sum(fragment.startswith(b'{"') for fragment in fragments)
    # What begins with zeros never was a line's beginning: unused room, or a stretch the disk lost.
    return beginnings if lost[:1] == b"\0" else max(beginnings, 1)


def _take_rest(data: bytes, position: int, lines: list[bytes], damage: list[Damage]) -> None:
    rest = data[position:]
    if not rest.strip(b"\0"):
        return
    suffixes = list(SUFFIX.finditer(rest))
    if suffixes:
        # The line feed of the last line itself was hit.
        whole = position + suffixes[-1].end()
        _recover(data, position, whole, lines, damage)
        rest = data[whole + 1 :]
        if not rest.strip(b"\0"):
            return
        position = whole + 1
    unused = rest[:1] == b"\0"
    damage.append(Damage(position, len(rest.rstrip(b"\0")), 0 if unused else 1, is_torn=not unused))
