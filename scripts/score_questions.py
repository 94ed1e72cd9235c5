"""Asks our page what a reader would ask: how many of the kept questions does it answer?

Each folder beside the corpus, `briefings/<run>/`, holds `questions.json`: a question, its answer, and
patterns of which one must be found in the page.

Usage: python scripts/score_questions.py [CORPUS_DIR] [--budget 1500 400] [--only RUN] [--page]
"""

from __future__ import annotations

import argparse
import json
import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from obs import rules
from obs.analysis import analyze
from obs.briefing import render, tokens
from obs.snapshot import Snapshot

__all__ = ["Answer", "ask", "pages", "runs", "snapshot_of", "sources_of"]


class Answer(msgspec.Struct, frozen=True):
    """One question and whether a page answers it."""

    run: str
    kind: str
    question: str
    wanted: str
    is_answered: bool


@cache
def _ruleset() -> rules.RuleSet:
    return rules.load()


def runs(corpus: Path) -> list[str]:
    """Return the runs that have questions, in order of name."""
    return sorted(path.parent.name for path in corpus.parent.glob("briefings/*/questions.json"))


def sources_of(corpus: Path, run: str) -> list[Path]:
    """Return the logs a run's questions are about: its events, or its log with its console where needed."""
    folder = corpus.parent / "briefings" / run
    events = folder / "events.jsonl"
    if events.exists():
        return [events]
    (log,) = (corpus / "bots").glob(f"*_{run}.log.gz")
    console = log.with_name(log.name.replace(".log.gz", ".console.log.gz"))
    needed = any("b:" in str(row["truth"]) for row in _questions(corpus, run))
    return [log, console] if needed and console.exists() else [log]


@cache
def snapshot_of(corpus: Path, run: str) -> Snapshot:
    """Return what is known of a run."""
    return analyze(sources_of(corpus, run), ruleset=_ruleset())


def pages(corpus: Path, budget: int) -> dict[str, str]:
    """Return our page for each run that has questions."""
    return {run: render(snapshot_of(corpus, run), budget=budget) for run in runs(corpus)}


def ask(corpus: Path, made: Mapping[str, str]) -> Iterator[Answer]:
    """Ask every question of the page of its run."""
    for run, text in made.items():
        for row in _questions(corpus, run):
            found = any(re.search(pattern, text) for pattern in row["accept"])
            yield Answer(run, row["kind"], row["question"], row["answer"], found)


def _questions(corpus: Path, run: str) -> list[dict[str, Any]]:
    text = (corpus.parent / "briefings" / run / "questions.json").read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = json.loads(text)
    return rows


def main() -> None:
    """Print each question that is not answered, and the sums."""
    parser = argparse.ArgumentParser()
    default = os.environ.get("OBS_CORPUS_DIR", "../shared/data")
    parser.add_argument("corpus", nargs="?", type=Path, default=Path(default))
    parser.add_argument("--budget", type=int, nargs="+", default=[1500, 400])
    parser.add_argument("--only", default="")
    parser.add_argument("--page", action="store_true", help="print the pages too")
    arguments = parser.parse_args()
    corpus: Path = arguments.corpus.resolve()
    wanted = [run for run in runs(corpus) if arguments.only in run]
    for budget in arguments.budget:
        made = {run: render(snapshot_of(corpus, run), budget=budget) for run in wanted}
        if arguments.page:
            for run, text in made.items():
                print(f"===== {run} at {budget}: {tokens(text)} tokens\n{text}")
        answers = list(ask(corpus, made))
        for answer in answers:
            if not answer.is_answered:
                print(f"{budget:>5} {answer.run:20} {answer.kind:10} {answer.question}  [{answer.wanted}]")
        good = sum(answer.is_answered for answer in answers)
        print(f"answered at {budget}: {good}/{len(answers)}")


if __name__ == "__main__":
    main()
