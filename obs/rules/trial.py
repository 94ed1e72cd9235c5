"""Trying a rule pack before it is used: what it says, and what it finds in logs of one's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from obs import rules, sources
from obs.rules.gate import Gate
from obs.rules.pack import Rule

__all__ = ["tried"]

COMMON = 0.01
"""Share of a log's records from which on the words that open a rule are too common."""
_SHOWN = 4


def tried(packs: Iterable[Path], logs: Iterable[Path]) -> Iterator[str]:
    """Yield lines for a person: each rule of the packs, and what it finds in the logs.

    Args:
        packs: TOML files, or folders of them.
        logs: Logs to ask the rules about, beside all that ship; none just checks the packs.

    Raises:
        RuleError: If a pack is wrong.
        SourceError: If a log cannot be read.
    """
    shipped = {rule.id for rule in rules.load().rules}
    known = rules.load(packs)
    own = [rule for rule in known.rules if rule.id not in shipped]
    yield f"{len(own)} of your own: each finds its examples and leaves its counterexamples"
    width = max((len(rule.id) for rule in own), default=0)
    for rule in own:
        words = ", ".join(rule.literals[:_SHOWN]) + (", ..." if len(rule.literals) > _SHOWN else "")
        yield f"  {rule.id:{width}}  {rule.category} {rule.severity}; opened by: {words}"
    for letter, path in zip("abcdefghijklmnopqrstuvwxyz", logs, strict=False):
        yield from _on_log(known, own, path, letter, width)


def _on_log(known: rules.RuleSet, own: list[Rule], path: Path, letter: str, width: int) -> Iterator[str]:
    alone = rules.RuleSet(own)
    gates = {rule.id: Gate(rule.literals) for rule in own}
    opened: Counter[str] = Counter()
    fits: dict[str, list[str]] = {rule.id: [] for rule in own}
    better: dict[str, Counter[str]] = {rule.id: Counter() for rule in own}
    records = 0
    for event in sources.read(path, letter=letter):
        records += 1
        lowered = event.body.lower()
        opened.update(rule_id for rule_id, gate in gates.items() if gate.find(lowered))
        for match in alone.match(event):
            place = event.origin.line + match.offset if event.origin is not None else 0
            fits[match.rule.id].append(f"{letter}:{place}")
            best = known.match(event)[0].rule.id
            if best != match.rule.id:
                better[match.rule.id][best] += 1
    yield f"{path}: {records} records"
    for rule in own:
        yield f"  {rule.id:{width}}  {_told(fits[rule.id], better[rule.id])}"
        if opened[rule.id] > max(20, COMMON * records, 2 * len(fits[rule.id])):
            yield (
                f"  {'':{width}}  its words open it for {opened[rule.id]} records: rarer ones would cost less"
            )


def _told(found: list[str], better: Counter[str]) -> str:
    if not found:
        return "fits no record"
    text = f"fits {len(found)}: {', '.join(found[:_SHOWN])}" + (", ..." if len(found) > _SHOWN else "")
    if better:
        rival, count = better.most_common(1)[0]
        text += f"; {rival} names {count} of them: give this one a greater weight to win"
    return text
