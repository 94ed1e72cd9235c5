"""A store is copied while it works, and comes back as it was."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from obs.history.backup import BackupError, backup, restore
from obs.history.queries import History
from obs.keeping.store import Change, Cursor, LifecycleEntry, Store
from tests.history.rows import call, credit, event, filled, trade

REMEMBERED = Change(
    checkpoints={"spool": {"aa": [[1, 7]]}},
    state=b"seven events",
    lifecycle=[LifecycleEntry(fingerprint="f1", status="archived", at=10)],
    cursors=[Cursor(reader="agent", looked=11)],
    notes={"started": "once"},
)


def fill(where: Path | str) -> None:
    with Store(where) as store:
        store.save(REMEMBERED)
        filled(
            store,
            *(event(number, f"order {number} filled", event_name="order.filled") for number in range(50)),
            trade(60, "10.5"),
            credit(61, 60, "analyst", "10.5"),
            call(62, "0.25"),
        )


def verify(where: Path | str) -> None:
    with Store(where) as store:
        saved = store.load()
        assert (saved.state, saved.checkpoints) == (REMEMBERED.state, REMEMBERED.checkpoints)
        assert (len(saved.lifecycle), len(saved.cursors), saved.notes["started"]) == (1, 1, "once")
        # New rows go on after the old ones.
        filled(store, event(100, "order 100 filled", event_name="order.filled"))
    with closing(History(where)) as history:
        assert [row.body for row in history.search("order", limit=2)] == [
            "order 100 filled",
            "order 49 filled",
        ]
        assert history.search("49")[0].seq < history.search("100")[0].seq
        totals = history.totals()
        assert (totals.pnl, totals.cost) == ({"USDT": Decimal("10.5")}, {"USD": Decimal("0.25")})
        assert len(history.agent_days()) == 2
        assert history.coverage().counted == 54


def test_a_store_comes_back_from_its_back_up(where: Path | str, tmp_path: Path) -> None:
    fill(where)
    copy = tmp_path / "copies" / "monday.db"
    size = backup(where, copy)
    with Store(where) as store:
        store.save(Change(state=b"spoiled"))

    restore(copy, where)

    verify(where)
    assert size == copy.stat().st_size
    assert copy.stat().st_mode & 0o077 == 0
    assert sorted(path.name for path in copy.parent.iterdir()) == ["monday.db"]


def test_a_back_up_of_a_server_opens_as_a_file(where: Path | str, tmp_path: Path) -> None:
    fill(where)

    backup(where, tmp_path / "elsewhere" / "obs.db")

    verify(tmp_path / "elsewhere" / "obs.db")


def test_a_back_up_is_whole_while_another_writes(tmp_path: Path) -> None:
    path = tmp_path / "obs.db"
    fill(path)
    with Store(path) as writer:
        writer.save(Change(state=b"eight events"))
        backup(path, tmp_path / "copy.db")
        writer.save(Change(state=b"nine events"))

    with Store(tmp_path / "copy.db") as copy:
        assert copy.load().state == b"eight events"


def test_what_is_no_back_up_is_refused_and_the_store_stays(tmp_path: Path) -> None:
    path = tmp_path / "obs.db"
    fill(path)
    (tmp_path / "letter.txt").write_text("dear store" * 1_000)

    with pytest.raises(BackupError, match=r"letter\.txt is no back-up of obs"):
        restore(tmp_path / "letter.txt", path)

    verify(path)


def test_the_store_that_was_replaced_is_kept_beside_it(tmp_path: Path) -> None:
    path = tmp_path / ".obs" / "obs.db"
    fill(path)
    backup(path.parent, tmp_path / "copy.db")
    with Store(path) as store:
        store.save(Change(state=b"later"))

    restore(tmp_path / "copy.db", path.parent)

    with Store(path.with_name("obs.db.before-restore")) as before:
        assert before.load().state == b"later"


def test_nothing_is_restored_under_a_running_sidecar(tmp_path: Path) -> None:
    from obs.sidecar import Sidecar

    with Sidecar(tmp_path / ".obs"):
        backup(tmp_path / ".obs", tmp_path / "copy.db")

        with pytest.raises(BackupError, match=r"is watched by process \d+: end it, then restore"):
            restore(tmp_path / "copy.db", tmp_path / ".obs")


def test_a_missing_store_is_said(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=r"obs\.db is not there"):
        backup(tmp_path, tmp_path / "copy.db")
