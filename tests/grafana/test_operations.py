"""docs/operations.md as somebody reads it at night: each runbook is whole, and what it names exists."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
from typer.main import get_command

from obs.__main__ import app
from scripts.dashboards import BOARDS
from tests.grafana.rules import FOLDER, alerts

PAGE = (FOLDER.parent / "docs" / "operations.md").read_text(encoding="utf-8")
BOOKS = dict(re.findall(r"(?ms)^### (\w+)\n(.*?)(?=^### |^\*\*|\Z)", PAGE[PAGE.index("## Runbooks") :]))
QUESTIONS = {"May I restart?", "regressed", "issue", "decision", "order", "Ends", "Starts of obs"}
"""What stands in italics and is no panel: of the live page, of the marks, and the runbooks' own words."""


@pytest.mark.parametrize("name", list(alerts()))
def test_a_runbook_says_how_grave_what_first_what_then_and_when_it_ends(name: str) -> None:
    paragraphs = [part for part in BOOKS[name].strip().split("\n\n") if part]

    meaning, steps, then, end = paragraphs
    assert meaning.startswith(f"*{alerts()[name]['labels']['severity']}.* ")
    assert re.match(r"1\. ", steps)
    assert then.startswith("Afterwards: ")
    assert end.startswith("*Ends* ")
    assert end.endswith(".")


def test_every_panel_that_the_page_names_is_on_a_dashboard() -> None:
    panels = {panel.title for board in BOARDS for _, row in board.rows for panel in row}
    known = panels | {board.title.removeprefix("obs / ") for board in BOARDS} | QUESTIONS
    severities = {f"{alert['labels']['severity']}." for alert in alerts().values()}

    named = set(re.findall(r"(?<![*\w])\*([^*\n]+)\*(?![*\w])", PAGE))

    assert named - known - severities == set()


def test_every_command_of_ours_on_the_page_exists_with_its_options() -> None:
    written = re.findall(r"(?m)^obs .*", PAGE) + re.findall(r"`(obs [^`]*)`", PAGE)
    assert len(written) > 15

    for line in written:
        for part in re.split(r"&&|;", line.partition("#")[0]):
            words = shlex.split(part.replace("$(date +%F)", "today"))
            if words[:1] != ["obs"] or len(words) == 1:
                continue
            known = _options(words[1:])
            assert {word for word in words if word.startswith("--")} <= known, line


def test_every_link_within_the_page_and_to_others_leads_somewhere() -> None:
    anchors = {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"(?m)^#+ (.*)$", PAGE)
    }
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        path, _, anchor = target.partition("#")
        if path:
            assert (FOLDER.parent / "docs" / path).exists(), target
        else:
            assert anchor in anchors, target


def _options(words: list[str]) -> set[str]:
    """Return the options of the command that words name; fails where there is no such command."""
    command: Any = get_command(app)
    for name in words:
        if not hasattr(command, "commands"):
            break
        command = command.commands[name]
    return {option for each in command.params for option in each.opts}
