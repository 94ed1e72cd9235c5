"""One captured item, redacted and written as one JSON line of our own format.

The same item can be asked for in four ways, because only one thread may run the bot's own code:
`QUICK` for anything that C code can print (else `Deferred`), `RENDERED` on the renderer thread,
`PROVISIONAL` for the last words of a caller: at once, foreign objects by their type, and marked, so that the
reader prefers the whole line should it still arrive; `PLACEHOLDER` is the same as the last word on it.
A record that cannot be encoded costs only itself.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any, Final

from obs.recording.callsites import CallSites
from obs.recording.freezing import Snapshot, name_of, thaw
from obs.recording.interruptions import is_interruption
from obs.recording.messages import Messages
from obs.recording.plain import Deferred, Shown, cut, plain
from obs.recording.rows import (
    LINE_LIMIT,
    PROVISIONAL,
    RENDERED,
    TRACE_KEYS,
    TRACE_LIMIT,
    dumps,
    extras_of,
    nanoseconds,
    readable,
    severity_name,
)
from obs.recording.tracebacks import Tracebacks
from obs.recording.verdicts import Redaction, Verdicts

__all__ = ["Encoder"]

_FOREIGN: Final = (None, True, False, False)
"""Whether foreign code may run, by mode."""

_NO_TRACE = frozenset({"0", "", "0" * 32, "0" * 16})


class Encoder:
    """Turns items into lines; holds the caches, and no reference to a record after the call.

    Args:
        redaction: How to look for secrets.
    """

    def __init__(self, redaction: Redaction) -> None:
        self._redaction = redaction
        self._verdicts = verdicts = Verdicts(redaction)
        self.blocked: set[type] = set()
        """Types whose text once took for ever; they are shown by name alone."""
        self.own_threads: set[int] = set()
        """Threads of ours: what is logged there is a consequence of our own work."""
        self._messages = Messages(redaction, verdicts, self.blocked)
        self._tracebacks = Tracebacks(verdicts, self.blocked)
        self._sites = CallSites(redaction, verdicts, self.own_threads)
        self.short_line = self._sites.line
        """The line of a `LogRecord` with nothing odd about it, else None: then `long_line` makes it."""

    def forget_verdicts(self) -> None:
        """Ask again about texts seen before: more values are known to be secret than then."""
        self._verdicts.forget()
        self._sites.forget()

    def block_current(self) -> None:
        """Never again ask the type that is being asked for its text right now."""
        if Shown.asked is not None:
            self.blocked.add(Shown.asked)
            Shown.asked = None

    def line(self, seq: int, item: Any, mode: int) -> bytes | None:
        """Return the line for an item, or None when it is our own voice and must not be heard.

        Raises:
            Deferred: In `QUICK` mode only.
        """
        line = self.short_line(seq, item) if type(item) is logging.LogRecord else None
        return line if line is not None else self.long_line(seq, item, mode)

    def long_line(self, seq: int, item: Any, mode: int) -> bytes | None:
        """Return the line for any item, as `line` does for those that have no short one.

        Raises:
            Deferred: In `QUICK` mode only.
        """
        try:
            row = self._row(seq, item, mode)
            if row is None:
                return None
            try:
                line = dumps(row)
            except (TypeError, ValueError, RecursionError):
                line = dumps(readable(row))
            return line if len(line) <= LINE_LIMIT else self._minimal(seq, item, "too long")
        except Deferred:
            raise
        except Exception as error:
            if mode != RENDERED and is_interruption(error):
                raise
            return self._minimal(seq, item, name_of(type(error)))

    def _row(self, seq: int, item: Any, mode: int) -> dict[str, Any] | None:
        if type(item) is tuple:
            return self._event_row(seq, item, mode)
        name = item.name
        if (name[:3] == "obs" and (name[3:4] in ("", ".")) and not getattr(item, "trusted", False)) or (
            # Numbers are used again: a record of a thread that has ended may carry ours. Ours have no name.
            item.thread in self.own_threads and str(item.threadName)[:5] == "Dummy"
        ):
            return None
        attributes: dict[str, Any] = {}
        row: dict[str, Any] = {}
        if type(item) is Snapshot:
            row["timestamp"] = item.created_ns
            extras = item.extras
        else:
            row["timestamp"] = nanoseconds(item.created)
            extras = extras_of(item.__dict__)
        severity, text = self._verdicts.level(item.levelno)
        row["severity"] = severity
        row["severity_text"] = getattr(item, "severity_text", "") or text
        row["logger"] = self._verdicts.cleaned(name)
        row["body"] = self._messages.body(item, row, attributes, mode)
        row["seq"] = seq
        if extras:
            self._add_extras(extras, row, attributes, mode)
        self._add_place(item, attributes)
        if type(item) is not Snapshot:
            printed = item.exc_text
        else:
            printed = item.printed
            if item.exception is not None:
                row["exception"] = self._tracebacks.exception(item.exception, mode)
        if printed:
            row["exception"] = self._tracebacks.printed(printed)
        if item.stack_info:
            attributes["code.stacktrace"] = self._verdicts.safe(str(item.stack_info), TRACE_LIMIT)
        row["attributes"] = attributes
        self._redact_row(row, attributes)
        if mode == PROVISIONAL:
            row["provisional"] = True
        return row

    def _event_row(self, seq: int, item: tuple[Any, ...], mode: int) -> dict[str, Any]:
        created_ns, level, severity_text, name, body, given, named, thread = item
        severity, text = self._verdicts.level(level)
        row: dict[str, Any] = {
            "timestamp": created_ns,
            "severity": severity,
            "severity_text": severity_text or text,
            "event_name": cut(str(name), 256)[0],
            "body": self._messages.shown(body, mode),
            "seq": seq,
        }
        attributes: dict[str, Any] = {}
        if given is not None:
            self._add_extras(given, row, attributes, mode)
        if named:
            fields = {key.replace("__", "."): value for key, value in named.items()}
            self._add_extras(fields, row, attributes, mode)
        if thread:
            attributes["thread.id"] = thread
        row["attributes"] = attributes
        self._redact_row(row, attributes)
        if mode == PROVISIONAL:
            row["provisional"] = True
        return row

    def _add_extras(
        self, extras: Mapping[Any, Any], row: dict[str, Any], attributes: dict[str, Any], mode: int
    ) -> None:
        for key, value in extras.items():
            kind = type(value)
            if type(key) is not str:
                key = self._messages.shown(key, mode)
            if len(attributes) >= 256:
                attributes["log.attributes.dropped"] = len(extras) - 256
                return
            if kind is str and len(value) <= 8_192:
                if key in TRACE_KEYS:
                    if value not in _NO_TRACE:
                        row[TRACE_KEYS[key]] = value
                    continue
                if key == "event_name" or key == "event.name":
                    row["event_name"] = value
                    continue
                attributes[key] = value
            elif (
                (kind is int and -(1 << 53) < value < (1 << 53))
                or kind is bool
                or value is None
                or (kind is float and math.isfinite(value))
            ):
                attributes[key] = value
            else:
                attributes[key] = plain(thaw(value), foreign=_FOREIGN[mode], blocked=self.blocked)

    def _add_place(self, item: Any, attributes: dict[str, Any]) -> None:
        clean = self._verdicts.cleaned
        thread = item.threadName
        if thread:
            attributes["thread.name"] = clean(thread)
        path = item.pathname
        if path:
            attributes["code.filepath"] = clean(path)
            attributes["code.lineno"] = item.lineno
            function = item.funcName
            if function:
                attributes["code.function"] = clean(function)

    def _redact_row(self, row: dict[str, Any], attributes: dict[str, Any]) -> None:
        named = False
        texts = [row["body"]]
        for key, value in attributes.items():
            kind = type(value)
            if kind is str:
                texts.append(value)
            elif kind is list or kind is dict:
                texts.append(str(value))
            named = named or self._verdicts.names_secret(key)
        if not named and not self._redaction.has_hint("\n".join(texts)):
            return
        row["body"] = self._redaction.redact(row["body"])
        row["attributes"] = self._redaction.redact_attributes(attributes)
        if "event_name" in row:
            row["event_name"] = self._redaction.redact(row["event_name"])

    def _minimal(self, seq: int, item: Any, reason: str) -> bytes:
        """Return a line for a record that nothing else could write: who, when, and why it is empty."""
        row: dict[str, Any] = {"timestamp": 0, "severity": "INFO", "body": "", "seq": seq}
        try:
            if type(item) is tuple:
                row["timestamp"], row["event_name"] = item[0], self._verdicts.cleaned(item[3])
                row["severity"] = severity_name(item[1])
            else:
                created = item.created_ns if type(item) is Snapshot else nanoseconds(item.created)
                row["timestamp"] = created
                row["severity"] = severity_name(item.levelno)
                row["logger"] = self._verdicts.cleaned(item.name)
                if type(item.msg) is str:
                    row["template"] = self._verdicts.cleaned(item.msg[:4_096])
        except Exception:  # noqa: BLE001, S110  (the record is broken beyond its own fields)
            pass
        row["body"] = row.get("template") or f"[a log record that could not be encoded: {reason}]"
        row["attributes"] = {"log.encode_error": reason}
        try:
            return dumps(row)
        except Exception:  # noqa: BLE001
            return dumps(readable(row))
