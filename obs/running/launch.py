"""How a command is to be started so that its logs reach us: what kind of program it is, and its environment.

A Python program keeps its own stdout and stderr and copies the text from inside; all other programs write
into pipes of ours. Which of the two holds is read from the file itself, never tried out.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

__all__ = ["BOOTSTRAP", "Program", "child_environment", "inspect_program", "plain_environment", "service_of"]

BOOTSTRAP = Path(__file__).resolve().parents[1] / "_bootstrap"
"""The folder that goes first on a child's `PYTHONPATH`; it holds nothing but our `sitecustomize`."""

_PYTHON_NAME = re.compile(r"(python|pypy)(w|\d+(\.\d+)*t?)?(\.exe)?", re.IGNORECASE)
_LAUNCHERS = {"env", "nice", "nohup", "setsid", "stdbuf", "time", "timeout", "uv", "poetry", "pipenv", "run"}
_LAUNCHER_OPTION = re.compile(r"-|\d+[smhd]?$|\w+=")
_HEAD_BYTES = 512
_OLDEST = (3, 11)


class Program(NamedTuple):
    """What stands behind a command, as far as its file tells."""

    executable: str
    """The resolved path; empty when no such program was found."""
    is_python: bool
    """Whether the command starts a Python interpreter itself, not by way of another program."""
    unreached: str = ""
    """Why our bootstrap cannot run in this interpreter (`-I`, `-E`, `-S`, `Python 3.9`), or empty."""

    @property
    def copies_from_inside(self) -> bool:
        """Whether it may keep its real stdout and stderr, because our code in it reads them."""
        return self.is_python and not self.unreached


def inspect_program(command: Sequence[str]) -> Program:
    """Return what kind of program a command starts, by its file's first bytes and its name."""
    executable = shutil.which(command[0]) or ""
    if not executable:
        return Program("", is_python=False)
    interpreter = _interpreter_line(executable)
    if interpreter is None:
        if not _is_python_name(executable):
            return Program(executable, is_python=False)
        return _python(executable, executable, command[1:])
    while interpreter and Path(interpreter[0]).name == "env":
        interpreter = [word for word in interpreter[1:] if not _LAUNCHER_OPTION.match(word)]
    found = (shutil.which(interpreter[0]) or interpreter[0]) if interpreter else ""
    if not _is_python_name(found):
        return Program(executable, is_python=False)
    return _python(executable, found, interpreter[1:])


def service_of(command: Sequence[str]) -> str:
    """Return a name for the bot that a command starts: its script's or module's, else the program's."""
    words = list(command)
    while len(words) > 1 and Path(words[0]).stem in _LAUNCHERS:
        words = [word for word in words[1:] if not _LAUNCHER_OPTION.match(word)] or words[:1]
    if not _is_python_name(words[0]):
        return Path(words[0]).stem or "bot"
    rest = iter(words[1:])
    for word in rest:
        if word == "-m":
            return next(rest, "bot")
        if word in {"-W", "-X"}:
            next(rest, "")
        elif word == "-c":
            return "python"
        elif not word.startswith("-"):
            path = Path(word)
            return path.parent.name if path.stem == "__main__" and path.parent.name else path.stem
    return "python"


def child_environment(
    environment: Mapping[str, str], *, directory: Path, service: str, run: str, quota_bytes: int = 0
) -> dict[str, str]:
    """Return the environment that makes every Python below the child attach itself.

    Args:
        environment: The environment to start from; it is not changed.
        directory: `OBS_DIR`, made absolute because a bot may change its working directory.
        service: The name under which the records will stand.
        run: A token of this run, by which the supervisor finds what the child's processes left.
        quota_bytes: How much the spool may take while nobody reads it; 0 leaves it to the environment.
    """
    inside = {
        **plain_environment(environment),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(BOOTSTRAP), _without_us(environment)])),
        "OBS_DIR": str(directory.absolute()),
        "OBS_SERVICE": service,
        "OBS_RUN": run,
    }
    if quota_bytes:
        inside["OBS_SPOOL_QUOTA"] = f"{quota_bytes}B"
    return inside


def plain_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which no Python attaches itself: for our own processes."""
    plain = {key: value for key, value in environment.items() if key not in {"OBS_RUN", "OBS_HANDOVER"}}
    if _without_us(environment):
        plain["PYTHONPATH"] = _without_us(environment)
    else:
        plain.pop("PYTHONPATH", None)
    return plain


def _without_us(environment: Mapping[str, str]) -> str:
    # Empty entries stay: to Python they mean the working directory.
    entries = environment.get("PYTHONPATH", "").split(os.pathsep)
    return os.pathsep.join(entry for entry in entries if entry != str(BOOTSTRAP))


def _python(executable: str, interpreter: str, flags: Sequence[str]) -> Program:
    unreached = _isolating_flag(flags) or _old_version(interpreter)
    return Program(executable, is_python=True, unreached=unreached)


def _old_version(interpreter: str) -> str:
    """Return the version of an interpreter that is too old for us, as its file's name tells, or empty."""
    version = re.search(r"(\d+)\.(\d+)t?$", Path(os.path.realpath(interpreter)).name)
    if version is None or (int(version[1]), int(version[2])) >= _OLDEST:
        return ""
    return f"Python {version[1]}.{version[2]}"


def _is_python_name(path: str) -> bool:
    name = Path(path).name
    if _PYTHON_NAME.fullmatch(name):
        return True
    return bool(_PYTHON_NAME.fullmatch(Path(os.path.realpath(path)).name))


def _interpreter_line(path: str) -> list[str] | None:
    """Return the words of a script's first line after `#!`, or None for a binary."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - `path` may be a bare word on Windows
            head = file.read(_HEAD_BYTES)
    except OSError:
        return None
    if not head.startswith(b"#!"):
        return None
    first, _, rest = head[2:].decode("utf-8", "replace").partition("\n")
    # An interpreter whose path is too long for the kernel is started by way of sh; pip and uv write this.
    by_way_of_sh = re.match(r"'''exec' \"?([^\"\n]+?)\"? \"\$0\"", rest)
    if by_way_of_sh:
        return [by_way_of_sh[1]]
    return first.split()


def _isolating_flag(words: Sequence[str]) -> str:
    """Return the interpreter's flag that keeps `sitecustomize` or PYTHONPATH away, or empty."""
    rest = iter(words)
    for word in rest:
        if word.startswith("--") and len(word) > 2:
            continue
        if not word.startswith("-") or word in {"-", "--"}:
            return ""
        letters = word[1:]
        until_argument = re.match(r"[^cmWX]*", letters)
        flags = until_argument[0] if until_argument else ""
        isolating = next((letter for letter in flags if letter in "IES"), "")
        if isolating:
            return f"-{isolating}"
        if flags != letters and letters[len(flags)] in "cm":
            return ""
        if flags != letters and len(letters) == len(flags) + 1:
            next(rest, "")
    return ""
