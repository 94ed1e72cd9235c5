"""A real server that takes OpenTelemetry in, and what it has written down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from obs.api.board import Board
from obs.api.context import Context
from obs.config import Settings
from obs.events import Event
from obs.keeping.inbox import Inbox, InboxReader
from obs.otlp.receiving import Receiver
from obs.snapshot import Snapshot
from tests.api.running import serving

PROTOBUF = "application/x-protobuf"


class Stage:
    """One server with its inbox."""

    def __init__(self, port: int, inbox: Path) -> None:
        self.port, self._reader = port, InboxReader(inbox)
        self.losses: dict[str, int] = {}

    def url(self, signal: str) -> str:
        return f"http://127.0.0.1:{self.port}/v1/{signal}"

    def post(self, signal: str, body: bytes, kind: str = PROTOBUF, **headers: str) -> httpx2.Response:
        return httpx2.post(self.url(signal), content=body, headers={"Content-Type": kind, **headers})

    def events(self) -> list[Event]:
        """What has come since the last call."""
        taken = self._reader.poll(1 << 30)
        for reason, count in taken.losses.items():
            self.losses[reason] = self.losses.get(reason, 0) + count
        return taken.events


@contextmanager
def staged(folder: Path, **bounds: int) -> Iterator[Stage]:
    """Serve on a free port over an inbox in a folder."""
    settings = Settings.model_validate({"dir": folder / ".obs"})
    inbox = Inbox(folder / "inbox", **bounds)
    context = Context(
        settings=settings,
        board=Board(Snapshot(taken_at=1, live=True)),
        receiver=Receiver(inbox),
    )
    with serving(context) as port:
        yield Stage(port, folder / "inbox")
    inbox.close()
