"""What stands on a printed line, its level and its speaker, becomes the record's own."""

from __future__ import annotations

import pytest

from obs.events import Event, Severity
from obs.logs import formats
from obs.printed import understood
from tests.test_formats import LAYOUTS
from tests.test_languages import LINES


def printed(line: str) -> Event:
    return Event(timestamp=7, body=line, logger="stdout")


WITH_A_WORD = [row[0] for row in (*LAYOUTS, *LINES) if not row[0].startswith("1:M ")]
"""Redis marks its levels with signs; no printed line is looked at for those."""


@pytest.mark.parametrize("line", WITH_A_WORD)
def test_a_printed_line_is_read_as_the_same_line_of_a_file_but_keeps_its_time(line: str) -> None:
    (read,) = formats.parse([line], letter="")

    event = understood(printed(line))

    if read.severity is Severity.UNSPECIFIED:
        assert event == printed(line)
    else:
        assert (event.severity, event.body, event.timestamp) == (read.severity, read.body, 7)
        assert event.logger == (read.logger or "stdout")


def test_words_alone_are_no_level() -> None:
    for line in ("no error here", "3 errors found: 0", "Error rate 0.1 %", "debug = off"):
        assert understood(printed(line)) == printed(line)
