"""Bars are read from files as people, brokers and programs write them; else the place is named."""

from __future__ import annotations

import gzip
import math
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trading.market.conftest import DAY, HOUR
from trading.bars import Bar, time_of
from trading.market.files import FilesError, FileSource, read_bars
from trading.market.frames import Reading
from trading.market.source import EmptyAnswerError, Interval

SEOUL = ZoneInfo("Asia/Seoul")
FIRST, LAST = date(1990, 1, 1), date(2030, 1, 1)
TWO = [
    Bar(time_of(date(2024, 1, 2)), 30500.0, 30800.0, 30400.0, 30700.0, 1234567.0),
    Bar(time_of(date(2024, 1, 3)), 30700.0, 30900.0, 30100.0, 30200.0, 2345678.0),
]


def read(path: Path, interval: Interval = "1d", **given: Any) -> list[Bar]:
    return read_bars(path, Reading("069500", interval, SEOUL, **given))


def test_a_plain_csv_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("Date,Open,High,Low,Close,Adj Close,Volume\n"
                    "2024-01-02,30500,30800,30400,30700,15350,1234567\n"
                    "2024-01-03,30700,30900,30100,30200,15100,2345678\n")  # fmt: skip

    assert read(path) == TWO
    assert read(path, adjusted=True)[0] == Bar(TWO[0].time, 15250.0, 15400.0, 15200.0, 15350.0, 1234567.0)


@pytest.mark.parametrize(
    ("name", "text", "encoding"),
    [
        (
            "Korean headers, thousands, a mark at the beginning, slashes, newest first",
            '날짜,시가,고가,저가,종가,거래량\n2024/01/03,"30,700","30,900","30,100","30,200","2,345,678"\n'
            '2024/01/02,"30,500","30,800","30,400","30,700","1,234,567"\n',
            "utf-8-sig",
        ),
        (
            "a Korean spreadsheet",
            '일자,종가,시가,고가,저가,거래량\n2024.01.02,"30,700원","30,500원","30,800원","30,400원","1,234,567"\n'
            '2024.01.03,"30,200원","30,700원","30,900원","30,100원","2,345,678"\n',
            "cp949",
        ),
        (
            "decimal commas",
            "Date;Open;High;Low;Close;Volume\n02.01.2024;30500,0;30800,0;30400,0;30700,0;1.234.567\n"
            "03.01.2024;30700,0;30900,0;30100,0;30200,0;2.345.678\n",
            "utf-8",
        ),
        (
            "a web page's export",
            '"날짜","종가","오픈","고가","저가","거래량","변동 %"\n'
            '"2024- 01- 02","30,700.0","30,500.0","30,800.0","30,400.0","1.234567M","0.5%"\n'
            '"2024- 01- 03","30,200.0","30,700.0","30,900.0","30,100.0","2345.678K","-1.6%"\n',
            "utf-8",
        ),
        (
            "months by name",
            "Date\tOpen\tHigh\tLow\tLast\tVol.\nJan 02, 2024\t30500\t30800\t30400\t30700\t1234567\n"
            "03-Jan-2024\t30700\t30900\t30100\t30200\t2345678\n",
            "utf-16",
        ),
        (
            "packed dates, headers in brackets",
            "<DATE>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>\n20240102,30500,30800,30400,30700,1234567\n"
            "20240103,30700,30900,30100,30200,2345678\n",
            "utf-8",
        ),
        (
            "an unnamed index and a time of day",
            ",open,high,low,close,volume\n2024-01-02 00:00:00,30500,30800,30400,30700,1234567\n"
            "2024-01-03 15:30:00,30700,30900,30100,30200,2345678\n",
            "utf-8",
        ),
        (
            "milliseconds, no header",
            "1704153600000,30500,30800,30400,30700,1234567\n1704240000000,30700,30900,30100,30200,2345678\n",
            "utf-8",
        ),
        (
            "what Binance publishes",
            "1704153600000,30500,30800,30400,30700,1234567,1704239999999,1,2,3,4,0\n"
            "1704240000000000,30700,30900,30100,30200,2345678,1704326399999999,1,2,3,4,0\n",
            "utf-8",
        ),
        (
            "dollars of a web page",
            "Date,Close/Last,Volume,Open,High,Low\n"
            "01/02/2024,$30700.00,1234567,$30500.00,$30800.00,$30400.00\n"
            "01/03/2024,$30200.00,2345678,$30700.00,$30900.00,$30100.00\n01/31/2024,$1,1,$1,$1,$1\n",
            "utf-8",
        ),
        (
            "blank lines, blanks around cells",
            "\n timestamp , open,high,low,close,volume\n\n1704153600, 30500 ,30800,30400,30700,1234567\n"
            "1704240000,30700,30900,30100,30200,2345678\n\n",
            "utf-8",
        ),
        (
            "many symbols in one file",
            "date,ticker,open,high,low,close,volume\n2024-01-02,069500,30500,30800,30400,30700,1234567\n"
            "2024-01-02,114800,1,1,1,1,1\n2024-01-03,069500,30700,30900,30100,30200,2345678\n",
            "utf-8",
        ),
        (
            "months first, since one day shows it",
            "Date,Open,High,Low,Close,Volume\n01/02/2024,30500,30800,30400,30700,1234567\n"
            "01/03/2024,30700,30900,30100,30200,2345678\n01/31/2024,1,1,1,1,1\n",
            "utf-8",
        ),
    ],
)
def test_spellings_of_the_same_two_bars_are_the_same_bars(
    tmp_path: Path, name: str, text: str, encoding: str
) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(text.encode(encoding))

    assert sorted(read(path))[:2] == TWO, name


def test_times_without_a_zone_are_those_of_the_market_and_others_keep_their_own(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(
        "datetime,open,high,low,close,volume\n2024-01-02 09:00,1,1,1,1,1\n"
        "2024-01-02T09:01:00+09:00,1,1,1,1,1\n2024-01-02T00:02:00Z,1,1,1,1,1\n"
        "2024-01-02 00:03:00.500 UTC,1,1,1,1,1\n202401020904,1,1,1,1,1\n"
    )

    times = [one.time - time_of(date(2024, 1, 2)) for one in read(path, "1m")]

    assert times == [0, 60 * 10**9, 120 * 10**9, 180_500_000_000, 240 * 10**9]


def test_a_date_and_a_time_in_columns_of_their_own_are_one_time(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(
        "일자,시간,시가,고가,저가,종가,거래량\n20240102,901,1,1,1,1,1\n20240102,153000,1,1,1,1,1\n"
    )

    assert [one.time for one in read(path, "1m")] == [
        time_of(date(2024, 1, 2)) + 60 * 10**9,
        time_of(date(2024, 1, 2)) + 6 * HOUR + HOUR // 2,
    ]


def test_a_blank_cell_is_no_number_and_left_to_the_check(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("date,open,high,low,close,volume\n2024-01-02,1,2,,-,N/A\n")

    (one,) = read(path)

    assert (one.open, one.high) == (1, 2)
    assert all(map(math.isnan, (one.low, one.close, one.volume)))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("date,open,high,low,close,volume\n", "not one row"),
        ("date,open,high,low,close\n2024-01-02,1,2,0.5,eins\n", "line 2, column close: 'eins' is no number"),
        ("date,open,high,low,close\ngestern,1,2,0.5,1\n", "line 2: 'gestern' is no time"),
        ("date,open,high,low,close\n2024-02-30,1,2,0.5,1\n", "line 2: '2024-02-30' is no time"),
        ("date,open,high,low,close\n2024-01-02,1,2,0.5,1\n2024-01-03,1,2\n", "line 3 has 3 cells"),
        ("date,open,high,close\n2024-01-02,1,2,1\n", "no low"),
        ("day of trade,price paid\n1,2\n", "no column of times"),
        ("date,preis\n2024-01-02,1\n", "neither a column close nor one of 069500"),
        ("date,close\n01/02/2024,1\n", "may begin with the day or the month"),
        ("date;open;high;low;close\n2024-01-02;1,500;1,600;1,400;1,500\n", "[data] decimal"),
        ('date,close\n2024-01-02,"1,5"\n2024-01-03,"1,234.5"\n', "different decimal signs"),
        ("symbol,date,close\n114800,2024-01-02,1\n", "no row of 069500, but of 114800"),
        ('date,close\n2024-01-02,"1\n', "line"),
    ],
)
def test_what_cannot_be_read_names_file_place_and_mend(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text)

    with pytest.raises(FilesError) as caught:
        read(path)

    assert says in str(caught.value)
    assert "x.csv" in str(caught.value)


def test_an_unclear_decimal_sign_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("date;close\n2024-01-02;1,500\n")

    assert (read(path, decimal=",")[0].close, read(path, decimal=".")[0].close) == (1.5, 1500.0)


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz", "x.zip", "x.parquet"])
def test_half_a_file_and_no_file_of_its_kind_are_said(tmp_path: Path, name: str) -> None:
    whole = tmp_path / "whole.parquet"
    pl.DataFrame({"date": [date(2024, 1, 2)] * 500, "close": [float(n) for n in range(500)]}).write_parquet(
        whole
    )
    half = {
        "x.csv": b"\x80\x81\xff\x00\x01",
        "x.csv.gz": gzip.compress(b"date,close\n2024-01-02,1\n" * 500)[:-20],
        "x.zip": b"PK\x03\x04half",
        "x.parquet": whole.read_bytes()[:-200],
    }[name]
    (tmp_path / name).write_bytes(half)

    with pytest.raises(FilesError, match=name):
        read(tmp_path / name)


@pytest.mark.parametrize(
    "column",
    [
        pl.Series("날짜", [date(2024, 1, 2), date(2024, 1, 3)]),
        pl.Series("Date", ["2024-01-02", "2024-01-03"]),
        pl.Series("timestamp", [1704153600000, 1704240000000]),
        pl.Series("datetime", [date(2024, 1, 2), date(2024, 1, 3)]).cast(pl.Datetime("us")),
        pl.Series("time", [date(2024, 1, 2), date(2024, 1, 3)]).cast(pl.Datetime("ns", "UTC")),
    ],
)
def test_parquet_files_of_others_are_read_by_the_same_names(tmp_path: Path, column: pl.Series) -> None:
    path = tmp_path / "x.parquet"
    columns: dict[str, list[float | None]] = {
        name: [one[at] for one in TWO]
        for at, name in enumerate(("open", "high", "low", "close", "volume"), 1)
    }
    pl.DataFrame([column, *(pl.Series(name, values) for name, values in columns.items())]).write_parquet(path)

    assert read(path) == TWO


def test_minutes_in_parquet_without_a_zone_are_those_of_the_market(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    day = pl.Series("datetime", [date(2024, 1, 2)]).cast(pl.Datetime("ms"))
    pl.DataFrame([day, pl.Series("close", [1.0])]).write_parquet(path)

    assert read(path, "1m")[0].time == time_of(date(2024, 1, 2)) - 9 * HOUR


LINES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "date,open,high,low,close,volume",
                "날짜;종가",
                "2024-01-02,1,2,0.5,1,9",
                "02.01.2024;1,5",
                "20240102 00:00,1,2,1,2,3",
            ]
        ),
        st.lists(
            st.one_of(
                st.sampled_from(["2024-01-02", "-1", "nan", "inf", "1e400", "1,5", "", '"']), st.text()
            ),
            max_size=8,
        ).map(",".join),
        st.text(),
    ),
    max_size=8,
).map("\n".join)


@given(st.one_of(LINES.map(lambda text: text.encode("utf-8", "replace")), st.binary(max_size=200)))
@settings(max_examples=300, deadline=None)
def test_whatever_stands_in_a_file_it_is_bars_or_an_error_for_people(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp()
    for name in ("any.csv", "20240102_trade.csv", "any.parquet"):
        path = folder / name
        path.write_bytes(data)
        assert is_bars_or_error(path)


def is_bars_or_error(path: Path) -> bool:
    try:
        return all(isinstance(one, Bar) and isinstance(one.time, int) for one in read(path, "1m"))
    except FilesError as error:
        return path.name in str(error)


Put = Callable[[str], None]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    def write(name: str) -> None:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("date,close\n2024-01-02,1\n2024-01-03,1\n")

    return write


@pytest.mark.parametrize(
    "name", ["069500.csv", "069500_1d.csv", "1d/069500.csv", "069500 daily.csv", "etf/069500.TXT"]
)
def test_a_symbol_is_found_by_the_name_of_its_file(tmp_path: Path, put: Put, name: str) -> None:
    put(name)
    put("114800.csv")
    put("069500_1m.csv")

    found = FileSource(tmp_path).bars("069500", "1d", FIRST, LAST)

    assert [one.close for one in found] == [1, 1]


def test_signs_and_case_of_a_symbol_do_not_matter(tmp_path: Path, put: Put) -> None:
    put("btc-krw.csv")

    assert FileSource(tmp_path).bars("BTC/KRW", "1d", FIRST, LAST)


def test_only_the_days_that_were_asked_for_come_and_no_day_is_an_error(tmp_path: Path, put: Put) -> None:
    put("SPY.csv")
    source = FileSource(tmp_path)

    assert len(source.bars("SPY", "1d", date(2024, 1, 3), date(2024, 1, 3))) == 1
    with pytest.raises(EmptyAnswerError, match="holds 2024-01-02 to 2024-01-03"):
        source.bars("SPY", "1d", date(2024, 1, 4), date(2024, 1, 5))


def test_a_symbol_without_a_file_and_one_with_two_are_said(tmp_path: Path, put: Put) -> None:
    put("SPY.csv")
    put("spy.txt")
    source = FileSource(tmp_path)

    with pytest.raises(FilesError, match=r"no file of QQQ .* the folder has SPY"):
        source.bars("QQQ", "1d", FIRST, LAST)
    with pytest.raises(FilesError, match=r"SPY.csv and spy.txt are all of SPY"):
        source.bars("SPY", "1d", FIRST, LAST)
    with pytest.raises(FilesError, match="no such folder"):
        FileSource(tmp_path / "none").bars("SPY", "1d", FIRST, LAST)


def test_shares_of_lean_are_unscaled_and_coins_were_never_scaled(corpus: Path) -> None:
    lean = corpus / "market/lean"

    (spy, *_), (btc, *_) = (
        FileSource(lean / "equity_usa_daily").bars("SPY", "1d", FIRST, LAST),
        FileSource(lean / "crypto_coinbase_daily").bars("BTC/USD", "1d", FIRST, LAST),
    )

    assert spy == Bar(time_of(date(1998, 1, 2)), 97.31, 97.53, 96.53, 97.36, 2150000.0)
    assert btc == Bar(time_of(date(2014, 12, 1)), 300.0, 370.0, 300.0, 370.0, 0.05655554)


def test_minutes_of_lean_are_found_by_day_and_counted_from_its_midnight(corpus: Path) -> None:
    source = FileSource(corpus / "market/lean/crypto_coinbase_minute")
    day = date(2016, 10, 8)

    bars = source.bars("BTC/USD", "1m", day, day)

    assert bars[0] == Bar(time_of(day), 618.11, 618.11, 618.04, 618.04, 0.66756)
    assert bars[1].time == time_of(day) + 60 * 10**9
    assert time_of(day) <= bars[-1].time < time_of(day) + DAY


def test_a_table_of_closes_gives_a_symbol_its_column(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_bytes((corpus / "market/pyportfolioopt/stock_prices.csv").read_bytes())

    bars = FileSource(tmp_path).bars("GE", "1d", date(1989, 1, 1), LAST)

    assert (len(bars), bars[0].close, bars[0].open, bars[0].volume) == (7126, 0.352438, 0.352438, 0.0)
