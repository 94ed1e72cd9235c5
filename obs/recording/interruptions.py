"""Telling our own failures from the bot's signal handlers: ours are swallowed and counted, theirs never.

A bot may raise from a signal handler (`TimeoutError` on an alarm) at any instruction, also inside of us.
That exception is the bot's, and it must get it. Standard library only.
"""

from __future__ import annotations

import os
from types import TracebackType
from typing import Final

__all__ = ["is_interruption"]

_OURS: Final = (
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep,  # noqa: PTH100, PTH120
    os.path.dirname(os.path.abspath(os.__file__)) + os.sep,  # noqa: PTH100, PTH120
    "<frozen ",
)
_INSTALLED: Final = f"{os.sep}site-packages{os.sep}"


def is_interruption(error: BaseException) -> bool:
    """Whether the innermost frame of the exception is neither ours nor the standard library's.

    On a caller's thread we run no foreign code, so only a signal handler can have put such a frame there.
    """
    trace: TracebackType | None = error.__traceback__
    if trace is None:
        return False
    while trace.tb_next is not None:
        trace = trace.tb_next
    path = trace.tb_frame.f_code.co_filename
    if not path.startswith(_OURS):
        return True
    return _INSTALLED in path and not path.startswith(_OURS[0])
