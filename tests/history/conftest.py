"""The same tests on both databases: a file, and a schema of a real server."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import PostgreSQL, postgresql

_SCHEMAS = itertools.count()


@pytest.fixture(scope="session")
def server() -> Iterator[PostgreSQL]:
    with postgresql() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where an empty store may be made."""
    if request.param == "sqlite":
        return tmp_path / ".obs" / "obs.db"
    server: PostgreSQL = request.getfixturevalue("server")
    return server.url(f"obs_{next(_SCHEMAS)}")
