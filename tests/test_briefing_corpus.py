"""Briefings of real logs: the labelled cause first, its proof on the page, calm runs calm."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from obs import rules
from obs.analysis import analyze
from obs.briefing import render, tokens
from obs.snapshot import Issue, IssueSeverity, IssueStatus, Snapshot

pytestmark = [pytest.mark.corpus, pytest.mark.timeout(240)]


@cache
def ruleset() -> rules.RuleSet:
    return rules.load()


@cache
def snapshot_of(path: Path) -> Snapshot:
    return analyze(path, ruleset=ruleset())


@pytest.fixture(scope="module")
def runs(corpus: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (corpus / "bots" / "runs.jsonl").read_text().splitlines()]


def causes(snapshot: Snapshot) -> list[Issue]:
    return [issue for issue in snapshot.issues if issue.cause is None]


@pytest.mark.slow
def test_every_log_gives_a_page_within_its_budget_and_with_one_fence_at_most(corpus: Path) -> None:
    for path in sorted((corpus / "bots").glob("*.gz")):
        for budget in (300, 2_000, 8_000):
            text = render(snapshot_of(path), budget=budget)

            assert tokens(text) <= budget, path.name
            parsed = MarkdownIt("commonmark").enable(["table"]).parse(text)
            assert sum(token.type == "fence" for token in parsed) <= 1, path.name
            assert not any(token.type in ("html_block", "image", "link_open") for token in parsed), path.name


def test_the_first_issue_of_a_fault_run_has_the_labelled_category(
    corpus: Path, runs: list[dict[str, Any]]
) -> None:
    wrong = []
    labelled = [row for row in runs if row["category"]]
    for row in labelled:
        found = causes(snapshot_of(corpus / row["file"]))
        accepted = {name.upper() for name in (row["category"], *row.get("also", ()))}
        if not found or found[0].category.value not in accepted:
            wrong.append(row["file"])

    assert len(wrong) <= 0.2 * len(labelled), wrong


def test_the_page_at_2000_tokens_quotes_the_line_that_proves_the_cause(
    corpus: Path, runs: list[dict[str, Any]]
) -> None:
    proofs = json.loads((corpus / "bots" / "evidence.json").read_text())
    shown: dict[str, bool] = {}
    for row in runs:
        key = Path(row["file"]).name.split(".", 1)[0]
        if row["category"] and key in proofs:
            page = render(snapshot_of(corpus / row["file"]), budget=2_000)
            shown[key] = shown.get(key, False) or bool(re.search(proofs[key], page))

    missing = [key for key, proven in shown.items() if not proven]
    assert len(missing) <= 0.2 * len(shown), missing


def test_healthy_runs_raise_nothing_above_info_but_their_known_side_fault(
    corpus: Path, runs: list[dict[str, Any]]
) -> None:
    for row in runs:
        if row["fault"] is not None or row.get("unlabelled"):
            continue
        raised = [
            issue
            for issue in causes(snapshot_of(corpus / row["file"]))
            if issue.severity is not IssueSeverity.INFO and issue.status is not IssueStatus.RESOLVED
        ]
        if row.get("collateral"):
            raised = [issue for issue in raised if "coingecko" not in issue.title.lower()]
        assert [issue.title for issue in raised] == [], row["file"]
