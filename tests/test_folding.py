"""A long traceback in few lines that still say where, what and how it came."""

from __future__ import annotations

from obs.logs.folding import MAX_LINES, folded
from obs.logs.tracebacks import parse

LIB = "/venv/lib/python3.12/site-packages"


def test_the_line_to_blame_comes_first_and_library_frames_are_counted() -> None:
    text = f"""Traceback (most recent call last):
  File "/home/me/bot/main.py", line 9, in <module>
    loop()
  File "/home/me/bot/strategy.py", line 42, in loop
    ex.fetch_ticker(symbol)
  File "{LIB}/ccxt/binance.py", line 100, in fetch_ticker
    response = self.request()
  File "{LIB}/ccxt/base/exchange.py", line 7, in request
    raise NetworkError("timed out")
ccxt.base.errors.NetworkError: timed out"""

    assert folded(parse(text)) == (
        "/home/me/bot/strategy.py:42 in loop: ex.fetch_ticker(symbol)",
        "ccxt.base.errors.NetworkError: timed out",
        "  [2 frames of ccxt]",
        "  at the line above",
        "  /home/me/bot/main.py:9 in <module>: loop()",
    )


def test_a_chain_says_how_one_exception_led_to_the_next() -> None:
    text = """Traceback (most recent call last):
  File "/bot/a.py", line 1, in read
    d["x"]
KeyError: 'x'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/bot/a.py", line 5, in run
    raise ValueError("no x") from None
ValueError: no x

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/usr/lib/python3.12/asyncio/runners.py", line 8, in run
    return runner.run(main)
RuntimeError: gave up"""

    assert folded(parse(text)) == (
        '/bot/a.py:1 in read: d["x"]',
        "KeyError: 'x'",
        "  at the line above",
        "while that was handled: ValueError: no x",
        '  /bot/a.py:5 in run: raise ValueError("no x") from None',
        "raised from it: RuntimeError: gave up",
        "  [1 frame of asyncio]",
    )


def test_what_a_retry_raised_again_is_counted_not_repeated() -> None:
    one = """Traceback (most recent call last):
  File "/bot/a.py", line 1, in ask
    get()
TimeoutError: no answer after {n} s
"""
    link = "\nDuring handling of the above exception, another exception occurred:\n\n"

    assert folded(parse(link.join(one.format(n=n) for n in (1, 2, 3)))) == (
        "/bot/a.py:1 in ask: get()",
        "TimeoutError: no answer after 1 s",
        "  at the line above",
        "[2 exceptions of the chain raised again]",
    )


def test_a_group_of_tasks_tells_its_members_before_itself() -> None:
    text = """  + Exception Group Traceback (most recent call last):
  |   File "/bot/main.py", line 3, in <module>
  |     asyncio.run(main())
  | ExceptionGroup: unhandled errors in a TaskGroup (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/bot/feed.py", line 7, in feed
    |     raise OSError("closed")
    | OSError: closed
    +---------------- 2 ----------------
    | Traceback (most recent call last):
    |   File "/bot/orders.py", line 8, in send
    |     raise ValueError("size")
    | ValueError: size
    +------------------------------------"""

    lines = folded(parse(text))

    assert lines[0] == '/bot/feed.py:7 in feed: raise OSError("closed")'
    assert [line for line in lines if not line.startswith(" ")][1:] == [
        "OSError: closed",
        "ValueError: size",
        "ExceptionGroup: unhandled errors in a TaskGroup (2 sub-exceptions)",
    ]


def test_a_deep_recursion_stays_short() -> None:
    frames = '  File "/bot/a.py", line 1, in f\n    f()\n' * 900
    text = f"Traceback (most recent call last):\n{frames}RecursionError: maximum recursion depth exceeded"

    lines = folded(parse(text))

    assert len(lines) <= MAX_LINES
    assert lines[1] == "RecursionError: maximum recursion depth exceeded"
    assert "more frames of the bot" in lines[-1]


def test_text_without_a_traceback_has_nothing_to_tell() -> None:
    assert folded(parse("order 42 rejected")) == ()
