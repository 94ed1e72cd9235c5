"""Known trouble, recognised in what a bot printed: the packs put together.

`load` reads the packs that ship with the product and the user's own; `RuleSet.match` says which rules an
event fits, the one that names it best first. What a rule says is in `obs.rules.pack`; issues are made from
matches elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from obs.events import Event, Severity
from obs.rules.matching import CompiledRule
from obs.rules.pack import Examples, Rule, RuleError, fill, read_pack
from obs.rules.ruleset import Match, RuleSet

__all__ = [
    "PACKS",
    "Examples",
    "Match",
    "Rule",
    "RuleError",
    "RuleSet",
    "example_event",
    "fill",
    "load",
]

PACKS = Path(__file__).parent
"""The packs that ship with the product, one file per kind of trouble."""


def load(paths: Iterable[Path | str] | None = None) -> RuleSet:
    """Return the rules that ship with the product and those of the user's own packs.

    The examples of a user's rules are checked each time; those of the shipped packs are tests of the product.

    Args:
        paths: TOML files of the user; a folder stands for the `*.toml` files in it.

    Raises:
        RuleError: If a pack is wrong: unknown keys, a pattern that is not linear, an id used twice, an
            example the rule does not find, a literal that would never open its gate.
    """
    packs: dict[str, str] = {}
    rules: list[Rule] = []
    own = sorted(PACKS.glob("*.toml"))
    shipped = {path.name for path in own}
    for path in (*own, *_user_packs(paths or ())):
        # Those that ship are tried by the product's tests.
        for rule in read_pack(path, is_tried=path.parent == PACKS):
            taken = packs.get(rule.id)
            if taken:
                raise RuleError(
                    f"{path.name}: rule {rule.id}: id is taken by {taken}: write another, e.g. my.{rule.id}"
                )
            packs[rule.id] = path.name
            rules.append(rule)
    made = RuleSet(rules)
    for compiled in made.compiled:
        if packs[compiled.rule.id] in shipped:
            continue
        for message in unheard_examples(compiled):
            raise RuleError(f"{packs[compiled.rule.id]}: rule {compiled.rule.id}: {message}")
    return made


def example_event(rule: Rule, message: str) -> Event:
    """Return the event that an example of `rule` stands for: its logger, its level."""
    return Event(
        timestamp=0,
        severity=rule.least or Severity.ERROR,
        body=message,
        logger=rule.loggers[0] if rule.loggers else "",
    )


def unheard_examples(compiled: CompiledRule) -> Iterable[str]:
    """Yield what is wrong with a rule's examples: those it does not find, those it should not."""
    rule = compiled.rule
    for message in rule.examples.match:
        lowered = message.lower()
        if not any(literal.lower() in lowered for literal in rule.literals):
            yield f"literals: none stands in {message!r}, so the gate would never open: add one"
        elif not RuleSet((rule,)).match(example_event(rule, message)):
            yield f"examples.match: {message!r} is not found: mend the pattern, the literals or the example"
    for message in rule.examples.no_match:
        if RuleSet((rule,)).match(example_event(rule, message)):
            yield f"examples.no_match: {message!r} is found by it: narrow the pattern or add an exclude"


def _user_packs(paths: Iterable[Path | str]) -> Iterable[Path]:
    for given in paths:
        path = Path(given)
        if path.is_dir():
            yield from sorted(path.glob("*.toml"))
        else:
            yield path
