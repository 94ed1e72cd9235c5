"""The layouts of one stream: learnt from a sample, tried in order, grown when a new one appears.

A stream may print one program's lines inside another's (a container runtime, syslog, a supervisor): then the
inner head has the last word on level and logger, and the outer one lends its time if it alone knows the zone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from obs.events import Severity
from obs.logs import layouts
from obs.logs.layouts import Layout
from obs.logs.timestamps import Clock

__all__ = ["SAMPLE", "Head", "Heads"]

SAMPLE = 400
"""Lines that are enough to tell how a stream is laid out."""
_MOST = 24
_MOST_HEADS = 0.6
"""A doubtful head is believed beside whole ones only if most lines have it: tables have rows with dates."""
_LEVEL_NEAR = re.compile(r"\W*(?:\S+\s+){0,4}?\W?(?:INFO|DEBUG|WARN|WARNING|ERROR|CRITICAL|FATAL|TRACE)\b")
# uvicorn pads its levels to ten characters (PostgreSQL's "ERROR:  ..." has two blanks), basicConfig adds
# a name.
_STRICT = re.compile(
    r"(?:INFO: {5}|(?:DEBUG|ERROR|TRACE): {4}|WARNING: {2}|CRITICAL: |[A-Z]+:[\w.]+:(?! ))\S"
)
_PROGRAMS = ("freqtrade", "hummingbot", "nautilus_trader", "jesse", "octobot")
_NAMES = {
    "nautilus": "nautilus",
    "loguru": "loguru",
    "celery": "celery",
    "tornado": "tornado",
    "glog": "glog",
    "zap": "zap",
    "tracing": "tracing",
    "redis": "redis",
    "android": "android",
    "syslog": "syslog",
    "container": "container runtime",
    "access log": "access log",
    "level first": "text with levels",
    "time first": "text with times",
    "bare time": "text with times",
    "timed": "text with times and levels",
    "plain": "plain text",
}


class Head(NamedTuple):
    """The fields of one line's head; the text after it is the message."""

    ns: int
    """0 when the head has no time, or one without a known date."""
    severity: Severity
    level: str
    logger: str
    message: str
    layout: Layout
    zoned: bool = False
    """Whether the time carried its zone."""
    trader: str = ""
    service: str = ""
    goes_on: bool = False
    """Whether a container runtime cut the line here, and the next one goes on with it."""


class Heads:
    """Reads heads with the layouts seen so far."""

    def __init__(self, clock: Clock) -> None:
        """Start with no layout."""
        self.clock = clock
        self.kinds: Counter[str] = Counter()
        self.programs: Counter[str] = Counter()
        self.prefix: Layout | None = None
        self.mostly_plain = False
        """Whether lines without a head outnumber those with one: then each is a record of its own."""
        self._known: list[Layout] = []
        self._sampled: list[str] = []

    @property
    def any_known(self) -> bool:
        """Whether any layout has been met."""
        return bool(self._known)

    @property
    def any_sound(self) -> bool:
        """Whether a layout with a whole head, a time among it, has been met."""
        return any(layout.is_sound for layout in self._known)

    def learn(self, lines: Sequence[str]) -> None:
        """Take a sample of cleaned lines into account; later samples refine, up to `SAMPLE` lines in all."""
        if len(self._sampled) >= SAMPLE:
            return
        self._sampled += lines[: SAMPLE - len(self._sampled)]
        sample = [line for line in self._sampled if line and line[0] not in " \t{"]
        if self.prefix is None:
            self.prefix = layouts.wrapper(sample)
        if self.prefix is not None:
            return
        messages: dict[Layout, list[str]] = {}
        for line in sample:
            layout = layouts.scan(line)
            found = layout.match(line) if layout is not None else None
            if layout is not None and found is not None:
                messages.setdefault(layout, []).append(found["message"])
                if layout.has_logger:
                    self.programs[(found["logger"] or "").split(".")[0]] += 1
        headed = sum(len(group) for group in messages.values())
        self.mostly_plain = len(sample) - headed > headed
        sound = any(layout.form is not None and layout.has_level for layout in messages)
        for layout, group in messages.items():
            if not sound or layout.is_sound or len(group) > _MOST_HEADS * headed:
                self._add(layouts.vote(layout, group))
                self._add(layout)

    def read(self, line: str) -> Head | None:
        """Return the head of a line that does not begin with a blank, or None when it has none."""
        for layout in self._known:
            head = self.apply(layout, line)
            if head is not None:
                if not layout.has_level and layout.form is not None and _LEVEL_NEAR.match(head.message):
                    better = self._scan(line)
                    if better is not None and better.layout.has_level:
                        return better
                return head
        return self._scan(line)

    def read_inside(self, line: str) -> Head | None:
        """Return the head that stands behind a progress bar on the same line."""
        for layout in self._known:
            if layout.form is None or not layout.has_level:
                continue
            found = layout.search(line)
            if found is not None and found.start() > 0:
                head = self.apply(layout, line[found.start() :])
                if head is not None:
                    return head
        return None

    def read_level(self, line: str) -> Head | None:
        """Return the head of a line that begins with its level, where a time before it was left out."""
        level, _, message = line.partition(" ")
        severity = layouts.LEVELS.get(level)
        if severity is None:
            return None
        return Head(0, severity, level, "", message.lstrip(), layouts.RICH)

    def name(self) -> str:
        """Return the layout of most records, by the name of the program or library that prints it."""
        for program in _PROGRAMS:
            if self.programs[program]:
                return program.removesuffix("_trader")
        if not self.kinds:
            return "empty"
        return _NAMES.get(kind := self.kinds.most_common(1)[0][0], kind)

    def _scan(self, line: str) -> Head | None:
        layout = layouts.scan(line)
        if layout is None or layout in self._known:
            return None
        if not layout.is_sound and self.any_sound and not _STRICT.match(line):
            return None  # "ERROR: ..." or a table's row under a whole head: that record's second line
        head = self.apply(layout, line)
        if head is not None:
            self._add(layout)
        return head

    def _add(self, layout: Layout | None) -> None:
        if layout is not None and layout not in self._known and len(self._known) < _MOST:
            self._known.append(layout)
            self._known.sort(key=lambda known: known.rank)

    def apply(self, layout: Layout, line: str) -> Head | None:
        """Return the head of a line by one layout, or None when it does not fit."""
        found = layout.match(line)
        if found is None:
            return None
        t, f, z, level, logger, trader, service, message = found.group(*layout.fields)
        severity = Severity.UNSPECIFIED
        if layout.has_level:
            known = layout.words.get(level)
            if known is not None:
                severity = known
            elif not layout.any_level or not level.isupper():
                return None
        else:
            level = ""
        form, ns = layout.form, 0
        if form is not None:
            read = self.clock.ns(form, t, f, z)
            if read is None:
                return None
            ns = read
        if not layout.has_logger or logger is None:
            logger = ""
        zoned = form is not None and bool(z)
        if not layout.extra:
            return Head(ns, severity, level, logger, message, layout, zoned)
        if layout.part:
            cut = found.group(layout.part) == "P"
            return Head(ns, severity, level, logger, message, layout, zoned, goes_on=cut)
        if layout.kind == "prefix":
            return Head(ns, severity, level, logger, message, layout, zoned, "", service)
        return Head(ns, severity, level, logger, message, layout, zoned, trader)
