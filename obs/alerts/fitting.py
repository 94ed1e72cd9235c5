"""How much a channel takes: a text is made to fit before it is sent, so that no service cuts or refuses it.

An SMS is paid by its segments, and one character outside GSM 03.38 halves what fits into each: there our
texts are spelled without them.

Source: 3GPP TS 23.038 (alphabet, 160 and 153 septets), TS 23.040 9.2.3.24 (70 and 67 UCS-2 characters).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

__all__ = ["CHAT", "Form", "as_sms", "cut", "fit", "segments"]

MOST_SEGMENTS = 3
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWICE = frozenset("^{}\\[~]|€\f")
_SPELLED = str.maketrans(
    {
        "·": "-",
        "×": "x",
        "…": "...",
        "‹": "<",
        "›": ">",
        "→": "->",
        "–": "-",
        "—": "-",
        "−": "-",
        "’": "'",
        "“": '"',
        "”": '"',
        "`": "'",
        "₩": "KRW ",
        "\u00a0": " ",
        "\u202f": " ",
    }
)


class Form(NamedTuple):
    """What a channel takes."""

    limit: int = 32_000
    """Title and text together."""
    is_bytes: bool = False
    """Whether the limit is in bytes of UTF-8; else in UTF-16 units, as chats count."""
    is_sms: bool = False
    """Paid by the segment: one short text without a title."""

    def takes(self, text: str) -> bool:
        """Whether a text fits."""
        if self.is_sms:
            return segments(text) <= MOST_SEGMENTS and len(text) <= self.limit
        size = len(text.encode("utf-8")) if self.is_bytes else len(text.encode("utf-16-le")) // 2
        return size <= self.limit


CHAT = Form()
"""A channel that takes more than we say."""


def segments(text: str) -> int:
    """Return how many SMS a text is sent as."""
    if all(c in _GSM or c in _GSM_TWICE for c in text):
        septets = len(text) + sum(c in _GSM_TWICE for c in text)
        return 1 if septets <= 160 else -(-septets // 153)
    units = len(text.encode("utf-16-le")) // 2
    return 1 if units <= 70 else -(-units // 67)


def as_sms(text: str) -> str:
    """Return a text spelled with what an SMS carries cheaply; what only Unicode can say stays."""
    return text.translate(_SPELLED)


def fit(build: Callable[[int], str], counts: Sequence[int], form: Form) -> str:
    """Return the longest text that fits, cut at its end when even the shortest does not.

    Args:
        build: Makes the text that tells so many things.
        counts: How many may be told, the most first.
        form: What the channel takes.
    """
    text = ""
    for count in counts:
        text = build(count)
        if form.takes(text):
            return text
    return cut(text, form)


def cut(text: str, form: Form) -> str:
    """Return a text that fits, its end replaced by dots when it did not."""
    if form.takes(text):
        return text
    dots = "..." if form.is_sms else "…"
    least, most = 0, len(text)
    while least < most:
        middle = (least + most + 1) // 2
        least, most = (middle, most) if form.takes(text[:middle] + dots) else (least, middle - 1)
    return text[:least].rstrip() + dots
