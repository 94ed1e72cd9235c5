"""Channels by Apprise: the only module that makes them; what is heard of a delivery is `hearing`'s."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from obs.alerts.fitting import Form, cut
from obs.alerts.hearing import Receipt, begin, hush, receipt_of, tap, too_little

__all__ = ["Channel", "ChannelError", "channel_of", "filled"]

WAIT_SECONDS = 10.0
"""For a connection, and for an answer."""
LEAST_CHAT = 500
"""A service that takes less, and no title, is an SMS's."""
_SECRET = re.compile(r"\$\{(file:)?([^}]+)\}")
_BYTES = {"ntfy": 3_200}
"""ntfy makes a file of a text of more than 4,096 bytes, Apprise of 8,000 with each Korean letter as six."""
_FREQUENT = {
    "discord": ("discord", "NotifyDiscord"),
    "json": ("custom_json", "NotifyJSON"),
    "jsons": ("custom_json", "NotifyJSON"),
    "mailto": ("email.base", "NotifyEmail"),
    "mailtos": ("email.base", "NotifyEmail"),
    "ntfy": ("ntfy", "NotifyNtfy"),
    "ntfys": ("ntfy", "NotifyNtfy"),
    "pover": ("pushover", "NotifyPushover"),
    "slack": ("slack", "NotifySlack"),
    "tgram": ("telegram", "NotifyTelegram"),
    "twilio": ("twilio", "NotifyTwilio"),
    "vonage": ("vonage", "NotifyVonage"),
}
"""Where Apprise has them."""
_NO_MARKUP = str.maketrans("<>@", "‹›＠")
"""Apprise is told that it is plain text, and yet plugins let Telegram's tags, Discord's mentions through."""


class ChannelError(ValueError):
    """A channel that cannot be used; the message never holds its address."""


class Channel:
    """One service that takes messages."""

    def __init__(self, name: str, service: Any, wait_seconds: float) -> None:
        self.name, self._service = name, service
        self.form = _form_of(service)
        self.deadline_seconds = 3 * wait_seconds
        """After so long nobody waits for it any more."""
        self.service = str(getattr(service, "service_name", "") or "")
        """As Apprise names its kind."""

    def __repr__(self) -> str:
        return f"Channel({self.name})"

    def send(self, title: str, text: str, tone: str = "info") -> Receipt:
        """Hand a message over; a service that drips its answer can hold this up for ever.

        Args:
            title: Empty where there is no room for one.
            text: Of the channel's `form`.
            tone: `failure`, `warning`, `success` or `info`: the colour and sign that many services show.
        """
        from apprise import NotifyFormat, NotifyType

        heard = begin()
        if not self.form.is_sms:
            title, text = (words.translate(_NO_MARKUP) for words in (title, text))
        try:
            body, kind = cut(text, self.form), NotifyType(tone)
            if self._service.notify(body=body, title=title, notify_type=kind, body_format=NotifyFormat.TEXT):
                refused = too_little(heard)
                return Receipt("refused", refused) if refused else Receipt("taken")
        except Exception as error:  # noqa: BLE001 - plugins raise what they like, addresses in it
            return Receipt("unknown", f"the service's plugin failed ({type(error).__name__})")
        return receipt_of(heard)


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
        address: As Apprise writes it, with `${NAME}` and `${file:PATH}` as in `filled`.
        environment: Where variables are looked up.
        wait_seconds: For a connection, and for an answer.

    Raises:
        ChannelError: If Apprise is not installed, a variable is not set, or the address is none.
    """
    whole = filled(address, f"alerts.channels.{name}", environment)
    try:
        with warnings.catch_warnings():
            # What Apprise imports is deprecated in places; that is not the reader's to mend.
            warnings.simplefilter("ignore", DeprecationWarning)
            import apprise
    except ImportError:
        raise ChannelError("alerts.channels: need Apprise: pip install 'obs-sidecar[notify]'") from None
    hush()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            service = _alone(whole) or apprise.Apprise.instantiate(whole, suppress_exceptions=True)
    except Exception:  # noqa: BLE001 - plugins raise what they like, and quote the address
        service = None
    if not service:
        raise ChannelError(
            f"alerts.channels.{name}: is no address that Apprise knows: docs/settings.md shows some"
        )
    service.socket_connect_timeout = service.socket_read_timeout = wait_seconds
    # Our own limits keep the pace, and we know better than a plugin when to try again.
    service.request_rate_per_sec = 0
    service.retry = 0
    tap(service)
    return Channel(name, service, wait_seconds)


def filled(text: str, place: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return a text with `${NAME}` replaced by that variable, `${file:PATH}` by what the file says.

    Args:
        text: As the settings have it.
        place: The setting, for the error.
        environment: Where variables are looked up.

    Raises:
        ChannelError: If a variable is not set, or a file cannot be read; never with what stands there.
    """
    return _SECRET.sub(lambda found: _value(found, place, environment), text)


def _alone(address: str) -> Any:
    """Return the service of an address of a frequent kind; None for others.

    Asked for an address, Apprise loads all of its services first: three seconds and 20 MB.
    """
    schema = address.partition("://")[0].lower()
    if schema not in _FREQUENT:
        return None
    module, kind = _FREQUENT[schema]
    plugin = getattr(import_module(f"apprise.plugins.{module}"), kind)
    described = plugin.parse_url(address)
    return plugin(**described) if described else None


def _value(found: re.Match[str], place: str, environment: Mapping[str, str]) -> str:
    name = found[2].strip()
    if found[1]:
        try:
            text = Path(name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is no text"
            raise ChannelError(f"{place}: the file {name} cannot be read: {why}") from None
        if not text:
            raise ChannelError(f"{place}: the file {name} is empty")
        return text
    if not environment.get(name):
        raise ChannelError(f"{place}: the variable {name} is not set")
    return environment[name]


def _form_of(service: Any) -> Form:
    most, title = int(service.body_maxlen), int(service.title_maxlen)
    kinds = {str(kind) for kind in _names(service)}
    for kind, limit in _BYTES.items():
        if kind in kinds:
            return Form(limit=limit, is_bytes=True)
    if title == 0 and most < LEAST_CHAT:
        # What such a service calls its most is one segment; it takes several.
        return Form(limit=max(most, 459), is_sms=True)
    # Room for the title, and for what a service's own escaping adds.
    return Form(limit=max(40, min(32_000, most * 4 // 5 - 130)))


def _names(service: Any) -> tuple[str, ...]:
    found: list[str] = []
    for told in (service.protocol, service.secure_protocol):
        found.extend(told if isinstance(told, tuple | list) else [told] if told else [])
    return tuple(found)
