"""`python -m trading run --paper` ends by itself, says little, and leaves the listening to `logging`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPO
from trading.__main__ import main


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "trading", "run", "--paper", *arguments]
    return subprocess.run(command, cwd=REPO, capture_output=True, text=True, timeout=60, check=False)


def test_the_demo_prints_one_line_for_each_bot() -> None:
    done = run("--faults", "demo")

    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(line.partition(":")[0] for line in done.stdout.splitlines()) == [
        "grid-1",
        "maps-5",
        "meanrev-3",
        "momo-2",
        "news-4",
    ]


def test_a_logging_file_decides_who_listens(tmp_path: Path) -> None:
    log = tmp_path / "bot.log"
    config = tmp_path / "logging.json"
    handler = {"class": "logging.FileHandler", "filename": str(log)}
    root = {"level": "INFO", "handlers": ["file"]}
    config.write_text(json.dumps({"version": 1, "handlers": {"file": handler}, "root": root}))

    done = run("--bots", "grid-1", "--duration", "3m", "--log-config", str(config))

    assert done.returncode == 0
    assert log.read_text().splitlines()[0] == "bot started"


def test_the_sidecars_handler_is_named_only_as_a_string_in_the_logging_file() -> None:
    config = json.loads((REPO / "trading" / "logging.json").read_text())

    assert config["handlers"]["sidecar"] == {"class": "obs.handler.SidecarHandler"}
    for path in (REPO / "trading").glob("*.py"):
        assert "obs.handler" not in path.read_text(), path


def test_the_core_runs_without_loading_its_observer() -> None:
    code = "import sys, trading.__main__; print([m for m in sys.modules if m.partition('.')[0] == 'obs'])"

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout == "[]\n"


def test_a_run_longer_than_the_candles_is_refused_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--paper", "--duration", "99h"]) == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(r"--duration 5940m is longer than the candles: use 1s to \d{4}m", line)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--bots", "nobody"], "unknown bot 'nobody': use grid-1"),
        (["--duration", "45"], "write it with one, e.g. 45m"),
        (["--speed", "-1"], "is no speed"),
        (["--log-config", "nowhere.json"], "no such file"),
    ],
)
def test_a_wrong_option_is_one_clear_line_and_code_two(
    arguments: list[str], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["run", "--paper", *arguments])

    assert stopped.value.code == 2
    assert word in capsys.readouterr().err.splitlines()[-1]


def test_an_unknown_option_is_answered_with_the_help_of_its_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["store", "status", "--last", "3"])

    assert ended.value.code == 2
    said = "trading: --last 3: unknown. `python -m trading store status --help` lists the options.\n"
    assert capsys.readouterr().err == said


@pytest.mark.parametrize("name", ["absent/books.json", "."])
def test_books_that_cannot_be_written_are_refused_before_any_bot_starts(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--paper", "--books", str(tmp_path / name)]) == 2

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"trading: --books {tmp_path / name}")
    assert len(said.err.splitlines()) == 1
