"""The files of the store: their tables, migrations, rights and locks."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
import zipfile
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from trading.store import tables
from trading.store.database import NEWEST, Database, Kind, StoreError
from trading.store.locks import TakenError, locked
from trading.store.store import open_store

REPO = Path(__file__).resolve().parents[3]
KINDS: list[Kind] = ["signals", "performance"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_migrations_make_exactly_the_tables_that_the_code_uses(kind: Kind, tmp_path: Path) -> None:
    database = Database(tmp_path / "x.db", kind)

    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, getattr(tables, kind))

    assert differences == []
    database.close()


@pytest.mark.parametrize("kind", KINDS)
def test_the_checks_of_the_tables_came_with_the_migrations(kind: Kind, tmp_path: Path) -> None:
    database = Database(tmp_path / "x.db", kind)
    metadata: sa.MetaData = getattr(tables, kind)

    with database.reading() as connection:
        found = {
            name: {check["sqltext"] for check in sa.inspect(connection).get_check_constraints(name)}
            for name in metadata.tables
        }

    wanted = {
        name: {str(check.sqltext) for check in table.constraints if isinstance(check, sa.CheckConstraint)}
        for name, table in metadata.tables.items()
    }
    assert found == wanted
    database.close()


def test_only_the_owner_may_read_the_store(tmp_path: Path) -> None:
    folder = tmp_path / "store"

    with open_store(folder) as store:
        store.journal.begin(date(2025, 1, 2), 1)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert set(modes.values()) == {0o600}
    assert {"signals.db", "performance.db", "signals.db-wal"} <= set(modes)


def test_a_store_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    with sqlite3.connect(tmp_path / "signals.db") as raw:
        raw.execute("UPDATE alembic_version SET version_num = 's9999'")
    raw.close()

    with pytest.raises(
        StoreError, match=r"signals\.db: its tables are of revision s9999.*Install the version"
    ):
        open_store(tmp_path)


def test_a_file_of_something_else_is_refused_by_name(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "performance.db") as raw:
        raw.execute("CREATE TABLE photos (id INTEGER)")
    raw.close()
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "signals.db").write_text("no database" * 100)

    with pytest.raises(StoreError, match=r"performance\.db: it has tables of something else \(photos\)"):
        open_store(tmp_path)
    with pytest.raises(StoreError, match=r"signals\.db: file is not a database.*trading store restore"):
        open_store(tmp_path / "text")


def test_a_row_that_hangs_on_nothing_is_refused(tmp_path: Path) -> None:
    with open_store(tmp_path) as store, pytest.raises(sa.exc.IntegrityError):
        store.journal.begin_step(date(2025, 1, 2), 1, "as-of", 1)


def test_an_opened_store_needs_no_alembic(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    program = (
        "import sys; from pathlib import Path; from trading.store.store import open_store\n"
        f"open_store(Path({str(tmp_path)!r})).close()\n"
        "print([name for name in ('alembic', 'polars', 'numpy', 'jinja2') if name in sys.modules])"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPO, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def test_two_that_make_the_store_at_once_both_get_it(tmp_path: Path) -> None:
    errors: list[BaseException] = []

    def opening() -> None:
        try:
            open_store(tmp_path).close()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=opening) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    with sqlite3.connect(tmp_path / "signals.db") as raw:
        assert raw.execute("SELECT version_num FROM alembic_version").fetchall() == [(NEWEST["signals"],)]
    raw.close()


def test_a_lock_names_its_holder_and_ends_with_its_process(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from trading.store.locks import locked\n"
        f"with locked(Path({str(tmp_path / 'lock')!r}), 'a daily run'):\n"
        "    print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=REPO, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()

        with (
            pytest.raises(TakenError, match=rf"a daily run is at work already \(process {holder.pid}\)"),
            locked(tmp_path / "lock", "a daily run"),
        ):
            pass
        holder.kill()

    with locked(tmp_path / "lock", "a daily run"):
        assert (tmp_path / "lock").read_text() == str(os.getpid())


@pytest.mark.slow
def test_the_built_wheel_holds_the_migrations(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=REPO / "trading",
        check=True,
        capture_output=True,
    )

    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()

    assert {
        "trading/store/migrations/env.py",
        "trading/store/migrations/signals/s0001_first.py",
        "trading/store/migrations/performance/p0001_first.py",
    } <= set(names)
