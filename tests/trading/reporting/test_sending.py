"""The week's summary goes out once, however often the report is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.trading.notify.conftest import secret_file, telegram
from tests.trading.notify.standins import Standin
from trading.__main__ import main
from trading.store.store import Store

__all__ = ["telegram"]


def report(folder: Path) -> int:
    (folder / "trading.toml").write_text(
        '[market]\ncurrency = "USD"\n[paths]\nstore = "store"\n[notify]\nsecret = "secret/config.yaml"\n',
        encoding="utf-8",
    )
    options = ["--config", str(folder / "trading.toml"), "--date", "2025-11-07", "--send"]
    return main(["report", "weekly", *options])


def test_the_summary_is_sent_once(
    store: Store, tmp_path: Path, telegram: Standin, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secret").mkdir()
    secret_file(tmp_path / "secret", "telegram")

    assert [report(tmp_path), report(tmp_path)] == [0, 0]

    assert len(telegram.accepted) == 1
    assert "-3.85%" in str(telegram.accepted[0])
    assert capsys.readouterr().out.splitlines()[-1] == "message: sent (sent before)"


def test_without_channels_the_report_is_there_and_the_failure_told(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(tmp_path) == 1

    assert "nobody to tell" in capsys.readouterr().err
    assert (tmp_path / "reports" / "weekly" / "2025-11-09.md").exists()
