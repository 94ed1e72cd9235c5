"""structlog and loguru, at the front door: their events with names and values, not as printed text.

Neither library is imported here. Put `structlog_processor` before the renderer; give `loguru_sink` to
`logger.add`, with `format=lambda _: "{message}"` so that loguru does not print the exception as well:

```python
structlog.configure(processors=[..., obs.integrations.structlog_processor,
structlog.processors.JSONRenderer()]) loguru.logger.add(obs.integrations.loguru_sink, format=lambda _:
"{message}", level=0) ```

Where these libraries write on into `logging`, or `logging` into them, the event is delivered by the first
door.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

from obs.handler import capture, use_door
from obs.recording.capture import Capture
from obs.recording.freezing import Snapshot, freeze
from obs.recording.raised import summarise

__all__ = ["loguru_sink", "structlog_processor"]

_METHODS: Final = {
    "trace": 5,
    "debug": 10,
    "info": 20,
    "msg": 20,
    "notice": 20,
    "warn": 30,
    "warning": 30,
    "error": 40,
    "err": 40,
    "exception": 40,
    "critical": 50,
    "fatal": 50,
    "failure": 40,
}
_NOT_ATTRIBUTES: Final = frozenset(
    {
        "event",
        "level",
        "level_number",
        "log_level",
        "logger",
        "logger_name",
        "timestamp",
        "exc_info",
        "exception",
        "stack_info",
        "stack",
        "positional_args",
    }
)


def structlog_processor(logger: Any, method_name: str, event_dict: MutableMapping[str, Any]) -> Any:
    """Deliver the event and return it unchanged; a structlog processor. Never raises, never waits."""
    taken = capture()
    if taken.enabled:
        try:
            _take_structlog(taken, logger, method_name, event_dict)
        except Exception:  # noqa: BLE001  (the observer may never hurt the bot)
            taken.handoff.failed.append((_METHODS.get(method_name, 20), "structlog"))
    return event_dict


def loguru_sink(message: Any) -> None:
    """Deliver one message; a loguru sink. Never raises, never waits."""
    taken = capture()
    if taken.enabled:
        try:
            _take_loguru(taken, message.record)
        except Exception:  # noqa: BLE001  (the observer may never hurt the bot)
            taken.handoff.failed.append((20, "loguru"))


def _take_structlog(
    taken: Capture, logger: Any, method_name: str, event_dict: MutableMapping[str, Any]
) -> None:
    doors = use_door("structlog")
    foreign = event_dict.get("_record")
    if type(foreign) is logging.LogRecord and event_dict.get("_from_structlog") is not True:
        # A plain `logging` record on its way through structlog's formatter: `logging`'s own door has it.
        return
    name, event = event_dict.get("event", ""), event_dict.get("level")
    level = _METHODS.get(method_name) or _METHODS.get(event if type(event) is str else "", 20)
    is_stdlib = isinstance(logger, logging.Logger)
    owner = event_dict.get("logger") or (logger.name if is_stdlib else "")
    owner = owner if type(owner) is str else ""
    if is_stdlib and doors.is_second("structlog", level, name if type(name) is str else "", logger.name):
        return
    item = Snapshot(owner, level, freeze(name), time.time_ns())
    if type(name) is str:
        item.template = name
    item.extras = {
        key: freeze(value)
        for key, value in event_dict.items()
        if key not in _NOT_ATTRIBUTES and not (type(key) is str and key[:1] == "_")
    }
    _add_exception(item, event_dict.get("exc_info"), event_dict.get("exception"))
    stack = event_dict.get("stack")
    item.stack_info = stack if type(stack) is str else None
    thread = threading.current_thread()
    item.thread, item.threadName = thread.ident, thread.name
    taken.handoff.put(item, level)


def _add_exception(item: Snapshot, info: Any, printed: Any) -> None:
    if info is True:
        info = sys.exc_info()
    if type(info) is tuple and len(info) == 3 and isinstance(info[1], BaseException):
        item.exception = summarise(info[1], info[2])
    elif isinstance(info, BaseException):
        item.exception = summarise(info)
    elif type(printed) is str:
        item.printed = printed


def _take_loguru(taken: Capture, record: Mapping[str, Any]) -> None:
    doors = use_door("loguru")
    level = record["level"]
    text = record["message"]
    if doors.is_second("loguru", level.no, text):
        return
    item = Snapshot(record["name"] or "", level.no, text, int(record["time"].timestamp() * 1e9))
    item.severity_text = level.name
    item.extras = {key: freeze(value) for key, value in record["extra"].items()}
    item.pathname, item.lineno = record["file"].path, record["line"]
    item.funcName = record["function"]
    item.thread, item.threadName = record["thread"].id, record["thread"].name
    raised = record["exception"]
    if raised is not None and isinstance(raised.value, BaseException):
        item.exception = summarise(raised.value, raised.traceback)
    taken.handoff.put(item, level.no)
