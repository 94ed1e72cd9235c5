"""Find the record that ends our process, so that it costs itself and not the sidecar.

A record that raises is caught where it is folded. One that takes the whole process along (no memory left, a
fault in a native library) would do so at each start. After some starts without progress lines are therefore
taken one at a time, each named on the disk before; the one named at two ends in a row is not taken again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from obs.spool_reader import SpoolLine

__all__ = ["PoisonGuard"]

STARTS = 5
"""Starts without progress before we become careful."""
CAREFUL_LINES = 500
"""Lines taken one at a time before we trust again."""
KEPT = 100


class PoisonGuard:
    """Counts starts without progress and remembers which records are not to be looked at."""

    def __init__(self, directory: Path, notes: Mapping[str, str]) -> None:
        """Take up what the last start left.

        Args:
            directory: The `OBS_DIR`; the file `inflight` in it names the record being taken.
            notes: As `notes` gave them to the store.
        """
        self._path = directory / "inflight"
        found = _loaded(notes.get("poison", ""))
        self._starts = int(found.get("starts", 0)) + 1
        self._left = CAREFUL_LINES if self._starts > STARTS else 0
        self.poison = frozenset(str(uid) for uid in found.get("records", ()))
        """Ids of records that are counted and not looked at."""
        self._suspect = self._read() if self.is_careful else ""
        if self._suspect and self._suspect == found.get("suspect"):
            self.poison |= {self._suspect}

    @property
    def is_careful(self) -> bool:
        """Whether lines are to be taken one at a time, and stored one at a time."""
        return self._left > 0

    def about_to_take(self, lines: Sequence[SpoolLine]) -> None:
        """Name the record on the disk before it is looked at."""
        if self._left and lines:
            self._left -= len(lines)
            try:
                self._path.write_text(f"{lines[0].process}-{lines[0].seq}", encoding="ascii")
            except OSError:
                # Without room for its name the record is merely not protected against.
                return

    def progressed(self) -> None:
        """Take note that something new was stored."""
        if not self._left:
            self._starts = 0

    def notes(self) -> Mapping[str, str]:
        """Return what the store has to keep for the next start."""
        records = sorted(self.poison)[-KEPT:]
        kept = {"starts": self._starts, "suspect": self._suspect, "records": records}
        return {"poison": orjson.dumps(kept).decode()}

    def _read(self) -> str:
        try:
            return self._path.read_text(encoding="ascii")
        except (OSError, ValueError):
            return ""


def _loaded(text: str) -> dict[str, Any]:
    try:
        found = orjson.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
