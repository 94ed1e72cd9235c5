"""The short way from a log record to its line: what a call site says every time is made into JSON once.

Most records come from few places of a program, and of one place only the time, the number and the values
change. A record with anything odd about it goes the long way (`obs.recording.encoding`), which gives the
same line. This is most of what an event costs a bot, so it is written for speed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from itertools import islice
from operator import itemgetter
from typing import Any, Final, NamedTuple

from obs.recording.freezing import SAFE
from obs.recording.interruptions import is_interruption
from obs.recording.rows import BODY_LIMIT, STANDARD_NAMES, TRACE_KEYS, dumps
from obs.recording.verdicts import Redaction, Verdicts, remember
from obs.redaction.templates import MIXED_LIMIT, UNSURE

__all__ = ["CallSites"]

_FIELDS = itemgetter(
    "name",
    "msg",
    "pathname",
    "lineno",
    "levelno",
    "funcName",
    "threadName",
    "thread",
    "created",
    "args",
    "exc_text",
    "stack_info",
)
_STANDARD_COUNT: Final = len(STANDARD_NAMES)
_LAST_STANDARD: Final = STANDARD_NAMES[-1]
_MOST_EXTRAS: Final = 64
_MOST_SITES: Final = 2_048
_LONGEST_TEXT: Final = 2_048
_PLACE: Final = ("thread.name", "code.filepath", "code.lineno", "code.function")
_NOT_COMMON: Final = {*TRACE_KEYS, *_PLACE, "event_name", "event.name", "message", "asctime", "taskName"}
_EXACT: Final = 1 << 53
"""Whole numbers below it are the same in every JSON reader."""
_LEAST, _MOST = 1e-4, 1e16
"""Between them `%s` prints a number without an exponent, which could be read as letters among digits."""


_NEW: Any = object()


class _Site(NamedTuple):
    line: bytes
    """All that is the same in each line; `%` puts time, body, number and values between."""
    extras: Callable[[dict[str, Any]], tuple[Any, ...]] | None
    """Takes the values of the extras out of a record's fields; None where there are none."""
    weight: int
    """How near the template is to a secret; `UNSURE` where each message must be looked at."""


class CallSites:
    """Makes lines of records with nothing odd about them.

    Args:
        redaction: How to look for secrets.
        verdicts: What is known of texts that come again.
        own_threads: Threads of ours; what is logged there is not for us to say.
    """

    def __init__(self, redaction: Redaction, verdicts: Verdicts, own_threads: AbstractSet[int]) -> None:
        self._has_hint = redaction.has_hint
        self._is_known_hint = redaction.is_known_hint
        self._weigh_template = redaction.weigh_template
        self._verdicts = verdicts
        self._own_threads = own_threads
        self._sites: dict[Any, _Site | None] = {}

    def forget(self) -> None:
        """Ask again about everything: more values are known to be secret than before."""
        self._sites.clear()

    def line(self, seq: int, record: logging.LogRecord) -> bytes | None:
        """Return the line of a record, or None when it must go the long way. Runs no code of the bot's."""
        fields = record.__dict__
        try:
            (
                name,
                body,
                path,
                number,
                level,
                function,
                thread_name,
                thread,
                created,
                arguments,
                printed,
                stack,
            ) = _FIELDS(fields)
            if type(body) is not str or printed or stack or thread in self._own_threads:
                return None
            known = body if arguments else None
            key = (name, known, path, number, level, function, thread_name, len(fields))
            site = self._sites.get(key, _NEW)
            if site is _NEW:
                site = self._new_site(key, fields)
            if site is None or not 0.0 < created < 9e9:
                return None
            weight = UNSURE
            if arguments:
                if type(arguments) is not tuple:
                    return None
                weight, weights = site.weight, self._verdicts.weights
                for value in arguments:
                    kind = type(value)
                    if kind is str:
                        weight += weights.get(value, UNSURE)
                    elif kind is float:
                        if not (_LEAST <= value < _MOST or value == 0.0 or -_MOST < value <= -_LEAST):
                            weight += UNSURE
                    elif kind is not int and kind is not bool and value is not None:
                        if kind not in SAFE:
                            return None
                        weight += UNSURE
                body = body % arguments
            if len(body) > BODY_LIMIT:
                return None
            texts = body if weight >= MIXED_LIMIT or self._is_known_hint(body) else ""
            values: tuple[Any, ...] = ()
            if site.extras is not None:
                if next(islice(fields, _STANDARD_COUNT - 1, None)) != _LAST_STANDARD:
                    return None  # Something was taken out, so there are more extras than it seems.
                try:
                    values = site.extras(fields)
                except KeyError:
                    site, values = self._with_other_extras(key, fields)
                    if site is None:
                        return None
                hintless = self._verdicts.hintless
                for value in values:
                    kind = type(value)
                    if kind is str:
                        if value not in hintless:
                            if len(value) > _LONGEST_TEXT:
                                return None
                            texts = f"{texts}\n{value}"
                    elif kind is int:
                        if not -_EXACT < value < _EXACT:
                            return None
                    elif kind is float:
                        if value - value != 0.0:
                            return None
                    elif kind is not bool and value is not None:
                        return None
            if texts:
                if self._has_hint(texts):
                    return None
                self._note(arguments, values, body)
            line: bytes = site.line % (int(created * 1_000_000_000), dumps(body), seq, *map(dumps, values))
            return line
        except Exception as error:
            if is_interruption(error):
                raise
            return None

    def _note(self, arguments: tuple[Any, ...], values: tuple[Any, ...], body: str) -> None:
        """Remember the values of a message that was looked at whole."""
        note = self._verdicts.note_hintless
        for value in values:
            if type(value) is str:
                note(value)
        for value in arguments or ():
            if type(value) is str and value in body:
                note(value)

    def _new_site(self, key: tuple[Any, ...], fields: dict[str, Any]) -> _Site | None:
        """Make a call site, and remember it unless its template is one of many long ones."""
        site = self._site(key, fields)
        if key[1] is None or len(key[1]) <= _LONGEST_TEXT:
            remember(self._sites, key, site, _MOST_SITES)
        return site

    def _with_other_extras(
        self, key: tuple[Any, ...], fields: dict[str, Any]
    ) -> tuple[_Site | None, tuple[Any, ...]]:
        """One line adds now these extras, now those: it is in a function that many calls go through."""
        key = (*key, *islice(fields, _STANDARD_COUNT, None))
        site = self._sites.get(key, _NEW)
        if site is _NEW:
            site = self._new_site(key, fields)
        return site, () if site is None or site.extras is None else site.extras(fields)

    def _site(self, key: tuple[Any, ...], fields: dict[str, Any]) -> _Site | None:
        """Return what the records of one call site have in common; None when there is something odd."""
        clean = self._verdicts.cleaned
        name, template, path, number, level, function, thread = key[:7]
        extras = list(islice(fields, _STANDARD_COUNT, None))
        if (
            name[:3] == "obs"
            or not path
            or type(number) is not int
            or len(extras) > _MOST_EXTRAS
            or list(islice(fields, _STANDARD_COUNT)) != STANDARD_NAMES
            or not all(map(self._is_usual, extras))
        ):
            return None
        severity, text = self._verdicts.level(level)
        head = {"severity": severity, "severity_text": text, "logger": clean(name)}
        weight = UNSURE
        if template is not None:
            if self._verdicts.is_bomb(template):
                return None
            weight = self._weigh_template(template)
            head["template"] = clean(template)
        place: dict[str, str | int] = {}
        if thread:
            place["thread.name"] = clean(thread)
        place["code.filepath"] = clean(path)
        place["code.lineno"] = number
        if function:
            place["code.function"] = clean(function)
        line = b'{"timestamp":%%d,%b,"body":%%b,"seq":%%d,"attributes":{%b%b}}' % (
            _members(head),
            _members(place),
            b"".join([b",%b:%%b" % _escaped(dumps(extra)) for extra in extras]),
        )
        return _Site(line, _taking(extras), weight)

    def _is_usual(self, key: Any) -> bool:
        return type(key) is str and key not in _NOT_COMMON and not self._verdicts.names_secret(key)


def _taking(names: list[str]) -> Callable[[dict[str, Any]], tuple[Any, ...]] | None:
    if not names:
        return None
    if len(names) == 1:
        name = names[0]
        return lambda fields: (fields[name],)
    return itemgetter(*names)


def _members(row: dict[str, Any]) -> bytes:
    return _escaped(dumps(row)[1:-1])


def _escaped(data: bytes) -> bytes:
    return data.replace(b"%", b"%%")
