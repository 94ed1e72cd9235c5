"""The floors of `make eval`: what was reached on labelled logs is not given up again."""

from __future__ import annotations

from pathlib import Path

import pytest

from obs import rules, sources
from obs.events import Severity
from obs.rules.gate import MAX_LINE
from scripts.evaluate import evaluate
from scripts.habits import Habit, last_errors, last_lines, rarest_forms

LOG = [
    "10:00:01 ERROR order 17 refused",
    *(f"10:00:{second:02} WARNING slow answer {second} ms" for second in range(2, 50)),
    "10:01:00 INFO done",
]


@pytest.mark.slow
@pytest.mark.corpus
@pytest.mark.timeout(240)
def test_the_figures_reached_on_labelled_logs_stay_reached(corpus: Path) -> None:
    found = evaluate(corpus, lines=20_000)

    shares = {(part, row): tally.share for part, table in found.items() for row, tally in table.items()}
    floors = {
        ("snippets", "category"): 0.95,
        ("snippets", "severity within one step"): 0.9,
        ("harmless", "no issue at all"): 0.99,
        ("runs", "first issue's category"): 0.92,
        ("runs", "cause quoted at 1,000 tokens"): 0.95,
        ("runs", "cause quoted at 400 tokens"): 0.85,
        ("runs", "healthy run calm"): 1.0,
        ("after", "first issue's category"): 0.84,
        ("after", "cause quoted at 1,000 tokens"): 0.9,
        ("after", "cause quoted at 400 tokens"): 0.85,
    }
    assert {row: shares[row] for row, floor in floors.items() if shares[row] < floor} == {}
    rows = [row for row in found["snippets"] if row.startswith("  ")]
    assert len(rows) == 12
    assert {row: shares["snippets", row] for row in rows if shares["snippets", row] < 0.8} == {}


@pytest.mark.corpus
def test_the_gate_of_the_rules_stays_shut_on_most_calm_lines(corpus: Path) -> None:
    """A word that ordinary lines hold costs time on each: `scripts.narrow_literals` finds rarer ones."""
    known = rules.load()
    logs = ("freqtrade_normal_trade.log.gz", "freqtrade_hyperopt_normal.log.gz")
    calm = [
        event.body[:MAX_LINE].lower()
        for name in logs
        for event in list(sources.read(corpus / "bots" / name, letter="a"))[::10]
        if event.severity <= Severity.INFO
    ]

    opened = sum(bool(known.openings(body, Severity.INFO)) for body in calm)

    assert opened < 0.35 * len(calm)


def test_what_a_shell_shows_is_cut_to_the_budget() -> None:
    log = Habit(LOG)

    assert last_lines(log, 12).splitlines()[-1] == "10:01:00 INFO done"
    assert last_errors(log, 100) == "10:00:01 ERROR order 17 refused"
    assert rarest_forms(log, 100).splitlines() == [
        "      1 10:00:01 ERROR order 17 refused",
        "     48 10:00:02 WARNING slow answer 2 ms",
    ]
    assert rarest_forms(log, 5) == "      1 10:00:01 ERR"


def test_lines_that_follow_are_counted_with_those_before() -> None:
    both = Habit(LOG).then(Habit(["10:02:00 ERROR order 18 refused"]))

    assert rarest_forms(both, 100).splitlines()[0] == "      2 10:00:01 ERROR order 17 refused"
