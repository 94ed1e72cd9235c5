"""A real server on a free port of this machine, as `obs up` runs it, over a drawn picture."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from obs.api.app import application
from obs.api.context import Context
from obs.api.listening import listen
from obs.api.serve import server_of

__all__ = ["asked", "connected", "serving"]


@contextmanager
def serving(context: Context) -> Iterator[int]:
    """Serve a context in a thread; gives the port."""
    settings = context.settings.model_copy(update={"port": 0})
    door = listen(settings)
    app = application(context)
    server = server_of(app)
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        await server.serve([door])

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        yield int(door.getsockname()[1])
    finally:
        loops[0].call_soon_threadsafe(app.state.streams.end)
        server.should_exit = True
        thread.join(20)
        door.close()
        assert not thread.is_alive()


def connected(port: int) -> socket.socket:
    """Return an open connection."""
    return socket.create_connection(("127.0.0.1", port), timeout=15)


def asked(port: int, raw: bytes, *, seconds: float = 10.0) -> bytes:
    """Send bytes as they are; return all that comes until the other side ends it."""
    answer = b""
    with connected(port) as own:
        own.settimeout(seconds)
        try:
            own.sendall(raw)
            while piece := own.recv(65_536):
                answer += piece
        except ConnectionError:
            pass
    return answer
