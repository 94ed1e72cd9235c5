"""The page's own files keep their promises: words in both languages, text as text, nothing inline."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

STATIC = Path(__file__).resolve().parents[2] / "obs" / "web" / "static"
OWN = sorted(path for path in (STATIC / "js").rglob("*.js"))
WORDS = {lang: json.loads((STATIC / "words" / f"{lang}.json").read_text("utf-8")) for lang in ("en", "ko")}


def plain(key: str) -> str:
    """A key without the form for one."""
    return key.removesuffix(".one")


def test_both_languages_have_the_same_words_with_the_same_places() -> None:
    english, korean = WORDS["en"], WORDS["ko"]

    # Korean has no plural, so a form for one may be missing there.
    assert {plain(key) for key in english} == {plain(key) for key in korean}
    for key, text in korean.items():
        places = set(re.findall(r"\{(\w+)\}", text))
        assert places == set(re.findall(r"\{(\w+)\}", english[key])), key


def test_every_word_that_the_page_asks_for_exists() -> None:
    asked = {
        found
        for path in OWN
        for found in re.findall(r"""words\(\s*"([a-z_]+\.[a-z0-9_.]+)["']""", path.read_text("utf-8"))
    }

    assert len(asked) > 50
    assert asked - set(WORDS["en"]) == set()


def test_every_word_is_asked_for_somewhere() -> None:
    code = "\n".join(path.read_text("utf-8") for path in OWN)
    families = set(re.findall(r"`([a-z_]+\.[a-z_]*)\$\{", code)) | {"skip"}
    unused = [
        key
        for key in WORDS["en"]
        if f'"{plain(key)}"' not in code
        and not any(key.startswith(family) for family in families)
        and not key.endswith((".heading", "_label"))
    ]

    assert unused == []


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_a_module_draws_text_as_text_and_asks_no_stranger(path: Path) -> None:
    code = path.read_text("utf-8")

    assert not re.search(
        r"\.(inner|outer)HTML\s*=|insertAdjacentHTML|document\.write|\beval\(|new Function", code
    )
    assert not re.search(r"""setAttribute\(\s*["'](style|on\w+)["']""", code)
    strangers = set(re.findall(r"https?://[\w.-]+", code)) - {"http://www.w3.org"}
    assert strangers == set()
    assert code.startswith("//"), "its first comment says what it is for"


def test_the_document_has_nothing_inline_and_nothing_from_outside() -> None:
    document = (STATIC / "index.html").read_text("utf-8")

    assert not re.search(r"\sstyle=|\son\w+=|<style|https?://", document)
    for script in re.findall(r"<script[^>]*>(.*?)</script>", document, re.S):
        assert script == ""
    for path in re.findall(r'(?:href|src)="static/([^"]+)"', document):
        assert (STATIC / path).is_file(), path
