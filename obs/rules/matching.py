"""One rule and one event: the lines a rule sees, what it decides of a line, and what it then knows.

Which rules are asked at all, and in which order they answer, is decided in `obs.rules.ruleset`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from obs.events import Event, Severity
from obs.rules.gate import MAX_LINE, Pattern, compile_pattern, pattern_set
from obs.rules.pack import Rule, fill

__all__ = ["CompiledRule", "Match", "cut_to_size", "is_source_code", "offset_of", "text_of"]

MAX_LINES = 2_000
"""Lines of one record that are looked at; of a longer one head and tail: the cause is in the first block."""
TOLD = ("error", "err", "exception", "reason", "detail", "cause")
"""Attributes in which structured logs keep what went wrong; each counts as a line of the record."""

_FRAME = re.compile(r":\d+\)|:\d+:\d+\s*$|\((?:Native Method|Unknown Source|<anonymous>)\)|\.rs:\d+$")
"""How a frame of Java, JavaScript or Rust ends, after its `at`."""
_NUMBERED = re.compile(r"\s+\d+: +[\w<][\w:<>{}#&*, ]*$")
"""The function of a frame as Rust numbers it."""
_VALUE = re.compile(r"[A-Za-z0-9_./:\-@+]{1,60}")
_GENERAL = {
    "host": re.compile(
        r"(?:host='|https?://|wss?://|connect to host )([a-z0-9][a-z0-9.-]{2,58})(?![a-z0-9.@-])"
    ),
    "symbol": re.compile(
        r"(?<![\w/.])([A-Z0-9]{2,10}/[A-Z]{2,6}(?::[A-Z]{2,6})?|KRW-[A-Z0-9]{2,10})(?![\w/.])"
    ),
}


class Match:
    """One rule that fits an event: where it was seen and what the line named."""

    __slots__ = ("_pattern", "_values", "line", "offset", "rule")

    def __init__(self, rule: Rule, offset: int, line: str, pattern: Pattern | None) -> None:
        self.rule = rule
        self.offset = offset
        """Line offset from the record's first line, as `Event.lines` counts it."""
        self.line = line
        """The line as it stood."""
        self._pattern = pattern
        self._values: dict[str, str] | None = None

    @property
    def values(self) -> Mapping[str, str]:
        """What the pattern's named groups found, and a host or symbol that stands on the line.

        Text that is no plain identifier is left out: it is foreign and may go into prose.
        """
        if self._values is None:
            found = self._pattern.search(self.line[:MAX_LINE]) if self._pattern is not None else None
            named = found.groupdict() if found is not None else {}
            known = {name: text for name, text in named.items() if text and _VALUE.fullmatch(text)}
            # Patterns name the same thing `key`, `key2`: a group's name can stand but once in a pattern.
            self._values = {name.rstrip("0123456789"): text for name, text in known.items()} | known
            if self._values.get("until", "").isdigit():
                self._values["until"] = _second_after(int(self._values["until"]))
            symbol = self._values.get("symbol")
            # A pattern may begin in the middle of a word: half a symbol is a wrong one.
            if symbol and not re.search(rf"(?<![A-Za-z0-9]){re.escape(symbol)}", self.line):
                del self._values["symbol"]
            for name, pattern in _GENERAL.items():
                seen = pattern.search(self.line[:MAX_LINE]) if name not in self._values else None
                if seen is not None:
                    self._values[name] = seen.group(1)
        return self._values

    @property
    def span(self) -> tuple[int, int]:
        """The half-open range of `line` that the pattern found; (0, 0) when literals decided."""
        found = self._pattern.search(self.line[:MAX_LINE]) if self._pattern is not None else None
        return found.span() if found is not None else (0, 0)

    def fill(self, text: str) -> str:
        """Put this match's values into a text of its rule; parts whose value is unknown are left out."""
        return fill(text, self.values)

    def __repr__(self) -> str:
        return f"Match({self.rule.id!r}, offset={self.offset}, line={self.line[:80]!r})"


class CompiledRule:
    """A rule ready to be asked; its patterns are made when they are first needed, as most never are."""

    __slots__ = ("_exclude", "_find", "_is_native", "_patterns", "context", "least", "loggers", "rule")

    def __init__(self, rule: Rule, *, native: bool = True) -> None:
        self.rule = rule
        self._patterns: dict[int, Pattern] = {}
        self._exclude: tuple[Pattern, ...] | None = None
        self.context = tuple(word.lower() for word in rule.context)
        self.loggers = tuple(prefix.lower() for prefix in rule.loggers)
        self.least = rule.least
        self._is_native = native
        self._find: Callable[[str], Sequence[int] | None] | None = None

    def may_speak(self, event: Event, lowered: str) -> bool:
        """Whether level, logger and context let this rule be asked."""
        if event.severity == Severity.UNSPECIFIED:
            if self.rule.needs_level:
                return False
        elif event.severity < self.least:
            return False
        if self.loggers and not event.logger.lower().startswith(self.loggers):
            return False
        if self.context:
            logger = event.logger.lower()
            return any(word in lowered or word in logger for word in self.context)
        return True

    def pattern(self, number: int) -> Pattern:
        """Return one of the rule's patterns, by its number."""
        made = self._patterns.get(number)
        if made is None:
            made = compile_pattern(self.rule.patterns[number], native=self._is_native)
            self._patterns[number] = made
        return made

    def fits(self, line: str) -> int | None:
        """Return the number of the pattern that fits the line; -1 when the literals alone decide."""
        number = -1
        if self.rule.patterns:
            find = self._find
            if find is None:
                find = self._find = (
                    pattern_set(self.rule.patterns, native=self._is_native) or self._one_by_one
                )
            fitting = find(line)
            if not fitting:
                return None
            number = min(fitting)
        return None if self.rule.exclude and self._is_excluded(line) else number

    def _one_by_one(self, line: str) -> Sequence[int]:
        for number in range(len(self.rule.patterns)):
            if self.pattern(number).search(line) is not None:
                return (number,)
        return ()

    def _is_excluded(self, line: str) -> bool:
        if self._exclude is None:
            texts = self.rule.exclude
            self._exclude = tuple(compile_pattern(text, native=self._is_native) for text in texts)
        return any(pattern.search(line) is not None for pattern in self._exclude)


def text_of(event: Event) -> str:
    """Return the record's lines as `Event.lines` gives them, then what its attributes tell."""
    text = event.body
    exception = event.exception
    if exception is not None:
        if exception.stacktrace:
            text = f"{text}\n{exception.stacktrace}" if text else exception.stacktrace
        elif exception.type:
            text = f"{text}\n{exception.type}: {exception.message}"
    if event.attributes:
        for key in TOLD:
            value = event.attributes.get(key)
            if isinstance(value, str) and value:
                text = f"{text}\n{key}={value.replace(chr(10), ' ')}"
    return text


def cut_to_size(text: str) -> str:
    """Return `text` with as many lines, each short enough for any pattern, those of a long middle blank."""
    lines = text.split("\n")
    if len(lines) > MAX_LINES:
        gap = len(lines) - MAX_LINES
        lines[MAX_LINES * 3 // 4 : MAX_LINES * 3 // 4 + gap] = [""] * gap
    return "\n".join(line[:MAX_LINE] for line in lines)


def is_source_code(lines: Sequence[str], index: int) -> bool:
    """Whether a line is a frame of a traceback or the code it quotes: what may be raised, not what was."""
    line = lines[index]
    if line[:1] not in {" ", "\t"}:
        # Go names the function above its file, and the signal that a mistake of the code made.
        after = lines[index + 1] if index + 1 < len(lines) else ""
        if after[:1] == "\t" and ".go:" in after:
            return not line.startswith(("panic: ", "fatal error: "))
        return line.startswith("[signal ") and index > 0 and lines[index - 1].startswith("panic: ")
    if line.startswith('  File "'):
        return True
    if index > 0 and line.startswith("    ") and lines[index - 1].startswith('  File "'):
        return True
    if line.lstrip().startswith("at "):
        return _FRAME.search(line) is not None
    return _NUMBERED.match(line) is not None


def offset_of(event: Event, index: int) -> int:
    """Return where line `index` of `text_of` stands in the source, counted from the record's first line."""
    kept = event.body.count("\n") + 1 if event.body else 0
    if event.exception is not None and event.exception.stacktrace:
        kept += event.exception.stacktrace.count("\n") + 1
    if index >= kept:
        return 0
    origin = event.origin
    if origin is not None and origin.cut_after and index >= origin.cut_after:
        return index + origin.cut_lines
    return index


def _second_after(epoch: int) -> str:
    """Return the whole second at or after an epoch time in s, ms, us or ns, as a reader in UTC writes it."""
    seconds = epoch
    while seconds >= 100_000_000_000:
        seconds = -(-seconds // 1_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
