"""The socket: where it may listen, and what to say when it cannot."""

from __future__ import annotations

import socket
import sys

from obs.config import Settings

__all__ = ["LOOPBACK", "is_loopback", "listen"]

LOOPBACK = ("127.0.0.1", "localhost", "::1")
WAITING = 1_024
"""Connections that wait to be accepted: a flood of slow ones must not keep others from being heard."""


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine can reach the address."""
    return host in LOOPBACK


def listen(settings: Settings) -> socket.socket:
    """Return the listening socket.

    Raises:
        ValueError: If the address is not ours or the port is taken; the message says the mend.
    """
    if not is_loopback(settings.host):
        raise ValueError(
            f"host = {settings.host!r}: is not loopback: use 127.0.0.1, and a tunnel to look from elsewhere"
        )
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    door = socket.socket(family, socket.SOCK_STREAM)
    if sys.platform != "win32":
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((settings.host, settings.port))
    except OSError as error:
        door.close()
        raise ValueError(
            f"port {settings.port} on {settings.host}: {error.strerror}: "
            "choose another with --port or OBS_PORT, or end the program that holds it"
        ) from None
    door.listen(WAITING)
    return door
