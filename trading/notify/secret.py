"""The file with the channels and their tokens: YAML that its owner alone can read, `${NAME}` filled in.

No error of this module says what a value is, only where it stands. The values themselves are handed on with
`Secrets.values`, so that whoever reports a failure can strike them out.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from trading.errors import MissingExtraError, TradingError

__all__ = [
    "ChannelSecret",
    "EmailSecret",
    "OtherSecret",
    "SecretError",
    "Secrets",
    "SlackSecret",
    "TelegramSecret",
    "TwilioSecret",
    "read_secrets",
    "struck_out",
]


class SecretError(TradingError):
    """The secret file cannot be used; the message names the place and the mend, never a value."""


class _Hidden(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="type"):
    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


class TelegramSecret(_Hidden, frozen=True, tag="telegram"):
    """A bot and the chats it writes to."""

    token: str
    """What @BotFather gave: `123456789:AA…`."""
    chat: str | int | list[str | int]
    """Id of a person, group or channel, or `@name` of a public channel; a topic of a group as `id:topic`."""


class SlackSecret(_Hidden, frozen=True, tag="slack"):
    """An incoming webhook; Slack ties it to one channel."""

    webhook: str
    """`https://hooks.slack.com/services/T…/B…/…`."""


class EmailSecret(_Hidden, frozen=True, tag="email"):
    """A mail server and who writes to whom."""

    host: str
    to: str | list[str]
    sender: str = msgspec.field(name="from")
    security: Literal["starttls", "tls", "none"] = "starttls"
    """`tls`: from the first byte (port 465); `none`: only for a server of your own on this machine."""
    port: int = 0
    """0: the usual one, 587, 465 or 25."""
    user: str = ""
    password: str = ""


class TwilioSecret(_Hidden, frozen=True, tag="sms"):
    """SMS by Twilio."""

    account: str
    """`AC…`."""
    token: str
    sender: str = msgspec.field(name="from")
    """A number of yours at Twilio, with its country: `+15551234567`."""
    to: str | list[str]


class OtherSecret(_Hidden, frozen=True, tag="apprise"):
    """Any other service, by its Apprise URL."""

    url: str


ChannelSecret = TelegramSecret | SlackSecret | EmailSecret | TwilioSecret | OtherSecret

_PUBLIC = frozenset({"type", "host", "port", "security", "from", "to", "chat", "user"})
"""Entries that are no secret: a failure may name the mail server and who refused."""

_TYPES = ("telegram", "slack", "email", "sms", "apprise")


class Secrets(msgspec.Struct, frozen=True):
    """What the file says."""

    channels: Mapping[str, ChannelSecret]
    """Name to channel, in the file's order."""
    values: tuple[str, ...]
    """Every text of the file that may be secret, longest first."""

    def __repr__(self) -> str:
        return f"Secrets({', '.join(self.channels)})"


def read_secrets(path: Path, environment: Mapping[str, str] | None = None) -> Secrets:
    """Return the channels of the file.

    Raises:
        SecretError: If the file is missing, others may read it, it is no YAML, a variable is not set, or an
            entry is unknown, missing or of the wrong type.
        MissingExtraError: If PyYAML is not installed.
    """
    tree = _parsed(path, _guarded(path))
    if not isinstance(tree, dict) or not isinstance(tree.get("channels"), dict) or not tree["channels"]:
        raise SecretError(
            f"{path}: no channels. Write at least one under `channels:` (docs/trading.md, Notifications)."
        )
    environment = os.environ if environment is None else environment
    channels: dict[str, ChannelSecret] = {}
    values: set[str] = set()
    for name, entry in tree["channels"].items():
        place = f"{path}: channels.{name}"
        if not isinstance(entry, dict):
            raise SecretError(f"{place} has no entries. Give it a `type:` and what that type needs.")
        filled = {key: _filled(value, environment, f"{place}.{key}") for key, value in entry.items()}
        filled.setdefault("type", name if name in _TYPES else None)
        values |= {text for key, value in filled.items() if key not in _PUBLIC for text in _texts(value)}
        channels[str(name)] = _channel(filled, place)
    return Secrets(channels, tuple(sorted(values, key=len, reverse=True)))


def struck_out(text: str, values: tuple[str, ...]) -> str:
    """Return text in which no secret value stands any more, quoted for a URL or not."""
    from urllib.parse import quote, quote_plus

    for value in values:
        for form in {value, quote(value, safe=""), quote(value), quote_plus(value)}:
            text = text.replace(form, "***")
    # A token of Telegram's that stands in no file (a mistyped one that the server repeats) is struck out too.
    return re.sub(r"\b\d{6,}:[A-Za-z0-9_-]{20,}", "***", text)


def _guarded(path: Path) -> str:
    try:
        about = path.stat()
        if os.name == "posix" and about.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise SecretError(
                f"{path}: others may read it (mode {stat.S_IMODE(about.st_mode):o}). chmod 600 {path}"
            )
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SecretError(
            f"{path}: no such file. Write one as docs/trading.md shows, then: chmod 600 {path}"
        ) from None
    except UnicodeDecodeError:
        raise SecretError(f"{path}: no UTF-8 text. Save it as UTF-8.") from None
    except OSError as error:
        raise SecretError(f"{path}: cannot be read ({error.strerror}).") from None


def _parsed(path: Path, text: str) -> Any:
    try:
        import yaml
    except ImportError:
        raise MissingExtraError("Reading the channels", "notify") from None
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # The parser's own words quote the line, and with it the token.
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise SecretError(
            f"{path}{place}: no YAML. Look at indents, colons and quotes there; quote values with : or #."
        ) from None


def _filled(value: object, environment: Mapping[str, str], place: str) -> Any:
    if isinstance(value, list):
        return [_filled(item, environment, place) for item in value]
    if not isinstance(value, str):
        return value

    def variable(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        if match[1] not in environment:
            raise SecretError(
                f"{place}: ${{{match[1]}}} is not set. export {match[1]}=…, or write the value."
            )
        return environment[match[1]]

    return re.sub(r"\$\$(?=\{)|\$\{(\w+)\}", variable, value)


def _texts(value: object) -> Iterator[str]:
    for item in _each(value):
        # Short texts (a port, `tls`) would strike out innocent words.
        if isinstance(item, str) and len(item) >= 6:
            yield item
            # An address carries its secrets in its parts; `services` or a host's name is none of them.
            parts = re.split(r"[/:@?&=]+", item) if "://" in item else [item.partition(":")[2]]
            yield from (part for part in parts if len(part) >= 8 and re.search(r"[A-Z0-9]", part))


def _each(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _channel(filled: dict[str, Any], place: str) -> ChannelSecret:
    if filled["type"] not in _TYPES:
        raise SecretError(f"{place}.type: unknown. Write one of {', '.join(_TYPES)}.")
    try:
        channel: ChannelSecret = msgspec.convert(filled, ChannelSecret)
    except msgspec.ValidationError as error:
        words = str(error).partition(" - at `$")
        # A token in the wrong line is quoted too.
        said = (str(item) for key, value in filled.items() if key != "type" for item in _each(value))
        everything = tuple(text for text in said if len(text) > 3)
        at = words[2].rstrip("`")
        raise SecretError(f"{place}{at}: {struck_out(words[0], everything)}.") from None
    return channel
