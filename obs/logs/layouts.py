"""Heads of log lines: which fields a program prints before its message, and where they end.

`scan` reads the head of one line as a row of fields (time, level, logger, process, place) between separators
and returns a `Layout`, a regular expression for all lines of that make. It takes only what is certain; a word
that may be a logger or the message's first word stays in the message, and `vote` decides it over many lines.
Which layouts a stream has is kept by `obs.logs.heads`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from obs.events import Severity, severity_of
from obs.logs import composed
from obs.logs.timestamps import FORMS, GLOG, TimeForm

__all__ = ["CONTAINER", "LEVELS", "RICH", "Layout", "scan", "vote", "wrapper"]

_PLAIN_WORDS = (
    "TRACE", "VERBOSE", "DEBUG", "DBG", "INFO", "INF", "NOTICE", "SUCCESS", "WARN", "WARNING", "WRN", "ERROR",
    "ERR", "SEVERE", "FATAL", "CRITICAL", "CRIT",
)  # fmt: skip
LEVELS: dict[str, Severity] = {word: severity_of(word) for word in _PLAIN_WORDS}
LEVELS["LOG"] = Severity.INFO  # PostgreSQL's
"""Words that are a level also between two spaces; `ALERT BTC above 50k` is a message, `[ALERT] ...` not."""
_WORDS = {
    spelled: severity_of(word)
    for word in [
        *_PLAIN_WORDS,
        "INFORMATION",
        "EXCEPTION",
        "ALERT",
        "EMERG",
        "EMERGENCY",
        "PANIC",
        "FINE",
        "FINER",
    ]
    for spelled in (word, word.lower(), word.title())
}
# hummingbot's own levels: NETWORK is DEBUG + 6 (hummingbot/logger/__init__.py), the others stand beside it.
_WORDS.update(dict.fromkeys(("NETWORK", "EVENT_LOG", "METRICS_LOG"), Severity.DEBUG))
_WORDS.update({"NOTIFICATION": Severity.INFO, "V": Severity.TRACE})
# npm's levels, as winston prints them; Redis' marks; zap's panic of development.
_WORDS.update(
    {"http": Severity.INFO, "silly": Severity.TRACE, "DPANIC": Severity.FATAL, "dpanic": Severity.FATAL}
)
_WORDS.update({".": Severity.DEBUG, "-": Severity.INFO, "*": Severity.INFO, "#": Severity.WARN})
_WORDS.update({letter: severity_of(letter) for letter in "DIWECF"})

_ANY_LEVEL = "(?P<level>" + "|".join(sorted((w for w in _WORDS if len(w) > 1), key=len, reverse=True)) + ")"
_UPPER = r"[A-Z]+\b"
_BARE_LEVEL = "(?P<level>" + "|".join(sorted(LEVELS, key=len, reverse=True)) + ")"
_LOWER_LEVEL = "(?P<level>error|warn|warning|info|http|verbose|debug|silly|trace|notice|fatal|critical)"
"""Levels as Node's and Go's libraries print them before a colon."""
_NAME = r"[A-Za-z_][\w.$<>-]*"
_DOTTED = (
    # a module path; neither the exception that a message begins with, nor a host or a file
    r"(?![\w.]*(?:Error|Exception|Warning|Timeout)\b)"
    r"(?!\S*\.(?:com|org|net|io|us|co|app|json|ya?ml|toml|csv|log|txt|db|sqlite|feather|parquet|gz|zip)\b)"
    r"[a-z_]\w*(?:\.[A-Za-z_<$][\w<>$-]*)+"
)
_STRONG = r"(?:\s+- |\s*\|\s*|\s+:: )"
"""Separators that no sentence has between its words."""
_END = r"(?:\s*:\s|\s+- |\s*\|\s*| ?)"
"""What may follow a closed bracket."""
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
    rf"(?P<logger>{_DOTTED}):\s+(?=\[)",
)
_LEVEL_FIELDS = (
    rf"\[\s*{_ANY_LEVEL}\s*\]{_END}",
    rf"<{_ANY_LEVEL}>{_END}",
    rf"\({_ANY_LEVEL}\){_END}",
    rf"{_ANY_LEVEL}{_STRONG}",
    rf"{_BARE_LEVEL}(?:\s*:\s+|\s+---\s+|:(?=\S)|\s+)",
    rf"{_LOWER_LEVEL}\s*:\s+",
)
_RUST_PATH = r"[a-z_]\w*(?:::\w+)+"
_PLACES = (
    # what may stand between level and message, and cannot be the message
    # tracing's spans, then the target: `tick{symbol="X"}: bot::orders: src/orders.rs:17: `
    r"(?:[\w-]+ )?(?:ThreadId\(\d+\) )?(?:(?:[\w.-]+(?:\{[^{}]*\})?:)+ )?"
    rf"(?P<logger>{_RUST_PATH}): (?:(?P<place>[\w./-]+\.rs:\d+): |(?P<at>\d+): )?",
    r"\((?:(?P<logger>[\w.@-]+)/)?\d+(?: on [\w.-]+)?\): ",
    rf"(?P<logger>{_NAME}):(?P<place>[\w<>.]+:\d+)(?:{_STRONG}|:? )",
    rf"\[(?P<logger>{_DOTTED})\](?:\s*:\s|\s+- |\s+)",
    r"\[(?P<place>[\w.-]+\.py:\d+)\](?:\s*:\s|\s+- |\s+)",
    rf"(?P<place>[\w./\\-]+\.py:\d+)(?:{_STRONG}|:? )",
    rf"(?:\d+ )?(?:--- )?(?:\[[^\]\[]{{1,60}}\]\s+){{1,3}}(?P<logger>{_DOTTED})(?:\s+[-:]\s|:\s)",
    r"(?P<trader>[A-Z][A-Z0-9]*-[\w-]+)\.(?P<logger>[\w-]+(?:\([^)]*\))?): ",
    rf"(?P<logger>{_DOTTED})(?:{_STRONG}|:\s)",
    rf"(?P<logger>__main__|root)(?:{_STRONG}|:\s?)",
    r"in (?P<logger>\w+): ",
)
_TIMELESS = (
    rf"{_BARE_LEVEL}:(?P<logger>{_NAME}):(?! )",
    rf"{_BARE_LEVEL}:\s+",
    rf"{_BARE_LEVEL}\s+\[(?P<logger>{_NAME})\]\s+",
    rf"\[\s*{_ANY_LEVEL}\s*\]\s*:?\s*",
    rf"(?P<logger>{_NAME})\s+- {_BARE_LEVEL}\s+- ",
    rf"{_BARE_LEVEL}\s+(?:- |\|\s*)",
    rf"\[(?P<logger>{_NAME})\]\s*\[{_ANY_LEVEL}\]\s*:?\s*",
    rf"\[[^\[\]]{{1,60}}\] {_BARE_LEVEL}\s+(?P<logger>{_DOTTED}) - ",
    rf"{_LOWER_LEVEL}: +",
)
_WHOLE = (
    # heads that are one piece; TIME stands for the form
    ("celery", ("iso",), r"\[TIME: (?P<level>[A-Z]+)/(?P<logger>[\w.-]+)\]\s*"),
    ("tornado", ("six digits",), r"\[(?P<level>[DIWECF]) TIME (?P<logger>[\w.-]+):(?P<place>\d+)\]\s*"),
    ("glog", ("glog",), r"(?P<level>[DIWEFC])TIME\s+(?P<pid>\d+) (?P<logger>[\w.-]+):(?P<place>\d+)\]\s*"),
    (
        "zap",
        ("iso",),
        rf"TIME\t{_ANY_LEVEL}\t(?P<logger>[\w./-]+)\t(?P<place>[\w./@+-]+\.go:\d+)\t",
    ),
    ("zap", ("iso",), rf"TIME\t{_ANY_LEVEL}\t(?P<logger>[\w./@+-]+\.go):(?P<place>\d+)\t"),
    ("zap", ("iso",), rf"TIME\t{_ANY_LEVEL}\t"),
    ("redis", ("named",), r"(?P<pid>\d+):[XCSM] TIME (?P<level>[.*#-]) "),
    ("android", ("without year",), r"TIME\s+\d+\s+\d+ (?P<level>[VDIWEF]) (?P<logger>[^:]{1,60}?)\s*: "),
    ("container", ("iso",), r"TIME (?P<stream>stdout|stderr) (?P<part>[FP]) "),
    (
        "syslog",
        ("syslog", "iso"),
        rf"(?:<\d{{1,3}}>1? ?)?TIME (?!{_UPPER})[\w.-]+ (?P<logger>[\w./()@-]+)(?:\[\d+\])?: ",
    ),
    ("access log", ("named",), r"(?=\S+ \S+ \S+ \[TIME\] )"),
    ("timed", ("iso",), rf"\[TIME[ ,|-]+{_ANY_LEVEL}(?:[ |-]+(?P<logger>[\w.]+(?:::\w+)*)(?::\d+)?)?\]\s*"),
)  # fmt: skip
_LEVEL_THEN_TIME = (rf"\[?{_BARE_LEVEL}\]?(?:\s+- |\s*[|:]\s*|\s*)\[?", r"\]?(?:\s+- |\s*[|:]\s*|\s+)")
_FORM = {form.name: form for form in (*FORMS, GLOG)}
_DOUBTFUL = {
    # what may be a logger or the message's first word: only many lines can tell
    False: (rf"(?P<logger>{_NAME})(?:\[\d+\])? {_BARE_LEVEL}(?:\s*:\s|\s+)",),
    True: (
        rf"\[(?P<logger>{_NAME})\]\s+",
        rf"(?P<logger>{_NAME}): ",
        rf"(?P<logger>{_NAME}){_STRONG}",
        rf"(?P<logger>{_NAME}):\d+(?:{_STRONG}|:? )",
    ),
}
_WRAPPERS = (
    # printed before every line of a container's output; the first must be many to be believed
    r"(?P<service>[A-Za-z][\w.-]*)\s+\| ?",
    r"(?P<service>[A-Za-z][\w.-]*[-_]\d+)\s+\| ?",
    r"\[pod/(?P<service>[\w.-]+)/[\w.-]+\] ",
)
_SPOKEN = {"ctime", "syslog", "named"}
"""Forms of time that tables do not have; shell scripts print them before a message."""
_WRAPPING = {"container", "syslog", "time first", "bare time", "prefix"}
_STARTS = re.compile(r"[\d\[(<A-Za-z_]")


class Layout:
    """The head of one program's lines, as a regular expression."""

    def __init__(self, pattern: str, form: TimeForm | None, kind: str) -> None:
        """Compile a layout; `pattern` is the head without the message."""
        bare = _BARE_LEVEL in pattern
        pattern = pattern.replace(_ANY_LEVEL, "(?P<level>[A-Za-z_]+)").replace(
            _BARE_LEVEL, "(?P<level>[A-Z]+)"
        )
        self.pattern = pattern
        self.form = form
        self.kind = kind
        self.words: Mapping[str, Severity] = LEVELS if bare else _WORDS
        """The level is looked up: that is faster than sixty alternatives in the expression."""
        compiled = re.compile(pattern + r"(?P<message>.*)", re.DOTALL)
        self.match = compiled.match
        self.search = compiled.search
        groups = compiled.groupindex
        self.has_level = "level" in groups
        self.has_logger = "logger" in groups
        self.any_level = self.has_logger and pattern.find("<logger>") < pattern.find("<level>") and not bare
        """Whether the separators are so clear that an unknown word is a level too."""
        self.wraps = kind in _WRAPPING
        """Whether the message may be another program's whole line."""
        self.is_sound = form is not None and (self.has_level or kind != "bare time" or form.name in _SPOKEN)
        """Whether a message's further lines hardly ever look like this head."""
        self.rank = (not self.has_level, form is None, -len(groups))
        """Layouts that say more are tried first: the others would fit their lines too."""
        # One call of `group` with numbers is the fastest way to all fields; 0 is the whole: nobody reads it.
        names = ("t", "f", "z", "level", "logger", "trader", "service", "message")
        self.fields = tuple(groups.get(name, 0) for name in names)
        self.part = groups.get("part", 0)
        """Where a container runtime says that a line goes on."""
        self.extra = "trader" in groups or "service" in groups or self.part > 0

    def __repr__(self) -> str:
        return f"Layout({self.kind!r}, {self.pattern!r})"


def scan(line: str) -> Layout | None:
    """Return the layout of the line's head, or None when the line has no head that is certain."""
    if not _STARTS.match(line):
        return None
    for kind, forms, pattern in _WHOLE:
        for name in forms:
            full = pattern.replace("TIME", _FORM[name].pattern)
            if _compiled(full).match(line):
                return _layout(full, _FORM[name], kind)
    for form in FORMS:
        for opening, closing in (("", ""), (r"\[", r"\]"), (r"\(", r"\)")):
            layout = _timed(line, form, opening, closing)
            if layout is not None:
                return layout
    return _timeless(line)


def vote(layout: Layout, messages: Sequence[str]) -> Layout | None:
    """Return the layout with the logger that most of its messages begin with, or None.

    Args:
        layout: A layout that leaves a doubtful word in the message.
        messages: What it left, for a sample of lines.
    """
    if layout.has_logger or len(messages) < 5 or layout.kind in {"access log", "syslog", "container"}:
        return None
    for field in _DOUBTFUL[layout.has_level]:
        names = [found["logger"] for message in messages if (found := _compiled(field).match(message))]
        # Loggers are few and come again; the first words of messages are many.
        if len(names) >= 0.8 * len(messages) and len(set(names)) <= max(1, len(names) // 3):
            return _layout(layout.pattern + field, layout.form, "timed" if layout.form else layout.kind)
    return None


def wrapper(lines: Sequence[str]) -> Layout | None:
    """Return the prefix that a container tool put before every line (`bot-1  | ...`), or None."""
    lines = [line for line in lines if not composed.is_own(line)]
    for pattern, least in zip(_WRAPPERS, (5, 1, 1), strict=True):
        matched = sum(_compiled(pattern).match(line) is not None for line in lines)
        if matched >= least and matched >= 0.9 * len(lines):
            return _layout(pattern, None, "prefix")
    return None


def _timed(line: str, form: TimeForm, opening: str, closing: str) -> Layout | None:
    head = opening + form.pattern + closing
    if _compiled(head + ("" if closing else r"(?=\W)")).match(line) is None:
        return None
    after = r"(?:\s*[-|:]\s+|\s*)" if closing else r"(?:\s- |\s*\|\s*|:\s+|\s)\s*"
    start = _compiled(head + after).match(line)
    if start is None or start.end() == len(line):
        return None
    tail = _to_message(line, start.end())
    if tail is not None:
        kind = (
            "nautilus"
            if "<trader>" in tail
            else "tracing"
            if _RUST_PATH in tail
            else "loguru"
            if ":(?P<place>" in tail
            else "timed"
        )
        return _layout(head + after + tail, form, kind)
    if form.name == "epoch":
        return None  # a bare number at the start of a line is a time only beside a level
    kind = "time first" if closing or start[0].rstrip().endswith(("-", "|", ":")) else "bare time"
    after = r"(?:\s*[-|:]\s| ?)" if closing else r"(?:\s- |\s*\|\s*|:\s)" if kind == "time first" else r"\s"
    return _layout(head + after, form, kind)


def _to_message(line: str, position: int, used: frozenset[str] = frozenset()) -> str | None:
    """Return the pattern of the fields up to the message, if a level stands among the next ones."""
    for field in _LEVEL_FIELDS:
        found = _compiled(field).match(line, position)
        if found is not None:
            return _settled(field, found) + _places(line, found.end(), used | {"level"})
    if len(used) >= 4:
        return None
    for field in _BEFORE:
        compiled = _compiled(field)
        found = compiled.match(line, position)
        names = frozenset(compiled.groupindex) or frozenset({f"field {len(used)}"})
        if found is not None and not names & used:
            rest = _to_message(line, found.end(), used | names)
            if rest is not None:
                return _settled(field, found) + rest
    return None


def _places(line: str, position: int, used: frozenset[str]) -> str:
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


def _timeless(line: str) -> Layout | None:
    before, after = _LEVEL_THEN_TIME
    if _compiled(before).match(line):
        for form in FORMS[:5]:
            full = before + form.pattern + after
            found = _compiled(full).match(line)
            if found is not None:
                return _layout(full + _places(line, found.end(), frozenset()), form, "timed")
    for field in _TIMELESS:
        if _compiled(field).match(line):
            return _layout(field, None, "level first")
    return None


def _settled(field: str, found: re.Match[str]) -> str:
    """Replace the choice of separators by the one this program prints: fewer ways to match are faster."""
    text = found[0].rstrip()
    for ending, separator in (("-", r"\s+- "), ("|", r"\s*\|\s*"), ("::", r"\s+:: ")):
        if text.endswith(ending):
            return field.replace(_STRONG, separator)
    return field


@lru_cache(maxsize=2048)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


@lru_cache(maxsize=512)
def _layout(pattern: str, form: TimeForm | None, kind: str) -> Layout:
    return Layout(pattern, form, kind)


CONTAINER = _layout("", None, "container")
"""The head that a container's or journal's JSON object stands for."""
RICH = _layout("", None, "rich console")
"""The head of a Rich console's line whose time is left out."""
