"""What a program prints: passed on byte for byte, read once, and never a reason to wait or to fail."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.run.conftest import Supervise, read_spool, supervisor_command, surroundings

pty = pytest.importorskip("pty", reason="needs pseudo-terminals")


def in_a_terminal(command: list[str]) -> bytes:
    """Run a command with a terminal as its stdin, stdout and stderr and return what it shows."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=surroundings({"TERM": "xterm"})
    ) as process:
        os.close(theirs)
        shown = bytearray()
        while True:
            try:
                data = os.read(ours, 65_536)
            except OSError:
                break
            if not data:
                break
            shown += data
        process.wait(timeout=30)
    os.close(ours)
    return bytes(shown)


def test_a_python_program_keeps_its_terminal(tmp_path: Path) -> None:
    code = "import sys, os; print(sys.stdout.isatty(), os.get_terminal_size() is not None, os.ttyname(1))"

    shown = in_a_terminal(supervisor_command(tmp_path, [sys.executable, "-c", code]))

    assert b"True True /dev/pts/" in shown
    assert b"obs: attached, writing to" in shown


def test_another_program_gets_a_terminal_where_ours_is_one(tmp_path: Path) -> None:
    script = "test -t 1 && test -t 2 && printf 'a\\tb\\n\\033[31mred\\033[0m\\n'"

    shown = in_a_terminal(supervisor_command(tmp_path, ["sh", "-c", script]))

    # The one terminal that is real adds the carriage returns; ours adds nothing.
    assert b"a\tb\r\n\x1b[31mred\x1b[0m\r\n" in shown
    assert [row["body"] for row in read_spool(tmp_path) if row["logger"] == "stdout"] == ["a\tb", "red"]


def test_the_bytes_of_another_program_pass_through_untouched(supervise: Supervise) -> None:
    script = "printf 'plain\\n\\377\\376\\000 odd\\r\\nno end'; printf 'failure\\n' >&2; exit 4"

    seen = supervise("sh", "-c", script)

    assert seen.stdout == b"plain\n\xff\xfe\x00 odd\r\nno end"
    assert seen.told == b"failure\n"
    assert seen.status == 4
    assert seen.bodies("stdout") == ["plain", "\ufffd\ufffd\x00 odd", "no end"]
    assert seen.bodies("stderr") == ["failure"]
    assert seen.exited["process.attached"] is False


def test_a_python_behind_a_shell_script_leaves_the_pipe_and_is_read_from_inside(
    supervise: Supervise, tmp_path: Path
) -> None:
    script = tmp_path / "start.sh"
    code = "import logging; logging.basicConfig(level=20); print(1, flush=True); logging.info(2)"
    script.write_text(f'#!/bin/sh\necho starting\nexec "{sys.executable}" -c "{code}"\n')
    script.chmod(0o755)

    seen = supervise(str(script), "--")

    assert (seen.stdout, seen.told) == (b"starting\n1\n", b"INFO:root:2\n")
    assert seen.bodies("stdout") == ["starting", "1"]
    assert (seen.bodies("root"), seen.bodies("stderr")) == (["2"], [])
    assert seen.exited["process.attached"] is True


@pytest.mark.parametrize("flag", ["-I", "-E", "-S"])
def test_a_python_that_shuts_us_out_is_read_through_a_pipe(flag: str, supervise: Supervise) -> None:
    seen = supervise(sys.executable, flag, "-c", "print('isolated')")

    assert (seen.stdout, seen.bodies("stdout")) == (b"isolated\n", ["isolated"])
    (started,) = seen.named("process.started")
    assert (started["obs.unreached"], started["obs.output"]) == (flag, "pipe")
    assert seen.bodies("obs.supervisor")[-1].endswith(f"(started with {flag}: only what it printed was read)")


def test_a_traceback_through_a_pipe_is_one_record(supervise: Supervise) -> None:
    seen = supervise(sys.executable, "-I", "-c", "{}['price']")

    (record,) = [event for event in seen.events if event["logger"] == "stderr"]
    assert (record["severity"], record["exception"]["type"]) == ("ERROR", "KeyError")
    assert record["exception"]["stacktrace"].startswith("Traceback (most recent call last):\n")


def test_a_failing_log_handler_is_heard_although_no_record_says_so(supervise: Supervise) -> None:
    code = (
        "import logging\n"
        "class Full(logging.StreamHandler):\n"
        "    def emit(self, record):\n"
        "        try: raise OSError(28, 'No space left on device')\n"
        "        except OSError: self.handleError(record)\n"
        "logging.getLogger().addHandler(Full())\n"
        "logging.warning('hello')\n"
    )

    seen = supervise(sys.executable, "-c", code)

    assert "--- Logging error ---" in seen.bodies("stderr")
    assert "OSError: [Errno 28] No space left on device" in seen.bodies("stderr")


def test_a_secret_is_masked_in_what_a_pipe_carries(supervise: Supervise) -> None:
    seen = supervise("sh", "-c", "echo password=hunter2hunter2")

    assert seen.stdout == b"password=hunter2hunter2\n"
    assert "hunter2" not in repr(seen.events)


def test_printing_costs_little_and_a_flood_ends(supervise: Supervise) -> None:
    code = (
        "import time, sys\n"
        "start = time.perf_counter()\n"
        "for number in range(20_000): print('line', number)\n"
        "sys.stderr.write(f'{time.perf_counter() - start:.3f}\\n')\n"
    )
    started = time.monotonic()

    seen = supervise(sys.executable, "-c", code)

    assert time.monotonic() - started < 20
    assert seen.stdout.count(b"\n") == 20_000
    assert float(seen.told) < 5
    lines = seen.bodies("stdout")
    assert len(lines) == len(set(lines)) > 0
