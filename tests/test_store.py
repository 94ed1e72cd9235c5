"""The store keeps what belongs together in one transaction, and always opens."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

import obs.keeping.migrations
from obs.keeping.store import (
    SCHEMA,
    Change,
    Cursor,
    LifecycleEntry,
    Saved,
    Store,
    StoreBusyError,
    StoreError,
    StoreTakenError,
)

FIRST = Change(
    checkpoints={"spool": {"aa": [[1, 7]], "open": 3}},
    state=b"seven events",
    lifecycle=[
        LifecycleEntry(fingerprint="f1", status="archived", at=10, who="ann", why="known", expires=99)
    ],
    cursors=[Cursor(reader="agent", looked=11, digest="d", snapshot='{"issues": []}')],
    notes={"started": "once"},
)

NEXT = Change(
    checkpoints={"spool": {"aa": [[1, 9]]}, "file:b.log": {"offset": 9}},
    state=b"nine events" * 5_000,
    lifecycle=[LifecycleEntry(fingerprint=f"f{number}", status="new", at=12) for number in range(200)],
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".obs" / "obs.db"


@pytest.fixture
def filled(path: Path) -> Path:
    with Store(path) as store:
        store.save(FIRST)
    return path


def everything(path: Path) -> Saved:
    with Store(path) as store:
        return store.load()


def test_what_was_saved_is_there_after_opening_again(filled: Path) -> None:
    found = everything(filled)

    assert found == Saved(
        checkpoints=FIRST.checkpoints,
        state=FIRST.state,
        lifecycle={"f1": FIRST.lifecycle[0]},
        cursors={"agent": FIRST.cursors[0]},
        notes=FIRST.notes,
    )


def test_a_new_store_is_empty_and_for_the_owner_only(path: Path) -> None:
    with Store(path) as store:
        found = store.load()
        modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}

    assert found == Saved(checkpoints={}, state=None, lifecycle={}, cursors={}, notes={})
    assert set(modes.values()) == {0o600}
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_save_that_fails_half_way_writes_nothing_of_itself(filled: Path) -> None:
    broken = Change(
        checkpoints={"spool": {"aa": [[1, 9]]}},
        state=b"nine events",
        cursors=[Cursor(reader=None, looked=12)],  # type: ignore[arg-type]
    )

    with Store(filled) as store, pytest.raises(StoreError):
        store.save(broken)

    assert everything(filled).state == FIRST.state
    assert everything(filled).checkpoints == FIRST.checkpoints


def test_a_source_that_is_gone_is_forgotten(filled: Path) -> None:
    with Store(filled) as store:
        store.save(Change(checkpoints={"spool": None, "file:a.log": {"offset": 5}}))

    assert everything(filled).checkpoints == {"file:a.log": {"offset": 5}}


def test_of_two_decisions_on_one_issue_the_later_stands(filled: Path) -> None:
    earlier = LifecycleEntry(fingerprint="f1", status="ongoing", at=9)
    later = LifecycleEntry(fingerprint="f1", status="resolved", at=11)

    with Store(filled) as store:
        store.save(Change(lifecycle=[earlier]))
        after_earlier = store.load().lifecycle["f1"].status
        store.save(Change(lifecycle=[later]))
        after_later = store.load().lifecycle["f1"].status

    assert (after_earlier, after_later) == ("archived", "resolved")


def test_two_processes_may_write_in_turn(filled: Path) -> None:
    with Store(filled) as sidecar, Store(filled) as command:
        command.save(Change(cursors=[Cursor(reader="cli", looked=20)]))
        sidecar.save(Change(state=b"eight events"))

        assert set(sidecar.load().cursors) == {"agent", "cli"}
        assert command.load().state == b"eight events"


def test_a_locked_store_is_reported_after_the_busy_limit(filled: Path) -> None:
    """Fault 38: a second writer that never ends costs a save, not the sidecar."""
    with Store(filled, busy_seconds=0.1) as store, closing(sqlite3.connect(filled)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusyError, match="locked by another process"):
            store.save(Change(state=b"eight events"))
        other.rollback()
        store.save(Change(state=b"eight events"))

    assert everything(filled).state == b"eight events"


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: b"", id="emptied"),
        pytest.param(lambda data: b"not a database, but a letter" * 40, id="foreign"),
        pytest.param(lambda data: data[: len(data) // 2], id="truncated"),
        pytest.param(lambda data: data[:100] + b"\xff" * (len(data) - 100), id="scrambled"),
        pytest.param(lambda data: data.replace(b"seven events", b"eleven event"), id="state"),
        pytest.param(lambda data: data.replace(b"[[1,7]]", b"[[1,8]]"), id="checkpoint"),
    ],
)
def test_a_malformed_store_is_set_aside_and_said(filled: Path, damage: object) -> None:
    """Fault 38: it always opens; what was damaged is kept for a person to look at."""
    assert callable(damage)
    filled.write_bytes(damage(filled.read_bytes()))

    with Store(filled) as store:
        found, notices = store.load(), list(store.notices)
        store.save(FIRST)

    assert found.state is None
    assert everything(filled).state == FIRST.state
    if notices:
        assert "was malformed" in notices[0]
        assert len(list(filled.parent.glob("obs.db.malformed-*"))) == 1
    else:
        # An empty file is what SQLite itself calls a new database.
        assert damage(b"x") == b""


def test_any_flipped_byte_gives_the_old_content_or_a_new_store(filled: Path, tmp_path: Path) -> None:
    """Fault 38: a sample of single-byte flips; the content is whole or gone, never something else."""
    data = filled.read_bytes()
    whole = everything(filled)
    copy = tmp_path / "copy" / "obs.db"
    copy.parent.mkdir()
    wrong = []

    for position in (*range(0, 100, 3), *range(100, len(data), 397)):
        copy.write_bytes(data[:position] + bytes([data[position] ^ 0x20]) + data[position + 1 :])
        with Store(copy) as store:
            found = store.load()
            store.save(NEXT)
            assert store.load().state == NEXT.state, f"byte {position} cannot be lived with"
        if (found.state, found.checkpoints) not in [(whole.state, whole.checkpoints), (None, {})]:
            wrong.append((position, found))
        shutil.rmtree(copy.parent)
        copy.parent.mkdir()

    assert wrong == []


def test_only_the_newest_malformed_files_are_kept(filled: Path) -> None:
    for _ in range(5):
        filled.write_bytes(b"garbage" * 1000)
        Store(filled).close()

    assert len(list(filled.parent.glob("obs.db.malformed-*"))) == 3


def test_a_store_of_a_newer_version_is_refused_and_left_alone(filled: Path) -> None:
    with closing(sqlite3.connect(filled)) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
        raw.commit()
    before = filled.read_bytes()

    with pytest.raises(StoreError, match=r"has schema 9999, this obs knows 0002.*newer version"):
        Store(filled)

    assert filled.read_bytes() == before


def test_a_deleted_store_is_noticed_and_written_anew(filled: Path) -> None:
    with Store(filled) as store:
        filled.unlink()
        assert not store.is_intact()
        store.reopen()
        store.save(FIRST)
        assert store.is_intact()
        assert store.notices == ["obs.db was deleted or replaced while in use; written anew"]

    assert everything(filled).state == FIRST.state


def test_a_path_that_cannot_be_a_store_is_named_with_the_mend(tmp_path: Path) -> None:
    (tmp_path / "obs.db").mkdir()

    with pytest.raises(StoreError, match=r"obs\.db cannot be opened .*: check the folder"):
        Store(tmp_path / "obs.db")


def test_a_held_reader_does_not_keep_the_store_from_being_written(filled: Path) -> None:
    """Fault 38: the write-ahead log grows under a held reader, and shrinks again after it."""
    with Store(filled) as store, closing(sqlite3.connect(filled)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM state").fetchone()
        for number in range(20):
            store.save(Change(state=bytes([number]) * 100_000))
        held = store.wal_bytes
        reader.rollback()
        for _ in range(20):
            store.save(Change(state=b"after" * 20_000))

        assert held > 1_000_000
        assert store.wal_bytes < held * 2


def statements(path: Path) -> int:
    """How many statements opening a new store takes."""
    return len(list(_counted(path)))


def _counted(path: Path) -> Iterator[str]:
    seen: list[str] = []

    def note(conn: object, cursor: object, statement: str, *rest: object) -> None:
        seen.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        Store(path).close()
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    return iter(seen)


def _open_and_die_at(path: Path, number: int) -> int:
    """Open a store in a child that is killed before its n-th statement; returns the signal it died of."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    left = number

    def die(*_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    sa.event.listen(sa.Engine, "before_cursor_execute", die)
    try:
        Store(path)
    finally:
        os._exit(0)


def test_a_migration_killed_at_any_statement_leaves_nothing_or_all(tmp_path: Path) -> None:
    """Fault 39: old or new, never between; the next opening finishes the work."""
    count = statements(tmp_path / "counted.db")
    assert count > 8

    for number in range(count):
        path = tmp_path / f"{number}.db"
        assert _open_and_die_at(path, number) == -signal.SIGKILL
        with closing(sqlite3.connect(path)) as raw:
            tables = {row[0] for row in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        assert tables in (
            set(),
            {"alembic_version", "checkpoint", "state", "lifecycle", "cursors", "notes"},
        ), f"killed at statement {number}"
        with Store(path) as store:
            store.save(FIRST)
            assert store.notices == []
            assert store.load().state == FIRST.state


def test_a_save_killed_at_any_statement_leaves_the_old_or_the_new(filled: Path, tmp_path: Path) -> None:
    """Fault 23: checkpoint and State never part."""
    new = Change(checkpoints={"spool": {"aa": [[1, 9]]}}, state=b"nine events", notes={"started": "twice"})
    outcomes = set()
    for number in range(8):
        copy = tmp_path / f"copy{number}.db"
        shutil.copy(filled, copy)
        child = os.fork()
        if not child:
            left = number
            store = Store(copy)

            def die(*_: object) -> None:
                nonlocal left
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

            try:
                sa.event.listen(sa.Engine, "before_cursor_execute", die)
                store.save(new)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        found = everything(copy)
        outcomes.add((found.state, str(found.checkpoints["spool"]["aa"]), found.notes["started"]))

    assert outcomes == {
        (b"seven events", "[[1, 7]]", "once"),
        (b"nine events", "[[1, 9]]", "twice"),
    }


def test_the_schema_number_is_the_newest_revision() -> None:
    config = Config()
    assert obs.keeping.migrations.__file__
    config.set_main_option("script_location", str(Path(obs.keeping.migrations.__file__).parent))
    config.set_main_option("path_separator", "os")

    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA


def test_opening_a_store_of_the_present_schema_does_not_load_alembic(filled: Path) -> None:
    """The migration tool costs 20 MB and 300 ms: only a first start or an upgrade pays for it."""
    code = (
        "import pathlib, sys; from obs.keeping.store import Store;"
        f"Store(pathlib.Path({str(filled)!r})).close(); print('alembic' in sys.modules)"
    )
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert seen.stdout.strip() == "False"


def test_after_another_sidecar_has_claimed_the_store_the_first_cannot_overwrite_it(filled: Path) -> None:
    """Fault 30: a reader thought dead that wakes up again."""
    with Store(filled) as sleeper, Store(filled) as successor:
        sleeper.claim("sleeper")
        found = successor.claim("successor")
        successor.save(Change(state=b"eight events", owner="successor"))

        with pytest.raises(StoreTakenError, match="another sidecar has taken over"):
            sleeper.save(Change(state=b"late events", owner="sleeper"))

        assert found.state == FIRST.state
        assert successor.load().state == b"eight events"


def test_what_another_process_wrote_shows_in_the_change_number(filled: Path) -> None:
    with Store(filled) as store, Store(filled) as other:
        before = store.changes_elsewhere()
        store.save(Change(state=b"own"))
        after_own = store.changes_elsewhere()
        other.save(Change(cursors=[Cursor(reader="cli", looked=1)]))

        assert after_own == before
        assert store.changes_elsewhere() != before
