"""Whole lines and whole tracebacks out of printed pieces."""

from __future__ import annotations

import traceback

from hypothesis import given, settings
from hypothesis import strategies as st

from obs.running.textlines import MAX_LINE_CHARS, LineAssembler, PrintedRecord


def assemble(*pieces: str) -> list[PrintedRecord]:
    """Feed pieces and return all that came out in the end."""
    lines = LineAssembler()
    return [record for piece in pieces for record in lines.feed(piece)] + lines.finish()


def printed(error: BaseException) -> str:
    """Return an exception as Python prints it."""
    return "".join(traceback.format_exception(error))


def chained() -> str:
    """Return a traceback with a cause and a context in it."""
    try:
        try:
            try:
                raise ConnectionResetError(104, "reset")
            except OSError as error:
                raise TimeoutError("no answer") from error
        except TimeoutError:
            raise RuntimeError("no candles")  # noqa: B904 - the chain is what is tested
    except RuntimeError as error:
        return printed(error)


def test_pieces_of_a_line_are_joined() -> None:
    assert assemble("price ", "97771", ".8\nnext", "\n", "", "\n\n") == [
        PrintedRecord("price 97771.8"),
        PrintedRecord("next"),
    ]


def test_a_line_that_writes_over_itself_says_what_stood_last() -> None:
    assert assemble("\r10 %\r50 %", "\r100 %\r\n") == [PrintedRecord("100 %")]


def test_styling_is_taken_off() -> None:
    assert assemble("\x1b[1m\x1b[31mERROR\x1b[0m \x1b]8;;x\x07link\x1b]8;;\x07\n") == [
        PrintedRecord("ERROR link")
    ]


def test_a_line_without_end_is_cut_and_says_so() -> None:
    (record,) = assemble(*(["x" * 1_000] * 100), "\n")

    assert record.body == "x" * MAX_LINE_CHARS + f" ... {100_000 - MAX_LINE_CHARS} characters cut ..."
    assert assemble("y" * 100_000 + "\n")[0].body == record.body.replace("x", "y")
    assert LineAssembler().feed("z" * 10_000_000) == []


def test_a_chained_traceback_is_one_record_named_by_its_last_exception() -> None:
    text = chained()

    by_line = assemble("before\n", *text.splitlines(keepends=True), "after\n")

    assert by_line == assemble("before\n" + text + "after\n")
    assert [record.body for record in by_line] == ["before", "RuntimeError: no candles", "after"]
    assert (by_line[1].exception_type, by_line[1].exception_message) == ("RuntimeError", "no candles")
    assert by_line[1].stacktrace == text.rstrip()


def test_two_tracebacks_in_a_row_are_two_records() -> None:
    assert [record.exception_message for record in assemble(chained() + chained())] == ["no candles"] * 2


def test_an_exception_group_is_one_record() -> None:
    try:
        raise ExceptionGroup("two feeds", [ValueError("a"), KeyError("b")])
    except ExceptionGroup as error:
        text = printed(error)

    first, second = assemble(text + "after\n")

    assert (first.exception_type, first.stacktrace) == ("ExceptionGroup", text.rstrip())
    assert second.body == "after"


def test_a_pause_ends_a_traceback_that_is_complete() -> None:
    lines = LineAssembler()
    head, _, last = chained().rstrip("\n").rpartition("\n")

    assert lines.feed(head + "\n") + lines.settle() == []
    assert lines.feed(last + "\n") == []
    assert [record.exception_type for record in lines.settle()] == ["RuntimeError"]
    assert lines.finish() == []


def test_a_traceback_of_thousands_of_lines_keeps_head_and_tail() -> None:
    frames = "".join(f'  File "bot.py", line {n}, in step{n}\n' for n in range(5_000))
    (record,) = assemble("Traceback (most recent call last):\n" + frames + "ValueError: deep\n")

    lines = record.stacktrace.split("\n")
    assert (lines[0], lines[-1]) == ("Traceback (most recent call last):", "ValueError: deep")
    assert "  ... 4702 lines cut ..." in lines
    assert len(lines) == 301


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(st.sampled_from("ab \n\r\t\x1b[m|+:T") | st.characters()), max_size=20))
def test_any_text_in_any_portions_gives_the_same_records(pieces: list[str]) -> None:
    assert assemble(*pieces) == assemble("".join(pieces))
