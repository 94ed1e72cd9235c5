"""Channels by Apprise: entries of the secret file become services, and their answers receipts.

Apprise says of a delivery only whether it worked; `hearing` and `answers` find out what is known beyond that.
"""

from __future__ import annotations

import contextvars
import threading
import warnings
from collections.abc import Iterator
from importlib import import_module
from typing import Any
from urllib.parse import quote, urlsplit

from trading.notify.answers import of_error, receipt_of, words_of
from trading.notify.channels import FORMS, Form, Receipt
from trading.notify.hearing import Heard, listen, listened, silence, tap
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
        heard, done = Heard(), list[bool]()
        context = contextvars.copy_context()
        worker = threading.Thread(
            target=context.run, args=(self._post, recipient, title, page, heard, done), daemon=True
        )
        worker.start()
        worker.join(2 * self._timeout_s + 1)
        if worker.is_alive():
            return Receipt("unknown", "timeout", f"no answer within {2 * self._timeout_s:g} s")
        receipt = Receipt("taken") if done == [True] else receipt_of(heard)
        return receipt._replace(detail=struck_out(receipt.detail, self._values))

    def _post(self, recipient: int, title: str, page: str, heard: Heard, done: list[bool]) -> None:
        listen(heard)
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
    silence()
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
    silence()
    import requests
    from apprise.plugins.telegram import NotifyTelegram

    secret = secrets.channels.get(name)
    if not isinstance(secret, TelegramSecret):
        raise SecretError(f"channels.{name}: no channel of Telegram's. Name one of type telegram.")
    with listened():
        try:
            answer = requests.get(
                f"{NotifyTelegram.notify_url}{secret.token}/getUpdates",
                timeout=timeout_s,
                allow_redirects=False,
            )
        except requests.exceptions.RequestException as error:
            receipt = of_error(error)
            raise SecretError(f"channels.{name}: Telegram cannot be asked: {receipt.detail}.") from None
    if answer.status_code != 200:
        said = struck_out(f"{answer.status_code} {words_of(answer)}", secrets.values)
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
    with listened(), warnings.catch_warnings():
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
    tap(type(service).__module__)
    return service


def _notified(service: Any, form: Form, title: str, page: str) -> bool:
    from apprise import NotifyFormat

    if form.write is to_plain and not form.short:
        # Plain text for a service we do not know: Apprise is told what it is, and escapes for the service.
        return bool(service.notify(body=page, title=title, body_format=NotifyFormat.TEXT))
    # Our pages are in the service's own markup, and no format is declared so that Apprise converts nothing.
    return bool(service.notify(body=page, title=title if form.write is to_html else ""))
