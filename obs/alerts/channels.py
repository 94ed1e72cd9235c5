"""Channels by Apprise: the only module that knows it.

Apprise says of a delivery only whether it worked. What it logs besides holds addresses with their secrets: it
is heard here, told apart into what is certain, certain not, or not known, and goes nowhere else.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["Channel", "ChannelError", "Receipt", "channel_of"]

WAIT_SECONDS = 10.0
"""For a connection, and for an answer."""
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_STATUS = re.compile(r"error=(\d{3})\b")
_SMTP = re.compile(r"\((\d{3}), b?['\"]")
_NOT_REACHED = (
    "Max retries exceeded",
    "Connection refused",
    "Name or service not known",
    "Temporary failure in name resolution",
    "No route to host",
    "Network is unreachable",
)
_NO_MARKUP = str.maketrans("<>", "‹›")
"""Apprise is told that it is plain text, and yet its plugin for Telegram lets tags through."""
_heard = threading.local()


class ChannelError(ValueError):
    """A channel that cannot be used; the message never holds its address."""


class Receipt(NamedTuple):
    """What is known of a delivery."""

    verdict: str
    """`taken`, `again` (certainly not taken, for now), `refused` (for good), or `unknown`."""
    why: str = ""
    """In our words alone."""


class Channel:
    """One service that takes messages."""

    def __init__(self, name: str, service: Any, wait_seconds: float) -> None:
        self.name, self._service, self._wait = name, service, wait_seconds

    def __repr__(self) -> str:
        return f"Channel({self.name})"

    def send(self, title: str, text: str) -> Receipt:
        """Hand a message over; returns within about three times the wait, whatever the service does."""
        result: list[Receipt] = []

        def work() -> None:
            result.append(self._sent(title, text))

        # A server that sends its answer byte by byte keeps to every timeout and never ends.
        worker = threading.Thread(target=work, name=f"obs-alert-{self.name}", daemon=True)
        worker.start()
        worker.join(3 * self._wait)
        return result[0] if result else Receipt("unknown", "no answer in time")

    def _sent(self, title: str, text: str) -> Receipt:
        from apprise import NotifyFormat

        _heard.words = []
        title, text = (words.translate(_NO_MARKUP) for words in (title, text))
        try:
            if self._service.notify(body=text, title=title, body_format=NotifyFormat.TEXT):
                return Receipt("taken")
            return _receipt(_heard.words)
        except Exception as error:  # noqa: BLE001 - plugins raise what they like, addresses in it
            return Receipt("unknown", f"the service's plugin failed ({type(error).__name__})")
        finally:
            _heard.words = []


def channel_of(
    name: str,
    address: str,
    *,
    environment: Mapping[str, str] = os.environ,
    wait_seconds: float = WAIT_SECONDS,
) -> Channel:
    """Return a channel.

    Args:
        name: As the settings name it.
        address: As Apprise writes it; `${NAME}` stands for a variable of the environment.
        environment: Where those are looked up.
        wait_seconds: For a connection, and for an answer.

    Raises:
        ChannelError: If Apprise is not installed, a variable is not set, or the address is none.
    """
    filled = _VARIABLE.sub(lambda found: _value(name, found[1], environment), address)
    try:
        with warnings.catch_warnings():
            # What Apprise imports is deprecated in places; that is not the reader's to mend.
            warnings.simplefilter("ignore", DeprecationWarning)
            import apprise
    except ImportError:
        raise ChannelError("alerts.channels: need Apprise: pip install 'obs-sidecar[notify]'") from None
    _hush()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            service = apprise.Apprise.instantiate(filled, suppress_exceptions=True)
    except Exception:  # noqa: BLE001 - plugins raise what they like, and quote the address
        service = None
    finally:
        _heard.words = []
    if not service:
        raise ChannelError(
            f"alerts.channels.{name}: is no address that Apprise knows: docs/settings.md shows some"
        )
    service.socket_connect_timeout = service.socket_read_timeout = wait_seconds
    # Our own limits keep the pace.
    service.request_rate_per_sec = 0
    return Channel(name, service, wait_seconds)


class _Ear(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        words = getattr(_heard, "words", None)
        if words is not None:
            words.append(record.getMessage())


_EAR = _Ear()


def _hush() -> None:
    """Let nothing out of the loggers that quote addresses."""
    for name in ("apprise", "urllib3"):
        logger = logging.getLogger(name)
        logger.propagate = False
        logger.handlers = [_EAR]
    logging.getLogger("apprise").setLevel(logging.DEBUG)


def _value(channel: str, variable: str, environment: Mapping[str, str]) -> str:
    if not environment.get(variable):
        raise ChannelError(f"alerts.channels.{channel}: the variable {variable} is not set")
    return environment[variable]


def _receipt(words: list[str]) -> Receipt:
    said = "\n".join(words)
    if found := _STATUS.search(said):
        status = int(found[1])
        is_passing = status in (408, 425, 429) or status >= 500
        return Receipt("again" if is_passing else "refused", f"HTTP {status}")
    if found := _SMTP.search(said):
        code = int(found[1])
        # RFC 5321, 4.2.1: 4yz is for now, 5yz for good.
        return Receipt("refused" if code >= 500 else "again", f"SMTP {code}")
    if any(text in said for text in _NOT_REACHED):
        return Receipt("again", "no connection")
    if "timed out" in said:
        return Receipt("unknown", "no answer in time")
    if "Exception" in said or "rror occurred" in said or "onnection error" in said:
        return Receipt("unknown", "the connection broke before the answer")
    return Receipt("refused", "the service's plugin refused it")
