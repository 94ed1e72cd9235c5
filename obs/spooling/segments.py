"""How one spool segment is laid out: a fixed header area, then lines, then zeros.

Shared by the writer inside the bot and the reader in the sidecar, so it needs the standard library alone
and does no input or output.

```text
0      identity      one JSON line: who writes, since when, with which resource; padded with spaces
3072   identity      the same again: a flipped bit costs neither the books nor the name
6144   slot 0        the writer's cumulative counters, with a generation and a checksum
11264  slot 1        the other one: they alternate, so a torn write leaves the one before it
16384  lines         each one JSON object that ends in its own checksum and a line feed; then zeros to the end
```

A line counts when it ends in a line feed and has no zero byte before it: copies into shared memory may be
seen out of order, and JSON never holds a raw zero byte.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from zlib import crc32

__all__ = [
    "HEADER_BYTES",
    "REDACTED",
    "SLOT_OFFSETS",
    "VERSION",
    "Slot",
    "best_slot",
    "decode_header_line",
    "decode_identity",
    "decode_slot",
    "encode_identity",
    "encode_slot",
    "parse_name",
    "seal",
    "segment_name",
    "unseal",
]

VERSION = 1
HEADER_BYTES = 16_384
IDENTITY_BYTES = 3_072
SLOT_BYTES = 5_120
SLOT_OFFSETS = (2 * IDENTITY_BYTES, 2 * IDENTITY_BYTES + SLOT_BYTES)

REDACTED = "obs.redacted"
"""Resource attribute by which a writer says that all it wrote was masked, and by which version of obs."""

SUFFIX = re.compile(rb',"crc":"[0-9a-f]{8}"\}')
"""How every sealed line ends; found in the middle of a line, it shows where a lost line feed stood."""

_SUFFIX_BYTES = 18
_NAME = re.compile(r"([0-9a-f]{16})-([0-9]{8})(r?)\.seg")


class Slot(NamedTuple):
    """One state of the writer's books, as of `time_ns`."""

    generation: int
    """Grows by one with every write of a slot, over all segments of one writer."""
    state: str
    """`open`, `rotated` (another segment follows) or `closed` (the writer said its last word)."""
    clean: bool
    """Whether a close was a regular one."""
    end: int
    """Where the lines end, in bytes from the start of the file; 0 while open."""
    time_ns: int
    """Unix ns of this write, by the writer's clock."""
    books: Mapping[str, int]


def seal(line: bytes) -> bytes:
    """Return the line as it is stored: with its checksum as the last member, and a line feed."""
    return b'%b,"crc":"%08x"}\n' % (line[:-1], crc32(line))


def unseal(stored: bytes) -> bytes | None:
    """Return the line inside a stored one (given without its line feed), or None when it was damaged."""
    line = stored[:-_SUFFIX_BYTES] + b"}"
    if stored[-_SUFFIX_BYTES:] == b',"crc":"%08x"}' % crc32(line):
        return line
    return None


def segment_name(process: str, index: int, *, reserve: bool = False) -> str:
    """Return the file name of a segment; `reserve` marks one that holds what eviction kept."""
    return f"{process}-{index:08d}{'r' if reserve else ''}.seg"


def parse_name(name: str) -> tuple[str, int, bool] | None:
    """Return process, index and whether it is a reserve; None for a file that is not ours."""
    match = _NAME.fullmatch(name)
    return (match[1], int(match[2]), bool(match[3])) if match else None


def encode_identity(identity: Mapping[str, Any]) -> bytes:
    """Return both identity areas; a resource too long for them is cut attribute by attribute."""
    resource = dict(identity.get("resource", {}))
    while True:
        line = seal(_dump({"obs_spool": VERSION, **identity, "resource": resource}))
        if len(line) <= IDENTITY_BYTES or not resource:
            break
        longest = max(resource, key=lambda key: len(key) + len(str(resource[key])))
        del resource[longest]
    area = line[:-1].ljust(IDENTITY_BYTES - 1) + b"\n"
    return area + area


def decode_identity(header: bytes) -> dict[str, Any] | None:
    """Return who wrote a segment, from whichever of the two areas is whole; None when neither is."""
    for start in (0, IDENTITY_BYTES):
        identity = decode_header_line(header[start : start + IDENTITY_BYTES])
        if identity is not None and _is_identity(identity):
            return identity
    return None


def encode_slot(slot: Slot) -> bytes:
    """Return a slot's bytes; counters beyond its room are added up under `…(other)`, so sums stay exact."""
    books = dict(slot.books)
    while True:
        line = seal(_dump({**slot._asdict(), "books": books}))
        if len(line) <= SLOT_BYTES:
            return line
        if not _fold_longest(books):
            return seal(_dump({**slot._asdict(), "books": {}}))


def decode_slot(area: bytes) -> Slot | None:
    """Return the slot in `area`, or None when it is empty, torn or damaged."""
    found = decode_header_line(area)
    if found is None or found.keys() != set(Slot._fields):
        return None
    slot = Slot(**found)
    numbers = (slot.generation, slot.end, slot.time_ns)
    books = slot.books.values() if isinstance(slot.books, dict) else [None]
    # A checksum keeps accidents out, not forgers; what has another shape is no slot.
    if all(isinstance(number, int) for number in (*numbers, *books)) and isinstance(slot.state, str):
        return slot
    return None


def _is_identity(found: Mapping[str, Any]) -> bool:
    return (
        isinstance(found.get("obs_spool"), int)
        and isinstance(found.get("resource", {}), dict)
        and re.fullmatch(r"[0-9a-f]{16}", str(found.get("process"))) is not None
    )


def best_slot(header: bytes) -> Slot | None:
    """Return the newest whole slot of a header."""
    slots = [decode_slot(header[start : start + SLOT_BYTES]) for start in SLOT_OFFSETS]
    return max((slot for slot in slots if slot is not None), key=lambda slot: slot.generation, default=None)


def decode_header_line(area: bytes) -> dict[str, Any] | None:
    """Return the sealed JSON object at the start of `area`, or None."""
    stored, feed, _ = area.partition(b"\n")
    line = unseal(stored.rstrip(b" ")) if feed else None
    if line is None:
        return None
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _dump(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), default=str).encode("ascii")


def _fold_longest(books: dict[str, int]) -> bool:
    """Fold half of the dotted counters (by component, the last part) into one per reason and severity."""
    foldable = sorted(
        (key for key in books if key.count(".") >= 3 and not key.endswith(".(other)")), key=books.__getitem__
    )
    for key in foldable[: max(1, len(foldable) // 2)]:
        folded = ".".join(key.split(".")[:3]) + ".(other)"
        books[folded] = books.get(folded, 0) + books.pop(key)
    return bool(foldable)
