"""What people do with a log today, cut to the same budget as a briefing: the figures to beat."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from obs.briefing import tokens

__all__ = ["Habit", "last_errors", "last_lines", "rarest_forms"]

_LOUD = re.compile(r"(?i)warn|error|exception|critical|fatal")
_ERRORS = re.compile(r"\b(?:ERROR|CRITICAL|FATAL)\b")
_DIGITS = re.compile(r"\d+")
_NEWEST = 4_000
"""Lines from the end that are more than any budget takes."""


class Habit:
    """One log as a shell's tools see it: read once, and read on when more lines follow."""

    def __init__(self, lines: Iterable[str] = ()) -> None:
        """Read lines."""
        self.newest: list[str] = []
        self.errors: list[str] = []
        self.forms: Counter[str] = Counter()
        self.examples: dict[str, str] = {}
        self.read(lines)

    def read(self, lines: Iterable[str]) -> None:
        """Read on."""
        for line in lines:
            self.newest.append(line)
            if len(self.newest) > 2 * _NEWEST:
                del self.newest[:_NEWEST]
            if _LOUD.search(line):
                form = _DIGITS.sub("N", line)
                self.forms[form] += 1
                self.examples.setdefault(form, line)
                if _ERRORS.search(line):
                    self.errors.append(line)

    def then(self, later: Habit) -> Habit:
        """Return what is seen when the lines of `later` follow."""
        both = Habit()
        both.newest = [*self.newest, *later.newest]
        both.errors = [*self.errors, *later.errors]
        both.forms = self.forms + later.forms
        both.examples = {**later.examples, **self.examples}
        return both


def last_lines(log: Habit, budget: int) -> str:
    """Return the end of the log: `tail`."""
    return _end(log.newest, budget)


def last_errors(log: Habit, budget: int) -> str:
    """Return the end of its errors: `grep -E 'ERROR|CRITICAL|FATAL' | tail`."""
    return _end(log.errors, budget)


def rarest_forms(log: Habit, budget: int) -> str:
    r"""Return whatever sounds like trouble, digits masked, rarest first, each with an example.

    That is `grep -iE ... | sed 's/[0-9]\+/N/g' | sort | uniq -c | sort -n`.
    """
    ordered = sorted(log.forms.items(), key=lambda item: (item[1], item[0]))
    return "\n".join(_upto((f"{count:7d} {log.examples[form]}" for form, count in ordered), budget))


def _end(lines: list[str], budget: int) -> str:
    return "\n".join(reversed(list(_upto(reversed(lines), budget))))


def _upto(lines: Iterable[str], budget: int) -> Iterator[str]:
    left = budget
    for line in lines:
        cost = tokens(line + "\n")
        if cost > left:
            # The half line at the cut is shown as far as it goes.
            yield line[: left * 4]
            return
        left -= cost
        yield line
