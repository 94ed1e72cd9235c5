"""Translates lines that other people's bots already print into our event words; the lines are data.

One TOML file for each program. A line of text that fits becomes an event with a name and attributes; its text
stays as it was. What fits nothing passes through untouched.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import msgspec

from obs.events import Event

__all__ = ["PROGRAM", "Adapters", "Given", "Line", "Program"]

MAX_LINE = 4_096
_WRAPPED = re.compile(r"[ \t]*\n[ \t]*")
PROGRAM = "bot.program"
"""Attribute that tells a translated line from a bot's own event word."""


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


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What a record's own attribute says of all its program's lines."""

    attribute: str
    prefix: str
    """How its value begins."""
    attributes: dict[str, str | bool]
    """What every such line then gives too."""


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """One file: a program and its lines."""

    program: str
    line: list[Line]
    attribute: str = ""
    """An attribute that all its records carry, when its loggers may have any name."""
    besides: tuple[str, ...] = ()
    """Loggers that repeat what others said; their lines mean nothing new."""
    given: tuple[Given, ...] = ()


class Adapters:
    """All adapter lines, ready to translate."""

    def __init__(self, lines: list[tuple[str, Line]], programs: Sequence[Program] = ()) -> None:
        self.lines = lines
        self.programs = tuple(programs)
        self._programs = {program.program: program for program in programs}
        self._by_attribute = {p.attribute: p.program for p in programs if p.attribute}
        self._of: dict[str, list[tuple[str, Line, re.Pattern[str]]]] = {}
        self._by_logger: dict[str, list[tuple[str, Line, re.Pattern[str]]]] = {}
        for program, line in lines:
            root = line.logger.split(".", 1)[0]
            known = (program, line, re.compile(line.pattern))
            self._of.setdefault(program, []).append(known)
            if root:
                self._by_logger.setdefault(root, []).append(known)
        self._known = functools.lru_cache(maxsize=4_096)(self._speaking_as)

    @classmethod
    def load(cls) -> Adapters:
        """Read the adapters that ship with the product."""
        found: list[tuple[str, Line]] = []
        programs = []
        for entry in sorted(files("obs.adapters").iterdir(), key=lambda e: e.name):
            if entry.name.endswith(".toml"):
                program = msgspec.convert(tomllib.loads(entry.read_text(encoding="utf-8")), Program)
                programs.append(program)
                found += [(program.program, line) for line in program.line]
        return cls(found, programs)

    def words_of(self, logger: str) -> tuple[str, ...]:
        """Return the texts of which a line of this logger must hold one to be translated."""
        return tuple(line.literal for _, line, _ in self._known(logger))

    def translate(self, event: Event) -> Event:
        """Return the event with the name and attributes its text means, or the same event."""
        if event.event_name or not event.logger:
            return event
        candidates = self._known(event.logger) or self._by_its_records(event)
        if not candidates:
            return event
        body = event.body[:MAX_LINE]
        if "\n" in body:
            # A console of fixed width breaks long messages between words.
            body = _WRAPPED.sub(" ", body)
        for program, line, pattern in candidates:
            if line.literal not in body:
                continue
            found = pattern.search(body)
            if found is None:
                continue
            attributes: dict[str, Any] = {PROGRAM: program, **event.attributes, **line.attributes}
            for given in self._programs[program].given if self._programs else ():
                if str(event.attributes.get(given.attribute, "")).startswith(given.prefix):
                    attributes.update(given.attributes)
            for name, value in found.groupdict().items():
                if value is not None:
                    key = name.replace("__", ".")
                    attributes[key] = line.words.get(key, {}).get(value, value)
            return msgspec.structs.replace(event, event_name=line.event, attributes=attributes)
        return event

    def _speaking_as(self, logger: str) -> tuple[tuple[str, Line, re.Pattern[str]], ...]:
        candidates = self._by_logger.get(logger.split(".", 1)[0], ())
        return tuple(known for known in candidates if logger.startswith(known[1].logger))

    def _by_its_records(self, event: Event) -> Sequence[tuple[str, Line, re.Pattern[str]]]:
        for attribute, program in self._by_attribute.items():
            if attribute in event.attributes and event.logger not in self._programs[program].besides:
                return self._of[program]
        return ()
