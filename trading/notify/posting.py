"""The one module that knows Apprise: channels of the secret file become services, their answers receipts.

Apprise says of a delivery only whether it worked, and its log (like urllib3's) quotes addresses that hold
tokens. So while a page is on its way these loggers are silenced and listened to: the exception and the HTTP
answer behind a failure are taken from there, and nothing of it goes anywhere else.
"""

from __future__ import annotations

import contextvars
import json
import logging
import re
import smtplib
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from importlib import import_module
from typing import Any
from urllib.parse import quote, urlsplit

from trading.errors import MissingExtraError
from trading.notify.channels import FORMS, Form, Receipt
from trading.notify.markup import escape, to_html, to_plain
from trading.notify.secret import (
    ChannelSecret,
    EmailSecret,
    OtherSecret,
    SecretError,
    Secrets,
    SlackSecret,
    TelegramSecret,
    TwilioSecret,
    struck_out,
)

__all__ = ["Post", "chats_of", "posts_of"]

_LOUD = ("apprise", "urllib3.connectionpool", "urllib3.util.retry")
"""Loggers whose records hold addresses."""


@dataclass
class _Heard:
    """What a delivery left behind."""

    error: BaseException | None = None
    answer: Any = None
    """The last HTTP response, a `requests.Response`."""
    words: list[str] = field(default_factory=list)
    """Warnings, oldest first."""


_NO_MAIL_YET = "Connection error while submitting email"
"""How Apprise's mail service says that it came no further than the login: nothing was handed over."""

_listening: contextvars.ContextVar[_Heard | None] = contextvars.ContextVar("listening", default=None)


class Post:
    """A channel by Apprise; see `trading.notify.channels.Channel`."""

    def __init__(
        self, name: str, form: Form, services: list[Any], secrets: Secrets, timeout_s: float
    ) -> None:
        self.name = name
        self.form = form
        self.recipients = len(services)
        self._services = services
        self._values = secrets.values
        self._timeout_s = timeout_s

    def __repr__(self) -> str:
        return f"Post({self.name})"

    def deliver(self, recipient: int, title: str, page: str) -> Receipt:
        """Hand a page to one recipient.

        The whole delivery has twice the time of one answer: a server that sends its answer byte by byte must
        not hold up who reports.
        """
        heard, done = _Heard(), list[bool]()
        context = contextvars.copy_context()
        worker = threading.Thread(
            target=context.run, args=(self._post, recipient, title, page, heard, done), daemon=True
        )
        worker.start()
        worker.join(2 * self._timeout_s + 1)
        if worker.is_alive():
            return Receipt("unknown", "timeout", f"no answer within {2 * self._timeout_s:g} s")
        receipt = Receipt("taken") if done == [True] else _receipt(heard)
        return receipt._replace(detail=struck_out(receipt.detail, self._values))

    def _post(self, recipient: int, title: str, page: str, heard: _Heard, done: list[bool]) -> None:
        _listening.set(heard)
        service = self._services[recipient]
        try:
            done.append(_notified(service, self.form, title, page))
        except Exception as error:  # noqa: BLE001 - a service's fault must not stop the others; it is told
            heard.error = error


def posts_of(secrets: Secrets, *, timeout_s: float = 15.0) -> dict[str, Post]:
    """Return the channels of the secret file, in its order.

    Args:
        secrets: What the file says.
        timeout_s: How long to wait for a connection, and for an answer.

    Raises:
        MissingExtraError: If Apprise is not installed.
        SecretError: If Apprise cannot make a service of an entry.
    """
    _silence()
    found = {}
    for name, secret in secrets.channels.items():
        kind = str(secret.__struct_config__.tag)
        services = [_service(name, made, timeout_s) for made in _described(name, secret)]
        form = _fitted(FORMS[kind], services[0]) if kind == "apprise" else FORMS[kind]
        found[name] = Post(name, form, services, secrets, timeout_s)
    return found


def chats_of(secrets: Secrets, name: str, *, timeout_s: float = 15.0) -> dict[int, str]:
    """Return who wrote to a Telegram bot within the last day: chat id to name.

    Source: core.telegram.org/bots/api#getupdates; nothing is confirmed: other readers miss nothing.

    Raises:
        SecretError: If the channel is none of Telegram's, or Telegram does not answer as it should.
    """
    _silence()
    import requests
    from apprise.plugins.telegram import NotifyTelegram

    secret = secrets.channels.get(name)
    if not isinstance(secret, TelegramSecret):
        raise SecretError(f"channels.{name}: no channel of Telegram's. Name one of type telegram.")
    with _listened():
        try:
            answer = requests.get(
                f"{NotifyTelegram.notify_url}{secret.token}/getUpdates",
                timeout=timeout_s,
                allow_redirects=False,
            )
        except requests.exceptions.RequestException as error:
            receipt = _of_error(error)
            raise SecretError(f"channels.{name}: Telegram cannot be asked: {receipt.detail}.") from None
    if answer.status_code != 200:
        said = struck_out(f"{answer.status_code} {_said(answer)}", secrets.values)
        raise SecretError(f"channels.{name}: Telegram says {said}. Look at the token.")
    found = {}
    for update in answer.json().get("result", []):
        for part in update.values():
            if isinstance(part, dict) and isinstance(chat := part.get("chat"), dict) and "id" in chat:
                names = (chat.get(key) for key in ("title", "first_name", "last_name", "username"))
                found[int(chat["id"])] = to_plain(escape(" ".join(str(each) for each in names if each)))
    return found


def _fitted(form: Form, service: Any) -> Form:
    """Return the form for a service that says itself how much it takes; SMS services take little."""
    most = min(form.limit, int(service.body_maxlen))
    return form._replace(limit=most, short=most < 1000)


def _described(name: str, secret: ChannelSecret) -> Iterator[dict[str, Any] | str]:
    match secret:
        case TelegramSecret():
            for chat in _each(secret.chat):
                yield {
                    "schema": "tgram",
                    "bot_token": secret.token,
                    "targets": [chat],
                    "detect_owner": False,
                    "format": "markdown",
                    "mdv": "v2",
                }
        case SlackSecret():
            yield _slack(name, secret)
        case EmailSecret():
            for to in _each(secret.to):
                yield {
                    "schema": "mailto" if secret.security == "none" else "mailtos",
                    # Apprise takes user and password as they stand in a URL, and unquotes them.
                    "host": secret.host,
                    "smtp_host": secret.host,
                    "port": secret.port or {"starttls": 587, "tls": 465, "none": 25}[secret.security],
                    "user": quote(secret.user, safe="") or None,
                    "password": quote(secret.password, safe="") or None,
                    "secure_mode": {"starttls": "starttls", "tls": "ssl", "none": "insecure"}[
                        secret.security
                    ],
                    "secure": secret.security != "none",
                    "from_addr": secret.sender,
                    "targets": [to],
                    "format": "html",
                }
        case TwilioSecret():
            for to in _each(secret.to):
                yield {
                    "schema": "twilio",
                    "account_sid": secret.account,
                    "auth_token": secret.token,
                    "source": secret.sender,
                    "targets": [to],
                }
        case OtherSecret():
            yield secret.url


def _slack(name: str, secret: SlackSecret) -> dict[str, Any]:
    address = urlsplit(secret.webhook)
    parts = address.path.strip("/").split("/")
    if address.scheme != "https" or len(parts) != 4 or parts[0] != "services":
        raise SecretError(
            f"channels.{name}.webhook: no webhook of Slack's. Copy the whole address, "
            "https://hooks.slack.com/services/T…/B…/…"
        )
    return {
        "schema": "slack",
        "token_a": parts[1],
        "token_b": parts[2],
        "token_c": parts[3],
        "use_blocks": True,
        "include_image": False,
        "include_footer": False,
        "format": "markdown",
    }


def _each(targets: str | int | list[str | int] | list[str]) -> list[str]:
    return [str(target) for target in (targets if isinstance(targets, list) else [targets])]


_CLASSES = {
    "tgram": ("telegram", "NotifyTelegram"),
    "slack": ("slack", "NotifySlack"),
    "mailto": ("email.base", "NotifyEmail"),
    "mailtos": ("email.base", "NotifyEmail"),
    "twilio": ("twilio", "NotifyTwilio"),
}
"""Where Apprise has them: asking it for a schema would load all its services first, half a second."""


def _service(name: str, described: dict[str, Any] | str, timeout_s: float) -> Any:
    import apprise

    waits = {"cto": timeout_s, "rto": timeout_s, "redirect": "no"}
    with _listened(), warnings.catch_warnings():
        # What Apprise imports is deprecated in places; that is not the operator's to mend.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            if isinstance(described, str):
                service = apprise.Apprise.instantiate(described, suppress_exceptions=False)
            else:
                module, kind = _CLASSES[described["schema"]]
                service = getattr(import_module(f"apprise.plugins.{module}"), kind)(**described, **waits)
        except Exception:  # noqa: BLE001 - plugins raise what they like, and quote the token in it
            service = None
    if service is None or not getattr(service, "targets", True):
        raise SecretError(
            f"channels.{name}: an entry does not look as it must (token, address, number or URL). "
            "docs/trading.md, Notifications, shows each; copy it anew."
        ) from None
    if isinstance(described, str):
        service.socket_connect_timeout = service.socket_read_timeout = timeout_s
    # The outbox keeps the pace; Apprise's own waits of seconds would only hold up the caller.
    service.request_rate_per_sec = 0
    _tap(type(service).__module__)
    return service


def _notified(service: Any, form: Form, title: str, page: str) -> bool:
    from apprise import NotifyFormat

    if form.write is to_plain and not form.short:
        # Plain text for a service we do not know: Apprise is told what it is, and escapes for the service.
        return bool(service.notify(body=page, title=title, body_format=NotifyFormat.TEXT))
    # Our pages are in the service's own markup, and no format is declared so that Apprise converts nothing.
    return bool(service.notify(body=page, title=title if form.write is to_html else ""))


def _receipt(heard: _Heard) -> Receipt:
    if heard.answer is not None:
        return _of_answer(int(heard.answer.status_code), heard.answer)
    if heard.error is None:
        return Receipt("refused", "invalid", heard.words[-1] if heard.words else "refused without a reason")
    receipt = _of_error(heard.error)
    if receipt.verdict == "unknown" and any(words.startswith(_NO_MAIL_YET) for words in heard.words):
        detail = receipt.detail.replace("the connection broke", "no connection")
        return receipt._replace(verdict="again", detail=detail)
    return receipt


def _of_answer(status: int, answer: Any) -> Receipt:
    said = _said(answer)
    detail = f"{status} {said}".rstrip()
    if status == 429:
        return Receipt("again", "rate_limit", detail, _asked_wait(answer))
    if status >= 500:
        return Receipt("again", "server", detail, _asked_wait(answer))
    # Telegram answers 404 for a token it does not know, Slack 403 and 404 for a webhook that was withdrawn.
    return Receipt("refused", "auth" if status in (401, 403, 404) else "invalid", detail)


def _said(answer: Any) -> str:
    text = str(answer.text)[:2000]
    try:
        body = json.loads(text)
        text = str(next(body[key] for key in ("description", "message", "error") if body.get(key)))
        # Telegram: a group that grew has another id from then on.
        moved = (body.get("parameters") or {}).get("migrate_to_chat_id")
        text += f" (write chat: {moved})" if moved else ""
    except (ValueError, AttributeError, TypeError, StopIteration):
        text = re.sub(r"<[^>]*>", " ", text)
    return " ".join(text.split())[:300]


def _asked_wait(answer: Any) -> float | None:
    """Return the seconds to wait: Telegram's `parameters.retry_after`, else the header `Retry-After`."""
    try:
        return float(answer.json()["parameters"]["retry_after"])
    except (ValueError, KeyError, TypeError):
        pass
    header = str(answer.headers.get("Retry-After", "")).strip()
    if re.fullmatch(r"\d+(\.\d+)?", header):
        return float(header)
    try:
        until, since = parsedate_to_datetime(header), parsedate_to_datetime(answer.headers.get("Date", ""))
        return max(0.0, (until - since).total_seconds())
    except (ValueError, TypeError):
        return None


def _of_error(error: BaseException) -> Receipt:
    import requests

    match error:
        case smtplib.SMTPAuthenticationError():
            return Receipt("refused", "auth", _smtp(error.smtp_code, error.smtp_error))
        case smtplib.SMTPRecipientsRefused():
            code, words = next(iter(error.recipients.values()))
            return _of_code(code, words)
        case smtplib.SMTPResponseException():
            return _of_code(error.smtp_code, error.smtp_error)
        case smtplib.SMTPNotSupportedError():
            return Receipt("refused", "invalid", str(error))
        case smtplib.SMTPServerDisconnected() if "timed out" in str(error):
            return Receipt("unknown", "timeout", "no answer in time")
        case smtplib.SMTPServerDisconnected():
            return Receipt("unknown", "server", "the mail server closed the connection")
        case requests.exceptions.ConnectTimeout():
            return Receipt("again", "timeout", "no connection in time")
        case requests.exceptions.SSLError():
            return Receipt("again", "server", "no secure connection: the certificate is not accepted")
        case requests.exceptions.ConnectionError() if "Max retries exceeded" in str(error):
            return Receipt("again", "server", "no connection (name, route, or nobody listens)")
        case requests.exceptions.Timeout():
            return Receipt("unknown", "timeout", "no answer in time")
        case requests.exceptions.RequestException():
            return Receipt("unknown", "server", "the connection broke before the answer")
        case TimeoutError():
            return Receipt("unknown", "timeout", "no answer in time")
        case OSError():
            return Receipt(
                "unknown", "server", f"the connection broke ({error.strerror or type(error).__name__})"
            )
    return Receipt("refused", "invalid", type(error).__name__)


def _of_code(code: int, words: bytes | str) -> Receipt:
    # RFC 5321, 4.2.1: 4xx is for now, 5xx for good.
    verdict = _smtp(code, words)
    return Receipt("refused", "invalid", verdict) if code >= 500 else Receipt("again", "server", verdict)


def _smtp(code: int, words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return " ".join(f"{code} {text}".split())[:300]


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


def _tap(module: str) -> None:
    plugin = sys.modules[module]
    real = getattr(plugin, "requests", None)
    if real is not None and not isinstance(real, _Tapped):
        plugin.__dict__["requests"] = _Tapped(real)


_EAR = _Ear()


def _silence() -> None:
    try:
        with _listened():
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
def _listened() -> Iterator[_Heard]:
    heard = _Heard()
    token = _listening.set(heard)
    try:
        yield heard
    finally:
        _listening.reset(token)
