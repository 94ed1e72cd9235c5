"""`python -m trading data`: what a person sees."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.trading.market.conftest import daily
from trading.__main__ import main
from trading.market.zones import session_day


@pytest.fixture
def config(tmp_path: Path) -> Path:
    bars = daily(60)
    (tmp_path / "bars").mkdir()
    rows = [",".join([f"{session_day(one.time)}", *map(str, one[1:])]) for one in bars]
    rows[20] = "2024-01-30,0,0,0,0,0"
    (tmp_path / "bars" / "069500.csv").write_text("\n".join(["date,open,high,low,close,volume", *rows]))
    (tmp_path / "universe.toml").write_text(
        '[[instrument]]\nsymbol = "069500"\nname = "KODEX 200"\n[[instrument]]\nsymbol = "114800"\n'
    )
    (tmp_path / "trading.toml").write_text('[data]\nfolder = "bars"\n[market]\nuniverse = "universe.toml"\n')
    return tmp_path / "trading.toml"


def test_check_tells_each_symbol_with_its_findings_and_fails_for_a_refused_one(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["data", "check", "--config", str(config), "--to", "2024-03-29"])

    out = capsys.readouterr().out
    assert code == 1
    assert "069500 KODEX 200: 59 bars, 2024-01-02 to 2024-03-28" in out
    assert "dropped  not_positive: 1 row with a price of 0 or less" in out
    assert "REFUSED  unreadable" in out
    assert out.endswith("1 of 2 refused\n")


def test_fetch_sums_up_and_points_to_check(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["data", "fetch", "069500", "--config", str(config), "--to", "2024-03-28"])

    out = capsys.readouterr().out
    assert code == 0
    assert "1 finding: python -m trading data check 069500" in out


def test_show_prints_the_newest_bars_as_a_strategy_gets_them(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["data", "show", "069500", "--config", str(config), "--to", "2024-01-31", "--last", "2"])

    lines = capsys.readouterr().out.splitlines()
    assert code == 0
    assert lines[2].split() == ["time", "open", "high", "low", "close", "volume"]
    assert [line.split()[0] for line in lines[3:5]] == ["2024-01-29", "2024-01-31"]


def test_a_file_that_is_not_in_use_yet_can_be_checked(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["data", "check", str(tmp_path / "bars" / "069500.csv"), "--config", str(config)])

    assert code == 0
    assert "069500: 59 bars" in capsys.readouterr().out


def test_a_market_that_never_closes_is_refused_under_the_wrong_calendar_and_read_under_its_own(
    corpus: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(corpus / "market/lean/crypto_coinbase_daily/btcusd_trade.zip")

    wrong = main(["data", "check", path, "--config", str(config)])
    right = main(["data", "check", path, "--config", str(config), "--calendar", "ALWAYS"])

    assert (wrong, right) == (1, 0)
    out = capsys.readouterr().out
    assert "REFUSED  off_session" in out
    assert "34 of 1352 bars are missing" in out


def test_wrong_input_ends_with_2_and_one_line(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (config.parent / "universe.toml").write_text("")

    code = main(["data", "check", "--config", str(config)])

    assert code == 2
    assert "the universe is empty" in capsys.readouterr().err


def test_days_the_wrong_way_round_are_wrong_input(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(
        ["data", "show", "069500", "--config", str(config), "--since", "2024-02-01", "--to", "2024-01-05"]
    )

    assert code == 2
    assert "--since 2024-02-01 lies after --to 2024-01-05" in capsys.readouterr().err


def test_a_file_is_judged_between_the_days_that_were_asked_for(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(config.parent / "bars/069500.csv")

    days = ("--since", "2024-01-10", "--to", "2024-01-25")
    assert main(["data", "check", file, "--config", str(config), *days]) == 0

    assert "069500: 12 bars, 2024-01-10 to 2024-01-25" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("names", "word"), [(["no.csv"], "no.csv: no such file"), (["FILE", "A"], "is none")]
)
def test_what_is_no_file_is_not_taken_for_one(
    names: list[str], word: str, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(config.parent / "bars/069500.csv")
    named = [name.replace("FILE", file) for name in names]

    assert main(["data", "check", *named, "--config", str(config)]) == 2

    assert word in capsys.readouterr().err
