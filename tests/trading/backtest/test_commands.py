"""`trading backtest` and `trading search`, as a user types them, on files of their own."""

from __future__ import annotations

import argparse
import csv
import io
import json
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from tests.trading.backtest.histories import walk
from trading.__main__ import main
from trading.bars import day_of, time_of
from trading.commands.asking import add_shared, learned_warning, loaded
from trading.commands.progress import Progress
from trading.logs import BotLog
from trading.sessions import load_sessions
from trading.settings import load_settings
from trading.signals.params import Params, load_params, save_params
from trading.store.store import open_store

Command = Callable[..., int]

DAYS = load_sessions("XNYS").between(date(2024, 1, 1), date(2024, 12, 31))
"""The sessions of the backtests; three tenths of these 252 are 76."""


@pytest.fixture
def trading(tmp_path: Path) -> Command:
    """The command line in a folder with three symbols over two years."""
    bars = tmp_path / "bars"
    bars.mkdir()
    days = load_sessions("XNYS").between(date(2023, 1, 1), date(2024, 12, 31))
    for seed, symbol in enumerate(("AAA", "BBB", "CCC")):
        with (bars / f"{symbol}.csv").open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["date", "open", "high", "low", "close", "volume"])
            for day, bar in zip(days, walk(seed, len(days), drift=0.001), strict=True):
                rows.writerow([day, *(round(value, 4) for value in bar[1:])])
    config = tmp_path / "trading.toml"
    config.write_text(
        '[data]\nfolder = "bars"\n[market]\ncalendar = "XNYS"\ncurrency = "USD"\n[account]\ncash = 100000.0\n'
        '[notify]\nlanguage = "en"\n',
        encoding="utf-8",
    )
    (tmp_path / "universe.toml").write_text('symbols = ["AAA", "BBB", "CCC"]\n', encoding="utf-8")

    def command(name: str, *options: str) -> int:
        period = [] if "--from" in options else ["--from", "2024-01-02", "--to", "2024-12-31"]
        return main([name, "--config", str(config), *period, *options])

    return command


def test_a_backtest_prints_its_figures_writes_its_page_and_is_kept(
    trading: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = trading("backtest", "--strategy", "sma_cross:5,20")

    said = capsys.readouterr().out
    assert code == 0
    assert "AAA, BBB, CCC; 2024-01-02 to 2024-12-31, 756 bars of 1d" in said
    with open_store(tmp_path / "data" / "monitoring") as store:
        (kept,) = store.backtests.find()
        result = store.backtests.result(kept.id)
    assert result is not None
    assert (kept.status, kept.strategy_id, kept.config["symbols"]) == (
        "completed",
        "sma_cross:5,20",
        ["AAA", "BBB", "CCC"],
    )
    counted = re.search(r"Trades closed (\d+), won (\d+)%; still open (\d+);", said)
    assert counted is not None
    assert int(counted[1]) + int(counted[3]) == result.trades
    assert counted[2] == f"{100 * (result.win_rate or 0):.0f}"
    assert f"{100 * result.total_return:.2f}%" in said
    page = next((tmp_path / "reports" / "backtests").glob("sma_cross-5-20-*.html"))
    assert f"Report: {page}" in said
    assert "sma_cross:5,20" in page.read_text(encoding="utf-8")


def test_the_same_backtest_twice_has_the_same_figures(
    trading: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = []
    for _ in range(2):
        trading("backtest", "--no-store", "--no-report", "--robust", "--seed", "4")
        outputs.append([line for line in capsys.readouterr().out.splitlines() if "Took" not in line])

    assert outputs[0] == outputs[1]
    assert "Robustness" in outputs[0]


def test_a_walk_forward_shows_each_window(trading: Command, capsys: pytest.CaptureFixture[str]) -> None:
    code = trading(
        "backtest", "--walk-forward", "120,60", "--trials", "2", "--no-store", "--no-report", "--seed", "1"
    )

    said = capsys.readouterr().out
    assert code == 0
    assert f"{DAYS[120]} to {DAYS[179]}" in said
    assert f"{DAYS[180]} to {DAYS[239]}" in said
    assert "Walk-forward efficiency" in said


def test_a_walk_forward_does_not_begin_with_parameters_found_on_the_whole_period(
    trading: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_params(tmp_path / "best_params.json", Params(entry=4.9))

    trading("backtest", "--walk-forward", "120,60", "--trials", "1", "--no-store", "--no-report")

    assert "parameters as shipped" in capsys.readouterr().out


def test_a_search_writes_what_it_found_what_was_searched_and_what_it_was_worth(
    trading: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = trading("search", "--trials", "4", "--only", "entry,exit", "--seed", "2")

    said = capsys.readouterr().out
    file = tmp_path / "best_params.json"
    about = json.loads(file.read_text(encoding="utf-8"))["about"]
    params = load_params(file)
    assert code == 0
    assert about["searched"] == {"entry": [0.5, 5.0], "exit": [-3.0, 0.5]}
    assert (about["seed"], about["period"]) == (2, ["2024-01-02", "2024-12-31"])
    assert about["out_of_sample"]["from"] == str(DAYS[-76])
    assert f"{about['out_of_sample']['sharpe']:.2f}" in said
    assert f"{about['in_sample']['sharpe']:.2f}" in said
    assert (params.slow, f"entry = {params.entry:.6g}" in said) == (Params().slow, True)


def test_parameters_that_are_replaced_are_kept_beside(
    trading: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_params(tmp_path / "best_params.json", Params(entry=1.25))

    trading("search", "--trials", "2", "--only", "entry")

    assert load_params(tmp_path / "best_params.before.json").entry == 1.25
    assert "best_params.before.json" in capsys.readouterr().out


def test_a_dry_search_writes_no_parameters(trading: Command, tmp_path: Path) -> None:
    assert trading("search", "--trials", "2", "--only", "entry", "--dry-run") == 0
    assert not (tmp_path / "best_params.json").exists()


def test_a_backtest_of_what_was_learned_there_warns(
    trading: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trading("search", "--trials", "2", "--only", "entry")
    trading("backtest", "--no-store")
    learned = capsys.readouterr().out
    trading("backtest", "--no-store", "--from", "2024-10-01", "--to", "2024-12-31")
    later = capsys.readouterr().out

    assert f"the parameters were found on sessions from 2024-01-02 to {DAYS[-76]}" in learned
    assert "the parameters were found" not in later
    page = next((tmp_path / "reports" / "backtests").glob("*.md"))
    assert f"to {DAYS[-76]}: what happened there" in page.read_text(encoding="utf-8")


def test_notes_of_a_person_are_no_warning(tmp_path: Path) -> None:
    save_params(tmp_path / "p.json", Params(), {"found": "by hand", "period": "last year"})

    assert learned_warning(tmp_path / "p.json", date(2024, 1, 1)) == ""
    assert learned_warning(None, date(2024, 1, 1)) == ""


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["backtest", "--symbols", "ZZZ"], "). Add it there."),
        (["backtest", "--strategy", "sma_cross:9,3"], "the fast mean must be shorter"),
        (["backtest", "--strategy", "hold", "--walk-forward", "10,5"], "has none to choose"),
        (["backtest", "--fee", "2"], "fee = 2.0: write it as a fraction"),
        (["backtest", "--walk-forward", "5000,20"], "are too few to train on 5000"),
        (["search", "--only", "entri"], '"entri" cannot be searched'),
        (["search", "--hold-back", "1.5"], "write a share"),
        (["search", "--trials", "0"], "trials = 0"),
    ],
)
def test_a_wrong_request_ends_with_two_and_one_line(
    trading: Command, capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    code = trading(*options)

    said = capsys.readouterr().err
    assert code == 2
    assert words in said
    assert len(said.splitlines()) == 1


def test_limits_made_for_shares_are_told_where_coins_are_traded(
    trading: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "trading.toml"
    told = []
    for calendar in ("XNYS", "ALWAYS"):
        config.write_text(config.read_text("utf-8").replace('"XNYS"', f'"{calendar}"'), encoding="utf-8")
        assert trading("backtest", "--no-store", "--no-report") == 0
        told.append(capsys.readouterr().out)

    assert [text.count("Look out:") for text in told] == [0, 1]
    assert '"max_volatility": 1.2' in told[1]


def test_a_backtest_that_fails_is_kept_as_failed(trading: Command, tmp_path: Path) -> None:
    trading("backtest", "--fee", "2")

    with open_store(tmp_path / "data" / "monitoring") as store:
        (kept,) = store.backtests.find()
    assert (kept.status, kept.error_type) == ("failed", "invalid")
    assert "fee = 2.0" in kept.error


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def test_progress_is_shown_on_a_terminal_and_gone_at_the_end() -> None:
    screen, pipe = Screen(), io.StringIO()

    for stream in (screen, pipe):
        with Progress("Search", 4, stream) as progress:
            progress.at(2, "best Sharpe 1.25")

    assert "Search ██████████████░░░░░░░░░░░░░░ 2/4" in screen.getvalue()
    assert "best Sharpe 1.25" in screen.getvalue()
    assert screen.getvalue().endswith("\r\x1b[K")
    assert pipe.getvalue() == ""


@pytest.mark.parametrize(
    ("moment", "last"),
    [
        # 2024-11-29 closed at 13:00 in New York, 18:00 UTC: at 17:59 the session before was the newest.
        ("2024-11-29T17:59:00", date(2024, 11, 27)),
        ("2024-11-29T18:00:00", date(2024, 11, 29)),
        # Saturday, and the early hours of UTC in which New York still trades.
        ("2024-11-30T12:00:00", date(2024, 11, 29)),
        ("2024-12-03T00:30:00", date(2024, 12, 2)),
    ],
)
def test_without_a_last_day_a_backtest_ends_at_the_exchanges_newest_closed_session(
    trading: Command, tmp_path: Path, moment: str, last: date
) -> None:
    settings = load_settings(tmp_path / "trading.toml")
    parser = argparse.ArgumentParser()
    add_shared(parser)
    options = parser.parse_args(["--from", "2024-01-02"])
    now = time_of(f"{moment}+00:00")

    data = loaded(options, settings, BotLog("backtest", "maps", mode="backtest"), lambda: now)

    assert day_of(data.times[-1]) == last
