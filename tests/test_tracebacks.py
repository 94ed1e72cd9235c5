# ruff: noqa: E501  a traceback is read by the line
"""What Python and others print of an exception is read back into blocks and frames."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from obs.logs import tracebacks
from obs.logs.tracebacks import Block, Frame

LOGS = Path(__file__).parent / "data" / "logs"

CHAIN = """\
Traceback (most recent call last):
  File "/srv/venv/lib/python3.12/site-packages/aiohttp/connector.py", line 11, in connect
    return await self._create()
           ^^^^^^^^^^^^^^^^^^^^
ConnectionResetError: [Errno 104] Connection reset by peer

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/srv/bot/strategies/mine.py", line 42, in confirm
    self.check(pair)
  File "/srv/venv/lib/python3.12/site-packages/ccxt/base/exchange.py", line 7, in fetch
ccxt.base.errors.NetworkError: demo GET

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/srv/bot/main.py", line 3, in <module>
    main()
freqtrade.exceptions.TemporaryError: Could not place order.
Message: second line
"""


def test_a_chain_is_read_from_its_oldest_cause() -> None:
    first, second, last = tracebacks.parse(CHAIN)

    assert first == Block(
        "ConnectionResetError",
        "[Errno 104] Connection reset by peer",
        (
            Frame(
                "/srv/venv/lib/python3.12/site-packages/aiohttp/connector.py",
                11,
                "connect",
                "return await self._create()",
                in_app=False,
            ),
        ),
        "cause",
    )
    assert (second.type, second.kind) == ("ccxt.base.errors.NetworkError", "context")
    assert (last.type, last.kind) == ("freqtrade.exceptions.TemporaryError", "")
    assert last.message.startswith("Could not place order.")


def test_the_frame_to_blame_is_the_programs_own_innermost_one_of_the_first_block_that_has_one() -> None:
    frame = tracebacks.culprit(tracebacks.parse(CHAIN))

    assert frame == Frame("/srv/bot/strategies/mine.py", 42, "confirm", "self.check(pair)", in_app=True)


def test_a_traceback_of_libraries_alone_blames_no_frame() -> None:
    text = 'Traceback (most recent call last):\n  File "/usr/lib/python3.12/json/decoder.py", line 5, in decode\nValueError: x'

    assert tracebacks.culprit(tracebacks.parse(text)) is None


def test_installed_packages_the_standard_library_and_generated_code_are_not_the_program() -> None:
    foreign = [
        "/srv/venv/lib/python3.12/site-packages/ccxt/binance.py",
        "/usr/lib/python3/dist-packages/requests/api.py",
        "/usr/local/lib/python3.12/asyncio/runners.py",
        "C:\\Users\\me\\AppData\\Local\\Programs\\Python\\Python312\\Lib\\asyncio\\runners.py",
        "C:\\Users\\me\\anaconda3\\Lib\\site-packages\\psycopg2\\pool.py",
        "/home/me/miniconda3/lib/python3.11/logging/__init__.py",
        "<frozen importlib._bootstrap>",
        "<string>",
        "nautilus_trader/common/actor.pyx",
        "/srv/venv/bin/freqtrade",
        "node:internal/process/task_queues",
    ]
    own = [
        "/srv/bot/main.py",
        "C:\\Users\\me\\anaconda3\\envs\\trade\\bot\\main.py",
        "main.py",
        "/home/me/lib/bot.py",
    ]

    frames = [
        tracebacks.parse(f'  File "{file}", line 1, in f\nValueError')[0].frames[0] for file in foreign + own
    ]

    assert [frame.file for frame in frames if frame.in_app] == own


def test_a_syntax_error_has_a_frame_without_a_function() -> None:
    text = (
        'Traceback (most recent call last):\n  File "/srv/bot/main.py", line 3, in load\n    import plan\n'
        '  File "/srv/bot/plan.py", line 7\n    def x(:\n          ^\nSyntaxError: invalid syntax'
    )

    (block,) = tracebacks.parse(text)

    assert (block.type, block.message) == ("SyntaxError", "invalid syntax")
    assert block.frames[-1] == Frame("/srv/bot/plan.py", 7, "", "def x(:", in_app=True)


def test_the_members_of_a_group_stand_before_the_group() -> None:
    blocks = tracebacks.parse((LOGS / "group.txt").read_text("utf-8"))

    assert [block.type for block in blocks] == ["TimeoutError", "ValueError", "ExceptionGroup"]
    assert tracebacks.last_exception((LOGS / "group.txt").read_text("utf-8").split("\n")) == (
        "ExceptionGroup", "unhandled errors in a TaskGroup (2 sub-exceptions)",
    )  # fmt: skip
    assert tracebacks.culprit(blocks) == Frame(
        "/srv/bot/feed.py", 4, "feed", 'raise TimeoutError("no tick")', True
    )


def test_a_boxed_traceback_of_rich_is_read() -> None:
    (block,) = tracebacks.parse((LOGS / "rich_traceback.txt").read_text("utf-8"))

    assert (block.type, block.message) == ("NetworkError", "https://127.0.0.1")
    assert [(frame.file, frame.line, frame.function) for frame in block.frames] == [
        ("/srv/bot/main.py", 9, "<module>"),
        ("/srv/venv/lib/python3.12/site-packages/ccxt/binance.py", 100, "fetch"),
    ]


def test_a_dump_of_the_fault_handler_gives_the_frames_of_the_faulting_thread_outermost_first() -> None:
    text = (
        "Fatal Python error: Segmentation fault\n\nThread 0x01 (most recent call first):\n"
        '  File "/usr/lib/python3.12/threading.py", line 5 in wait\n\n'
        "Current thread 0x02 (most recent call first):\n"
        '  File "/usr/lib/python3.12/ctypes/__init__.py", line 525 in string_at\n'
        '  File "/srv/bot/native.py", line 51 in crash\n  File "/srv/bot/main.py", line 8 in <module>\n\n'
        'Thread 0x03 (most recent call first):\n  File "/srv/bot/idle.py", line 1 in sleep\n\n'
        "Extension modules: numpy (total: 1)"
    )

    (block,) = tracebacks.parse(text)

    assert (block.type, block.message) == ("Fatal Python error", "Segmentation fault")
    assert [frame.function for frame in block.frames] == ["<module>", "crash", "string_at"]
    assert tracebacks.culprit((block,)) == Frame("/srv/bot/native.py", 51, "crash", "", in_app=True)


def test_the_call_stack_of_a_logging_error_is_not_part_of_the_exception() -> None:
    text = (
        '--- Logging error ---\nTraceback (most recent call last):\n  File "/srv/bot/io.py", line 4, in emit\n'
        'OSError: [Errno 28] No space left on device\nCall stack:\n  File "/srv/bot/main.py", line 3, in <module>\n'
        "    main()\nMessage: 'tick %s'\nArguments: (5,)"
    )

    (block,) = tracebacks.parse(text)

    assert (block.type, block.message) == ("OSError", "[Errno 28] No space left on device")
    assert [frame.file for frame in block.frames] == ["/srv/bot/io.py"]


def test_a_traceback_whose_head_was_cut_off_is_read_as_far_as_it_goes() -> None:
    text = '    new_index, indexer = ax.reindex(\n           ^^^^^^^\n  File "/srv/bot/data.py", line 5, in load\n    x()\nKeyError: 5'

    (block,) = tracebacks.parse(text)

    assert (block.type, block.message, block.frames[0].line) == ("KeyError", "5", 5)


def test_an_exception_without_a_message_has_its_type() -> None:
    (block,) = tracebacks.parse(
        'Traceback (most recent call last):\n  File "a.py", line 1, in f\nKeyboardInterrupt'
    )

    assert (block.type, block.message) == ("KeyboardInterrupt", "")


def test_frames_of_java_and_javascript_are_read() -> None:
    text = "java.lang.IllegalStateException: feed closed\n\tat com.acme.Feed.read(Feed.java:12)\n\tat com.acme.Main.main(Main.java:5)"

    (block,) = tracebacks.parse(text)

    assert (block.type, block.message) == ("java.lang.IllegalStateException", "feed closed")
    assert [(frame.file, frame.line, frame.function) for frame in block.frames] == [
        ("Main.java", 5, "com.acme.Main.main"), ("Feed.java", 12, "com.acme.Feed.read"),
    ]  # fmt: skip


def test_text_without_a_traceback_has_no_blocks() -> None:
    assert tracebacks.parse("an ordinary message: with a colon\nand more") == ()


FRAGMENTS = [
    *CHAIN.split("\n"),
    *(LOGS / "group.txt").read_text("utf-8").split("\n"),
    "│ /a.py:1 in f │",
    "  | ",
    "+",
    "",
    "\t at",
]


@given(st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=30)), max_size=60))
@settings(max_examples=200, deadline=None)
def test_no_text_is_refused(lines: list[str]) -> None:
    blocks = tracebacks.parse("\n".join(lines))

    assert all(isinstance(frame.line, int) for block in blocks for frame in block.frames)
    assert tracebacks.first_line(lines) < max(1, len(lines))
