"""The first record opens the spool: what may go wrong just then."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.capture.bots import ATTACHED, run_bot


def test_a_signal_handler_may_log_while_the_first_record_opens_the_spool(tmp_path: Path) -> None:
    """Fault 10: a lock taken during the opening would wait for itself. Interrupts at each step."""
    run = run_bot(
        tmp_path,
        """
        import faulthandler, shutil
        faulthandler.dump_traceback_later(25, exit=True)
        from obs.recording.capture import Capture
        record, other = (log.makeRecord(log.name, 30, "x.py", 1, "record", None, None) for _ in range(2))

        def interrupt(taken, wanted):
            # Logs once more at the `wanted`-th line that is run inside of us; says whether there was one.
            steps = 0
            def trace(frame, what, argument):
                nonlocal steps
                if "/obs/" not in frame.f_code.co_filename: return None
                steps += what == "line"
                if steps == wanted and what == "line":
                    sys.settrace(None)
                    taken.accept(other)
                return trace
            sys.settrace(trace)
            taken.accept(record)
            sys.settrace(None)
            return steps >= wanted

        wanted = 0
        while True:
            wanted += 3
            taken = Capture()
            taken.directory = taken.directory / str(wanted)
            reached = interrupt(taken, wanted)
            taken.flush()
            books = taken.books()
            assert books["written"] == books["emitted"] == (2 if reached else 1), (wanted, books)
            taken.packer.stop()
            taken.spool.close()
            shutil.rmtree(taken.directory)
            if not reached: break
        print(wanted)
        os.kill(os.getpid(), 9)
        """,
    )

    assert run.stderr == ""
    assert int(run.stdout) > 50


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (
            "OBS_LEVEL",
            "loud",
            ['OBS_LEVEL = "loud" is no level; write one of DEBUG INFO WARNING ERROR CRITICAL'],
        ),
        (
            "OBS_DIR",
            "/proc/none",
            [
                "cannot write to /proc/none: No such file or directory; name another folder with OBS_DIR. "
                "The bot runs on unobserved",
                "1001 log records are lost: [Errno 2] No such file or directory: '/proc/none'",
            ],
        ),
        (
            "OBS_DIR",
            "bot.py",
            [
                "cannot write to {folder}/bot.py: File exists; name another folder with OBS_DIR. "
                "The bot runs on unobserved",
                "1001 log records are lost: [Errno 20] Not a directory: '{folder}/bot.py/spool'",
            ],
        ),
    ],
)
def test_a_wrong_setting_is_said_once_and_the_bot_runs_on(
    tmp_path: Path, name: str, value: str, said: list[str]
) -> None:
    run = run_bot(
        tmp_path,
        """
        for number in range(1_000): log.info("number %d", number)
        log.error("bad")
        print("done")
        """,
        environment={name: value},
    )

    assert (run.returncode, run.stdout) == (0, "done\n")
    assert run.stderr.splitlines() == [f"obs: {line}".replace("{folder}", str(tmp_path)) for line in said]


def test_obs_enabled_0_makes_every_call_a_no_op(tmp_path: Path) -> None:
    run = run_bot(
        tmp_path,
        """
        log.error("nothing"); event("order.filled"); capture().emit_record(None)
        obs.handler.wrap_logging(); log.error("nothing"); handler.flush(); handler.close(); log.error("x")
        import obs.integrations
        obs.integrations.structlog_processor(None, "info", {"event": "x"})
        """,
        environment={"OBS_ENABLED": "0"},
    )

    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert not (tmp_path / "obs").exists()


def test_nothing_is_made_until_the_first_record(tmp_path: Path) -> None:
    run = run_bot(tmp_path, "print(threading.active_count(), len(os.listdir('/proc/self/task')))")

    assert run.stdout == "1 1\n"
    assert not (tmp_path / "obs").exists()


def test_the_folder_keeps_itself_out_of_git_and_out_of_other_hands(tmp_path: Path) -> None:
    run_bot(tmp_path, 'log.info("x")')

    home = tmp_path / "obs"
    assert (home / ".gitignore").read_text() == "*\n"
    assert home.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in (home / "spool").rglob("*"))


def test_importing_the_handler_loads_only_the_standard_library_and_does_nothing(tmp_path: Path) -> None:
    run = run_bot(
        tmp_path,
        """
        import sys, os
        before = set(os.listdir("."))
        opened = []
        sys.addaudithook(lambda name, given: opened.append((name, given)) if name in
            ("socket.bind", "_thread.start_new_thread", "os.mkdir", "socket.connect") or
            (name == "open" and isinstance(given[1], str) and set(given[1]) & set("wax+")) else None)
        known = set(sys.modules)
        import obs.handler
        foreign = {name.split(".")[0] for name in set(sys.modules) - known}
        print(sorted(name for name in foreign if name not in sys.stdlib_module_names))
        print(opened, set(os.listdir(".")) - before)
        """,
        preamble="",
        environment={"PYTHONDONTWRITEBYTECODE": "1"},
    )

    foreign, done = run.stdout.splitlines()
    assert set(eval(foreign)) <= {"obs", "orjson"}
    assert done == "[] set()"


def test_no_record_imports_anything(tmp_path: Path) -> None:
    """Fault 13: a module's import lock, held by the packer at the moment of a fork, would hang the child."""
    run = run_bot(
        tmp_path,
        """
        before = set(sys.modules)
        log.info("order %s", 1, extra={"a": [1]})
        log.warning("api_key=abcd1234EFGH5678ijkl %s", object())
        event("order.filled", {"a": 1})
        try:
            raise ValueError("x")
        except ValueError:
            log.exception("bad")
        for number in range(30_000): log.info("number %d", number)
        capture().flush()
        print(sorted(set(sys.modules) - before))
        """,
    )

    assert run.stdout == "[]\n"


def test_without_orjson_the_lines_are_the_same(tmp_path: Path) -> None:
    source = """
        log.info("order %s", "42", extra={"a": 1.5, "b": [1, {"c": None}], "nan": float("nan"), "text": "é"})
        log.warning("lone \\ud800", extra={"big": 2**80})
        """
    blocked = "import sys; sys.modules['orjson'] = None\n" + ATTACHED
    (tmp_path / "with").mkdir()
    (tmp_path / "without").mkdir()

    fast = run_bot(tmp_path / "with", source)
    plain = run_bot(tmp_path / "without", source, preamble=blocked)

    assert len(fast.events) == 2
    for ours, theirs in zip(fast.events, plain.events, strict=True):
        for event in (ours, theirs):
            for key in ("timestamp", "process", "resource"):
                event.pop(key)
            for key in ("code.lineno", "code.filepath"):
                event["attributes"].pop(key)
        assert ours == theirs


FLOOD = """
text = "x" * 1_000
for number in range(40_000):
    log.info("%d %s", number, text)
    if not number % 1_000: log.error("error %d", number)
capture().flush()
spool = capture().spool
print(spool.quota_bytes, sum(file.stat().st_blocks * 512 for file in spool.directory.iterdir()))
"""


@pytest.mark.parametrize("how", ["environment", "argument"])
def test_the_quota_of_the_spool_can_be_set(tmp_path: Path, how: str) -> None:
    given = ATTACHED.replace("SidecarHandler()", 'SidecarHandler(spool_quota="16MiB")')
    run = run_bot(
        tmp_path,
        FLOOD,
        preamble=given if how == "argument" else ATTACHED,
        environment={"OBS_SPOOL_QUOTA": "16MiB" if how == "environment" else "1GiB"},
    )

    assert run.returncode == 0, run.stderr
    quota, taken = map(int, run.stdout.split())
    assert quota == 16 * 2**20
    assert taken <= quota + 6 * 2**20
    (end,) = run.ended
    assert (end.emitted, end.lost) == (40_040, 0)
    assert end.delivered + end.dropped == end.emitted
    assert end.dropped > 10_000
    assert sum(event["severity"] == "ERROR" for event in run.events) == 40


def test_a_quota_that_is_none_is_said_and_the_usual_one_holds(tmp_path: Path) -> None:
    run = run_bot(
        tmp_path,
        'log.info("x"); print(capture().spool.quota_bytes)',
        environment={"OBS_SPOOL_QUOTA": "lots"},
    )

    assert run.stdout == f"{512 * 2**20}\n"
    assert run.stderr == (
        'obs: OBS_SPOOL_QUOTA = "lots" is no size: write a number and a unit, e.g. "512MiB" or "2GB"\n'
    )


def test_a_sidecar_that_never_starts_costs_the_bot_nothing_but_the_quota(tmp_path: Path) -> None:
    """Fault 22: nobody reads; the spool stays within its cap, the bot runs, every loss is counted."""
    run = run_bot(
        tmp_path,
        """
        log.info("first")
        capture().spool.quota_bytes = 8 * 2**20
        capture().spool.segment_bytes = 2**20
        text = "x" * 1_000
        for number in range(20_000):
            log.info("%d %s", number, text)
            if not number % 1_000: log.error("error %d", number)
        capture().flush()
        print(sum(f.stat().st_blocks * 512 for f in (capture().directory / "spool").iterdir()))
        """,
    )

    assert run.returncode == 0, run.stderr
    assert int(run.stdout) <= 14 * 2**20
    (end,) = run.ended
    assert end.emitted == 20_021 == end.delivered + end.dropped
    assert end.lost == 0
    assert end.dropped > 5_000
    assert sum(event["severity"] == "ERROR" for event in run.events) == 20
