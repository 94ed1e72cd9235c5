"""Fixtures that several test modules share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")

REPO = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of log collections; tests that read it skip, with a word, where it is absent."""
    folder = Path(os.environ.get("OBS_CORPUS_DIR", REPO.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no log collections at {folder}: set OBS_CORPUS_DIR to run this test")
    return folder
