"""Records that come back: which sidecars a record has passed, so that none takes its own words for news.

A sidecar marks all that it sends. What another one sends on bears the marks of both, so a ring of sidecars
and collectors, however long, tells each record once.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

__all__ = ["OWNER", "VIA", "identity_of", "passed_by"]

OWNER = "obs.sidecar.id"
"""Resource attribute: the sidecar that sent a record last."""
VIA = "obs.sidecar.via"
"""Resource attribute: those it has passed before, newest first, with commas between."""
MOST_PASSED = 16


def identity_of(directory: Path) -> str:
    """Return the id under which the sidecar of a directory sends: the same in each of its lives.

    Args:
        directory: The `OBS_DIR`.
    """
    place = f"{platform.node()}\0{directory.absolute()}".encode("utf-8", "backslashreplace")
    return blake2b(place, digest_size=8).hexdigest()


def passed_by(resource: Mapping[str, Any]) -> list[str]:
    """Return the ids of the sidecars that a record has passed, newest first.

    Args:
        resource: Of the record, as it came.
    """
    told = (resource.get(OWNER), *str(resource.get(VIA) or "").split(","))
    return [str(one) for one in told if one][:MOST_PASSED]
