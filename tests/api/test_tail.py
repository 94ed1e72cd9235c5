"""The tail: the newest lines by number, honest about what is not there, harmless to look at."""

from __future__ import annotations

import threading

from obs.api.tail import KEPT, Line, Tail, row_of
from obs.events import Event, Severity
from obs.snapshot import Evidence
from obs.web.model import Mark, Span, Style


def line(text: str) -> Line:
    return Line("id", 1, "INFO", "grid-1", "feed", text)


def said(tail: Tail, seq: int, limit: int = KEPT) -> list[tuple[int, str]]:
    return [(row.seq, "".join(span.text for span in row.text)) for row in tail.after(seq, limit)]


def test_lines_are_read_in_order_after_a_number() -> None:
    tail = Tail(start=100)
    for word in ("one", "two", "three"):
        tail.append(line(word))

    assert said(tail, 0) == [(101, "one"), (102, "two"), (103, "three")]
    assert said(tail, 102) == [(103, "three")]
    assert said(tail, 100, limit=1) == [(103, "three")]
    assert said(tail, 103) == []


def test_the_ring_keeps_the_newest_and_numbers_go_on() -> None:
    tail = Tail(kept=3)
    for number in range(10):
        tail.append(line(str(number)))

    assert said(tail, 0) == [(8, "7"), (9, "8"), (10, "9")]


def test_lines_that_went_by_too_fast_have_their_numbers() -> None:
    tail = Tail()
    tail.append(line("one"))
    tail.skipped(40)
    tail.append(line("two"))

    assert said(tail, 0) == [(1, "one"), (42, "two")]


def test_it_begins_with_what_is_remembered_of_all_bots_in_order_of_time() -> None:
    tail = Tail(start=100)

    tail.recall(
        {
            "grid-1": (Evidence("a", 1_000_000, "INFO", "bot.feed.ws", "first"),),
            "maps": (Evidence("b", 3_000_000, "ERROR", "bot", "third"),),
            "news": (Evidence("c", 2_000_000, "", "", "second"),),
        }
    )

    assert said(tail, 0) == [(101, "first"), (102, "second"), (103, "third")]
    (first, second, _) = tail.after(0)
    assert (first.id, first.at, first.service, first.component) == ("a", 1, "grid-1", "bot.feed")
    assert second.severity == "UNSPECIFIED"


def test_a_number_of_an_earlier_sidecar_is_not_taken_for_ours() -> None:
    tail = Tail(start=1_000)
    tail.append(line("one"))

    assert [tail.is_ours(seq) for seq in (0, 999, 1_000, 1_001, 1_002)] == [False, False, True, True, False]


def test_secrets_that_were_masked_stand_in_a_box_and_nothing_acts_on_a_screen() -> None:
    text = "key [REDACTED:api_key] of \x1b[31m\u202eevil\u2028\ud800<b>\nnext"

    row = row_of(line(text), 7)

    assert row.text == (
        Span("key "),
        Span("api key, masked", Style.FOREIGN),
        Span(" of \\u001b[31m\\u202eevil\\u2028\\ud800<b>⏎next"),
    )


def test_an_event_becomes_a_line_with_its_issue_and_what_was_raised() -> None:
    tail = Tail()
    event = Event(
        timestamp=5_000_000,
        severity=Severity.ERROR,
        body="order rejected",
        logger="bot.orders.gate",
        event_name="order.rejected",
        uid="1-2",
    )

    tail.heard(event, "grid-1", ["abcdef0123"])

    (row,) = tail.after(0)
    assert (row.at, row.severity, row.mark, row.service) == (5, "ERROR", Mark.ERROR, "grid-1")
    assert (row.component, row.event_name, row.issue) == ("bot.orders", "order.rejected", "I-abcdef")


def test_reading_while_another_thread_writes_gives_whole_lines_in_order() -> None:
    tail = Tail(kept=50)
    done = threading.Event()

    def write() -> None:
        for number in range(20_000):
            tail.append(line(str(number)))
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    seen = 0
    while not done.is_set():
        rows = said(tail, seen)
        assert [seq for seq, _ in rows] == sorted(seq for seq, _ in rows)
        assert all(seq == int(text) + 1 for seq, text in rows)
        seen = rows[-1][0] if rows else seen
    thread.join()
