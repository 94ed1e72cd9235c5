"""Kills daily runs, each at another moment, and lets them run again; a program of its own.

    python -m tests.trading.daily.killing FOLDER NOW steps|all

`FOLDER/base` is what every run begins with. Moment n is the n-th write that a run makes known to the system:
an SQL statement that writes, a file that is opened for writing or renamed, a connection to the network. A run
in `FOLDER/n` is a process of its own and gets SIGKILL there. Moment 0 kills nobody. `steps`: only where a
step begins, and where a message is handed over. Each moment prints a line of JSON.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

WRITES = ("INSERT", "UPDATE", "DELETE", "COMMIT", "BEGIN IMMEDIATE")


def count_moments(reached: Callable[[str], None]) -> None:
    """Call `reached` with what is about to happen, before it does."""

    def traced(statement: str) -> None:
        if statement.lstrip().upper().startswith(WRITES):
            reached(statement.strip()[:60])

    def audited(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "os.rename":
            reached(f"rename {Path(os.fsdecode(arguments[0])).name}")
        elif event == "socket.connect":
            reached("connect")
        elif event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax"):
            reached(f"open {arguments[0]!s}"[-60:])

    def connected(*arguments: Any, **named: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **named)
        connection.set_trace_callback(traced)
        return connection

    connect = sqlite3.connect
    for module in (sqlite3, sqlite3.dbapi2):
        vars(module)["connect"] = connected
    sys.addaudithook(audited)


def run_once(folder: Path, now: str, kill_at: int) -> dict[str, Any]:
    """Run in a child; return its exit code or signal, what it printed, and the moments it came through."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        moments: list[str] = []

        def reached(what: str) -> None:
            moments.append(what)
            if len(moments) == kill_at:
                os.write(writing, json.dumps({"moment": what}).encode())
                os.kill(os.getpid(), signal.SIGKILL)

        from trading.__main__ import main

        os.chdir(folder)
        count_moments(reached)
        said = io.StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            code = main(["daily", "--now", now])
        told = {"said": said.getvalue(), "moments": moments}
        for at in range(0, len(text := json.dumps(told).encode()), 4096):
            os.write(writing, text[at : at + 4096])
        os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = json.loads(pipe.read() or b"{}")
    _, status = os.waitpid(child, 0)
    return {**told, "code": os.waitstatus_to_exitcode(status)}


def main() -> None:
    """Kill and run again, moment by moment."""
    folder, now, which = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    # Loaded once here: every child begins with what a fresh process would load again.
    import apprise  # noqa: F401
    import jinja2  # noqa: F401

    import trading.daily.running
    import trading.notify.notifier
    import trading.reporting.writing  # noqa: F401

    whole = run_once(_copy(folder, 0), now, 0)
    print(json.dumps({"n": 0, "again": whole}), flush=True)
    for n, moment in enumerate(whole["moments"], 1):
        if which == "steps" and not moment.startswith(("INSERT INTO run_steps", "connect")):
            continue
        stage = _copy(folder, n)
        killed, again = run_once(stage, now, n), run_once(stage, now, 0)
        print(json.dumps({"n": n, "killed": killed, "again": again}), flush=True)


def _copy(folder: Path, n: int) -> Path:
    """Return a copy of the base whose messages go to a path of its own."""
    copy = folder / str(n)
    shutil.copytree(folder / "base", copy)
    secret = copy / "secret" / "config.yaml"
    secret.write_text(secret.read_text().replace("/base'", f"/{n}'"))
    return copy


if __name__ == "__main__":
    main()
