"""One line in a bot's own code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.run.conftest import read_spool, surroundings


def run(code: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run a bot of a few lines in a folder of its own."""
    repo = str(Path(__file__).resolve().parents[2])
    return subprocess.run(
        [sys.executable, "-c", code],
        env=surroundings({"PYTHONPATH": repo, **(env or {})}),
        cwd=cwd,
        capture_output=True,
        timeout=30,
        check=False,
    )


BOT = """
import logging, logging.config, threading, obs
attachment = obs.attach(service="grid-1")
assert attachment == obs.attach("/elsewhere"), attachment
print(attachment.active, attachment.service, attachment.directory.name, attachment.problem)
logging.config.dictConfig({"version": 1, "root": {"level": "ERROR", "handlers": []}})
logging.getLogger("bot").error("price is %s", 0)
thread = threading.Thread(target=lambda: {}["feed"], name="feed"); thread.start(); thread.join()
1 / 0
"""


def test_one_line_keeps_records_and_what_nobody_caught(tmp_path: Path) -> None:
    done = run(BOT, tmp_path)

    kept = read_spool(tmp_path / ".obs")
    assert (done.returncode, done.stdout) == (1, b"True grid-1 .obs \n")
    assert done.stderr.count(b"ZeroDivisionError: division by zero") == 1
    assert [(row["logger"], row["severity"]) for row in kept] == [
        ("bot", "ERROR"),
        ("exceptions", "ERROR"),
        ("exceptions", "FATAL"),
    ]
    assert [row["exception"]["type"] for row in kept[1:]] == ["KeyError", "ZeroDivisionError"]
    assert {row["resource"]["service.name"] for row in kept} == {"grid-1"}
    assert (tmp_path / ".obs" / ".gitignore").read_text() == "*\n"
    assert list((tmp_path / ".obs" / "faults").iterdir()) == []


def test_a_level_keeps_what_is_below_it_out(tmp_path: Path) -> None:
    code = (
        "import logging, obs\n"
        "obs.attach('kept', level=logging.WARNING)\n"
        "logging.basicConfig(level=0)\n"
        "logging.info('quiet'); logging.warning('loud')\n"
    )

    done = run(code, tmp_path)

    assert done.stderr == b"INFO:root:quiet\nWARNING:root:loud\n"
    assert [row["body"] for row in read_spool(tmp_path / "kept")] == ["loud"]


def test_switched_off_it_does_nothing(tmp_path: Path) -> None:
    code = "import obs, logging; print(obs.attach()); logging.error('alone')"

    done = run(code, tmp_path, {"OBS_ENABLED": "0"})

    assert b"active=False, problem='OBS_ENABLED=0" in done.stdout
    assert not (tmp_path / ".obs").exists()


def test_a_folder_that_cannot_be_written_is_no_reason_to_stop(tmp_path: Path) -> None:
    """Fault 22: the bot runs on; one clear line."""
    (tmp_path / "file").write_text("")
    code = "import obs, logging; obs.attach('file/obs'); logging.error('on we go'); print('done')"

    done = run(code, tmp_path)

    assert (done.returncode, done.stdout) == (0, b"done\n")
    ours = [line for line in done.stderr.splitlines() if line.startswith(b"obs: ")]
    assert len(ours) <= 2
    assert b"Traceback" not in done.stderr


def test_nonsense_arguments_are_answered_not_raised(tmp_path: Path) -> None:
    done = run("import obs; print(obs.attach(b'\\0', level='loud', service=3).active)", tmp_path)

    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)


def test_a_bot_with_a_crash_hook_of_its_own_still_has_it(tmp_path: Path) -> None:
    code = (
        "import obs, sys\n"
        "sys.excepthook = lambda *error: print('own hook', error[0].__name__)\n"
        "obs.attach()\n"
        "raise LookupError('x')\n"
    )

    done = run(code, tmp_path)

    assert (done.stdout, done.stderr) == (b"own hook LookupError\n", b"")
    assert [row["exception"]["type"] for row in read_spool(tmp_path / ".obs")] == ["LookupError"]
