"""The schema of the store, moved to the newest revision inside one transaction."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from obs.keeping.stored import MalformedError, StoreError

__all__ = ["SCHEMA", "migrate"]

SCHEMA = "0002"
"""Revision of the schema this code reads and writes: the newest in `obs.keeping.migrations`."""


def migrate(connection: sa.Connection, where: str) -> str:
    """Bring the tables to `SCHEMA`; the connection holds the transaction.

    Args:
        connection: Of any database.
        where: The store's name, for messages.

    Returns:
        The revision that was found; empty when there was nothing.

    Raises:
        StoreError: If it was written by a newer version.
        MalformedError: If there are tables that no revision made.
    """
    found = _revision(connection)
    if found == SCHEMA:
        return found
    # Imported here: 300 ms and 20 MB that only a first start or an upgrade needs.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    folder = Path(__file__).with_name("migrations")
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found and found not in known:
        raise StoreError(
            f"{where} has schema {found}, this obs knows {SCHEMA}: it was written by a newer version."
            " Install that version, or move the file away to start anew."
        )
    command.upgrade(config, SCHEMA)
    return found


def _revision(connection: sa.Connection) -> str:
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
        if connection.dialect.name == "sqlite"
        else "SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = current_schema()"
    )
    tables = connection.execute(sa.text(query)).scalars().all()
    if "alembic_version" not in tables:
        if tables:
            raise MalformedError("tables without a schema version")
        return ""
    return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() or "")
