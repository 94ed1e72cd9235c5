from __future__ import annotations

import asyncio
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from obs.refreshing.config import PipelineConfig
from obs.refreshing.pipeline import DashboardDataPipeline
from obs.sidecar import Sidecar
from tests.api import recorded

NOON = 1_763_640_000_000_000_000


class Record(msgspec.Struct, frozen=True):
    number: int
    amount: Decimal = Decimal("0.10")


class Counter:
    """A source whose records are numbered; it fails while `fault` is set."""

    def __init__(self) -> None:
        self.number = 0
        self.fault: Exception | None = None

    def __call__(self) -> Record:
        self.number += 1
        if self.fault is not None:
            raise self.fault
        return Record(self.number)


class FakeTimer:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def source() -> Counter:
    return Counter()


@pytest.fixture
def timer() -> FakeTimer:
    return FakeTimer()


@pytest.fixture
def pipeline(tmp_path: Path, source: Counter, timer: FakeTimer) -> Iterator[DashboardDataPipeline]:
    """One that runs by hand: `tick` with a clock of the test's own."""
    made = DashboardDataPipeline(source=source, directory=tmp_path, timer=timer, clock=lambda: NOON)
    yield made
    assert made.close()


def test_fifteen_seconds_of_the_seed_in_a_hundredth(tmp_path: Path, source: Counter) -> None:
    """The seed's live run: three notices, four files, a snapshot."""
    seen: list[int] = []
    config = PipelineConfig(update_interval_seconds=0.1)

    pipeline = DashboardDataPipeline(config, source=source, directory=tmp_path)
    pipeline.refresh()
    pipeline.subscribe(lambda record: seen.append(record.number))
    snapshot = pipeline.export_snapshot("seed")
    with pipeline:
        _until(lambda: len(seen) >= 3)

    assert seen[:3] == [2, 3, 4]
    files = sorted((tmp_path / "dashboards" / "history").iterdir())
    assert [json.loads(file.read_text())["metrics"]["number"] for file in files[:4]] == [1, 2, 3, 4]
    assert json.loads(snapshot.read_text())["metrics"] == {"number": 1, "amount": "0.10"}


def test_a_clean_shutdown_leaves_no_thread(tmp_path: Path, source: Counter) -> None:
    before = set(threading.enumerate())
    config = PipelineConfig(update_interval_seconds=0.01)
    pipeline = DashboardDataPipeline(config, source=source, directory=tmp_path)

    for _ in range(3):
        pipeline.subscribe(lambda record: time.sleep(0.005))
        pipeline.start()
        _until(lambda: pipeline.status().delivered > 3)
        assert pipeline.stop()
    assert pipeline.close()

    assert set(threading.enumerate()) <= before


def test_starting_and_stopping_twice_is_starting_and_stopping_once(tmp_path: Path, source: Counter) -> None:
    pipeline = DashboardDataPipeline(source=source, directory=tmp_path)

    assert [pipeline.stop(), pipeline.start(), pipeline.start(), pipeline.is_running] == [
        True,
        True,
        False,
        True,
    ]
    assert [pipeline.stop(), pipeline.stop(), pipeline.is_running] == [True, True, False]


def test_an_update_is_made_at_once_and_then_each_interval(
    pipeline: DashboardDataPipeline, timer: FakeTimer
) -> None:
    assert pipeline.tick() == 300
    timer.now += 299
    assert pipeline.tick() == 1
    timer.now += 1.5
    assert pipeline.tick() == 300
    assert pipeline.status().updates == 2


def test_a_shorter_interval_holds_at_once(tmp_path: Path, source: Counter) -> None:
    with DashboardDataPipeline(source=source, directory=tmp_path) as pipeline:
        _until(lambda: pipeline.status().updates == 1)
        pipeline.configure(update_interval_seconds=0.02)
        _until(lambda: pipeline.status().updates > 3)


def test_updates_can_be_switched_off_and_on_while_it_runs(tmp_path: Path, source: Counter) -> None:
    config = PipelineConfig(update_interval_seconds=0.01, enable_real_time_updates=False)

    with DashboardDataPipeline(config, source=source, directory=tmp_path) as pipeline:
        time.sleep(0.1)
        assert pipeline.status().updates == 0
        assert pipeline.refresh()
        pipeline.configure(enable_real_time_updates=True)
        _until(lambda: pipeline.status().updates > 3)
        pipeline.configure(enable_real_time_updates=False)
        time.sleep(0.05)
        stood = pipeline.status().updates
        time.sleep(0.1)
        assert pipeline.status().updates == stood


def test_a_failing_source_is_asked_again_ever_more_rarely_and_ends_nothing(
    capsys: pytest.CaptureFixture[str], pipeline: DashboardDataPipeline, source: Counter, timer: FakeTimer
) -> None:
    source.fault = RuntimeError("the exchange's books are closed")

    pauses = []
    for _ in range(11):
        pause = pipeline.tick()
        assert pause is not None
        pauses.append(pause)
        timer.now += pause
    status = pipeline.status()
    source.fault = None
    pipeline.tick()

    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert (status.updates, status.failures) == (0, 11)
    assert status.fault == "RuntimeError: the exchange's books are closed"
    assert (pipeline.status().updates, pipeline.status().fault) == (1, "")
    # Eleven failures within 19 minutes, at most one line a minute.
    assert 1 < capsys.readouterr().err.count("update failed") < 11


def test_files_beyond_the_number_go_the_oldest_first(pipeline: DashboardDataPipeline, tmp_path: Path) -> None:
    mine = tmp_path / "dashboards" / "history" / "20200101-notes.json"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    pipeline.configure(max_cache_files=3)

    for _ in range(5):
        assert pipeline.refresh()

    kept = [json.loads((pipeline.history.folder / name).read_text()) for name in pipeline.history.names()]
    assert [one["metrics"]["number"] for one in kept] == [3, 4, 5]
    assert kept[0]["schema"] == "obs.metrics/1"
    assert kept[0]["taken_at"] == "2025-11-20T12:00:00.000Z"
    assert mine.read_text() == "mine"


def test_the_seed_s_folder_can_be_had(pipeline: DashboardDataPipeline, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "dashboard_cache"

    pipeline.configure(cache_directory=folder)
    pipeline.refresh()
    pipeline.configure(export_to_file=False)
    pipeline.refresh()

    assert len(list(folder.iterdir())) == 1
    assert not (tmp_path / "dashboards").exists()


def test_a_disk_that_refuses_costs_the_file_and_not_the_notice(
    pipeline: DashboardDataPipeline, tmp_path: Path
) -> None:
    (tmp_path / "dashboards").write_text("no folder")
    seen: list[object] = []
    pipeline.subscribe(seen.append)

    assert pipeline.refresh()
    assert pipeline.stop()

    assert seen == [Record(1)]
    assert pipeline.status().fault


def test_a_record_answers_until_it_is_as_old_as_the_cache_allows(
    pipeline: DashboardDataPipeline, timer: FakeTimer
) -> None:
    first = pipeline.metrics()
    timer.now += 299.9
    same = pipeline.metrics()
    timer.now += 0.1
    other = pipeline.metrics()
    pipeline.configure(cache_duration_minutes=0)

    assert [first, same, other, pipeline.metrics()] == [Record(1), Record(1), Record(2), Record(3)]


def test_a_source_without_a_record_makes_no_update(tmp_path: Path) -> None:
    pipeline = DashboardDataPipeline(source=lambda: None, directory=tmp_path)

    assert not pipeline.refresh()
    assert pipeline.metrics() is None
    assert (pipeline.status().updates, pipeline.status().fault) == (0, "")


def test_a_calculator_of_one_s_own_is_a_source(tmp_path: Path) -> None:
    class Calculator:
        def realtime(self) -> Record:
            return Record(7)

    pipeline = DashboardDataPipeline(source=Calculator(), directory=tmp_path)

    assert pipeline.metrics() == Record(7)


def test_without_a_source_it_is_what_the_sidecar_of_the_directory_knows(tmp_path: Path) -> None:
    day = recorded.shifted(recorded.kept(), end=time.time_ns() - 1_000_000_000)
    (tmp_path / "day.jsonl").write_text(recorded.lines(day))
    with Sidecar(tmp_path / ".obs", follow=[tmp_path / "day.jsonl"]) as sidecar:
        sidecar.flush()
        known = sidecar.snapshot().money
    assert known is not None

    pipeline = DashboardDataPipeline(directory=tmp_path / ".obs")

    assert pipeline.metrics().total_trades_today == known.total_trades_today
    assert pipeline.metrics().agent_performance == known.agent_performance != ()


def test_what_is_no_source_is_refused() -> None:
    with pytest.raises(TypeError, match="realtime"):
        DashboardDataPipeline(source=42)  # type: ignore[arg-type]


def test_a_raising_subscriber_costs_only_itself(
    capsys: pytest.CaptureFixture[str], pipeline: DashboardDataPipeline
) -> None:
    seen: list[object] = []

    def quits(record: object) -> None:
        raise SystemExit("bye")

    pipeline.subscribe(quits)
    pipeline.subscribe(seen.append)
    for _ in range(3):
        pipeline.refresh()
    assert pipeline.stop()

    assert seen == [Record(1), Record(2), Record(3)]
    status = pipeline.status()
    assert (status.delivered, status.subscriber_failures) == (3, 3)
    told = capsys.readouterr().err
    assert told.count("subscriber failed") == 1
    assert "quits" in told


def test_a_closed_standard_error_ends_nothing(
    pipeline: DashboardDataPipeline, source: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr("sys.stderr", closed)
    source.fault = RuntimeError("no")

    assert not pipeline.refresh()


def test_a_slow_subscriber_delays_nobody_and_loses_its_oldest(pipeline: DashboardDataPipeline) -> None:
    go = threading.Event()
    slow: list[int] = []
    quick: list[int] = []

    def waits(record: Record) -> None:
        go.wait(10)
        slow.append(record.number)

    pipeline.subscribe(waits)
    pipeline.subscribe(lambda record: quick.append(record.number))
    pipeline.refresh()
    _until(lambda: len(quick) == 1)
    for number in range(2, 21):
        pipeline.refresh()
        _until(lambda number=number: len(quick) == number)  # type: ignore[misc]
    go.set()
    assert pipeline.stop()

    assert quick == list(range(1, 21))
    assert slow == [1, *range(5, 21)]
    assert pipeline.status().undelivered == 3


def test_one_that_never_returns_is_left_behind(tmp_path: Path, source: Counter) -> None:
    go = threading.Event()
    pipeline = DashboardDataPipeline(source=source, directory=tmp_path)
    pipeline.subscribe(lambda record: go.wait(30))
    pipeline.refresh()
    began = time.monotonic()

    assert not pipeline.stop(timeout=0.1)

    assert time.monotonic() - began < 2
    go.set()
    assert pipeline.close()


def test_whoever_unsubscribed_hears_no_more(pipeline: DashboardDataPipeline) -> None:
    seen: list[object] = []
    end = pipeline.subscribe(seen.append)
    pipeline.subscribe(seen.append)
    pipeline.refresh()
    pipeline.stop()

    end()
    pipeline.refresh()

    assert seen == [Record(1)]
    assert not pipeline.unsubscribe(seen.append)
    assert (pipeline.status().subscribers, pipeline.status().delivered) == (0, 1)


def test_a_coroutine_runs_in_the_loop_that_subscribed_it(tmp_path: Path, source: Counter) -> None:
    seen: list[tuple[int, bool]] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        enough = asyncio.Event()

        async def note(record: Record) -> None:
            await asyncio.sleep(0)
            seen.append((record.number, asyncio.get_running_loop() is loop))
            if record.number == 3:
                enough.set()

        config = PipelineConfig(update_interval_seconds=0.02)
        pipeline = DashboardDataPipeline(config, source=source, directory=tmp_path)
        pipeline.subscribe(note)
        pipeline.start()
        await asyncio.wait_for(enough.wait(), 5)
        # From the loop that would have to run what still waits: it must not wait for itself.
        began = time.monotonic()
        assert pipeline.stop()
        assert time.monotonic() - began < 1
        pipeline.refresh()
        await asyncio.sleep(0.1)
        pipeline.close()

    asyncio.run(main())

    assert seen[:3] == [(1, True), (2, True), (3, True)]
    assert seen[-1][0] > 3


def test_a_coroutine_without_a_loop_gets_one(pipeline: DashboardDataPipeline) -> None:
    seen: list[int] = []

    async def note(record: Record) -> None:
        await asyncio.sleep(0)
        seen.append(record.number)

    pipeline.subscribe(note)
    pipeline.refresh()
    assert pipeline.stop()

    assert seen == [1]


def test_a_subscriber_whose_loop_has_ended_is_let_go(pipeline: DashboardDataPipeline) -> None:
    async def note(record: Record) -> None:
        await asyncio.sleep(0)

    async def main() -> None:
        pipeline.subscribe(note)

    asyncio.run(main())
    pipeline.refresh()

    assert pipeline.status().subscribers == 0


def test_a_subscriber_may_stop_the_pipeline(tmp_path: Path, source: Counter) -> None:
    config = PipelineConfig(update_interval_seconds=0.01)
    pipeline = DashboardDataPipeline(config, source=source, directory=tmp_path)
    pipeline.subscribe(lambda record: pipeline.stop())

    pipeline.start()

    _until(lambda: not pipeline.is_running)
    assert pipeline.close()


def test_a_source_that_hangs_does_not_hold_up_the_end_nor_comes_back(tmp_path: Path) -> None:
    go = threading.Event()
    asked: list[int] = []

    def source() -> Record:
        asked.append(1)
        go.wait(30)
        return Record(1)

    config = PipelineConfig(update_interval_seconds=0.01)
    pipeline = DashboardDataPipeline(config, source=source, directory=tmp_path)
    pipeline.start()
    _until(lambda: bool(asked))

    assert not pipeline.stop(timeout=0.05)
    go.set()
    time.sleep(0.1)

    assert len(asked) == 1


def _until(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.002)
