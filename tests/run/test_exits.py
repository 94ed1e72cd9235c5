"""How a program ended, as the supervisor tells it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from obs.running import exits
from obs.running.exits import Exit
from tests.run.conftest import Supervise, read_spool, supervisor_command, surroundings

MACOS = "import signal; del signal.sigtimedwait, signal.sigwaitinfo"
WINDOWS = (
    "import os, signal, sys\n"
    "del signal.sigtimedwait, signal.pthread_sigmask, signal.SIGHUP, signal.SIGQUIT, signal.SIGWINCH\n"
    "del os.wait4, os.tcgetpgrp, os.getpgrp\n"
    "for name in ('pty', 'termios', 'fcntl', 'resource'): sys.modules[name] = None\n"
)


def start(directory: Path, code: str, without: str = "") -> subprocess.Popen[bytes]:
    """Start a Python program under the supervisor and wait until it has said `ready`."""
    process = subprocess.Popen(
        supervisor_command(directory, [sys.executable, "-c", code], without=without),
        env=surroundings(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def finish(process: subprocess.Popen[bytes]) -> tuple[int, bytes]:
    """Wait for the end of the supervisor; its status and the program's further output."""
    output, _ = process.communicate(timeout=120)
    return process.returncode, output


COUNTS_SIGNALS = (
    "import signal, sys, time\n"
    "seen, told = [], 0\n"
    "for name in ('SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'):\n"
    "    signal.signal(getattr(signal, name), lambda number, _: seen.append(signal.Signals(number).name))\n"
    "print('ready', flush=True)\n"
    "end = time.monotonic() + 60\n"
    "while 'SIGUSR2' not in seen and time.monotonic() < end:\n"
    "    time.sleep(0.01)\n"
    "    while told < len(seen): print(seen[told], flush=True); told += 1\n"
    "time.sleep(0.2)\n"
    "for name in seen[told:]: print(name)\n"
)
"""Says each signal as it comes; one that is passed on twice comes within the last moment."""


def send(process: subprocess.Popen[bytes], *numbers: signal.Signals) -> list[str]:
    """Send signals, each after the program has said the one before; return what it said.

    Of two that wait at the same time a program hears the smaller number first, whichever was sent first.
    """
    assert process.stdout is not None
    said = []
    for number in numbers:
        process.send_signal(number)
        said.append(process.stdout.readline().decode().strip())
    return said


def test_signals_are_passed_on_each_once(tmp_path: Path) -> None:
    process = start(tmp_path, COUNTS_SIGNALS)

    said = send(process, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)

    assert said == ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2"]
    assert finish(process) == (0, b"")


@pytest.mark.parametrize("without", [MACOS, WINDOWS], ids=["macos", "windows"])
def test_signals_and_exits_do_not_need_what_only_linux_has(without: str, tmp_path: Path) -> None:
    process = start(tmp_path, COUNTS_SIGNALS, without)

    said = send(process, signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2)

    assert said == ["SIGTERM", "SIGINT", "SIGUSR1", "SIGUSR2"]
    assert finish(process) == (0, b"")
    process = start(tmp_path, "import os; print('ready', flush=True); os.abort()", without)
    assert finish(process) == (134, b"")
    ends = [row["attributes"] for row in read_spool(tmp_path) if row.get("event_name") == "process.exited"]
    assert [(end.get("process.exit_code"), end.get("process.signal")) for end in ends] == [
        (0, None), (None, "SIGABRT")
    ]  # fmt: skip


def test_an_interrupt_from_the_terminal_arrives_once(tmp_path: Path) -> None:
    pty = pytest.importorskip("pty", reason="needs pseudo-terminals")
    code = (
        "import os, sys, fcntl, termios, time\n"
        "os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
        "os.execv(sys.executable, sys.argv[1:])\n"
    )
    bot = COUNTS_SIGNALS.replace("'SIGUSR2' not in seen", "not seen")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [
            sys.executable,
            "-c",
            code,
            *supervisor_command(tmp_path, [sys.executable, "-c", bot]),
        ],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=surroundings(),
    ) as process:
        os.close(theirs)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"

        os.write(ours, b"\x03")

        assert finish(process) == (0, b"SIGINT\n")
    os.close(ours)


def test_a_stop_that_was_asked_for_is_told_as_such(tmp_path: Path) -> None:
    process = start(tmp_path, "import time; print('ready', flush=True); time.sleep(30)")

    process.terminate()

    assert finish(process) == (143, b"")
    (exited,) = [row for row in read_spool(tmp_path) if row.get("event_name") == "process.exited"]
    assert exited["severity"] == "INFO"
    assert exited["attributes"]["process.signal"] == "SIGTERM"
    assert exited["attributes"]["process.stop_requested"] == "SIGTERM"


def test_a_segmentation_fault_leaves_its_stack(supervise: Supervise) -> None:
    """Fault 16: the interpreter's dump is kept, from a program that never asked for one."""
    code = "import ctypes\ndef broken(): ctypes.string_at(0)\nbroken()"

    seen = supervise(sys.executable, "-c", code)

    assert seen.status == 139
    assert seen.exited["process.signal"] == "SIGSEGV"
    assert "Fatal Python error: Segmentation fault" in seen.exited["faulthandler.stacktrace"]
    assert "in broken" in seen.exited["faulthandler.stacktrace"]


def test_a_program_that_has_its_own_fault_handler_keeps_it(supervise: Supervise) -> None:
    code = "import os; os.abort()"

    seen = supervise(sys.executable, "-X", "faulthandler", "-c", code)

    assert b"Fatal Python error: Aborted" in seen.stderr
    assert seen.exited["process.signal"] == "SIGABRT"
    assert "faulthandler.stacktrace" not in seen.exited


def test_a_memory_error_is_told_with_the_limit_that_caused_it(tmp_path: Path) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux keeps to `ulimit -v`")
    bot = [sys.executable, "-c", "b'x' * 2**30"]

    done = subprocess.run(
        ["sh", "-c", 'ulimit -v 800000; exec "$@"', "sh", *supervisor_command(tmp_path, bot)],
        env=surroundings(),
        capture_output=True,
        timeout=30,
        check=False,
    )

    events = read_spool(tmp_path)
    assert done.returncode == 1
    assert [event["exception"]["type"] for event in events if "exception" in event] == ["MemoryError"]
    started, exited = (event["attributes"] for event in events if event["logger"] == "obs.supervisor")
    assert started["process.memory_limit_bytes"] == 800_000 * 1024
    assert (exited["process.exit_code"], exited["process.oom"]) == (1, False)


def test_no_command_and_an_unknown_one_are_refused_in_one_line(supervise: Supervise, tmp_path: Path) -> None:
    unknown = supervise("no-such-bot", "--paper")
    plain = tmp_path / "notes.txt"
    plain.write_text("no program")
    plain.chmod(0o755)
    broken = supervise(str(plain), "--paper")

    assert (unknown.status, unknown.stderr.count(b"\n")) == (2, 1)
    assert b"obs: no-such-bot: no such program" in unknown.stderr
    assert (broken.status, broken.stderr.count(b"\n")) == (2, 1)
    assert b"Exec format error" in broken.stderr


def test_switched_off_it_only_runs_the_program(supervise: Supervise) -> None:
    seen = supervise(sys.executable, "-c", "print('alone')", env={"OBS_ENABLED": "0"})

    assert (seen.status, seen.stdout, seen.stderr, seen.events) == (0, b"alone\n", b"", [])


@pytest.mark.parametrize("place", ["file/in/the/way", "/proc/no/such"])
def test_a_folder_that_cannot_be_made_does_not_stop_the_bot(
    place: str, supervise: Supervise, tmp_path: Path
) -> None:
    """Fault 22: the bot runs; one clear line says what is wrong."""
    (tmp_path / "file").write_text("")

    seen = supervise(sys.executable, "-c", "print('trading')", directory=tmp_path / place)

    assert (seen.status, seen.stdout) == (0, b"trading\n")
    assert all(line.startswith(b"obs: ") for line in seen.stderr.splitlines())


def test_kernel_counters_tell_who_ran_out_of_memory(tmp_path: Path) -> None:
    group = tmp_path / "sys/fs/cgroup/bots/grid"
    (tmp_path / "proc/self").mkdir(parents=True)
    group.mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/bots/grid\n")
    (tmp_path / "proc/vmstat").write_text("pgfault 1\noom_kill 3\n")
    (group / "memory.events").write_text("low 0\noom 0\noom_kill 0\n")
    before = exits.read_oom_counters(tmp_path)

    (group / "memory.events").write_text("low 0\noom 1\noom_kill 1\n")
    in_group = exits.read_oom_counters(tmp_path)
    (tmp_path / "proc/vmstat").write_text("pgfault 1\noom_kill 4\n")
    (group / "memory.events").unlink()
    on_host = exits.read_oom_counters(tmp_path)

    assert before.counts == {"host": 3, "cgroup": 0}
    assert (in_group.risen_since(before), on_host.risen_since(before)) == ("cgroup", "host")
    assert before.risen_since(before) == ""
    assert exits.read_oom_counters(tmp_path / "nowhere").risen_since(before) == ""


def test_counters_of_the_older_kind_of_group_are_read_too(tmp_path: Path) -> None:
    group = tmp_path / "sys/fs/cgroup/memory/docker/abc"
    (tmp_path / "proc/self").mkdir(parents=True)
    group.mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("9:memory:/docker/abc\n8:cpu,cpuacct:/docker/abc\n0::/\n")
    (group / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 7\n")

    assert exits.read_oom_counters(tmp_path).counts == {"cgroup": 7}


def test_a_status_is_what_a_shell_would_say() -> None:
    assert Exit(code=3).status == 3
    assert Exit(signal=9).status == 137
    assert (Exit(signal=9).signal_name, Exit(signal=40).signal_name) == ("SIGKILL", "signal 40")
