"""Any value as JSON: bounded in depth, width and length, also where nothing was copied before."""

from __future__ import annotations

from typing import Any

import pytest

from obs.recording.plain import Deferred, cut, plain


class Foreign(dict[str, Any]):
    """A mapping of the bot's own, which the caller leaves as it is."""

    def __iter__(self) -> Any:
        raise AssertionError("its own iterator ran")

    def items(self) -> Any:
        raise AssertionError("its own method ran")


def test_a_cycle_of_foreign_mappings_ends() -> None:
    value = Foreign(a=1)
    value["self"] = value

    shown = plain(value, foreign=True, blocked=set())

    assert shown["a"] == 1
    assert "of 2 items]" in str(shown)
    assert str(shown).count("self") < 20


def test_width_is_cut_with_the_number_of_the_rest() -> None:
    assert plain(list(range(1_000)), foreign=None, blocked=set())[-1] == "[800 more]"
    assert plain(Foreign({str(n): n for n in range(1_000)}), foreign=None, blocked=set())["[left out]"] == 800


def test_foreign_objects_wait_for_whoever_may_run_their_code() -> None:
    class Order:
        def __str__(self) -> str:
            return "order 42"

    with pytest.raises(Deferred):
        plain({"order": Order()}, foreign=None, blocked=set())
    assert plain({"order": Order()}, foreign=True, blocked=set()) == {"order": "order 42"}
    assert "Order" in plain(Order(), foreign=False, blocked=set())
    assert plain(Order(), foreign=True, blocked={Order}).endswith("Order>")


@pytest.mark.parametrize("place", range(0, 400, 7))
def test_a_cut_shows_no_part_of_a_secret(place: int) -> None:
    """The mask stands for the whole secret, wherever the cut falls."""
    secret = "s3cr3t" * 5
    for before, after in ((place, 20_000), (20_000, place)):
        text = "x" * before + secret + "x" * after

        shown, _ = cut(text, 200, lambda part: part.replace(secret, "[REDACTED:key]"))

        assert "s3cr3t" not in shown
        assert len(shown) < 300
