"""Sizes as people write them: `512MiB`, `2GB`. Standard library only."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["DEFAULT_QUOTA", "LEAST_QUOTA", "bytes_of", "quota_of"]

DEFAULT_QUOTA: Final = 512 * 2**20
"""Bytes that the spool may take while nobody reads it."""
LEAST_QUOTA: Final = 16 * 2**20
"""Four segments: with less there would be nothing to keep beside the one being written."""

_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,3})?) ?(B|kB|KiB|MB|MiB|GB|GiB)")
_UNITS: Final = {
    "B": 1,
    "kB": 10**3,
    "KiB": 2**10,
    "MB": 10**6,
    "MiB": 2**20,
    "GB": 10**9,
    "GiB": 2**30,
}


def bytes_of(text: str) -> int:
    """Return how many bytes a size means.

    Raises:
        ValueError: If the text is no size; the message names the mend.
    """
    size = _SIZE.fullmatch(text.strip())
    if size is None:
        raise ValueError('is no size: write a number and a unit, e.g. "512MiB" or "2GB"')
    return int(float(size[1]) * _UNITS[size[2]])


def quota_of(text: str) -> int:
    """Return the quota of the spool in bytes.

    Raises:
        ValueError: If the text is no size or too small; the message names the mend.
    """
    quota = bytes_of(text)
    if quota < LEAST_QUOTA:
        raise ValueError(f'is too small for a spool: write at least "{LEAST_QUOTA // 2**20}MiB"')
    return quota
