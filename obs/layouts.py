"""Headers of log lines: which fields a program prints before its message, and where they end.

`scan` reads the head of one line as a row of fields (time, level, logger, process, place) between separators
and returns a `Layout`, a regular expression for all lines of that make. It takes only what is certain; a word
that may be a logger or the message's first word is left in the message, and `vote` decides it over many lines.
The loop that applies layouts to a stream is in `obs.formats`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from obs.events import Severity, severity_of
from obs.timestamps import FORMS, GLOG, TimeForm

__all__ = ["SEVERITY_WORDS", "Layout", "scan", "vote"]

_LEVELS = (
    "TRACE VERBOSE DEBUG DBG INFO INF INFORMATION NOTICE SUCCESS WARN WARNING WRN ERROR ERR SEVERE EXCEPTION FATAL "
    "CRITICAL CRIT ALERT EMERG EMERGENCY PANIC FINE FINER FINEST"
).split()

SEVERITY_WORDS: dict[str, Severity] = {
    spelled: severity_of(word) for word in _LEVELS for spelled in (word, word.lower(), word.title())
}
"""Level words as printed, and what they mean. One letter is a level only where the form demands it."""
# hummingbot's own levels: NETWORK is DEBUG + 6 (hummingbot/logger/__init__.py); the others stand beside it.
SEVERITY_WORDS.update(dict.fromkeys(("NETWORK", "EVENT_LOG", "METRICS_LOG"), Severity.DEBUG))
SEVERITY_WORDS["NOTIFICATION"] = Severity.INFO

_BY_LENGTH = sorted(SEVERITY_WORDS, key=len, reverse=True)
_ANY_LEVEL = "|".join(_BY_LENGTH)
_UPPER = "|".join(word for word in _BY_LENGTH if word.isupper())
SEVERITY_WORDS.update({letter: severity_of(letter) for letter in "DIWECF"})
SEVERITY_WORDS["V"] = Severity.TRACE

_NAME = r"[A-Za-z_][\w.$<>-]*"
_DOTTED = r"[A-Za-z_]\w*(?:\.[\w<>$-]+)+"
_STRONG = r"(?:\s+- |\s*\|\s*|\s+:: )"
"""Separators that no sentence has between its words."""
_BEFORE = (
    # one field between time and level, with its separator
    r"\[(?P<pid>\d{1,10})\]\s*",
    rf"\[(?P<logger>{_NAME}(?:[/:]{_NAME})*)\]\s*(?=[\[<(])",
    rf"(?P<pid>\d{{1,10}}){_STRONG}",
    rf"(?P<logger>[^\s|\[\]]+){_STRONG}",
    rf"(?P<logger>[^\s|\[\]][^|\[\]]{{0,40}}?){_STRONG}",
    rf"[^\s|][^|]{{0,60}}?{_STRONG}",
    r"\[[^\]\[]{1,60}\]\s+",
    r"(?P<pid>\d{1,10})\s+",
    rf"(?P<logger>{_DOTTED})\s+(?=[A-Z])",
    rf"(?P<logger>{_DOTTED}): (?=\s*\[)",
)
_LEVEL_FIELDS = (
    rf"\[\s*(?P<level>{_ANY_LEVEL})\s*\](?:\s*:\s|\s+- |\s*\|\s*|\s*)",
    rf"<(?P<level>{_ANY_LEVEL})>(?:\s*:\s|\s+- |\s*)",
    rf"\((?P<level>{_ANY_LEVEL})\)(?:\s*:\s|\s+- |\s*)",
    rf"(?P<level>{_ANY_LEVEL}){_STRONG}",
    rf"(?P<level>{_UPPER})(?:\s*:\s+|\s+---\s+|:(?=\S)|\s+)",
)
_PLACES = (
    # what may stand between level and message, and cannot be the message
    rf"(?P<logger>{_NAME}):(?P<place>[\w<>.]+:\d+)(?:{_STRONG}|:? )",
    rf"\[(?P<logger>{_DOTTED})\](?:\s*:\s|\s+- |\s+)",
    r"\[(?P<place>[\w.-]+\.py:\d+)\](?:\s*:\s|\s+- |\s+)",
    rf"(?P<place>[\w./\\-]+\.py:\d+)(?:{_STRONG}|:? )",
    rf"\[[^\]\[]{{1,60}}\]\s+(?P<logger>{_DOTTED})(?:\s+[-:]\s|:\s)",
    r"(?P<trader>[A-Z][A-Z0-9]*-[\w-]+)\.(?P<logger>[\w-]+(?:\([^)]*\))?): ",
    rf"(?P<logger>{_DOTTED})(?:{_STRONG}|:\s)",
    rf"(?P<logger>__main__|root)(?:{_STRONG}|:\s?)",
)
_TIMELESS = (
    rf"(?P<level>{_UPPER}):(?P<logger>{_NAME}):",
    rf"(?P<level>{_UPPER}):\s+",
    rf"(?P<level>{_UPPER})\s+\[(?P<logger>{_NAME})\]\s+",
    rf"\[\s*(?P<level>{_ANY_LEVEL})\s*\]\s*:?\s*",
    rf"(?P<logger>{_NAME})\s+- (?P<level>{_UPPER})\s+- ",
    rf"(?P<level>{_UPPER})\s+(?:- |\|\s*)",
    rf"\[(?P<logger>{_NAME})\]\s*\[(?P<level>{_ANY_LEVEL})\]\s*:?\s*",
)
_WHOLE = (
    # heads that are one piece; TIME stands for the form
    ("celery", ("iso",), r"\[TIME: (?P<level>[A-Z]+)/(?P<logger>[\w.-]+)\]\s*"),
    ("tornado", ("six digits",), r"\[(?P<level>[DIWECF]) TIME (?P<logger>[\w.-]+):(?P<place>\d+)\]\s*"),
    ("glog", ("glog",), r"(?P<level>[DIWEFC])TIME\s+(?P<pid>\d+) (?P<logger>[\w.-]+):(?P<place>\d+)\]\s*"),
    (
        "android",
        ("without year",),
        r"TIME\s+(?P<pid>\d+)\s+\d+ (?P<level>[VDIWEF]) (?P<logger>[^:]{1,60}?)\s*: ",
    ),
    (
        "syslog",
        ("syslog", "iso"),
        r"(?:<\d{1,3}>1? ?)?TIME (?P<host>[\w.-]+) (?P<logger>[\w./()@-]+)(?:\[(?P<pid>\d+)\])?: ",
    ),
    ("access log", ("named",), r"(?=\S+ \S+ \S+ \[TIME\] )"),
)
_FORM = {form.name: form for form in (*FORMS, GLOG)}
_EXTENSIONS = {
    # what may be a logger or the message's first word: only many lines can tell
    False: (rf"(?P<logger>{_NAME})(?:\[\d+\])? (?P<level>{_UPPER})(?:\s*:\s|\s+)",),
    True: (
        rf"\[(?P<logger>{_NAME})\]\s+",
        rf"(?P<logger>{_NAME}): ",
        rf"(?P<logger>{_NAME}){_STRONG}",
        rf"(?P<logger>[\w.]+):\d+(?:{_STRONG}|:? )",
    ),
}
_STARTS = re.compile(r"[\d\[(<A-Za-z_]")


class Layout:
    """The head of one program's lines, as a regular expression."""

    def __init__(self, pattern: str, form: TimeForm | None, kind: str) -> None:
        """Compile a layout; `pattern` is the head without the message."""
        self.pattern = pattern
        self.form = form
        self.kind = kind
        compiled = re.compile(pattern + r"(?P<message>.*)", re.DOTALL)
        self.match = compiled.match
        self.search = compiled.search
        groups = compiled.groupindex
        self.has_level = "level" in groups
        self.has_logger = "logger" in groups
        # One call of `group` with numbers is the fastest way to all fields; 0 gives the whole, which is ignored.
        self.fields = tuple(
            groups.get(name, 0) for name in ("t", "f", "z", "level", "logger", "trader", "message")
        )

    def __repr__(self) -> str:
        return f"Layout({self.kind!r}, {self.pattern!r})"

    def extended(self, extension: str) -> Layout:
        """Return this layout with one more field before the message."""
        return _layout(self.pattern + _loose(extension), self.form, self.kind)


def scan(line: str) -> Layout | None:
    """Return the layout of the line's head, or None when the line has no head that is certain."""
    if not _STARTS.match(line):
        return None
    for kind, forms, pattern in _WHOLE:
        for name in forms:
            form = _FORM[name]
            full = pattern.replace("TIME", form.pattern)
            if _compiled(full).match(line):
                return _layout(full, form, kind)
    if line[0].isdigit() or line[0] in "[(<" or line[:3].isalpha():
        for form in FORMS:
            for opening, closing in (("", ""), (r"\[", r"\]"), (r"\(", r"\)")):
                layout = _timed(line, form, opening, closing)
                if layout is not None:
                    return layout
    for field in _TIMELESS:
        if _compiled(field).match(line):
            return _layout(_loose(field), None, "level first")
    return None


def vote(layout: Layout, messages: Sequence[str]) -> Layout | None:
    """Return the layout with the logger that most of its messages begin with, or None.

    Args:
        layout: A layout that leaves a doubtful word in the message.
        messages: What it left, for a sample of lines.
    """
    if layout.has_logger or len(messages) < 5 or layout.kind in {"access log", "syslog"}:
        return None
    for extension in _EXTENSIONS[layout.has_level]:
        compiled = _compiled(extension)
        names = [found["logger"] for message in messages if (found := compiled.match(message))]
        # A message that always begins with the same kind of word ("Order: ...") has many of them or few lines.
        if len(names) >= 0.8 * len(messages) and len(set(names)) <= max(1, len(names) // 2):
            return layout.extended(extension)
    return None


def _timed(line: str, form: TimeForm, opening: str, closing: str) -> Layout | None:
    head = opening + form.pattern + closing
    found = _compiled(head + (r"" if closing else r"(?=\W)")).match(line)
    if found is None:
        return None
    after = r"(?:\s*[-|:]\s+|\s*)" if closing else r"(?:\s- |\s*\|\s*|:\s+|\s)\s*"
    start = _compiled(head + after).match(line)
    if start is None or start.end() == len(line):
        return None
    tail = _to_message(line, start.end())
    if tail is not None:
        kind = "nautilus" if "<trader>" in tail else "loguru" if ":(?P<place>" in tail else "timed"
        return _layout(head + after + tail, form, kind)
    # A bare number at the start of a line is a time only beside a level.
    return None if form.name == "epoch" else _layout(head + after, form, "time first")


def _to_message(line: str, position: int) -> str | None:
    """Return the pattern of the fields up to the message, if a level stands among the next ones."""
    path, used = "", set[str]()
    for _ in range(4):
        for field in _LEVEL_FIELDS:
            found = _compiled(field).match(line, position)
            if found is not None:
                used.add("level")
                return path + _loose(_settled(field, found)) + _places(line, found.end(), used)
        for field in _BEFORE:
            compiled = _compiled(field)
            found = compiled.match(line, position)
            if found is not None and not set(compiled.groupindex) & used:
                break
        else:
            return None
        path += _settled(field, found)
        used |= set(compiled.groupindex)
        position = found.end()
    return None


def _places(line: str, position: int, used: set[str]) -> str:
    for field in _PLACES:
        compiled = _compiled(field)
        found = compiled.match(line, position)
        if found is None:
            continue
        if not set(compiled.groupindex) & used:
            return _settled(field, found)
        if "place" in compiled.groupindex:
            return _settled(field, found).replace("?P<logger>", "?:")
    return ""


def _settled(field: str, found: re.Match[str]) -> str:
    """Replace the choice of separators by the one this program prints: fewer ways to match are faster."""
    text = found[0].rstrip()
    for ending, separator in (("-", r"\s+- "), ("|", r"\s*\|\s*"), ("::", r"\s+:: ")):
        if text.endswith(ending):
            return field.replace(_STRONG, separator)
    return field


def _loose(field: str) -> str:
    """Let any word stand for the level: the caller looks it up, which is faster than sixty alternatives."""
    return field.replace(_ANY_LEVEL, r"[A-Za-z_]+").replace(_UPPER, r"[A-Z_]+")


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


@lru_cache(maxsize=256)
def _layout(pattern: str, form: TimeForm | None, kind: str) -> Layout:
    return Layout(pattern, form, kind)
