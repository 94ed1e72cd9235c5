"""Asking all rules about one event: which of them fit, and which names it best.

First the gate says which literals stand where, then level, logger and context decide which rules may speak,
then their patterns are tried on those lines alone. What was decided for a form of message is remembered.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Any

from obs.events import Event, Severity
from obs.rules.gate import MAX_LINE, Gate
from obs.rules.matching import CompiledRule, Match, cut_to_size, is_source_code, offset_of, text_of
from obs.rules.pack import Rule
from obs.watch.tape import KINDS

__all__ = ["Match", "RuleSet"]

CACHED_VERDICTS = 20_000
LONGEST_CACHED = 16_384
"""Characters of a record above which its verdict is not remembered: a copy of the text would be the key."""

# Verdicts are kept per form. Short whole numbers stay in it, as codes decide; what never decides goes.
_VARYING = re.compile(r"[0-9]{7,}|\.[0-9]+")
_JUDGED = ("anomaly.detected", "anomaly.cleared")
"""Events of which the thresholds decide by the bot's own records (`obs.watch.anomalies`): their words would
make a second issue of the same matter. A kind that no threshold knows is left to the rules."""
_ROLE_ORDER = {"cause": 0, "symptom": 1, "noise": 2}

Found = tuple[int, int, int]
"""Numbers of a rule, of the line it fits and of the pattern that fits; -1: its literals decided."""


class RuleSet:
    """Rules made ready to be asked. Not changed after it is made, apart from what it remembers."""

    def __init__(self, rules: Iterable[Rule], *, native: bool = True, cached: int = CACHED_VERDICTS) -> None:
        """Make the rules ready.

        Args:
            rules: Checked rules, their ids unique.
            native: False takes the pure-Python roads even where the native ones are installed.
            cached: How many forms of messages are remembered; 0 remembers none.
        """
        self.rules: tuple[Rule, ...] = tuple(rules)
        self.compiled = tuple(CompiledRule(rule, native=native) for rule in self.rules)
        words: dict[str, list[int]] = {}
        for number, rule in enumerate(self.rules):
            for literal in dict.fromkeys(word.lower() for word in rule.literals):
                words.setdefault(literal, []).append(number)
        self._gate = Gate(words, native=native)
        self._owners = tuple(tuple(words[literal]) for literal in self._gate.literals)
        self._least = tuple(self._least_of(numbers) for numbers in self._owners)
        successes: dict[str, list[str]] = {}
        for rule in self.rules:
            for word in rule.success:
                key = word if word.startswith("event:") else word.lower()
                successes.setdefault(key, []).append(rule.id)
        self._success_of_name = {word: ids for word, ids in successes.items() if word.startswith("event:")}
        plain = {word: ids for word, ids in successes.items() if not word.startswith("event:")}
        self._success_gate = Gate(plain, native=native)
        self._success_of_word = tuple(plain[word] for word in self._success_gate.literals)
        self._verdicts: dict[Any, tuple[Found, ...]] = {}
        self._remembers = cached

    def __len__(self) -> int:
        return len(self.rules)

    def match(self, event: Event) -> tuple[Match, ...]:
        """Return the rules that fit, best first: causes before symptoms, then weight, then the earlier line.

        Of several rules that fit one line only the best is given: they say the same thing less well.
        A record that would be taken for trouble and is known to be harmless gives its one noise rule, so
        that callers can tell *harmless* from *unknown*.
        """
        if event.event_name in _JUDGED and event.attributes.get("anomaly.kind") in KINDS:
            return ()
        whole = text_of(event)
        text = whole if len(whole) <= MAX_LINE else cut_to_size(whole)
        lowered = text.lower()
        severity = event.severity
        hits = [
            hit
            for hit in self._gate.find(lowered)
            if not self._least[hit[0]] > severity > Severity.UNSPECIFIED
        ]
        if not hits:
            return ()
        verdict = self._verdict(event, text, lowered, hits)
        if not verdict:
            return ()
        lines = whole.split("\n")
        return tuple(self._made(event, lines, *found) for found in verdict)

    def successes(self, event: Event) -> frozenset[str]:
        """Return the ids of the rules whose path this event shows working."""
        found = set(self._success_of_name.get(f"event:{event.event_name}", ())) if event.event_name else set()
        if self._success_gate.literals:
            for index, _ in self._success_gate.find(event.body.lower()):
                found.update(self._success_of_word[index])
        return frozenset(found)

    def openings(self, lowered: str, severity: Severity) -> list[tuple[int, int]]:
        """Return where literals stand in a text of many messages, for whoever sorts out the silent ones.

        Args:
            lowered: Messages joined by line feeds, in lower case.
            severity: The gravest of theirs; none is UNSPECIFIED.

        Returns:
            Numbers of literals with their positions; -1 for a word that shows a path working. A message in
            which none stands fits no rule and shows no path working.
        """
        least = self._least
        found = [hit for hit in self._gate.find(lowered) if least[hit[0]] <= severity]
        if self._success_gate.literals:
            found += [(-1, position) for _, position in self._success_gate.find(lowered)]
        return found

    def is_silent(self, event: Event, lowered: str, openings: Sequence[tuple[int, int]]) -> bool:
        """Whether `match` and `successes` give nothing for an event of which `openings` are known.

        Args:
            event: One without exception and attributes, its body no longer than `MAX_LINE`.
            lowered: Its body in lower case.
            openings: What `openings` gives for it.
        """
        severity, least = event.severity, self._least
        hits = [hit for hit in openings if hit[0] < 0 or not least[hit[0]] > severity > Severity.UNSPECIFIED]
        if not hits:
            return True
        if any(literal < 0 for literal, _ in hits):
            return False
        return not self._verdict(event, event.body, lowered, hits)

    def _least_of(self, numbers: Sequence[int]) -> Severity:
        """Return the level below which none of the rules has anything to say.

        Noise has nothing to silence there: a message below WARN that no other rule fits is no trouble.
        """
        return min(
            max(Severity.WARN, self.compiled[n].least)
            if self.rules[n].role == "noise"
            else self.compiled[n].least
            for n in numbers
        )

    def _verdict(
        self, event: Event, text: str, lowered: str, hits: Sequence[tuple[int, int]]
    ) -> tuple[Found, ...]:
        if not self._remembers or len(text) > LONGEST_CACHED:
            return self._judged(event, text, lowered, hits)
        key = (event.severity, event.logger, _VARYING.sub("#", text))
        verdict = self._verdicts.get(key)
        if verdict is None:
            if len(self._verdicts) >= self._remembers:
                # All at once: forms that are still spoken come back within their next line.
                self._verdicts.clear()
            verdict = self._verdicts[key] = self._judged(event, text, lowered, hits)
        return verdict

    def _judged(
        self, event: Event, text: str, lowered: str, hits: Sequence[tuple[int, int]]
    ) -> tuple[Found, ...]:
        starts = _line_starts(lowered)
        where: dict[int, set[int]] = {}
        for literal, position in hits:
            line = bisect_right(starts, position) - 1
            for number in self._owners[literal]:
                where.setdefault(number, set()).add(line)
        lines = text.split("\n")
        code = {line for line in set().union(*where.values()) if is_source_code(lines, line)}
        found: list[Found] = []
        noise: list[Found] = []
        for number, candidates in where.items():
            compiled = self.compiled[number]
            if compiled.may_speak(event, lowered):
                for line in sorted(candidates - code):
                    pattern = compiled.fits(lines[line])
                    if pattern is not None:
                        (noise if compiled.rule.role == "noise" else found).append((number, line, pattern))
                        break
        return self._ranked(found, noise, event.severity)

    def _ranked(self, found: list[Found], noise: list[Found], severity: Severity) -> tuple[Found, ...]:
        """Return the best rule of each line, best first; or the noise rule that outweighs them all."""
        found.sort(key=self._order)
        if noise and (found or not Severity.UNSPECIFIED < severity < Severity.WARN):
            noise.sort(key=self._order)
            loudest = max((self.rules[item[0]].weight for item in found), default=-1)
            if self.rules[noise[0][0]].weight >= loudest:
                return (noise[0],)
        told: set[int] = set()
        best = []
        for item in found:
            if item[1] not in told:
                told.add(item[1])
                best.append(item)
        return tuple(best)

    def _order(self, item: Found) -> tuple[int, int, int, str]:
        rule = self.rules[item[0]]
        return _ROLE_ORDER[rule.role], -rule.weight, item[1], rule.id

    def _made(self, event: Event, lines: Sequence[str], number: int, line: int, pattern: int) -> Match:
        compiled = self.compiled[number]
        found = compiled.pattern(pattern) if pattern >= 0 else None
        return Match(compiled.rule, offset_of(event, line), lines[line], found)


def _line_starts(lowered: str) -> list[int]:
    starts = [0]
    position = lowered.find("\n")
    while position >= 0:
        starts.append(position + 1)
        position = lowered.find("\n", position + 1)
    return starts
