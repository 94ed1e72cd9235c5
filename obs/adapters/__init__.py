"""Translates lines that other people's bots already print into our event words; the lines are data.

One TOML file for each program. A line of text that fits becomes an event with a name and attributes; its text
stays as it was. What fits nothing passes through untouched.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import msgspec

from obs.events import Event

__all__ = ["Adapters", "Line"]

MAX_LINE = 4_096


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line that a program prints, and the event it means."""

    event: str
    """The event name, e.g. `order.filled`."""
    literal: str
    """Text that every such line holds; looked for before the pattern."""
    pattern: str
    """A pattern over the message; its named groups are attributes, `__` standing for a dot."""
    logger: str = ""
    """Prefix of the logger."""
    attributes: dict[str, str | bool] = {}
    """Attributes that every such line gives."""
    words: dict[str, dict[str, str]] = {}
    """Attribute -> what the program's word is in ours (`dry_run` -> `paper`)."""
    example: str
    """A message it must fit; held to it by a test."""


class Adapters:
    """All adapter lines, ready to translate."""

    def __init__(self, lines: list[tuple[str, Line]]) -> None:
        self.lines = lines
        self._by_logger: dict[str, list[tuple[str, Line, re.Pattern[str]]]] = {}
        for program, line in lines:
            root = line.logger.split(".", 1)[0]
            self._by_logger.setdefault(root, []).append((program, line, re.compile(line.pattern)))

    @classmethod
    def load(cls) -> Adapters:
        """Read the adapters that ship with the product."""
        found = []
        for entry in sorted(files("obs.adapters").iterdir(), key=lambda e: e.name):
            if entry.name.endswith(".toml"):
                data: Mapping[str, Any] = tomllib.loads(entry.read_text(encoding="utf-8"))
                lines = msgspec.convert(data["line"], list[Line])
                found += [(data["program"], line) for line in lines]
        return cls(found)

    def words_of(self, logger: str) -> tuple[str, ...]:
        """Return the texts of which a line of this logger must hold one to be translated."""
        candidates = self._by_logger.get(logger.split(".", 1)[0], ())
        return tuple(line.literal for _, line, _ in candidates if logger.startswith(line.logger))

    def translate(self, event: Event) -> Event:
        """Return the event with the name and attributes its text means, or the same event."""
        if event.event_name or not event.logger:
            return event
        candidates = self._by_logger.get(event.logger.split(".", 1)[0])
        if candidates is None:
            return event
        for program, line, pattern in candidates:
            if line.literal not in event.body or not event.logger.startswith(line.logger):
                continue
            found = pattern.search(event.body[:MAX_LINE])
            if found is None:
                continue
            attributes: dict[str, Any] = {"bot.program": program, **event.attributes, **line.attributes}
            for name, value in found.groupdict().items():
                if value is not None:
                    key = name.replace("__", ".")
                    attributes[key] = line.words.get(key, {}).get(value, value)
            return msgspec.structs.replace(event, event_name=line.event, attributes=attributes)
        return event
