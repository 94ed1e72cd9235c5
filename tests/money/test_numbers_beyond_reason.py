"""Numbers that no clock and no counter shows are not known; what is remembered can still be written down."""

from __future__ import annotations

import json

import orjson
import pytest

from obs.analysis import Analyzer
from obs.events import decode_line
from obs.money.entries import moment
from tests.api import recorded


@pytest.mark.parametrize(
    ("value", "ns"),
    [
        (1_763_640_000_123_456_789, 1_763_640_000_123_456_789),
        (1_763_640_000, 1_763_640_000_000_000_000),
        ("1763640000000", 1_763_640_000_000_000_000),
        ("2025-11-20T12:00:00Z", 1_763_640_000_000_000_000),
        (18_719_995_000_000, 0),
        (10**30, 0),
        (float("inf"), 0),
        (float("nan"), 0),
        (-5, 0),
    ],
)
def test_a_moment_lies_between_1973_and_2262_or_is_not_known(value: object, ns: int) -> None:
    assert moment(value) == ns


@pytest.mark.parametrize(
    "huge", [999_999_999_999_999, 10**30, -(10**30), 2**64, 1e308, "9" * 400, "-1e400", True]
)
def test_what_is_remembered_can_be_written_down_whatever_a_bot_says(huge: object) -> None:
    analyzer = Analyzer()
    for record in recorded.kept()[:40]:
        strange = {
            name: huge if name.partition(".")[0] not in ("bot", "run", "symbol", "currency") else value
            for name, value in record["attributes"].items()
        }
        for name in record["attributes"]:
            values = {**record["attributes"], name: strange[name]}
            event = decode_line(orjson.loads(json.dumps({**record, "attributes": values})))
            analyzer.feed(event)

    assert analyzer.state.encode()
    assert analyzer.snapshot(now=10**18).to_json()
