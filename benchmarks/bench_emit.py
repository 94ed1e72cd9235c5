"""What a log call costs a bot: our handler beside the usual ones, in one interleaved run.

The figures are ratios within the run, because absolute times are the machine's. `caller` is the CPU time of
the logging thread per call; `all` is the whole process's CPU per event, consumer included, when flooded.
Bursts of 200 calls, A B C ... A B C ...; medians of the rounds. pytest's own log capture would be measured
too, so: `pytest benchmarks/bench_emit.py -s -p no:logging`.
"""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import os
import queue
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import loguru
import pytest

from obs.recording.capture import Capture

BURST = 200
ROUNDS = int(os.environ.get("OBS_BENCH_ROUNDS", "60"))
FLOOD = int(os.environ.get("OBS_BENCH_EVENTS", "20000"))

CALLER_GOAL = 1.25
"""Handler over NullHandler, three arguments and four extras."""
ALL_IN_GOAL = 1.3
"""Caller, packer and spool over `QueueHandler` + `QueueListener` into a sink that does nothing."""

SLACK = float(os.environ.get("OBS_BENCH_SLACK", "1.3"))
"""Allowed over a goal before the run fails: other work on the machine makes shared memory dear."""

Call = Callable[[], None]
EXTRA = {"order.id": "42", "symbol": "BTC/USDT", "side": "buy", "attempt": 1}


def logger_with(name: str, handler: logging.Handler) -> logging.Logger:
    logger = logging.getLogger(f"bench.{name}")
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(logging.INFO)
    return logger


def calls_of(logger: logging.Logger) -> dict[str, Call]:
    info = logger.info
    return {
        "plain": lambda: info("the market is open"),
        "three arguments": lambda: info("order %s filled qty=%s price=%s", "42", 3, 101.5),
        "and four extras": lambda: info("order %s filled qty=%s price=%s", "42", 3, 101.5, extra=EXTRA),
    }


class Nowhere(logging.Handler):
    """A sink that does nothing, as a listener calls it."""

    def handle(self, record: logging.LogRecord) -> bool:
        return True


class Captured(logging.Handler):
    """Our door, on a capture of its own so that runs do not share a spool."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        super().__init__()
        self.capture = Capture()
        self.capture.install(folder, durable=durable)
        self.handle = self.capture.accept  # type: ignore[method-assign,assignment]


@contextlib.contextmanager
def everyone(folder: Path) -> Iterator[tuple[dict[str, logging.Logger], dict[str, Call], dict[str, Call]]]:
    """Yield the `logging` variants, other libraries' one call each, and how to wait for each consumer."""
    null = logger_with("null", logging.NullHandler())
    waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
    queued = logger_with("queue", logging.handlers.QueueHandler(waiting))  # type: ignore[arg-type]
    listener = logging.handlers.QueueListener(waiting, Nowhere())  # type: ignore[arg-type]
    listener.start()
    ours, durable = Captured(folder / "ours"), Captured(folder / "durable", durable=True)
    loggers = {
        "NullHandler": null,
        "obs": logger_with("obs", ours),
        "obs durable": logger_with("durable", durable),
        "QueueHandler": queued,
        "FileHandler": logger_with("file", logging.FileHandler(os.devnull)),
    }
    telemetry = opentelemetry()
    if telemetry is not None:
        loggers["OpenTelemetry"] = logger_with("otel", telemetry[0])
    waits: dict[str, Call] = {
        "obs": lambda: until(lambda: not ours.capture.books()["waiting"]),
        "QueueHandler": lambda: until(waiting.empty),
    }
    nowhere = Path(os.devnull).open("wb")  # noqa: SIM115
    try:
        yield (
            loggers,
            {**structlog_call(nowhere), **loguru_call(), "obs.event": event_call(ours.capture)},
            waits,
        )
    finally:
        listener.stop()
        loguru.logger.remove()
        nowhere.close()
        if telemetry is not None:
            telemetry[1]()
        for handler in (ours, durable):
            handler.capture.finish()
        for logger in loggers.values():
            for handler in logger.handlers:
                handler.close()


def opentelemetry() -> tuple[logging.Handler, Call] | None:
    try:
        from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
        from opentelemetry.sdk._logs.export import (
            BatchLogRecordProcessor,
            LogRecordExporter,
            LogRecordExportResult,
        )
    except ImportError:
        return None

    class Null(LogRecordExporter):
        def export(self, batch: Any) -> Any:
            return LogRecordExportResult.SUCCESS

        def shutdown(self) -> None: ...

        def force_flush(self, timeout_millis: int = 0) -> bool:
            return True

    provider = LoggerProvider()
    provider.add_log_record_processor(BatchLogRecordProcessor(Null()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return LoggingHandler(logger_provider=provider), provider.shutdown


def structlog_call(nowhere: Any) -> dict[str, Call]:
    import orjson
    import structlog

    logger = structlog.wrap_logger(
        structlog.BytesLogger(nowhere),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(20),
        cache_logger_on_first_use=True,
    ).bind()
    return {"structlog": lambda: logger.info("order filled", qty=3, price=101.5, **EXTRA)}


def loguru_call() -> dict[str, Call]:
    logger = loguru.logger
    logger.remove()
    logger.add(os.devnull, format="{time} {level} {name} {message} {extra}")
    bound = logger.bind(**EXTRA)
    return {"loguru": lambda: bound.info("order {} filled qty={} price={}", "42", 3, 101.5)}


def event_call(capture: Capture) -> Call:
    return lambda: capture.event("order.filled", 20, "", EXTRA, {"qty": 3, "price": 101.5})


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not done() and time.monotonic() < end:
        time.sleep(0.002)


def caller_costs(calls: dict[str, Call]) -> dict[str, float]:
    """Return ns of the calling thread's CPU per call, the median over interleaved bursts."""
    rounds: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(ROUNDS):
        for name, call in calls.items():
            start = time.thread_time_ns()
            for _ in range(BURST):
                call()
            if turn:
                rounds[name].append((time.thread_time_ns() - start) / BURST)
            time.sleep(0.004)
    return {name: statistics.median(costs) for name, costs in rounds.items()}


def total_costs(calls: dict[str, Call], waits: dict[str, Call], rounds: int = 5) -> dict[str, float]:
    """Return ns of the process's CPU per event, consumer included, the median over interleaved floods."""
    costs: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.process_time_ns()
            for _ in range(FLOOD):
                call()
            waits.get(name, lambda: None)()
            costs[name].append((time.process_time_ns() - start) / FLOOD)
    return {name: statistics.median(runs) for name, runs in costs.items()}


def show(title: str, costs: dict[str, float], base: str) -> None:
    print(f"\n{title:<32}{'ns':>9}{'x ' + base:>16}")
    for name, cost in costs.items():
        print(f"  {name:<30}{cost:>9,.0f}{cost / costs[base]:>16.2f}")


@pytest.fixture(scope="module")
def field() -> Iterator[tuple[dict[str, logging.Logger], dict[str, Call], dict[str, Call]]]:
    with tempfile.TemporaryDirectory() as folder, everyone(Path(folder)) as made:
        yield made


@pytest.mark.parametrize("kind", ["plain", "three arguments", "and four extras"])
def test_what_a_call_costs_its_caller(field: Any, kind: str) -> None:
    loggers, others, _ = field
    calls = {name: calls_of(logger)[kind] for name, logger in loggers.items()}
    if kind == "and four extras":
        calls |= others

    costs = caller_costs(calls)

    show(f"caller, {kind}", costs, "NullHandler")
    assert costs["obs"] <= SLACK * CALLER_GOAL * costs["NullHandler"]


def test_what_an_event_costs_altogether(field: Any) -> None:
    loggers, _, waits = field
    calls = {
        name: calls_of(loggers[name])["and four extras"] for name in ("NullHandler", "QueueHandler", "obs")
    }

    costs = total_costs(calls, waits)

    show("all, and four extras", costs, "QueueHandler")
    assert costs["obs"] <= SLACK * ALL_IN_GOAL * costs["QueueHandler"]
