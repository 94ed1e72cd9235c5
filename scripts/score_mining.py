"""Score template mining on labelled logs: grouping accuracy and its F1, one general setting for all systems.

    python scripts/score_mining.py CORPUS [--errors SYSTEM] [--choose]

CORPUS holds `<system>_2k.log_structured.csv` files with columns Content and EventId, as LogHub publishes them
(or is a folder with a `loghub` folder in it). Grouping accuracy (GA) is the share of lines whose group is
exactly the labelled one; FGA is the F1 of groups. `--choose` takes two systems away in turn, picks the
thresholds on the others, and scores them on the two: what to expect of programs nobody has seen.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean

from obs.mining.slots import Thresholds, mine
from obs.patterns import TemplateMiner, form

Labelled = tuple[list[str], list[str]]
Scores = tuple[float, float]


def read(path: Path) -> Labelled:
    """Return the messages of a labelled log and their labels."""
    with path.open(encoding="utf-8", newline="") as source:
        rows = list(csv.DictReader(source))
    return [row["Content"] for row in rows], [row["EventId"] for row in rows]


def groups(names: Iterable[str]) -> dict[str, frozenset[int]]:
    """Return the line numbers of each group."""
    found: dict[str, set[int]] = defaultdict(set)
    for number, name in enumerate(names):
        found[name].add(number)
    return {name: frozenset(lines) for name, lines in found.items()}


def score(mined: Sequence[str], labels: Sequence[str]) -> Scores:
    """Return grouping accuracy and the F1 of groups."""
    ours, theirs = groups(mined), groups(labels)
    right = set(ours.values()) & set(theirs.values())
    accuracy = sum(map(len, right)) / len(labels)
    precision, recall = len(right) / len(ours), len(right) / len(theirs)
    return accuracy, 2 * precision * recall / (precision + recall) if right else 0.0


def show(systems: dict[str, Labelled]) -> None:
    """Print the table."""
    print(f"{'system':<14}{'GA':>7}{'FGA':>7}{'found':>7}{'true':>6}{'lines/s':>10}{'resolve ms':>12}")
    scores = []
    for name, (lines, labels) in systems.items():
        miner = TemplateMiner()
        start = time.process_time()
        ids = [miner.add(line) for line in lines]
        added = time.process_time()
        mined = [miner.resolve(one) for one in ids]
        ended = time.process_time()
        scores.append(score(mined, labels))
        ga, fga = scores[-1]
        print(
            f"{name:<14}{ga:>7.3f}{fga:>7.3f}{len(set(mined)):>7}{len(set(labels)):>6}"
            f"{len(lines) / max(added - start, 1e-9):>10,.0f}{1000 * (ended - added):>12.1f}"
        )
    print(f"{'mean':<14}{mean(ga for ga, _ in scores):>7.3f}{mean(fga for _, fga in scores):>7.3f}")


def show_errors(lines: Sequence[str], labels: Sequence[str]) -> None:
    """Print the groups that are not as labelled, the largest first."""
    miner = TemplateMiner()
    ids = [miner.add(line) for line in lines]
    mined = [miner.resolve(one) for one in ids]
    true = groups(labels)
    for name, found in sorted(groups(mined).items(), key=lambda pair: -len(pair[1])):
        if found not in true.values():
            held = Counter(labels[number] for number in found).most_common(3)
            whole = len(true[held[0][0]])
            print(f"{len(found):>6} of {whole:<6}{miner.template(name)[:120]}  {dict(held)}")


GRID = [
    Thresholds(by_context=(0, two, one, many), first=first, doubtful=doubtful)
    for two, one, many in ((6, 4, 3), (8, 5, 4), (8, 6, 5), (10, 7, 6))
    for first in (10, 20, 40)
    for doubtful in (2, 3, 5)
]


def choose(systems: dict[str, Labelled]) -> None:
    """Print what the thresholds score on systems that had no say in choosing them."""
    forms = {name: [form(line) for line in lines] for name, (lines, _) in systems.items()}
    table: dict[Thresholds, dict[str, Scores]] = {}
    for setting in GRID:
        table[setting] = {}
        for name, (_, labels) in systems.items():
            templates = mine(set(forms[name]), setting).templates
            table[setting][name] = score([templates[one] for one in forms[name]], labels)
    held: list[Scores] = []
    chosen: Counter[Thresholds] = Counter()
    for left in itertools.combinations(systems, 2):
        rest = [name for name in systems if name not in left]
        best = max(GRID, key=lambda one: (sum(sum(table[one][name]) for name in rest), one == Thresholds()))
        chosen[best] += 1
        held += [table[best][name] for name in left]
    print(
        f"two systems left out in turn: GA {mean(a for a, _ in held):.3f}, FGA {mean(b for _, b in held):.3f}"
    )
    for setting, times in chosen.most_common(4):
        everywhere = table[setting].values()
        print(f"  chosen {times:>2} times: {setting}, on all {mean(a for a, _ in everywhere):.3f}", end="")
        print(f" / {mean(b for _, b in everywhere):.3f}")


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--errors", metavar="SYSTEM")
    parser.add_argument("--choose", action="store_true")
    options = parser.parse_args()
    folder = options.corpus / "loghub" if (options.corpus / "loghub").is_dir() else options.corpus
    files = sorted(folder.glob("*_structured.csv"))
    if not files:
        print(f"{folder} holds no *_structured.csv", file=sys.stderr)
        return 2
    systems = {path.name.split("_")[0]: read(path) for path in files}
    if options.errors:
        show_errors(*systems[options.errors])
    else:
        show(systems)
    if options.choose:
        choose(systems)
    return 0


if __name__ == "__main__":
    sys.exit(main())
