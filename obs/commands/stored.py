"""What the history of a directory holds, for commands: opened to read, never made."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from obs.history.queries import EventRow as StoredRow
    from obs.history.queries import History
    from obs.web.model import EventRow

__all__ = ["history", "newest", "shown", "span"]


@contextlib.contextmanager
def history(directory: Path) -> Iterator[History]:
    """Give the history of a directory; what is in the spool is taken in first when no sidecar does.

    Raises:
        ValueError: If nothing was ever recorded there.
    """
    from obs.history.queries import History
    from obs.keeping.presence import running_pid, wait_processed
    from obs.looking import FRESH_SECONDS, current, store_of

    if running_pid(directory) is None:
        current(directory)
    else:
        wait_processed(directory, FRESH_SECONDS)
    found = History(store_of(directory))
    try:
        yield found
    finally:
        found.close()


def newest(directory: Path, limit: int, *, service: str = "", least: int = 0) -> list[EventRow]:
    """Return the newest stored examples of a bot from a severity on, oldest first; none while unreadable."""
    from obs.history.queries import History, HistoryError
    from obs.looking import store_of

    with contextlib.closing(History(store_of(directory))) as found:
        try:
            rows = found.search(limit=limit, service=service or None, least_severity=least)
        except HistoryError:
            return []
    return [shown(row) for row in reversed(rows)]


def shown(row: StoredRow) -> EventRow:
    """Return a stored event as a line to read."""
    import msgspec

    from obs.api.tail import Line, row_of

    line = Line(
        id=row.id,
        at=row.time // 1_000_000,
        severity=row.severity.name,
        service=row.service,
        component=row.component,
        text=row.body,
        event_name=row.event_name,
        issue=f"I-{row.fingerprint[:6]}" if row.fingerprint else "",
    )
    return msgspec.structs.replace(row_of(line, row.seq), trace=row.trace)


def span(since: str, until: str) -> tuple[int | None, int | None]:
    """Return the Unix ns that two options mean; None where one is empty.

    Raises:
        ValueError: If one is no time, or the end is before the beginning.
    """
    import time

    from obs.looking import since_ns

    now = time.time_ns()
    first, last = (
        since_ns(text, now, option=option) if text else None
        for text, option in ((since, "--since"), (until, "--until"))
    )
    if first is not None and last is not None and last <= first:
        raise ValueError(f"--since {since} --until {until}: ends before it begins: swap them")
    return first, last
