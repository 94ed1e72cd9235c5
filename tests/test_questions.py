"""A page answers what its reader asks: the kept questions, asked of the pages we make of the same logs."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from obs.briefing import render, tokens
from scripts.score_questions import ask, pages, runs, snapshot_of, sources_of

pytestmark = [pytest.mark.corpus, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def questions(corpus: Path) -> Path:
    if not runs(corpus):
        pytest.skip(f"no kept questions beside {corpus}")
    return corpus


@pytest.mark.parametrize(("budget", "least"), [(1_500, 0.95), (400, 0.80)])
def test_a_page_answers_the_questions_of_its_reader(questions: Path, budget: int, least: float) -> None:
    answers = list(ask(questions, pages(questions, budget)))

    missed = [f"{a.run}: {a.question}" for a in answers if not a.is_answered]
    assert len(answers) == 56
    assert len(missed) <= (1 - least) * len(answers), missed


def test_the_end_of_the_log_answers_far_less(questions: Path) -> None:
    """What people paste today: the last 1,500 tokens of the log."""
    tails = {}
    for run in runs(questions):
        text = "\n".join(_text(path) for path in sources_of(questions, run))
        tails[run] = text[-6_000:]

    answered = sum(answer.is_answered for answer in ask(questions, tails))

    assert answered < 28


def test_a_healthy_run_takes_few_tokens_at_any_budget(questions: Path) -> None:
    snapshot = snapshot_of(questions, "normal_trade")

    for budget in (400, 1_500, 20_000):
        assert tokens(render(snapshot, budget=budget)) < 250


def _text(path: Path) -> str:
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8", "replace")
