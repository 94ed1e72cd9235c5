"""Forks, exits and kills: what has reached the disk, and under whose number."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.capture.bots import ATTACHED, read_run, run_bot


def newer_pythons() -> list[str]:
    """Interpreters after 3.11 on this machine, for what changed in them."""
    found = [shutil.which(f"python3.{minor}") for minor in (12, 13, 14)]
    found += [str(path) for path in Path.home().glob(".pyenv/versions/3.1[2-9].*/bin/python")]
    works: dict[bytes, str] = {}
    for python in filter(None, found):
        said = subprocess.run(
            [python, "-c", "import sys; print(sys.version_info[:2])"], capture_output=True, check=False
        )
        if said.returncode == 0:
            works.setdefault(said.stdout, python)
    return list(works.values())


def test_forked_children_speak_for_themselves(tmp_path: Path) -> None:
    """Fault 13: each child has its own writer, pid and numbers; threads log meanwhile."""
    run = run_bot(
        tmp_path,
        """
        stop = False
        def chatter(name):
            count = 0
            while not stop:
                count += 1
                log.info("thread %d %d", name, count)
                time.sleep(0.001)
        threads = [threading.Thread(target=chatter, args=(n,)) for n in range(3)]
        for thread in threads: thread.start()
        children = []
        for number in range(30):
            log.info("parent %d", number)
            child = os.fork()
            if not child:
                log.info("child %d", number)
                if number % 2: log.warning("child warns %d", number)
                os._exit(0)
            children.append(child)
        codes = [os.waitpid(child, 0)[1] for child in children]
        stop = True
        for thread in threads: thread.join()
        print(set(codes), *children)
        """,
    )

    assert run.stdout.startswith("{0} ")
    children = {int(child) for child in run.stdout.split()[1:]}
    spoken = {event["body"]: event for event in run.events}
    for number in range(30):
        assert spoken[f"parent {number}"]["resource"]["process.pid"] not in children
        assert spoken[f"child {number}"]["resource"]["process.pid"] in children
        assert spoken[f"child {number}"]["seq"] == 1
    assert sum(body.startswith("child warns") for body in spoken) == 15
    assert len(spoken) == len(run.events), "nothing of the parent's was written by a child as well"
    assert len(run.ended) == 31
    assert all(end.clean and end.lost == 0 for end in run.ended)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_children_lose_nothing(tmp_path: Path, method: str) -> None:
    """Fault 13: `atexit` does not run in a forked child of multiprocessing."""
    run = run_bot(
        tmp_path,
        f"""
        import multiprocessing
        def work(number):
            log.info("child %d", number)
        if __name__ == "__main__":
            log.info("parent")
            context = multiprocessing.get_context("{method}")
            children = [context.Process(target=work, args=(n,)) for n in range(3)]
            for child in children: child.start()
            for child in children: child.join()
        """,
    )

    assert sorted(run.bodies) == ["child 0", "child 1", "child 2", "parent"]
    assert len({event["resource"]["process.pid"] for event in run.events}) == 4
    assert run.stderr == ""


def test_a_fork_made_in_c_does_not_write_over_its_parent(tmp_path: Path) -> None:
    """Trap 8: no hook runs; the process id, compared at each drain, is what tells."""
    run = run_bot(
        tmp_path,
        """
        import ctypes
        log.info("parent first")
        log.info("parent second")
        # Without its hooks CPython itself may hang in the child: it offers its lock to a thread that is gone.
        # So none may wait for the lock now, and PyDLL keeps it over the call.
        capture().packer.stop(1)
        child = ctypes.PyDLL(None).fork()
        if not child:
            log.warning("child one"); log.warning("child two")
            ctypes.CDLL(None)._exit(0)
        os.waitpid(child, 0)
        for number in range(5): log.warning("parent %d", number)
        """,
    )

    assert sorted(run.bodies) == sorted(
        ["parent first", "parent second", "child one", "child two", *(f"parent {n}" for n in range(5))]
    )
    assert {event["process"] for event in run.events if "child" in event["body"]}.isdisjoint(
        {event["process"] for event in run.events if "parent" in event["body"]}
    )


@pytest.mark.parametrize("python", newer_pythons() or [None])
def test_newer_pythons_see_no_thread_at_a_fork(tmp_path: Path, python: str | None) -> None:
    """Trap 8: 3.12+ warns on stderr at every fork beside a thread."""
    if python is None:
        pytest.skip("no Python after 3.11 on this machine")

    run = run_bot(
        tmp_path,
        """
        for number in range(10):
            log.info("parent %d", number)
            time.sleep(0.01)
            child = os.fork()
            if not child:
                log.info("child %d", number)
                os._exit(0)
            os.waitpid(child, 0)
        print("done")
        """,
        python=python,
    )

    assert (run.stdout, run.stderr) == ("done\n", "")
    assert len(run.events) == 20


def test_a_daemon_and_its_closed_descriptors(tmp_path: Path) -> None:
    """Fault 14: double fork, descriptors closed and used again: nothing goes into a foreign file."""
    run_bot(
        tmp_path,
        """
        log.warning("before")
        if os.fork(): os._exit(0)
        os.setsid()
        if os.fork(): os._exit(0)
        os.closerange(0, 64)
        foreign = [os.open("foreign", os.O_RDWR | os.O_CREAT) for _ in range(12)]
        log.info("daemon")
        for number in range(50_000): log.info("daemon %d", number)
        log.warning("daemon warns")
        done = os.open("done", os.O_CREAT)
        time.sleep(0.1)
        """,
    )
    end = time.monotonic() + 20
    while not (tmp_path / "done").exists() and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(0.6)
    run = read_run(tmp_path / "obs")

    assert (tmp_path / "foreign").read_bytes() == b""
    assert len(run.events) == 50_003
    assert run.bodies.count("before") == 1


def test_exec_starts_a_new_life(tmp_path: Path) -> None:
    """Fault 14: the new program has its own writer; what was warned before is on disk."""
    run = run_bot(
        tmp_path,
        """
        log.warning("life %s", os.environ.get("LIFE", "1"))
        if "LIFE" not in os.environ:
            os.execve(sys.executable, [sys.executable, __file__], {**os.environ, "LIFE": "2"})
        """,
    )

    assert sorted(run.bodies) == ["life 1", "life 2"]
    assert len({event["process"] for event in run.events}) == 2


def test_everything_said_during_the_exit_is_kept(tmp_path: Path) -> None:
    """Fault 15: atexit before and after us, threading's, daemon threads, a finalizer at teardown."""
    earliest = "lambda: logging.getLogger('early').info('earliest')"
    run = run_bot(
        tmp_path,
        """
        import atexit
        atexit.register(log.info, "atexit after us")
        threading._register_atexit(log.info, "threading atexit")
        log.info("main")
        atexit.register(log.info, "atexit before us")
        class Late:
            def __del__(self, log=log): log.info("finalizer")
        late = Late()
        def chatter():
            while True: log.debug("daemon"); time.sleep(0.001)
        threading.Thread(target=chatter, daemon=True).start()
        time.sleep(0.02)
        """,
        preamble=f"import atexit, logging\natexit.register({earliest})\n" + ATTACHED,
    )

    assert run.returncode == 0
    assert run.stderr == ""
    for words in ("main", "atexit after us", "atexit before us", "threading atexit", "earliest"):
        assert run.bodies.count(words) == 1, words
    assert all(end.lost == 0 for end in run.ended)


@pytest.mark.parametrize("end", ["os._exit(7)", "sys.exit(7)", "raise SystemExit(7)"])
def test_a_deliberate_exit_loses_nothing(tmp_path: Path, end: str) -> None:
    """Fault 16: `os._exit` runs no exit handler of Python's."""
    run = run_bot(tmp_path, f'for n in range(500): log.info("number %d", n)\n{end}')

    assert run.returncode == 7
    assert len(run.events) == 500
    (ended,) = run.ended
    assert ended.clean


@pytest.mark.parametrize(
    "kill", ["os.kill(os.getpid(), signal.SIGKILL)", "import ctypes; ctypes.string_at(0)", "os.abort()"]
)
def test_the_last_words_before_a_crash_are_on_disk(tmp_path: Path, kill: str) -> None:
    """Fault 16, trap 3: four threads flood the queue, ERROR is said, the process is gone."""
    run = run_bot(
        tmp_path,
        f"""
        def flood():
            while True: log.info("noise %s", "x" * 50)
        for _ in range(4): threading.Thread(target=flood, daemon=True).start()
        time.sleep(0.3)
        log.error("last words: %s", "the disk burns")
        {kill}
        """,
    )

    assert run.returncode < 0
    assert "last words: the disk burns" in run.bodies


def test_last_words_with_foreign_objects_are_there_by_type_at_least(tmp_path: Path) -> None:
    """Fault 16: a caller never runs `__str__`; a process that dies at once leaves type and template."""
    run = run_bot(
        tmp_path,
        """
        class Order:
            def __str__(self): return "order 42"
        log.info("start"); capture().flush(); capture().packer.stop(1)
        try:
            raise ValueError("bad price")
        except ValueError:
            log.exception("cannot place %s", Order())
        os.kill(os.getpid(), signal.SIGKILL)
        """,
    )

    last = run.events[-1]
    assert last["body"] == "cannot place <Order>"
    assert last["provisional"] is True
    assert last["exception"]["type"] == "ValueError"
    assert 'bot.py", line 13' in last["exception"]["stacktrace"]


def test_the_whole_line_replaces_the_last_words(tmp_path: Path) -> None:
    """A foreign object in a WARNING, an exception's source lines: made by the renderer, moments later."""
    run = run_bot(
        tmp_path,
        """
        class Order:
            def __str__(self): return "order 42"
        try:
            raise ValueError("bad price")
        except ValueError:
            log.exception("cannot place %s", Order())
        while capture().books()["written"] < 1: time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)
        """,
    )

    (event,) = run.events
    assert event["body"] == "cannot place order 42"
    assert "provisional" not in event
    assert 'raise ValueError("bad price")' in event["exception"]["stacktrace"]
    assert run.ended[0].lost == 0


def test_the_flight_recorder_loses_nothing_to_a_kill(tmp_path: Path) -> None:
    """Fault 16: with `durable`, every call that returned is on disk."""
    run = run_bot(
        tmp_path,
        """
        for number in range(2_000): log.debug("number %d", number)
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        environment={"OBS_DURABLE": "1"},
    )

    assert run.returncode == -signal.SIGKILL
    assert run.bodies == [f"number {n}" for n in range(2_000)]


def test_a_signal_handler_can_say_why_it_kills(tmp_path: Path) -> None:
    """Trap 2: the handler logs CRITICAL inside of the main thread's own log call, and the process dies."""
    for attempt in range(10):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        run = run_bot(
            folder,
            f"""
            def alarm(*_):
                log.critical("killing myself")
                os.kill(os.getpid(), signal.SIGKILL)
            log.info("start")
            signal.signal(signal.SIGALRM, alarm)
            signal.setitimer(signal.ITIMER_REAL, 0.02 + {attempt} / 3000)
            while True: log.warning("busy")
            """,
        )
        assert run.bodies.count("killing myself") == 1


def test_a_disk_that_fills_and_empties_loses_nothing_that_fits_in_the_queue(tmp_path: Path) -> None:
    """The spool refuses for a while: items wait in their places, callers are not held up, and all arrives."""
    run = run_bot(
        tmp_path,
        """
        log.info("start"); capture().flush()
        write, all = capture().spool.write, capture().spool.write_all
        capture().spool.write = capture().spool.write_all = lambda given: False
        slowest = 0.0
        for number in range(1_000):
            (log.error if number % 10 == 0 else log.info)("number %d", number)
        capture().spool.write, capture().spool.write_all = write, all
        time.sleep(0.6)
        print(capture().books()["waiting"])
        """,
    )

    assert run.stdout == "0\n"
    assert run.bodies == ["start", *(f"number {n}" for n in range(1_000))]


def test_what_the_end_cannot_write_is_counted_and_said(tmp_path: Path) -> None:
    run = run_bot(
        tmp_path,
        """
        log.info("start"); capture().flush()
        capture().spool.write = capture().spool.write_all = lambda given: False
        for number in range(10): log.info("number %d", number)
        log.error("bad")
        """,
    )

    (end,) = run.ended
    assert (end.emitted, end.delivered, end.dropped, end.lost) == (12, 1, 11, 0)
    assert run.stderr.splitlines() == ["obs: 11 log records are lost: the spool takes nothing"]
