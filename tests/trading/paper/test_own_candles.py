"""Candles of your own: checked, aligned, and traded by the same bots with money in their currency."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.conftest import REPO
from tests.trading.conftest import START_NS, collected
from trading.__main__ import main
from trading.paper.faults import PLANS
from trading.paper.fleet import FLEET, run_bot
from trading.paper.own_candles import read_candles
from trading.paper.replay import LONGEST_GAP, MarketError

BEGIN = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)


def write(
    folder: Path, name: str, *, minutes: int = 400, price: float = 95e6, leave_out: range = range(0)
) -> None:
    """Write candles that rise and fall again within each hour."""
    rows = ["time,open,high,low,close,volume"]
    for minute in range(minutes):
        if minute in leave_out:
            continue
        at = price * (1 + 0.01 * abs(minute % 60 - 30) / 30)
        time = (BEGIN + timedelta(minutes=minute)).isoformat()
        rows.append(f"{time},{at:.0f},{at * 1.001:.0f},{at * 0.999:.0f},{at:.0f},500")
    (folder / f"{name}.csv").write_text("\n".join(rows) + "\n")


def test_a_bot_trades_candles_of_its_owner_with_money_that_fits_their_price(tmp_path: Path) -> None:
    write(tmp_path, "btc-krw")
    candles = read_candles(tmp_path, ["BTC/KRW"])

    with collected() as records:
        bot = run_bot(
            FLEET["grid-1"], start_ns=START_NS, duration_s=6000, faults=PLANS["none"], bars=candles.bars
        )

    filled = [vars(r) for r in records if getattr(r, "event_name", "") == "order.filled"]
    assert len(filled) >= 5
    assert {(each["symbol"], each["currency"]) for each in filled} == {("BTC/KRW", "KRW")}
    assert 410_000_000 < bot.day_start < 430_000_000
    assert bot.books.trades


def test_symbols_that_tell_no_currency_get_the_one_that_is_said(tmp_path: Path) -> None:
    write(tmp_path, "069500", price=40_000)
    candles = read_candles(tmp_path, ["069500"])

    bot = run_bot(
        FLEET["momo-2"],
        start_ns=START_NS,
        duration_s=600,
        faults=PLANS["none"],
        bars=candles.bars,
        quote="KRW",
    )

    assert bot.books.currency == "KRW"


def test_missing_minutes_are_flat_and_a_night_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, "a-usd", leave_out=range(100, 100 + LONGEST_GAP))
    write(tmp_path, "b-usd", leave_out=range(200, 201 + LONGEST_GAP))

    candles = read_candles(tmp_path, ["A/USD", "B/USD"])

    assert candles.count == 400 - LONGEST_GAP - 1
    assert [bar.volume for bar in candles.bars["A/USD"]].count(0) == LONGEST_GAP
    assert [bar.time for bar in candles.bars["A/USD"]] == [bar.time for bar in candles.bars["B/USD"]]


def test_what_was_wrong_with_a_file_is_an_event(tmp_path: Path) -> None:
    write(tmp_path, "a-usd")
    path = tmp_path / "a-usd.csv"
    lines = path.read_text().splitlines()
    lines[200] = ",".join([*lines[200].split(",")[:4], "-5", "1"])
    path.write_text("\n".join(lines) + "\n")

    command = ["run", "--paper", "--candles", str(tmp_path), "--symbols", "A/USD", "--bots", "grid-1"]
    with collected() as records:
        assert main(command) == 0

    (checked,) = [vars(r) for r in records if getattr(r, "event_name", "") == "data.checked"]
    assert (checked["symbol"], checked["data.fault"], checked["action"]) == (
        "A/USD",
        "not_positive",
        "dropped",
    )


def test_candles_without_a_minute_in_common_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "a-usd", minutes=100)
    write(tmp_path, "b-usd", minutes=200, leave_out=range(100))

    with pytest.raises(MarketError, match="no minute in common"):
        read_candles(tmp_path, ["A/USD", "B/USD"])


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--candles", "nowhere"], "no such file or folder"),
        (["--candles", "{}"], "no file of BTC/USD"),
        (["--candles", "{}/btc-krw.csv"], "say whose with --symbols"),
        (
            ["--candles", "{}", "--symbols", "BTC/KRW", "--duration", "7h"],
            "longer than the candles: use 1s to 339m",
        ),
        (["--symbols", "BTC/KRW"], "name them with --candles"),
        (
            ["--books", "nowhere/books.json", "--bots", "grid-1", "--duration", "1m"],
            "its folder does not exist or cannot be written",
        ),
    ],
)
def test_what_cannot_be_played_or_written_is_one_clear_line(
    tmp_path: Path, arguments: list[str], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, "btc-krw")

    code = main(["run", "--paper", *(argument.format(tmp_path) for argument in arguments)])

    (line,) = capsys.readouterr().err.splitlines()
    assert (code, word in line) == (2, True), line


def test_a_whole_fleet_writes_its_books_into_one_file(tmp_path: Path) -> None:
    write(tmp_path, "btc-krw")
    books = tmp_path / "books.json"
    command = [
        sys.executable,
        "-m",
        "trading",
        "run",
        "--paper",
        "--bots",
        "grid-1,maps-5",
        "--books",
        str(books),
    ]
    own = ["--candles", str(tmp_path), "--symbols", "BTC/KRW"]

    subprocess.run([*command, *own], cwd=REPO, check=True, capture_output=True, timeout=60)

    told = json.loads(books.read_text())
    assert [bot["bot"] for bot in told["bots"]] == ["grid-1", "maps-5"]
    assert list(told["totals"]) == ["KRW"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["books.json", "btc-krw.csv"]


def test_nothing_heavy_is_loaded_for_the_bundled_candles() -> None:
    code = (
        "import sys, trading.commands.run, trading.paper.fleet; "
        "print({'polars', 'numpy', 'pandas', 'ccxt', 'scipy', 'trading.market.files'} & set(sys.modules))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout == "set()\n"
