"""The sidecar's own log: what it did and what kept it from working, as JSON lines on standard error.

It never goes through `logging`: the observer cannot listen to itself. Only here is structlog imported.
"""

from __future__ import annotations

import contextlib
import sys

import structlog

__all__ = ["Journal", "journal"]

Journal = structlog.typing.FilteringBoundLogger


class _StandardError:
    """Where lines end: what is standard error now; one that is closed or absent stops nobody."""

    def write(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()

    info = warning = error = critical = write


def journal(name: str) -> Journal:
    """Return the journal of a part of the sidecar; its lines carry time, level, event and `part`."""
    return structlog.wrap_logger(  # type: ignore[no-any-return]
        _StandardError(),
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(default=str),
        ],
        part=name,
    )
