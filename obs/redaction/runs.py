"""Where the long runs of a text stand: everything random enough to be a token or base64 is in one of them."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["long_runs"]

LEAST = 16
"""Shorter runs hold no token that could be told by its shape alone."""

_TABLE = bytes(
    97 if byte < 128 and (chr(byte).isalnum() or chr(byte) in "_-+/=.") else 32 for byte in range(256)
)
_RUN = b"a" * LEAST


def long_runs(text: str) -> Iterator[tuple[int, int]]:
    """Yield the half-open places of sixteen and more letters, digits and `_-+/=.` in a row."""
    # One byte a character, whatever the script; then a run is a literal, and the search runs at full speed.
    flat = text.encode("latin-1", "replace").translate(_TABLE)
    start = flat.find(_RUN)
    while start >= 0:
        end = flat.find(b" ", start + LEAST)
        if end < 0:
            end = len(flat)
        yield start, end
        start = flat.find(_RUN, end)
