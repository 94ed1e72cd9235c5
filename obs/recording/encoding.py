"""One captured item, redacted and written as one JSON line of our own format.

The same item can be asked for in four ways, because only one thread may run the bot's own code:
`QUICK` for anything that C code can print (else `Deferred`), `RENDERED` on the renderer thread,
`PROVISIONAL` for the last words of a caller: at once, foreign objects by their type, and marked, so that the
reader prefers the whole line should it still arrive; `PLACEHOLDER` is the same as the last word on it.
A record that cannot be encoded costs only itself.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from obs.recording.freezing import SAFE, Snapshot, is_harmless, name_of, thaw
from obs.recording.interruptions import is_interruption
from obs.recording.plain import Deferred, Shown, cut, plain
from obs.recording.raised import FrameTexts, Raised, cut_text

try:
    from orjson import dumps as _dumps
except ImportError:  # The bot may have nothing but the standard library.
    _encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode

    def _dumps(row: Any, /) -> bytes:  # type: ignore[misc]
        return _encode(row).encode()


__all__ = [
    "PLACEHOLDER",
    "PROVISIONAL",
    "QUICK",
    "RENDERED",
    "Encoder",
    "extras_of",
    "nanoseconds",
    "severity_name",
]

QUICK: Final = 0
RENDERED: Final = 1
PROVISIONAL: Final = 2
PLACEHOLDER: Final = 3

_FOREIGN: Final = (None, True, False, False)
"""Whether foreign code may run, by mode."""

BODY_LIMIT: Final = 32_768
"""Characters of a message that are kept: half of them from its head, half from its tail."""
_PROVISIONAL_BODY: Final = 4_096
TRACE_LIMIT: Final = 65_536
_PROVISIONAL_TRACE: Final = 8_192
_LINE_LIMIT: Final = 1 << 20
_CACHE_LIMIT: Final = 8_192

_LATEST_NS: Final = (1 << 63) - 1
"""What a signed 64-bit number of nanoseconds reaches: the year 2262."""

_STANDARD = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {
    "message",
    "asctime",
    "taskName",
}
_STANDARD_COUNT: Final = len(logging.LogRecord("", 0, "", 0, "", (), None).__dict__)
_LAST_STANDARD: Final = list(logging.LogRecord("", 0, "", 0, "", (), None).__dict__)[-1]
_NOT_COMMON: Final = frozenset(
    {"otelTraceID", "otelSpanID", "trace_id", "span_id", "event_name", "event.name", "message", "asctime"}
)
_COMMON_TEXT: Final = 2_048
_COMMON_VALUE: Final = 32
_TRACE_KEYS = {
    "otelTraceID": "trace_id",
    "otelSpanID": "span_id",
    "trace_id": "trace_id",
    "span_id": "span_id",
}
_NO_TRACE = frozenset({"0", "", "0" * 32, "0" * 16})
_CONVERSION = re.compile(r"%(?:\([^)]*\))?[^a-zA-Z%]*[a-zA-Z]")
_PROBE: Final = "q7Zx9Kd2Lm8Vt4Rb"
# A width or precision that would make megabytes out of one number.
_BOMB = re.compile(r"%[^a-zA-Z%]*(?:\*|[0-9]{5})")


class Encoder:
    """Turns items into lines; holds the caches, and no reference to a record after the call.

    Args:
        redact: Masks secrets in a text.
        redact_attributes: Masks secrets in a mapping, key names giving the context.
        has_hint: The cheap gate before both: False means there is surely nothing to mask.
    """

    def __init__(
        self,
        redact: Callable[[str], str],
        redact_attributes: Callable[[Mapping[str, Any]], dict[str, Any]],
        has_hint: Callable[[str], bool],
    ) -> None:
        self._redact = redact
        self._redact_attributes = redact_attributes
        self._has_hint = has_hint
        self._frames = FrameTexts()
        self._clean: dict[str, str] = {}
        self._secret_keys: dict[str, bool] = {}
        self._levels: dict[int, tuple[str, str]] = {}
        self._bombs: dict[str, bool] = {}
        self.blocked: set[type] = set()
        """Types whose text once took for ever; they are shown by name alone."""
        self.own_threads: set[int] = set()
        """Threads of ours: what is logged there is a consequence of our own work."""

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
        try:
            row = self._common_row(seq, item) if type(item) is logging.LogRecord else None
            if row is None:
                row = self._row(seq, item, mode)
            if row is None:
                return None
            try:
                line = _dumps(row)
            except (TypeError, ValueError, RecursionError):
                line = _dumps(_readable(row))
            return line if len(line) <= _LINE_LIMIT else self._minimal(seq, item, "too long")
        except Deferred:
            raise
        except Exception as error:
            if mode != RENDERED and is_interruption(error):
                raise
            return self._minimal(seq, item, name_of(type(error)))

    def _common_row(self, seq: int, record: logging.LogRecord) -> dict[str, Any] | None:
        """Return the row of a record with nothing odd about it, or None: then `_row` takes the long way.

        Most records are such, and this is most of what an event costs; so it is one function without calls.
        """
        fields = record.__dict__
        name, message, arguments = fields["name"], fields["msg"], fields["args"]
        created, clean = fields["created"], self._clean
        logger, place = clean.get(name), clean.get(fields["pathname"])
        if (
            logger is None
            or place is None
            or type(message) is not str
            or fields["exc_text"]
            or fields["stack_info"]
            or fields["thread"] in self.own_threads
            or name[:3] == "obs"
            or not 0.0 < created < 9e9
        ):
            return None
        row: dict[str, Any] = {
            "timestamp": int(created * 1_000_000_000),
            "severity": "",
            "severity_text": "",
            "logger": logger,
        }
        row["severity"], row["severity_text"] = self._levels.get(fields["levelno"]) or self._level(
            fields["levelno"]
        )
        if arguments:
            template = clean.get(message)
            if (
                template is None
                or type(arguments) is not tuple
                or self._bombs.get(message) is not False
                or not SAFE.issuperset(map(type, arguments))
            ):
                return None
            try:
                message = message % arguments
            except Exception as error:
                if is_interruption(error):
                    raise
                return None
            row["template"] = template
        if len(message) > BODY_LIMIT:
            return None
        row["body"] = texts = message
        row["seq"] = seq
        row["attributes"] = attributes = {}
        if len(fields) > _STANDARD_COUNT:
            names = list(fields)
            if names[_STANDARD_COUNT - 1] != _LAST_STANDARD:
                return None
            secret_keys = self._secret_keys
            for key in names[_STANDARD_COUNT:]:
                value = fields[key]
                kind = type(value)
                if key in _NOT_COMMON or secret_keys.get(key) is not False:
                    return None
                if kind is str:
                    if len(value) > _COMMON_TEXT:
                        return None
                    if clean.get(value) is not value:
                        texts = f"{texts}\n{value}"
                elif not (
                    (kind is int and -(1 << 53) < value < (1 << 53))
                    or kind is bool
                    or value is None
                    or (kind is float and value - value == 0.0)
                ):
                    return None
                attributes[key] = value
        if self._has_hint(texts):
            return None
        if texts is not message:
            self._keep_values(attributes)
        thread, function = fields["threadName"], fields["funcName"]
        if thread:
            attributes["thread.name"] = clean.get(thread) or self._cleaned(thread)
        attributes["code.filepath"] = place
        attributes["code.lineno"] = fields["lineno"]
        if function:
            attributes["code.function"] = clean.get(function) or self._cleaned(function)
        return row

    def _keep_values(self, attributes: dict[str, Any]) -> None:
        """Remember short values that hold no secret, symbols and sides: they come again and again."""
        for value in attributes.values():
            if type(value) is str and len(value) <= _COMMON_VALUE:
                self._remember(self._clean, value, value)

    def forget_verdicts(self) -> None:
        """Ask again about texts seen before: more values are known to be secret than then."""
        self._clean.clear()
        self._secret_keys.clear()

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
        severity, text = self._levels.get(item.levelno) or self._level(item.levelno)
        row["severity"] = severity
        row["severity_text"] = getattr(item, "severity_text", "") or text
        row["logger"] = self._clean.get(name) or self._cleaned(name)
        row["body"] = self._body(item, row, attributes, mode)
        row["seq"] = seq
        if extras:
            self._add_extras(extras, row, attributes, mode)
        self._add_place(item, attributes)
        if type(item) is not Snapshot:
            printed = item.exc_text
        else:
            printed = item.printed
            if item.exception is not None:
                row["exception"] = self._exception(item.exception, mode)
        if printed:
            row["exception"] = self._printed_exception(printed)
        if item.stack_info:
            attributes["code.stacktrace"] = self._safe_text(str(item.stack_info), TRACE_LIMIT)
        row["attributes"] = attributes
        self._redact_row(row, attributes)
        if mode == PROVISIONAL:
            row["provisional"] = True
        return row

    def _event_row(self, seq: int, item: tuple[Any, ...], mode: int) -> dict[str, Any]:
        created_ns, level, severity_text, name, body, given, named, thread = item
        severity, text = self._levels.get(level) or self._level(level)
        row: dict[str, Any] = {
            "timestamp": created_ns,
            "severity": severity,
            "severity_text": severity_text or text,
            "event_name": cut(str(name), 256)[0],
            "body": self._shown(body, mode),
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

    def _body(self, item: Any, row: dict[str, Any], attributes: dict[str, Any], mode: int) -> str:
        message = item.msg
        arguments = item.args
        if type(message) is not str:
            message = self._shown(thaw(message), mode)
        elif arguments:
            row["template"] = self._template(message)
            message = self._formatted(message, arguments, attributes, mode)
        if type(item) is Snapshot and item.template:
            row["template"] = self._template(item.template)
        if type(item) is Snapshot and item.event_name:
            row["event_name"] = item.event_name
        if len(message) > BODY_LIMIT:
            return self._long(message, attributes, mode)
        return str(message)

    def _formatted(self, template: str, arguments: Any, attributes: dict[str, Any], mode: int) -> str:
        values = arguments
        if type(arguments) is tuple:
            if mode >= PROVISIONAL or not SAFE.issuperset(map(type, arguments)):
                values = tuple([self._argument(thaw(value), mode) for value in arguments])
        else:
            values = thaw(arguments)
            if type(values) is dict:
                values = {key: self._argument(value, mode) for key, value in values.items()}
            else:
                values = self._argument(values, mode)
        bomb = self._bombs.get(template)
        if bomb is None:
            bomb = self._remember(self._bombs, template, _BOMB.search(template) is not None)
        if not bomb:
            try:
                return str(template % values)
            except Deferred:
                raise
            except Exception as error:
                if mode != RENDERED and is_interruption(error):
                    raise
        attributes["format_error"] = True
        listed = values if type(values) is tuple else (values,)
        # The template may name what an argument is, and the two could not be put together.
        probe = _CONVERSION.sub(_PROBE, template)
        names_secret = self._redact(probe) != probe
        attributes["log.args"] = [
            "[REDACTED:unformatted]" if names_secret else self._shown(value, mode, quoted=True)
            for value in listed[:20]
        ]
        return template

    def _argument(self, value: Any, mode: int) -> Any:
        """Return what `%` may be given in place of an argument."""
        if mode >= PROVISIONAL and type(value) is str and len(value) > BODY_LIMIT:
            return cut(value, _PROVISIONAL_BODY, self._redact)[0]
        if is_harmless(value):
            return value
        if mode == QUICK:
            raise Deferred
        return Shown(value, foreign=mode == RENDERED, blocked=self.blocked)

    def _shown(self, value: Any, mode: int, *, quoted: bool = False) -> str:
        if type(value) is Shown:
            return repr(value) if quoted else str(value)
        if type(value) is str and not quoted:
            return value
        if not is_harmless(value):
            if mode == QUICK:
                raise Deferred
            shown = Shown(value, foreign=mode == RENDERED, blocked=self.blocked)
            return repr(shown) if quoted else str(shown)
        text = repr(value) if quoted else str(value)
        return cut(text, 2_048)[0] if quoted else text

    def _long(self, message: str, attributes: dict[str, Any], mode: int) -> str:
        """Return head and tail of a long message, redacted before the cut so that no half secret shows."""
        if mode == QUICK:
            raise Deferred  # the digest of ten megabytes is nothing for a slice
        attributes["log.body.length"] = len(message)
        # Last words are made on the bot's time; the whole line follows and replaces them.
        limit = BODY_LIMIT if mode == RENDERED else _PROVISIONAL_BODY
        text, middle = cut(message, limit, self._redact)
        if middle and mode == RENDERED:
            digest = hashlib.sha256()
            for start in range(0, len(message), 1 << 20):
                digest.update(message[start : start + (1 << 20)].encode("utf-8", "surrogatepass"))
            attributes["log.body.sha256"] = digest.hexdigest()
        return text

    def _add_extras(
        self, extras: Mapping[Any, Any], row: dict[str, Any], attributes: dict[str, Any], mode: int
    ) -> None:
        for key, value in extras.items():
            kind = type(value)
            if type(key) is not str:
                key = self._shown(key, mode)
            if len(attributes) >= 256:
                attributes["log.attributes.dropped"] = len(extras) - 256
                return
            if kind is str and len(value) <= 8_192:
                if key in _TRACE_KEYS:
                    if value not in _NO_TRACE:
                        row[_TRACE_KEYS[key]] = value
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
        clean = self._clean
        thread = item.threadName
        if thread:
            attributes["thread.name"] = clean.get(thread) or self._cleaned(thread)
        path = item.pathname
        if path:
            attributes["code.filepath"] = clean.get(path) or self._cleaned(path)
            attributes["code.lineno"] = item.lineno
            function = item.funcName
            if function:
                attributes["code.function"] = clean.get(function) or self._cleaned(function)

    def _exception(self, raised: Raised, mode: int) -> dict[str, str]:
        if mode == QUICK and not self._frames.known(raised):
            raise Deferred
        if mode == RENDERED:
            _ask(raised, self.blocked)
        limit = TRACE_LIMIT if mode < PROVISIONAL else _PROVISIONAL_TRACE
        printed = self._frames.print(raised, may_read=mode == RENDERED)
        return {
            "type": self._safe_text(raised.kind, 512),
            "message": self._safe_text(raised.text, BODY_LIMIT),
            "stacktrace": self._safe_text(cut_text(printed, limit + 8_192), limit),
        }

    def _printed_exception(self, printed: object) -> dict[str, str]:
        """Take an exception apart that another handler has already printed (a record from a queue)."""
        text = str(printed).rstrip("\n") if type(printed) is str else ""
        kind, _, said = text[text.rfind("\n") + 1 :].partition(": ")
        return {
            "type": self._safe_text(kind, 512),
            "message": self._safe_text(said, BODY_LIMIT),
            "stacktrace": self._safe_text(cut_text(text, TRACE_LIMIT + 8_192), TRACE_LIMIT),
        }

    def _redact_row(self, row: dict[str, Any], attributes: dict[str, Any]) -> None:
        secret_keys = self._secret_keys
        named = False
        texts = [row["body"]]
        for key, value in attributes.items():
            kind = type(value)
            if kind is str:
                texts.append(value)
            elif kind is list or kind is dict:
                texts.append(str(value))
            verdict = secret_keys.get(key)
            if verdict is None:
                verdict = self._remember(secret_keys, key, self._has_hint(f"{key}=x {key}: x"))
            named = named or verdict
        if not named and not self._has_hint("\n".join(texts)):
            return
        row["body"] = self._redact(row["body"])
        row["attributes"] = self._redact_attributes(attributes)
        if "event_name" in row:
            row["event_name"] = self._redact(row["event_name"])

    def _template(self, template: str) -> str:
        known = self._clean.get(template)
        return known if known is not None else self._cleaned(template)

    def _cleaned(self, text: Any) -> str:
        """Return a text that comes again and again (logger, template, path), redacted once."""
        if type(text) is not str:
            text = f"<{name_of(type(text))}>"
        cleaned = self._safe_text(text, 4_096)
        if len(text) <= 4_096:
            self._remember(self._clean, text, cleaned)
        return cleaned

    def _safe_text(self, text: str, limit: int) -> str:
        if len(text) > limit:
            return cut(text, limit, self._redact)[0]
        return self._redact(text) if self._has_hint(text) else text

    def _remember(self, cache: dict[Any, Any], key: Any, value: Any) -> Any:
        if len(cache) >= _CACHE_LIMIT:
            cache.clear()
        cache[key] = value
        return value

    def _level(self, level: Any) -> tuple[str, str]:
        text = logging.getLevelName(level)
        known = (severity_name(level), text if type(text) is str else severity_name(level))
        return self._remember(self._levels, level, known)  # type: ignore[no-any-return]

    def _minimal(self, seq: int, item: Any, reason: str) -> bytes:
        """Return a line for a record that nothing else could write: who, when, and why it is empty."""
        row: dict[str, Any] = {"timestamp": 0, "severity": "INFO", "body": "", "seq": seq}
        try:
            if type(item) is tuple:
                row["timestamp"], row["event_name"] = item[0], self._cleaned(item[3])
                row["severity"] = severity_name(item[1])
            else:
                created = item.created_ns if type(item) is Snapshot else nanoseconds(item.created)
                row["timestamp"] = created
                row["severity"] = severity_name(item.levelno)
                row["logger"] = self._cleaned(item.name)
                if type(item.msg) is str:
                    row["template"] = self._cleaned(item.msg[:4_096])
        except Exception:  # noqa: BLE001, S110  (the record is broken beyond its own fields)
            pass
        row["body"] = row.get("template") or f"[a log record that could not be encoded: {reason}]"
        row["attributes"] = {"log.encode_error": reason}
        try:
            return _dumps(row)
        except Exception:  # noqa: BLE001
            return _dumps(_readable(row))


def severity_name(level: Any) -> str:
    """Return OpenTelemetry's severity word for one of `logging`'s level numbers."""
    if not isinstance(level, int):
        return "INFO"
    for least, word in ((50, "FATAL"), (40, "ERROR"), (30, "WARN"), (20, "INFO"), (10, "DEBUG")):
        if level >= least:
            return word
    return "TRACE"


def nanoseconds(created: Any) -> int:
    """Return a record's `created` as Unix nanoseconds; what is no time is 0."""
    try:
        return min(max(int(created * 1_000_000_000), 0), _LATEST_NS)
    except (TypeError, ValueError, OverflowError):
        return 0


def extras_of(fields: dict[str, Any]) -> dict[str, Any]:
    """Return what a log call added to a record, from the record's `__dict__`."""
    if len(fields) <= _STANDARD_COUNT:
        return {}
    return {key: value for key, value in fields.items() if key not in _STANDARD}


def _ask(raised: Raised, blocked: set[type]) -> None:
    """Ask exceptions with a `__str__` of their own for their text; the renderer thread only."""
    one: Raised | None = raised
    while one is not None:
        if one.pending is not None:
            one.text = str(Shown(one.pending, foreign=True, blocked=blocked))
            one.pending = None
        for member in one.members:
            _ask(member, blocked)
        one = one.older


def _readable(value: Any, depth: int = 0) -> Any:
    """Return the row with everything that strict JSON has no word for written as text."""
    if depth > 12:
        return "[too deep]"
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_readable(str(key), depth + 1): _readable(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_readable(item, depth + 1) for item in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, int):
        return value if -(1 << 63) <= value < (1 << 64) else str(value)
    return f"<{name_of(type(value))}>"
