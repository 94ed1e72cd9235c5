"""The core's guide tells what the code does: its tables are made from it, its links lead somewhere."""

from __future__ import annotations

import re

import msgspec
import pytest

from scripts.write_trading_docs import written
from tests.builders import REPO
from trading.__main__ import COMMANDS
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
