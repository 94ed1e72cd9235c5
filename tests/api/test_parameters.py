from __future__ import annotations

import pytest

from obs.api.parameters import ns_of

NOW = 1_763_640_000_000_000_000


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("2025-11-20T12:00:00Z", NOW),
        ("2025-11-20t12:00:00.250z", NOW + 250_000_000),
        ("2025-11-20T21:00:00+09:00", NOW),
        ("2025-11-20 12:00:00.1234567890Z", NOW + 123_000_000),
        ("2016-12-31T23:59:60Z", 1_483_228_799_000_000_000),
        ("0001-01-01T00:00:00+14:00", 0),
        ("9999-12-31T23:59:59-12:00", 2**63 - 1),
        ("1763640000000", NOW),
        ("999999999999999", 2**63 - 1),
        ("30m", NOW - 1_800_000_000_000),
        ("999999d", 0),
    ],
)
def test_a_moment_is_a_time_a_number_or_a_span(text: str, ns: int) -> None:
    assert ns_of(text, NOW) == ns


@pytest.mark.parametrize(
    "text", ["", "now", "2025-11-20", "2025-13-20T12:00:00Z", "-5m", "5 m", "１２", "1e9", "٣m"]
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no time|must be in|month"):
        ns_of(text, NOW)
