"""Known trouble, recognised in what a bot printed: the engine over the rule packs.

`load` reads the packs that ship with the product and the user's own; `RuleSet.match` says which rules an
event fits, the one that names it best first. What a rule says is in `obs.rulepack`; issues are made from
matches elsewhere.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cachetools import LRUCache

from obs.events import Event, Severity
from obs.rulegate import MAX_LINE, Gate, Pattern, compile_pattern
from obs.rulepack import Examples, Rule, RuleError, fill, read_pack

__all__ = ["Examples", "Match", "Rule", "RuleError", "RuleSet", "RulesFile", "load"]

PACKS = Path(__file__).parent / "rulepacks"
"""The packs that ship with the product, one file per kind of trouble."""

CACHED_VERDICTS = 20_000
MAX_LINES = 2_000
"""Lines of one record that are looked at; of a longer one head and tail: the cause is in the first block."""
TOLD = ("error", "err", "exception", "reason", "detail", "cause")
"""Attributes in which structured logs keep what went wrong; each counts as a line of the record."""

_VALUE = re.compile(r"[A-Za-z0-9_./:\-@+]{1,60}")
# Verdicts are kept per form. Short whole numbers stay in it, as codes decide; what never decides goes.
_VARYING = re.compile(
    r"(?<=\.)[0-9]+|[0-9]{7,}|0x[0-9a-f]+|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{20,}", re.IGNORECASE
)
_GENERAL = {
    "host": re.compile(
        r"(?:host='|https?://|wss?://|connect to host )([a-z0-9][a-z0-9.-]{2,58})(?![a-z0-9.@-])"
    ),
    "symbol": re.compile(
        r"(?<![\w/.])([A-Z0-9]{2,10}/[A-Z]{2,6}(?::[A-Z]{2,6})?|KRW-[A-Z0-9]{2,10})(?![\w/.])"
    ),
}
_ROLE_ORDER = {"cause": 0, "symptom": 1, "noise": 2}


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
            self._values = {name: text for name, text in named.items() if text and _VALUE.fullmatch(text)}
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


class _Compiled:
    __slots__ = ("context", "exclude", "least", "loggers", "patterns", "rule")

    def __init__(self, rule: Rule, *, native: bool) -> None:
        self.rule = rule
        self.patterns = tuple(compile_pattern(text, native=native) for text in rule.patterns)
        self.exclude = tuple(compile_pattern(text, native=native) for text in rule.exclude)
        self.context = tuple(word.lower() for word in rule.context)
        self.loggers = tuple(prefix.lower() for prefix in rule.loggers)
        self.least = rule.least

    def is_open(self, event: Event, lowered: str) -> bool:
        """Whether level, logger and context let this rule speak at all."""
        if self.least > event.severity > Severity.UNSPECIFIED:
            return False
        if self.loggers and not event.logger.lower().startswith(self.loggers):
            return False
        if self.context:
            logger = event.logger.lower()
            return any(word in lowered or word in logger for word in self.context)
        return True

    def fits(self, line: str) -> int | None:
        """Return the number of the pattern that fits the line; -1 when the literals alone decide."""
        for excluded in self.exclude:
            if excluded.search(line) is not None:
                return None
        if not self.patterns:
            return -1
        for number, pattern in enumerate(self.patterns):
            if pattern.search(line) is not None:
                return number
        return None


class RuleSet:
    """Rules made ready to be asked. Not changed after it is made, apart from its cache."""

    def __init__(self, rules: Iterable[Rule], *, native: bool = True, cached: int = CACHED_VERDICTS) -> None:
        self.rules: tuple[Rule, ...] = tuple(rules)
        self._compiled = tuple(_Compiled(rule, native=native) for rule in self.rules)
        words: dict[str, list[int]] = {}
        for number, rule in enumerate(self.rules):
            for literal in dict.fromkeys(word.lower() for word in rule.literals):
                words.setdefault(literal, []).append(number)
        self._gate = Gate(words, native=native)
        self._owners = tuple(tuple(words[literal]) for literal in self._gate.literals)
        successes: dict[str, list[str]] = {}
        for rule in self.rules:
            for word in rule.success:
                successes.setdefault(word if word.startswith("event:") else word.lower(), []).append(rule.id)
        self._success_names = {
            word: tuple(ids) for word, ids in successes.items() if word.startswith("event:")
        }
        plain = {word: ids for word, ids in successes.items() if not word.startswith("event:")}
        self._success_gate = Gate(plain, native=native)
        self._success_owners = tuple(tuple(plain[word]) for word in self._success_gate.literals)
        self._verdicts: LRUCache[Any, tuple[tuple[int, int, int], ...]] | None = (
            LRUCache(maxsize=cached) if cached else None
        )

    def __len__(self) -> int:
        return len(self.rules)

    def match(self, event: Event) -> tuple[Match, ...]:
        """Return the rules that fit, best first: causes before symptoms, then weight, then the earlier line.

        A known harmless message gives its one noise rule, so that callers can tell *harmless* from *unknown*,
        unless a rule of greater weight fits as well.
        """
        text = _text(event)
        lowered = text.lower()
        hits = self._gate.find(lowered)
        if not hits:
            return ()
        verdict = self._verdict(event, text, lowered, hits)
        if not verdict:
            return ()
        lines = text.split("\n")
        return tuple(self._made(event, lines, *found) for found in verdict)

    def successes(self, event: Event) -> frozenset[str]:
        """Return the ids of the rules whose path this event shows working."""
        found = set(self._success_names.get(f"event:{event.event_name}", ())) if event.event_name else set()
        if self._success_gate.literals:
            for index, _ in self._success_gate.find(event.body.lower()):
                found.update(self._success_owners[index])
        return frozenset(found)

    def _verdict(
        self, event: Event, text: str, lowered: str, hits: Sequence[tuple[int, int]]
    ) -> tuple[tuple[int, int, int], ...]:
        if self._verdicts is None or len(text) > MAX_LINE * 4:
            return self._judge(event, text, lowered, hits)
        key = (event.severity, event.logger, _VARYING.sub("#", text))
        verdict = self._verdicts.get(key)
        if verdict is None:
            verdict = self._verdicts[key] = self._judge(event, text, lowered, hits)
        return verdict

    def _judge(
        self, event: Event, text: str, lowered: str, hits: Sequence[tuple[int, int]]
    ) -> tuple[tuple[int, int, int], ...]:
        """Return `(rule, line, pattern)` numbers of what fits, best first."""
        starts = _line_starts(lowered)
        where: dict[int, set[int]] = {}
        for literal, position in hits:
            line = bisect_right(starts, position) - 1
            for number in self._owners[literal]:
                where.setdefault(number, set()).add(line)
        lines = text.split("\n")
        found = []
        for number, candidates in where.items():
            compiled = self._compiled[number]
            if not compiled.is_open(event, lowered):
                continue
            for line in sorted(candidates):
                if _is_source_code(lines, line):
                    continue
                pattern = compiled.fits(lines[line][:MAX_LINE])
                if pattern is not None:
                    found.append((number, line, pattern))
                    break
        return self._ranked(found)

    def _ranked(self, found: list[tuple[int, int, int]]) -> tuple[tuple[int, int, int], ...]:
        def order(item: tuple[int, int, int]) -> tuple[int, int, int, str]:
            rule = self.rules[item[0]]
            return _ROLE_ORDER[rule.role], -rule.weight, item[1], rule.id

        found.sort(key=order)
        noise = [item for item in found if self.rules[item[0]].role == "noise"]
        if noise:
            loudest = max((self.rules[item[0]].weight for item in found if item not in noise), default=-1)
            if self.rules[noise[0][0]].weight >= loudest:
                return (noise[0],)
            found = [item for item in found if item not in noise]
        return tuple(found)

    def _made(self, event: Event, lines: Sequence[str], number: int, line: int, pattern: int) -> Match:
        compiled = self._compiled[number]
        return Match(
            compiled.rule,
            _offset(event, line),
            lines[line],
            compiled.patterns[pattern] if pattern >= 0 else None,
        )


class RulesFile:
    """A user's own packs that may change while we run: the old rules stay when the new ones are wrong."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._seen = self._stamp()
        self.rules = load(self._paths)

    def reload_if_changed(self) -> bool:
        """Read the packs again if a file changed; say whether the rules are new.

        Raises:
            RuleError: If the changed packs are wrong; `rules` then still holds the old ones, and the same
                mistake is reported once.
        """
        stamp = self._stamp()
        if stamp == self._seen:
            return False
        self._seen = stamp
        self.rules = load(self._paths)
        return True

    def _stamp(self) -> tuple[tuple[str, int, int], ...]:
        rows = []
        for path in self._paths:
            try:
                status = path.stat()
            except OSError:
                rows.append((str(path), 0, -1))
            else:
                rows.append((str(path), status.st_mtime_ns, status.st_size))
        return tuple(rows)


def load(paths: Iterable[Path | str] | None = None) -> RuleSet:
    """Return the rules that ship with the product and those of the user's own packs.

    Args:
        paths: TOML files of the user; a folder stands for the `*.toml` files in it.

    Raises:
        RuleError: If a pack is wrong: unknown keys, a pattern that is not linear, an id used twice, an
            example the rule does not find, a literal that would never open its gate.
    """
    packs: dict[str, str] = {}
    rules: list[Rule] = []
    for path in (*sorted(PACKS.glob("*.toml")), *_user_packs(paths or ())):
        for rule in read_pack(path):
            if rule.id in packs:
                raise RuleError(
                    f"{path.name}: rule {rule.id}: id is taken by {packs[rule.id]}: write another, e.g. my.{rule.id}"
                )
            packs[rule.id] = path.name
            rules.append(rule)
    made = RuleSet(rules)
    for rule in rules:
        for message in _unheard_examples(made, rule):
            raise RuleError(f"{packs[rule.id]}: rule {rule.id}: {message}")
    return made


def example_event(rule: Rule, message: str) -> Event:
    """Return the event that an example of `rule` stands for: its logger, its level."""
    return Event(
        timestamp=0,
        severity=rule.least or Severity.ERROR,
        body=message,
        logger=rule.loggers[0] if rule.loggers else "",
    )


def _user_packs(paths: Iterable[Path | str]) -> Iterable[Path]:
    for given in paths:
        path = Path(given)
        if path.is_dir():
            yield from sorted(path.glob("*.toml"))
        else:
            yield path


def _unheard_examples(rules: RuleSet, rule: Rule) -> Iterable[str]:
    compiled = rules._compiled[rules.rules.index(rule)]
    for message in rule.examples.match:
        lowered = message.lower()
        if not any(literal.lower() in lowered for literal in rule.literals):
            yield f"literals: none stands in {message!r}, so the gate would never open: add one"
        elif not _finds(compiled, message):
            yield f"examples.match: {message!r} is not found: mend the pattern, the literals or the example"
    for message in rule.examples.no_match:
        if _finds(compiled, message):
            yield f"examples.no_match: {message!r} is found by it: narrow the pattern or add an exclude"


def _finds(compiled: _Compiled, message: str) -> bool:
    event = example_event(compiled.rule, message)
    if not compiled.is_open(event, message.lower()):
        return False
    return any(
        compiled.fits(line[:MAX_LINE]) is not None
        for line in message.split("\n")
        if any(literal.lower() in line.lower() for literal in compiled.rule.literals)
    )


def _text(event: Event) -> str:
    """Return the record's lines as `Event.lines` gives them, then what its attributes tell, cut to size."""
    text = event.body
    exception = event.exception
    if exception is not None:
        if exception.stacktrace:
            text = f"{text}\n{exception.stacktrace}"
        elif exception.type:
            text = f"{text}\n{exception.type}: {exception.message}"
    if event.attributes:
        for key in TOLD:
            value = event.attributes.get(key)
            if isinstance(value, str) and value:
                text = f"{text}\n{key}={value.replace(chr(10), ' ')}"
    if len(text) > MAX_LINE:
        lines = text.split("\n")
        if len(lines) > MAX_LINES:
            # Blank lines keep the count, so offsets stay true.
            gap = len(lines) - MAX_LINES
            lines[MAX_LINES * 3 // 4 : MAX_LINES * 3 // 4 + gap] = [""] * gap
        text = "\n".join(line[:MAX_LINE] for line in lines)
    return text


def _is_source_code(lines: Sequence[str], index: int) -> bool:
    """Whether the line is a frame of a traceback or the code it quotes: code says what may be raised, not what was."""
    if lines[index].startswith('  File "'):
        return True
    return index > 0 and lines[index].startswith("    ") and lines[index - 1].startswith('  File "')


def _line_starts(lowered: str) -> list[int]:
    starts = [0]
    position = lowered.find("\n")
    while position >= 0:
        starts.append(position + 1)
        position = lowered.find("\n", position + 1)
    return starts


def _offset(event: Event, index: int) -> int:
    """Return where line `index` stands in the source, counted from the record's first line."""
    kept = event.body.count("\n") + 1
    if event.exception is not None and event.exception.stacktrace:
        kept += event.exception.stacktrace.count("\n") + 1
    if index >= kept:
        return 0
    origin = event.origin
    if origin is not None and origin.cut_after and index >= origin.cut_after:
        return index + origin.cut_lines
    return index
