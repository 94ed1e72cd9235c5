"""What may interrupt, overload or re-enter a log call, and that the caller never notices."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tests.capture.bots import Run, run_bot


def is_balanced(run: Run) -> bool:
    """Whether each writer's books say: emitted = delivered + dropped, nothing lost."""
    return all(end.lost == 0 and end.emitted == end.delivered + end.dropped for end in run.ended)


def test_a_full_queue_drops_the_newest_below_warning_and_counts_them_exactly(tmp_path: Path) -> None:
    """Fault 1: the packer stalled; the caller is not stalled, WARNING and above keep their reserve."""
    run = run_bot(
        tmp_path,
        """
        from obs.recording.handoff import CAPACITY
        log.info("first"); capture().flush()
        write, all, taken = capture().spool.write, capture().spool.write_all, []
        capture().spool.write = capture().spool.write_all = lambda given: False
        slowest = 0.0
        for number in range(60_000):
            (log.info if number % 100 else log.error)("number %d", number)
        logging.getLogger("bot.market.ticks").debug("one more")
        books = capture().books()
        assert books["waiting"] >= CAPACITY, books
        capture().spool.write, capture().spool.write_all = write, all
        """,
    )

    assert run.returncode == 0, run.stderr
    (books,) = run.books.values()
    assert len(run.events) + sum(v for k, v in books.items() if k.startswith("dropped")) == 60_002
    assert books["dropped.queue_full.INFO.bot.execution"] > 20_000
    assert books["dropped.queue_full.DEBUG.bot.market"] == 1
    assert sum(event["severity"] == "ERROR" for event in run.events) == 600
    assert is_balanced(run)


def test_warnings_beyond_the_reserve_are_counted_too(tmp_path: Path) -> None:
    """Fault 1: a spool that takes nothing for long; the queue stays bounded and the books exact."""
    run = run_bot(
        tmp_path,
        """
        from obs.recording.handoff import CAPACITY, RESERVE
        log.info("first"); capture().flush()
        write, all = capture().spool.write, capture().spool.write_all
        capture().spool.write = capture().spool.write_all = lambda given: False
        for number in range(CAPACITY + RESERVE + 1_000): log.error("number %d", number)
        print(capture().books()["waiting"] - CAPACITY - RESERVE)
        capture().spool.write, capture().spool.write_all = write, all
        """,
    )

    assert int(run.stdout) <= 0
    (end,) = run.ended
    assert end.dropped >= 1_000
    assert is_balanced(run)
    (books,) = run.books.values()
    assert books["dropped.spool.ERROR.bot.execution"] == end.dropped


def test_help_keeps_a_flooding_thread_from_losing_anything(tmp_path: Path) -> None:
    """Trap 9: above 2,000 waiting the caller works a little itself, so the queue never fills."""
    run = run_bot(
        tmp_path,
        """
        most = 0
        for number in range(100_000):
            log.info("number %d", number)
            if not number % 500: most = max(most, len(capture().handoff.queue))
        print(most)
        """,
    )

    assert len(run.events) == 100_000
    assert int(run.stdout) < 30_000
    assert is_balanced(run)


def test_a_signal_handler_may_log_while_the_same_thread_logs(tmp_path: Path) -> None:
    """Fault 10: at 1 kHz nothing hangs and nothing is lost."""
    run = run_bot(
        tmp_path,
        """
        ticks = 0
        def tick(*_):
            global ticks
            ticks += 1
            (log.info if ticks % 2 else log.warning)("tick %d", ticks)
        signal.signal(signal.SIGALRM, tick)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        end, count = time.monotonic() + 2, 0
        while time.monotonic() < end:
            count += 1
            (log.info if count % 3 else log.error)("main %d", count)
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(ticks, count)
        """,
    )

    ticks, count = map(int, run.stdout.split())
    assert ticks > 200
    assert sorted(run.bodies) == sorted(
        [f"tick {n}" for n in range(1, ticks + 1)] + [f"main {n}" for n in range(1, count + 1)]
    )


def test_a_signal_handler_that_raises_leaves_the_token_free(tmp_path: Path) -> None:
    """Trap 1: an exception may come at any instruction; nothing is lost, and nothing is blocked for ever."""
    run = run_bot(
        tmp_path,
        """
        class Alarm(Exception): pass
        def tick(*_): raise Alarm
        returned, raised, count = [], 0, 0
        handoff = capture().handoff
        log.info("start")
        capture().packer.stop(1)
        signal.signal(signal.SIGALRM, tick)
        end = time.monotonic() + 3
        while time.monotonic() < end:
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.00005 + raised % 17 / 50_000)
                while True:
                    count += 1
                    log.info("record %d", count)
                    returned.append(count)
                    handoff.drain(200_000)
            except Alarm:
                raised += 1
        assert not handoff._owner, "the token leaked"
        print(raised)
        print(*returned)
        """,
    )

    assert run.returncode == 0, run.stderr
    raised, *returned = run.stdout.split()
    assert int(raised) > 500
    assert {f"record {n}" for n in returned} <= set(run.bodies)


def test_a_finalizer_may_log_in_the_middle_of_anything(tmp_path: Path) -> None:
    """Fault 11: `__del__` run by the collector inside our own code."""
    run = run_bot(
        tmp_path,
        """
        import gc, itertools
        gc.set_threshold(1)
        # The collector runs in whichever thread made the last object: each counts in one step.
        made = itertools.count(1)
        class Order:
            def __init__(self): self.me = self
            def __del__(self):
                log.warning("gone %d", next(made))
        for number in range(3_000):
            Order()
            log.info("number %d", number, extra={"list": [number]})
        gc.collect()
        gc.set_threshold(700)
        print(next(made) - 1)
        """,
    )

    made = int(run.stdout)
    (books,) = run.books.values()
    dropped = sum(count for key, count in books.items() if key.startswith("dropped."))
    assert made == 3_000
    # On a machine that gives the packer no time a bound is reached: what is dropped then is counted.
    assert len(run.events) + dropped == 6_000
    assert is_balanced(run)


def test_what_our_own_work_makes_others_log_is_not_heard(tmp_path: Path) -> None:
    """Fault 12: an object that logs while it is printed, and our own loggers, feed nothing back."""
    run = run_bot(
        tmp_path,
        """
        class Chatty:
            def __str__(self):
                log.info("asked %s", self)
                return "chatty"
        log.info("hello %s", Chatty())
        logging.getLogger("obs.sidecar").warning("our own voice")
        logging.getLogger("obs").info("our own voice")
        logging.getLogger("observer").info("somebody else")
        time.sleep(0.3)
        """,
    )

    assert run.bodies == ["hello chatty", "somebody else"]
    (books,) = run.books.values()
    assert books["dropped.own.INFO.bot.execution"] == 1
    assert books["dropped.own.WARN.obs.sidecar"] == 1
    assert is_balanced(run)


def test_a_filter_that_logs_does_not_feed_itself(tmp_path: Path) -> None:
    """Fault 12: a `logging.Filter` on our handler that logs by another logger."""
    run = run_bot(
        tmp_path,
        """
        class Noisy(logging.Filter):
            def filter(self, record):
                if record.name != "bot.filter":
                    logging.getLogger("bot.filter").info("saw %s", record.msg)
                return "secret" not in record.msg
        handler.addFilter(Noisy())
        log.info("one"); log.info("secret two")
        """,
    )

    assert run.bodies == ["saw one", "one", "saw secret two"]


@pytest.mark.parametrize("where", ["argument", "extra", "warning", "exception"])
def test_an_object_that_never_finishes_printing_blocks_nobody(tmp_path: Path, where: str) -> None:
    """Fault 4: the caller goes on at once, the packer within two seconds, and the type is asked no more."""
    call = {
        "argument": 'log.info("got %s", Stuck())',
        "extra": 'log.info("got", extra={"thing": Stuck()})',
        "warning": 'log.warning("got %s", Stuck())',
        "exception": 'log.error("got", exc_info=StuckError("x"))',
    }[where]
    run = run_bot(
        tmp_path,
        f"""
        class Stuck:
            def __str__(self): time.sleep(30)
            __repr__ = __str__
        class StuckError(Exception):
            def __str__(self): time.sleep(30)
        start = time.perf_counter()
        {call}
        log.info("after")
        print(time.perf_counter() - start)
        time.sleep(0.2)
        assert capture().books()["written"] >= 1
        end = time.monotonic() + 2
        while capture().books()["written"] < 2 and time.monotonic() < end: time.sleep(0.01)
        assert capture().books()["written"] == 2, capture().books()
        start = time.perf_counter()
        {call}
        capture().flush()
        print(time.perf_counter() - start)
        """,
    )

    assert run.returncode == 0, run.stderr
    first, second = map(float, run.stdout.split())
    assert first < 0.2
    assert second < 0.5
    assert len(run.events) == 3
    assert "Stuck" in str(run.events[0])
    assert run.bodies[1] == "after"


def test_a_renderer_that_was_stopped_for_a_fork_comes_back(tmp_path: Path) -> None:
    """Fault 13: nothing that it was at work on is lost, and later objects are printed again."""
    run = run_bot(
        tmp_path,
        """
        class Slow:
            def __str__(self):
                time.sleep(0.2)
                return "slow"
        def stop():
            capture().packer.stop()
            capture().handoff.keep_helping(awake=False)
        log.info("one %s", Slow()); time.sleep(0.1); stop()
        log.info("two %s", Slow()); time.sleep(0.8); stop()
        log.info("three %s", Slow()); time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGKILL)
        """,
    )

    assert run.bodies == ["one slow", "two slow", "three slow"]


def test_threads_keep_their_order_and_lose_nothing(tmp_path: Path) -> None:
    """Fault 17: 64 threads at once."""
    run = run_bot(
        tmp_path,
        """
        def work(name):
            for number in range(300):
                log.info("%d %d", name, number)
        threads = [threading.Thread(target=work, args=(n,)) for n in range(64)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        """,
    )

    assert len(run.events) == 64 * 300
    pairs = [tuple(map(int, body.split())) for body in run.bodies]
    for name, own in itertools.groupby(sorted(pairs, key=lambda pair: pair[0]), key=lambda pair: pair[0]):
        assert [number for _, number in own] == list(range(300)), name
    assert is_balanced(run)


def test_the_event_loop_does_not_feel_the_packer(tmp_path: Path) -> None:
    """Fault 17: a 2 ms timer beside a packer that never rests is late by microseconds, not milliseconds."""
    run = run_bot(
        tmp_path,
        """
        import statistics
        def lag():
            late = []
            for _ in range(200):
                due = time.perf_counter() + 0.002
                time.sleep(0.002)
                late.append(time.perf_counter() - due)
            return statistics.median(late)
        log.info("start"); time.sleep(0.1)
        idle = lag()
        record = log.makeRecord(log.name, 20, "x.py", 1, "order %s at %s", ("42", 1.5), None)
        busy = True
        handoff = capture().handoff
        capture().handoff.queue.extend((n, record) for n in range(2, 60_000))
        print(idle, lag(), len(handoff.queue))
        handoff.queue.clear()
        os.kill(os.getpid(), signal.SIGKILL)
        """,
    )

    idle, busy, left = map(float, run.stdout.split())
    assert left > 0, "the packer had work all the time"
    # An unsliced consumer makes this 5 ms: the interpreter's switch interval.
    assert busy < max(3 * idle, idle + 0.001)


def test_near_the_recursion_limit_a_record_is_kept_or_counted(tmp_path: Path) -> None:
    """Fault 18: at any depth the only exception is the bot's own."""
    run = run_bot(
        tmp_path,
        """
        stock = logging.getLogger("stock"); stock.propagate = False; stock.addHandler(logging.NullHandler())
        def at(depth, logger):
            if depth: return at(depth - 1, logger)
            logger.info("deep %s", [1], extra={"a": 1})
        def raises(depth, logger):
            try: at(depth, logger)
            except RecursionError: return True
            return False
        log.info("first")
        limit = sys.getrecursionlimit()
        ours = [raises(depth, log) for depth in range(limit - 120, limit)]
        theirs = [raises(depth, stock) for depth in range(limit - 120, limit)]
        print(sum(ours), sum(theirs))
        """,
    )

    ours, theirs = map(int, run.stdout.split())
    assert ours <= theirs
    assert len(run.events) + _dropped(run) == 1 + 120 - ours
    assert is_balanced(run)


def test_out_of_memory_in_the_handler_is_counted(tmp_path: Path) -> None:
    """Fault 19: the caller is safe whatever fails inside."""
    run = run_bot(
        tmp_path,
        """
        import obs.recording.handoff
        log.info("first")
        def failing(record): raise MemoryError
        obs.recording.handoff.snapshot = failing
        for _ in range(5): log.info("with %s", [1])
        log.error("with %s", [1])
        log.info("last")
        """,
    )

    assert run.returncode == 0
    assert run.bodies == ["first", "last"]
    (books,) = run.books.values()
    assert books["dropped.error.INFO.bot.execution"] == 5
    assert books["dropped.error.ERROR.bot.execution"] == 1
    assert is_balanced(run)


def test_clearing_the_queue_under_the_packer_does_not_end_it(tmp_path: Path) -> None:
    """Trap 7: no exception may end the packer's thread."""
    run = run_bot(
        tmp_path,
        """
        queue = capture().handoff.queue
        for _ in range(200):
            for number in range(20): log.info("x")
            queue.clear()
        time.sleep(0.1)
        log.info("last")
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGKILL)
        """,
    )

    assert run.bodies[-1] == "last"
    assert run.stderr == ""


def _dropped(run: Run) -> int:
    return sum(end.dropped for end in run.ended)
