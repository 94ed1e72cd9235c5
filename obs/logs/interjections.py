"""Lines without a head: which belong to the record before, and which are another writer's voice.

The interpreter, the shell and the C library write to the same stream as the log. What they say opens a record
of its own, also in the middle of a log whose other lines without a head go on with the record before them.
"""

from __future__ import annotations

import re

from obs.events import Severity

__all__ = ["goes_on", "opens"]

_DEATH = (
    r"Fatal Python error: |Segmentation fault|Killed$|Aborted|Bus error|Illegal instruction|terminate called|"
    r"(?:free|malloc|realloc|corrupted|double free)[\w ]*\(\)|Out of memory|"
    r".*: line \d+:\s+\d+ (?:Killed|Segmentation|Aborted)|panic: |fatal error: |thread 'main' .*panicked at"
)
_FAILURE = (
    r"--- Logging error ---|Exception in thread |Unhandled exception|Error in atexit|Exception in callback |"
    r"thread '.*panicked at|timeout: |Traceback \(most recent|"
    r"Uncaught |\(node:\d+\) Unhandled|\[?UnhandledPromiseRejection"
)
_WARNING = r"Exception ignored in|\(node:\d+\) |\S+\.pyx?:\d+: \w*Warning: "
_OPENS = re.compile(f"(?P<death>{_DEATH})|(?P<failure>{_FAILURE})|(?P<warning>{_WARNING})")
_SEVERITY = {"death": Severity.FATAL, "failure": Severity.ERROR, "warning": Severity.WARN}
_GOES_ON = re.compile(
    r"During handling of the above|The above exception was|Traceback \(most|Call stack:|Message: |"
    r"Arguments: |"
    r"(?:Current thread|Thread) 0x|Extension modules: |For further info|For more info|\(Background on|"
    r"(?:DETAIL|HINT|LINE \d+|CONTEXT): |[\]})+|]|\[SQL"
)


def opens(line: str) -> Severity | None:
    """Return how grave it is when a line is a known voice from outside the log, else None."""
    found = _OPENS.match(line)
    return _SEVERITY[found.lastgroup or ""] if found is not None else None


def goes_on(line: str) -> bool:
    """Whether a line never opens a record: indented, or a known part of something longer."""
    return line[0] in " \t" or _GOES_ON.match(line) is not None
