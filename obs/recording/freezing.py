"""What a caller must keep of a log call before it returns, because it may change a moment later.

Mutable builtins are copied (a guarded `marshal`, else an own bounded walk); foreign objects are never
touched: no `__str__`, `__hash__`, `__eq__` or property of theirs runs here. What is foreign is read later by
the renderer thread (`obs.packer`), so its value is the one at most one poll later. Standard library only.
"""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import itertools
import marshal
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterable, Mapping
from pathlib import PosixPath, PurePosixPath, PureWindowsPath, WindowsPath
from types import BuiltinFunctionType, FunctionType, NoneType
from typing import Any

__all__ = [
    "MUTABLE",
    "SAFE",
    "Frozen",
    "Snapshot",
    "Unread",
    "freeze",
    "freeze_values",
    "is_harmless",
    "name_of",
    "thaw",
]

SCALARS = frozenset({str, int, float, bool, NoneType})
SAFE = SCALARS | {bytes, complex, decimal.Decimal}
"""Types whose text is made by C code alone: they may be rendered on any thread."""

MUTABLE = frozenset(
    {list, dict, set, tuple, frozenset, bytearray, memoryview, deque, OrderedDict, defaultdict, Counter}
)
"""Types that need a look before the call returns: they can change, or hold what can."""

_PLAIN_CONTAINERS = frozenset({list, dict, tuple, set, frozenset})
_HARMLESS = SAFE | {
    dt.date,
    dt.timedelta,
    dt.timezone,
    PosixPath,
    PurePosixPath,
    PureWindowsPath,
    WindowsPath,
    range,
    slice,
    type,
    type(Ellipsis),
    type(NotImplemented),
    FunctionType,
    BuiltinFunctionType,
}
# Looked up where the bot has loaded them: importing them here would cost every start of a bot a millisecond.
_IF_LOADED = (("zoneinfo", "ZoneInfo"), ("uuid", "UUID"))

MAX_ITEMS = 20_000
"""Items in a container, all levels together, that are still copied whole by `marshal`."""
MAX_WALK = 1_000
"""Items that the own walk copies before it writes how many were left out."""
MAX_DEPTH = 8


class Frozen:
    """A mutable builtin as it was at the call."""

    __slots__ = ("blob",)

    def __init__(self, blob: bytes) -> None:
        self.blob = blob


class Unread(str):
    """Stands for what was not copied: too deep, too wide; reads as its description."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str.__str__(self)


class Snapshot:
    """The fields of a log record that must not be read later from the record itself.

    Made where a record holds something mutable or an exception, so that the queue keeps no frame (and with it
    the bot's local variables) alive, and by doors that have no `LogRecord`: structlog, loguru, uncaught
    errors.
    """

    __slots__ = (
        "args",
        "created_ns",
        "event_name",
        "exception",
        "extras",
        "funcName",
        "levelno",
        "lineno",
        "msg",
        "name",
        "pathname",
        "printed",
        "severity_text",
        "stack_info",
        "template",
        "thread",
        "threadName",
        "trusted",
    )

    def __init__(self, name: str, levelno: int, msg: object, created_ns: int) -> None:
        self.name = name
        self.levelno = levelno
        self.msg = msg
        self.created_ns = created_ns
        self.args: Any = ()
        self.extras: Mapping[str, Any] = {}
        self.exception: Any = None
        self.printed = ""
        """The exception as text, when another handler or another process has printed it already."""
        self.stack_info: str | None = None
        self.template = ""
        self.event_name = ""
        self.severity_text = ""
        self.pathname = ""
        self.lineno = 0
        self.funcName = ""
        self.thread: int | None = None
        self.threadName: str | None = None
        self.trusted = False


def freeze(value: Any) -> Any:
    """Return a value that later changes of `value` cannot reach; foreign objects come back as they are."""
    kind = type(value)
    if kind in SAFE or kind not in MUTABLE:
        return value
    if kind is bytearray or kind is memoryview:
        return bytes(value[:MAX_ITEMS])
    try:
        if kind in _PLAIN_CONTAINERS and _is_plain(value):
            return Frozen(marshal.dumps(value))
    except (ValueError, RuntimeError):
        pass  # Another thread changed it meanwhile, or marshal knows a type that we do not: walk.
    try:
        return _copied(value, MAX_DEPTH, [MAX_WALK])
    except RuntimeError:
        return Unread(f"[{kind.__name__} that changed while it was logged]")


def freeze_values(values: Any) -> Any:
    """Freeze the arguments of a log call: a tuple of them, or the one mapping of `%(name)s` calls."""
    if type(values) is tuple:
        return tuple([freeze(value) for value in values])
    return freeze(values)


def thaw(value: Any) -> Any:
    """Return what `freeze` kept, as ordinary builtins."""
    return marshal.loads(value.blob) if type(value) is Frozen else value


def is_harmless(value: Any) -> bool:
    """Whether making text of `value` runs only C code or well-known standard library code."""
    kind = type(value)
    if kind in _HARMLESS:
        return True
    if kind is dt.datetime or kind is dt.time:
        zone = type(value.tzinfo)
        return zone is NoneType or zone is dt.timezone or _is_stock(zone)
    if kind is Unread:
        return True
    if kind in MUTABLE:
        return _is_harmless_container(value)
    return (type(kind) is enum.EnumMeta and _is_stock_enum(kind)) or _is_stock(kind)


def name_of(kind: type) -> str:
    """Return the dotted name of a class without asking its metaclass; builtins without their module."""
    try:
        name = type.__dict__["__qualname__"].__get__(kind)
        module = type.__dict__["__module__"].__get__(kind)
    except (AttributeError, TypeError):
        return "object"
    if type(module) is not str or module in ("builtins", "__main__"):
        return str(name)
    return f"{module}.{name}"


def _is_stock(kind: type) -> bool:
    """Whether a class is one of the standard library's harmless ones."""
    return any(kind is getattr(sys.modules.get(module), name, None) for module, name in _IF_LOADED)


def _is_stock_enum(kind: Any) -> bool:
    """Whether an enum's text is made by the standard library's methods, not by its own."""
    return (
        kind.__str__ in (enum.Enum.__str__, enum.IntEnum.__str__, str.__str__, int.__str__)
        and kind.__repr__ is enum.Enum.__repr__
        and kind.__format__ in (enum.Enum.__format__, str.__format__, int.__format__)
    )


def _is_plain(value: Any) -> bool:
    """Whether only exact scalars stand in the container, to any of eight levels, and not too many.

    `marshal` alone would not do as a check: it writes anything with a buffer (a numpy number) as bare bytes.
    """
    level: list[Any] = [value]
    total = 0
    for _ in range(MAX_DEPTH):
        total += sum(map(len, level))
        if total > MAX_ITEMS:
            return False
        children = list(itertools.chain.from_iterable(level))
        for container in level:
            if type(container) is dict:
                children.extend(container.values())
        kinds = set(map(type, children)) - SCALARS
        if not kinds:
            return True
        if not kinds <= _PLAIN_CONTAINERS:
            return False
        level = [child for child in children if type(child) in _PLAIN_CONTAINERS]
    return False


def _copied(value: Any, depth: int, left: list[int]) -> Any:
    kind = type(value)
    if kind not in MUTABLE:
        return value
    if kind is bytearray or kind is memoryview:
        return bytes(value[:MAX_ITEMS])
    size = len(value)
    if depth == 0 or left[0] <= 0:
        return Unread(f"[{kind.__name__} of {size} items]")
    taken = min(size, left[0])
    left[0] -= taken
    if issubclass(kind, dict):
        return _copied_mapping(value, depth, left, taken)
    taken_items = list(itertools.islice(value, taken))
    items = [_copied(item, depth - 1, left) for item in taken_items]
    if taken < size:
        items.append(Unread(f"[{size - taken} more]"))
    if kind in (set, frozenset):
        # Building a set calls `__hash__` of what is in it, which may be the bot's own code.
        return kind(items) if set(map(type, items)) <= SAFE | {Unread} else items
    return kind(items)


def _copied_mapping(value: Any, depth: int, left: list[int], taken: int) -> Any:
    pairs = list(itertools.islice(dict.items(value), taken))
    if not all(is_harmless(key) for key, _ in pairs):
        return value
    copied = {key: _copied(item, depth - 1, left) for key, item in pairs}
    if taken < len(value):
        copied[Unread("[more]")] = Unread(f"[{len(value) - taken} more]")
    kind = type(value)
    if kind is OrderedDict:
        return OrderedDict(copied)
    if kind is defaultdict:
        return defaultdict(value.default_factory, copied)
    return copied


def _is_harmless_container(value: Any, depth: int = MAX_DEPTH) -> bool:
    if depth == 0 or len(value) > MAX_ITEMS:
        return False
    children: Iterable[Any] = value
    if issubclass(type(value), dict):
        children = itertools.chain(dict.keys(value), dict.values(value))
    return all(
        type(child) in SAFE
        or (_is_harmless_container(child, depth - 1) if type(child) in MUTABLE else is_harmless(child))
        for child in children
    )
