"""What a delivery by Apprise left behind, and the silence around it.

Apprise's log, like urllib3's, quotes addresses that hold tokens. While a page is on its way these loggers are
listened to instead of heard by anybody: the exception and the HTTP answer behind a failure are taken from
there, and nothing of it goes anywhere else.
"""

from __future__ import annotations

import contextvars
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from trading.errors import MissingExtraError

__all__ = ["NO_MAIL_YET", "Heard", "listen", "listened", "silence", "tap"]

_LOUD = ("apprise", "urllib3.connectionpool", "urllib3.util.retry")
"""Loggers whose records hold addresses."""


@dataclass
class Heard:
    """What a delivery left behind."""

    error: BaseException | None = None
    answer: Any = None
    """The last HTTP response, a `requests.Response`."""
    words: list[str] = field(default_factory=list)
    """Warnings, oldest first."""


NO_MAIL_YET = "Connection error while submitting email"
"""How Apprise's mail service says that it came no further than the login: nothing was handed over."""

_listening: contextvars.ContextVar[Heard | None] = contextvars.ContextVar("listening", default=None)


def listen(heard: Heard) -> None:
    """Let what this context does from now on be heard."""
    _listening.set(heard)


class _Ear(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        heard = _listening.get()
        if heard is None:
            # Apprise is ours alone in this process; urllib3 serves others too, whose records pass.
            return not record.name.startswith("apprise")
        if record.name == "apprise":
            error = sys.exc_info()[1]
            # Others (an answer that is no JSON) say nothing about the delivery.
            heard.error = error if isinstance(error, OSError) else heard.error
            if record.levelno >= logging.WARNING:
                heard.words.append(record.getMessage())
        return False


class _Tapped:
    """Stands for the module `requests` within a plugin of Apprise's: the same, but its answers are heard."""

    def __init__(self, requests: Any) -> None:
        self._requests = requests

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._requests, name)
        if name not in ("get", "post", "put", "patch", "delete", "request"):
            return found

        def heard_call(*args: Any, **kwargs: Any) -> Any:
            answer = found(*args, **kwargs)
            if (heard := _listening.get()) is not None:
                heard.answer = answer
            return answer

        return heard_call


def tap(module: str) -> None:
    """Let the HTTP answers be heard that a module of Apprise's gets."""
    plugin = sys.modules[module]
    real = getattr(plugin, "requests", None)
    if real is not None and not isinstance(real, _Tapped):
        plugin.__dict__["requests"] = _Tapped(real)


_EAR = _Ear()


def silence() -> None:
    """Load Apprise, and let nothing out of its loggers any more.

    Raises:
        MissingExtraError: If it is not installed.
    """
    try:
        with listened():
            import apprise  # noqa: F401 - its logger must exist before it is silenced
    except ImportError:
        raise MissingExtraError("Sending messages", "notify") from None
    for name in _LOUD:
        logger = logging.getLogger(name)
        if _EAR not in logger.filters:
            logger.addFilter(_EAR)
    # Its exceptions are told at DEBUG only; the filter lets nothing out.
    logging.getLogger("apprise").setLevel(logging.DEBUG)


@contextmanager
def listened() -> Iterator[Heard]:
    """Hear what happens within the block."""
    heard = Heard()
    token = _listening.set(heard)
    try:
        yield heard
    finally:
        _listening.reset(token)
