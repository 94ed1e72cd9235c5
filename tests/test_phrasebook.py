"""Another language says the same: ids, numbers and quoted lines stay, what no book knows stays English."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from obs.analysis import analyze
from obs.briefing import render
from obs.definitions import definitions
from obs.page.phrasebook import say
from tests.test_briefing import BUSY

BOOK = tomllib.loads((definitions("briefings") / "phrases.ko.toml").read_text(encoding="utf-8"))["say"]


@pytest.mark.parametrize("english", sorted(BOOK))
def test_a_phrase_names_only_what_its_english_names(english: str) -> None:
    slots = set(re.findall(r"\{(\w+)\}", english))

    assert set(re.findall(r"\{(\w+)\}", BOOK[english])) <= slots


def test_numbers_and_names_stand_where_the_sentence_leaves_room() -> None:
    told = say("8 of 8 calls to 127.0.0.1:8101 failed (8× HTTP 418), none good after 10:30:07.", "ko")

    assert told == "127.0.0.1:8101 호출 8건 중 8건 실패 (8× HTTP 418), 10:30:07 이후 성공 없음."


def test_a_step_keeps_its_gate_and_a_list_is_told_part_by_part() -> None:
    assert say("[wait] It is retried.", "ko") == "[wait] 자동으로 재시도됨."
    assert say("order fills, cancels", "ko") == "주문 체결, 취소"


def test_what_no_book_knows_stays_as_it_is() -> None:
    assert say("Quarks are short.", "ko") == "Quarks are short."


def test_a_user_s_own_book_is_asked_first(tmp_path: Path) -> None:
    (tmp_path / "phrases.ko.toml").write_text(
        '[say]\n"{symbol} has no stop-loss" = "내 말"\n', encoding="utf-8"
    )

    assert "내 말" in render(BUSY, lang="ko", templates=tmp_path)


def test_both_languages_name_the_same_issues_numbers_and_lines() -> None:
    english, korean = (render(BUSY, budget=20_000, lang=lang) for lang in ("en", "ko"))

    for wanted in (r"I-[0-9a-f]{6}", r"^[0-9a-f]+ \d\d:\d\d:.*$", r"\d+\.\d\d USDT"):
        found = re.findall(wanted, english, re.M)
        assert found
        assert sorted(set(found)) == sorted(set(re.findall(wanted, korean, re.M)))


@pytest.mark.slow
@pytest.mark.corpus
@pytest.mark.timeout(240)
def test_korean_pages_of_real_runs_are_korean(corpus: Path) -> None:
    """Every field but names: of the words outside quotes few are English."""
    share = {}
    for path in sorted((corpus / "bots").glob("freqtrade_*.log.gz")):
        text = render(analyze(path), budget=1_500, lang="ko")
        prose = re.sub(r"```.*?```|`[^`]*`|\[\w+\]", "", text, flags=re.S)
        latin = len(re.findall(r"\b[a-z]{3,}\b", prose))
        share[path.name] = latin / max(len(prose.split()), 1)

    assert sum(share.values()) / len(share) < 0.15, share
