"""Printed stacks of other languages read back: Java, JavaScript, Go and Rust, in the blocks of Python's.

Java prints the last consequence first and its causes below, JavaScript likewise (`[cause]:`); Go prints a
panic and then the goroutines, the one that panicked first; Rust prints where it panicked, and the frames only
on demand. Blocks come out with the first cause first, frames outermost first, as `obs.logs.tracebacks` has
them. Nothing here raises, whatever the text.

Source: the printing code of the JDK's `Throwable.printStackTrace`, V8's stack trace API, Go's
`runtime/traceback.go` and `panic.go`, zap's `stacktrace` package, Rust's `std::panicking` and
`std::backtrace`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["CLIKE_FRAME", "Block", "Frame", "first_line", "inside", "is_dump", "is_go_pair", "parse"]


class Frame(NamedTuple):
    """One frame of a traceback."""

    file: str
    line: int
    function: str
    source: str = ""
    """The printed source line, stripped; empty when none was printed."""
    in_app: bool = False
    """Whether the file is the program's own: neither the standard library nor an installed package."""


class Block(NamedTuple):
    """One exception of a chain with the frames it passed."""

    type: str
    message: str
    frames: tuple[Frame, ...]
    """Outermost first, as Python prints them."""
    kind: str = ""
    """How it led to the next block: `cause` (raise from), `context` (while handling); empty for the last."""


CLIKE_FRAME = re.compile(
    r"\s+at (?:(?P<function>[^\s(][^()]*)\((?P<file>[^():]+|[^()]*?):(?P<line>\d+)(?::\d+)?\)"
    r"|(?:async )?(?P<bare>(?:file:///|node:|[A-Za-z]:[\\/]|[./\\])[^\s():]*):(?P<bare_line>\d+):\d+\s*$"
    r"|(?P<native>[^\s(][^()]*)\((?:Native Method|Unknown Source|native|<\w+>|index \d+)\))"
)
"""A frame of Java or JavaScript."""
_RAISED = re.compile(
    r"\s*(?:Exception in thread \"[^\"]*\" |Uncaught (?:Exception: )?|\[?Unhandled ?\w*(?: at)?\]?:? "
    r"|(?:\(node:\d+\) )?\w*Warning: )*"
    r"(?P<edge>(?:Caused by|Wrapped by|Suppressed|\[cause\]): )?"
    r"(?P<type>[A-Za-z_$][\w$]*(?:[./][A-Za-z_$][\w$]*)*)(?: \[\w+\])?(?:: ?(?P<message>.*))?$"
)
_THROWN = re.compile(r"(?:Error|Exception|Throwable|Failure|Fault|Timeout|Interrupt|Panic|\$\w+|Warning)$")
_INSIDE = re.compile(
    r"(?<![\w$])(?P<type>(?:[A-Za-z_$][\w$]*\.)*(?:[A-Z][\w$]*)?(?:Error|Exception))(?: \[\w+\])?: "
    r"(?P<message>.*)"
)
_GO_HEAD = re.compile(r"(?P<type>panic|fatal error): (?P<message>.*)")
_GO_FILE = re.compile(r"\t(?P<file>\S.*?\.(?:go|s)):(?P<line>\d+)(?: \+0x[0-9a-f]+)?(?: fp=.*)?\s*$")
_GO_NAME = re.compile(r"[\w./@%~*()\[\]·<>{},-]+")
_GO_PART = re.compile(
    r"goroutine \d+ |\[(?:signal|originating from) |created by |\tpanic: |\t.*\.(?:go|s):\d+|exit status \d+$"
    r"|\.\.\.\d* ?additional|(?:r[a-z]{2}|r\d+|rflags|[cdefg]s) +0x|runtime stack:|\s*$"
)
_GO_OWN = re.compile(
    r"(?:^|/)(?:pkg/mod|vendor|third_party)/|@v\d|(?:^|/)(?:go|golang)[\d.-]*/src/|/libexec/src/"
    r"|^(?:runtime|net|os|sync|testing|reflect|encoding|internal|time|context|database|crypto|log|bufio|io"
    r"|fmt|sort|bytes|errors|syscall|iter|slices|maps|strconv|html|text|math)/"
)
_RUST_HEAD = re.compile(
    r"thread '(?P<thread>[^']*)' (?:\(\d+\) )?panicked at (?:'(?P<old>.*)', )?"
    r"(?P<file>[^\s,']+):(?P<line>\d+):\d+:?$"
)
_RUST_CALL = re.compile(r"\s*\d+:\s+(?:0x[0-9a-f]+ - )?(?P<function>\S.*)$")
_RUST_FILE = re.compile(r"\s+at (?P<file>\S.*?):(?P<line>\d+)(?::\d+)?$")
_RUST_OWN = re.compile(
    r"^/rustc/|[/\\]\.cargo[/\\]|[/\\]\.rustup[/\\]|[/\\]rust-\d|[/\\]cargo[/\\]registry[/\\]"
    r"|library/(?:std|core|alloc)/"
)
_RUST_END = ("note: ", "stack backtrace:")
_JAVA_OWN = re.compile(
    r"^(?:java|javax|jakarta|jdk|sun|com\.sun|kotlin|kotlinx|scala|groovy|clojure|akka|io\.netty|io\.micrometer"
    r"|io\.vertx|io\.ktor|io\.grpc|io\.reactivex|io\.undertow|org\.springframework|org\.apache|org\.hibernate"
    r"|org\.eclipse|org\.slf4j|org\.junit|org\.jboss|org\.postgresql|org\.mongodb|org\.gradle|com\.fasterxml"
    r"|com\.google|com\.zaxxer|com\.mysql|com\.mongodb|com\.squareup|okhttp3|okio|retrofit2|reactor|redis|rx"
    r"|ch\.qos|lombok|feign|net\.bytebuddy|org\.knowm\.xchange|com\.binance\.(?:client|connector))[.$]"
)
_JS_OWN = re.compile(
    r"(?:^|[/\\])node_modules[/\\]|^node:|^internal[/\\]|^<|^native|^https?:|^wasm|[/\\]\.(?:yarn|pnpm)[/\\]"
)
_LONGEST = 1_000
"""Characters of a line in which the name of what was raised is looked for."""


def parse(text: str) -> tuple[Block, ...]:
    """Return the blocks of another language's printed stack, the first cause first; () when there is none."""
    lines = [line.rstrip("\r") for line in text.split("\n")]
    for index, line in enumerate(lines):
        if _RUST_HEAD.match(line):
            return _rust(lines[index:])
        if _GO_HEAD.match(line) or line.startswith("goroutine ") or is_go_pair(lines, index):
            return _go(lines[index:])
        if CLIKE_FRAME.match(line):
            return _clike(lines)
    return ()


def first_line(lines: Sequence[str]) -> int:
    """Return the index of the line at which such a stack begins, its exception's line included, or -1."""
    for index, line in enumerate(lines):
        if _RUST_HEAD.match(line) or _GO_HEAD.match(line) or is_go_pair(lines, index):
            return index
        if line[:1] in {" ", "\t"} and CLIKE_FRAME.match(line):
            # What was raised stands above its frames, unless the message before them says it already.
            if index > 1 and _thrown(lines[index - 1]):
                return index - 1
            return 0 if index == 1 and _thrown(lines[0]) else index
    return -1


def is_dump(line: str, first: str, count: int) -> bool:
    """Whether a line without a head goes on with the panic that a record's first line tells of.

    Args:
        line: The line.
        first: The record's first line.
        count: Lines the record has so far.
    """
    if _GO_HEAD.match(first) or first.startswith("goroutine "):
        return _GO_PART.match(line) is not None or bool(_go_call(line))
    if _RUST_HEAD.match(first):
        return (count == 1 and first.endswith(":")) or line.startswith((*_RUST_END, " ", "\t"))
    return False


def _thrown(line: str) -> re.Match[str] | None:
    found = _RAISED.match(line)
    if found is None or not (_THROWN.search(found["type"]) or found["edge"]):
        return None
    return found


def _clike(lines: Sequence[str]) -> tuple[Block, ...]:
    """Java and JavaScript: what was raised, then its frames, newest first; causes below."""
    blocks: list[Block] = []
    raised: tuple[str, str] = ("", "")
    frames: list[Frame] = []
    skipped = False
    for index, line in enumerate(lines):
        frame = CLIKE_FRAME.match(line) if line[:1] in {" ", "\t"} else None
        if frame is not None:
            if not skipped:
                if not frames and raised == ("", "") and index:
                    raised = inside(lines[index - 1])
                frames.append(_clike_frame(frame))
            continue
        found = _thrown(line)
        if found is None:
            continue
        if frames:
            blocks.append(Block(*raised, tuple(reversed(frames))))
            frames = []
        skipped = found["edge"] == "Suppressed: "
        if not skipped:
            raised = found["type"], found["message"] or ""
    if frames or (blocks and raised != ("", "")):
        blocks.append(Block(*raised, tuple(reversed(frames))))
    # The lowest was first; each led to the one printed above it.
    blocks.reverse()
    return tuple(block._replace(kind="cause" if block is not blocks[-1] else "") for block in blocks)


def inside(line: str) -> tuple[str, str]:
    """Return what was raised when other words stand before it on its line."""
    found = _INSIDE.search(line[:_LONGEST])
    return (found["type"], found["message"]) if found is not None else ("", "")


def _clike_frame(found: re.Match[str]) -> Frame:
    function = (
        (found["function"] or found["native"] or "").removeprefix("async ").removeprefix("new ").strip()
    )
    if found["native"] is not None:
        return Frame("", 0, function)
    file = (found["file"] or found["bare"]).removeprefix("file://")
    line = int((found["line"] or found["bare_line"])[:9])
    if "/" in file or "\\" in file or ":" in file:
        own = not _JS_OWN.search(file)
    elif file.endswith((".java", ".kt", ".scala", ".groovy", ".clj")):
        # Java prints no path: the package tells, as far as packages of libraries are known.
        function = function.rsplit("/", 1)[-1]
        own = not _JAVA_OWN.match(function)
    else:
        own = not _JS_OWN.search(file)
    return Frame(file, line, function, "", own)


def is_go_pair(lines: Sequence[str], index: int) -> bool:
    """Whether two lines are a frame of a Go stack, as zap prints it below a record."""
    if index + 1 >= len(lines) or lines[index][:1] in {"", " ", "\t"} or "." not in lines[index]:
        return False
    return _GO_FILE.match(lines[index + 1]) is not None and bool(_go_call(lines[index]))


def _go(lines: Sequence[str]) -> tuple[Block, ...]:
    """Go: the message, then the frames of the goroutine that panicked, newest first."""
    raised = ("", "")
    frames: list[Frame] = []
    goroutines = 0
    function = ""
    for line in lines:
        head = _GO_HEAD.match(line.strip())
        if head is not None and not goroutines:
            # Of a panic while panicking the first is the cause; what was recovered is said again.
            raised = raised if raised[0] else (head["type"], head["message"].removesuffix(" [recovered]"))
        elif line.startswith("goroutine "):
            goroutines += 1
            if goroutines > 1:
                break
        elif line.startswith("created by "):
            function = ""
        elif (place := _GO_FILE.match(line)) is not None:
            if function:
                frames.append(_go_frame(function, place))
            function = ""
        elif call := _go_call(line):
            function = call
    if not frames and not raised[0]:
        return ()
    return (Block(*raised, tuple(reversed(frames))),)


def _go_call(line: str) -> str:
    """Return the function that a line of a Go stack names, without its arguments; empty for other text."""
    name = line.rstrip()
    if name.endswith(")"):
        depth = 0
        for index in range(len(name) - 1, -1, -1):
            depth += (name[index] == ")") - (name[index] == "(")
            if not depth:
                # `main.(*T).run` without arguments ends in a name, so a closing bracket is that of arguments.
                name = name[:index]
                break
    return name if "." in name and _GO_NAME.fullmatch(name) else ""


def _go_frame(function: str, place: re.Match[str]) -> Frame:
    file = place["file"]
    return Frame(file, int(place["line"][:9]), function.rsplit("/", 1)[-1], "", not _GO_OWN.search(file))


def _rust(lines: Sequence[str]) -> tuple[Block, ...]:
    """Rust: where it panicked and why; the frames, newest first, when they were asked for."""
    head = _RUST_HEAD.match(lines[0])
    assert head is not None
    message = [head["old"]] if head["old"] is not None else []
    frames: list[Frame] = []
    told, function = head["old"] is not None, ""
    for line in lines[1:]:
        if line.startswith(_RUST_END):
            told = True
        elif not told:
            message.append(line)
        elif (place := _RUST_FILE.match(line)) is not None:
            if function:
                frames.append(_rust_frame(function, place["file"], place["line"]))
            function = ""
        elif (call := _RUST_CALL.match(line)) is not None:
            function = re.sub(r"::h[0-9a-f]{16}$", "", call["function"])
    spot = _rust_frame(f"thread {head['thread']}", head["file"], head["line"])
    if not any(
        frame.file.endswith(spot.file.removeprefix("./")) and frame.line == spot.line for frame in frames
    ):
        frames.insert(0, spot)
    else:
        # The frames that only lead from the panic into the library stand above the place itself.
        frames = [frame for frame in frames if frame.in_app] or frames
    return (Block("panic", "\n".join(message).strip(), tuple(reversed(frames))),)


def _rust_frame(function: str, file: str, line: str) -> Frame:
    return Frame(file, int(line[:9]), function, "", not _RUST_OWN.search(file))
