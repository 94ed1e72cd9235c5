"""The rules against labelled logs: what must be found, and what must be left alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from obs import rules, sources
from obs.events import Event
from obs.logs import formats
from obs.rules.ruleset import Match, RuleSet

pytestmark = pytest.mark.corpus

SIDE_FAULTS = {"network.fiat-rates", "network.fiat-dns", "network.fiat-retry"}


@pytest.fixture(scope="module")
def known() -> RuleSet:
    return rules.load()


def best(known: RuleSet, events: Iterable[Event]) -> Match | None:
    found = [
        (match.rule.role != "cause", -match.rule.weight, index, match)
        for index, event in enumerate(events)
        for match in known.match(event)[:1]
        if match.rule.role != "noise"
    ]
    return min(found, key=lambda item: item[:3])[3] if found else None


def test_labelled_snippets_get_a_category_an_engineer_accepts(known: RuleSet, corpus: Path) -> None:
    rows = [
        json.loads(line) for line in (corpus / "snippets_dev.jsonl").read_text(encoding="utf-8").splitlines()
    ]

    right = 0
    for row in rows:
        match = best(known, formats.parse(row["text"].split("\n"), letter="a"))
        right += match is not None and match.rule.category in {
            name.upper() for name in (row["category"], *row["also"])
        }

    assert right / len(rows) >= 0.85


def test_lines_that_only_look_like_trouble_open_nothing(known: RuleSet, corpus: Path) -> None:
    lines = (corpus / "harmless_dev.txt").read_text(encoding="utf-8").splitlines()

    named = [
        (line, found.rule.id) for line in lines if (found := best(known, formats.parse([line], letter="a")))
    ]

    assert named == []


def test_the_cause_of_each_recorded_fault_is_quoted(known: RuleSet, corpus: Path) -> None:
    evidence = json.loads((corpus / "bots" / "evidence.json").read_text(encoding="utf-8"))
    unproven = []
    for run, pattern in evidence.items():
        if run.startswith("_"):
            continue
        lines = [
            match.line
            for path in sorted((corpus / "bots").glob(f"{run}.*"))
            for event in sources.read(path, letter="a")
            for match in known.match(event)[:1]
        ]
        if not any(re.search(pattern, line) for line in lines):
            unproven.append(run)

    assert len(unproven) <= 4, unproven


def test_healthy_runs_show_nothing_but_the_rates_they_could_not_load(known: RuleSet, corpus: Path) -> None:
    rows = [
        json.loads(line) for line in (corpus / "bots" / "runs.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    loud = set()
    for row in rows:
        if row["fault"] is None and not row.get("unlabelled") and "bracket_debug" not in row["file"]:
            for event in sources.read(corpus / "bots" / Path(row["file"]).name, letter="a"):
                for match in known.match(event)[:1]:
                    if match.rule.role != "noise" and match.rule.severity != "info":
                        loud.add(match.rule.id)

    assert loud <= SIDE_FAULTS
