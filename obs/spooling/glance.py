"""What one look at a line of the spool shows: its number and time, and whether it needs a second look.

Most lines only count. Their attributes are stepped over, not built; what is wanted of them is decided here.
"""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["NOTHING_TOLD", "TELLING", "Glance", "Told", "glance_at"]

TELLING = ("error", "err", "exception", "reason", "detail", "cause")
"""Attributes whose text the rules read beside the message."""

Told: Any = msgspec.defstruct(
    "Told",
    [
        ("component", Any, None),
        ("service", Any, msgspec.field(name="service.name", default=None)),
        ("bot", Any, msgspec.field(name="bot.id", default=None)),
        ("uid", Any, msgspec.field(name="log.record.uid", default=None)),
        *(
            (f"told_{index}", Any, msgspec.field(name=name, default=None))
            for index, name in enumerate(TELLING)
        ),
    ],
    gc=False,
)
"""The attributes that change what a record without an event name means: whose it is, and what went wrong."""

NOTHING_TOLD = Told()


class Glance(msgspec.Struct, gc=False):
    """The fields that every line is read for; whatever else it holds is not looked at."""

    seq: int
    timestamp: int | float | str | None = None
    severity: Any = None
    severity_text: Any = None
    logger: Any = None
    body: Any = None
    event_name: Any = None
    observed_timestamp: Any = None
    exception: msgspec.Raw = msgspec.Raw()
    resource: msgspec.Raw = msgspec.Raw()
    attributes: Told | list[Any] | str | int | float | bool | None = None


glance_at = msgspec.json.Decoder(Glance).decode
"""Read a line; raises `msgspec.DecodeError` when it is no JSON object with a number."""
