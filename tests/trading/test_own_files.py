"""Files that a person writes, torn in every way: each loads, or is refused with its name; no traceback."""

from __future__ import annotations

import copy
import datetime as dt
import json
import math
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trading.bars import time_of
from trading.duties import duties_of
from trading.errors import TradingError
from trading.market.universe import load_universe
from trading.notify.secret import read_secrets
from trading.sessions import load_sessions
from trading.settings import load_settings
from trading.signals.engine import SignalEngine
from trading.signals.params import load_params

SETTINGS = """
[data]
source = "files"
days = 400
adjusted = false
[market]
calendar = "XNYS"
currency = "USD"
overrides = "own.toml"
[account]
cash = 100_000
fee = 0.001
max_positions = 5
[notify]
zone = "Asia/Seoul"
quiet_hours = "23:00-07:00"
channels = ["telegram"]
"""
UNIVERSE = """
name = "mine"
symbols = ["SPY"]
[[instrument]]
symbol = "069500"
name = "KODEX 200"
lot = 1
group = "index"
duties = "ETF"
splits = { "2018-05-04" = 50 }
"""
CALENDAR = """
like = "XKRX"
holidays = [2028-01-03]
[special]
2028-11-16 = ["10:00..16:30"]
[notes]
2028-01-03 = "notice of the exchange"
"""
WHOLE_CALENDAR = """
title = "mine"
zone = "Asia/Seoul"
weekdays = [1, 2, 3, 4, 5]
first = 2020-01-01
last = 2030-12-31
hours = [{ since = 2020-01-01, open = ["09:00..15:30"] }]
holidays = [2028-01-03]
[special]
2028-11-16 = ["10:00..16:30"]
[notes]
2028-01-03 = "notice"
"""
DUTIES = """
[MINE]
title = "own"
duty = [{ name = "tax", since = 2020-01-01, rate = 0.001 },
  { name = "fee", since = 2020-01-01, per_unit = 1, most = 5 }]
"""
PARAMS = {
    "version": 1,
    "params": {
        "entry": 2.5,
        "fast": 10,
        "closed_regimes": ["bear"],
        "market_symbol": "X",
        "market": {"trend": 100},
    },
    "regimes": {"volatile": {"min_confidence": 0.75, "max_total": 0.5}},
    "about": {"found": "2026-11-20"},
}
CSV = "symbol,name,lot,duties\n069500,KODEX 200,1,ETF\n000660,Hynix,1,KOSPI\n"


def use_settings(path: Path) -> None:
    load_settings(path)


def use_universe(path: Path) -> None:
    duties_of({each.symbol: each.duties for each in load_universe(path)})


def use_calendar(path: Path) -> None:
    sessions = load_sessions("XKRX", path)
    for day in (dt.date(2028, 1, 3), dt.date(2028, 11, 16), dt.date(2024, 11, 14)):
        sessions.why_closed(day), sessions.note(day), sessions.hours(day)
        sessions.last_closed(time_of(day))
        sessions.between(day, day + dt.timedelta(days=9))


def use_params(path: Path) -> None:
    SignalEngine(load_params(path), ["X"])


def use_duties(path: Path) -> None:
    duties = duties_of({"X": "MINE"}, path)
    duties.of_sale("X", 2.0, 10.0, time_of(dt.date(2024, 1, 2)))
    duties.lines(dt.date(2019, 1, 1))


def use_secrets(path: Path) -> None:
    path.chmod(0o600)
    read_secrets(path)


SECRETS = """channels:
  telegram:
    token: "123456789:AAabcdefghijklmnopqrstuvwxyz012345678"
    chat: [987654321, "-1001234567890:42"]
  team:
    type: slack
    webhook: https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX
  mail:
    type: email
    host: smtp.example.org
    user: bot@example.org
    password: pw
    from: bot@example.org
    to: [me@example.org]
"""

KINDS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "trading.toml": (SETTINGS, use_settings),
    "universe.toml": (UNIVERSE, use_universe),
    "universe.csv": (CSV, use_universe),
    "calendar.toml": (CALENDAR, use_calendar),
    "whole.toml": (WHOLE_CALENDAR, use_calendar),
    "duties.toml": (DUTIES, use_duties),
    "config.yaml": (SECRETS, use_secrets),
    "params.json": (json.dumps(PARAMS), use_params),
}
TREES = {name: text for name, (text, _) in KINDS.items() if name.endswith(("toml", "json"))}

ODD: list[Any] = [
    True, 0, -1, 3, 10**30, 0.5, -0.5, math.nan, math.inf, -math.inf, "", " ", "x", "2020-01-01",
    "\u202e\x00", "가",
    [], [1], ["x"], [[]], [{}], {}, {"x": 1}, {"2028-01-03": 1}, [["09:00..15:30"]], "09:00..15:30",
]  # fmt: skip
ODD_TOML: list[Any] = [
    *ODD,
    dt.date(2028, 1, 3),
    dt.date(1, 1, 1),
    dt.datetime(2028, 1, 3, tzinfo=dt.UTC),
    dt.time(9, 0),
]


def spots(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to every value of a tree, the root's own excluded."""
    inside = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [spot for key, value in inside for spot in ((*path, key), *spots(value, (*path, key)))]


def torn(tree: Any, spot: tuple[Any, ...], value: Any, *, kind: str) -> Any:
    """Return the tree with one value replaced, removed, renamed or a stranger put beside it."""
    tree = copy.deepcopy(tree)
    *way, last = spot
    parent = tree
    for key in way:
        parent = parent[key]
    if kind == "replace":
        parent[last] = value
    elif kind == "remove":
        del parent[last]
    elif isinstance(parent, dict):
        parent["stranger" if kind == "add" else f"{last}x"] = value
    return tree


def toml(value: Any) -> str:
    """Return a value as TOML writes it inline."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return json.dumps(value) if isinstance(value, str) else str(value)


def written(tree: Any, name: str) -> str:
    if name.endswith("json"):
        return json.dumps(tree)
    return "\n".join(f"{json.dumps(key)} = {toml(value)}" for key, value in tree.items())


def judge(folder: Path, name: str, text: str | bytes) -> None:
    """Use the file; anything but a refusal that names it fails the test."""
    path = folder / name
    path.write_bytes(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    try:
        KINDS[name][1](path)
    except TradingError as error:
        message = str(error)
        assert "\n" not in message.strip(), message
        assert len(message) > 20


@pytest.mark.parametrize("name", KINDS)
def test_the_files_as_they_should_be_are_taken(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(KINDS[name][0], encoding="utf-8")

    KINDS[name][1](path)


@pytest.mark.parametrize("name", TREES)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_two_values_replaced_by_odd_ones_are_taken_or_refused(
    tmp_path: Path, name: str, data: st.DataObject
) -> None:
    tree = json.loads(TREES[name]) if name.endswith("json") else tomllib.loads(TREES[name])
    odd = ODD if name.endswith("json") else ODD_TOML
    for _ in range(2):
        if ways := spots(tree):
            kind = data.draw(st.sampled_from(["replace", "remove", "add", "rename"]))
            tree = torn(tree, data.draw(st.sampled_from(ways)), data.draw(st.sampled_from(odd)), kind=kind)

    judge(tmp_path, name, written(tree, name))


@pytest.mark.slow
@pytest.mark.parametrize("name", TREES)
def test_any_value_replaced_by_any_odd_one_is_taken_or_refused(tmp_path: Path, name: str) -> None:
    """All of them, one at a time: the mistakes that people make."""
    tree = json.loads(TREES[name]) if name.endswith("json") else tomllib.loads(TREES[name])
    odd = ODD if name.endswith("json") else ODD_TOML
    for spot in spots(tree):
        judge(tmp_path, name, written(torn(tree, spot, None, kind="remove"), name))
        for value in odd:
            for kind in ("replace", "add"):
                judge(tmp_path, name, written(torn(tree, spot, value, kind=kind), name))


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_text_that_is_torn_anywhere_is_taken_or_refused(
    tmp_path: Path, name: str, data: st.DataObject
) -> None:
    text = KINDS[name][0]
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        gone = data.draw(st.sampled_from([0, 1, 5, len(text)]))
        come = data.draw(
            st.one_of(
                st.just(""),
                st.text(max_size=4),
                st.sampled_from(["[", '"', "=", "\x00", "[" * 5000, "1e999"]),
            )
        )
        text = text[:at] + come + text[at + gone :]

    judge(tmp_path, name, text)


@pytest.mark.parametrize("name", [name for name in KINDS if not name.endswith("csv")])
def test_brackets_without_end_are_refused(tmp_path: Path, name: str) -> None:
    """Deeper than any parser goes; what it raises then is no mistake that it tells of."""
    path = tmp_path / name
    path.write_text("x = " * name.endswith("toml") + "[" * 100_000, encoding="utf-8")

    with pytest.raises(TradingError, match=name):
        KINDS[name][1](path)


@pytest.mark.parametrize("name", KINDS)
def test_bytes_that_are_no_text_are_refused_with_the_name_of_the_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"\x80\x81\xfe\xff[[\x00" + KINDS[name][0].encode("utf-16-be"))

    with pytest.raises(TradingError, match=name):
        KINDS[name][1](path)


def test_hours_and_notes_that_are_no_table_say_how_to_write_them(tmp_path: Path) -> None:
    path = tmp_path / "calendar.toml"
    for text, words in (
        (
            "special = 3",
            'special = 3 is no table. Write [special] and below it 2028-11-16 = ["10:00..16:30"].',
        ),
        ("notes = ['x']", "notes = ['x'] is no table. Write [notes] and below it 2028-01-03 = \"why\"."),
    ):
        path.write_text(text)
        with pytest.raises(TradingError) as raised:
            load_sessions("XKRX", path)

        assert str(raised.value) == f"{path}: {words}"
