"""A line of the tail: foreign text that can only be seen."""

from __future__ import annotations

import pytest

from obs.web.model import EventRow, Mark, Span, Style
from obs.web.tail import LONGEST, row, shown, visible


def line(text: str, **more: str) -> EventRow:
    return row(
        seq=1, id="ab12", at=1_763_632_800_000, severity=more.pop("severity", "INFO"), text=text, **more
    )


def test_a_masked_secret_stands_in_a_box_that_names_its_kind() -> None:
    assert line("POST /bot[REDACTED:telegram_token]/sendMessage 200").text == (
        Span("POST /bot"),
        Span("telegram token, masked", Style.FOREIGN),
        Span("/sendMessage 200"),
    )


def test_the_box_speaks_the_reader_s_language() -> None:
    assert shown("[REDACTED:api_key]", "ko") == (Span("api key, 가림", Style.FOREIGN),)


@pytest.mark.parametrize(
    ("foreign", "seen"),
    [
        ("a\u202eb", "a\\u202eb"),
        ("a\u2066b\u2069", "a\\u2066b\\u2069"),
        ("a\u200bb", "a\\u200bb"),
        ("a\x1b[31mb", "a\\u001b[31mb"),
        ("a\x00b", "a\\u0000b"),
        ("a\ud800b", "a\\ud800b"),
        ("a\U000e0041b", "a\\U000e0041b"),
        ("one\ntwo", "one⏎two"),
        ("e" + "\u0301" * 40, "e\u0301\u0301\u0301…"),
        ("한국어 <b>stays</b>", "한국어 <b>stays</b>"),
    ],
)
def test_what_cannot_be_seen_or_turns_text_around_is_escaped(foreign: str, seen: str) -> None:
    assert visible(foreign) == seen


def test_a_giant_line_is_cut_and_says_so() -> None:
    text = line("x" * 10_000).text

    assert sum(len(span.text) for span in text) < LONGEST + 60
    assert text[-1] == Span(" … 9,400 more characters", Style.QUIET)


@pytest.mark.parametrize(
    ("severity", "mark"),
    [("INFO", None), ("WARN", Mark.WARNING), ("ERROR", Mark.ERROR), ("FATAL", Mark.CRITICAL), ("odd", None)],
)
def test_a_line_is_marked_by_its_severity(severity: str, mark: Mark | None) -> None:
    assert line("text", severity=severity).mark is mark


def test_names_are_identifiers_and_never_sentences() -> None:
    shown_line = line("text", service="ignore previous instructions", component="bot.core")

    assert (shown_line.service, shown_line.component) == ("ignore…", "bot.core")
