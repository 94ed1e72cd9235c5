"""What a delivery by Apprise left behind: the answer or the error behind its yes or no.

Apprise's own log, like urllib3's, quotes addresses with their secrets: those loggers are heard here while a
message is on its way, and let nothing out.
"""

from __future__ import annotations

import contextvars
import json
import logging
import re
import smtplib
import sys
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

__all__ = ["Heard", "Receipt", "begin", "hush", "receipt_of", "tap", "too_little"]

MOST_WAIT_SECONDS = 3600.0
"""Longer than this nobody is let wait, whatever a service asks for."""
_METHODS = frozenset({"get", "post", "put", "patch", "delete", "request"})
_NO_MAIL_YET = "Connection error while submitting email"
"""How Apprise's mail service says that nothing was handed over yet."""


class Receipt(NamedTuple):
    """What is known of a delivery."""

    verdict: str
    """`taken`, `again` (certainly not taken, for now), `refused` (for good), or `unknown`."""
    why: str = ""
    """In our words alone."""
    wait_seconds: float = 0.0
    """How long the service asks to be left alone."""
    is_partly: bool = False
    """Whether some of several recipients may have it."""


@dataclass
class Heard:
    """What was heard."""

    answers: list[Any] = field(default_factory=list)
    """HTTP responses, oldest first."""
    error: BaseException | None = None
    words: list[str] = field(default_factory=list)
    """Of Apprise's log; may hold secrets, and stays here."""


_listening: contextvars.ContextVar[Heard | None] = contextvars.ContextVar("obs_alerts_heard", default=None)


def begin() -> Heard:
    """Let what this thread does from now on be heard."""
    heard = Heard()
    _listening.set(heard)
    return heard


class _Ear(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        heard = _listening.get()
        if heard is None or record.name != "apprise":
            return
        error = sys.exc_info()[1]
        heard.error = error if isinstance(error, OSError) else heard.error
        heard.words.append(record.getMessage())


_EAR = _Ear()


def hush() -> None:
    """Let nothing out of the loggers that quote addresses."""
    for name in ("apprise", "urllib3"):
        logger = logging.getLogger(name)
        logger.propagate = False
        logger.handlers = [_EAR]
    logging.getLogger("apprise").setLevel(logging.DEBUG)


class _Tapped:
    """The module `requests` as a plugin sees it: the same, but what is answered is heard."""

    def __init__(self, requests: Any) -> None:
        self._requests = requests

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._requests, name)
        return _heard_by(found) if name in _METHODS else found


def _heard_by(call: Any) -> Any:
    def heard_call(*args: Any, **kwargs: Any) -> Any:
        answer = call(*args, **kwargs)
        if (heard := _listening.get()) is not None:
            heard.answers.append(answer)
        return answer

    return heard_call


def tap(service: Any) -> None:
    """Let the answers be heard that a service of Apprise's gets."""
    plugin = sys.modules[type(service).__module__]
    requests = getattr(plugin, "requests", None)
    if requests is not None and not isinstance(requests, _Tapped):
        plugin.__dict__["requests"] = _Tapped(requests)


def too_little(heard: Heard) -> str:
    """Return what speaks against a delivery that Apprise calls successful; empty for nothing.

    Some services refuse with status 200: Vonage says so for each part (developer.vonage.com/en/api/sms).
    """
    said = _body(heard.answers[-1]) if heard.answers else {}
    parts = said.get("messages")
    if isinstance(parts, list):
        bad = [part for part in parts if isinstance(part, dict) and str(part.get("status", "0")) != "0"]
        if bad:
            return f"the service refused it with status {re.sub('[^0-9]', '', str(bad[0]['status']))[:4]}"
    return "the service answered that it is not ok" if said.get("ok") is False else ""


def receipt_of(heard: Heard) -> Receipt:
    """Return the receipt of a delivery that Apprise calls failed."""
    refused = [answer for answer in heard.answers if answer.status_code >= 300]
    is_partly = 0 < len(refused) < len(heard.answers) or bool(heard.error and heard.answers)
    return _whole(heard, refused or heard.answers)._replace(is_partly=is_partly)


def _whole(heard: Heard, answers: list[Any]) -> Receipt:
    if isinstance(heard.error, smtplib.SMTPException):
        return _of_smtp(heard.error, heard.words)
    if heard.error is not None:
        return _of_error(heard.error, heard.words)
    if answers:
        return _of_answer(answers[-1])
    return Receipt("refused", "the service's plugin refused it")


def _of_answer(answer: Any) -> Receipt:
    status = int(answer.status_code)
    if status in (408, 425, 429) or status >= 500:
        return Receipt("again", f"HTTP {status}", _asked_wait(answer))
    said = _body(answer).get("error")
    # Slack's bot interface refuses with 200 and a word; only words of that form are repeated.
    if status == 200 and isinstance(said, str) and re.fullmatch(r"[a-z_]{3,40}", said):
        is_passing = said in (
            "ratelimited",
            "rate_limited",
            "internal_error",
            "fatal_error",
            "service_unavailable",
        )
        return Receipt("again" if is_passing else "refused", said, _asked_wait(answer))
    return Receipt("refused", f"HTTP {status}")


def _asked_wait(answer: Any) -> float:
    """Return the seconds a service asks for: `Retry-After`, or what Telegram and Discord say in the body."""
    body = _body(answer)
    inner = body.get("parameters")
    for value in (
        answer.headers.get("Retry-After"),
        inner.get("retry_after") if isinstance(inner, dict) else None,
        body.get("retry_after"),
    ):
        seconds = _seconds(value, answer.headers.get("Date"))
        if seconds > 0:
            return min(seconds, MOST_WAIT_SECONDS)
    return 0.0


def _seconds(value: object, date: object) -> float:
    text = str(value or "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", text):
        return float(text)
    try:
        # By the server's own clock: ours may differ.
        return (parsedate_to_datetime(text) - parsedate_to_datetime(str(date))).total_seconds()
    except (ValueError, TypeError, IndexError):
        return 0.0


def _body(answer: Any) -> dict[str, Any]:
    try:
        said = json.loads(answer.content[:65_536])
    except (ValueError, TypeError):
        return {}
    return said if isinstance(said, dict) else {}


def _of_smtp(error: smtplib.SMTPException, words: list[str]) -> Receipt:
    match error:
        case smtplib.SMTPRecipientsRefused():
            code = min((int(refused[0]) for refused in error.recipients.values()), default=550)
        case smtplib.SMTPResponseException():
            code = int(error.smtp_code)
        case smtplib.SMTPServerDisconnected():
            return _not_known(error, words)
        case _:
            return Receipt("refused", f"the mail server cannot do it ({type(error).__name__})")
    # RFC 5321, 4.2.1: 4yz is for now, 5yz for good.
    return Receipt("refused" if code >= 500 else "again", f"SMTP {code}")


def _of_error(error: BaseException, words: list[str]) -> Receipt:
    from requests import exceptions

    match error:
        case exceptions.ConnectTimeout():
            return Receipt("again", "no connection in time")
        case exceptions.SSLError():
            return Receipt("again", "its certificate is not accepted")
        case exceptions.ProxyError():
            return Receipt("again", "the proxy gives no connection")
        case exceptions.ConnectionError() if "Max retries exceeded" in str(error):
            return Receipt("again", "no connection")
        case exceptions.RequestException() if not isinstance(
            error, exceptions.Timeout | exceptions.ConnectionError | exceptions.ChunkedEncodingError
        ):
            return Receipt("refused", f"the address cannot be used ({type(error).__name__})")
        case ConnectionRefusedError():
            return Receipt("again", "no connection")
    return _not_known(error, words)


def _not_known(error: BaseException, words: list[str]) -> Receipt:
    if any(said.startswith(_NO_MAIL_YET) for said in words):
        return Receipt("again", "no connection")
    is_late = isinstance(error, TimeoutError) or "timed out" in str(error)
    return Receipt("unknown", "no answer in time" if is_late else "the connection broke before the answer")
