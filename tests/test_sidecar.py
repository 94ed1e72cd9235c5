"""The sidecar folds every line once, keeps what it knows across any end, and shows it in files."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from obs.events import Event
from obs.keeping.presence import ensure_running, running_pid, wait_processed
from obs.keeping.store import Change, LifecycleEntry, Store, StoreTakenError
from obs.rules import RuleSet
from obs.sidecar import Sidecar
from obs.spool_reader import SpoolBusyError
from tests.spool_lines import Bot

NO_RULES = RuleSet(())


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / ".obs"


def opened(directory: Path, **options: object) -> Sidecar:
    return Sidecar(directory, ruleset=NO_RULES, **options)  # type: ignore[arg-type]


def until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@contextmanager
def process(directory: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "obs.sidecar", str(directory), *arguments]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield running
    finally:
        if running.poll() is None:
            running.kill()
        running.communicate()


def folded(directory: Path) -> dict[str, int]:
    with opened(directory) as sidecar:
        return dict(sidecar.state.by_severity)


def test_what_the_spool_holds_is_folded_stored_shown_and_let_go(directory: Path) -> None:
    bot = Bot(directory)
    for number in range(2_000):
        bot.say(f"tick {number} " + "x" * 40)
    bot.say("order 42 rejected", "ERROR")
    bot.end()

    with opened(directory) as sidecar:
        assert sidecar.flush()

    assert folded(directory) == {"INFO": 2_000, "ERROR": 1}
    assert "order 42 rejected" in (directory / "briefings" / "latest.md").read_text()
    picture = orjson.loads((directory / "dashboards" / "latest.json").read_bytes())
    assert (picture["schema"], picture["events"]) == ("obs.dashboard/1", 2_001)
    assert list((directory / "spool").glob("*.seg")) == []
    assert (directory / ".gitignore").read_text() == "*\n"


def test_a_sidecar_that_dies_between_fold_and_store_counts_nothing_twice(directory: Path) -> None:
    """Fault 23: the next one goes on where the stored State ends."""
    bot = Bot(directory)
    for number in range(300):
        bot.say(f"tick {number}")
    first = opened(directory)
    first.step()
    first.commit()
    for number in range(300):
        bot.say(f"tock {number}", "WARNING")
    # More is taken in, and then it dies: nothing of this was stored.
    first._commit_at = time.monotonic() + 60
    first.step()
    assert first.state.by_severity == {"INFO": 300, "WARN": 300}
    first.close()

    with opened(directory) as second:
        before = dict(second.state.by_severity)
        second.flush()

        assert before == {"INFO": 300}
        assert second.state.by_severity == {"INFO": 300, "WARN": 300}


def test_a_line_that_cannot_be_read_costs_itself_and_is_said(directory: Path) -> None:
    bot = Bot(directory)
    bot.say("before")
    bot.say("no time", timestamp="yesterday")
    bot.say("after")

    with opened(directory) as sidecar:
        sidecar.flush()
        losses = {loss.reason: loss.count for loss in sidecar.snapshot().losses}

    assert folded(directory) == {"INFO": 2}
    assert losses == {"malformed": 1}


def test_an_event_that_breaks_the_fold_costs_itself_and_is_said(directory: Path) -> None:
    bot = Bot(directory)
    for word in ("good", "bad", "good"):
        bot.say(word)
    seen: list[str] = []

    def choke(event: Event) -> Event:
        if event.body == "bad":
            raise MemoryError
        seen.append(event.body)
        return event

    with opened(directory, also=[choke]) as sidecar:
        sidecar.flush()
        losses = [(loss.reason, loss.severity, loss.count) for loss in sidecar.snapshot().losses]

    assert seen == ["good", "good"]
    assert losses == [("failed", "INFO", 1)]


def test_an_error_of_our_own_between_lines_takes_the_batch_again(directory: Path) -> None:
    """Half a batch must never be stored as a whole one."""
    bot = Bot(directory)
    for number in range(10):
        bot.say(f"tick {number}")
    with opened(directory) as sidecar:

        def fail(*_: object) -> None:
            raise OSError("books burnt")

        sidecar.intake._take_ends = fail  # type: ignore[assignment]
        sidecar.step()
        assert sidecar.state.by_severity == {}
        sidecar.flush()

        assert sidecar.state.by_severity == {"INFO": 10}
        assert "had to start over" in sidecar.snapshot().not_known[-1]


def test_a_second_sidecar_in_the_directory_is_refused(directory: Path) -> None:
    """Fault 30: by the lock of the spool, whoever holds it."""
    with opened(directory), pytest.raises(SpoolBusyError, match="reads this spool already"):
        opened(directory)

    opened(directory).close()


def test_a_sidecar_thought_dead_that_wakes_up_writes_nothing_any_more(directory: Path) -> None:
    """Fault 30: the store is fenced by its successor's claim."""
    bot = Bot(directory)
    bot.say("one")
    sleeper = opened(directory)
    sleeper._arrivals._reader.close()
    with opened(directory) as successor:
        successor.flush()
        sleeper._is_dirty = True
        with pytest.raises(StoreTakenError):
            sleeper.commit()
        sleeper.vault.close()

    assert folded(directory) == {"INFO": 1}


def test_ten_at_once_make_one(directory: Path) -> None:
    """Fault 30: ten bots attach in the same instant."""
    starts = [
        subprocess.Popen(
            [sys.executable, "-m", "obs.sidecar", str(directory), "--idle-exit", "4"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(10)
    ]  # fmt: skip

    ends = [(start.communicate(timeout=60)[1], start.returncode) for start in starts]

    assert sorted(code for _, code in ends) == [0] + [2] * 9
    assert sum("reads this spool already" in words for words, _ in ends) == 9


def test_a_lock_left_by_a_killed_sidecar_is_taken_over(directory: Path) -> None:
    """Fault 30: a stale lock."""
    with process(directory) as running:
        assert until(lambda: running_pid(directory) == running.pid)
        running.kill()
        running.wait()

    assert running_pid(directory) is None
    opened(directory).close()


def test_a_lock_of_a_pid_that_is_now_another_process_is_taken_over(directory: Path) -> None:
    """Fault 30: the number lives, the process is another one."""
    (directory / "spool").mkdir(parents=True)
    stranger = {"pid": os.getppid(), "start": "1", "space": "", "locked": True}
    (directory / "spool" / "reader.lock").write_bytes(orjson.dumps(stranger))

    assert running_pid(directory) is None
    opened(directory).close()


def test_killed_at_any_moment_it_goes_on_within_two_seconds(directory: Path) -> None:
    """Fault 23, in small; the loop of many kills is `python -m tests.soak`."""
    bot = Bot(directory)
    for _ in range(3):
        with process(directory) as running:
            for number in range(500):
                bot.say(f"tick {number}")
            assert until(lambda: running_pid(directory) is not None)
            running.kill()
    with process(directory) as running:
        bot.say("the first new event", "ERROR")
        began = time.monotonic()
        page = directory / "briefings" / "latest.md"
        assert until(lambda: page.exists() and "the first new event" in page.read_text())
        took = time.monotonic() - began
        running.terminate()
        running.wait()

    assert folded(directory) == {"INFO": 1_500, "ERROR": 1}
    assert took < 10.0


def test_told_to_stop_it_takes_what_is_there_and_ends_with_zero(directory: Path) -> None:
    """Fault 42: a clean shutdown with a backlog."""
    bot = Bot(directory)
    with process(directory) as running:
        assert until(lambda: running_pid(directory) is not None)
        for number in range(3_000):
            bot.say(f"tick {number}")
        running.terminate()
        words = running.communicate(timeout=20)[1]

    assert (running.returncode, words) == (0, "")
    assert folded(directory) == {"INFO": 3_000}


def test_told_twice_it_leaves_the_rest_in_the_spool(directory: Path) -> None:
    """Fault 42: the second signal ends the draining; nothing is lost by it."""
    bot = Bot(directory)
    with opened(directory) as sidecar:
        for number in range(5_000):
            bot.say(f"tick {number}")

        async def told_twice() -> None:
            stop, hurry = asyncio.Event(), asyncio.Event()
            stop.set()
            hurry.set()
            await sidecar.run(stop, hurry=hurry)

        asyncio.run(told_twice())
        taken = sidecar.state.events

    assert 0 < taken < 5_000
    with opened(directory) as after:
        assert after.state.events == taken
        after.flush()
        assert after.state.events == 5_000


def test_draining_ends_at_its_limit_and_the_rest_stays(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault 42: a backlog that takes longer than the limit."""
    monkeypatch.setattr("obs.sidecar.sidecar.DRAIN_SECONDS", 0.0)
    bot = Bot(directory)
    for number in range(5_000):
        bot.say(f"tick {number}")

    with opened(directory) as sidecar:
        stop = asyncio.Event()
        stop.set()
        asyncio.run(sidecar.run(stop))
        taken = sidecar.state.events

    assert 0 < taken < 5_000
    with opened(directory) as after:
        after.flush()
        assert after.state.events == 5_000


def test_without_room_it_keeps_all_and_goes_on_when_there_is_room_again(directory: Path) -> None:
    """Fault 28: the store refuses for a while; the spool keeps what is not stored."""
    bot = Bot(directory)
    with opened(directory) as sidecar:
        save = sidecar.vault._store.save

        def refuse(change: Change) -> None:
            from obs.keeping.store import StoreError

            raise StoreError("obs.db cannot be used (database or disk is full): free some space on its disk")

        sidecar.vault._store.save = refuse  # type: ignore[method-assign]
        bot.say("while the disk is full", "ERROR")
        bot.end()
        assert not sidecar.flush(0.2)
        assert "disk is full" in sidecar.fault
        held = list((directory / "spool").glob("*.seg"))
        sidecar.vault._store.save = save  # type: ignore[method-assign]
        began = time.monotonic()
        assert sidecar.flush()

    assert held != []
    assert time.monotonic() - began < 1.0
    assert folded(directory) == {"ERROR": 1}


def test_a_store_deleted_under_it_is_written_anew_and_said(directory: Path) -> None:
    """Fault 28: all of it is in memory, so nothing is lost."""
    bot = Bot(directory)
    with opened(directory) as sidecar:
        bot.say("one")
        sidecar.flush()
        for file in directory.glob("obs.db*"):
            file.unlink()
        bot.say("two")
        assert sidecar.flush()
        assert "was deleted or replaced while in use" in sidecar.snapshot().not_known[-1]

    assert folded(directory) == {"INFO": 2}


def test_a_directory_deleted_under_it_is_made_again(directory: Path) -> None:
    """Fault 28: the bot's writer makes its folder again, and so do we."""
    bot = Bot(directory)
    with opened(directory) as sidecar:
        bot.say("one")
        sidecar.flush()
        shutil.rmtree(directory)
        time.sleep(0.6)
        bot.say("two")
        assert until(lambda: bool(sidecar.flush()) and sidecar.state.events == 2)

    assert folded(directory) == {"INFO": 2}


def test_a_damaged_store_starts_anew_and_the_briefing_says_so(directory: Path) -> None:
    bot = Bot(directory)
    bot.say("one")
    with opened(directory) as sidecar:
        sidecar.flush()
    (directory / "obs.db").write_bytes(b"garbage" * 1_000)

    with opened(directory) as sidecar:
        sidecar.flush()

        assert any("obs.db was malformed" in line for line in sidecar.snapshot().not_known)


def test_a_decision_made_by_another_process_is_followed(directory: Path) -> None:
    bot = Bot(directory)
    bot.say("order 42 rejected", "ERROR")
    with opened(directory) as sidecar:
        sidecar.flush()
        issue = sidecar.snapshot().issues[0]
        decided = LifecycleEntry(
            fingerprint=issue.fingerprint, status="archived", at=time.time_ns(), who="ann", why="known"
        )
        with Store(directory / "obs.db") as command:
            command.save(Change(lifecycle=[decided]))

        sidecar.vault._look_at = 0.0
        sidecar.step()

        assert sidecar.snapshot().issues[0].status == "archived"


def test_files_are_fresh_within_a_second_of_an_event(directory: Path) -> None:
    bot = Bot(directory)
    page = directory / "briefings" / "latest.md"
    late = []
    with process(directory) as running:
        assert until(lambda: running_pid(directory) is not None and page.exists())
        for number in range(4):
            body = f"order {chr(97 + number) * 5} rejected"
            bot.say(body, "ERROR")
            began = time.monotonic()
            assert until(lambda body=body: body in page.read_text())  # type: ignore[misc]
            late.append(time.monotonic() - began)
        running.terminate()
        running.wait()

    assert sorted(late)[1] < 1.0


def test_the_end_of_a_killed_bot_leaves_a_page_that_stays(directory: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from tests.spool_lines import Bot;"
        "bot = Bot(Path(sys.argv[1]), 'grid-7', os.getpid()); bot.say('the last words', 'ERROR');"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script, str(directory)], check=False)

    with opened(directory) as sidecar:
        assert until(lambda: sidecar.step() == 0 and bool(sidecar.intake.ledger.ended), 5.0)
        sidecar.flush()

    pages = list((directory / "briefings").glob("*-post-mortem-grid-7.md"))
    assert len(pages) == 1
    assert "the last words" in pages[0].read_text()


def test_the_clean_end_of_a_worker_is_not_the_end_of_its_bot(directory: Path) -> None:
    bot, worker = Bot(directory, "grid-1", 1), Bot(directory, "grid-1", 2)
    bot.say("main")
    worker.say("worker")
    with opened(directory) as sidecar:
        sidecar.flush()
        worker.end()
        sidecar.flush()

        assert list((directory / "briefings").glob("*post-mortem*")) == []
        bot.end()
        sidecar.flush()
        assert len(list((directory / "briefings").glob("*post-mortem-grid-1.md"))) == 1


def test_with_no_bot_left_it_ends_by_itself_when_asked_to(directory: Path) -> None:
    bot = Bot(directory)
    bot.say("one")
    with process(directory, "--idle-exit", "0.3") as running:
        assert until(lambda: wait_processed(directory, 5))
        time.sleep(0.8)
        assert running.poll() is None
        bot.end()
        assert running.wait(10) == 0

    assert folded(directory) == {"INFO": 1}


def test_one_is_started_on_demand_and_joined_by_later_ones(directory: Path) -> None:
    first = ensure_running(directory, idle_exit=1.0, wait_seconds=10)
    try:
        assert first is not None
        assert ensure_running(directory) == first == running_pid(directory)
        # It is nobody's child: the bot must not find it among its own.
        with pytest.raises(ChildProcessError):
            os.waitpid(first, os.WNOHANG)
        bot = Bot(directory)
        bot.say("order 42 rejected", "ERROR")
        bot.end()
        assert wait_processed(directory, 10)
        assert "order 42 rejected" in (directory / "briefings" / "latest.md").read_text()
        assert until(lambda: running_pid(directory) is None)
    finally:
        if running_pid(directory) == first and first:
            os.kill(first, signal.SIGKILL)


def test_waiting_without_a_sidecar_does_not_wait(directory: Path) -> None:
    began = time.monotonic()

    assert not wait_processed(directory, 5)
    assert time.monotonic() - began < 1.0
    assert not (directory / "flush").exists() or list((directory / "flush").iterdir()) == []


def test_a_record_that_ends_the_process_at_every_start_is_found_and_left_out(directory: Path) -> None:
    bot = Bot(directory)
    for number in range(30):
        bot.say(f"tick {number}")
    bot.say("poison")
    for number in range(30):
        bot.say(f"tock {number}")
    script = (
        "import os, sys; from obs.sidecar import Sidecar; from obs.rules import RuleSet\n"
        "def die(event):\n"
        "    if event.body == 'poison': os._exit(9)\n"
        "    return event\n"
        "with Sidecar(sys.argv[1], ruleset=RuleSet(()), also=[die]) as sidecar: sidecar.flush()"
    )

    codes = []
    for _ in range(12):
        codes.append(subprocess.run([sys.executable, "-c", script, str(directory)], check=False).returncode)
        if codes[-1] == 0:
            break

    assert codes[0] == 9
    assert codes[-1] == 0
    with opened(directory) as sidecar:
        assert sidecar.state.by_severity == {"INFO": 60}
        assert {loss.reason: loss.count for loss in sidecar.snapshot().losses} == {"poison": 1}


def test_followed_files_count_once_across_kills_rotation_and_new_files(
    directory: Path, tmp_path: Path
) -> None:
    log = tmp_path / "grid.log"
    log.write_text("2026-11-20 10:00:00,000 - bot - ERROR - order 1 rejected\n")

    def taken() -> dict[str, int]:
        with opened(directory, follow=[tmp_path / "*.log"]) as sidecar:
            # A record is complete when nothing more came for a moment.
            until(lambda: sidecar.step() > 10_000, 2.0)
            sidecar.flush()
            return dict(sidecar.state.by_severity)

    assert taken() == {"ERROR": 1}
    with log.open("a") as file:
        file.write("2026-11-20 10:00:01,000 - bot - WARNING - order 2 late\n")
    log.rename(tmp_path / "grid.log.1")
    log.write_text("2026-11-20 10:00:02,000 - bot - INFO - a new file\n")
    (tmp_path / "other.log").write_text("2026-11-20 10:00:03,000 - bot - INFO - another bot\n")

    assert taken() == {"ERROR": 1, "WARN": 1, "INFO": 2}
    assert taken() == {"ERROR": 1, "WARN": 1, "INFO": 2}
    with opened(directory) as sidecar:
        assert sidecar.state.services == {"grid": 3, "other": 1}


def test_a_directory_that_cannot_be_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    done = subprocess.run(
        [sys.executable, "-m", "obs.sidecar", str(tmp_path / "file")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "Give a directory that can be written" in done.stderr
