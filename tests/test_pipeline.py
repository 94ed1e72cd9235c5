"""Events run through plain functions, in order, bounded, and every one of them is in the books."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obs.events import Event, Severity, encode_line
from obs.masking import redact_event
from obs.pipeline import AsyncLogProcessor, PipelineCounts, event_of


def event(number: int, severity: Severity = Severity.INFO) -> Event:
    return Event(timestamp=number, severity=severity, body=f"event {number}")


def balanced(counts: PipelineCounts) -> bool:
    return counts.received == counts.processed + counts.dropped + counts.waiting


class Kept:
    """A last step that keeps what reaches it."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> Event:
        self.events.append(event)
        return event


def test_events_pass_all_steps_in_order() -> None:
    kept = Kept()

    def shout(event: Event) -> Event:
        return Event(timestamp=event.timestamp, body=event.body.upper())

    async def run() -> bool:
        processor = AsyncLogProcessor([shout, kept])
        for number in range(3):
            await processor.add_log_entry(event(number))
        return await processor.wait_for_completion()

    assert asyncio.run(run())
    assert [event.body for event in kept.events] == ["EVENT 0", "EVENT 1", "EVENT 2"]


def test_a_step_that_gives_nothing_ends_the_way_of_the_event() -> None:
    kept = Kept()
    processor = AsyncLogProcessor([lambda event: event if event.severity > Severity.DEBUG else None, kept])

    processor.process(event(1, Severity.DEBUG))
    processor.process(event(2, Severity.INFO))

    assert [event.timestamp for event in kept.events] == [2]
    assert processor.counts().dropped_by_reason == {("filtered", "DEBUG"): 1}


def test_an_event_that_breaks_a_step_costs_only_itself() -> None:
    kept = Kept()

    def break_at_two(event: Event) -> Event:
        if event.timestamp == 2:
            raise RecursionError("deep")
        return event

    processor = AsyncLogProcessor([break_at_two, kept])
    for number in range(4):
        processor.process(event(number, Severity.ERROR))

    assert [event.timestamp for event in kept.events] == [0, 1, 3]
    assert processor.counts().dropped_by_reason == {("error", "ERROR"): 1}
    assert processor.last_error.endswith("break_at_two: RecursionError")


def test_a_tight_loop_of_calls_loses_nothing() -> None:
    """The documented use: add without a pause; the processor has to take its turns by itself."""
    kept = Kept()

    async def run() -> PipelineCounts:
        processor = AsyncLogProcessor([kept], capacity=500, reserve=50)
        for number in range(20_000):
            assert await processor.add_log_entry(event(number))
        assert await processor.wait_for_completion(timeout=5.0)
        return processor.counts()

    counts = asyncio.run(run())

    assert (counts.received, counts.processed, counts.dropped) == (20_000, 20_000, 0)
    assert [event.timestamp for event in kept.events] == list(range(20_000))


def test_a_thousand_entries_take_less_than_a_second() -> None:
    async def run() -> float:
        processor = AsyncLogProcessor([Kept()])
        began = time.perf_counter()
        for number in range(1_000):
            await processor.add_log_entry(
                {"timestamp": number, "body": f"entry {number}"}, force_priority=True
            )
        assert await processor.wait_for_completion(timeout=5.0)
        return time.perf_counter() - began

    assert asyncio.run(run()) < 1.0


def test_when_full_the_reserve_is_for_warnings_and_worse() -> None:
    """Fault 1: many callers at once, no room; what is lost is the lesser, and is counted exactly."""
    kept = Kept()

    async def run() -> PipelineCounts:
        processor = AsyncLogProcessor([kept], capacity=100, reserve=20)
        infos = [processor.add_log_entry(event(number)) for number in range(1_000)]
        errors = [processor.add_log_entry(event(number, Severity.ERROR)) for number in range(20)]
        # Entered before the first worker runs: nothing leaves the queue meanwhile.
        taken = [await _entered_at_once(processor, calls) for calls in (infos, errors)]
        assert taken == [80, 20]
        assert await processor.wait_for_completion()
        return processor.counts()

    counts = asyncio.run(run())

    assert counts.dropped_by_reason == {("queue_full", "INFO"): 920}
    assert counts.processed_by_severity == {"INFO": 80, "ERROR": 20}
    assert balanced(counts)


async def _entered_at_once(
    processor: AsyncLogProcessor, calls: Sequence[Coroutine[object, None, bool]]
) -> int:
    taken = 0
    for call in calls:
        try:
            while True:
                call.send(None)
        except StopIteration as done:
            taken += done.value
    return taken


def test_a_forced_entry_is_processed_before_those_that_wait() -> None:
    kept = Kept()

    async def run() -> None:
        processor = AsyncLogProcessor([kept])
        await processor.add_log_entry(event(1, Severity.ERROR))
        await processor.add_log_entry(event(2))
        await processor.add_log_entry(event(3), force_priority=True)
        await processor.wait_for_completion()

    asyncio.run(run())

    assert [event.timestamp for event in kept.events] == [3, 1, 2]


def test_waiting_ends_at_its_limit_and_what_waits_is_kept() -> None:
    kept = Kept()

    def slow(event: Event) -> Event:
        time.sleep(0.002)
        return event

    async def run() -> tuple[bool, bool]:
        processor = AsyncLogProcessor([slow, kept])
        for number in range(600):
            await processor.add_log_entry(event(number))
        early = await processor.wait_for_completion(timeout=0.05)
        assert balanced(processor.counts())
        return early, await processor.wait_for_completion(timeout=5.0)

    assert asyncio.run(run()) == (False, True)
    assert len(kept.events) == 600


def test_a_processor_serves_one_event_loop_after_another() -> None:
    kept = Kept()
    processor = AsyncLogProcessor([kept])

    async def add_and_leave() -> None:
        for number in range(1_000):
            await processor.add_log_entry(event(number))
        await asyncio.sleep(0)

    asyncio.run(add_and_leave())
    asyncio.run(add_and_leave())

    assert asyncio.run(processor.wait_for_completion())
    assert len(kept.events) == 2_000


class Hostile:
    def __str__(self) -> str:
        raise OSError("no text for you")


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param({"neither": "body nor name"}, id="no body"),
        pytest.param({"body": "x", "timestamp": "yesterday"}, id="no time"),
        pytest.param(42, id="no entry"),
        pytest.param(logging.makeLogRecord({"msg": Hostile()}), id="hostile"),
    ],
)
def test_what_cannot_be_read_is_counted_and_never_raised(entry: object) -> None:
    async def run() -> PipelineCounts:
        processor = AsyncLogProcessor([])
        assert not await processor.add_log_entry(entry)  # type: ignore[arg-type]
        return processor.counts()

    counts = asyncio.run(run())

    assert counts.dropped_by_reason == {("malformed", "UNSPECIFIED"): 1}
    assert balanced(counts)


def test_a_log_record_becomes_an_event_with_its_template_extras_and_exception() -> None:
    try:
        raise KeyError("BTC/USDT")
    except KeyError as error:
        record = logging.getLogger("bot.feed").makeRecord(
            "bot.feed", logging.ERROR, "f.py", 7, "no price for %s", ("BTC",),
            (type(error), error, error.__traceback__), extra={"order.id": 42},
        )  # fmt: skip

    found = event_of(record)

    assert (found.body, found.template, found.logger) == ("no price for BTC", "no price for %s", "bot.feed")
    assert (found.severity, found.severity_text) == (Severity.ERROR, "ERROR")
    assert found.attributes == {"order.id": 42}
    assert found.exception is not None
    assert (found.exception.type, found.exception.message) == ("KeyError", "'BTC/USDT'")
    assert found.exception.stacktrace.startswith("Traceback (most recent call last):")
    assert abs(found.timestamp - record.created * 1e9) < 1_000


def test_arguments_that_do_not_fit_leave_the_message() -> None:
    """Fault 2: the event is kept."""
    record = logging.makeLogRecord({"msg": "%d of %d", "args": ("one",)})

    assert event_of(record).body == "%d of %d"


def test_redaction_masks_every_text_of_an_event_and_leaves_a_clean_one_as_it_is() -> None:
    secret = "correct-horse-battery-9"
    clean = event(1)
    dirty = Event(
        timestamp=1, body=f"login with password={secret}", attributes={"db": {"password": secret}, "n": 1}
    )

    masked = redact_event(dirty)

    assert redact_event(clean) is clean
    assert secret.encode() not in encode_line(masked)
    assert masked.attributes["n"] == 1
    assert redact_event(masked) == masked


@given(st.lists(st.tuples(st.sampled_from(list(Severity)), st.booleans(), st.booleans()), max_size=60))
def test_the_books_balance_whatever_comes(entries: list[tuple[Severity, bool, bool]]) -> None:
    def moody(event: Event) -> Event | None:
        if event.timestamp % 5 == 0:
            raise ValueError("five")
        return event if event.timestamp % 3 else None

    async def run() -> None:
        processor = AsyncLogProcessor([moody], capacity=10, reserve=3)
        for number, (severity, forced, malformed) in enumerate(entries):
            await processor.add_log_entry({} if malformed else event(number, severity), force_priority=forced)
            assert balanced(processor.counts())
        await processor.wait_for_completion()
        counts = processor.counts()
        assert balanced(counts)
        assert (counts.received, counts.waiting) == (len(entries), 0)

    asyncio.run(run())
