"""`obs issues`: list, show, resolve, archive and reopen, on an idle directory and on a watched one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from obs.keeping.presence import running_pid
from tests.builders import REPO
from tests.spool_lines import Bot


def obs(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "obs", *arguments, "--dir", str(directory)],
        capture_output=True,
        check=False,
        cwd=REPO,
        text=True,
        timeout=60,
    )


def fail(directory: Path) -> None:
    bot = Bot(directory)
    for _ in range(2):
        bot.say("frobnication of 42 refused by the venue", "ERROR")
    bot.end()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    folder = tmp_path / "obs"
    fail(folder)
    return folder


def only_id(directory: Path) -> str:
    (line,) = obs(directory, "issues").stdout.splitlines()
    assert line.startswith("I-")
    return line.split()[0]


def page(directory: Path) -> str:
    return (directory / "briefings" / "latest.md").read_text()


def test_an_archived_issue_leaves_the_page_and_the_check_until_it_is_reopened(directory: Path) -> None:
    wanted = only_id(directory)
    assert wanted in page(directory)

    done = obs(
        directory, "issues", "archive", wanted, "--reason", "venue tests today", "--for", "2h", "--by", "ann"
    )

    assert done.returncode == 0, done.stderr
    assert obs(directory, "check").returncode == 0
    assert "Unknown error" not in page(directory)
    assert "1 archived" in page(directory)
    listed = obs(directory, "issues", "--all").stdout
    assert "archived" in listed
    assert '"venue tests today"' in listed
    assert obs(directory, "issues", "reopen", wanted).returncode == 0
    assert obs(directory, "check").returncode == 1


def test_a_resolved_issue_that_fails_again_is_told_as_regressed_with_who_resolved_it(directory: Path) -> None:
    wanted = only_id(directory)
    assert (
        obs(directory, "issues", "resolve", wanted[:5], "--reason", "fixed in 1.5", "--by", "ann").returncode
        == 0
    )
    assert obs(directory, "check").returncode == 0

    fail(directory)

    assert "regressed" in obs(directory, "issues").stdout
    assert "resolved" in page(directory)
    assert '"fixed in 1.5"' in page(directory)
    assert "by ann" in obs(directory, "issues", "show", wanted).stdout


def test_an_issue_archived_until_it_gets_worse_comes_back_when_it_does(directory: Path) -> None:
    wanted = only_id(directory)

    done = obs(directory, "issues", "archive", wanted, "--reason", "rare", "--for", "worse")
    assert "until more than 10 of it are seen in an hour" in done.stdout
    fail(directory)
    assert obs(directory, "check").returncode == 0

    # A record counts by its minute: what came in the minute of the decision came before it or after.
    bot = Bot(directory)
    for _ in range(11):
        ahead = time.time_ns() + 60_000_000_000
        bot.say("frobnication of 42 refused by the venue", "ERROR", timestamp=ahead)
    bot.end()

    assert obs(directory, "check").returncode == 1
    assert "escalating" in obs(directory, "issues").stdout


def test_a_decision_that_cannot_be_is_one_line_and_exit_code_2(directory: Path) -> None:
    wanted = only_id(directory)

    for arguments in (
        ("archive", wanted),
        ("archive", wanted, "--reason", "x", "--until", "2001-01-01"),
        ("archive", wanted, "--reason", "x", "--for", "soon"),
        ("resolve", wanted, "--for", "2h"),
        ("reopen", wanted),
        ("resolve", "I-ffffffffff"),
        ("resolve",),
    ):
        done = obs(directory, "issues", *arguments)

        assert done.returncode == 2, arguments
        assert len(done.stderr.splitlines()) == 1, done.stderr


@pytest.fixture
def watched(directory: Path) -> Iterator[Path]:
    running = subprocess.Popen(
        [sys.executable, "-m", "obs.sidecar", str(directory)], env={**os.environ}, cwd=REPO
    )
    while running_pid(directory) is None and running.poll() is None:
        time.sleep(0.02)
    yield directory
    running.terminate()
    running.wait()


def test_a_running_sidecar_hears_of_a_decision_and_draws_its_page_anew(watched: Path) -> None:
    wanted = only_id(watched)

    assert obs(watched, "issues", "archive", wanted, "--reason", "known").returncode == 0

    deadline = time.monotonic() + 10
    while "1 archived" not in page(watched) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "1 archived" in page(watched)
