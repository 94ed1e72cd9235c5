"""Narrows the words that open a rule: `python -m scripts.narrow_literals HEALTHY_LOG... [--write]`.

A word that ordinary lines hold makes every one of them be looked at. For each rule of the shipped packs whose
words do so, rarer ones are taken from its patterns: such as no text can be without that they fit. Prints what
it finds; `--write` puts the words into the packs.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from pathlib import Path

from obs import rules, sources
from obs.events import Severity
from obs.rules.anchors import Group, anchors
from obs.rules.gate import Gate, stands_alone
from obs.rules.pack import read_pack

COMMON = 0.0005
"""Share of the ordinary lines from which on a word is too common."""


def ordinary(files: list[Path]) -> list[str]:
    """Return the distinct messages of the calm records of the logs, in lower case, digits masked."""
    found: dict[str, None] = {}
    for path in files:
        for event in sources.read(path, letter="a"):
            if event.severity <= Severity.INFO:
                found[re.sub(r"\d+", "0", event.body[:1_000].lower())] = None
    return list(found)


def main() -> None:
    """Print, and write when asked, the words that open less often."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("logs", nargs="+", type=Path, help="logs in which nothing is wrong")
    parser.add_argument("--write", action="store_true", help="put the words into the packs")
    given = parser.parse_args()
    lines = ordinary(given.logs)
    text = "\n".join(lines)

    def opened(words: Group | tuple[str, ...]) -> int:
        starts = Counter(text.count("\n", 0, position) for _, position in Gate(words).find(text))
        return len(starts)

    def weigh(group: Group) -> float:
        if any(stands_alone(word) for word in group):
            return float("inf")
        return opened(group) + len(group) / 100

    for path in sorted(rules.PACKS.glob("*.toml")):
        for rule in read_pack(path):
            least = rule.least
            if least > Severity.INFO or not rule.patterns or rule.role == "noise":
                continue
            before = opened(rule.literals)
            if before < COMMON * len(lines):
                continue
            words = anchors(rule.patterns, weigh)
            after = opened(words) if words and not any(map(stands_alone, words)) else before
            print(f"{rule.id}: {before} of {len(lines)} lines, then {after}: {', '.join(words[:6])}")
            if given.write and after < before / 2:
                _write(path, rule.id, words)


def _write(path: Path, rule_id: str, words: tuple[str, ...]) -> None:
    text = path.read_text(encoding="utf-8")
    start = text.index(f'id = "{rule_id}"')
    begin = text.index("literals = [", start)
    end = text.index("]\n", begin) + 2
    quoted = [_quoted(word) for word in words]
    line = f"literals = [{', '.join(quoted)}]\n"
    many = "literals = [\n" + "".join(f"    {word},\n" for word in quoted) + "]\n"
    path.write_text(text[:begin] + (line if len(line) <= 110 else many) + text[end:], encoding="utf-8")


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


if __name__ == "__main__":
    main()
