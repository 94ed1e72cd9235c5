"""How good the answers are, measured on labelled logs: `python -m scripts.evaluate [CORPUS]`, `make eval`.

One table: categories and severities of snippets, silence on harmless lines, cause and proof in the briefings
of recorded faults (also when three hours of healthy lines follow), questions answered from the page; and
beside it what people do today, cut to the same budget. A third of each collection, chosen by origin, is
*closed* and reported apart: `--show` lists the misses of the open part only.
"""

from __future__ import annotations

import argparse
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from obs import rules
from obs.analysis import analyze
from obs.briefing import render, tokens
from obs.rules.ruleset import RuleSet
from obs.snapshot import Category, IssueSeverity, IssueStatus, Snapshot
from scripts import labelled, score_questions
from scripts.aftermath import LINES, Aftermath
from scripts.habits import Habit, last_errors, last_lines, rarest_forms

__all__ = ["PARTS", "Tally", "evaluate"]

BUDGETS = (2_000, 1_000, 400)
ASKED = (1_500, 400)
SIDE_FAULT = "coingecko"
"""Host of a true side fault that the recordings have: it is set aside where a run says so."""
HABITS = {"tail": last_lines, "tail of errors": last_errors, "sort | uniq -c": rarest_forms}


@dataclass
class Tally:
    """How often something was right, for the open and the closed part."""

    right: Counter[bool] = field(default_factory=Counter)
    total: Counter[bool] = field(default_factory=Counter)

    def add(self, closed: bool, is_right: bool) -> None:
        """Count one more case."""
        self.total[closed] += 1
        self.right[closed] += is_right

    @property
    def share(self) -> float:
        """The share of both parts together, 0 to 1; 1 when nothing was asked."""
        return self.right.total() / (self.total.total() or 1) if self.total else 1.0

    def __str__(self) -> str:
        cells = [(self.right.total(), self.total.total())]
        cells += [(self.right[closed], self.total[closed]) for closed in (False, True)]
        return "  ".join(f"{a:4d} of {b:4d} {_percent(a, b):>8}" for a, b in cells)


Table = dict[str, Tally]
"""Name of a row -> how often it was right."""


@dataclass(frozen=True)
class Asked:
    """What is to be measured, and how much is to be said on the way."""

    corpus: Path
    only: str = ""
    show: bool = False
    lines: int = LINES
    known: RuleSet = field(default_factory=rules.load)

    def takes(self, closed: bool) -> bool:
        """Whether a case of the open or the closed part is wanted."""
        return not self.only or closed is (self.only == "closed")

    def tell(self, closed: bool, text: str) -> None:
        """Print one miss when wanted; never one of the closed part."""
        if self.show and not closed:
            print(f"    {text}")


def snippets(asked: Asked) -> Table:
    """Category and severity of the first issue found in a few lines."""
    table: Table = {"category": Tally(), "severity within one step": Tally(), "severity exact": Tally()}
    for snippet in labelled.snippets(asked.corpus):
        if not asked.takes(snippet.closed):
            continue
        snapshot = analyze(snippet.text.split("\n"), ruleset=asked.known)
        found = snapshot.issues[0] if snapshot.issues else None
        is_right = found is not None and found.category.value in snippet.accepted
        table["category"].add(snippet.closed, is_right)
        table.setdefault(f"  {snippet.category}", Tally()).add(snippet.closed, is_right)
        wanted = IssueSeverity(snippet.severity).rank
        steps = abs(found.severity.rank - wanted) if found is not None else 9
        table["severity within one step"].add(snippet.closed, steps <= 1)
        table["severity exact"].add(snippet.closed, steps == 0)
        named = f"{found.rule or '-'} {found.category} {found.severity}" if found is not None else "nothing"
        if not is_right or steps > 1:
            what = "" if is_right else f"want {'/'.join(sorted(snippet.accepted))} "
            what += "" if steps <= 1 else f"want {snippet.severity} "
            asked.tell(snippet.closed, f"{snippet.id} {what}got {named}: {snippet.root_cause}")
            asked.tell(snippet.closed, f"       {snippet.text.splitlines()[-1][:150]}")
    order = {f"  {name.value}": index for index, name in enumerate(Category)}
    return dict(sorted(table.items(), key=lambda row: order.get(row[0], -1)))


def harmless(asked: Asked) -> Table:
    """Lines that look like trouble and are none: no issue at all."""
    table = {"no issue at all": Tally()}
    for line, closed in labelled.harmless(asked.corpus):
        if asked.takes(closed):
            found = analyze([line], ruleset=asked.known).issues
            table["no issue at all"].add(closed, not found)
            for issue in found:
                asked.tell(closed, f"{issue.rule or issue.title}: {line[:150]}")
    return table


def runs(asked: Asked) -> Table:
    """Recorded faults: the first issue, the proof on the page, and what a shell shows; healthy runs calm."""
    table: Table = {"first issue's category": Tally()}
    for run in labelled.runs(asked.corpus):
        if not asked.takes(run.closed):
            continue
        pictures = [analyze(path, ruleset=asked.known) for path in run.files]
        if run.accepted:
            _firsts(asked, table, run, pictures)
            _proofs(asked, table, run, pictures)
            _habits(table, run, [Habit(labelled.lines_of(path)) for path in run.files])
        else:
            for picture in pictures:
                loud = _loud(picture, run.collateral)
                table.setdefault("healthy run calm", Tally()).add(run.closed, not loud)
                if loud:
                    asked.tell(run.closed, f"{run.name} raises {', '.join(loud)}")
    return table


def after(asked: Asked) -> Table:
    """The same faults when three hours of a healthy run's lines follow them."""
    table: Table = {"first issue's category": Tally()}
    faults = [run for run in labelled.runs(asked.corpus) if run.accepted and asked.takes(run.closed)]
    for bot in dict.fromkeys(run.bot for run in faults):
        later = Aftermath(asked.corpus, bot, asked.known, lines=asked.lines)
        for run in (run for run in faults if run.bot == bot):
            pictures = [later.follow(path) for path in run.files]
            _firsts(asked, table, run, pictures)
            _proofs(asked, table, run, pictures)
            logs = [Habit(labelled.lines_of(path)).then(later.habit) for path in run.files]
            _habits(table, run, logs)
    return table


def questions(asked: Asked) -> Table:
    """Questions of a reader, answered by the page; beside it by the end of the log."""
    table: Table = {}
    if not asked.takes(False):
        return table
    ends = {
        run: "\n".join(last_lines(Habit(labelled.lines_of(path)), ASKED[0] // len(files)) for path in files)
        for run in score_questions.runs(asked.corpus)
        if (files := score_questions.sources_of(asked.corpus, run))
    }
    made = {f"page of {budget:,} tokens": score_questions.pages(asked.corpus, budget) for budget in ASKED}
    for name, pages in {**made, f"  today: tail, {ASKED[0]:,} tokens": ends}.items():
        for answer in score_questions.ask(asked.corpus, pages):
            table.setdefault(name, Tally()).add(False, answer.is_answered)
            if name in made and not answer.is_answered:
                asked.tell(False, f"{answer.run}, {name}: {answer.question} {answer.wanted}")
    return table


PARTS: Mapping[str, Callable[[Asked], Table]] = {
    "snippets": snippets,
    "harmless": harmless,
    "runs": runs,
    "after": after,
    "questions": questions,
}
"""The parts of the table, in its order."""

TITLES = {
    "snippets": "Snippets",
    "harmless": "Harmless lines",
    "runs": "Recorded runs",
    "after": "The same faults, then three hours of a healthy run's lines",
    "questions": "Questions answered from the page",
}


def evaluate(
    corpus: Path, *, parts: Iterable[str] = PARTS, only: str = "", show: bool = False, lines: int = LINES
) -> dict[str, Table]:
    """Return the tables of the parts by name.

    Args:
        corpus: Folder of the collections.
        parts: Names of parts; all when not given.
        only: `open` or `closed`: leave the other part out.
        show: Print the misses of the open part on the way.
        lines: How many healthy lines follow a fault.
    """
    asked = Asked(corpus, only, show, lines)
    return {part: PARTS[part](asked) for part in parts}


def _firsts(asked: Asked, table: Table, run: labelled.Run, pictures: Sequence[Snapshot]) -> None:
    """Count each stream's first issue; and whether any stream of the run names the fault first."""
    found = [next((issue for issue in picture.issues if issue.cause is None), None) for picture in pictures]
    right = [first is not None and first.category.value in run.accepted for first in found]
    for path, first, is_right in zip(run.files, found, right, strict=True):
        table["first issue's category"].add(run.closed, is_right)
        if not is_right:
            named = f"{first.rule or '-'} {first.category}" if first is not None else "nothing"
            asked.tell(run.closed, f"{path.name} want {'/'.join(sorted(run.accepted))} got {named}")
    table.setdefault("  in the best stream of each run", Tally()).add(run.closed, any(right))


def _proofs(asked: Asked, table: Table, run: labelled.Run, pictures: Sequence[Snapshot]) -> None:
    if not run.proof:
        return
    for budget in BUDGETS:
        pages = [render(picture, budget=budget) for picture in pictures]
        proven = any(re.search(run.proof, page) for page in pages)
        within = all(tokens(page) <= budget for page in pages)
        table.setdefault(f"cause quoted at {budget:,} tokens", Tally()).add(run.closed, proven and within)
        if not (proven and within):
            asked.tell(run.closed, f"{run.name} at {budget}: {'no proof' if within else 'page too long'}")


def _habits(table: Table, run: labelled.Run, logs: Sequence[Habit]) -> None:
    if not run.proof:
        return
    for name, habit in HABITS.items():
        for budget in BUDGETS if name.startswith("sort") else (1_000,):
            shown = any(re.search(run.proof, habit(log, budget)) for log in logs)
            table.setdefault(f"  today: {name}, {budget:,} tokens", Tally()).add(run.closed, shown)


def _loud(picture: Snapshot, collateral: bool) -> list[str]:
    return [
        f"{issue.title} ({issue.severity})"
        for issue in picture.issues
        if issue.severity is not IssueSeverity.INFO
        and issue.cause is None
        and issue.status is not IssueStatus.RESOLVED
        and not (
            collateral
            and any(SIDE_FAULT in text.lower() for text in (issue.title, *(e.text for e in issue.evidence)))
        )
    ]


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.evaluate", description=(__doc__ or "").splitlines()[0]
    )
    default = os.environ.get("OBS_CORPUS_DIR", "../shared/data")
    parser.add_argument("corpus", nargs="?", type=Path, default=Path(default))
    parser.add_argument("--part", action="append", choices=list(PARTS), help="only this; may be repeated")
    parser.add_argument("--only", choices=("open", "closed"), help="leave the other part out")
    parser.add_argument("--lines", type=int, default=LINES, help="lines that follow a fault [%(default)s]")
    parser.add_argument("--show", action="store_true", help="list the misses of the open part")
    given = parser.parse_args()
    if not given.corpus.is_dir():
        parser.error(f"{given.corpus} is no folder: give that of the log collections, or set OBS_CORPUS_DIR")
    print(f"{'':44}{'all':^24}{'open':^24}{'closed third':^24}")
    for part in given.part or PARTS:
        started = time.monotonic()
        print(TITLES[part])
        table = evaluate(
            given.corpus, parts=[part], only=given.only or "", show=given.show, lines=given.lines
        )[part]
        for name, tally in table.items():
            print(f"  {name:40}{tally}")
        print(f"  {'':40}({time.monotonic() - started:.0f} s)")


if __name__ == "__main__":
    main()
