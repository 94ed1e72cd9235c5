"""What odd records look like in the spool: each is there, readable, and costs nobody else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.capture.bots import run_bot


def test_a_plain_record_keeps_its_words_its_place_and_its_extras(tmp_path: Path) -> None:
    run = run_bot(tmp_path, 'log.info("order %s filled", "42", extra={"symbol": "BTC/USDT", "qty": 2})')

    (event,) = run.events
    assert event["body"] == "order 42 filled"
    assert event["template"] == "order %s filled"
    assert (event["severity"], event["severity_text"]) == ("INFO", "INFO")
    assert event["logger"] == "bot.execution.orders"
    assert event["seq"] == 1
    assert event["timestamp"] > 1_700_000_000_000_000_000
    attributes = event["attributes"]
    assert (attributes["symbol"], attributes["qty"]) == ("BTC/USDT", 2)
    assert attributes["thread.name"] == "MainThread"
    assert attributes["code.filepath"].endswith("bot.py")
    assert (attributes["code.lineno"], attributes["code.function"]) == (8, "<module>")
    assert event["resource"]["service.name"] == "bot"
    assert run.stderr == ""


def test_wrong_format_arguments_cost_only_the_formatting(tmp_path: Path) -> None:
    """Fault 2: the template and the raw arguments are kept, redacted, and the record says so."""
    run = run_bot(
        tmp_path,
        """
        log.info("price %d of %s", "high", extra={"symbol": "X"})
        log.info("100%", 1)
        log.info("api_key=%s %s", "abcd1234EFGH5678ijkl")
        log.error("bytes %1000000000d", 5)
        log.info("after")
        """,
    )

    first, second, third, bomb, after = run.events
    assert first["body"] == "price %d of %s"
    assert first["attributes"]["format_error"] is True
    assert first["attributes"]["log.args"] == ["'high'"]
    assert first["attributes"]["symbol"] == "X"
    assert second["attributes"]["log.args"] == ["1"]
    assert "abcd1234EFGH5678ijkl" not in str(third)
    assert bomb["attributes"]["format_error"] is True
    assert after["body"] == "after"
    assert (run.returncode, run.stderr) == (0, "")


def test_objects_that_cannot_be_printed_are_named_by_their_type(tmp_path: Path) -> None:
    """Fault 3: whatever `__str__`, `__repr__` or `__format__` raises stays with us."""
    run = run_bot(
        tmp_path,
        """
        class Bad:
            def __init__(self, error): self.error = error
            def __str__(self): raise self.error
            __repr__ = __str__
            def __format__(self, spec): raise self.error
        for error in (ValueError("x"), KeyboardInterrupt(), SystemExit(3), RecursionError(), MemoryError()):
            log.info("got %s and %s", Bad(error), 7)
            log.error("got %r", Bad(error), extra={"thing": Bad(error)})
        log.info("after")
        """,
    )

    assert run.returncode == 0
    assert run.stderr == ""
    assert len(run.events) == 11
    assert run.bodies[0] == "got <Bad: its text raised ValueError> and 7"
    assert run.bodies[4].startswith("got <Bad")
    assert run.bodies[-1] == "after"


def test_an_argument_is_logged_as_it_was_at_the_call(tmp_path: Path) -> None:
    """Fault 5: mutable builtins are copied before the call returns."""
    run = run_bot(
        tmp_path,
        """
        from decimal import Decimal
        from collections import OrderedDict, defaultdict, deque
        order = {"id": 1, "legs": [1, 2], "price": Decimal("1.5")}
        seen = [1]
        later = [OrderedDict(a=1), defaultdict(list, a=[1]), deque([1]), {1}, bytearray(b"a"), ([1],)]
        log.info("order %s", order, extra={"seen": seen})
        log.info("named %(id)s %(legs)s", order)
        log.info(seen)
        for value in later: log.info("value %s", value)
        order["id"] = 2; order["legs"].append(3); seen.append(2)
        for value in later[:2]: value["a"] = 9
        later[2].append(2); later[3].add(2); later[4].extend(b"b"); later[5][0].append(2)
        """,
    )

    assert run.bodies == [
        "order {'id': 1, 'legs': [1, 2], 'price': Decimal('1.5')}",
        "named 1 [1, 2]",
        "[1]",
        "value OrderedDict({'a': 1})" if "({'a'" in run.bodies[3] else "value OrderedDict([('a', 1)])",
        "value defaultdict(<class 'list'>, {'a': [1]})",
        "value deque([1])",
        "value {1}",
        "value b'a'",
        "value ([1],)",
    ]
    assert run.events[0]["attributes"]["seen"] == [1]


def test_huge_and_cyclic_extras_are_cut_and_marked(tmp_path: Path) -> None:
    """Fault 6: depth, width and size are capped, on the caller's side too."""
    run = run_bot(
        tmp_path,
        """
        cyclic = {}; cyclic["self"] = cyclic
        deep = []
        for _ in range(5_000): deep = [deep]
        wide = list(range(1_000_000))
        class Lazy:
            def __iter__(self): raise RuntimeError("a query")
            def __len__(self): raise RuntimeError("a query")
            def __str__(self): return "lazy"
        keys = {i: i for i in range(300_000)}
        log.info("first")
        start = time.thread_time()
        log.info("odd", extra={"cyclic": cyclic, "deep": deep, "wide": wide, "lazy": Lazy(), "keys": keys})
        print(time.thread_time() - start)
        log.info("after %s", wide)
        """,
    )

    _, odd, after = run.events
    assert float(run.stdout) < 0.01
    assert "of 1 items]" in str(odd["attributes"]["cyclic"])
    assert "of 1 items]" in str(odd["attributes"]["deep"])
    assert "more]" in str(odd["attributes"]["wide"][-1])
    assert odd["attributes"]["lazy"] == "lazy"
    assert len(str(odd)) < 100_000
    assert after["body"].startswith("after [0, 1, 2,")
    assert len(after["body"]) < 40_000


@pytest.mark.parametrize("where", ["message", "argument"])
def test_ten_megabytes_are_cut_without_showing_half_a_secret(tmp_path: Path, where: str) -> None:
    """Fault 7: head, tail, length and digest stay; a secret astride the cut is masked whole."""
    call = 'log.{level}("%s", text)' if where == "argument" else "log.{level}(text)"
    run = run_bot(
        tmp_path,
        f"""
        secret = "api_key=" + "s3cr3tS3CR3T" * 4
        # Astride the end of the head that is kept, then astride the beginning of the tail.
        near = ["x " * (shift // 2) for shift in (16_384 - 30, 2_048 - 30)]
        far = " y" * 5_000_000
        for text in (near[0] + secret + far, near[1] + secret + far,
                     far + secret + " " + near[0], far + secret + " " + near[1]):
            start = time.thread_time()
            {call.format(level="info")}
            between = time.thread_time()
            {call.format(level="warning")}
            print(between - start, time.thread_time() - between)
            time.sleep(0.3)
        """,
    )

    assert len(run.events) == 8
    for event in run.events:
        assert len(event["body"]) < 40_000
        assert re.findall(r"…\[99[0-9]{5} characters left out\]…", event["body"]), event["body"][
            16_300:16_500
        ]
        assert "s3cr3t" not in str(event)
    whole = run.events[0]["attributes"]
    assert whole["log.body.length"] > 10_000_000
    assert len(whole["log.body.sha256"]) == 64
    costs = [float(cost) for cost in run.stdout.split()]
    assert min(costs[0::2]) < 0.000_5
    assert min(costs[1::2]) < 0.03


def test_a_broken_text_harms_no_neighbour_and_can_be_read_back(tmp_path: Path) -> None:
    """Fault 8: surrogates, zero bytes, control characters: strict JSON, one line each."""
    run = run_bot(
        tmp_path,
        r"""
        for number in range(512):
            log.info("neighbour %d", number)
            if number == 256:
                log.info("lone \ud800 nul \x00 lf \n cr \r c1 \x9b", extra={"k\udcff": b"\xff\x00"})
                logging.getLogger("bot.\udc80").warning("name")
        """,
    )

    assert len(run.events) == 514
    (broken,) = [event for event in run.events if event["body"].startswith("lone")]
    assert broken["body"] == "lone \\ud800 nul \x00 lf \n cr \r c1 \x9b"
    assert broken["attributes"]["k\\udcff"] == "\\xff\x00"
    assert sum(event["body"].startswith("neighbour") for event in run.events) == 512


def test_numbers_and_types_without_json_become_text(tmp_path: Path) -> None:
    """Fault 9: a strict parser reads every line."""
    run = run_bot(
        tmp_path,
        """
        import datetime, decimal, enum, uuid
        class Odd(datetime.tzinfo):
            def utcoffset(self, when): raise ValueError("no zone")
            def tzname(self, when): return None
            def dst(self, when): return None
        class Side(enum.Enum): BUY = "buy"
        class Level(enum.IntEnum): HIGH = 3
        class Price(float): pass
        values = {"nan": float("nan"), "inf": float("-inf"), "big": 2**70, "huge": 10**5000,
            "decimal": decimal.Decimal("0.10"), "bytes": b"ab", "side": Side.BUY, "level": Level.HIGH,
            "price": Price(1.5), "uuid": uuid.UUID(int=1), "complex": 1j, "set": {1}, "none": None,
            "when": datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc),
            "odd": datetime.datetime(2026, 1, 2, tzinfo=Odd()), "nested": {"nan": [float("nan")]}}
        log.info("values", extra=values)
        log.info("%s %s", Side.BUY, decimal.Decimal("0.10"))
        event("order.filled", {"order.id": "1"}, price=decimal.Decimal("0.10"), order__quantity=2**70)
        """,
    )

    assert len(run.events) == 3
    kept = run.events[0]["attributes"]
    assert (kept["nan"], kept["inf"], kept["big"]) == ("NaN", "-Infinity", str(2**70))
    assert kept["huge"] == "[integer of 16610 bits]"
    assert (kept["decimal"], kept["bytes"], kept["side"], kept["level"]) == ("0.10", "ab", "buy", 3)
    assert (kept["price"], kept["set"], kept["none"]) == (1.5, [1], None)
    assert kept["when"] == "2026-01-02T00:00:00+00:00"
    assert "datetime" in kept["odd"]
    assert kept["nested"] == {"nan": ["NaN"]}
    assert run.bodies[1] == "Side.BUY 0.10"
    assert run.events[2]["event_name"] == "order.filled"
    assert run.events[2]["attributes"] == {"order.id": "1", "price": "0.10", "order.quantity": str(2**70)}


def test_times_are_kept_as_given_whatever_the_clock_does(tmp_path: Path) -> None:
    """Fault 20: order is by number; a clock that jumps neither stops nor falsifies anything."""
    run = run_bot(
        tmp_path,
        """
        times = iter([1.7e9, 1.6e9, 2.0e9, -5.0, float("nan"), 253402300800.0 * 10, 1.7e9])
        real = time.time
        for wanted in times:
            record = log.makeRecord(log.name, 20, "bot.py", 1, "at %r", (wanted,), None)
            record.created = wanted
            log.handle(record)
        """,
    )

    assert [event["seq"] for event in run.events] == [1, 2, 3, 4, 5, 6, 7]
    times = [event["timestamp"] for event in run.events]
    assert times[:3] == [1_700_000_000 * 10**9, 1_600_000_000 * 10**9, 2_000_000_000 * 10**9]
    assert times[3:5] == [0, 0]
    assert all(0 <= at <= 253_402_300_799 * 10**9 for at in times)


def test_secrets_are_masked_before_the_first_byte_is_written(tmp_path: Path) -> None:
    """Message, arguments, extras, exception text, notes, names of loggers and threads, the environment."""
    run = run_bot(
        tmp_path,
        """
        secret = "Zx9Kq2Lm8Vt4Rb7Wy3Np6Hd1"
        log.info("api_key=%s", secret)
        log.info("key", extra={"api_secret": secret, "nested": {"password": secret}})
        log.info(f"token: {secret}", extra={"header": f"Authorization: Bearer {secret}"})
        try:
            raise ValueError(f"password={secret}")
        except ValueError as error:
            error.add_note(f"api_key={secret}")
            log.exception("failed for %s", {"secret": secret})
        logging.getLogger(f"bot.api_key={secret}").warning("name")
        threading.Thread(target=log.warning, args=("thread",), name=f"api_key={secret}").start()
        event("bot.started", {"api_key": secret})
        log.info("later, alone: %s", os.environ["EXCHANGE_API_SECRET"])
        """,
        environment={"EXCHANGE_API_SECRET": "Pq7Xw2Zs9Lk4Vn8Tb3Jm6Rf1"},
    )

    assert len(run.events) == 8
    for path in (tmp_path / "obs").rglob("*"):
        if path.is_file():
            assert b"Zx9Kq2Lm8Vt4Rb7" not in path.read_bytes()
            assert b"Pq7Xw2Zs9Lk4Vn8" not in path.read_bytes()
