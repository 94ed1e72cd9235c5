"""The book of words: nothing of the core reaches a Korean reader untranslated."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from trading.market.findings import Action, Fault
from trading.reporting.words import term


@pytest.mark.parametrize("said", [*get_args(Fault), *get_args(Action)])
def test_every_fault_of_data_and_what_was_done_has_a_korean_word(said: str) -> None:
    assert re.search("[가-힣]", term(said, "ko")), said
