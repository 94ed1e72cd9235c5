"""What kind of program a command starts, read from its file, and what its bot is called."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from obs.running.launch import inspect_program, service_of


def script(folder: Path, text: str) -> str:
    """Write an executable file and return its path."""
    path = folder / "program"
    path.write_bytes(text.encode())
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("head", "is_python", "unreached"),
    [
        (f"#!{sys.executable}\nprint(1)", True, ""),
        (f"#!{sys.executable} -I\n", True, "-I"),
        (f"#!{sys.executable} -sE\n", True, "-E"),
        ("#!/usr/bin/env python3\n", True, ""),
        ("#!/usr/bin/env -S python3 -I\n", True, ""),
        ("#!/bin/sh\nexec python3 bot.py\n", False, ""),
        (f"#!/bin/sh\n'''exec' \"{sys.executable}\" \"$0\" \"$@\"\n' '''\n", True, ""),
        (f"#!/bin/sh\n'''exec' {sys.executable} \"$0\" \"$@\"\n' '''\n", True, ""),
        ("#!\n", False, ""),
        ("\x7fELF", False, ""),
        ("", False, ""),
    ],
)
def test_a_scripts_first_line_says_what_it_is(
    head: str, is_python: bool, unreached: str, tmp_path: Path
) -> None:
    program = inspect_program([script(tmp_path, head), "--paper"])

    assert (program.is_python, program.unreached if "-S" not in head else "") == (is_python, unreached)


@pytest.mark.parametrize(
    ("arguments", "unreached"),
    [
        (["bot.py", "-I"], ""),
        (["-u", "-m", "bot", "-E"], ""),
        (["-c", "print()", "-S"], ""),
        (["-I", "bot.py"], "-I"),
        (["-uE", "bot.py"], "-E"),
        (["-W", "error", "-S", "bot.py"], "-S"),
        (["-Xfaulthandler", "-Wignore", "-bI"], "-I"),
        (["-X", "importtime", "bot.py", "-E"], ""),
        (["--check-hash-based-pycs", "bot.py"], ""),
        (["-"], ""),
    ],
)
def test_flags_that_shut_us_out_are_seen_only_where_they_are_the_interpreters(
    arguments: list[str], unreached: str
) -> None:
    program = inspect_program([sys.executable, *arguments])

    assert (program.is_python, program.unreached) == (True, unreached)
    assert program.copies_from_inside is (not unreached)


@pytest.mark.parametrize(
    ("name", "unreached"),
    [("python2.7", "Python 2.7"), ("python3.10", "Python 3.10"), ("python3.11", ""), ("python3.13t", "")],
)
def test_a_python_that_is_too_old_for_us_is_known_by_its_files_name(
    name: str, unreached: str, tmp_path: Path
) -> None:
    real = tmp_path / name
    real.write_bytes(b"\x7fELF")
    real.chmod(0o755)
    (tmp_path / "python").symlink_to(real)

    assert inspect_program([str(tmp_path / "python"), "bot.py"]).unreached == unreached


def test_a_program_that_is_not_there_is_said_to_be_missing() -> None:
    assert inspect_program(["no-such-bot"]).executable == ""


@pytest.mark.parametrize(
    ("command", "service"),
    [
        (["python", "bot.py", "--live"], "bot"),
        (["python3.11", "-u", "-W", "error", "bots/grid.py"], "grid"),
        (["python", "-m", "trading", "run"], "trading"),
        (["python", "app/__main__.py"], "app"),
        (["python", "-c", "pass"], "python"),
        (["/opt/venv/bin/freqtrade", "trade"], "freqtrade"),
        (["env", "MODE=live", "uv", "run", "python", "maker.py"], "maker"),
        (["timeout", "10", "node", "x.js"], "node"),
        (["./start.sh"], "start"),
        (["uv"], "uv"),
    ],
)
def test_a_bot_is_named_after_its_script(command: list[str], service: str) -> None:
    assert service_of(command) == service
