"""The packs that ship: each rule's own examples are its tests, and its words keep the house's form."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from obs import rules
from obs.rules import PACKS
from obs.rules.gate import Gate
from obs.rules.pack import Rule, read_pack
from obs.rules.ruleset import RuleSet
from obs.snapshot import Category

_constants: Any = importlib.import_module("re._constants")
_parser: Any = importlib.import_module("re._parser")

KNOWN = rules.load()
RULES = [rule for rule in KNOWN.rules if rule.role != "noise"]


@pytest.mark.parametrize("rule", KNOWN.rules, ids=lambda rule: rule.id)
def test_a_rule_finds_its_examples_and_leaves_its_counterexamples(rule: Rule) -> None:
    alone = RuleSet((rule,))

    found = [m for m in rule.examples.match if not alone.match(rules.example_event(rule, m))]
    mistaken = [m for m in rule.examples.no_match if alone.match(rules.example_event(rule, m))]

    assert (found, mistaken) == ([], [])


OUTRANKED = {
    "code.unexpected": "trading.strategy-wording",
    "exchange.order-timed-out-info": "trading.unfilled",
    "llm.timeout-wording": "network.timeout",
    "memory.queue-behind": "memory.high",
    "memory.worker-stopped": "performance.job-overrun",
    "network.call-failed": "exchange.markets-not-loaded",
    "system.watchdog": "trading.stale-data",
}
"""Rules whose first example is another rule's as well, which tells more and speaks of another category."""


def test_among_all_rules_the_first_example_still_has_the_right_category() -> None:
    """A rule may be outranked by a more telling one of its kind; of another kind only where it is meant."""
    found = {rule: KNOWN.match(rules.example_event(rule, rule.examples.match[0])) for rule in RULES}

    assert [rule.id for rule, matches in found.items() if not matches] == []
    assert {
        rule.id: matches[0].rule.id
        for rule, matches in found.items()
        if matches[0].rule.category != rule.category
    } == OUTRANKED


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_says_what_a_person_needs(rule: Rule) -> None:
    assert len(rule.title) <= 90
    assert rule.cause.endswith((".", "?"))
    assert 0 < rule.expected_minutes <= 120
    assert all(step.endswith((".", "?")) or "(" in step for step in rule.actions)
    assert not re.search(r"\b(?:TODO|FIXME)\b", rule.cause + rule.title)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_steps_that_touch_keys_orders_or_data_wait_for_a_person(rule: Rule) -> None:
    """Deletion, keys, orders and positions are never a step that an agent takes alone."""
    risky = re.compile(
        r"(?i)^\[(?:config|code|restart|wait)\] (?:delete|remove the data|close the position|sell|buy)"
    )

    assert [step for step in rule.actions if risky.search(step)] == []


@pytest.mark.parametrize("path", sorted(PACKS.glob("*.toml")), ids=lambda path: path.stem)
def test_each_pack_that_ships_passes_the_checks_that_a_sidecar_leaves_out(path: Path) -> None:
    assert read_pack(path) == read_pack(path, is_tried=True)


def test_every_category_has_rules_and_there_are_enough() -> None:
    assert {rule.category for rule in RULES} == set(Category)
    assert len(RULES) >= 150


@pytest.mark.parametrize("rule", KNOWN.rules, ids=lambda rule: rule.id)
def test_no_way_to_fit_a_pattern_passes_the_literals_by(rule: Rule) -> None:
    """Each alternative of each pattern, written out as a text, must open the gate, or it can never match."""
    gate = Gate(rule.literals)

    passed = [
        text
        for pattern in rule.patterns
        for text in written_out(_parser.parse(pattern))
        if not gate.find(text.lower())
    ]

    assert passed == []


def written_out(parsed: Iterable[tuple[Any, Any]]) -> list[str]:
    """Return a text for each alternative of a parsed pattern, as short as can be; at most some hundred."""
    texts = [""]
    for operation, argument in parsed:
        texts = [text + piece for text in texts for piece in pieces(operation, argument)][:1_600]
    return texts


def pieces(operation: Any, argument: Any) -> list[str]:
    if operation is _constants.LITERAL:
        return [chr(argument)]
    if operation is _constants.IN:
        return [a_member(argument)]
    if operation is _constants.BRANCH:
        return [text for branch in argument[1] for text in written_out(branch)]
    if operation is _constants.SUBPATTERN:
        return written_out(argument[-1])
    if operation in (_constants.MAX_REPEAT, _constants.MIN_REPEAT):
        least, most, repeated = argument
        if least == 0:
            return [" " if most > 2 else ""]
        return [text * least for text in written_out(repeated)]
    return [""] if operation is _constants.AT else ["~"]


def a_member(members: Sequence[tuple[Any, Any]]) -> str:
    operation, argument = members[0]
    if operation is _constants.LITERAL:
        return chr(argument)
    if operation is _constants.RANGE:
        return chr(argument[0])
    if operation is _constants.CATEGORY:
        return {
            _constants.CATEGORY_DIGIT: "7",
            _constants.CATEGORY_WORD: "w",
            _constants.CATEGORY_SPACE: " ",
        }.get(argument, '"')
    return "~"
