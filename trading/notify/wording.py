"""What delivery itself adds to messages: why one comes late, why by another channel, many as one digest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec

from trading.notify.markup import escape
from trading.notify.message import SEVERITIES, Message

__all__ = ["INTERRUPTED", "by_another", "digest", "gone"]

INTERRUPTED = "the sender ended before the answer came; it is not sent again by itself"

_MOST_IN_FULL = 10


def gone(name: str) -> str:
    """Return how a channel is told that the secret file no longer has."""
    return f"{name}: no longer in the secret file"


def by_another(message: Message, told: Sequence[str]) -> Message:
    """Return the message with a line that says which channels did not take it, and why."""
    reasons = escape("; ".join(told))
    note = (
        f"📮 다른 채널 전송 실패: {reasons}" if message.language == "ko" else f"📮 Not delivered by {reasons}"
    )
    return msgspec.structs.replace(message, body=f"{message.body}\n\n{note}")


def digest(messages: Sequence[Message], made_ns: Sequence[int], zone: ZoneInfo | None = None) -> Message:
    """Return held messages as one: each with the time it was meant for; of many only the titles.

    Args:
        messages: Oldest first.
        made_ns: When each was given, ns.
        zone: The operator's; UTC when absent.
    """
    count, is_korean = len(messages), messages[-1].language == "ko"
    title = f"📦 보류된 알림 {count}건" if is_korean else f"📦 {count} messages held back"
    parts = []
    for message, at in zip(messages, made_ns, strict=True):
        clock = datetime.fromtimestamp(at // 1_000_000_000, tz=UTC).astimezone(zone or UTC)
        head = f"🕒 {clock:%m-%d %H:%M} {escape(message.title)}"
        parts.append(head if count > _MOST_IN_FULL else f"{head}\n\n{message.body}")
    return Message(
        kind="digest",
        key=f"digest:{messages[0].key}:{made_ns[0]}:{count}",
        title=title,
        body="\n".join([f"*{title}*\n", *parts])
        if count > _MOST_IN_FULL
        else "\n\n".join([f"*{title}*", *parts]),
        severity=max((message.severity for message in messages), key=SEVERITIES.index),
        short=f"{title}: " + ", ".join(message.title for message in messages),
        language=messages[-1].language,
    )
