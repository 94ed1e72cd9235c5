"""The sidecar's side: rows wait while a store refuses, go when it starts over, and are never doubled."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from obs.history import chronicle as chronicles
from obs.history.chronicle import MOST_PARTS, Chronicle
from obs.history.queries import History
from obs.keeping.store import Store, StoreError
from obs.sidecar import Sidecar
from obs.spool_reader import SpoolBatch
from tests.history.rows import NOON, event, tell
from tests.spool_lines import Bot


def log_trades(directory: Path, first: int, count: int) -> None:
    bot = Bot(directory, "grid", pid=first + 1)
    for number in range(first, first + count):
        words = {"trade.id": f"t{number}", "pnl.net": "0.1", "currency": "USDT"}
        bot.say("closed", event_name="trade.closed", attributes=words)
        bot.say(f"tick {number}")
    bot.end()


def stored(directory: Path) -> tuple[int, dict[str, Decimal], int]:
    with closing(History(directory / "obs.db")) as history:
        totals = history.totals()
        return totals.trades, dict(totals.pnl), history.coverage().counted


def test_rows_are_stored_with_the_state_they_belong_to(tmp_path: Path) -> None:
    log_trades(tmp_path, 0, 20)

    with Sidecar(tmp_path) as sidecar:
        assert sidecar.flush()
        events = sidecar.state.events

    assert stored(tmp_path) == (20, {"USDT": Decimal("2.0")}, events)


def test_while_the_store_refuses_nothing_is_lost_and_in_the_end_no_more_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault 28: what may not be lost waits in memory up to a bound, and beyond it in the spool."""
    monkeypatch.setattr(chronicles, "MOST_BATCHES", 2)
    monkeypatch.setattr("obs.sidecar.sidecar.RETRY_SECONDS", 0.01)
    save = Store.save
    with Sidecar(tmp_path) as sidecar:
        monkeypatch.setattr(Store, "save", _refuse)
        for start in range(0, 60, 10):
            log_trades(tmp_path, start, 10)
            sidecar.flush(0.3)
        taken = sidecar.state.events

        monkeypatch.setattr(Store, "save", save)
        assert sidecar.flush(10)
        events = sidecar.state.events

    assert taken < events
    assert stored(tmp_path) == (60, {"USDT": Decimal("6.0")}, events)


def _refuse(*_: object) -> None:
    raise StoreError("obs.db cannot be used (database or disk is full): free some space on its disk")


def test_what_was_half_taken_is_taken_again_and_counted_once(tmp_path: Path) -> None:
    log_trades(tmp_path, 0, 30)
    with Sidecar(tmp_path) as sidecar:
        take = sidecar.intake.take

        def fail_after(batch: SpoolBatch) -> None:
            take(batch)
            raise RuntimeError("in the middle")

        sidecar.intake.take = fail_after  # type: ignore[method-assign]
        assert sidecar.step() == 0
        assert sidecar.flush()
        events = sidecar.state.events

    assert stored(tmp_path) == (30, {"USDT": Decimal("3.0")}, events)


def test_what_was_half_taken_while_the_store_refuses_is_forgotten_before_anything_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("obs.sidecar.sidecar.RETRY_SECONDS", 0.01)
    log_trades(tmp_path, 0, 30)
    save, load = Store.save, Store.load
    with Sidecar(tmp_path) as sidecar:
        take = sidecar.intake.take

        def fail_after(batch: SpoolBatch) -> None:
            take(batch)
            raise RuntimeError("in the middle")

        sidecar.intake.take = fail_after  # type: ignore[method-assign]
        monkeypatch.setattr(Store, "save", _refuse)
        monkeypatch.setattr(Store, "load", _refuse)
        assert sidecar.step() == 0
        assert not sidecar.flush(0.1)
        # A store that takes again, but cannot be read yet, must not be given what was half taken.
        monkeypatch.setattr(Store, "save", save)
        assert not sidecar.commit()

        monkeypatch.setattr(Store, "load", load)
        assert sidecar.flush()
        events = sidecar.state.events

    assert stored(tmp_path) == (30, {"USDT": Decimal("3.0")}, events)


def test_closed_batches_of_what_was_half_taken_are_not_stored(tmp_path: Path) -> None:
    log_trades(tmp_path, 0, 30)
    with Sidecar(tmp_path) as sidecar:
        take = sidecar.intake.take

        def close_and_fail(batch: SpoolBatch) -> None:
            take(batch)
            # As a store that refuses does: what waits is closed, numbered, and tried again.
            sidecar._chronicle.pending()
            raise RuntimeError("in the middle")

        sidecar.intake.take = close_and_fail  # type: ignore[method-assign]
        assert sidecar.step() == 0
        assert sidecar.flush()
        events = sidecar.state.events

    assert stored(tmp_path) == (30, {"USDT": Decimal("3.0")}, events)


def test_parts_without_end_are_counted_together() -> None:
    """A bot that names a part by an order id must not fill the store."""
    chronicle = Chronicle(clock=lambda: NOON)
    tell(chronicle, *(event(number, logger=f"order{number}") for number in range(MOST_PARTS + 500)))

    (batch,) = chronicle.pending()

    assert len(batch.rollups) == MOST_PARTS + 1
    assert sum(batch.rollups.values()) == MOST_PARTS + 500


def test_examples_that_wait_are_bounded_and_what_counts_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chronicles, "MOST_WAITING", 10)
    chronicle = Chronicle(clock=lambda: NOON)

    tell(chronicle, *(event(number, event_name="order.filled") for number in range(25)))

    (batch,) = chronicle.pending()
    assert (len(batch.exemplars), chronicle.unkept, sum(batch.rollups.values())) == (10, 15, 25)
