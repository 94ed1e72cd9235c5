"""A phone, a folder with recorded data, and runs in this process."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.trading.conftest import collected
from tests.trading.daily.stage import Phone, Stage, phone, recorded
from trading.bars import Bar
from trading.daily.running import run_daily
from trading.settings import load_settings


class Ran(NamedTuple):
    """What a run printed and how it ended."""

    code: int
    lines: list[str]
    records: list[logging.LogRecord]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


Run = Callable[..., Ran]


@pytest.fixture(scope="session")
def history(corpus: Path) -> dict[str, list[Bar]]:
    return recorded(corpus)


@pytest.fixture
def heard() -> Iterator[Phone]:
    with phone() as listening:
        yield listening


@pytest.fixture
def stage(tmp_path: Path, heard: Phone, history: dict[str, list[Bar]]) -> Stage:
    """A folder whose files hold every session up to 2025-01-10."""
    made = Stage(tmp_path / "stage", heard.port)
    made.put(history)
    return made


@pytest.fixture
def run(stage: Stage) -> Run:
    """Run at a time, in this process."""

    def ran(now: str, *, as_of: date | None = None, again: bool = False) -> Ran:
        time = int(datetime.fromisoformat(now).timestamp()) * 1_000_000_000
        lines: list[str] = []
        with collected() as records:
            settings = load_settings(stage.folder / "trading.toml")
            code = run_daily(settings, lambda: time, lines.append, as_of=as_of, again=again)
        return Ran(code, lines, list(records))

    return ran
