"""Lines of `key=value` pairs (logfmt), as Go programs, Heroku and structlog's LogfmtRenderer print them."""

from __future__ import annotations

import re

__all__ = ["decode"]

_PAIR = re.compile(
    r"(?P<key>[A-Za-z_@][\w.@/-]*)="
    r'(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s"]*))(?:\s+|$)'
)
_ESCAPED = re.compile(r"\\(.)")
_LEVEL = {"level", "lvl", "severity"}
_MESSAGE = {"msg", "message", "event"}


def decode(line: str) -> dict[str, str] | None:
    """Return the pairs of a line of nothing else that holds a message and a level or a time, else None."""
    row: dict[str, str] = {}
    position = 0
    while position < len(line):
        found = _PAIR.match(line, position)
        if found is None:
            return None
        quoted = found["quoted"]
        row[found["key"]] = found["plain"] if quoted is None else _ESCAPED.sub(_unescape, quoted)
        position = found.end()
    keys = row.keys()
    return row if keys & _MESSAGE and keys & (_LEVEL | {"time", "ts", "timestamp", "t"}) else None


def _unescape(found: re.Match[str]) -> str:
    return {"n": "\n", "t": "\t"}.get(found[1], found[1])
