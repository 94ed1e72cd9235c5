"""A store of the first schema goes on with all it holds; a killed migration leaves old or new."""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

import obs.keeping.migrations
from obs.history.queries import History
from obs.history.tables import metadata
from obs.keeping.store import Change, LifecycleEntry, Store
from obs.keeping.store_tables import write
from tests.history.rows import event, filled

HELD = Change(
    checkpoints={"spool": {"aa": [[1, 7]]}},
    state=b"seven events" * 1_000,
    lifecycle=[LifecycleEntry(fingerprint="f1", status="archived", at=10, who="ann")],
    notes={"started": "once"},
)


def first_schema(where: Path | str) -> None:
    """Make a store as the first version left it, with rows in it."""
    assert obs.keeping.migrations.__file__
    config = Config()
    config.set_main_option("script_location", str(Path(obs.keeping.migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    engine = _engine(where)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        write(connection, HELD)
    engine.dispose()


def _engine(where: Path | str) -> sa.Engine:
    if isinstance(where, Path):
        where.parent.mkdir(parents=True, exist_ok=True)
        return sa.create_engine(f"sqlite:///{where}")
    from obs.keeping.store_address import parse
    from obs.keeping.store_server import engine_of

    address = parse(where)
    engine = engine_of(address, 5.0)
    with engine.begin() as connection:
        connection.exec_driver_sql(f'CREATE SCHEMA "{address.schema}"')
    return engine


def verify(where: Path | str) -> None:
    with Store(where) as store:
        saved = store.load()
        assert store.notices == []
        assert (saved.state, saved.checkpoints, saved.notes["started"]) == (
            HELD.state,
            HELD.checkpoints,
            "once",
        )
        assert saved.lifecycle == {"f1": HELD.lifecycle[0]}
        filled(store, event(1, "after the upgrade", event_name="order.filled"))
    with closing(History(where)) as history:
        assert [row.body for row in history.search("upgrade")] == ["after the upgrade"]


def test_a_store_of_the_first_schema_goes_on(where: Path | str) -> None:
    first_schema(where)

    verify(where)


def test_the_space_of_an_upgraded_file_can_be_given_back(tmp_path: Path) -> None:
    first_schema(tmp_path / "obs.db")

    verify(tmp_path / "obs.db")

    with closing(sqlite3.connect(tmp_path / "obs.db")) as raw:
        assert raw.execute("PRAGMA auto_vacuum").fetchone() == (2,)


def test_an_upgrade_killed_at_any_statement_leaves_the_old_or_the_new(
    where: Path | str, tmp_path: Path
) -> None:
    """Fault 39: by a real kill -9; the next opening finishes the work."""
    first_schema(where)
    deaths = 0
    for number in range(0, 60, 3):
        child = os.fork()
        if not child:
            _open_and_die_at(where, number)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != -signal.SIGKILL:
            break
        deaths += 1

    assert deaths > 8
    verify(where)


def _open_and_die_at(where: Path | str, number: int) -> None:
    left = number

    def die(*_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        sa.event.listen(sa.Engine, "before_cursor_execute", die)
        Store(where)
    finally:
        os._exit(0)


def test_the_migration_makes_what_the_code_names(where: Path | str) -> None:
    with Store(where) as store, store.reading() as connection:
        looked = sa.inspect(connection)
        for table in metadata.sorted_tables:
            made = {column["name"] for column in looked.get_columns(table.name)}
            assert {column.name for column in table.columns} <= made, table.name
            indexes = {str(index["name"]) for index in looked.get_indexes(table.name)}
            assert {str(index.name) for index in table.indexes} <= indexes, table.name


@pytest.mark.parametrize("damage", ["UPDATE notes SET key = 'x'", "DROP TABLE rollups"])
def test_a_history_that_is_damaged_does_not_keep_the_sidecar_from_its_state(
    tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "obs.db"
    with Store(path) as store:
        store.save(HELD)
    with closing(sqlite3.connect(path)) as raw:
        raw.execute(damage)
        raw.commit()

    with Store(path) as store:
        assert store.load().state == HELD.state
