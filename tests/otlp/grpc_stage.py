"""A real gRPC door, and what it has written down."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import grpc  # type: ignore[import-untyped]

from obs.api.tokens import Tokens
from obs.events import Event
from obs.keeping.inbox import Inbox, InboxReader
from obs.otlp.grpc_door import GrpcDoor
from obs.otlp.grpc_library import SERVICES
from obs.otlp.receiving import Receiver

TOKENS = Tokens(control="control-token-of-the-test", read="read-token-of-the-test")


class Said(NamedTuple):
    """What a call came to."""

    code: str
    body: bytes = b""
    details: str = ""
    trailers: Mapping[str, Any] = MappingProxyType({})


class GrpcStage:
    """One door with its inbox."""

    def __init__(self, address: str, inbox: Path) -> None:
        self.address, self._reader = address, InboxReader(inbox)
        self.losses: dict[str, int] = {}
        self._channel = grpc.insecure_channel(
            address.removeprefix("http://"), options=[("grpc.use_local_subchannel_pool", 1)]
        )

    def send(self, signal: str, body: bytes, *, packing: Any = None, **metadata: str) -> Said:
        told = [(key.replace("_", "-"), value) for key, value in metadata.items()]
        method = self._channel.unary_unary(SERVICES[signal])
        try:
            return Said("OK", method(body, timeout=30, compression=packing, metadata=told))
        except grpc.RpcError as error:
            trailers = dict(error.trailing_metadata() or ())
            return Said(error.code().name, b"", str(error.details()), trailers)

    def dawdle(self, signal: str) -> str:
        """Begin a call and send no message; return the code of its end."""
        done = threading.Event()

        def never() -> Iterator[bytes]:
            done.wait(30)
            yield from ()

        try:
            self._channel.stream_unary(SERVICES[signal])(never(), timeout=20)
        except grpc.RpcError as error:
            return str(error.code().name)
        finally:
            done.set()
        return "OK"

    def events(self) -> list[Event]:
        """What has come since the last call."""
        taken = self._reader.poll(1 << 30)
        for reason, count in taken.losses.items():
            self.losses[reason] = self.losses.get(reason, 0) + count
        return taken.events

    def close(self) -> None:
        self._channel.close()


@contextmanager
def staged(
    folder: Path, *, tokens: Tokens = TOKENS, body_seconds: float = 10.0, **bounds: int
) -> Iterator[GrpcStage]:
    """Listen on a free port over an inbox in a folder."""
    inbox = Inbox(folder / "inbox", **bounds)
    door = GrpcDoor("127.0.0.1", 0, body_seconds=body_seconds)
    door.open(Receiver(inbox), tokens)
    stage = GrpcStage(door.address, folder / "inbox")
    try:
        yield stage
    finally:
        stage.close()
        door.close()
        inbox.close()
