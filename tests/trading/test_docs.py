"""The core's guide tells what the code does: its tables are made from it, its links lead somewhere."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from random import Random

import msgspec
import pytest

from scripts.write_trading_docs import written
from tests.builders import REPO
from trading.__main__ import COMMANDS
from trading.sessions import load_sessions
from trading.settings import TradingSettings

PAGE = (REPO / "docs" / "trading.md").read_text(encoding="utf-8")


def test_the_tables_of_settings_and_commands_are_those_of_the_code() -> None:
    # `python -m scripts.write_trading_docs` writes them.
    assert written(PAGE) == PAGE


@pytest.mark.parametrize("section", TradingSettings.__struct_fields__)
def test_every_setting_has_a_row_with_its_default_and_a_meaning(section: str) -> None:
    struct = getattr(TradingSettings(), section)

    for name in struct.__struct_fields__:
        row = re.search(rf"^\| `\[{section}\] {name}` \| (.*?) \| (.+) \|$", PAGE, re.MULTILINE)

        assert row is not None, f"[{section}] {name}"
        assert len(row[2]) > 4


def test_every_default_of_the_table_is_what_an_empty_file_gives() -> None:
    shown = dict(re.findall(r"^\| `\[(\w+\] \w+)` \| `?(.*?)`? \|", PAGE, re.MULTILINE))

    for section in TradingSettings.__struct_fields__:
        struct = getattr(TradingSettings(), section)
        for name in struct.__struct_fields__:
            value, text = getattr(struct, name), shown[f"{section}] {name}"]
            expected = "" if value is None or value in ((), "") else str(value)
            same = float(text) == value if isinstance(value, float) else text.lower() == expected.lower()
            assert same, f"[{section}] {name}: {text!r}, not {value!r}"


def test_every_command_has_a_row() -> None:
    assert set(re.findall(r"^\| `python -m trading (\w+)`", PAGE, re.MULTILINE)) == set(COMMANDS)


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#]+)\)", PAGE))))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (REPO / "docs" / link).exists()


def test_settings_are_plain_values_that_a_file_can_hold() -> None:
    assert msgspec.to_builtins(TradingSettings(), enc_hook=str)


def test_the_first_five_minutes_work(tmp_path: Path) -> None:
    """Every command of the block, on made-up prices of ten years that end with the newest session."""
    (block,) = re.findall(r"## First five minutes.*?```sh\n(.*?)```", PAGE, re.DOTALL)
    written_files, commands = block.split("END\npython", 1)
    (tmp_path / "data" / "bars").mkdir(parents=True)
    for seed, symbol in enumerate(re.findall(r'symbol = "(\w+)"', written_files)):
        (tmp_path / "data" / "bars" / f"{symbol}.csv").write_text(prices(seed), encoding="utf-8")
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPO),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }

    subprocess.run(["sh", "-ec", f"{written_files}END\n"], cwd=tmp_path, check=True)
    codes = {}
    for line in f"python{commands}".strip().splitlines():
        done = subprocess.run(
            ["sh", "-c", line], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        codes[line.removeprefix("python -m trading ")] = done.returncode, done.stderr

    # Nobody set up channels yet, and `check` says so.
    assert codes.pop("check") == (1, "")
    assert set(codes.values()) == {(0, "")}, codes
    assert len(list((tmp_path / "reports").glob("*/*.html"))) == 3


def prices(seed: int) -> str:
    sessions, random = load_sessions("XNYS"), Random(seed)
    last, price, rows = sessions.last_closed(time.time_ns()), 100.0, ["date,open,high,low,close,volume"]
    for day in sessions.between(date(2011, 1, 3), last):
        close = price * math.exp(random.gauss(0.0003, 0.01))
        high, low = max(price, close) * 1.002, min(price, close) * 0.998
        rows.append(f"{day},{price:.2f},{high:.2f},{low:.2f},{close:.2f},1000")
        price = close
    return "\n".join(rows) + "\n"


def test_no_heading_is_empty() -> None:
    parts = re.split(r"^## (.+)$", PAGE, flags=re.MULTILINE)[1:]

    assert [name for name, text in zip(parts[::2], parts[1::2], strict=True) if not text.strip()] == []


@pytest.mark.parametrize("name", ["docs/trading.md", "docs/deployment.md"])
def test_every_command_that_a_guide_names_exists(name: str) -> None:
    page = (REPO / name).read_text(encoding="utf-8")

    named = set(re.findall(r"python -m trading ([a-z]+)", page)) | set(
        re.findall(r"`trading ([a-z]+)[ `]", page)
    )

    assert named
    assert named <= set(COMMANDS)


@pytest.mark.parametrize("anchor", sorted(set(re.findall(r"\]\(#([^)]+)\)", PAGE))))
def test_every_link_within_the_page_leads_to_a_heading(anchor: str) -> None:
    headings = re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)

    assert anchor in {
        re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }
