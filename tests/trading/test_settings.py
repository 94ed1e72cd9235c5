"""Settings: what cannot be meant is refused before anything runs, with place, value and mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from trading.settings import SettingsError, TradingSettings, load_settings


def read(folder: Path, text: str) -> TradingSettings:
    file = folder / "trading.toml"
    file.write_text(text, encoding="utf-8")
    return load_settings(file)


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("account", "cash", "-5"),
        ("account", "cash", "0"),
        ("account", "cash", "nan"),
        ("account", "cash", "inf"),
        ("account", "cash", '"many"'),
        ("account", "fee", "3"),
        ("account", "slippage", "-0.001"),
        ("account", "stop_loss", "8"),
        ("account", "take_profit", "-0.1"),
        ("account", "max_weight", "40"),
        ("account", "max_exposure", "0"),
        ("account", "max_positions", "0"),
        ("data", "days", "0"),
        ("data", "source", '"krxx"'),
        ("daily", "least_share", "50"),
        ("daily", "catch_up", "-1"),
        ("market", "currency", '"won"'),
        ("notify", "language", '"jp"'),
        ("notify", "zone", '"Asia/Soul"'),
        ("notify", "zone", '"../etc/passwd"'),
        ("notify", "quiet_hours", '"25:00-07:00"'),
        ("notify", "quiet_hours", '"07:00-07:00"'),
        ("notify", "per_hour", "0"),
        ("notify", "timeout_s", "0"),
        ("notify", "channels", '["telegram", 5]'),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_with_its_key(
    tmp_path: Path, section: str, key: str, value: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        read(tmp_path, f"[{section}]\n{key} = {value}\n")

    said = str(refused.value)
    assert "trading.toml" in said
    assert f"[{section}] {key} = " in said
    assert value.split(",")[0].strip('"[]') in said


def test_a_wrong_word_is_answered_with_the_right_ones(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match='use one of "files", "krx", "crypto"'):
        read(tmp_path, '[data]\nsource = "krxx"\n')


def test_a_wrong_spelling_is_answered_with_the_right_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match='quiet_hours = "23-7": write it as "23:00-07:00"'):
        read(tmp_path, '[notify]\nquiet_hours = "23-7"\n')


@pytest.mark.parametrize("text", ["[account]\ncsh = 5\n", "[bogus]\na = 1\n", "account = 5\n", "[account\n"])
def test_a_wrong_key_or_form_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match=r"trading\.toml"):
        read(tmp_path, text)


def test_a_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "trading.toml").write_bytes("[account] # 계좌\n".encode("cp949"))

    with pytest.raises(SettingsError, match="no TOML"):
        load_settings(tmp_path / "trading.toml")


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("notify", "quiet_hours", " 23:00 - 07:00 "),
        ("notify", "quiet_hours", ""),
        ("market", "currency", "USDT"),
        ("account", "stop_loss", 0),
        ("account", "fee", 0),
        ("account", "max_weight", 1),
        ("daily", "catch_up", 0),
        ("daily", "least_share", 1),
    ],
)
def test_values_at_the_edge_are_taken(tmp_path: Path, section: str, key: str, value: str | int) -> None:
    written = f'"{value}"' if isinstance(value, str) else value

    settings = read(tmp_path, f"[{section}]\n{key} = {written}\n")

    assert getattr(getattr(settings, section), key) == value
