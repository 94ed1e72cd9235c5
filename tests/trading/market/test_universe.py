"""A universe is a list that a person keeps; mistakes in it are named."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from trading.market.universe import Instrument, UniverseError, load_universe


def written(folder: Path, text: str, name: str = "universe.toml", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def test_instruments_keep_their_order_their_lots_and_their_splits(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        'name = "Korea"\n[[instrument]]\nsymbol = "069500"\nname = "KODEX 200"\ngroup = "index"\n'
        'splits = { "2018-05-04" = 50 }\n[[instrument]]\nsymbol = "BTC/KRW"\nlot = 0.0001\n',
    )

    universe = load_universe(path)

    assert universe.name == "Korea"
    assert universe.instruments == (
        Instrument("069500", "KODEX 200", 1.0, "index", {date(2018, 5, 4): 50.0}),
        Instrument("BTC/KRW", "BTC/KRW", 0.0001),
    )
    assert universe.symbols == ("069500", "BTC/KRW")
    assert universe["BTC/KRW"].lot == 0.0001


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("symbol,name\n069500,KODEX 200\n114800,KODEX 인버스\n", "utf-8-sig"),
        ("종목코드,종목명,시장\n069500,KODEX 200,KOSPI\n114800,KODEX 인버스,KOSPI\n", "cp949"),
        ("Name;Ticker\nKODEX 200;069500\nKODEX 인버스;114800\n", "utf-16"),
    ],
)
def test_lists_of_spreadsheets_are_read_in_their_encodings_and_headers(
    tmp_path: Path, text: str, encoding: str
) -> None:
    universe = load_universe(written(tmp_path, text, "u.csv", encoding))

    assert [(one.symbol, one.name) for one in universe] == [
        ("069500", "KODEX 200"),
        ("114800", "KODEX 인버스"),
    ]


def test_a_bare_list_of_symbols_will_do(tmp_path: Path) -> None:
    assert load_universe(written(tmp_path, 'symbols = ["SPY", "QQQ"]')).symbols == ("SPY", "QQQ")
    assert load_universe(written(tmp_path, "SPY\nQQQ\n\n", "u.csv")).symbols == ("SPY", "QQQ")


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("u.toml", "", "the universe is empty"),
        ("u.toml", "symbols = []", "the universe is empty"),
        ("u.csv", "", "the universe is empty"),
        ("u.csv", "symbol,name\n", "the universe is empty"),
        ("u.toml", "[[instrument]]\nsymbol = 5930\n", 'loses leading zeros. Quote it: "005930"'),
        ("u.toml", '[[instrument]]\nsymbol = ""\n', "instrument 1: '' is no symbol"),
        ("u.toml", '[[instrument]]\nname = "x"\n', "instrument 1: '' is no symbol"),
        ("u.toml", 'symbols = ["SPY", "SPY"]', "SPY stands there twice"),
        ("u.toml", '[[instrument]]\nsymbol = "A"\nlots = 1\n', "unknown key 'lots'"),
        ("u.toml", '[[instruments]]\nsymbol = "A"\n', "unknown key 'instruments'"),
        ("u.toml", '[instrument]\nsymbol = "A"\n', "double brackets"),
        ("u.toml", '[[instrument]]\nsymbol = "A"\nlot = 0\n', "lot = 0"),
        ("u.toml", '[[instrument]]\nsymbol = "A"\nlot = "many"\n', "lot = 'many'"),
        ("u.toml", '[[instrument]]\nsymbol = "A"\nsplits = { "May" = 2 }\n', "splits"),
        ("u.toml", '[[instrument]]\nsymbol = "A"\nsplits = { "2024-05-01" = 0 }\n', "a split of 0"),
        ("u.toml", "symbols = [", "no TOML"),
        ("u.csv", "isin,name\nKR7069500007,KODEX\n", "no column of symbols among isin, name"),
        ("u.csv", "symbol,name\n069500,a\n069500,b\n", "069500 stands there twice"),
    ],
)
def test_a_mistake_names_the_file_the_place_and_the_mend(
    tmp_path: Path, name: str, text: str, says: str
) -> None:
    path = written(tmp_path, text, name)

    with pytest.raises(UniverseError) as caught:
        load_universe(path)

    assert says in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_universe_that_is_not_there_says_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(UniverseError, match="symbols"):
        load_universe(tmp_path / "none.toml")
