"""Exceptions: printed as Python prints them, without keeping a frame."""

from __future__ import annotations

import gc
import traceback
import weakref
from collections.abc import Callable

import pytest

from obs.recording.raised import FrameTexts, summarise


def recursive(depth: int) -> None:
    if depth:
        recursive(depth - 1)
    raise ValueError("deep")


def plain() -> None:
    raise ValueError("a\nb")


def caused() -> None:
    try:
        plain()
    except ValueError as error:
        raise KeyError("key") from error


def during() -> None:
    try:
        caused()
    except KeyError:
        raise RuntimeError from ZeroDivisionError("never raised")


def context() -> None:
    try:
        caused()
    except KeyError:
        int("no number")


def hidden() -> None:
    try:
        plain()
    except ValueError:
        raise OSError(2, "No such file", "x.txt") from None


def noted() -> None:
    error = ValueError("with notes")
    error.add_note("one")
    error.add_note("two\nlines")
    raise error


def repeated() -> None:
    recursive(20)


def syntax() -> None:
    compile("x = = 1", "bot.py", "exec")


def cyclic() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__context__, second.__context__ = second, first
    raise first


def grouped() -> None:
    errors: list[Exception] = []
    for make in (plain, caused):
        try:
            make()
        except Exception as error:
            errors.append(error)
    errors.append(ExceptionGroup("inner", [TypeError("t")]))
    raise ExceptionGroup("several", errors)


@pytest.mark.parametrize(
    "make",
    [plain, caused, during, context, hidden, noted, repeated, syntax, cyclic, grouped],
    ids=lambda make: make.__name__,
)
def test_an_exception_is_printed_as_python_prints_it(make: Callable[[], None]) -> None:
    try:
        make()
    except Exception as error:
        raised = summarise(error)
        expected = "".join(traceback.format_exception(error)).rstrip("\n")

    texts = FrameTexts()
    assert texts.print(raised, may_read=True) == expected
    # The second time from what was kept of the first.
    assert texts.known(raised)
    assert texts.print(raised, may_read=False) == expected


def test_a_summary_keeps_no_local_variable_alive() -> None:
    """Trap 10: a weak reference to a local of the raising function is dead when the call returns."""

    class Position: ...

    def fail() -> weakref.ref[Position]:
        position = Position()
        seen = weakref.ref(position)
        try:
            raise ValueError("x", 42)
        except ValueError as error:
            kept.append(summarise(error))
        return seen

    kept: list[object] = []
    gc.disable()
    try:
        seen = fail()
        assert seen() is None
    finally:
        gc.enable()


def test_a_text_that_is_foreign_code_is_left_to_the_renderer() -> None:
    class RudeError(Exception):
        def __str__(self) -> str:
            raise AssertionError("the caller ran foreign code")

        @property
        def args(self) -> tuple[object, ...]:  # type: ignore[override]
            raise AssertionError("the caller ran foreign code")

    raised = summarise(RudeError("order", 42))

    assert raised.text == "order, 42"
    assert isinstance(raised.pending, RudeError)


def test_thousands_of_links_and_frames_are_cut() -> None:
    error: Exception = ValueError(0)
    for number in range(5_000):
        newer = ValueError(number)
        newer.__context__ = error
        error = newer

    printed = FrameTexts().print(summarise(error), may_read=True)

    assert printed.count("ValueError") <= 201
