"""Any Python value as JSON and as bounded text, whatever it is: huge, cyclic, raising, not a number."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, Final

from obs.recording.freezing import MUTABLE, is_harmless, name_of

__all__ = ["Deferred", "Shown", "cut", "plain"]

TEXT_LIMIT: Final = 8_192
"""Characters of one attribute value."""
MAX_ITEMS: Final = 1_000
MAX_WIDTH: Final = 200
MAX_DEPTH: Final = 8
_MARGIN: Final = 4_096
_MAX_DIGITS: Final = 4_000


class Deferred(Exception):  # noqa: N818  (a fork in the road, not a fault)
    """The value's text can only be made by foreign code, which may not run here."""


class Shown:
    """Stands in for a foreign object in a `%` template, and never raises.

    Args:
        value: The object.
        foreign: Whether its own code may run here; else it is shown by its type.
        blocked: Types that are not asked any more.
    """

    __slots__ = ("_blocked", "_foreign", "_value")

    asked: ClassVar[type | None] = None
    """The type whose own code runs at this moment; only the renderer runs any."""

    def __init__(self, value: Any, *, foreign: bool, blocked: set[type]) -> None:
        self._value = value
        self._foreign = foreign
        self._blocked = blocked

    def __str__(self) -> str:
        return self._text(str)

    def __repr__(self) -> str:
        return self._text(repr)

    def __format__(self, spec: str) -> str:
        return self._text(lambda value: format(value, spec))

    def __int__(self) -> int:
        return int(self._number(int))

    def __index__(self) -> int:
        return int(self._number(lambda value: value.__index__()))

    def __float__(self) -> float:
        return float(self._number(float))

    def _text(self, make: Callable[[Any], str]) -> str:
        kind = type(self._value)
        if not self._foreign or kind in self._blocked:
            return f"<{name_of(kind)}>"
        try:
            Shown.asked = kind
            text = make(self._value)
            Shown.asked = None
            return cut(str.__str__(text), 32_768)[0]
        except BaseException as error:  # noqa: BLE001  (the bot's own `__repr__` may raise anything)
            return f"<{name_of(kind)}: its text raised {name_of(type(error))}>"

    def _number(self, make: Callable[[Any], Any]) -> Any:
        kind = type(self._value)
        if not self._foreign or kind in self._blocked:
            raise TypeError(f"{name_of(kind)} is not asked for its number here")
        try:
            Shown.asked = kind
            number = make(self._value)
            Shown.asked = None
            return number
        except BaseException as error:  # noqa: BLE001
            raise TypeError(f"{name_of(kind)} has no number: {name_of(type(error))}") from None


def plain(value: Any, *, foreign: bool | None, blocked: set[type]) -> Any:
    """Return `value` as JSON: null, text, numbers, lists and mappings, capped in depth, width and length.

    Args:
        value: Anything.
        foreign: True: its own code may run; False: it is shown by its type; None: `Deferred` instead.
        blocked: Types that are never asked for their text.

    Raises:
        Deferred: When `foreign` is None and a foreign object stands in `value`.
    """
    return _Walk(foreign, blocked).of(value, 0)


def cut(text: str, limit: int, redact: Callable[[str], str] | None = None) -> tuple[str, int]:
    """Return at most about `limit` characters from head and tail, and how many were left out between.

    With `redact`, each end is masked together with a margin beyond the cut, and the margin is dropped after:
    a secret astride the cut is seen whole and masked whole, at a cost that does not grow with the text.
    """
    if len(text) <= limit:
        return (text if redact is None else redact(text)), 0
    half = limit // 2
    head, tail = text[:half], text[-half:]
    if redact is not None:
        if len(text) <= limit + 2 * _MARGIN:
            text = redact(text)
            if len(text) <= limit:
                return text, 0
            head, tail = _uncut(text[:half], "[", text[half : half + 64]), text[-half:]
        else:
            head = _kept_head(text[: half + _MARGIN], half, redact)
            tail = _kept_tail(text[-half - _MARGIN :], half, redact)
    missing = len(text) - len(head) - len(tail)
    return f"{head}…[{missing} characters left out]…{tail}", missing


def _kept_head(text: str, kept: int, redact: Callable[[str], str]) -> str:
    """Return the redacted first `kept` characters; a secret that begins there is masked as a whole."""
    masked = redact(text)
    return _uncut(masked[: min(kept, len(masked))], "[", masked[kept : kept + 64])


def _kept_tail(text: str, kept: int, redact: Callable[[str], str]) -> str:
    masked = redact(text)
    return masked[-kept:] if len(masked) > kept else masked


def _uncut(head: str, opening: str, rest: str) -> str:
    """Drop a mask that the cut would leave open, `[REDACTED:ap`."""
    start = head.rfind(opening + "REDACTED")
    return head[:start] if start >= 0 and "]" not in head[start:] and "]" in rest else head


class _Walk:
    """One value's way to JSON; counts what it has taken."""

    def __init__(self, foreign: bool | None, blocked: set[type]) -> None:
        self._foreign = foreign
        self._blocked = blocked
        self._left = MAX_ITEMS

    def of(self, value: Any, depth: int) -> Any:
        kind = type(value)
        self._left -= 1
        if kind is str:
            return cut(value, TEXT_LIMIT)[0]
        if value is None or kind is bool:
            return value
        if issubclass(kind, enum.Enum):
            return self.of(object.__getattribute__(value, "_value_"), depth + 1) if depth < MAX_DEPTH else ""
        if issubclass(kind, int):
            return _whole(int.__int__(value))
        if issubclass(kind, float):
            number = float.__float__(value)
            return number if math.isfinite(number) else _not_a_number(number)
        if issubclass(kind, str):
            return cut(str.__str__(value), TEXT_LIMIT)[0]
        if kind in (bytes, bytearray):
            return cut(bytes(value[: 2 * TEXT_LIMIT]).decode("utf-8", "backslashreplace"), TEXT_LIMIT)[0]
        if issubclass(kind, (dict, list, tuple, set, frozenset)) or kind in MUTABLE:
            return self._container(value, kind, depth)
        return self._other(value, kind)

    def _container(self, value: Any, kind: type, depth: int) -> Any:
        size = len(value) if kind in MUTABLE else _size(value, kind)
        if depth >= MAX_DEPTH or self._left <= 0:
            return f"[{name_of(kind)} of {size} items]"
        if issubclass(kind, dict):
            row = {}
            for key, item in _taken(dict.items(value), min(MAX_WIDTH, self._left)):
                row[self._key(key)] = self.of(item, depth + 1)
            if len(row) < size:
                row["[left out]"] = size - len(row)
            return row
        rows = [self.of(item, depth + 1) for item in _taken(_items(value, kind), min(MAX_WIDTH, self._left))]
        if len(rows) < size:
            rows.append(f"[{size - len(rows)} more]")
        return rows

    def _key(self, key: Any) -> str:
        if type(key) is str:
            return key[:512]
        return str(self.of(key, MAX_DEPTH))

    def _other(self, value: Any, kind: type) -> Any:
        if kind is decimal.Decimal:
            return str(value)
        if kind in (dt.datetime, dt.date, dt.time) and is_harmless(value):
            return value.isoformat()
        if is_harmless(value):
            return cut(str(value), TEXT_LIMIT)[0]
        if self._foreign is None:
            raise Deferred
        if self._foreign and kind not in self._blocked and name_of(kind).startswith("numpy."):
            item = _from_numpy(value)
            if item is not None:
                return self.of(item, MAX_DEPTH - 2)
        return cut(str(Shown(value, foreign=self._foreign, blocked=self._blocked)), TEXT_LIMIT)[0]


def _taken(items: Iterable[Any], count: int) -> list[Any]:
    taken: list[Any] = []
    for item in items:
        if len(taken) >= count:
            break
        taken.append(item)
    return taken


def _items(value: Any, kind: type) -> Iterator[Any]:
    """Iterate a builtin's items by the builtin's own iterator, whatever a subclass made of it."""
    for builtin in (list, tuple, set, frozenset):
        if issubclass(kind, builtin):
            return iter(builtin.__iter__(value))
    return iter(value)


def _size(value: Any, kind: type) -> int:
    for builtin in (dict, list, tuple, set, frozenset):
        if issubclass(kind, builtin):
            return int(builtin.__len__(value))
    return 0


def _whole(number: int) -> int | str:
    if -(1 << 63) <= number < (1 << 64):
        return number
    bits = number.bit_length()
    return str(number) if bits < 3 * _MAX_DIGITS else f"[integer of {bits} bits]"


def _not_a_number(number: float) -> str:
    return "NaN" if number != number else "Infinity" if number > 0 else "-Infinity"


def _from_numpy(value: Any) -> Any:
    try:
        if getattr(value, "size", MAX_ITEMS + 1) <= MAX_WIDTH:
            return value.tolist()
    except BaseException:  # noqa: BLE001  (foreign code)
        return None
    return None
