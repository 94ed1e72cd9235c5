"""The history keeps its age and its quota, and says what went."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from obs.history.chronicle import Chronicle
from obs.history.queries import History
from obs.history.retention import SLICE, Bounds, Keeper
from obs.keeping.store import Store
from tests.history.rows import DAY, MINUTE, NOON, call, event, filled, tell, trade
from tests.history.rows import store as keep


@pytest.fixture
def opened(where: Path | str) -> Iterator[Store]:
    with Store(where) as store:
        yield store


def test_what_is_over_age_goes_and_the_rest_stays(where: Path | str, opened: Store, tmp_path: Path) -> None:
    chronicle = Chronicle(clock=lambda: NOON)
    tell(chronicle, event(1, "long ago"), trade(2, "5"), call(3, "0.5"))
    keep(opened, chronicle)
    later = Chronicle(1, clock=lambda: NOON + 20 * DAY)
    tell(later, event(4, "of late", at=NOON + 20 * DAY), trade(5, "7", at=NOON + 20 * DAY))
    keep(opened, later)

    keeper = Keeper(opened, tmp_path, Bounds(days=10), clock=lambda: NOON + 21 * DAY)
    keeper.work()

    with closing(History(where)) as history:
        # Of the money too: it goes by age, but by age alone.
        assert (history.totals().trades, history.totals().pnl) == (1, {"USDT": Decimal(7)})
        assert [row.body for row in history.search()] == ["closed", "of late"]
        assert history.search("long") == []
        assert history.coverage().counted == 2
        assert history.agent_days() == []
    assert keeper.said == ""


def test_a_recording_from_last_year_is_as_young_as_the_day_it_was_read(
    where: Path | str, opened: Store, tmp_path: Path
) -> None:
    filled(opened, event(1, "recorded", at=NOON - 400 * DAY))

    Keeper(opened, tmp_path, Bounds(days=10), clock=lambda: NOON + DAY).work()

    with closing(History(where)) as history:
        assert [row.body for row in history.search("recorded")] == ["recorded"]


def test_over_the_quota_the_oldest_examples_go_first_then_counts_and_money_never(tmp_path: Path) -> None:
    """On a file, where what is in use is known to the page."""
    path = tmp_path / ".obs" / "obs.db"
    with Store(path) as store:
        chronicle = Chronicle(clock=lambda: NOON)
        for number in range(3 * SLICE):
            text = f"order {number} " + "filled " * 60
            one = event(number, text, event_name="order.filled", at=NOON + number * 1_000_000_000)
            tell(chronicle, one)
        tell(chronicle, *(trade(number, "1", at=NOON) for number in range(10_000, 10_200)))
        keep(store, chronicle)
        store.fold_back()
        full = store.live_bytes()

        keeper = Keeper(store, path.parent, Bounds(quota=full // 2), clock=lambda: NOON)
        slices = 0
        while keeper.work() and slices < 50:
            slices += 1
        store.fold_back()
        kept = store.live_bytes()

        with closing(History(path)) as history:
            examples = history.search("order", limit=10_000)
            assert history.totals().trades == 200
            assert history.coverage().counted == 3 * SLICE + 200
        assert kept < full // 2
        assert 0 < len(examples) < 3 * SLICE
        assert examples[0].body.startswith(f"order {3 * SLICE - 1} ")
        assert "example events went, because the directory is at its quota" in keeper.said
        assert f"{3 * SLICE + 200 - history_kept(path):,} example events" in keeper.said

        # What was freed goes back to the disk.
        for _ in range(30):
            keeper.work()
        assert path.stat().st_size < full * 0.7

        again = Keeper(store, path.parent, Bounds(quota=1), clock=lambda: NOON)
        assert again.dropped == keeper.dropped
        for _ in range(20):
            again.work()
        with closing(History(path)) as history:
            assert history.search() == []
            assert history.totals().trades == 200


def history_kept(path: Path) -> int:
    with closing(History(path)) as history:
        return history.coverage().kept


def test_other_files_of_the_directory_count_and_the_spool_does_not(tmp_path: Path) -> None:
    directory = tmp_path / ".obs"
    with Store(directory / "obs.db") as store:
        keeper = Keeper(store, directory, Bounds(), clock=lambda: NOON)
        before = keeper.size()
        for name in ("spool/a.seg", "briefings/2025.md", "obs.db.malformed-1"):
            (directory / name).parent.mkdir(exist_ok=True)
            (directory / name).write_bytes(b"x" * 1_000)

        assert keeper.size() - before == 2_000


def test_counts_of_the_oldest_minutes_go_when_no_examples_are_left(tmp_path: Path) -> None:
    path = tmp_path / "obs.db"
    with Store(path) as store:
        chronicle = Chronicle(clock=lambda: NOON)
        times = [NOON + number * MINUTE for number in range(3 * SLICE)]
        chronicle.counted(times, event(1).severity, "bot", "grid")
        keep(store, chronicle)

        keeper = Keeper(store, tmp_path, Bounds(quota=1), clock=lambda: NOON)
        keeper.work()

        with closing(History(path)) as history:
            assert history.coverage().counted == 2 * SLICE
            assert history.series(24 * 90, now=times[-1])[0].time == times[SLICE]
        assert f"{SLICE:,} counts by minute" in keeper.said


def test_changed_bounds_hold_without_a_restart(tmp_path: Path) -> None:
    from obs.config import Settings
    from obs.opening import orders_of
    from obs.sidecar import Sidecar

    fresh = Settings.model_validate({"history_days": 7, "history_quota": "64MiB"})
    with Sidecar(tmp_path) as sidecar:
        sidecar.adopt(orders_of(fresh))

        assert sidecar._upkeep.keeper.bounds == Bounds(days=7, quota=64 * 2**20)
