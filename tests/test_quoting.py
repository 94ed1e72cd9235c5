"""Foreign text stays data: one visible JSON string, whatever it holds."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obs.quoting import quote, shorten

HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff\ud800-\udfff]"
)


@given(st.text())
def test_a_quote_gives_the_text_back_and_shows_every_character(text: str) -> None:
    quoted = quote(text)

    assert json.loads(quoted) == text
    assert not HIDDEN.search(quoted)
    assert "```" not in quoted
    assert "://" not in quoted


def test_lone_surrogates_are_shown_as_escapes() -> None:
    assert quote("a\ud800b") == '"a\\ud800b"'


def test_korean_text_stays_readable() -> None:
    assert quote("주문 거부: 잔액 부족") == '"주문 거부: 잔액 부족"'


@given(st.text(min_size=200, max_size=600), st.integers(20, 180), st.integers(0, 190), st.integers(1, 30))
def test_a_cut_is_marked_outside_the_quotes_and_counts_every_character(
    text: str, limit: int, start: int, width: int
) -> None:
    shown = shorten(text, limit, (start, start + width))

    parts = json.JSONDecoder()
    kept, cut, at = 0, 0, 0
    while at < len(shown):
        if shown[at] == '"':
            value, at = parts.raw_decode(shown, at)
            assert value in text
            kept += len(value)
        else:
            marker = re.compile(r"\[(\d+) chars cut\]").match(shown, at)
            assert marker is not None
            cut, at = cut + int(marker[1]), marker.end()
        at += shown[at : at + 1] == " "
    assert kept + cut == len(text)


def test_the_proving_words_survive_a_cut() -> None:
    text = "x" * 400 + "No space left on device" + "y" * 400

    shown = shorten(text, 120, (400, 423))

    assert "No space left on device" in shown


@pytest.mark.corpus
def test_no_payload_of_the_injection_corpus_escapes_a_quoted_line(corpus: Path) -> None:
    path = corpus / "security" / "scorer.py"
    spec = importlib.util.spec_from_file_location("scorer", path)
    assert spec is not None
    assert spec.loader is not None
    scorer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(scorer)

    result = scorer.check_briefing(
        lambda text: f"```text\na:1 {shorten(text, 2_000)}\n```", corpus / "security" / "injections_dev.jsonl"
    )

    assert result["payloads"] >= 70
    assert result["detail"] == []
