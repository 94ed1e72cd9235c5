"""`obs tail`: what the bots say, as they say it.

From the sidecar's stream where it serves one; else from the examples it has stored, looked at twice a second.
It only ever reads from the observer: no bot notices it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from obs.commands.shell import Dir, Zone, chosen, configured, severity, told

if TYPE_CHECKING:
    from obs.web.model import EventRow

__all__ = ["Seen", "tail"]

OVERLAP_MS = 60_000
"""How far back a reader looks into the store when a stream begins anew."""
LOOK_SECONDS = 0.5
PAGE = 500
"""Stored examples asked for at a time."""
REMEMBERED = 20_000
"""Lines that are known to be shown; a restarted sidecar sends a few hundred again."""

Wanted = Callable[["EventRow"], bool]


def tail(
    service: Annotated[str, typer.Option(help="Only this bot.")] = "",
    least: Annotated[str, typer.Option("--severity", help="Only from this severity on, e.g. `warn`.")] = "",
    grep: Annotated[str, typer.Option(help="Only lines in which this regular expression is found.")] = "",
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, help="Lines to show first.")] = 20,
    follow: Annotated[bool, typer.Option(help="Go on with what comes, until Ctrl-C.")] = True,
    form: Annotated[str, typer.Option("--format", help="`text` or `json`, one object a line.")] = "text",
    directory: Dir = None,
    zone: Zone = None,
) -> None:
    """Show what the bots say, newest last, and go on with what comes."""
    with told():
        chosen(form, "--format", "text", "json")
        wanted = _filter(service, least, grep)
        lowest = severity(least)
        settings = configured(dir=directory, timezone=zone).settings
        from obs.commands.lines import Printer
        from obs.commands.stored import newest

        printer = Printer(form, settings.timezone)
        try:
            earlier = partial(newest, settings.dir, PAGE, service=service, least=lowest or 0)
            for rows in _rows(settings.dir, Seen(wanted, lines, earlier), follow=follow):
                printer.print(rows)
        except KeyboardInterrupt:
            raise typer.Exit from None


def _filter(service: str, least: str, grep: str) -> Wanted:
    try:
        pattern = re.compile(grep, re.IGNORECASE) if grep else None
    except re.error as error:
        raise ValueError(f"--grep {grep}: is no regular expression: {error}") from None
    lowest = severity(least)

    def wanted(row: EventRow) -> bool:
        from obs.events import severity_of

        if service and row.service != service:
            return False
        if lowest is not None and severity_of(row.severity) < lowest:
            return False
        return pattern is None or pattern.search("".join(span.text for span in row.text)) is not None

    return wanted


def _rows(directory: Path, seen: Seen, *, follow: bool) -> Iterator[list[EventRow]]:
    """The last lines, then, if wanted, all that comes; from whichever source there is at the moment."""
    from obs import looking
    from obs.commands.remote import stream
    from obs.keeping.presence import running_pid
    from obs.keeping.whereabouts import listening_at

    if running_pid(directory) is None:
        looking.current(directory)  # takes in what is in the spool, and says so when nothing was recorded
        if follow:
            typer.echo("obs: no sidecar is running here: waiting for one (`obs up` starts it)", err=True)
    while True:
        url = listening_at(directory)
        if url:
            yield from seen.pick(stream(url, directory, after=seen.newest, follow=follow))
        elif not seen.is_begun or running_pid(directory) is not None:
            yield from seen.pick([seen.stored()], is_stream=False)
        if not follow:
            return
        time.sleep(LOOK_SECONDS)


class Seen:
    """What was shown already, so that a reader who changes the source reads on and not again."""

    def __init__(self, wanted: Wanted, lines: int, stored: Callable[[], list[EventRow]]) -> None:
        self.newest = 0
        """Number of the newest row of the stream, after which it goes on; the store counts by its own."""
        self.is_begun = False
        self.stored = stored
        """Reads the newest stored examples, oldest first."""
        self._wanted = wanted
        self._lines = lines
        self._ids: dict[tuple[str, int], None] = {}
        self._latest = 0

    def pick(self, batches: Iterable[list[EventRow]], *, is_stream: bool = True) -> Iterator[list[EventRow]]:
        """Give on what is new and wanted; of the first batch the last lines."""
        is_new = True
        for batch in batches:
            if is_stream:
                self.newest = max((row.seq for row in batch), default=self.newest)
            if is_new:
                # What the stream keeps may be all of one kind: the store remembers warnings for longer. And
                # what a sidecar stored and had not yet streamed when it was killed stands in the store alone.
                known = {row.id for row in batch}
                since = self._latest - OVERLAP_MS if self.is_begun else 0
                before = [row for row in self.stored() if row.id not in known and row.at >= since]
                batch = sorted([*before, *batch], key=lambda row: row.at)
                is_new = False
            self._latest = max((row.at for row in batch), default=self._latest)
            # Short ids alone may meet by chance.
            fresh = [row for row in batch if (row.id, row.at) not in self._ids]
            self._ids.update(dict.fromkeys((row.id, row.at) for row in fresh))
            while len(self._ids) > REMEMBERED:
                self._ids.pop(next(iter(self._ids)))
            kept = [row for row in fresh if self._wanted(row)]
            if not self.is_begun:
                kept = kept[max(0, len(kept) - self._lines) :] if self._lines else []
                self.is_begun = True
            if kept:
                yield kept
