"""What a channel is: how it wants a message written, and how a page is handed to one of its recipients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol

from trading.notify.markup import escape, to_html, to_plain, to_slack, to_telegram
from trading.notify.message import Message
from trading.notify.splitting import pages_of, utf16

__all__ = ["EMAIL", "FORMS", "OTHER", "SLACK", "SMS", "TELEGRAM", "Channel", "Form", "Receipt", "pages"]


class Form(NamedTuple):
    """How a kind of channel writes."""

    write: Callable[[str], str]
    """Marked text to the channel's own."""
    limit: int
    """The longest page, by `length` of what was written."""
    length: Callable[[str], int] = len
    short: bool = False
    """The message's short text is sent instead of its body, on one page."""


TELEGRAM = Form(to_telegram, 4096, utf16)
"""core.telegram.org/bots/api#sendmessage: 4096 characters after parsing; ours counts the escapes too."""
SLACK = Form(to_slack, 3000)
"""docs.slack.dev/reference/block-kit/blocks/section-block: a section's text has 3000 characters at most."""
EMAIL = Form(to_html, 500_000)
SMS = Form(to_plain, 268, utf16, short=True)
"""Four segments of UCS-2 (67 units each), which Korean needs."""
OTHER = Form(to_plain, 2000)
"""Discord's limit, the least among the usual services."""

FORMS = {"telegram": TELEGRAM, "slack": SLACK, "email": EMAIL, "sms": SMS, "apprise": OTHER}


class Receipt(NamedTuple):
    """What is known after a page was handed over."""

    verdict: Literal["taken", "refused", "again", "unknown"]
    """`refused`: for good; `again`: it certainly did not arrive and may be tried again; `unknown`: the answer
    is missing, so it may have arrived."""
    error_type: str = ""
    """`timeout`, `rate_limit`, `auth`, `invalid` or `server`."""
    detail: str = ""
    """In words, without secrets."""
    wait_s: float | None = None
    """How long the service asked to be left alone."""


class Channel(Protocol):
    """One way to reach the operator."""

    name: str
    form: Form
    recipients: int
    """How many it reaches; each is answered for alone."""

    def deliver(self, recipient: int, title: str, page: str) -> Receipt:
        """Hand one written page to one recipient; never raises for what the service does."""
        ...


def pages(message: Message, form: Form) -> list[str]:
    """Return the message's pages as the form writes them."""
    if form.short:
        text = " ".join((message.short or message.title).split())
        while form.length(text) > form.limit:
            text = text[:-2].rstrip() + "…"
        return [text]
    body = message.body if message.body.strip() else f"*{escape(message.title)}*"
    marked = pages_of(body, form.limit, lambda text: form.length(form.write(text)))
    return [form.write(page) for page in marked]
