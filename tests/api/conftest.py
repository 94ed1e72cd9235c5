"""A context over a drawn picture, and the app over it in process."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

import obs
from obs.api.app import application
from obs.api.board import Board
from obs.api.context import Context
from obs.api.tokens import Tokens
from obs.config import Settings
from obs.snapshot import Snapshot

LINES = (
    "2026-11-20 10:00:00,000 - bot - ERROR - order 1 rejected: insufficient balance",
    "2026-11-20 10:00:01,000 - bot - INFO - tick",
)


TOKEN = "t" * 43
CONTROL = {"Authorization": f"Bearer {TOKEN}"}


@functools.cache
def drawn() -> Snapshot:
    """The picture that all these tests share."""
    return obs.analyze(LINES)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    settings = Settings.model_validate({"dir": tmp_path / ".obs"})
    return Context(settings=settings, board=Board(drawn()), tokens=Tokens(control=TOKEN))


@pytest.fixture
def app(context: Context) -> FastAPI:
    return application(context)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, base_url="http://127.0.0.1:8080") as client:
        yield client
