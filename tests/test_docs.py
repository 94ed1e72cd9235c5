"""The documents tell what is true: their code runs, their example is what the command prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders import REPO

README = (REPO / "README.md").read_text(encoding="utf-8")


def test_the_briefing_in_the_readme_is_what_the_command_prints() -> None:
    shown = re.search(r"<!-- briefing -->\n````markdown\n(.*?)````\n<!-- /briefing -->", README, re.DOTALL)
    assert shown is not None

    done = subprocess.run(
        [sys.executable, "-m", "obs", "brief", "tests/data/demo_day.jsonl.gz", "--budget", "900"],
        cwd=REPO,
        capture_output=True,
        check=True,
    )

    assert shown[1] == done.stdout.decode()


def test_the_python_code_of_the_readme_runs(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPO), "OBS_SIDECAR": "never"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list((tmp_path / ".obs" / "spool").glob("*"))


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_every_link_of_the_readme_leads_somewhere(link: str) -> None:
    assert (REPO / link).exists()


def test_every_command_of_the_readme_exists() -> None:
    from obs.__main__ import app

    names = {command.callback.__name__ for command in app.registered_commands if command.callback}
    names |= {
        str(group.name or group.typer_instance.info.name)
        for group in app.registered_groups
        if group.typer_instance
    }

    used = set(re.findall(r"^obs (\w+)", README, re.MULTILINE))

    assert used <= names
    assert used


def test_every_make_target_of_the_readme_exists() -> None:
    makefile = (REPO / "Makefile").read_text(encoding="utf-8")

    for target in re.findall(r"^make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
