"""What a rule says, and how a pack of rules is read from a TOML file and checked.

Every mistake in a pack is a `RuleError` that names the file, the rule, the field, the value and the mend.
A pack is `[[rule]]` tables and, optionally, one `[defaults]` table whose fields each rule of the file takes
unless it says otherwise.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from obs.events import Severity, severity_of
from obs.rules.anchors import anchors
from obs.rules.gate import PatternError, compile_pattern
from obs.snapshot import Category, IssueSeverity

__all__ = ["GENERAL_VALUES", "Examples", "Rule", "RuleError", "fill", "read_pack"]

GATES = ("wait", "read", "ask", "config", "code", "restart")
"""What stands before a step: how far it reaches. `ask` waits for a person."""

PLACES = ("outside", "host", "config", "code", "person")
ROLES = ("cause", "symptom", "noise")
GENERAL_VALUES = ("host", "symbol", "database_file")
"""Placeholders every rule may use: looked up on the line by their shape when no pattern names them, or told
by the bot's own settings."""

_ID = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)+")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_OPTIONAL = re.compile(r"\[([^\[\]]*\{\w+\}[^\[\]]*)\]")
_RISKY = re.compile(r"\b(delete|drop|remove|truncate|rotate|revoke|cancel|close|sell|buy|withdraw)\b", re.I)


class RuleError(ValueError):
    """A rule pack that cannot be used; the message names file, rule, field, value and mend."""


class Examples(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Messages that show what a rule means; they are its tests."""

    match: tuple[str, ...] = ()
    """Messages this rule must find, without time, level and logger."""
    no_match: tuple[str, ...] = ()
    """Messages that look alike and must be left alone."""


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One known kind of trouble: how to see it, what it means, what to do."""

    id: str
    """Lower case words with dots and dashes, unique over all packs: `exchange.rate-limit`."""
    category: Category
    severity: IssueSeverity
    """What an engineer would give; the printed level is a poor guide."""
    title: str
    """The issue's name. `[ on {host}]` is left out when the host is not known."""
    cause: str
    """The likely cause, in one or two sentences."""
    fix_in: str
    """`outside`, `host`, `config`, `code` or `person`, then what is known of the place."""
    actions: tuple[str, ...]
    """Steps, safest first, each `[gate] text`; gates are in `GATES`."""
    do_not: str = ""
    """The tempting wrong move, with its reason."""
    not_known: tuple[str, ...] = ()
    """What a log cannot tell of this trouble and a reader would want to know, each with why."""
    expected_minutes: int = 15
    """How long the mend takes a person who knows the system."""
    literals: tuple[str, ...] = ()
    """Words of which one must stand on the line before a pattern is tried; case does not matter. Left out,
    they are taken from the patterns."""
    patterns: tuple[str, ...] = ()
    """RE2 patterns, any of which decides; none means the literals decide. Named groups become values."""
    exclude: tuple[str, ...] = ()
    """Patterns that make the line harmless."""
    context: tuple[str, ...] = ()
    """Words of which one must stand somewhere in the record or its logger's name."""
    loggers: tuple[str, ...] = ()
    """Prefixes of the logger's name, of which one must fit; none means any."""
    min_severity: str = ""
    """Least printed level, e.g. `WARN`; records without a level pass."""
    needs_level: bool = False
    """Whether records that print no level are left alone: for rules that go by common words."""
    per_form: bool = False
    """Whether messages of different form are different issues although this one rule names them."""
    role: str = "cause"
    """`cause`, `symptom` (says that something failed, not why) or `noise` (known harmless)."""
    weight: int = 50
    """0 to 100: how specific. In one record the greatest weight names it."""
    is_side: bool = False
    """Whether it concerns a side service (a display, a rate for show), so that it ranks below any other
    trouble and is never taken for the cause of it."""
    success: tuple[str, ...] = ()
    """Words that show the same path working again; `event:NAME` is an event name."""
    reference: str = ""
    """The document or source the message comes from."""
    examples: Examples = Examples()

    @property
    def least(self) -> Severity:
        """`min_severity` as a number; 0 when every level will do."""
        return severity_of(self.min_severity) if self.min_severity else Severity.UNSPECIFIED


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put values into a title, a cause or a step.

    A part in square brackets that holds a placeholder, `[ on {host}]`, is left out whole when its value is
    not known; the brackets of gates (`[read]`) hold none and stay.
    """

    def part(match: re.Match[str]) -> str:
        inner = match.group(1)
        if any(name not in values for name in _PLACEHOLDER.findall(inner)):
            return ""
        return _PLACEHOLDER.sub(lambda found: values[found.group(1)], inner)

    return _OPTIONAL.sub(part, text)


def read_pack(path: Path, *, is_tried: bool = False) -> tuple[Rule, ...]:
    """Return the rules of one file, each checked on its own.

    Args:
        path: The file.
        is_tried: Its patterns are known to be good: they are not compiled, which costs most of the reading.

    Raises:
        RuleError: If the file cannot be read or a rule in it is wrong.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RuleError(
            f"{path.name}: cannot be read ({error.strerror}): give the path of a TOML file"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RuleError(f"{path.name}: is no TOML: {error}: mend the file at that place") from None
    for key in document.keys() - {"rule", "defaults"}:
        raise RuleError(f"{path.name}: [{key}] is not known: a pack has [[rule]] tables and one [defaults]")
    rows = document.get("rule", [])
    if not isinstance(rows, list) or not rows:
        raise RuleError(f"{path.name}: holds no rule: write each as a [[rule]] table")
    defaults = document.get("defaults", {})
    compiles = None if is_tried else compile_pattern
    return tuple(_rule(path.name, index, {**defaults, **row}, compiles) for index, row in enumerate(rows, 1))


_Compiles = Callable[[str], object]


def _rule(file: str, index: int, row: Mapping[str, Any], compiles: _Compiles | None) -> Rule:
    name = str(row.get("id") or f"number {index}")
    where = f"{file}: rule {name}"
    fields = Rule.__struct_fields__
    for key in row:
        if key not in fields:
            near = difflib.get_close_matches(key, fields, 1)
            raise RuleError(
                f"{where}: {key} is not known: " + (f"write {near[0]}" if near else "leave it out")
            )
    try:
        rule = msgspec.convert(row, Rule)
    except msgspec.ValidationError as error:
        raise RuleError(f"{where}: {_plain(error, row)}") from None
    if not rule.literals:
        rule = msgspec.structs.replace(rule, literals=_words_of(where, rule.patterns, compiles))
    for message in _faults(rule, compiles):
        raise RuleError(f"{where}: {message}")
    return rule


def _words_of(where: str, patterns: Sequence[str], compiles: _Compiles | None) -> tuple[str, ...]:
    for pattern in patterns:
        if compiles is None:
            break
        try:
            compiles(pattern)
        except PatternError as error:
            raise RuleError(f"{where}: patterns: {pattern!r} is refused: {error}") from None
        if not anchors([pattern]):
            raise RuleError(
                f"{where}: patterns: {pattern!r} spells out no word of three letters that each match "
                "must hold: write one into it, or give literals"
            )
    return anchors(patterns)


def _plain(error: msgspec.ValidationError, row: Mapping[str, Any]) -> str:
    text = str(error)
    field = re.search(r"`\$\.(\w+)", text)
    if field:
        words: dict[str, list[str]] = {"category": [*Category], "severity": [*IssueSeverity]}
        allowed = words.get(field.group(1))
        mend = f"write one of {', '.join(allowed)}" if allowed else "give it the type the field has"
        return f"{field.group(1)} = {row.get(field.group(1))!r} is wrong ({text}): {mend}"
    return f"{text}: add it"


def _faults(rule: Rule, compiles: _Compiles | None) -> Iterable[str]:
    if not _ID.fullmatch(rule.id):
        yield f"id = {rule.id!r} is no id: write lower case words with a dot, e.g. exchange.rate-limit"
    if rule.role not in ROLES:
        yield f"role = {rule.role!r} is not known: write one of {', '.join(ROLES)}"
    if not 0 <= rule.weight <= 100:
        yield f"weight = {rule.weight} is out of range: write 0 to 100"
    if rule.expected_minutes < 0:
        yield f"expected_minutes = {rule.expected_minutes} is out of range: write 0 or more"
    if rule.min_severity and not rule.least:
        yield f"min_severity = {rule.min_severity!r} is no level: write DEBUG, INFO, WARN, ERROR or FATAL"
    if rule.fix_in.split(" ")[0].rstrip(":,") not in PLACES:
        yield f"fix_in = {rule.fix_in!r} names no place: begin with one of {', '.join(PLACES)}"
    if not rule.literals or any(len(literal.strip()) < 2 for literal in rule.literals):
        yield (
            f"literals = {list(rule.literals)!r} is too short: "
            "give words of at least two characters, or patterns"
        )
    if not rule.examples.match:
        yield "examples.match is missing: write at least one message that this rule must find"
    yield from _faulty_actions(rule)
    yield from _faulty_patterns(rule, compiles)


def _faulty_actions(rule: Rule) -> Iterable[str]:
    if not rule.actions and rule.role != "noise":
        yield "actions is empty: write at least one step, e.g. [read] Look at the line before"
    for step in rule.actions:
        gate = re.match(r"\[(\w+)\] \S", step)
        if gate is None or gate.group(1) not in GATES:
            yield f"actions: {step!r} has no gate: begin it with one of [{'], ['.join(GATES)}]"
        elif gate.group(1) in ("wait", "restart") and _RISKY.search(step):
            yield f"actions: {step!r} may cost money or data: give it the gate [ask]"


def _faulty_patterns(rule: Rule, compiles: _Compiles | None) -> Iterable[str]:
    groups = set(GENERAL_VALUES)
    for field in ("patterns", "exclude"):
        for pattern in getattr(rule, field):
            try:
                if compiles is not None:
                    compiles(pattern)
            except PatternError as error:
                yield f"{field}: {pattern!r} is refused: {error}"
            groups.update(re.findall(r"\(\?P<(\w+)>", pattern))
    for text in (rule.title, rule.cause, rule.do_not, rule.fix_in, *rule.not_known, *rule.actions):
        if "{" in _OPTIONAL.sub("", text):
            yield f"{text!r} has a placeholder that may stay empty: put it in brackets, e.g. [ on {{host}}]"
        for name in _PLACEHOLDER.findall(text):
            if name not in groups:
                yield f"{text!r} asks for {{{name}}}, which no pattern names: add (?P<{name}>...)"
